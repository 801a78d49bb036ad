//! Many seeds, several at a time: each in a process of its own, which this one watches. Nothing
//! is shared between them, so a crash of one is a failure of its seed and of no other.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::args::Args;
use crate::report;
use crate::run::add;

/// The argument that makes this program run one seed.
pub(crate) const SEED: &str = "one-seed";

/// Reads that are asked after each transaction.
const READS: usize = 200;

const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What a run has come to.
#[derive(Default)]
struct Overview {
    /// The counters of all seeds that have ended.
    sum: Value,
    seeds: u64,
    /// Steps and verified answers of seeds in progress, by worker.
    running: Vec<(u64, u64)>,
    failures: Vec<Value>,
}

/// Runs the seeds; whether every answer was right.
pub(crate) fn drive(args: &Args) -> Result<bool> {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let overview = Mutex::new(Overview {
        sum: json!({}),
        running: vec![(0, 0); args.jobs],
        ..Overview::default()
    });
    say(&format!(
        "proving with seeds {}..={}, {} transactions each, {} at a time",
        args.seed,
        args.seed.wrapping_add(args.seeds.saturating_sub(1)),
        args.steps,
        args.jobs
    ))?;
    let done = std::thread::scope(|scope| {
        let worker = |number| work(args, number, &next, &overview, began);
        let workers: Vec<_> =
            (0..args.jobs).map(|number| scope.spawn(move || worker(number))).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(50));
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                say(&progress(&lock(&overview), began))?;
            }
        }
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker has panicked"))??;
        }
        anyhow::Ok(())
    });
    done?;
    let overview = overview.into_inner().unwrap_or_else(PoisonError::into_inner);
    finish(args, &overview, began)
}

fn lock(overview: &Mutex<Overview>) -> std::sync::MutexGuard<'_, Overview> {
    overview.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{line}").context("cannot write to standard error")
}

fn progress(overview: &Overview, began: Instant) -> String {
    let ended = |name: &str| overview.sum[name].as_u64().unwrap_or(0);
    let steps = ended("steps") + overview.running.iter().map(|(steps, _)| steps).sum::<u64>();
    let verified = ended("verified") + overview.running.iter().map(|(_, n)| n).sum::<u64>();
    let seconds = began.elapsed().as_secs_f64();
    format!(
        "{seconds:>7.0} s  {} seeds done, {steps} transactions, {verified} entries verified \
         ({:.0}/s), {} failures",
        overview.seeds,
        verified as f64 / seconds,
        overview.failures.len()
    )
}

fn work(
    args: &Args,
    number: usize,
    next: &AtomicU64,
    overview: &Mutex<Overview>,
    began: Instant,
) -> Result<()> {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let is_late = args.seconds.is_some_and(|limit| began.elapsed().as_secs() >= limit);
        if index >= args.seeds || (is_late && index > 0) || !lock(overview).failures.is_empty() {
            return Ok(());
        }
        let seed = args.seed.wrapping_add(index);
        let ended = watch(args, seed, |steps, verified| {
            lock(overview).running[number] = (steps, verified);
        })?;
        let mut overview = lock(overview);
        overview.running[number] = (0, 0);
        match ended {
            Ended::Done(tally) => {
                add(&mut overview.sum, &tally);
                overview.seeds += 1;
            }
            Ended::Failed(failure) => overview.failures.push(failure),
        }
    }
}

/// How a seed has ended.
pub(crate) enum Ended {
    Done(Value),
    Failed(Value),
}

/// Runs one seed in a process of its own.
fn watch(args: &Args, seed: u64, progress: impl Fn(u64, u64)) -> Result<Ended> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = Command::new(program);
    let numbers = [seed.to_string(), args.steps.to_string(), READS.to_string()];
    command.arg(SEED).args(numbers).arg("shrink").args(args.for_seed());
    listen(command, seed, progress)
}

/// Starts the command for a seed and listens until it has ended.
pub(crate) fn listen(
    mut command: Command,
    seed: u64,
    progress: impl Fn(u64, u64),
) -> Result<Ended> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().context("cannot start a process for a seed")?;
    let output = child.stdout.take().context("the process has no output")?;
    let mut ended = None;
    for line in BufReader::new(output).lines() {
        let said: Value = serde_json::from_str(&line?).context("a seed said something else")?;
        if let Some(now) = said.get("progress") {
            let count = |name: &str| now[name].as_u64().unwrap_or(0);
            progress(count("steps"), count("verified"));
        } else if let Some(tally) = said.get("done") {
            ended = Some(Ended::Done(tally.clone()));
        } else if let Some(failure) = said.get("failure") {
            ended = Some(Ended::Failed(failure.clone()));
        }
    }
    let status = child.wait()?;
    Ok(ended.unwrap_or_else(|| {
        let script = format!("-- the process of this seed ended with {status}");
        Ended::Failed(json!({ "seed": seed, "write": 0, "script": script }))
    }))
}

fn finish(args: &Args, overview: &Overview, began: Instant) -> Result<bool> {
    let record = json!({
        "seed": args.seed, "seeds": overview.seeds, "steps_per_seed": args.steps,
        "replay": args.replay(),
        "jobs": args.jobs, "profile": args.profile, "seconds": began.elapsed().as_secs_f64(),
        "differences": overview.failures.len(), "failures": overview.failures,
        "counts": overview.sum,
    });
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{record:#}\n"))
            .with_context(|| format!("cannot write {path}"))?;
    }
    let mut output = std::io::stdout().lock();
    output.write_all(report::summary(&record).as_bytes())?;
    Ok(overview.failures.is_empty())
}
