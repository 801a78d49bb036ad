//! The task that writes down what was slow, and the way there: a queue that nobody waits at.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::draft::Draft;
use super::journal::Journal;
use super::plan::{Plan, Plans};
use crate::engine::database::Engine;
use crate::engine::trip::Errand;
use crate::engine::worker::blocking;
use crate::params::Params;
use crate::slow::{PlanChange, SlowLog, SlowStatement};
use crate::stats::WatchStats;
use crate::watch::{Record, Slow, SlowLimits, Why};

/// What waits to be written down at most; beyond it slow statements are left out.
const QUEUE_MAX: usize = 256;

/// Slow statements and changes of plans kept in memory.
const STATEMENTS_MAX: usize = 1_000;
const CHANGES_MAX: usize = 100;

/// The longest that closing waits for what was slow before.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Everything about watching that can be set.
#[derive(Clone, Debug)]
pub(crate) struct WatchSettings {
    pub(crate) slow: SlowLimits,
    pub(crate) slow_log: Option<PathBuf>,
    /// Slow statements are shown with their parameters.
    pub(crate) slow_parameters: bool,
    /// Texts with literals may be kept.
    pub(crate) keep_samples: bool,
    pub(crate) statistics_file: Option<PathBuf>,
}

/// What was slow, and the way to the task that writes it down.
pub(in crate::engine) struct Scribe {
    sender: Sender<Note>,
    last: Mutex<Last>,
    /// Where nothing is slow, plans are of no use, and nothing is asked behind anybody's back.
    looks_at_plans: AtomicBool,
    keeps_samples: bool,
    shows_params: bool,
    absolute: AtomicU64,
    relative: AtomicU64,
    lock: AtomicU64,
    left_out: AtomicU64,
    plan_changes: AtomicU64,
}

/// What is kept in memory.
#[derive(Default)]
struct Last {
    statements: VecDeque<SlowStatement>,
    changes: VecDeque<PlanChange>,
}

/// What is to be written down.
enum Note {
    Slow(Box<Draft>),
    /// The plan of a statement that is run often is to be known before it is slow.
    Plan(Arc<Record>, Arc<str>, Option<Params>),
    /// Somebody waits until all before it is written.
    Flush(oneshot::Sender<()>),
}

/// What the task reads from.
pub(in crate::engine) struct Desk {
    receiver: Receiver<Note>,
    journal: Option<Journal>,
}

impl Scribe {
    pub(in crate::engine) fn new(settings: &WatchSettings) -> (Scribe, Desk) {
        let (sender, receiver) = channel(QUEUE_MAX);
        let scribe = Scribe {
            sender,
            last: Mutex::default(),
            looks_at_plans: AtomicBool::new(settings.slow.after.is_some()),
            keeps_samples: settings.keep_samples,
            shows_params: settings.slow_parameters,
            absolute: AtomicU64::new(0),
            relative: AtomicU64::new(0),
            lock: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            plan_changes: AtomicU64::new(0),
        };
        (scribe, Desk { receiver, journal: settings.slow_log.clone().map(Journal::new) })
    }

    /// Whether anything is slow.
    pub(in crate::engine) fn expect_slow(&self, is_expected: bool) {
        self.looks_at_plans.store(is_expected, Ordering::Relaxed);
    }

    pub(in crate::engine) fn keeps_samples(&self) -> bool {
        self.keeps_samples
    }

