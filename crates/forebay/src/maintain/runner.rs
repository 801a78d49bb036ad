//! Who looks at the timetable, begins what is due, and notes what came of it. What is due is
//! decided in `timetable`, what has to be told in `judge`.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::handle::Shown;
use super::history::{Before, Table};
use super::judge::Judge;
use super::leader::{Lead, is_closed};
use super::plan::MaintenancePlan;
use super::report::{MaintenanceOutcome, MaintenanceRun, MaintenanceStatus, since_1970, time_of};
use super::run::run;
use super::task::{Job, MaintenanceTask};
use super::tell::Tell;
use super::timetable::{Entry, State, Timetable};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::health::HealthCheck;

/// The longest sleep: the clock may be set, and the right to be at work may be lost, meanwhile.
const LOOK: Duration = Duration::from_secs(15);

/// How often one that waits for another process to end looks whether it has.
const STANDBY_LOOK: Duration = Duration::from_secs(2);

/// How often a lock of the server is looked at while it is held.
const LOCK_LOOK: Duration = Duration::from_secs(10);

/// What the runner is told.
pub(super) enum Message {
    Ended { place: usize, run: MaintenanceRun, checks: Vec<HealthCheck> },
    Run { task: String, reply: oneshot::Sender<Result<MaintenanceRun>> },
    Stop,
}

/// Whether this process is the one at work.
enum Role {
    /// Another is, or it cannot be found out. Then `Leading`.
    Standby,
    /// Until the lock is lost. Then `Standby`.
    Leading { lead: Lead, timetable: Timetable, looked: Instant },
}

pub(super) struct Runner {
    db: Db,
    plan: MaintenancePlan,
    role: Role,
    judge: Judge,
    tell: Tell,
    messages: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    stopped: watch::Receiver<bool>,
    shown: Arc<Mutex<Shown>>,
    is_leading: Arc<AtomicBool>,
    /// What runs; it ends with the runner.
    running: JoinSet<()>,
    waiting: BTreeMap<usize, oneshot::Sender<Result<MaintenanceRun>>>,
    table: Option<Table>,
    /// The last reason for not being at work: it is logged once.
    why_not: String,
}

impl Runner {
    pub(super) fn new(
        db: Db,
        plan: MaintenancePlan,
        (messages, inbox): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
        stopped: watch::Receiver<bool>,
        (shown, is_leading): (Arc<Mutex<Shown>>, Arc<AtomicBool>),
    ) -> Runner {
        let table = plan.has_table.then(|| Table::new(db.clone(), plan.history_max));
        Runner {
            judge: Judge::new(&plan.database),
            tell: Tell::new(&plan.sinks),
            db,
            plan,
            role: Role::Standby,
            messages,
            inbox,
            stopped,
            shown,
            is_leading,
            running: JoinSet::new(),
            waiting: BTreeMap::new(),
            table,
            why_not: String::new(),
        }
    }

