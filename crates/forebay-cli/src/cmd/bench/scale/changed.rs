//! What a transaction costs against the rows that it changes, and what becomes of answers that rest
//! on other rows.

use std::time::Instant;

use anyhow::Result;
use forebay::Db;

use super::budget::Turns;
use super::growth::Growth;
use super::series::{Group, Series};
use super::sizes::Sizes;
use super::stage::{POINT, Stage, open};
use super::stopwatch::Times;

const CHANGE: &str = "UPDATE items SET value = value + 1 WHERE id > ? AND id <= ?";

/// Answers in memory whose rows are not changed: those of the first rows.
const KEPT: i64 = 1_000;

/// Transactions of each size.
const RUNS: usize = 7;

pub(super) async fn group(sizes: &Sizes, mut turns: Turns) -> Result<Group> {
    let mut change = Series::new("transaction", Growth::Linear).beside("bare SQLite");
    let mut after = Series::new("read of another row after it", Growth::Constant);
    let (mut notes, mut cuts) = (Vec::new(), Vec::new());
    let most = sizes.changed.last().copied().unwrap_or(1);
    let stage = Stage::of(KEPT as u64 + most)?;
    let db = open(&stage.path(), KEPT as u64).await?;
    for (at, size) in sizes.changed.iter().copied().enumerate() {
        if let Err(why) = turns.begin(size, at < 2) {
            cuts.push(format!("{size} changed rows: {why}"));
            break;
        }
        let (mut times, mut reads, mut kept) = (Times::default(), Times::default(), 0);
        for _ in 0..RUNS {
            read_all(&db, &mut Times::default()).await?;
            let began = Instant::now();
            db.execute(CHANGE).bind(KEPT).bind(KEPT + size as i64).await?;
            times.add(began.elapsed());
            let hits = db.stats().cache.hits;
            read_all(&db, &mut reads).await?;
            kept += db.stats().cache.hits - hits;
        }
        change.add(size, times.median());
        after.add(size, reads.median());
        let share = kept as f64 / (RUNS as i64 * KEPT) as f64;
        notes.push(format!(
            "{size} changed rows: {:.1} % of the answers from other rows are kept",
            share * 100.0
        ));
    }
    let sizes_done: Vec<u64> = change.points.iter().map(|point| point.size).collect();
    drop(db);
    for size in sizes_done {
        let mut times = Times::default();
        for _ in 0..RUNS {
            let began = Instant::now();
            stage.bare().prepare_cached(CHANGE)?.execute([KEPT, KEPT + size as i64])?;
            times.add(began.elapsed());
        }
        change.add_beside(size, times.median());
    }
    Ok(Group {
        name: "changed",
        title: "Changed rows of a transaction",
        sizes: "changed rows",
        terms: format!(
            "One UPDATE by a range of the key, while {KEPT} answers to point reads of other rows \
             are in memory, each of which is read again after it. Medians of {RUNS} transactions."
        ),
        series: vec![change, after],
        notes,
        cuts,
    })
}

async fn read_all(db: &Db, times: &mut Times) -> Result<()> {
    for id in 1..=KEPT {
        let began = Instant::now();
        db.query(POINT).bind(id).shared::<(i64, String)>().await?;
        times.add(began.elapsed());
    }
    Ok(())
}
