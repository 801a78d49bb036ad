//! What an operation costs on average against the share of writes, beside bare SQLite: each write
//! makes an answer untrue that is read again.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use forebay::Db;
use rusqlite::Connection;

use super::growth::Growth;
use super::series::{Group, Series};
use super::sizes::Sizes;
use super::stage::{POINT, Stage, WRITE, open};

/// Rows that are read and written, and that the table has.
const READ: u64 = 1_000;
const ROWS: u64 = 100_000;

/// Operations of one share, in samples.
const SAMPLES: usize = 10;

pub(super) async fn group(sizes: &Sizes) -> Result<Group> {
    let mut mean = Series::new("mean of all operations", Growth::Linear).beside("bare SQLite");
    let mut notes = Vec::new();
    let stage = Stage::of(ROWS)?;
    let db = open(&stage.path(), READ).await?;
    for percent in sizes.write_percent.iter().copied() {
        let operations = operations(percent, sizes.samples * SAMPLES);
        mixed(&db, &operations).await?;
        let before = db.stats().cache;
        mean.add(percent, mixed(&db, &operations).await?);
        let after = db.stats().cache;
        let (hits, misses) = (after.hits - before.hits, after.misses - before.misses);
        let ratio = hits as f64 / (hits + misses).max(1) as f64;
        notes.push(format!("{percent} % writes: {:.1} % of reads are hits", ratio * 100.0));
    }
    drop(db);
    for percent in sizes.write_percent.iter().copied() {
        let operations = operations(percent, sizes.samples * SAMPLES);
        mean.add_beside(percent, bare_mixed(stage.bare(), &operations)?);
    }
    Ok(Group {
        name: "writes",
        title: "Share of writes",
        sizes: "percent of writes",
        terms: format!(
            "{} operations on {READ} of {ROWS} rows, picked at random, one after another: point \
             reads, and writes of one row each in a transaction of its own. A share of 0 is in the \
             table, and has no logarithm.",
            sizes.samples * SAMPLES
        ),
        series: vec![mean],
        notes,
        cuts: Vec::new(),
    })
}

/// Rows by their numbers, and whether each is written; by a seed.
fn operations(percent: u64, count: usize) -> Vec<(i64, bool)> {
    let mut random = fastrand::Rng::with_seed(8_432 + percent);
    let one = |_| (random.u64(1..=READ) as i64, random.u64(0..100) < percent);
    (0..count).map(one).collect()
}

async fn mixed(db: &Db, operations: &[(i64, bool)]) -> Result<f64> {
    let began = Instant::now();
    for (id, is_write) in operations {
        if *is_write {
            db.execute(WRITE).bind(*id).await?;
        } else {
            black_box(db.query(POINT).bind(*id).shared::<(i64, String)>().await?);
        }
    }
    Ok(began.elapsed().as_nanos() as f64 / operations.len() as f64)
}

fn bare_mixed(bare: &Connection, operations: &[(i64, bool)]) -> Result<f64> {
    let began = Instant::now();
    for (id, is_write) in operations {
        if *is_write {
            bare.prepare_cached(WRITE)?.execute([id])?;
        } else {
            let mut point = bare.prepare_cached(POINT)?;
            let row =
                point.query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
            black_box(row?);
        }
    }
    Ok(began.elapsed().as_nanos() as f64 / operations.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept() {
        let check = |percent: u64| {
            let operations = operations(percent, 10_000);
            let writes = operations.iter().filter(|(_, is_write)| *is_write).count() as i64;
            assert!((writes - percent as i64 * 100).abs() < 200, "{percent} %: {writes}");
            assert!(operations.iter().all(|(id, _)| (1..=READ as i64).contains(id)));
        };
        check(0);
        check(10);
        check(50);
    }
}
