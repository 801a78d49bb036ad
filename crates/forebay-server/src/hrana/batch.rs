//! Batches: statements one after another, each run only if its condition on the earlier ones
//! holds. Clients build transactions in one round trip out of them.

use forebay::Session;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stmt::{Prepared, RESULT_BYTES_MIN, Stmt};
use super::store::StoredSql;
use crate::failure::Failure;
use crate::json::Answer;
use crate::options::Options;
use crate::request::{List, list, within};

/// Space for what a result has once: its frame, and the error that says that it is full.
const FRAME_BYTES: usize = 240;

/// Space for a step of which there is nothing to tell: `null,` among the results and the errors.
const STEP_BYTES: usize = 10;

/// A batch as a client sends it.
#[derive(Debug)]
pub(crate) struct Batch {
    steps: List<BatchStep>,
}

#[derive(Debug, Deserialize)]
struct BatchStep {
    #[serde(default)]
    condition: Option<Cond>,
    stmt: Stmt,
}

/// When a step is run. How deeply conditions nest is bounded by the JSON reader (128).
#[derive(Debug, Deserialize)]
#[serde(try_from = "WireCond")]
enum Cond {
    Ok { step: usize },
    Error { step: usize },
    Not { cond: Box<Cond> },
    And { conds: Vec<Cond> },
    Or { conds: Vec<Cond> },
    IsAutocommit,
}

/// A condition as a client sends it. serde could choose the variant by itself, but it would first
/// make a tree of everything in it, many times as large.
#[derive(Deserialize)]
struct WireCond {
    r#type: CondType,
    #[serde(default)]
    step: Option<usize>,
    #[serde(default)]
    cond: Option<Box<Cond>>,
    #[serde(default)]
    conds: Option<Vec<Cond>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CondType {
    Ok,
    Error,
    Not,
    And,
    Or,
    IsAutocommit,
}

/// A batch that is sound: its texts are known and its conditions look back only.
pub(crate) struct Program {
    steps: Vec<Step>,
}

/// One statement of a program, with its condition.
pub(crate) struct Step {
    cond: Option<Cond>,
    pub(crate) stmt: Prepared,
}

/// What became of a step. A step is `Skipped` until it has run, which it does at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Skipped,
    Ok,
    Error,
}

impl TryFrom<WireCond> for Cond {
    type Error = &'static str;

    fn try_from(wire: WireCond) -> Result<Cond, &'static str> {
        let step = wire.step.ok_or("missing field `step`");
        let conds = wire.conds.ok_or("missing field `conds`");
        Ok(match wire.r#type {
            CondType::Ok => Cond::Ok { step: step? },
            CondType::Error => Cond::Error { step: step? },
            CondType::Not => Cond::Not { cond: wire.cond.ok_or("missing field `cond`")? },
            CondType::And => Cond::And { conds: conds? },
            CondType::Or => Cond::Or { conds: conds? },
            CondType::IsAutocommit => Cond::IsAutocommit,
        })
    }
}

impl Batch {
    pub(crate) fn decode(json: &RawValue, limits: &Options) -> serde_json::Result<Batch> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            steps: &'a RawValue,
        }
        let wire: Wire<'_> = serde_json::from_str(json.get())?;
        let steps = list(wire.steps, limits.batch_steps_max).map_err(within("steps"))?;
        Ok(Batch { steps })
    }

    pub(crate) fn program(self, sqls: &StoredSql, limits: &Options) -> Result<Program, Failure> {
        let given = match self.steps {
            List::Whole(steps) => steps,
            List::TooLong(count) => {
                let max = limits.batch_steps_max;
                return Err(Failure::bad(
                    "BATCH_TOO_LONG",
                    format!(
                        "the batch has {count} steps, and {max} are allowed (batch_steps_max); \
                         split it"
                    ),
                ));
            }
        };
        let mut steps = Vec::with_capacity(given.len());
        for (index, BatchStep { condition, stmt }) in given.into_iter().enumerate() {
            if condition.as_ref().is_some_and(|cond| !cond.looks_back_from(index)) {
                return Err(Failure::bad(
                    "BATCH_COND_INVALID",
                    format!("the condition of step {index} names a step that is not before it"),
                ));
            }
            steps.push(Step { cond: condition, stmt: stmt.prepare(sqls)? });
        }
        Ok(Program { steps })
    }
}

impl Cond {
    fn looks_back_from(&self, index: usize) -> bool {
        match self {
            Cond::Ok { step } | Cond::Error { step } => *step < index,
            Cond::Not { cond } => cond.looks_back_from(index),
            Cond::And { conds } | Cond::Or { conds } => {
                conds.iter().all(|cond| cond.looks_back_from(index))
            }
            Cond::IsAutocommit => true,
        }
    }

    fn asks_autocommit(&self) -> bool {
        match self {
            Cond::Ok { .. } | Cond::Error { .. } => false,
            Cond::Not { cond } => cond.asks_autocommit(),
            Cond::And { conds } | Cond::Or { conds } => conds.iter().any(Cond::asks_autocommit),
            Cond::IsAutocommit => true,
        }
    }