    pub(super) async fn work(mut self) {
        while !*self.stopped.borrow() {
            if !self.settle_role().await {
                break;
            }
            self.begin_due().await;
            self.show();
            match tokio::time::timeout(self.rest(), self.inbox.recv()).await {
                Ok(Some(message)) => self.hear(message).await,
                Ok(None) => break,
                Err(_) => {}
            }
            while self.running.try_join_next().is_some() {}
        }
        self.shut().await;
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Ended { place, run, checks } => self.ended(place, run, &checks).await,
            Message::Run { task, reply } => self.asked(&task, reply).await,
            Message::Stop => {}
        }
    }

    /// Looks whether this process may be at work, and whether it still may; false once the
    /// database is closed.
    async fn settle_role(&mut self) -> bool {
        match &mut self.role {
            Role::Leading { lead, looked, .. } => {
                if looked.elapsed() < LOCK_LOOK {
                    return true;
                }
                if lead.holds(&self.db).await {
                    *looked = Instant::now();
                    return true;
                }
                self.step_back().await;
                !is_closed(&self.db.ping().await)
            }
            Role::Standby => {
                let taken = Lead::take(&self.db).await;
                let is_open = !is_closed(&taken);
                match taken {
                    Ok(Some(lead)) => self.lead(lead).await,
                    Ok(None) => self.why_not.clear(),
                    Err(error) if is_open => self.cannot(&error),
                    Err(_) => {}
                }
                is_open
            }
        }
    }

    fn cannot(&mut self, error: &Error) {
        let why = error.to_string();
        if why != self.why_not {
            tracing::warn!(%error, "maintenance cannot begin; it is tried again");
            self.why_not = why;
        }
    }

    async fn lead(&mut self, lead: Lead) {
        self.why_not.clear();
        let mut before = Before::default();
        if let Some(table) = &self.table {
            match table.open().await {
                Ok(read) => before = read,
                Err(error) => return self.cannot(&error),
            }
        }
        let now_ms = now_ms();
        let database = self.seed().await;
        let entry = |(task, schedule): &(MaintenanceTask, _)| Entry {
            schedule: super::schedule::Schedule::clone(schedule),
            seed: seed(&[&database, task.name()]),
            is_heavy: task.is_heavy(),
            last_ms: before.last_ms.get(task.name()).copied(),
        };
        let entries = self.plan.tasks.iter().map(entry).collect();
        lock(&self.shown).runs.restore(before.runs);
        let timetable = Timetable::new(entries, now_ms);
        self.role = Role::Leading { lead, timetable, looked: Instant::now() };
        self.is_leading.store(true, Ordering::Release);
    }

    /// What tells the jitter of this database from that of others, the same in all processes.
    async fn seed(&self) -> String {
        let sql = match self.db.engine().dialect() {
            crate::sql::Dialect::Sqlite => "SELECT max(file) FROM pragma_database_list",
            #[cfg(feature = "postgres")]
            crate::sql::Dialect::Postgres => {
                "SELECT datname || oid FROM pg_catalog.pg_database
                 WHERE datname = pg_catalog.current_database()"
            }
        };
        let query = self.db.query(sql).named("maintenance").no_cache().unguarded();
        query.scalar::<String>().await.unwrap_or_default()
    }

    /// Another process may be at work from here on: what runs is stopped.
    async fn step_back(&mut self) {
        tracing::warn!("the lock of maintenance is lost; another process may go on");
        self.running.shutdown().await;
        while let Ok(message) = self.inbox.try_recv() {
            if let Message::Run { reply, .. } = message {
                // Whoever has asked may have gone.
                let _ = reply.send(Err(not_leading()));
            }
        }
        self.role = Role::Standby;
        self.is_leading.store(false, Ordering::Release);
        self.waiting.clear();
    }

    async fn begin_due(&mut self) {
        let now_ms = now_ms();
        let Role::Leading { timetable, .. } = &mut self.role else { return };
        for place in timetable.look(now_ms) {
            self.begin(place, now_ms, true).await;
        }
    }

    /// Begins a task, which the timetable has as running.
    async fn begin(&mut self, place: usize, now_ms: i64, is_scheduled: bool) {
        let (task, schedule) = &self.plan.tasks[place];
        // An earlier message of this task was read before it could begin again.
        let Ok(permit) = self.messages.clone().try_reserve_owned() else { return };
        if let Some(table) = &self.table
            && let Err(error) = table.begin(task.name(), now_ms).await
        {
            tracing::warn!(%error, task = task.name(), "its begin was not noted");
        }
        let closes = schedule.closes(now_ms).filter(|_| is_scheduled);
        let window = closes.map_or(Duration::MAX, |at| {
            Duration::from_millis(u64::try_from(at - now_ms).unwrap_or(0))
        });
        let until = Instant::now() + task.at_most.min(window);
        let (db, task, stop) = (self.db.clone(), task.clone(), self.stopped.clone());
        tracing::info!(task = task.name(), "maintenance begins");
        self.running.spawn(async move {
            let mut ending = Ending::new(permit, place, &task, now_ms);
            let job = Job { db: &db, is_dry_run: false, until, stop };
            let (run, checks) = Box::pin(run(job, &task, now_ms)).await;
            ending.end(run, checks);
        });
    }

    async fn asked(&mut self, name: &str, reply: oneshot::Sender<Result<MaintenanceRun>>) {
        let now_ms = now_ms();
        let place = self.plan.tasks.iter().position(|(task, _)| task.name() == name);
        let refused = match (&mut self.role, place) {
            (Role::Standby, _) => Some(not_leading()),
            (_, None) => Some(Error::usage(format!("the plan has no task called {name}"))),
            (Role::Leading { timetable, .. }, Some(place)) => (!timetable.begin(place, now_ms))
                .then(|| Error::usage(format!("{name} is running, or waits for another to end"))),
        };
        match (refused, place) {
            (None, Some(place)) => {
                self.waiting.insert(place, reply);
                self.begin(place, now_ms, false).await;
            }
            (refused, _) => {
                // Whoever has asked may have gone.
                let _ = reply.send(Err(refused.unwrap_or_else(not_leading)));
            }
        }
    }

    async fn ended(&mut self, place: usize, run: MaintenanceRun, checks: &[HealthCheck]) {
        if let Role::Leading { timetable, .. } = &mut self.role {
            timetable.end(place, now_ms());
        }
        log(&run);
        if let Some(table) = &self.table
            && let Err(error) = table.end(&run).await
        {
            tracing::warn!(%error, task = run.task, "its end was not noted");
        }
        for alert in self.judge.judge(&run, checks) {
            self.tell.tell(&alert);
        }
        lock(&self.shown).runs.add(run.clone());
        if let Some(reply) = self.waiting.remove(&place) {
            // Whoever has asked may have gone.
            let _ = reply.send(Ok(run));
        }
    }

    /// How long nothing has to be looked at.
    fn rest(&self) -> Duration {
        let Role::Leading { timetable, .. } = &self.role else { return STANDBY_LOOK };
        let now_ms = now_ms();
        let wake = timetable.wake_ms(now_ms).map(|at| u64::try_from(at - now_ms).unwrap_or(0));
        // A millisecond more, so that the instant has come by then.
        wake.map_or(LOOK, |ms| Duration::from_millis(ms.saturating_add(1)).min(LOOK))
    }

    fn show(&self) {
        let now_ms = now_ms();
        let mut shown = lock(&self.shown);
        let status = |(place, (task, schedule)): (usize, &(MaintenanceTask, _))| {
            let (running_since, next) = match &self.role {
                Role::Standby => (None, None),
                Role::Leading { timetable, .. } => match timetable.state(place) {
                    State::Running(since) => (Some(time_of(since)), None),
                    State::Waiting(_) => (None, timetable.next_ms(place, now_ms).map(time_of)),
                },
            };
            MaintenanceStatus {
                task: task.name().to_owned(),
                schedule: super::schedule::Schedule::to_string(schedule),
                running_since,
                next,
                last: shown.runs.last(task.name()),
            }
        };
        let statuses = self.plan.tasks.iter().enumerate().map(status).collect();
        shown.statuses = statuses;
    }

    /// Lets what runs end, and stops what does not.
    async fn shut(mut self) {
        let until = tokio::time::Instant::now() + self.plan.stop_wait;
        while !self.running.is_empty() {
            match tokio::time::timeout_at(until, self.inbox.recv()).await {
                Ok(Some(Message::Run { reply, .. })) => {
                    // Whoever has asked may have gone.
                    let _ = reply.send(Err(not_leading()));
                }
                Ok(Some(message)) => self.hear(message).await,
                Ok(None) | Err(_) => break,
            }
            while self.running.try_join_next().is_some() {}
        }
        self.running.shutdown().await;
        while let Ok(message) = self.inbox.try_recv() {
            self.hear(message).await;
        }
        self.tell.flush().await;
        self.is_leading.store(false, Ordering::Release);
        self.role = Role::Standby;
        self.show();
    }
}

