//! A circuit breaker: calls to what keeps failing are refused for a while, so that they fail at
//! once and leave it alone. When it opens and closes is decided elsewhere, single-threaded.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::circuit::{Change, Circuit, Pass, Refusal, State, Terms};
use super::name::Name;
use super::tally::BreakerWindow;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// The most calls that a window may have.
const WINDOW_CALLS_MAX: u32 = 10_000;

/// Which errors are failures.
type Judge = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// Refuses calls to what keeps failing. A clone is cheap and is the same breaker.
///
/// It is *closed* at first and lets every call pass. Once enough calls of its window have ended,
/// and the share of those that failed, or were slow, reaches its rate, it *opens*: every call is
/// refused at once ([`Error::is_circuit_open`]). When its time is over, it is *half-open*: some
/// calls pass to try, and the others are still refused. It closes when the trials have ended well
/// enough, else it opens again, for twice as long each time.
///
/// A call that was given up, because its future was dropped or it panicked, says nothing of what it
/// called; nor does one that was refused by another guard. A call takes a lock twice, for a moment;
/// nothing runs in the background.
///
/// ```
/// use forebay::{Breaker, BreakerState, Error};
/// # async fn fetch() -> forebay::Result<u32> { Ok(1) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// let breaker = Breaker::builder().named("prices").failure_rate(0.5).build();
/// let price = match breaker.call(fetch()).await {
///     Err(error) if error.is_circuit_open() => 0, // what is known from before
///     answer => answer?,
/// };
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # assert_eq!(price, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Breaker {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    is_failure: Judge,
    clock: Clock,
    circuit: Mutex<Circuit>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    admitted: AtomicU64,
    refused: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
    opened: AtomicU64,
}

/// Settings of a [`Breaker`], from [`Breaker::builder`]. What is out of range counts as what is
/// nearest in it.
#[derive(Clone)]
pub struct BreakerBuilder {
    name: Name,
    is_failure: Judge,
    terms: Terms,
    clock: Clock,
}

/// Whether a [`Breaker`] lets calls pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Every call passes.
    #[default]
    Closed,
    /// No call passes for a while.
    Open,
    /// Some calls pass, to see whether it can be closed.
    HalfOpen,
    /// No call passes until [`Breaker::reset`].
    ForcedOpen,
}

/// Counters of a [`Breaker`] since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// Whether calls pass now.
    pub state: BreakerState,
    /// Calls that passed.
    pub admitted: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Calls that ended without a failure.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were given up, which say nothing.
    pub given_up: u64,
    /// Times that it opened.
    pub opened: u64,
    /// The calls by which it judges now: those of the window, or the trials while it is half-open.
    pub window_calls: u32,
    /// Of these, failed.
    pub window_failed: u32,
    /// Of these, slow.
    pub window_slow: u32,
}

impl BreakerBuilder {
    /// What errors and logs call it; empty by default.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> BreakerBuilder {
        self.name = Name(name.into());
        self
    }

    /// The share of calls, from 0 to 1, from which on failures open it; 0.5 by default. With 0 the
    /// first failure does.
    #[must_use]
    pub fn failure_rate(mut self, rate: f64) -> BreakerBuilder {
        self.terms.failure_rate = share(rate);
        self
    }

    /// From how long on a call counts as slow, and the share of slow calls, from 0 to 1, from which
    /// on it opens. By default no call is slow.
    #[must_use]
    pub fn slow_call(mut self, from: Duration, rate: f64) -> BreakerBuilder {
        self.terms.slow_from = Some(from);
        self.terms.slow_rate = share(rate);
        self
    }

    /// The calls that it judges by; those of the last 30 s by default.
    #[must_use]
    pub fn window(mut self, window: BreakerWindow) -> BreakerBuilder {
        self.terms.window = window;
        self
    }

    /// It does not open before so many calls of the window have ended; 10 by default, 1 at least.
    #[must_use]
    pub fn calls_min(mut self, calls_min: u32) -> BreakerBuilder {
        self.terms.calls_min = calls_min;
        self
    }

    /// How long it stays open; 5 s by default. Each time that it opens again without having been
    /// closed, it is for twice as long, up to [`BreakerBuilder::open_for_max`].
    #[must_use]
    pub fn open_for(mut self, open_for: Duration) -> BreakerBuilder {
        self.terms.open_for = open_for;
        self
    }

    /// The longest that it stays open; 60 s by default, and never less than `open_for`.
    #[must_use]
    pub fn open_for_max(mut self, open_for_max: Duration) -> BreakerBuilder {
        self.terms.open_for_max = open_for_max;
        self
    }

    /// Calls that pass, all together, while it is half-open; 3 by default, 1 at least. It closes
    /// when all of them have ended and the rates are not reached.
    #[must_use]
    pub fn half_open(mut self, calls: u32) -> BreakerBuilder {
        self.terms.trials = calls;
        self
    }

    /// The longest that these may take; 30 s by default. It opens again when they have not ended by
    /// then.
    #[must_use]
    pub fn half_open_max(mut self, time: Duration) -> BreakerBuilder {
        self.terms.trial_max = time;
        self
    }

    /// Which errors are failures; [`Error::is_origin_failure`] by default: what is busy, out of
    /// reach or too slow, but not what was asked wrongly.
    #[must_use]
    pub fn failure_if(
        mut self,
        is_failure: impl Fn(&Error) -> bool + Send + Sync + 'static,
    ) -> BreakerBuilder {
        self.is_failure = Arc::new(is_failure);
        self
    }

    /// The breaker, closed.
    pub fn build(self) -> Breaker {
        let BreakerBuilder { name, is_failure, mut terms, clock } = self;
        terms.calls_min = terms.calls_min.max(1);
        if let BreakerWindow::Calls(calls) = &mut terms.window {
            *calls = (*calls).clamp(1, WINDOW_CALLS_MAX);
            terms.calls_min = terms.calls_min.min(*calls);
        }
        terms.trials = terms.trials.max(1);
        terms.open_for_max = terms.open_for_max.max(terms.open_for);
        let circuit = Mutex::new(Circuit::new(terms, clock.now()));
        let counters = Counters::default();
        Breaker { inner: Arc::new(Inner { name, is_failure, clock, circuit, counters }) }
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: Clock) -> BreakerBuilder {
        self.clock = clock;
        self
    }
}