    fn holds(&self, fates: &[Fate], autocommit: bool) -> bool {
        match self {
            Cond::Ok { step } => fates[*step] == Fate::Ok,
            Cond::Error { step } => fates[*step] == Fate::Error,
            Cond::Not { cond } => !cond.holds(fates, autocommit),
            Cond::And { conds } => conds.iter().all(|cond| cond.holds(fates, autocommit)),
            Cond::Or { conds } => conds.iter().any(|cond| cond.holds(fates, autocommit)),
            Cond::IsAutocommit => autocommit,
        }
    }
}

impl Step {
    /// Whether it is to be run after steps with these fates.
    pub(crate) async fn is_due(&self, session: &Session, fates: &[Fate]) -> bool {
        let Some(cond) = &self.cond else { return true };
        let autocommit = cond.asks_autocommit() && session.is_autocommit().await;
        cond.holds(fates, autocommit)
    }
}

impl Program {
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    /// Runs it and appends its result. A step whose answer is too large counts as failed, so
    /// that a transaction built of conditions rolls back rather than commit unseen. The first
    /// step for which the answer has no room left fails, and ends the batch. An `Err` means that
    /// nothing has been run.
    pub(crate) async fn run(
        self,
        session: &Session,
        limits: &Options,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let mut reserved = FRAME_BYTES + STEP_BYTES * self.steps.len();
        answer.reserve(reserved)?;
        let mut fates = Vec::with_capacity(self.steps.len());
        let mut errors: Vec<Option<String>> = Vec::with_capacity(self.steps.len());
        let mut is_full = false;
        answer.raw(r#"{"step_results":["#);
        for (index, step) in self.steps.into_iter().enumerate() {
            answer.raw(if index > 0 { "," } else { "" });
            let mark = answer.mark();
            let result = if is_full || !step.is_due(session, &fates).await {
                Ok(Fate::Skipped)
            } else if let Err(failure) = answer.make_room(RESULT_BYTES_MIN) {
                is_full = true;
                Err(failure)
            } else {
                step.stmt.run(session, limits, answer).await.map(|()| Fate::Ok)
            };
            if result != Ok(Fate::Ok) {
                answer.undo(mark);
                answer.raw("null");
            }
            fates.push(*result.as_ref().unwrap_or(&Fate::Error));
            errors.push(match result.as_ref().map_err(Failure::hrana_json) {
                Ok(_) => None,
                Err(json) if answer.reserve(json.len()).is_ok() => {
                    reserved += json.len();
                    Some(json)
                }
                Err(_) => {
                    is_full = true;
                    Some(Failure::untold().hrana_json())
                }
            });
        }
        put_errors(errors, answer);
        answer.release(reserved);
        Ok(())
    }
}

/// The end of a result. Its space is reserved.
fn put_errors(errors: Vec<Option<String>>, answer: &mut Answer) {
    answer.raw(r#"],"step_errors":["#);
    for (index, error) in errors.into_iter().enumerate() {
        answer.raw(if index > 0 { "," } else { "" });
        answer.raw(error.as_deref().unwrap_or("null"));
    }
    answer.raw(r#"],"replication_index":null}"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cond: &str, expect: bool) {
        let cond: Cond = serde_json::from_str(cond).unwrap();
        assert!(cond.looks_back_from(3));
        assert_eq!(cond.holds(&[Fate::Ok, Fate::Error, Fate::Skipped], true), expect, "{cond:?}");
    }

    #[test]
    fn conditions_hold_as_the_protocol_says() {
        check(r#"{"type":"ok","step":0}"#, true);
        check(r#"{"type":"ok","step":1}"#, false);
        check(r#"{"type":"ok","step":2}"#, false);
        check(r#"{"type":"error","step":0}"#, false);
        check(r#"{"type":"error","step":1}"#, true);
        check(r#"{"type":"error","step":2}"#, false);
        check(r#"{"type":"not","cond":{"type":"error","step":2}}"#, true);
        check(r#"{"type":"and","conds":[]}"#, true);
        check(r#"{"type":"or","conds":[]}"#, false);
        check(r#"{"type":"and","conds":[{"type":"ok","step":0},{"type":"is_autocommit"}]}"#, true);
        check(r#"{"type":"or","conds":[{"type":"ok","step":1},{"type":"ok","step":0}]}"#, true);
    }

    #[test]
    fn a_condition_must_look_back() {
        for (cond, index, expect) in [
            (r#"{"type":"ok","step":0}"#, 0, false),
            (r#"{"type":"ok","step":0}"#, 1, true),
            (r#"{"type":"not","cond":{"type":"error","step":5}}"#, 5, false),
            (
                r#"{"type":"or","conds":[{"type":"is_autocommit"},{"type":"ok","step":9}]}"#,
                2,
                false,
            ),
        ] {
            let cond: Cond = serde_json::from_str(cond).unwrap();
            assert_eq!(cond.looks_back_from(index), expect, "{cond:?} at {index}");
        }
    }
}
