//! What an index costs those that write: rows of the table are put into a table of the same columns
//! that nobody else sees, without the index and with it. Triggers and constraints of the table
//! itself have no part in it. The scratch table is small: what a deeper index takes more, and pages
//! that come from a disk, are not in the figure.

use super::candidate::Candidate;
use super::quote::identifier;
use super::server::Server;
use crate::error::Result;

/// Rows that are taken of a table at most: the first two thirds are there before anything is
/// measured, the others are what it is measured by.
const ROWS: usize = 4_500;

/// So many times as many rows are looked at, so that they are from many pages.
const SPREAD: usize = 10;

/// Times that it is measured each way, of which the shortest counts.
const ROUNDS: usize = 3;

/// What an entry is taken for where the table cannot be copied.
const SUPPOSED_MS: f64 = 0.006;

/// No entry takes less, whatever the clock says.
const LEAST_MS: f64 = 0.001;

/// The milliseconds that writing a row takes longer with an index, rows that are not in it
/// included. It needs an open transaction that may write, and leaves nothing in it.
pub(super) async fn entry_ms(server: &Server, candidate: &Candidate) -> Result<f64> {
    match server.tried(async || measured(server, candidate).await).await {
        Ok(longer) => Ok(longer.max(LEAST_MS)),
        Err(error) if server.is_gone() => Err(error),
        Err(_) => Ok(SUPPOSED_MS),
    }
}

async fn measured(server: &Server, candidate: &Candidate) -> Result<f64> {
    let name = format!("forebay_rows_{}", fastrand::u64(..));
    let schema = identifier(&candidate.table.0);
    let (rows, into) = (format!("{schema}.{name}"), format!("{schema}.{name}_into"));
    let on = &candidate.on;
    let before = format!("(SELECT pg_catalog.count(*) * 2 / 3 FROM {rows})");
    // Of a large table some pages are enough; their rows are mixed, as those of many clients are.
    server
        .script(&format!(
            "CREATE TABLE {rows} AS
                 SELECT * FROM (SELECT * FROM {on} LIMIT {SPREAD} * {ROWS}) AS those
                 ORDER BY pg_catalog.random() LIMIT {ROWS};
             CREATE TABLE {into} (LIKE {rows});
             INSERT INTO {into} SELECT * FROM {rows} LIMIT {before}"
        ))
        .await?;
    let insert = format!("INSERT INTO {into} SELECT * FROM {rows} OFFSET {before}");
    let (without, _) = least(server, &insert).await?;
    let index = Candidate { on: into, ..candidate.clone() };
    server.script(&format!("CREATE INDEX {}", index.body())).await?;
    let (with, count) = least(server, &insert).await?;
    match count >= 1.0 {
        true => Ok((with - without) / count),
        false => Ok(SUPPOSED_MS),
    }
}

/// The milliseconds that an insert takes, and its rows.
async fn least(server: &Server, insert: &str) -> Result<(f64, f64)> {
    let (mut time, mut rows) = (f64::MAX, 0.0);
    for _ in 0..ROUNDS {
        let plan = server.tried(async || server.run(insert, &[]).await).await?;
        time = plan.time_ms.unwrap_or(0.0).min(time);
        rows = plan.root.children.first().map_or(0.0, |child| child.rows_seen);
    }
    Ok((time, rows))
}
