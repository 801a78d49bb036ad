//! Single answers: again, by key, filtered, with an index, from memory.

use std::time::Instant;

use anyhow::{Result, ensure};
use forebay::Db;
use rusqlite::Connection;
use tokio::runtime::Handle;

use super::figure::{Amount, Figure, Theirs, median, millis};
use super::seed::{Copies, USERS, open};

const TOTALS: &str = "SELECT status, count(*), sum(amount) FROM records WHERE item < ? GROUP BY 1";
const BY_LOT: &str = "SELECT id, amount FROM records WHERE lot = ?";
const HELD: &str = "SELECT id, lot FROM records WHERE status = 'held' ORDER BY id DESC LIMIT 50";

pub(super) fn figures(copies: &Copies, runtime: &Handle) -> Result<Vec<Figure>> {
    Ok(vec![
        repeated(copies, runtime)?,
        key_lookup(copies, runtime)?,
        filtered(copies, runtime)?,
        indexed(copies)?,
        hit_ratio(copies, runtime)?,
        memory_hit(copies, runtime)?,
        acquisition(copies, runtime)?,
    ])
}

/// A copy with the indexes that advice names.
fn with_indexes(copies: &Copies, name: &str) -> Result<std::path::PathBuf> {
    let path = copies.fresh(name)?;
    Connection::open(&path)?.execute_batch(
        "CREATE INDEX records_by_lot ON records (lot);
         CREATE INDEX records_by_status ON records (status);
         ANALYZE;",
    )?;
    Ok(path)
}

fn repeated(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const TIMES: usize = 10;
    let bare = copies.bare("repeated-before")?;
    let before = median(
        |_| Ok(()),
        |()| {
            for _ in 0..TIMES {
                let mut statement = bare.prepare(TOTALS)?;
                let rows = statement.query_map([250], |row| row.get::<_, i64>(1))?;
                ensure!(rows.count() == 2, "two groups were expected");
            }
            Ok(())
        },
    )?;
    let path = copies.fresh("repeated-after")?;
    let db = runtime.block_on(open(&path))?;
    let after = median(
        // The first of them is read at the database.
        |_| runtime.block_on(touch(&db, "UPDATE records SET amount = amount + 1 WHERE id = 1")),
        |()| {
            runtime.block_on(async {
                for _ in 0..TIMES {
                    let rows = db.query(TOTALS).bind(250).all::<(String, i64, i64)>().await?;
                    ensure!(rows.len() == 2, "two groups were expected");
                }
                Ok(())
            })
        },
    )?;
    Ok(Figure {
        what: "repeated read",
        how: format!(
            "a report over {} rows, {TIMES} times, of which a write precedes one",
            copies.sizes.records
        ),
        theirs: Theirs::ms(150.0, 52.0),
        before: Some(before),
        after,
    })
}

async fn touch(db: &Db, sql: &str) -> Result<()> {
    db.execute(sql).await?;
    Ok(())
}

/// A lot that there is, far from the one before.
fn lot(copies: &Copies, at: usize) -> String {
    format!("L{:08}", at as i64 * 9_973 % copies.sizes.records)
}

fn key_lookup(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const KEYS: usize = 20;
    let lots: Vec<String> = (0..KEYS).map(|at| lot(copies, at)).collect();
    let bare = copies.bare("key-before")?;
    let before = median(
        |_| Ok(()),
        |()| {
            for lot in &lots {
                bare.query_one(BY_LOT, [lot], |row| row.get::<_, i64>(0))?;
            }
            Ok(())
        },
    )?;
    let path = with_indexes(copies, "key-after")?;
    let after = median(
        |_| runtime.block_on(open(&path)),
        |db| {
            runtime.block_on(async {
                for lot in &lots {
                    db.query(BY_LOT).bind(lot).one::<(i64, i64)>().await?;
                }
                Ok(())
            })
        },
    )?;
    Ok(Figure {
        what: "key lookup",
        how: format!("{KEYS} lookups by a text without an index; with one, nothing in memory"),
        theirs: Theirs::ms(120.0, 25.0),
        before: Some(before),
        after,
    })
}

