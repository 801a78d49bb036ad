//! What keeping answers exact costs: time per changed row with many answers resident, and bytes
//! per answer, allocated and as the cache counts them. Prints a table;
//! `cargo bench -p forebay --bench invalidation -- [entries]`.
//!
//! A changed row is measured in transactions of many rows, so that the commit does not count, and
//! beside the same transactions with no answer resident.
#![allow(clippy::unwrap_used, clippy::print_stdout, unsafe_code)]

mod allocator;

use std::time::{Duration, Instant};

use allocator::live_bytes;
use forebay::{Builder, Db};

/// Answers resident unless told otherwise.
const ENTRIES: i64 = 1_000_000;

/// Rows changed by one transaction.
const ROWS: i64 = 1_000;

/// Transactions per figure; the median counts.
const ROUNDS: i64 = 41;

/// Bytes that the cache may take: enough for all answers.
const CACHE_BYTES: u64 = 8_000_000_000;

/// A kind of answer, asked once for each number up to `entries`.
struct Kind {
    name: &'static str,
    /// Each text is a shape of its own.
    texts: &'static [&'static str],
    /// One answer per this many of the entries asked for.
    thin: i64,
}

const KINDS: &[Kind] = &[
    Kind { name: "none", texts: &[], thin: 1 },
    Kind { name: "1 shape, key", texts: &["SELECT name FROM t WHERE id = ?"], thin: 1 },
    Kind {
        name: "4 shapes, keys",
        texts: &[
            "SELECT name FROM t WHERE id = ?",
            "SELECT name, score FROM t WHERE id = ?",
            "SELECT score FROM t WHERE grp = ?",
            "SELECT name FROM t WHERE grp = ? AND kind = 3",
        ],
        thin: 4,
    },
    Kind {
        name: "1 shape, range",
        texts: &["SELECT count(*) FROM t WHERE id BETWEEN ?1 AND ?1 + 0 AND id >= ?1 AND id <= ?1"],
        thin: 20,
    },
    Kind {
        name: "1 shape, full page",
        texts: &["SELECT score, id FROM t WHERE grp = ? ORDER BY score DESC LIMIT 2"],
        thin: 20,
    },
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let entries = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(ENTRIES);
    println!(
        "{:<20} {:>9} {:>10} {:>13} {:>10} {:>14} {:>17}",
        "answers",
        "resident",
        "bytes each",
        "counted each",
        "µs per row",
        "over none, µs",
        "hits left of 1000"
    );
    let mut bare = Duration::ZERO;
    for kind in KINDS {
        let row = measure(kind, entries).await;
        if kind.texts.is_empty() {
            bare = row.per_row;
        }
        println!(
            "{:<20} {:>9} {:>10} {:>13} {:>10.3} {:>14.3} {:>17}",
            kind.name,
            row.resident,
            row.bytes,
            row.counted,
            micros(row.per_row),
            micros(row.per_row) - micros(bare),
            row.hits_left,
        );
    }
}

struct Measured {
    resident: u64,
    /// Bytes that were allocated, by the count of the allocator.
    bytes: u64,
    /// Bytes that the cache counts against its bound.
    counted: u64,
    per_row: Duration,
    hits_left: usize,
}

async fn measure(kind: &Kind, entries: i64) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("bench.db").display());
    let db = Builder::new(&url).cache_bytes(CACHE_BYTES).worth_it(false).open().await.unwrap();
    let rows = 200_000;
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, grp INT, kind INT, name TEXT, score INT);
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows})
         INSERT INTO t SELECT n, n / 3, n % 7, 'name of ' || n, n % 1000 FROM s;
         CREATE INDEX by_grp ON t (grp);"
    ))
    .await
    .unwrap();
    let before = live_bytes();
    fill(&db, kind, entries / kind.thin.max(1)).await;
    let cache = db.stats().cache;
    let resident = cache.entries;
    let grown = live_bytes().saturating_sub(before);
    let per_row = change(&db).await;
    let hits_left = survivors(&db, kind).await;
    db.close().await;
    let each = |bytes: u64| bytes.checked_div(resident).unwrap_or(0);
    Measured { resident, bytes: each(grown), counted: each(cache.bytes), per_row, hits_left }
}

async fn fill(db: &Db, kind: &Kind, entries: i64) {
    for text in kind.texts {
        for n in 0..entries {
            db.query(text).bind(n).fetch().await.unwrap();
        }
    }
}

/// The median time of a changed row: each transaction updates rows that nobody else has touched.
async fn change(db: &Db) -> Duration {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let first = 100_000 + round * ROWS;
        let update = "UPDATE t SET score = score + 1, name = name || 'x' WHERE id BETWEEN ? AND ?";
        let began = Instant::now();
        db.execute(update).bind(first).bind(first + ROWS - 1).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2] / ROWS as u32
}

/// How many of a thousand answers about rows that were not changed are still there.
async fn survivors(db: &Db, kind: &Kind) -> usize {
    let mut hits = 0;
    let Some(text) = kind.texts.first() else { return 0 };
    for n in 1..=1_000 {
        hits += usize::from(db.query(text).bind(n).fetch().await.unwrap().cached);
    }
    hits
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
