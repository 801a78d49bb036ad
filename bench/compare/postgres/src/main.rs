//! Forebay on PostgreSQL beside tokio-postgres, deadpool-postgres and sqlx: point reads from the
//! cache and past it, long answers, and reads among writes on the same rows.

mod contender;
mod measure;
mod mixed;
mod place;

use contender::{Bare, Cached, Deadpool, Past, Sqlx};
use measure::{Heat, Table};
use place::{Fault, Place};

/// Tasks at once where there are many.
const MANY: usize = 50;

fn main() -> Result<(), Fault> {
    let mut rounds = 11;
    let mut json = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json = true,
            "--rounds" => rounds = args.next().ok_or("--rounds needs a number")?.parse()?,
            other => return Err(format!("unknown argument {other}: --rounds N, --json").into()),
        }
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let place = Place::new()?;
    let tables = runtime.block_on(measure(&place, rounds))?;
    measure::print(&tables, &place.version, json)
}

async fn measure(place: &Place, rounds: usize) -> Result<Vec<Table>, Fault> {
    place.set_up().await?;
    let cached = Cached(place.open(true).await?);
    let past = Past(place.open(true).await?);
    let bare = Bare::new(place).await?;
    let deadpool = Deadpool::new(place)?;
    let sqlx = Sqlx::new(place).await?;
    let mut tables = Vec::new();
    for (name, tasks) in [("point reads, one task", 1), ("point reads, 50 tasks", MANY)] {
        let heats = vec![
            Heat::points("tokio-postgres, one connection", &bare, tasks),
            Heat::points("forebay, past the cache", &past, tasks),
            Heat::points("forebay, from the cache", &cached, tasks),
            Heat::points("deadpool-postgres", &deadpool, tasks),
            Heat::points("sqlx", &sqlx, tasks),
        ];
        tables.push(measure::race(name, heats, rounds).await?);
    }
    let ranges = vec![
        Heat::ranges("tokio-postgres, one connection", &bare),
        Heat::ranges("forebay, past the cache", &past),
        Heat::ranges("forebay, from the cache", &cached),
    ];
    tables.push(measure::race("10,001 rows, one task", ranges, rounds).await?);
    let mixed = vec![
        mixed::heat("tokio-postgres, one connection", &bare),
        mixed::heat("deadpool-postgres", &deadpool),
        mixed::heat("forebay", &cached),
    ];
    tables.push(measure::race("10 % writes on 1,000 rows, 16 tasks", mixed, rounds).await?);
    Ok(tables)
}
