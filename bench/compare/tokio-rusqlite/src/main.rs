//! Point reads: Forebay and bare rusqlite beside tokio-rusqlite, which hands every statement to
//! the one thread of its connection.

use field::{Contender, Dataset, Fault, Options, PAGE_CACHE_KIB, POINT, User};
use tokio_rusqlite::Connection;

struct Threaded(Connection);

impl Contender for Threaded {
    async fn read(&self, id: i64) -> Result<User, Fault> {
        let user = self.0.call(move |connection| {
            connection.prepare_cached(POINT)?.query_row([id], |row| {
                let (id, name) = (row.get(0)?, row.get(1)?);
                Ok(User { id, name, email: row.get(2)?, age: row.get(3)? })
            })
        });
        Ok(user.await?)
    }
}

async fn open(dataset: &Dataset) -> Result<Threaded, Fault> {
    let connection = Connection::open(dataset.path()).await?;
    let set_up = connection.call(|connection| {
        connection.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{PAGE_CACHE_KIB};"
        ))
    });
    set_up.await?;
    Ok(Threaded(connection))
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(15)?;
    let lock = include_str!("../Cargo.lock");
    field::run(&options, lock, &["tokio-rusqlite"], async |field, dataset| {
        field.enter("tokio-rusqlite", open(dataset).await?);
        Ok(())
    })
}
