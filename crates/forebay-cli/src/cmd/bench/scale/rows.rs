//! What reads and writes cost against the rows of the table, beside bare SQLite.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use forebay::Db;
use rusqlite::Connection;

use super::budget::Turns;
use super::growth::Growth;
use super::series::{Group, Series};
use super::sizes::Sizes;
use super::stage::{GROUP, OF_GROUP, PAGE, POINT, Stage, WRITE, open, random_ids};
use super::stopwatch::Times;

const BARE: &str = "bare SQLite";

/// All series, in the order in which they are shown.
struct All {
    hit: Series,
    point: Series,
    group: Series,
    page: Series,
    write: Series,
}

pub(super) async fn group(sizes: &Sizes, mut turns: Turns) -> Result<Group> {
    let mut all = All {
        hit: Series::new("hit", Growth::Constant),
        point: Series::new("point read past the cache", Growth::Logarithmic).beside(BARE),
        group: Series::new("total of 100 rows past the cache", Growth::Logarithmic).beside(BARE),
        page: Series::new("page of 50 past the cache", Growth::Logarithmic).beside(BARE),
        write: Series::new("write that drops one", Growth::Logarithmic).beside(BARE),
    };
    let mut cuts = Vec::new();
    let mut stage = Stage::empty()?;
    for (at, size) in sizes.rows.iter().copied().enumerate() {
        if let Err(why) = turns.begin(size, at < 2) {
            cuts.push(format!("{size} rows: {why}"));
            break;
        }
        if let Err(error) = stage.grow(size) {
            cuts.push(format!("{size} rows: {error:#}"));
            break;
        }
        with_rows(&stage, size, sizes.samples, &mut all).await?;
    }
    Ok(Group {
        name: "rows",
        title: "Rows of a table",
        sizes: "rows",
        terms: format!(
            "One table with an index, about 45 bytes a row in the file; rows are picked at \
             random. Each connection has the page cache of one of Forebay's readers, 6 MB, on \
             either side. Medians of {} operations.",
            sizes.samples
        ),
        series: vec![all.hit, all.point, all.group, all.page, all.write],
        notes: Vec::new(),
        cuts,
    })
}

async fn with_rows(stage: &Stage, size: u64, samples: usize, all: &mut All) -> Result<()> {
    let db = open(&stage.path(), samples as u64).await?;
    let ids = random_ids(size, samples);
    let teams: Vec<i64> = ids.iter().map(|id| id / GROUP as i64).collect();
    let bare = stage.bare();
    all.point.add(size, past(&db, POINT, &ids).await?);
    all.point.add_beside(size, bare_reads(bare, POINT, &ids)?);
    all.group.add(size, past(&db, OF_GROUP, &teams).await?);
    all.group.add_beside(size, bare_reads(bare, OF_GROUP, &teams)?);
    all.page.add(size, past(&db, PAGE, &ids).await?);
    all.page.add_beside(size, bare_reads(bare, PAGE, &ids)?);
    let (hit, write) = hits_and_writes(&db, &ids).await?;
    all.hit.add(size, hit);
    all.write.add(size, write);
    drop(db);
    all.write.add_beside(size, bare_writes(bare, &ids)?);
    Ok(())
}

async fn past(db: &Db, sql: &str, keys: &[i64]) -> Result<f64> {
    let mut times = Times::default();
    for key in keys {
        let began = Instant::now();
        black_box(db.query(sql).bind(*key).no_cache().fetch().await?);
        times.add(began.elapsed());
    }
    Ok(times.median())
}

/// Rows are fetched into values, as `fetch` does it.
fn bare_reads(bare: &Connection, sql: &str, keys: &[i64]) -> Result<f64> {
    let mut times = Times::default();
    for key in keys {
        let began = Instant::now();
        let mut statement = bare.prepare_cached(sql)?;
        let rows = statement.query_map([key], |row| {
            Ok((row.get::<_, rusqlite::types::Value>(0)?, row.get::<_, rusqlite::types::Value>(1)?))
        })?;
        black_box(rows.collect::<rusqlite::Result<Vec<_>>>()?);
        times.add(began.elapsed());
    }
    Ok(times.median())
}

/// A hit is timed where the row has been read just before, and the write drops it.
async fn hits_and_writes(db: &Db, ids: &[i64]) -> Result<(f64, f64)> {
    let (mut hit, mut write) = (Times::default(), Times::default());
    for id in ids {
        db.query(POINT).bind(*id).shared::<(i64, String)>().await?;
        let began = Instant::now();
        black_box(db.query(POINT).bind(*id).shared::<(i64, String)>().await?);
        hit.add(began.elapsed());
        let began = Instant::now();
        db.execute(WRITE).bind(*id).await?;
        write.add(began.elapsed());
    }
    Ok((hit.median(), write.median()))
}

fn bare_writes(bare: &Connection, ids: &[i64]) -> Result<f64> {
    let mut times = Times::default();
    for id in ids {
        let began = Instant::now();
        bare.prepare_cached(WRITE)?.execute([id])?;
        times.add(began.elapsed());
    }
    Ok(times.median())
}
