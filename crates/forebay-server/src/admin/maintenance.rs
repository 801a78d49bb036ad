//! Maintenance: which tasks there are, when each begins, how they have ended, and running one now.
//! What a task does is the library's business, and nobody names one here that is not in the plan.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use forebay::{Error, Maintenance, MaintenanceRun, MaintenanceStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::act::{body, told};
use super::builder::Inner;
use super::read::answer;
use super::shown;
use super::wish::Wish;
use crate::failure::Failure;

/// How long a run is waited for. Beyond that it goes on, and the history tells how it has ended.
const RUN_MAX: Duration = Duration::from_secs(5);

/// Which task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    db: Option<String>,
    task: String,
}

/// The tasks of each database with a plan, and their last runs, the latest first.
pub(super) async fn maintenance(
    State(admin): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(Wish::parse(query.as_deref(), &["limit"]).map(|wish| {
        let all = admin.maintenance.iter();
        let all = all.map(|(name, it)| (name.clone(), plan(it, wish.limit)));
        json!({ "databases": Value::Object(all.collect()) })
    }))
}

/// Has a task run now.
pub(super) async fn run(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let wish: Run = match body(request).await {
        Ok(wish) => wish,
        Err(failure) => return told(&caller, "run_maintenance", Err(failure)),
    };
    let done = begun(&admin, wish).await;
    told(&caller, "run_maintenance", done)
}

async fn begun(admin: &Inner, wish: Run) -> Result<Value, Failure> {
    let (name, maintenance) = admin.maintenance_of(wish.db.as_deref())?;
    let (name, maintenance) = (name.to_owned(), maintenance.clone());
    if !maintenance.status().iter().any(|status| status.task == wish.task) {
        let text = "the plan of this database has no task of this name";
        return Err(Failure::new(404, "TASK_UNKNOWN", text));
    }
    let task = wish.task.clone();
    // A run that is asked for goes on when nobody waits for it any more.
    let running = tokio::spawn(async move { maintenance.run_now(&task).await });
    match tokio::time::timeout(RUN_MAX, running).await {
        Ok(Ok(Ok(run))) => Ok(json!({ "db": name, "task": wish.task, "run": record(&run) })),
        Ok(Ok(Err(refused))) => Err(refusal(&refused)),
        Ok(Err(_)) => Err(Failure::new(500, "INTERNAL", "running the task has failed")),
        Err(_) => Ok(json!({ "db": name, "task": wish.task, "run": null })),
    }
}

/// Why it was not begun.
fn refusal(error: &Error) -> Failure {
    match error.is_closed() {
        true => Failure::new(503, "STOPPING", "maintenance has ended: this process is stopping"),
        false => Failure::new(409, "TASK_REFUSED", error.message()),
    }
}

impl Inner {
    /// The maintenance of the database of this name; the first one without a name.
    fn maintenance_of(&self, name: Option<&str>) -> Result<(&str, &Maintenance), Failure> {
        let found = match name {
            Some(name) => self.maintenance.iter().find(|(own, _)| own == name),
            None => self.maintenance.first(),
        };
        found.map(|(name, it)| (name.as_str(), it)).ok_or_else(|| {
            let text = "there is no database of this name that has maintenance on a schedule";
            Failure::new(404, "MAINTENANCE_UNKNOWN", text)
        })
    }
}

fn plan(maintenance: &Maintenance, limit: usize) -> Value {
    let runs = maintenance.history();
    let tasks = maintenance.status();
    let task = |status: &MaintenanceStatus| {
        let last = runs.iter().find(|run| run.task == status.task);
        json!({
            "task": status.task,
            "schedule": status.schedule,
            "running_since": status.running_since.map(shown::seconds),
            "next": status.next.map(shown::seconds),
            "last": last.map(record),
        })
    };
    json!({
        "is_leading": maintenance.is_leading(),
        "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
        "known": runs.len(),
        "runs": runs.iter().take(limit).map(record).collect::<Vec<_>>(),
    })
}

fn record(run: &MaintenanceRun) -> Value {
    json!({
        "task": run.task,
        "began": shown::seconds(run.began_at),
        "took_ms": run.took.as_secs_f64() * 1e3,
        "outcome": run.outcome.to_string(),
        "said": run.said,
    })
}
