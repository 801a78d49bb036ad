//! Point reads: Forebay and bare rusqlite beside deadpool-sqlite, which runs every statement on a
//! worker thread.

use deadpool_sqlite::{Config, Hook, HookError, Pool, Runtime};
use field::{CONNECTIONS_MAX, Contender, Dataset, Fault, Options, PAGE_CACHE_KIB, POINT, User};

struct Pooled(Pool);

impl Contender for Pooled {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        let connection = self.0.get().await?;
        let user = connection
            .interact(move |connection| {
                connection.prepare_cached(POINT)?.query_row([id], |row| {
                    let (id, name) = (row.get(0)?, row.get(1)?);
                    Ok(User { id, name, email: row.get(2)?, age: row.get(3)? })
                })
            })
            .await
            .map_err(|error| error.to_string())?;
        Ok(user?)
    }
}

fn open(dataset: &Dataset) -> Result<Pooled, Fault> {
    let set_up = Hook::async_fn(|connection, _| {
        Box::pin(async move {
            let done = connection.interact(|connection| {
                connection.execute_batch(&format!(
                    "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
                     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{PAGE_CACHE_KIB};"
                ))
            });
            let done = done.await.map_err(|error| HookError::message(error.to_string()))?;
            done.map_err(HookError::Backend)
        })
    });
    let pool = Config::new(dataset.path())
        .builder(Runtime::Tokio1)?
        .max_size(CONNECTIONS_MAX)
        .post_create(set_up)
        .build()?;
    Ok(Pooled(pool))
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(15)?;
    let lock = include_str!("../Cargo.lock");
    field::run(&options, lock, &["deadpool-sqlite"], async |field, dataset| {
        field.enter("deadpool-sqlite", open(dataset)?);
        Ok(())
    })
}