/// Tells the runner how a run has ended, even if it ends by a panic or is stopped.
struct Ending {
    permit: Option<mpsc::OwnedPermit<Message>>,
    place: usize,
    task: String,
    began: Instant,
    began_ms: i64,
}

impl Ending {
    fn new(
        permit: mpsc::OwnedPermit<Message>,
        place: usize,
        task: &MaintenanceTask,
        began_ms: i64,
    ) -> Ending {
        let task = task.name().to_owned();
        Ending { permit: Some(permit), place, task, began: Instant::now(), began_ms }
    }

    fn end(&mut self, run: MaintenanceRun, checks: Vec<HealthCheck>) {
        if let Some(permit) = self.permit.take() {
            permit.send(Message::Ended { place: self.place, run, checks });
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (outcome, why) = match std::thread::panicking() {
            true => (MaintenanceOutcome::Failed, "it panicked"),
            false => (MaintenanceOutcome::Stopped, "it was stopped before its end"),
        };
        let run = MaintenanceRun {
            task: std::mem::take(&mut self.task),
            began_at: time_of(self.began_ms),
            took: self.began.elapsed(),
            outcome,
            said: vec![why.to_owned()],
            is_dry_run: false,
        };
        self.end(run, Vec::new());
    }
}

fn log(run: &MaintenanceRun) {
    let (task, outcome, took) = (&run.task, run.outcome, run.took);
    let said = run.said.join("; ");
    match outcome {
        MaintenanceOutcome::Failed => {
            tracing::warn!(task, %outcome, ?took, said, "maintenance ended");
        }
        _ => tracing::info!(task, %outcome, ?took, said, "maintenance ended"),
    }
}

fn not_leading() -> Error {
    Error::usage("this process does not do the maintenance now: another does, or it is ending")
}

fn now_ms() -> i64 {
    i64::try_from(since_1970(SystemTime::now())).unwrap_or(i64::MAX)
}

fn seed(parts: &[&str]) -> u64 {
    let mut hasher = foldhash::fast::FixedState::with_seed(0x666f_7265_6261_7931).build_hasher();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

fn lock(shown: &Mutex<Shown>) -> std::sync::MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}
