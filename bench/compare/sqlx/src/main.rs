//! Point reads: Forebay and bare rusqlite beside sqlx's pool for SQLite, with its default check
//! of a connection before every use and without.

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

async fn open(dataset: &Dataset, checks: bool) -> Result<Pool, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(dataset.path())
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", format!("-{PAGE_CACHE_KIB}"));
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS_MAX as u32)
        .test_before_acquire(checks)
        .connect_with(options)
        .await?;
    Ok(Pool(pool))
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args()?;
    let lock = include_str!("../Cargo.lock");
    field::run(&options, lock, &["sqlx", "sqlx-sqlite"], async |field, dataset| {
        field.enter("sqlx, pool", open(dataset, true).await?);
        field.enter("sqlx, pool without its check", open(dataset, false).await?);
        Ok(())
    })
}
