//! Whether slow statements among many quick ones are all told, with their plans, and what that
//! costs. 40 statements that scan are run 5 times each among 200,000 that do not, with the slow log
//! and without, in turns.
//!
//!     cargo run --release --bin slow -- [ROUNDS]

use std::time::{Duration, Instant};

use forebay::{Builder, Db};

const ROWS: i64 = 200_000;
const QUICK: i64 = 200_000;
const PLANTED: i64 = 40;
const TIMES: i64 = 5;

/// Scans take several milliseconds, point reads some microseconds.
const SLOW_AFTER: Duration = Duration::from_millis(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(5), |it| it.parse())?;
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let folder = tempfile::tempdir()?;
        let open = async |slow: Option<Duration>| -> Result<Db, Box<dyn std::error::Error>> {
            let name = if slow.is_some() { "with.db" } else { "without.db" };
            let url = format!("sqlite:{}", folder.path().join(name).display());
            let log = folder.path().join("slow.jsonl");
            let db = Builder::new(url).slow_after(slow).slow_log(log).open().await?;
            db.execute_batch(&format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);
                 WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
                 INSERT INTO t SELECT i, i % 1000 FROM n;"
            ))
            .await?;
            Ok(db)
        };
        let (with, without) = (open(Some(SLOW_AFTER)).await?, open(None).await?);
        let mut spent = [Duration::ZERO; 2];
        // Short turns, so that a drift of the machine touches both.
        for turn in 0..20 {
            let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
            for which in order {
                let db = if which == 0 { &with } else { &without };
                spent[which] += work(db, turn).await?;
            }
        }
        with.close().await;
        let log = with.slow();
        let planted = |statement: &str| statement.starts_with("select sum(a + ");
        let told: Vec<_> = log.statements.iter().filter(|it| planted(&it.statement)).collect();
        let planned = told.iter().filter(|it| !it.plan_lines.is_empty()).count();
        let quick = log.statements.len() - told.len();
        let ratio = spent[0].as_secs_f64() / spent[1].as_secs_f64();
        println!(
            "round {round}: {} of {} told, {planned} with a plan; {quick} others; left out {}; \
             time {:.4} of that without",
            told.len(),
            PLANTED * TIMES,
            with.stats().watch.slow_left_out,
            ratio
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median {:.4}", ratios[ratios.len() / 2]);
    Ok(())
}

/// A twentieth of all: two statements that scan, each five times, among point reads.
async fn work(db: &Db, turn: i64) -> forebay::Result<Duration> {
    let began = Instant::now();
    let quick = QUICK / 20;
    for n in 0..quick {
        let id = 1 + (n * 7_919) % ROWS;
        db.query("SELECT a FROM t WHERE id = ?").bind(id).no_cache().scalar::<i64>().await?;
        if n % (quick / (2 * TIMES)) == 0 {
            // Each a fingerprint of its own.
            let column = turn * 2 + n / (quick / (2 * TIMES)) / TIMES;
            let sql = format!("SELECT sum(a + id % 7) AS s{column} FROM t WHERE a > -1");
            db.query(&sql).no_cache().scalar::<i64>().await?;
        }
    }
    Ok(began.elapsed())
}
