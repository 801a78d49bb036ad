//! Those that are measured: each reads one row by its key and decodes it into the same struct.

use std::sync::Arc;

use forebay::Db;
use serde::Deserialize;

use crate::place::{CONNECTIONS, Fault, Place};

const POINT: &str = "SELECT id, name, email, age FROM users WHERE id = $1";
const RANGE: &str = "SELECT id, name, email, age FROM users WHERE id BETWEEN $1 AND $2";
const WRITE: &str = "UPDATE users SET age = age + 1 WHERE id = $1";

/// Rows of a long answer.
const LONG: i32 = 10_001;

#[derive(Debug, Deserialize, PartialEq)]
pub struct User {
    pub id: i32,
    pub name: String,
    pub email: String,
    pub age: i32,
}

pub trait Contender: Clone + Send + Sync + 'static {
    fn point(&self, id: i32) -> impl Future<Output = Result<User, Fault>> + Send;
    /// Reads a long answer that begins at `id`, and counts its rows.
    fn range(&self, id: i32) -> impl Future<Output = Result<usize, Fault>> + Send;
    fn write(&self, id: i32) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Forebay, answers from the cache where they are exact.
#[derive(Clone)]
pub struct Cached(pub Db);

/// Forebay, each read at the server.
#[derive(Clone)]
pub struct Past(pub Db);

#[derive(Clone)]
pub struct Bare(Arc<Statements>);

struct Statements {
    client: tokio_postgres::Client,
    point: tokio_postgres::Statement,
    range: tokio_postgres::Statement,
    write: tokio_postgres::Statement,
}

#[derive(Clone)]
pub struct Deadpool(deadpool_postgres::Pool);

#[derive(Clone)]
pub struct Sqlx(sqlx::PgPool);

impl Contender for Cached {
    async fn point(&self, id: i32) -> Result<User, Fault> {
        Ok(self.0.query(POINT).bind(id).one().await?)
    }

    async fn range(&self, id: i32) -> Result<usize, Fault> {
        Ok(self.0.query(RANGE).bind(id).bind(id + LONG - 1).shared::<User>().await?.len())
    }

    async fn write(&self, id: i32) -> Result<(), Fault> {
        self.0.execute(WRITE).bind(id).await?;
        Ok(())
    }
}

impl Contender for Past {
    async fn point(&self, id: i32) -> Result<User, Fault> {
        Ok(self.0.query(POINT).bind(id).no_cache().one().await?)
    }

    async fn range(&self, id: i32) -> Result<usize, Fault> {
        let query = self.0.query(RANGE).bind(id).bind(id + LONG - 1).no_cache();
        Ok(query.all::<User>().await?.len())
    }

    async fn write(&self, id: i32) -> Result<(), Fault> {
        self.0.execute(WRITE).bind(id).await?;
        Ok(())
    }
}

impl Bare {
    pub async fn new(place: &Place) -> Result<Bare, Fault> {
        let (client, connection) =
            tokio_postgres::connect(&place.url(), tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let point = client.prepare(POINT).await?;
        let range = client.prepare(RANGE).await?;
        let write = client.prepare(WRITE).await?;
        Ok(Bare(Arc::new(Statements { client, point, range, write })))
    }
}

impl Contender for Bare {
    async fn point(&self, id: i32) -> Result<User, Fault> {
        Ok(user(&self.0.client.query_one(&self.0.point, &[&id]).await?))
    }

    async fn range(&self, id: i32) -> Result<usize, Fault> {
        let rows = self.0.client.query(&self.0.range, &[&id, &(id + LONG - 1)]).await?;
        let users: Vec<User> = rows.iter().map(user).collect();
        Ok(std::hint::black_box(users).len())
    }

    async fn write(&self, id: i32) -> Result<(), Fault> {
        self.0.client.execute(&self.0.write, &[&id]).await?;
        Ok(())
    }
}

impl Deadpool {
    pub fn new(place: &Place) -> Result<Deadpool, Fault> {
        let config = deadpool_postgres::Config {
            url: Some(place.url()),
            pool: Some(deadpool_postgres::PoolConfig::new(CONNECTIONS)),
            ..Default::default()
        };
        let runtime = Some(deadpool_postgres::Runtime::Tokio1);
        Ok(Deadpool(config.create_pool(runtime, tokio_postgres::NoTls)?))
    }
}

impl Contender for Deadpool {
    async fn point(&self, id: i32) -> Result<User, Fault> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(POINT).await?;
        Ok(user(&client.query_one(&statement, &[&id]).await?))
    }

    async fn range(&self, id: i32) -> Result<usize, Fault> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(RANGE).await?;
        let rows = client.query(&statement, &[&id, &(id + LONG - 1)]).await?;
        Ok(rows.iter().map(user).count())
    }

    async fn write(&self, id: i32) -> Result<(), Fault> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(WRITE).await?;
        client.execute(&statement, &[&id]).await?;
        Ok(())
    }
}

fn user(row: &tokio_postgres::Row) -> User {
    User { id: row.get(0), name: row.get(1), email: row.get(2), age: row.get(3) }
}

impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for User {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<User, sqlx::Error> {
        use sqlx::Row as _;
        let (id, name) = (row.try_get(0)?, row.try_get(1)?);
        Ok(User { id, name, email: row.try_get(2)?, age: row.try_get(3)? })
    }
}

impl Sqlx {
    pub async fn new(place: &Place) -> Result<Sqlx, Fault> {
        let options = sqlx::postgres::PgPoolOptions::new();
        let options = options.max_connections(CONNECTIONS as u32).test_before_acquire(false);
        Ok(Sqlx(options.connect(&place.url()).await?))
    }
}

impl Contender for Sqlx {
    async fn point(&self, id: i32) -> Result<User, Fault> {
        Ok(sqlx::query_as(POINT).bind(id).fetch_one(&self.0).await?)
    }

    async fn range(&self, id: i32) -> Result<usize, Fault> {
        let query = sqlx::query_as::<_, User>(RANGE).bind(id).bind(id + LONG - 1);
        Ok(query.fetch_all(&self.0).await?.len())
    }

    async fn write(&self, id: i32) -> Result<(), Fault> {
        sqlx::query(WRITE).bind(id).execute(&self.0).await?;
        Ok(())
    }
}
