//! What statements take, and when one took less than another. The server's own numbers are used:
//! the least time of a few runs, and the pages touched, which no neighbour changes.

use super::plan::Plan;
use super::server::Server;
use super::weigh::Read;
use crate::error::Result;

/// Runs of one statement with one set of parameters.
const RUNS: usize = 3;

/// A statement that takes longer is not run again.
const AGAIN_MS_MAX: f64 = 250.0;

/// Sets of parameters that are run.
const SETS_MAX: usize = 3;

/// Differences that are as good as none.
const TIME_MS_MIN: f64 = 0.15;

/// The mean of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Taken {
    pub(super) time_ms: f64,
    pub(super) blocks: f64,
    /// It was ended before it was done.
    pub(super) is_more: bool,
    pub(super) indexes: Vec<String>,
    /// How it was done with the first of its values, a line each step.
    pub(super) plan: Vec<String>,
}

/// How it went with an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fared {
    Better,
    Same,
    Worse,
}

impl Taken {
    /// How `after` compares with this. Time alone is not believed, unless it is less than half: the
    /// pages must not have become more.
    pub(super) fn fared(&self, after: &Taken, gain_min: f64, loss_max: f64) -> Fared {
        let time = after.time_ms / self.time_ms.max(0.001);
        let blocks = after.blocks / self.blocks.max(1.0);
        if after.is_more || self.is_more {
            return match (self.is_more, after.is_more) {
                (true, false) => Fared::Better,
                (false, true) => Fared::Worse,
                _ => Fared::Same,
            };
        }
        let is_more_time = after.time_ms - self.time_ms > TIME_MS_MIN && time > 1.0 + loss_max;
        if time <= 0.5 || (time <= 1.0 - gain_min && blocks <= 1.0) {
            Fared::Better
        } else if is_more_time && (blocks > 1.0 + loss_max || time > 1.4) {
            Fared::Worse
        } else {
            Fared::Same
        }
    }
}

/// Runs a statement that reads, within a transaction that may not write.
pub(super) async fn taken(server: &Server, read: &Read) -> Result<Taken> {
    let samples = read.samples();
    let count = samples.len().clamp(1, SETS_MAX);
    let mut sum = Taken::default();
    for set in samples.into_iter().take(count) {
        let mut best: Option<Plan> = None;
        for _ in 0..RUNS {
            let ran = server.tried(async || {
                server.script("SET TRANSACTION READ ONLY").await?;
                server.run(&read.text, set).await
            });
            let plan = match ran.await {
                Ok(plan) => plan,
                Err(error) if error.is_timeout() => {
                    sum.is_more = true;
                    sum.time_ms += server.statement_max.as_secs_f64() * 1_000.0;
                    // What it would have done is known all the same.
                    if sum.plan.is_empty() {
                        sum.plan = server.plan(&read.text, set).await?.root.lines();
                    }
                    best = None;
                    break;
                }
                Err(error) => return Err(error),
            };
            let time = |plan: &Plan| plan.time_ms.unwrap_or(0.0);
            let is_long = time(&plan) > AGAIN_MS_MAX;
            best = match best {
                Some(best) if time(&best) <= time(&plan) => Some(best),
                _ => Some(plan),
            };
            if is_long {
                break;
            }
        }
        let Some(plan) = best else { continue };
        sum.time_ms += plan.time_ms.unwrap_or(0.0);
        sum.blocks += plan.root.blocks;
        if sum.plan.is_empty() {
            sum.plan = plan.root.lines();
        }
        for index in plan.root.indexes() {
            if !sum.indexes.iter().any(|it| it == index) {
                sum.indexes.push(index.to_owned());
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "there are three")]
    let count = count as f64;
    sum.time_ms /= count;
    sum.blocks /= count;
    Ok(sum)
}
