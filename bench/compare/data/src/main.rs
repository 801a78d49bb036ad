//! Pages deep in a table by key and by number, children of a hundred parents by one statement and
//! by a hundred, and point reads of many tasks with and without coalescing. On SQLite and
//! PostgreSQL, past the cache. What each answers is checked before it is measured; ratios are
//! taken within a round.

mod load;
mod page;
mod place;
mod race;

use place::{Fault, postgres, sqlite};

fn main() -> Result<(), Fault> {
    let mut rounds = 7;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => rounds = args.next().ok_or("--rounds needs a number")?.parse()?,
            other => return Err(format!("unknown argument {other}: --rounds N").into()),
        }
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let db = sqlite(folder.path()).await?;
        println!("SQLite");
        page::measure(&db, rounds).await?;
        load::children(&db, rounds).await?;
        let server = postgres()?;
        println!("\nPostgreSQL {}", server.version);
        let db = server.open().await?;
        page::measure(&db, rounds).await?;
        load::children(&db, rounds).await?;
        load::lookups(&db, rounds).await
    })
}
