//! What answers in memory cost against how many there are: a hit, a write that makes one untrue,
//! and the read that fetches it again.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use forebay::Db;

use super::budget::Turns;
use super::growth::Growth;
use super::series::{Group, Series};
use super::sizes::Sizes;
use super::stage::{POINT, Stage, WRITE, open, random_ids};
use super::stopwatch::Times;

/// Hits are timed by so many in a row: one alone is too short for the clock.
const HITS_IN_A_ROW: usize = 100;

type Row = (i64, String);

/// What was measured with so many answers in memory.
struct Found {
    hit: f64,
    miss: f64,
    write: f64,
    map: f64,
    bytes_each: u64,
}

pub(super) async fn group(sizes: &Sizes, mut turns: Turns) -> Result<Group> {
    let mut hit = Series::new("hit", Growth::Constant).beside("a lookup in a HashMap");
    let mut miss = Series::new("miss and fill", Growth::Constant);
    let mut write = Series::new("write that drops one", Growth::Constant);
    let (mut notes, mut cuts) = (Vec::new(), Vec::new());
    let mut stage = Stage::empty()?;
    for (at, size) in sizes.entries.iter().copied().enumerate() {
        if let Err(why) = turns.begin(size, at < 2) {
            cuts.push(format!("{size} entries: {why}"));
            break;
        }
        stage.grow(size)?;
        let found = with_entries(&stage, size, sizes.samples).await?;
        hit.add(size, found.hit);
        hit.add_beside(size, found.map);
        miss.add(size, found.miss);
        write.add(size, found.write);
        notes.push(format!("{} bytes for each of {size} entries", found.bytes_each));
    }
    Ok(Group {
        name: "entries",
        title: "Answers in memory",
        sizes: "entries",
        terms: format!(
            "Each entry is the answer to a point read, of a table with as many rows. Rows are \
             picked at random. Medians of {} writes, each followed by a read of the row that it \
             changed, and of as many hits.",
            sizes.samples
        ),
        series: vec![hit, miss, write],
        notes,
        cuts,
    })
}

async fn with_entries(stage: &Stage, size: u64, samples: usize) -> Result<Found> {
    let db = open(&stage.path(), size).await?;
    for id in 1..=size as i64 {
        db.query(POINT).bind(id).shared::<Row>().await?;
    }
    let cache = db.stats().cache;
    ensure!(cache.entries >= size, "{} of {size} entries are in memory", cache.entries);
    let ids = random_ids(size, samples.max(HITS_IN_A_ROW));
    let hit = hits(&db, &ids).await?;
    let (mut miss, mut write) = (Times::default(), Times::default());
    for id in &ids {
        let began = Instant::now();
        db.execute(WRITE).bind(*id).await?;
        write.add(began.elapsed());
        let began = Instant::now();
        black_box(db.query(POINT).bind(*id).shared::<Row>().await?);
        miss.add(began.elapsed());
    }
    let (bytes, misses) = (cache.bytes, db.stats().cache.misses - cache.misses);
    ensure!(misses >= ids.len() as u64, "a write has not dropped what it changed: {misses}");
    drop(db);
    Ok(Found {
        hit,
        miss: miss.median(),
        write: write.median(),
        map: lookups(size, &ids),
        bytes_each: bytes / size,
    })
}

async fn hits(db: &Db, ids: &[i64]) -> Result<f64> {
    let before = db.stats().cache.hits;
    let mut times = Times::default();
    for part in ids.chunks_exact(HITS_IN_A_ROW) {
        let began = Instant::now();
        for id in part {
            black_box(db.query(POINT).bind(*id).shared::<Row>().await?);
        }
        times.add_each(began, part.len());
    }
    let expected = ids.chunks_exact(HITS_IN_A_ROW).len() * HITS_IN_A_ROW;
    let hits = db.stats().cache.hits - before;
    ensure!(hits >= expected as u64, "{hits} of {expected} reads were hits");
    Ok(times.median())
}

/// The same rows in a map of the standard library, under texts: what the memory of this machine
/// does when there are so many.
fn lookups(size: u64, ids: &[i64]) -> f64 {
    let key = |id: i64| format!("{POINT}:{id}");
    let map: HashMap<String, Arc<Row>> = (1..=size as i64)
        .map(|id| (key(id), Arc::new((id % 1_000, format!("item {id}")))))
        .collect();
    let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
    let mut times = Times::default();
    for part in keys.chunks_exact(HITS_IN_A_ROW) {
        let began = Instant::now();
        for key in part {
            black_box(map.get(key).map(|row| (row.0, row.1.len(), Arc::clone(row))));
        }
        times.add_each(began, part.len());
    }
    times.median()
}
