//! All databases of one seed, one after another, with a phase of many threads now and then. The
//! numbers so far go out as lines of JSON, a failure as a script.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;
use serde_json::json;

use super::case::{Case, Difference, Manner};
use super::race::race;
use super::shrink::shrink;
use super::tally::Tally;
use super::world::World;

/// One database in so many is preceded by a phase of many threads.
const RACE_EVERY: u64 = 6;

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    /// Reads that are asked after each step.
    pub(crate) reads: usize,
    pub(crate) shrinks: bool,
}

/// Runs one seed to its end or its first failure; whether all answers were right.
pub(crate) fn one_seed(plan: Plan) -> Result<bool> {
    let mut tally = Tally::default();
    let mut told = Instant::now();
    let mut number = 0;
    while tally.steps < plan.steps {
        let seed = Rng::with_seed(plan.seed).u64(..) ^ number;
        let manner = Manner::of(plan.seed.wrapping_add(number));
        // In a cycle of their own: with that of the databases, all phases of a seed could be alike.
        let racing = Manner::of(plan.seed.wrapping_add(number / RACE_EVERY));
        if number % RACE_EVERY == 0
            // What threads do does not replay, held snapshots or not.
            && let Some(what) = race(seed, Manner { holds: true, ..racing }, &mut tally.race)?
        {
            tell(&json!({ "failure": {
                "seed": plan.seed, "database": number, "write": writes(&tally), "script": what,
            }}))?;
            return Ok(false);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot make a runtime")?;
        let turns = manner.turns(plan.seed.wrapping_add(number));
        let steps = turns.min(plan.steps - tally.steps);
        let failed = runtime
            .block_on(one_database(seed, manner, steps, plan.reads, &mut tally, &mut told))?;
        if let Some((case, difference)) = failed {
            let script = match plan.shrinks {
                true => runtime.block_on(small(case, *difference))?,
                false => difference.read.statement.described(),
            };
            tell(&json!({ "failure": {
                "seed": plan.seed, "database": number, "write": writes(&tally), "script": script,
            }}))?;
            return Ok(false);
        }
        number += 1;
    }
    tell(&json!({ "done": tally.to_json() }))?;
    Ok(true)
}

/// Writes up to now, those of the phase with many threads included.
fn writes(tally: &Tally) -> u64 {
    tally.steps + tally.race.writes + tally.race.foreign_writes
}

type Failed = Option<(Case, Box<Difference>)>;

async fn one_database(
    seed: u64,
    manner: Manner,
    steps: u64,
    reads: usize,
    tally: &mut Tally,
    told: &mut Instant,
) -> Result<Failed> {
    let mut world = World::new(seed, manner, reads, tally).await?;
    for _ in 0..steps {
        if let Some(difference) = world.step(tally).await? {
            return Ok(Some((world.into_case(), difference)));
        }
        if told.elapsed() > PROGRESS_EVERY {
            *told = Instant::now();
            let verified = tally.verified + world.verified();
            tell(&json!({ "progress": { "steps": tally.steps, "verified": verified } }))?;
        }
    }
    world.end(tally).await;
    Ok(None)
}

/// The script made small, as text.
async fn small(case: Case, difference: Difference) -> Result<String> {
    Ok(match shrink(case.clone()).await? {
        Some((case, difference)) => case.described(&difference),
        None => format!(
            "-- The whole script does not fail again by itself; here it is in full.\n{}",
            case.described(&difference)
        ),
    })
}

fn tell(line: &serde_json::Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush().context("nobody listens")
}
