//! A connection that one caller keeps for several statements, with the limits that keep it from
//! being kept for ever.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard, Semaphore};
use tokio::task::AbortHandle;

use super::connection::{Connection, Hold, perform};
use super::work::Work;
use crate::error::{Error, Kind, Result};
use crate::watch::Scope;

/// How long a connection may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Between two statements of a transaction.
    pub(super) idle_max: Duration,
    /// From the beginning of a transaction to its end.
    pub(super) total_max: Duration,
}

/// Where the connection is.
enum Slot {
    /// Here, waiting for the next statement.
    Here(Connection),
    /// With a statement that is running.
    Away,
    /// With a statement that is running; to be rolled back when it returns.
    Unwanted,
    /// Given back, for this reason.
    Gone(Gone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Ended,
    Idle,
    Late,
    /// Its transaction began or ended with a statement whose caller did not wait for it.
    Unheard,
}

/// A pinned connection. Its statements run one after another.
pub(crate) struct Pinned {
    turn: Arc<Turn<()>>,
    state: Arc<Mutex<State>>,
    patience: Patience,
    /// Ends with the connection's keeper, or the watches of ended transactions would pile up.
    watch: AbortHandle,
    /// What its statements belong to, if their task says nothing else.
    scope: OnceLock<Scope>,
}

struct State {
    slot: Slot,
    /// Since when a transaction has been open.
    since: Option<Instant>,
    last_used: Instant,
    /// The connection has settings of its own.
    is_changed: bool,
    /// The caller of the statement that is running waits no more; whether a transaction was open
    /// before it.
    unheard: Option<bool>,
}

impl Pinned {
    /// Pins `connection`, whose transaction, if one is open, began now.
    pub(super) fn new(
        mut connection: Connection,
        patience: Patience,
        closing: Arc<Closing>,
    ) -> Arc<Pinned> {
        connection.hand_over();
        let now = Instant::now();
        let since = (!connection.is_autocommit()).then_some(now);
        let state = State {
            slot: Slot::Here(connection),
            since,
            last_used: now,
            is_changed: false,
            unheard: None,
        };
        let state = Arc::new(Mutex::new(state));
        let watch = watch(Arc::downgrade(&state), patience, closing);
        let scope = OnceLock::new();
        Arc::new(Pinned { turn: Arc::default(), state, patience, watch, scope })
    }

    /// Does `work` on the connection, after what was asked for before.
    ///
    /// Dropping the future does not stop `work`, but the next statement waits for its end. If a
    /// transaction was begun or ended by then, it is over, and the next statement says so.
    pub(super) async fn run<W: Work>(&self, work: W) -> Result<W::Done> {
        self.run_for(work, || false).await
    }

