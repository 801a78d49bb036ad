//! The measurement: rounds in which every contender reads for about the same time, one after
//! another. A ratio is taken within a round and its median over the rounds, so that a machine
//! whose speed drifts, or that is shared, changes both sides of it.

use std::sync::Arc;
use std::time::Duration;

use outcome::{Options, Outcome};
use tokio::runtime::Runtime;

use crate::contender::{Batch, Entrant, Fault, Field};
use crate::dataset::{Dataset, shuffled};
use crate::report::{Figures, Report, Table};

/// Ids in use: all over the table, and all of them resident in a cache where there is one.
const IDS: usize = 20_000;

/// About as long as one contender reads in one round.
const HEAT: Duration = Duration::from_millis(100);

const READS_MIN: usize = 640;

/// Lets Forebay, rusqlite and whoever `enter` brings read in turns, and prints what it took.
/// `lock` is the program's Cargo.lock, and `peers` the packages in it that are measured.
pub fn run(
    options: &Options,
    lock: &str,
    peers: &[&str],
    enter: impl AsyncFnOnce(&mut Field, &Dataset) -> Result<(), Fault>,
) -> Result<(), Fault> {
    run_with(options, lock, peers, enter, async |_| Ok(()))
}

/// The same, and then `more`, which adds what else the program measures.
pub fn run_with(
    options: &Options,
    lock: &str,
    peers: &[&str],
    enter: impl AsyncFnOnce(&mut Field, &Dataset) -> Result<(), Fault>,
    more: impl AsyncFnOnce(&mut Outcome) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let dataset = Dataset::new()?;
    let mut field = Field::default();
    crate::rusqlite::enter(&mut field, &dataset)?;
    runtime.block_on(async {
        crate::forebay::enter(&mut field, &dataset).await?;
        enter(&mut field, &dataset).await
    })?;
    let ids: Arc<[i64]> = shuffled(IDS).into();
    for entrant in &field.entrants {
        runtime.block_on((entrant.check)(ids.clone()))?;
    }
    let mut tables = Vec::new();
    for tasks in [1, 64] {
        let rows = race(&runtime, &field, &ids, tasks, options.rounds)?;
        tables.push(Table { tasks, rows });
    }
    // Some pools close their connections on the runtime.
    runtime.block_on(async move { drop(field) });
    let report = Report::new(lock, peers, tables);
    if !options.json {
        report.print();
    }
    let mut outcome = report.outcome();
    runtime.block_on(more(&mut outcome))?;
    if options.json {
        outcome.print();
    }
    Ok(())
}

fn race(
    runtime: &Runtime,
    field: &Field,
    ids: &Arc<[i64]>,
    tasks: usize,
    rounds: usize,
) -> Result<Vec<Figures>, Fault> {
    let heat = |entrant: &Entrant, reads: usize| -> Result<f64, Fault> {
        let batch = Batch { ids: ids.clone(), tasks, reads };
        let spent = runtime.block_on(runtime.spawn((entrant.heat)(batch)))??;
        Ok(spent.as_secs_f64() * 1e9 / reads as f64)
    };
    let mut reads = Vec::new();
    for entrant in &field.entrants {
        let nanos = heat(entrant, READS_MIN)?;
        let fit = (HEAT.as_secs_f64() * 1e9 / nanos) as usize;
        reads.push(fit.max(READS_MIN).next_multiple_of(tasks));
    }
    let mut figures: Vec<Figures> =
        field.entrants.iter().map(|entrant| Figures::new(entrant.name)).collect();
    for _ in 0..rounds {
        for ((entrant, reads), figures) in field.entrants.iter().zip(&reads).zip(&mut figures) {
            figures.nanos.push(heat(entrant, *reads)?);
        }
    }
    Ok(figures)
}
