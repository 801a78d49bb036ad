//! A statement's way to the database and back: measured along the way, and noted in one place,
//! whoever sent it. What was found slow goes from here to the scribe.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::call::Call;
use super::course::Course;
use super::database::Engine;
use super::scribe::Draft;
use crate::backend::{Answer, Effect};
use crate::error::Result;
use crate::params::Params;
use crate::sql::{Comment, Dialect, has_literals};
use crate::trace::{self, TraceParent};
use crate::watch::{Record, Slow, Visit, Why};

/// The longest text that is kept as a sample of its fingerprint.
const SAMPLE_BYTES_MAX: usize = 4_096;

/// The query plan is asked for after so many executions, and each time that there are twice as
/// many: of what is run seldom nobody needs to know it before it is slow.
const PLANNED_FROM: u64 = 32;

/// When a statement was sent on its way, and when it got a connection.
pub(super) struct Trip {
    began: Instant,
    arrived: Option<Instant>,
    /// It shared a statement that took so long.
    shared: Option<Duration>,
    /// What of its caller has to be known, since it may be noted in another task.
    course: Option<Box<Course>>,
}

/// Whose trip it was.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    pub(super) record: &'a Arc<Record>,
    pub(super) sql: &'a str,
    /// The text with what is around it.
    pub(super) whole: &'a str,
    pub(super) params: Option<&'a Params>,
}

/// What came of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Brought {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// VM steps, where they are counted.
    pub(super) steps: u64,
    pub(super) failed: bool,
}

impl Trip {
    /// It begins, without a connection.
    pub(super) fn begin(record: &Record, dialect: Dialect) -> Trip {
        let course = Course::begin(record, dialect);
        Trip { began: Instant::now(), arrived: None, shared: None, course }
    }

    /// It begins on a connection that its caller has.
    pub(super) fn here(record: &Record, dialect: Dialect) -> Trip {
        let trip = Trip::begin(record, dialect);
        Trip { arrived: Some(trip.began), ..trip }
    }

    /// It has had a connection since `at`.
    pub(super) fn arrive(&mut self, at: Instant) {
        self.arrived = Some(at);
    }

    /// It shared a statement with others, which took `spent`.
    #[cfg(feature = "postgres")]
    pub(super) fn ride(&mut self, spent: Duration) {
        self.shared = Some(spent);
    }

    fn trace(&self) -> Option<TraceParent> {
        self.course.as_ref().and_then(|course| course.trace)
    }

    /// How it went; `None` if it never got a connection.
    fn visit(&self, idle: Duration, brought: &Brought) -> Option<Visit> {
        let ended = Instant::now();
        let (spent, wait) = match (self.shared, self.arrived) {
            (Some(shared), _) => {
                let gone = ended.saturating_duration_since(self.began);
                (shared, gone.saturating_sub(shared).saturating_sub(idle))
            }
            // Few have to wait, and a difference of times costs as much as all else here.
            (None, Some(arrived)) => {
                let spent = ended.saturating_duration_since(arrived).saturating_sub(idle);
                let has_waited = arrived != self.began;
                let wait = has_waited.then(|| arrived.saturating_duration_since(self.began));
                (spent, wait.unwrap_or_default())
            }
            (None, None) => return None,
        };
        let Brought { rows, bytes, failed, .. } = *brought;
        Some(Visit { ended, spent, wait, rows, bytes, failed })
    }
}

impl<'a> Errand<'a> {
    pub(super) fn of(call: &'a Call<'_>, record: &'a Arc<Record>) -> Errand<'a> {
        let (sql, whole) = (call.text.sql, call.text.whole);
        Errand { record, sql, whole, params: Some(&call.params) }
    }

    /// Of a statement for many rows, whose values are not looked at.
    pub(super) fn bare(record: &'a Arc<Record>, sql: &'a str) -> Errand<'a> {
        Errand { record, sql, whole: sql, params: None }
    }
}

