//! One seed, in this process. What comes of it is written as lines of JSON for the process that
//! started this one.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::ask::Difference;
use super::shrink::{described, shrink};
use super::tally::Tally;
use super::world::World;
use crate::place::Server;
use crate::recency::{Extent, race};

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Turns at the end of a script that a failure shows when it cannot be made smaller.
const TURNS_SHOWN: usize = 12;

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    pub(crate) reads: usize,
    pub(crate) shrinks: bool,
    pub(crate) version: Option<u32>,
}

/// Runs it; whether every answer was right.
pub(crate) fn one_seed(plan: Plan) -> Result<bool> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut tally = Tally::default();
    let done = runtime.block_on(run(plan, &mut tally));
    runtime.shutdown_timeout(Duration::from_secs(2));
    match done {
        Ok(None) => {
            say(&json!({ "done": tally.to_json() }))?;
            Ok(true)
        }
        Ok(Some(script)) => {
            failure(plan, &tally, &script)?;
            Ok(false)
        }
        Err(error) => {
            failure(plan, &tally, &format!("-- broken off: {error:#}"))?;
            Ok(false)
        }
    }
}

fn failure(plan: Plan, tally: &Tally, script: &str) -> Result<()> {
    say(&json!({ "failure": {
        "seed": plan.seed, "write": tally.steps, "script": script, "tally": tally.to_json() } }))
}

async fn run(plan: Plan, tally: &mut Tally) -> Result<Option<String>> {
    let server = Server::start(plan.version)?;
    let (known, wrong) = race(&server, Extent::brief(), plan.seed).await?;
    tally.race = known.figures();
    if let Some(wrong) = wrong {
        // Whatever is found before the first turn counts as found by it.
        tally.steps = 1;
        return Ok(Some(format!("-- many at once: {wrong}")));
    }
    let mut world = World::new(&server, plan.seed, plan.reads, tally).await?;
    let mut told = Instant::now();
    for _ in 0..plan.steps {
        let stepped = world.step(tally).await;
        let stepped = stepped.with_context(|| {
            let last = world.case.turns.last();
            format!("after {} turns, the last of which was {last:?}", world.case.turns.len())
        });
        if let Some(difference) = stepped? {
            return failed(plan, world, &difference).await.map(Some);
        }
        if let Some(what) = world.unlocked.take() {
            return Ok(Some(what));
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            let (steps, verified) = (tally.steps, tally.verified);
            say(&json!({ "progress": { "steps": steps, "verified": verified } }))?;
        }
    }
    world.end(tally).await?;
    Ok(None)
}

/// The script of a failure, as small as it can be made in a while.
async fn failed(plan: Plan, world: World, difference: &Difference) -> Result<String> {
    let mut case = world.case;
    let server = world.stage.close().await;
    let mut text = difference.described();
    if plan.shrinks
        && let Some((small, difference)) = shrink(&server, case.clone(), &difference.read).await?
    {
        return Ok(described(&small, &difference));
    }
    let count = case.turns.len();
    case.turns.drain(..count.saturating_sub(TURNS_SHOWN));
    if plan.shrinks {
        text = format!("-- played again it did not fail; of {count} turns the last:\n");
        text += &described(&case, difference);
    }
    Ok(text)
}

fn say(line: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).context("nobody listens any more")
}