    /// The same for a caller other than the one who waits for the future: `is_gone` tells, at the
    /// end of `work`, whether nobody will hear of it.
    pub(super) async fn run_for<W: Work>(
        &self,
        work: W,
        is_gone: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<W::Done> {
        let turn = self.turn.clone().lock_owned().await;
        let (connection, was_open) = {
            let mut state = lock(&self.state);
            (state.take()?, state.since.is_some())
        };
        let state = self.state.clone();
        let hearing = Hearing { state: Some(state.clone()), was_open };
        let lent = Lent { connection, state, was_open, is_gone, _turn: turn };
        let away = Away { lent: Some(lent) };
        let done = perform(away, work).await;
        hearing.end();
        done
    }

    /// What its statements belong to.
    pub(super) fn scope(&self) -> &Scope {
        self.scope.get_or_init(|| Scope::alone("transaction"))
    }

    /// Waits until a statement that was given up has ended.
    pub(super) async fn settled(&self) {
        // Not for another one: it may be a stream whose reader is asking.
        if lock(&self.state).unheard.is_some() {
            drop(self.turn.lock().await);
        }
    }

    /// When a statement that begins now must have ended for the transaction's sake.
    pub(super) fn deadline(&self) -> Option<Instant> {
        lock(&self.state).since.and_then(|since| since.checked_add(self.patience.total_max))
    }

    /// Whether the connection needs to be kept: for a transaction or its own settings. One that
    /// was taken away by a limit counts as kept until a statement has reported it.
    pub(super) fn is_needed(&self) -> bool {
        let state = lock(&self.state);
        match state.slot {
            Slot::Here(_) => state.since.is_some() || state.is_changed,
            Slot::Away | Slot::Unwanted => true,
            Slot::Gone(gone) => gone != Gone::Ended,
        }
    }

    /// Whether a transaction is open, as far as its caller knows.
    pub(super) fn is_in_transaction(&self) -> bool {
        let state = lock(&self.state);
        state.since.is_some() || matches!(state.slot, Slot::Gone(gone) if gone != Gone::Ended)
    }

    /// Rolls back what is open and gives the connection back, now or when the statement that is
    /// running returns.
    pub(crate) fn release(&self) {
        let given_up = lock(&self.state).give_up(Gone::Ended);
        drop(given_up);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.watch.abort();
        self.release();
    }
}

impl State {
    fn take(&mut self) -> Result<Connection> {
        match std::mem::replace(&mut self.slot, Slot::Away) {
            Slot::Here(connection) => Ok(connection),
            other => {
                let error = match &other {
                    Slot::Gone(gone) => gone.error(),
                    _ => Error::new(Kind::Closed, "the transaction is being rolled back"),
                };
                self.slot = match other {
                    // It has been reported: from here on it is over.
                    Slot::Gone(_) => Slot::Gone(Gone::Ended),
                    other => other,
                };
                Err(error)
            }
        }
    }

    /// The caller of a statement waits no more. It cannot know that the statement has begun a
    /// transaction, nor that SQLite has ended one because it was stopped.
    fn miss(&mut self, was_open: bool) -> Option<Connection> {
        match self.slot {
            Slot::Away => {
                self.unheard = Some(was_open);
                None
            }
            Slot::Here(_) if was_open != self.since.is_some() => self.give_up(Gone::Unheard),
            Slot::Here(_) | Slot::Unwanted | Slot::Gone(_) => None,
        }
    }

    fn give_up(&mut self, why: Gone) -> Option<Connection> {
        self.since = None;
        match std::mem::replace(&mut self.slot, Slot::Gone(why)) {
            Slot::Here(connection) => Some(connection),
            Slot::Away | Slot::Unwanted => {
                self.slot = Slot::Unwanted;
                None
            }
            Slot::Gone(before) => {
                self.slot = Slot::Gone(before);
                None
            }
        }
    }
}

/// What the caller of a statement does not live to hear of.
struct Hearing {
    state: Option<Arc<Mutex<State>>>,
    was_open: bool,
}

impl Hearing {
    fn end(mut self) {
        self.state = None;
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else { return };
        let given_up = lock(&state).miss(self.was_open);
        drop(given_up);
    }
}

impl Gone {
    fn error(self) -> Error {
        match self {
            Gone::Ended => Error::new(
                Kind::Closed,
                "the transaction has ended; begin another one for further statements",
            ),
            Gone::Idle => Error::new(
                Kind::Timeout,
                "the transaction was rolled back because it lay idle for longer than its limit \
                 (`transaction_idle_timeout`); keep transactions short",
            ),
            Gone::Late => Error::new(
                Kind::Timeout,
                "the transaction was rolled back because it lasted longer than its limit \
                 (`transaction_timeout`); keep transactions short",
            ),
            Gone::Unheard => Error::new(
                Kind::Closed,
                "the transaction is over, because a statement that began it, ended it, or had to \
                 be stopped in it was given up by its caller; see what is there, and begin anew",
            ),
        }
    }
}

/// A connection on its way through a statement.
struct Away<G: FnOnce() -> bool + Send + 'static> {
    lent: Option<Lent<G>>,
}

struct Lent<G> {
    connection: Connection,
    state: Arc<Mutex<State>>,
    was_open: bool,
    is_gone: G,
    _turn: OwnedMutexGuard<()>,
}

impl<G: FnOnce() -> bool + Send + 'static> Hold for Away<G> {
    fn connection(&mut self) -> &mut Connection {
        &mut self.lent.as_mut().expect("it has the connection until it is dropped").connection
    }
}

