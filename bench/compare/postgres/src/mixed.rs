//! Reads among writes on the same rows: one operation in ten changes a row that others read.

use std::time::{Duration, Instant};

use crate::contender::Contender;
use crate::measure::{Heat, Round};
use crate::place::Fault;

/// Rows that are read and written.
const KEYS: usize = 1_000;

const TASKS: usize = 16;

/// One operation in so many writes.
const WRITE_EVERY: usize = 10;

pub fn heat<C: Contender>(name: &'static str, contender: &C) -> Heat {
    let contender = contender.clone();
    let run = move |operations: usize| -> std::pin::Pin<
        Box<dyn Future<Output = Result<Round, Fault>> + Send>,
    > { Box::pin(mix(contender.clone(), operations)) };
    Heat { name, run: Box::new(run), tasks: TASKS }
}

async fn mix<C: Contender>(contender: C, operations: usize) -> Result<Round, Fault> {
    let share = operations / TASKS;
    let began = Instant::now();
    let all: Vec<_> = (0..TASKS)
        .map(|task| {
            let contender = contender.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task as u64);
                let mut reads = Vec::with_capacity(share);
                for _ in 0..share {
                    let id = random.usize(1..=KEYS) as i32;
                    if random.usize(..WRITE_EVERY) == 0 {
                        contender.write(id).await?;
                    } else {
                        let began = Instant::now();
                        contender.point(id).await?;
                        reads.push(began.elapsed());
                    }
                }
                Ok::<Vec<Duration>, Fault>(reads)
            })
        })
        .collect();
    let mut reads = Vec::new();
    for task in all {
        reads.extend(task.await??);
    }
    let nanos = began.elapsed().as_nanos() as f64 / operations as f64;
    reads.sort_unstable();
    let p99 = reads.get(reads.len() * 99 / 100).map(|time| time.as_nanos() as f64);
    Ok(Round { nanos, p99_nanos: p99 })
}