impl Breaker {
    /// Settings for a breaker.
    pub fn builder() -> BreakerBuilder {
        BreakerBuilder {
            name: Name::default(),
            is_failure: Arc::new(Error::is_origin_failure),
            terms: Terms {
                window: BreakerWindow::Period(Duration::from_secs(30)),
                calls_min: 10,
                failure_rate: 0.5,
                slow_rate: 1.0,
                slow_from: None,
                open_for: Duration::from_secs(5),
                open_for_max: Duration::from_secs(60),
                trials: 3,
                trial_max: Duration::from_secs(30),
            },
            clock: Clock::real(),
        }
    }

    /// Does `work` if calls may pass, and notes how it ends. Dropping the future gives the call up.
    pub async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let permit = self.permit()?;
        let done = work.await;
        permit.ended(&done);
        done
    }

    /// The same for work with errors of its own; `is_failure` says which of them are failures.
    pub async fn call_any<T, E: From<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        is_failure: impl FnOnce(&E) -> bool,
    ) -> Result<T, E> {
        let permit = self.permit()?;
        let done = work.await;
        match &done {
            Err(error) if is_failure(error) => permit.failed(),
            _ => permit.succeeded(),
        }
        done
    }

    /// Lets a call pass, or refuses it ([`Error::is_circuit_open`]); [`Error::retry_after`] says
    /// when the next one may pass, where that is known. The call begins now, and what was made of
    /// it is told by the permit.
    pub fn permit(&self) -> Result<Permit> {
        let now = self.inner.clock.now();
        let passed = self.inner.with(|circuit| circuit.pass(now));
        match passed {
            Ok(pass) => {
                self.inner.counters.admitted.fetch_add(1, Relaxed);
                Ok(Permit { breaker: self.clone(), pass: Some(pass) })
            }
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// An error if a call would be refused now, which counts as a refusal. No call passes by it, so
    /// it may be asked before something is prepared, or paid, for the call.
    pub fn check(&self) -> Result<()> {
        let now = self.inner.clock.now();
        let checked = self.inner.with(|circuit| circuit.check(now));
        checked.map_err(|refusal| self.refuse(refusal))
    }

    /// Whether calls pass now.
    pub fn state(&self) -> BreakerState {
        let now = self.inner.clock.now();
        self.inner.with(|circuit| circuit.state(now)).into()
    }

    /// Closes it and forgets what it has judged by. Calls that passed before count no more.
    pub fn reset(&self) {
        let now = self.inner.clock.now();
        self.inner.with(|circuit| circuit.reset(now));
    }

    /// Opens it until [`Breaker::reset`].
    pub fn force_open(&self) {
        let now = self.inner.clock.now();
        self.inner.with(|circuit| circuit.force_open(now));
    }

    /// Counters since it was made.
    pub fn stats(&self) -> BreakerStats {
        let now = self.inner.clock.now();
        let (state, sums) = self.inner.with(|circuit| (circuit.state(now), circuit.sums(now)));
        let counters = &self.inner.counters;
        BreakerStats {
            state: state.into(),
            admitted: counters.admitted.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            succeeded: counters.succeeded.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            given_up: counters.given_up.load(Relaxed),
            opened: counters.opened.load(Relaxed),
            window_calls: sums.calls,
            window_failed: sums.failed,
            window_slow: sums.slow,
        }
    }

    #[cold]
    fn refuse(&self, refusal: Refusal) -> Error {
        self.inner.counters.refused.fetch_add(1, Relaxed);
        let name = &self.inner.name;
        let (text, wait) = match refusal {
            Refusal::Open { wait } => (
                format!(
                    "the circuit breaker{name} is open, because what it stands before has been \
                     failing or slow; try again in {wait:.3?}, or answer with something else \
                     meanwhile"
                ),
                Some(wait),
            ),
            Refusal::Trying => (
                format!(
                    "the circuit breaker{name} is half-open, and as many calls as may try are \
                     trying; try again shortly, or answer with something else meanwhile"
                ),
                None,
            ),
            Refusal::Forced => (
                format!("the circuit breaker{name} was opened by `force_open`; `reset` closes it"),
                None,
            ),
        };
        Error::new(Kind::CircuitOpen, text).with_retry_after(wait)
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("name", &self.inner.name.0).finish_non_exhaustive()
    }
}

impl fmt::Debug for BreakerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BreakerBuilder { name, terms, .. } = self;
        let mut debug = f.debug_struct("BreakerBuilder");
        debug.field("name", &name.0).field("terms", terms).finish_non_exhaustive()
    }
}