    /// Counts a slow statement, whether it is told or not.
    pub(in crate::engine) fn count(&self, slow: Slow) {
        let why = match slow {
            Slow::Tell { why, .. } => why,
            Slow::LeaveOut(why) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                why
            }
        };
        let counter = match why {
            Why::Absolute => &self.absolute,
            Why::Relative => &self.relative,
            Why::Lock => &self.lock,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::engine) fn tell(&self, draft: Draft) {
        if self.sender.try_send(Note::Slow(Box::new(draft))).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has the plan of a statement looked at, unless there is more important work.
    pub(in crate::engine) fn look_at_plan(&self, errand: &Errand<'_>) {
        if self.looks_at_plans.load(Ordering::Relaxed) && self.sender.capacity() > QUEUE_MAX / 2 {
            let (record, params) = (errand.record.clone(), errand.params.cloned());
            // It is looked at again later.
            let _ = self.sender.try_send(Note::Plan(record, errand.sql.into(), params));
        }
    }

    /// Waits until what was slow before is written down, but not for long.
    pub(in crate::engine) async fn flush(&self) {
        let (sender, receiver) = oneshot::channel();
        let flush = async {
            if self.sender.send(Note::Flush(sender)).await.is_ok() {
                // It says nothing when the task has ended with its runtime.
                let _ = receiver.await;
            }
        };
        let _ = tokio::time::timeout(FLUSH_MAX, flush).await;
    }

    pub(in crate::engine) fn log(&self) -> SlowLog {
        let last = self.last();
        SlowLog {
            statements: last.statements.iter().cloned().collect(),
            plan_changes: last.changes.iter().cloned().collect(),
        }
    }

    pub(in crate::engine) fn stats(&self) -> WatchStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WatchStats {
            slow_absolute: read(&self.absolute),
            slow_relative: read(&self.relative),
            slow_lock: read(&self.lock),
            slow_left_out: read(&self.left_out),
            plan_changes: read(&self.plan_changes),
            ..WatchStats::default()
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Writes down what comes, until the engine is dropped.
    pub(in crate::engine) async fn work(mut self, weak: Weak<Engine>) {
        let mut plans = Plans::default();
        while let Some(note) = self.receiver.recv().await {
            let Some(engine) = weak.upgrade() else { return };
            match note {
                Note::Slow(draft) => self.write_slow(&engine, &mut plans, *draft).await,
                Note::Plan(record, sql, params) => {
                    let plan = engine.plan_of(&sql, params.as_ref(), false).await;
                    self.keep_plan(&engine, &mut plans, &record, plan).await;
                }
                // Who waits may have given up.
                Note::Flush(sender) => drop(sender.send(())),
            }
        }
    }

    async fn write_slow(&mut self, engine: &Engine, plans: &mut Plans, draft: Draft) {
        let plan = engine.plan_of(&draft.sql, draft.params.as_ref(), true).await;
        let plan = self.keep_plan(engine, plans, &draft.record, plan).await;
        let slow = draft.finish(plan.as_ref(), engine.scribe.shows_params);
        let what = match slow.why {
            "lock" => "a transaction waited for the write lock",
            _ => "slow statement",
        };
        tracing::warn!(
            target: "forebay::slow",
            fingerprint = format_args!("{:016x}", slow.fingerprint),
            statement = slow.statement,
            why = slow.why,
            ms = slow.time.as_secs_f64() * 1e3,
            pool_wait_ms = slow.pool_wait.as_secs_f64() * 1e3,
            rows = slow.rows,
            vm_steps = slow.vm_steps,
            failed = slow.failed,
            caller = slow.caller,
            trace = slow.trace,
            params = slow.params,
            plan = slow.plan_lines.join("; "),
            left_out = slow.left_out,
            "{what}"
        );
        self.append(|| slow.to_json()).await;
        let mut last = engine.scribe.last();
        if last.statements.len() >= STATEMENTS_MAX {
            last.statements.pop_front();
        }
        last.statements.push_back(slow);
    }

    /// Keeps a plan, and tells if its fingerprint had another one before.
    async fn keep_plan(
        &mut self,
        engine: &Engine,
        plans: &mut Plans,
        record: &Record,
        plan: Option<Plan>,
    ) -> Option<Plan> {
        let fingerprint = record.id();
        let plan = plans.keep(fingerprint, plan?);
        // All others share one record, and have not one plan.
        let before = record.set_plan(plan.digest).filter(|_| fingerprint != 0);
        let Some(before) = before.filter(|before| *before != plan.digest) else {
            return Some(plan);
        };
        let change = PlanChange {
            at: SystemTime::now(),
            fingerprint,
            statement: record.text().to_string(),
            before,
            before_lines: plans.lines(fingerprint, before),
            after: plan.digest,
            after_lines: plan.lines.to_vec(),
        };
        tracing::warn!(
            target: "forebay::slow",
            fingerprint = format_args!("{fingerprint:016x}"),
            statement = change.statement,
            before = change.before_lines.join("; "),
            after = change.after_lines.join("; "),
            "the query plan has changed"
        );
        engine.scribe.plan_changes.fetch_add(1, Ordering::Relaxed);
        self.append(|| change.to_json()).await;
        let mut last = engine.scribe.last();
        if last.changes.len() >= CHANGES_MAX {
            last.changes.pop_front();
        }
        last.changes.push_back(change);
        drop(last);
        Some(plan)
    }

    /// Appends a line to the file, if there is one.
    async fn append(&mut self, line: impl FnOnce() -> String) {
        let Some(mut journal) = self.journal.take() else { return };
        let line = line();
        let appended = blocking(move || {
            journal.append(&line);
            Ok(journal)
        });
        // Without a runtime there is nobody to write.
        self.journal = appended.await.ok();
    }
}
