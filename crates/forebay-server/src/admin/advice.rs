//! Advice on indexes, worked out behind the request that asks for it: one at a time, within a time
//! limit, of what the database has counted. What came of it is kept until the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use forebay::{Advice, AdviseOptions, Advisor, Db, Finding, FindingKind, Workload};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::access::Caller;
use super::act::{body, told};
use super::builder::Inner;
use super::read::answer;
use super::shown;
use crate::failure::Failure;

/// How long advice may take. Beyond it, what was found by then is what there is.
const ADVICE_TIME_MAX: Duration = Duration::from_secs(300);

/// How much longer until it is given up, should the database not answer.
const ADVICE_GRACE: Duration = Duration::from_secs(60);

/// What was advised last, and what is being worked out.
#[derive(Default)]
pub(super) struct Desk(Mutex<Advising>);

#[derive(Default)]
struct Advising {
    running: Option<Running>,
    last: Option<Last>,
}

struct Running {
    db: String,
    began: SystemTime,
    task: Option<AbortHandle>,
}

/// Advice that was given, or why there is none.
struct Last {
    /// By chance, so that nobody applies what another advice has in its place.
    id: String,
    db: String,
    began: SystemTime,
    ended: SystemTime,
    /// Statements of which too little is known.
    left_out: usize,
    advice: Result<Advice, String>,
    /// Findings that were applied.
    applied: Vec<usize>,
}

/// A finding that may be applied.
pub(super) struct Chosen {
    pub(super) db: String,
    pub(super) script: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    db: Option<String>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, Advising> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the only place, if nobody has it.
    fn begin(&self, db: &str) -> Result<(), Failure> {
        let mut state = self.state();
        if state.running.as_ref().is_some_and(Running::is_alive) {
            let text = "advice is being worked out; ask for it with GET when that is done";
            return Err(Failure::new(409, "ADVICE_RUNNING", text));
        }
        let began = SystemTime::now();
        state.running = Some(Running { db: db.to_owned(), began, task: None });
        Ok(())
    }

    fn end(&self, id: String, advice: Result<Advice, String>, left_out: usize) {
        let mut state = self.state();
        let Some(Running { db, began, .. }) = state.running.take() else { return };
        let ended = SystemTime::now();
        state.last = Some(Last { id, db, began, ended, left_out, advice, applied: Vec::new() });
    }

    /// Stops what is being worked out.
    pub(super) fn stop(&self) {
        let running = self.state().running.take();
        if let Some(task) = running.and_then(|it| it.task) {
            task.abort();
        }
    }

    /// The finding of this number in the advice of this id, if an index is to be made.
    pub(super) fn chosen(&self, id: &str, number: usize) -> Result<Chosen, Failure> {
        let state = self.state();
        let last = state.last.as_ref().filter(|last| last.id == id).ok_or_else(|| {
            let text = "this is not the last advice that was given; look at that first";
            Failure::new(409, "ADVICE_CHANGED", text)
        })?;
        let found = last.advice.as_ref().ok().and_then(|advice| advice.findings.get(number));
        let found = found.ok_or_else(|| {
            Failure::new(404, "FINDING_UNKNOWN", "the advice has no finding of this number")
        })?;
        if !can_apply(found) {
            let text = "only indexes are made here; what this one says is for you to do";
            return Err(Failure::new(422, "FINDING_NOT_AN_INDEX", text));
        }
        Ok(Chosen { db: last.db.clone(), script: found.apply.join(";\n") })
    }

    /// Notes that a finding was applied.
    pub(super) fn applied(&self, id: &str, number: usize) {
        let mut state = self.state();
        if let Some(last) = state.last.as_mut().filter(|last| last.id == id)
            && !last.applied.contains(&number)
        {
            last.applied.push(number);
        }
    }

    fn shown(&self) -> Value {
        let state = self.state();
        let running = state
            .running
            .as_ref()
            .filter(|it| it.is_alive())
            .map(|it| json!({ "db": it.db, "began": shown::seconds(it.began) }));
        json!({ "running": running, "last": state.last.as_ref().map(Last::shown) })
    }
}

impl Running {
    /// Whether it still goes on. What has panicked does not, and must not keep the place.
    fn is_alive(&self) -> bool {
        self.task.as_ref().is_none_or(|task| !task.is_finished())
    }
}

fn can_apply(finding: &Finding) -> bool {
    finding.kind == FindingKind::AddIndex && !finding.apply.is_empty()
}

impl Last {
    fn shown(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "db": self.db,
            "began": shown::seconds(self.began),
            "ended": shown::seconds(self.ended),
            "left_out": self.left_out,
            "error": self.advice.as_ref().err(),
        });
        let Ok(advice) = &self.advice else { return value };
        let findings = advice.findings.iter().enumerate().map(|(number, finding)| {
            let mut shown = shown::finding(finding);
            shown["number"] = json!(number);
            shown["can_apply"] = json!(can_apply(finding));
            shown["is_applied"] = json!(self.applied.contains(&number));
            shown
        });
        value["findings"] = findings.collect();
        let refused = advice.refused.iter();
        let refused = refused.map(|it| json!({ "candidate": it.candidate, "reason": it.reason }));
        value["refused"] = refused.collect();
        value["queries"] = json!(advice.queries);
        value["candidates"] = json!(advice.candidates);
        value["period_seconds"] = json!(advice.period.map(|period| period.as_secs_f64()));
        value
    }
}

pub(super) async fn advice(State(admin): State<Arc<Inner>>) -> Response {
    answer(Ok(admin.advice.shown()))
}

pub(super) async fn advise(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    told(&caller, "advise", begun(&admin, request).await)
}

async fn begun(admin: &Arc<Inner>, request: Request) -> Result<Value, Failure> {
    let ask: Ask = body(request).await?;
    let (name, db) = admin.named_db(ask.db.as_deref())?;
    let id = chance()?;
    admin.advice.begin(name)?;
    let task = tokio::spawn(finish(admin.clone(), db.clone(), name.to_owned(), id));
    if let Some(running) = &mut admin.advice.state().running {
        running.task = Some(task.abort_handle());
    }
    Ok(json!({ "running": { "db": name } }))
}

/// Works it out, and keeps what came of it under this id.
async fn finish(admin: Arc<Inner>, db: Db, name: String, id: String) {
    let work = worked_out(&db, admin.advisor(&name));
    let limit = ADVICE_TIME_MAX + ADVICE_GRACE;
    let (advice, left_out) = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        (Err(format!("it was given up after {limit:?}: the database did not answer")), 0)
    });
    admin.advice.end(id, advice, left_out);
}

/// The advice on what `db` has counted, and how many statements were left out.
async fn worked_out(db: &Db, advisor: Option<&Advisor>) -> (Result<Advice, String>, usize) {
    let options = AdviseOptions { time_max: ADVICE_TIME_MAX, ..AdviseOptions::default() };
    // Parameters are written as in a shape at SQLite only, which needs no advisor of its own.
    let (workload, left_out) = Workload::from_stats(&db.stats(), advisor.is_none());
    if workload.queries.is_empty() {
        let text = "no statement of which enough is known has gone to the database yet";
        return (Err(text.to_owned()), left_out);
    }
    let advice = match advisor {
        Some(advisor) => advisor.clone().options(options).advise(&workload).await,
        None => db.advise(&workload, options).await,
    };
    (advice.map_err(|error| error.message().to_owned()), left_out)
}

/// An id that nobody has seen before.
fn chance() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::new(503, "CHANCE_EXHAUSTED", "the system gives no random numbers"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
