//! Rounds in which all contenders run in turns; a ratio is taken within a round, and its median
//! over the rounds is shown.

use std::pin::Pin;
use std::time::{Duration, Instant};

use outcome::{Outcome, median};

use crate::contender::Contender;
use crate::place::{Fault, ROWS};

/// About as long as one contender runs in one round.
const ROUND: Duration = Duration::from_millis(300);

/// Keys that are read, all of them resident in a cache where there is one.
const KEYS: i32 = 5_000;

/// What one round of one contender came to.
pub struct Round {
    pub nanos: f64,
    /// The 99th of a hundred, where that was measured.
    pub p99_nanos: Option<f64>,
}

type Timed = Pin<Box<dyn Future<Output = Result<Round, Fault>> + Send>>;

/// One contender in one table.
pub struct Heat {
    pub name: &'static str,
    pub run: Box<dyn Fn(usize) -> Timed>,
    /// What is rounded up to.
    pub tasks: usize,
}

pub struct Table {
    name: &'static str,
    rows: Vec<(&'static str, Vec<Round>)>,
}

impl Heat {
    pub fn points<C: Contender>(name: &'static str, contender: &C, tasks: usize) -> Heat {
        let contender = contender.clone();
        let run =
            move |reads: usize| -> Timed { Box::pin(points(contender.clone(), tasks, reads)) };
        Heat { name, run: Box::new(run), tasks }
    }

    pub fn ranges<C: Contender>(name: &'static str, contender: &C) -> Heat {
        let contender = contender.clone();
        let run = move |reads: usize| -> Timed { Box::pin(ranges(contender.clone(), reads)) };
        Heat { name, run: Box::new(run), tasks: 1 }
    }
}

/// A key that is far from the one before.
pub fn key(turn: usize) -> i32 {
    (turn as i32).wrapping_mul(7_919).rem_euclid(KEYS) * (ROWS / KEYS) + 1
}

async fn points<C: Contender>(contender: C, tasks: usize, reads: usize) -> Result<Round, Fault> {
    let began = Instant::now();
    let share = reads / tasks;
    let all: Vec<_> = (0..tasks)
        .map(|task| {
            let contender = contender.clone();
            tokio::spawn(async move {
                for turn in 0..share {
                    let id = key(task * share + turn);
                    let user = contender.point(id).await?;
                    assert_eq!(user.id, id);
                }
                Ok::<(), Fault>(())
            })
        })
        .collect();
    for task in all {
        task.await??;
    }
    Ok(Round { nanos: began.elapsed().as_nanos() as f64 / reads as f64, p99_nanos: None })
}

async fn ranges<C: Contender>(contender: C, reads: usize) -> Result<Round, Fault> {
    let work = async move {
        let began = Instant::now();
        for turn in 0..reads {
            let rows = contender.range(1 + (turn as i32 % 8) * 10_000).await?;
            assert_eq!(rows, 10_001);
        }
        Ok::<f64, Fault>(began.elapsed().as_nanos() as f64 / reads as f64)
    };
    Ok(Round { nanos: tokio::spawn(work).await??, p99_nanos: None })
}

pub async fn race(name: &'static str, heats: Vec<Heat>, rounds: usize) -> Result<Table, Fault> {
    let mut rows: Vec<(&'static str, Vec<Round>)> = Vec::new();
    let mut sizes = Vec::new();
    for heat in &heats {
        // Warms what there is to warm, and finds out how much fits into a round.
        (heat.run)(64 * heat.tasks.max(1)).await?;
        let warm = (heat.run)(KEYS as usize / 10 * heat.tasks.min(10)).await?;
        let fit = (ROUND.as_nanos() as f64 / warm.nanos) as usize;
        sizes.push(fit.max(8 * heat.tasks).next_multiple_of(heat.tasks));
        rows.push((heat.name, Vec::new()));
    }
    for _ in 0..rounds {
        for ((heat, size), row) in heats.iter().zip(&sizes).zip(&mut rows) {
            row.1.push((heat.run)(*size).await?);
        }
    }
    Ok(Table { name, rows })
}

/// Each side of Forebay that a table has, beside everybody else.
pub fn outcome(tables: &[Table], version: &str) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.version("PostgreSQL", version);
    let lock = include_str!("../Cargo.lock");
    outcome.locked(lock, &["forebay", "tokio-postgres", "deadpool-postgres", "sqlx"]);
    for table in tables {
        let sides: Vec<(&str, Vec<f64>)> =
            table.rows.iter().map(|(name, rounds)| (*name, nanos(rounds))).collect();
        let (ours, peers): (Vec<_>, Vec<_>) =
            sides.iter().partition(|(name, _)| name.starts_with("forebay"));
        let peers: Vec<_> = peers.iter().map(|(name, all)| (*name, all.as_slice())).collect();
        for (name, rounds) in ours {
            let how = name.strip_prefix("forebay").unwrap_or_default();
            let operation = format!("PostgreSQL: {}{how}", table.name);
            outcome.operation(&operation, (name, rounds), &peers);
        }
    }
    outcome
}

fn nanos(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.nanos).collect()
}

pub fn print(tables: &[Table], version: &str) {
    println!("PostgreSQL {version}");
    for table in tables {
        let reference = nanos(&table.rows[0].1);
        println!("\n{}, ns per operation, {} rounds", table.name, reference.len());
        println!("{:34} {:>12} {:>12} {:>12}", "", "median", "x the first", "p99");
        for (name, rounds) in &table.rows {
            let nanos = nanos(rounds);
            let ratios = nanos.iter().zip(&reference).map(|(a, b)| a / b).collect();
            let p99 = median(rounds.iter().filter_map(|round| round.p99_nanos).collect());
            let (middle, ratio) = (median(nanos), median(ratios));
            println!("{name:34} {middle:>12.0} {ratio:>12.4} {p99:>12.0}");
        }
    }
}
