//! The self-audit: now and then a hit is asked of the database once more, and the two answers are
//! compared. It runs beside its caller, on a reader that lies idle, one at a time, and takes a
//! small share of one core. A difference switches the cache off for that statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::call::Call;
use super::connection::perform;
use super::database::Engine;
use super::difference::FoundBy;
use super::entry::{Entry, Payload};
#[cfg(feature = "postgres")]
use super::link::Link;
use super::read::finish;
use super::work::Work;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::sqlite::{self, Budget, Request};
use crate::backend::{Answer, Collect, Limits, Scope};
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::error::{Error, Kind};
use crate::guard::Stop;
use crate::params::Params;
use crate::row::Rows;
use crate::sql::Determined;
use crate::stats::AuditStats;
use crate::watch::Compared;

/// The longest an audit may take; a statement that takes longer is not audited.
const AUDIT_MAX: Duration = Duration::from_secs(1);

/// After an audit that took some time, none begins for so many times as long: audits take at most
/// 2 % of one core, however long the statements are.
const REST: u32 = 49;

/// The state of auditing.
pub(super) struct Audit {
    one_in: u32,
    /// `picks` multiplies by this and compares with that: a division by `one_in` without dividing.
    factor: u64,
    bound: u64,
    is_running: Arc<AtomicBool>,
    opened: Instant,
    /// Nanoseconds since `opened` until which no audit begins.
    rests_until: AtomicU64,
    compared: AtomicU64,
    differing: AtomicU64,
    skipped: [AtomicU64; Skipped::ALL.len()],
}

/// Why a hit that was picked was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skipped {
    /// Another audit is running, or was a moment ago.
    Busy,
    /// No reader lies idle.
    NoReader,
    /// A write came in between.
    Disturbed,
    /// The answers differ in what several right answers may differ in.
    Undetermined,
    /// The database took too long, or failed.
    Failed,
}

/// The right to run an audit; given back when it is dropped.
struct Turn(Arc<AtomicBool>);

/// One hit that is asked again.
struct Hit {
    params: Params,
    entry: Arc<Entry>,
}

/// Runs the statement of a hit once more.
struct AskAgain {
    sql: Arc<str>,
    params: Params,
    limits: Limits,
    /// What is determined of its answers, if that is known already.
    #[cfg(feature = "postgres")]
    determined: Option<Determined>,
}

impl Skipped {
    const ALL: [Skipped; 5] = [
        Skipped::Busy,
        Skipped::NoReader,
        Skipped::Disturbed,
        Skipped::Undetermined,
        Skipped::Failed,
    ];

    fn name(self) -> &'static str {
        match self {
            Skipped::Busy => "busy",
            Skipped::NoReader => "no_reader",
            Skipped::Disturbed => "disturbed",
            Skipped::Undetermined => "undetermined",
            Skipped::Failed => "failed",
        }
    }
}

impl Audit {
    /// Audits one hit in `one_in`, none for 0.
    pub(super) fn new(one_in: u32) -> Audit {
        // n is a multiple of d exactly if n * ceil(2^64 / d), cut to 64 bits, is less than
        // that factor: true for all n and d of 32 bits (Lemire, Kaser and Kurz, 2019).
        let (factor, bound) = match one_in {
            0 => (0, 0),
            1 => (0, 1),
            d => (u64::MAX / u64::from(d) + 1, u64::MAX / u64::from(d) + 1),
        };
        Audit {
            one_in,
            factor,
            bound,
            is_running: Arc::default(),
            opened: Instant::now(),
            rests_until: AtomicU64::new(0),
            compared: AtomicU64::new(0),
            differing: AtomicU64::new(0),
            skipped: Default::default(),
        }
    }

    /// Whether it is the turn of a hit that came after so many others.
    #[inline]
    pub(super) fn picks(&self, hits: u64) -> bool {
        // Not the first one, or statements that are rarely asked for would be audited most.
        let number = (hits as u32).wrapping_add(self.one_in / 2);
        u64::from(number).wrapping_mul(self.factor) < self.bound
    }

