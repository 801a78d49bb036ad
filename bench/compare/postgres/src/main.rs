//! Forebay on PostgreSQL beside tokio-postgres, deadpool-postgres and sqlx: point reads from the
//! cache and past it, long answers, reads among writes on the same rows; and 200 clients with short
//! transactions, beside PgBouncer.

mod contender;
mod measure;
mod mixed;
mod place;
mod pooled;

use contender::{Bare, Cached, Deadpool, Past, Sqlx};
use measure::{Heat, Table};
use outcome::Options;
use place::{Fault, Place};
use pooled::{Bounced, Bouncer, Pooled};

/// Tasks at once where there are many.
const MANY: usize = 50;

fn main() -> Result<(), Fault> {
    let options = Options::from_args(11)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let place = Place::new()?;
    let tables = runtime.block_on(measure(&place, options.rounds))?;
    match options.json {
        true => measure::outcome(&tables, &place.version).print(),
        false => measure::print(&tables, &place.version),
    }
    Ok(())
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
    let mut pooled = vec![
        pooled::heat("deadpool-postgres", &Pooled(deadpool)),
        pooled::heat("forebay", &Pooled(cached)),
    ];
    let bouncer = Bouncer::start(place)?;
    match &bouncer {
        Some(bouncer) => {
            let bounced = Bounced::new(bouncer, place).await?;
            pooled.push(pooled::heat("PgBouncer, a connection each", &bounced));
        }
        None => eprintln!("left out: PgBouncer is not installed (apt-get install pgbouncer)"),
    }
    tables.push(measure::race("200 clients, short transactions", pooled, rounds).await?);
    Ok(tables)
}
