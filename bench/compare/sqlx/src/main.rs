//! Forebay and bare rusqlite beside what is written on SQLite otherwise: sqlx's pool, with its
//! default check of a connection before every use and without; SeaORM, which stands on it; and
//! Diesel. Point reads, and 1,000 rows inserted in one transaction.

mod diesel;
mod insert;
mod sea;

use field::{CONNECTIONS_MAX, Contender, Dataset, Fault, Options, PAGE_CACHE_KIB, POINT, User};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

struct Pool(SqlitePool);

impl Contender for Pool {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        let row: (i64, String, String, i64) =
            sqlx::query_as(POINT).bind(id).fetch_one(&self.0).await?;
        let (id, name, email, age) = row;
        Ok(User { id, name, email, age })
    }
}

async fn open(path: &std::path::Path, checks: bool) -> Result<SqlitePool, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", format!("-{PAGE_CACHE_KIB}"));
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS_MAX as u32)
        .test_before_acquire(checks)
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(15)?;
    let lock = include_str!("../Cargo.lock");
    let peers = ["sqlx", "sqlx-sqlite", "sea-orm", "diesel"];
    let enter = async |field: &mut field::Field, dataset: &Dataset| {
        let path = dataset.path();
        field.enter("sqlx, pool", Pool(open(&path, true).await?));
        field.enter("sqlx, pool without its check", Pool(open(&path, false).await?));
        field.enter("sea-orm", sea::Orm::over(open(&path, true).await?));
        field.enter("diesel", diesel::Orm::open(&path)?);
        Ok::<(), Fault>(())
    };
    field::run_with(&options, lock, &peers, enter, async |outcome| {
        insert::run(&options, outcome).await
    })
}