    pub(super) fn stats(&self) -> AuditStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let skipped =
            Skipped::ALL.iter().map(|why| (why.name(), read(&self.skipped[*why as usize])));
        AuditStats {
            one_in: self.one_in.into(),
            compared: read(&self.compared),
            differing: read(&self.differing),
            skipped: skipped.collect(),
        }
    }

    fn skip(&self, why: Skipped) {
        self.skipped[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The right to begin now, if nobody has it and the last audit is long enough ago.
    fn begin(&self) -> Option<Turn> {
        if self.is_running.swap(true, Ordering::AcqRel) {
            return None;
        }
        let turn = Turn(self.is_running.clone());
        let now = self.opened.elapsed().as_nanos() as u64;
        // An audit of every hit is a test, which is not to wait.
        let may = self.one_in == 1 || now >= self.rests_until.load(Ordering::Relaxed);
        may.then_some(turn)
    }

    fn rest(&self, spent: Duration) {
        let until = self.opened.elapsed() + spent * REST;
        self.rests_until.store(until.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Engine {
    /// Asks the database what a hit has just been answered with, in the background.
    pub(super) fn audit(&self, call: &Call<'_>, entry: &Arc<Entry>) {
        let audit = &self.trust.audit;
        let Some(turn) = audit.begin() else { return audit.skip(Skipped::Busy) };
        let holder = call.holder(Some(entry.record.text().clone()));
        let Some(reader) = self.origin.take_idle(holder) else {
            return audit.skip(Skipped::NoReader);
        };
        let again = AskAgain {
            sql: call.text.sql.into(),
            params: call.params.clone(),
            limits: self.limits(),
            #[cfg(feature = "postgres")]
            determined: self
                .known_template(&call.text)
                .and_then(|template| template.analysis.determined.clone()),
        };
        let hit = Hit { entry: entry.clone(), params: call.params.clone() };
        let engine = self.this.clone();
        self.runtime.spawn(async move {
            let _turn = turn;
            let began = Instant::now();
            let asked = perform(reader, again).await.ok();
            if let Some(engine) = engine.upgrade() {
                let is_fair = match &asked {
                    Some((answer, _)) => engine.is_fair(answer).await,
                    None => false,
                };
                engine.judge_audit(&hit, asked, is_fair);
                engine.trust.audit.rest(began.elapsed());
            }
        });
    }

    fn judge_audit(&self, hit: &Hit, asked: Option<(Answer, Option<Determined>)>, is_fair: bool) {
        let audit = &self.trust.audit;
        let Some((answer, determined)) = asked else { return audit.skip(Skipped::Failed) };
        let compared = self.compare_fairly(&hit.entry, &answer, determined.as_ref(), is_fair);
        match compared {
            Compared::Disturbed => return audit.skip(Skipped::Disturbed),
            Compared::Undetermined => return audit.skip(Skipped::Undetermined),
            Compared::Equal | Compared::Different => {}
        }
        audit.compared.fetch_add(1, Ordering::Relaxed);
        if compared == Compared::Different {
            audit.differing.fetch_add(1, Ordering::Relaxed);
            self.sound_alarm(hit, &answer.rows);
        }
    }

    /// The cache was wrong: nothing that it holds is trusted, and nothing of this statement is
    /// kept any more.
    fn sound_alarm(&self, hit: &Hit, read: &Rows) {
        let record = &hit.entry.record;
        self.trust.switches.condemn(record);
        self.clear_cache();
        let kept = match &hit.entry.payload {
            Payload::Rows(kept) => kept,
            // Its rows are not kept; that they differ is known by their digest.
            Payload::Typed(..) => read,
        };
        self.trust.differences.report(FoundBy::Audit, record, &hit.params, kept, read);
    }
}

impl Work for AskAgain {
    /// The database's answer now, and what is determined of it.
    type Done = (Answer, Option<Determined>);

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Self::Done> {
        let request = Request {
            sql: &self.sql,
            params: &self.params,
            stop: Some(Stop::at(Instant::now().checked_add(AUDIT_MAX))),
            budget: Budget::Worker,
            scope: Scope::Shared,
            fill: true,
        };
        let answer = finish(connection.run(&request, &mut Collect::new(self.limits))?)?;
        let analysis = connection.analyse(&self.sql, None)?;
        Ok((answer, analysis.determined.clone()))
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Self::Done> {
        let deadline = Instant::now().checked_add(AUDIT_MAX);
        let request = postgres::Request {
            sql: self.sql,
            params: self.params,
            deadline,
            is_repeatable: true,
            fence: None,
        };
        if !link.is_fit_for_fill(deadline).await? {
            return Err(Error::new(Kind::Database, "the connection is not fit for it"));
        }
        Ok((link.connection().run(request, self.limits).await?, self.determined))
    }
}

#[cfg(test)]
mod tests;