impl Brought {
    pub(super) fn of(done: &Result<Answer>) -> Brought {
        let Ok(answer) = done else { return Brought { failed: true, ..Brought::default() } };
        let rows = answer.rows.len() as u64;
        let rows = match answer.effect {
            Effect::Read => rows,
            _ => rows.max(answer.rows_affected),
        };
        Brought { rows, bytes: answer.rows.size() as u64, steps: answer.steps, failed: false }
    }

    /// Whether it failed is all that is known.
    pub(super) fn of_any<T>(done: &Result<T>) -> Brought {
        Brought { failed: done.is_err(), ..Brought::default() }
    }
}

impl Engine {
    /// Notes a trip that is over; gives the time at the database.
    pub(super) fn note_trip(
        &self,
        trip: &Trip,
        errand: &Errand<'_>,
        brought: &Brought,
    ) -> Duration {
        self.note_trip_but(Duration::ZERO, trip, errand, brought)
    }

    /// The same, of which the database was idle for some time.
    pub(super) fn note_trip_but(
        &self,
        idle: Duration,
        trip: &Trip,
        errand: &Errand<'_>,
        brought: &Brought,
    ) -> Duration {
        let Some(visit) = trip.visit(idle, brought) else { return Duration::ZERO };
        let noted = self.fingerprints.note(errand.record, &visit);
        if noted.number.is_power_of_two() {
            self.take_sample(errand, noted.number);
        }
        if let Some(slow) = noted.slow {
            let slow = if self.waits_for_the_lock(errand) { slow.because(Why::Lock) } else { slow };
            self.tell_slow(errand, trip.trace(), &visit, brought, slow);
        }
        if let Some(course) = &trip.course {
            course.end(&visit, brought);
        }
        visit.spent
    }

    /// Notes who asked and in which words, while that is not known, and has the plan looked at.
    #[cold]
    fn take_sample(&self, errand: &Errand<'_>, number: u64) {
        let record = errand.record;
        if record.caller().is_none()
            && let Some(caller) = caller(errand, self.dialect())
        {
            record.set_caller(&caller);
        }
        record.set_sample(|| {
            let is_kept = errand.sql.len() <= SAMPLE_BYTES_MAX
                && (self.scribe.keeps_samples() || !has_literals(errand.sql, self.dialect()));
            is_kept.then(|| errand.sql.into())
        });
        if number >= PLANNED_FROM {
            self.scribe.look_at_plan(errand);
        }
    }

    /// Whether it does nothing but take SQLite's write lock, so that its time is that of others.
    #[cold]
    fn waits_for_the_lock(&self, errand: &Errand<'_>) -> bool {
        let text = errand.record.text();
        let takes_it = ["begin immediate", "begin exclusive"].iter().any(|it| text.starts_with(it));
        takes_it && self.dialect() == Dialect::Sqlite
    }

    #[cold]
    fn tell_slow(
        &self,
        errand: &Errand<'_>,
        trace: Option<TraceParent>,
        visit: &Visit,
        brought: &Brought,
        slow: Slow,
    ) {
        self.scribe.count(slow);
        let Slow::Tell { why, left_out } = slow else { return };
        let comment = Comment::of(errand.whole, self.dialect());
        let caller = caller(errand, self.dialect());
        self.scribe.tell(Draft {
            at: SystemTime::now(),
            record: errand.record.clone(),
            sql: errand.sql.into(),
            params: errand.params.cloned(),
            caller: caller.or_else(|| errand.record.caller().map(str::to_owned)),
            trace: comment.trace.or(trace).as_ref().map(trace::shown),
            why,
            left_out,
            visit: *visit,
            steps: (brought.steps > 0).then_some(brought.steps),
        });
    }
}

/// Who asks: by the comment, else by the name, else by the span that it is asked in.
fn caller(errand: &Errand<'_>, dialect: Dialect) -> Option<String> {
    let named = || errand.record.name().map(str::to_owned);
    // Ours say nothing of who asks.
    let named_span = |name: &str| (!name.starts_with("forebay.")).then(|| name.to_owned());
    let spanned = || tracing::Span::current().metadata().and_then(|it| named_span(it.name()));
    Comment::of(errand.whole, dialect).caller.or_else(named).or_else(spanned)
}