impl<G: FnOnce() -> bool + Send + 'static> Drop for Away<G> {
    fn drop(&mut self) {
        let Some(mut lent) = self.lent.take() else { return };
        if !lent.connection.is_busy() {
            return lent.end();
        }
        // The statement was given up and is being stopped; who comes next waits for its end.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                lent.connection.rest().await;
                lent.end();
            })),
            Err(_) => lent.end(),
        }
    }
}

impl<G: FnOnce() -> bool> Lent<G> {
    fn end(self) {
        let Lent { connection, state, was_open, is_gone, _turn } = self;
        let is_gone = is_gone();
        let mut state = lock(&state);
        if is_gone {
            state.unheard = Some(was_open);
        }
        let unwanted = state.put_back(connection);
        drop(state);
        if let Some(connection) = unwanted {
            connection.clean();
        }
    }
}

impl State {
    /// Takes the connection back after a statement, unless it has become unwanted meanwhile.
    fn put_back(&mut self, connection: Connection) -> Option<Connection> {
        self.last_used = Instant::now();
        self.is_changed = connection.is_changed();
        if connection.is_autocommit() {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(self.last_used);
        }
        let unheard = self.unheard.take();
        let is_missed = unheard.is_some_and(|was_open| was_open != self.since.is_some());
        match self.slot {
            Slot::Away if !is_missed => {
                self.slot = Slot::Here(connection);
                None
            }
            Slot::Away | Slot::Unwanted | Slot::Here(_) | Slot::Gone(_) => {
                let why = match self.slot {
                    Slot::Away => Gone::Unheard,
                    _ => Gone::Ended,
                };
                self.since = None;
                self.slot = Slot::Gone(why);
                Some(connection)
            }
        }
    }
}

/// Told to all who keep a connection: the database is being closed.
pub(super) struct Closing(Semaphore);

impl Closing {
    pub(super) fn new() -> Arc<Closing> {
        Arc::new(Closing(Semaphore::new(0)))
    }

    pub(super) fn begin(&self) {
        self.0.close();
    }

    /// Waits for `begin`, at most so long; whether it has been called.
    async fn has_begun_within(&self, wait: Duration) -> bool {
        // The semaphore never has a permit: the wait ends when it is closed.
        tokio::time::timeout(wait, self.0.acquire()).await.is_ok()
    }
}

/// Ends a transaction that lasts too long or lies idle. When the database is being closed, also
/// gives back a connection without a transaction.
fn watch(state: Weak<Mutex<State>>, patience: Patience, closing: Arc<Closing>) -> AbortHandle {
    /// How often it looks once the database is being closed.
    const CLOSING_LOOK: Duration = Duration::from_millis(10);
    let watching = tokio::spawn(async move {
        let mut wait = patience.idle_max.min(patience.total_max);
        let mut is_closing = false;
        loop {
            if is_closing {
                tokio::time::sleep(wait.min(CLOSING_LOOK)).await;
            } else {
                is_closing = closing.has_begun_within(wait).await;
            }
            let Some(state) = state.upgrade() else { return };
            let (next, given_up) = lock(&state).look(patience, is_closing);
            wait = next;
            drop(given_up);
        }
    });
    watching.abort_handle()
}

impl State {
    /// What a limit demands now, and when to look again.
    fn look(&mut self, patience: Patience, is_closing: bool) -> (Duration, Option<Connection>) {
        /// Bounds how often the watch wakes up.
        const LOOK_MIN: Duration = Duration::from_millis(5);
        let rest = patience.idle_max.min(patience.total_max).max(LOOK_MIN);
        let Slot::Here(_) = self.slot else { return (rest, None) };
        let Some(since) = self.since else {
            return (rest, is_closing.then(|| self.give_up(Gone::Ended)).flatten());
        };
        let idle_left = patience.idle_max.saturating_sub(self.last_used.elapsed());
        let total_left = patience.total_max.saturating_sub(since.elapsed());
        if idle_left.is_zero() {
            (rest, self.give_up(Gone::Idle))
        } else if total_left.is_zero() {
            (rest, self.give_up(Gone::Late))
        } else {
            (idle_left.min(total_left).max(LOOK_MIN), None)
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