fn filtered(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const TIMES: usize = 10;
    // Most rows are what is not asked for, and those that are lie far apart.
    let sql = HELD.replace("'held'", "'none'");
    let bare = copies.bare("filtered-before")?;
    let before = median(
        |_| Ok(()),
        |()| {
            for _ in 0..TIMES {
                let mut statement = bare.prepare(&sql)?;
                ensure!(statement.query_map([], |_| Ok(()))?.count() == 0, "no rows");
            }
            Ok(())
        },
    )?;
    let path = with_indexes(copies, "filtered-after")?;
    let after = median(
        |_| runtime.block_on(open(&path)),
        |db| {
            runtime.block_on(async {
                for _ in 0..TIMES {
                    db.query(&sql).all::<(i64, String)>().await?;
                }
                Ok(())
            })
        },
    )?;
    Ok(Figure {
        what: "filtered list",
        how: format!("{TIMES} times, a scan; with the advised index, and kept after the first"),
        theirs: Theirs::ms(180.0, 30.0),
        before: Some(before),
        after,
    })
}

fn indexed(copies: &Copies) -> Result<Figure> {
    let time = |bare: &Connection| {
        median(
            |at| Ok(lot(copies, at)),
            |lot| {
                bare.query_one(BY_LOT, [&lot], |row| row.get::<_, i64>(0))?;
                Ok(())
            },
        )
    };
    let before = time(&copies.bare("indexed-before")?)?;
    let after = time(&Connection::open(with_indexes(copies, "indexed-after")?)?)?;
    Ok(Figure {
        what: "index",
        how: "one lookup, bare, without and with the index that `forebay advise` names".to_owned(),
        theirs: Theirs::ms(50.0, 5.0),
        before: Some(before),
        after,
    })
}

fn hit_ratio(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    let reads = copies.sizes.reads;
    let path = copies.fresh("hits")?;
    let share = runtime.block_on(async {
        let db = open(&path).await?;
        let mut rng = fastrand::Rng::with_seed(1);
        for at in 0..reads {
            // The square of a number from 0 to 1 prefers small ones: a quarter of the users gets
            // half of the reads.
            let id = (rng.f64().powi(2) * USERS as f64) as i64 + 1;
            if at % 50 == 0 {
                db.execute("UPDATE users SET name = name || '.' WHERE id = ?").bind(id).await?;
            }
            db.query("SELECT name FROM users WHERE id = ?").bind(id).scalar::<String>().await?;
        }
        let cache = db.stats().cache;
        anyhow::Ok(cache.hits as f64 / reads as f64)
    })?;
    Ok(Figure {
        what: "hit ratio",
        how: format!("{reads} reads of {USERS} users, some oftener than others, 2 % writes"),
        theirs: Theirs::reached(Amount::Share(0.85)),
        before: None,
        after: Amount::Share(share),
    })
}

fn memory_hit(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const TIMES: u32 = 10_000;
    let path = copies.fresh("memory")?;
    let db = runtime.block_on(open(&path))?;
    let ask =
        async || db.query("SELECT name FROM users WHERE id = 7").scalar::<String>().await.map(drop);
    let took = runtime.block_on(async {
        ask().await?;
        let began = Instant::now();
        for _ in 0..TIMES {
            ask().await?;
        }
        anyhow::Ok(began.elapsed() / TIMES)
    })?;
    Ok(Figure {
        what: "hit in memory",
        how: format!("one of {TIMES}, decoded"),
        theirs: Theirs::reached(millis(0.1)),
        before: None,
        after: Amount::Time(took),
    })
}

fn acquisition(copies: &Copies, runtime: &Handle) -> Result<Figure> {
    const TIMES: u32 = 2_000;
    let path = copies.fresh("acquired")?;
    let db = runtime.block_on(open(&path))?;
    let (opened, kept) = runtime.block_on(async {
        let ask = |sql: &'static str| db.query(sql).no_cache().fetch();
        ask("SELECT 1").await?;
        let began = Instant::now();
        for _ in 0..TIMES {
            // It goes to the database: a connection is taken, used and given back.
            ask("SELECT 1").await?;
        }
        let kept = began.elapsed() / TIMES;
        let began = Instant::now();
        for _ in 0..TIMES / 10 {
            let bare = Connection::open(&path)?;
            bare.query_one("SELECT 1", [], |row| row.get::<_, i64>(0))?;
        }
        anyhow::Ok((began.elapsed() / (TIMES / 10), kept))
    })?;
    Ok(Figure {
        what: "connection",
        how: "opened for one statement; lent by the pool, the statement included".to_owned(),
        theirs: Theirs::reached(millis(0.1)),
        before: Some(Amount::Time(opened)),
        after: Amount::Time(kept),
    })
}
