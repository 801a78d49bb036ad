//! SeaORM over a pool of sqlx.

use field::{Contender, Fault, User};
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseConnection, Set, SqlxSqliteConnector, TransactionTrait as _};
use sqlx::SqlitePool;

mod users {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub email: String,
        pub age: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub struct Orm(DatabaseConnection);

impl Orm {
    pub fn over(pool: SqlitePool) -> Orm {
        Orm(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
    }

    pub async fn insert(&self, rows: &[User]) -> Result<usize, Fault> {
        let model = |user: &User| users::ActiveModel {
            id: Set(user.id),
            name: Set(user.name.clone()),
            email: Set(user.email.clone()),
            age: Set(user.age),
        };
        let transaction = self.0.begin().await?;
        let insert = users::Entity::insert_many(rows.iter().map(model));
        let inserted = insert.exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(inserted as usize)
    }
}

impl Contender for Orm {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        let found = users::Entity::find_by_id(id).one(&self.0).await?;
        let users::Model { id, name, email, age } = found.ok_or("the row is not there")?;
        Ok(User { id, name, email, age })
    }
}