impl From<State> for BreakerState {
    fn from(state: State) -> BreakerState {
        match state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Forced => BreakerState::ForcedOpen,
        }
    }
}

/// A call that a [`Breaker`] has let pass. Dropped, the call counts as given up.
#[must_use = "the call is given up when its permit is dropped"]
#[derive(Debug)]
pub struct Permit {
    breaker: Breaker,
    /// `None` once it has ended.
    pass: Option<Pass>,
}

impl Permit {
    /// The call has ended without a failure, if perhaps slowly.
    pub fn succeeded(self) {
        self.end(Some(false));
    }

    /// The call has failed.
    pub fn failed(self) {
        self.end(Some(true));
    }

    /// The call has ended so: failed if the breaker takes the error for a failure, given up if the
    /// error says that the call never got there.
    pub fn ended<T>(self, done: &Result<T>) {
        let failed = match done {
            Err(error) if (self.breaker.inner.is_failure)(error) => Some(true),
            Err(error) if error.has_not_reached() => None,
            _ => Some(false),
        };
        self.end(failed);
    }

    fn end(mut self, failed: Option<bool>) {
        if let Some(pass) = self.pass.take() {
            self.breaker.inner.end(pass, failed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.breaker.inner.end(pass, None);
        }
    }
}

impl Inner {
    fn end(&self, pass: Pass, failed: Option<bool>) {
        let counter = match failed {
            Some(false) => &self.counters.succeeded,
            Some(true) => &self.counters.failed,
            None => &self.counters.given_up,
        };
        counter.fetch_add(1, Relaxed);
        let now = self.clock.now();
        self.with(|circuit| circuit.end(pass, failed, now));
    }

    /// Asks the circuit, and tells of its change of state once the lock is free again.
    fn with<R>(&self, ask: impl FnOnce(&mut Circuit) -> R) -> R {
        let (answer, change) = {
            let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = ask(&mut circuit);
            (answer, circuit.take_change())
        };
        if let Some(change) = change {
            self.tell(change);
        }
        answer
    }

    #[cold]
    fn tell(&self, change: Change) {
        let Change { from, to, why } = change;
        let (from, to) = (BreakerState::from(from), BreakerState::from(to));
        if from == to {
            return;
        }
        let (why, sums) = why.describe();
        let (calls, failed, slow) = (sums.calls, sums.failed, sums.slow);
        let breaker = &*self.name.0;
        if matches!(to, BreakerState::Open | BreakerState::ForcedOpen) {
            self.counters.opened.fetch_add(1, Relaxed);
            tracing::warn!(breaker, ?from, ?to, why, calls, failed, slow, "a circuit opened");
        } else {
            tracing::info!(breaker, ?from, ?to, why, calls, failed, slow, "a circuit changed");
        }
    }
}

/// A share from 0 to 1. What is not a number is never reached.
fn share(rate: f64) -> f64 {
    if rate.is_nan() { f64::INFINITY } else { rate.clamp(0.0, 1.0) }
}
