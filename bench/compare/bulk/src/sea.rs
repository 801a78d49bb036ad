//! SeaORM's own way: rows in one INSERT, as many as its parameters allow, in one transaction.

use std::time::Instant;

use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseConnection, Set, TransactionTrait as _};

use crate::row::Call;
use crate::{Fault, Times};

/// Five parameters a row, of 65,535.
const ROWS: usize = 10_000;

mod called {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sea")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub model: String,
        pub prompt: Option<String>,
        pub tokens: Option<i64>,
        pub cost: Option<f64>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn model(call: &Call) -> called::ActiveModel {
    called::ActiveModel {
        id: Set(call.id),
        model: Set(call.model.clone()),
        prompt: Set(Some(call.prompt.clone())),
        tokens: Set(Some(call.tokens)),
        cost: Set(Some(call.cost)),
    }
}

pub async fn insert(
    db: &DatabaseConnection,
    many: &[Call],
    times: &mut Times,
) -> Result<(), Fault> {
    let began = Instant::now();
    let transaction = db.begin().await?;
    let mut inserted = 0;
    for part in many.chunks(ROWS) {
        let insert = called::Entity::insert_many(part.iter().map(model));
        inserted += insert.exec_without_returning(&transaction).await?;
    }
    transaction.commit().await?;
    times.add("sea-orm, many rows in one INSERT", many.len(), began.elapsed());
    if inserted == many.len() as u64 { Ok(()) } else { Err("sea-orm has lost rows".into()) }
}
