//! Maintenance that is at work, in the hands of an application.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::history::Runs;
use super::plan::MaintenancePlan;
use super::report::{MaintenanceRun, MaintenanceStatus};
use super::runner::{Message, Runner};
use crate::db::Db;
use crate::error::{Error, Kind, Result};

/// Runs that may be asked for at once.
const ASKED_MAX: usize = 16;

/// What is shown of it while it is at work.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) runs: Runs,
    pub(super) statuses: Vec<MaintenanceStatus>,
}

/// Maintenance that is at work; see [`Db::maintain`]. A clone is cheap and means the same. When
/// the last one is dropped it ends at once: statements that run are stopped and have no effect.
#[derive(Clone)]
#[must_use = "it ends when it is dropped"]
pub struct Maintenance {
    inner: Arc<Inner>,
}

struct Inner {
    shown: Arc<Mutex<Shown>>,
    is_leading: Arc<AtomicBool>,
    messages: mpsc::Sender<Message>,
    /// Each run that is asked for has a place in the queue until it has been answered.
    asked: Semaphore,
    stop: watch::Sender<bool>,
    runner: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    abort: tokio::task::AbortHandle,
}

impl Maintenance {
    pub(super) fn start(db: Db, plan: MaintenancePlan) -> Maintenance {
        // Each task has one message at most of how it has ended, and there is one to stop.
        let (messages, inbox) = mpsc::channel(plan.tasks.len() + ASKED_MAX + 1);
        let (stop, stopped) = watch::channel(false);
        let shown = Shown { runs: Runs::new(plan.history_max), statuses: Vec::new() };
        let shown = Arc::new(Mutex::new(shown));
        let is_leading = Arc::new(AtomicBool::new(false));
        let runner = Runner::new(
            db,
            plan,
            (messages.clone(), inbox),
            stopped,
            (shown.clone(), is_leading.clone()),
        );
        let runner = tokio::spawn(runner.work());
        let abort = runner.abort_handle();
        let runner = tokio::sync::Mutex::new(Some(runner));
        let asked = Semaphore::new(ASKED_MAX);
        Maintenance {
            inner: Arc::new(Inner { shown, is_leading, messages, asked, stop, runner, abort }),
        }
    }

    /// The last runs, the latest first. No I/O.
    pub fn history(&self) -> Vec<MaintenanceRun> {
        self.shown(|shown| shown.runs.all())
    }

    /// How each task stands. No I/O; it is as old as half a minute at most.
    pub fn status(&self) -> Vec<MaintenanceStatus> {
        self.shown(|shown| shown.statuses.clone())
    }

    /// Whether this process does the maintenance; otherwise another does, and this one waits for
    /// it to end.
    pub fn is_leading(&self) -> bool {
        self.inner.is_leading.load(Ordering::Acquire)
    }

    /// Runs a task of the plan now, whatever its schedule and its window say, and waits for its
    /// end. An error if there is no such task, if it runs already or another that it may not run
    /// beside, and if another process does the maintenance. Dropping the future does not stop it.
    pub async fn run_now(&self, task: &str) -> Result<MaintenanceRun> {
        let _place = self.inner.asked.acquire().await.map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let message = Message::Run { task: task.to_owned(), reply };
        self.inner.messages.send(message).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Ends it: nothing is begun any more, a batch that runs is finished, and whatever has not
    /// ended within the plan's `stop_within` is stopped. Alerts that wait are sent if that takes
    /// no more than 5 s. It returns when all is over. The database stays open.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        // It looks at the above when it wakes, at the latest.
        let _ = self.inner.messages.try_send(Message::Stop);
        let mut runner = self.inner.runner.lock().await;
        if let Some(running) = runner.as_mut() {
            // One that has panicked has ended, too.
            let _ = running.await;
            *runner = None;
        }
    }

    fn shown<T>(&self, show: impl FnOnce(&Shown) -> T) -> T {
        show(&self.inner.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn ended() -> Error {
    Error::new(Kind::Closed, "maintenance has ended")
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintenance")
            .field("is_leading", &self.is_leading())
            .finish_non_exhaustive()
    }
}
