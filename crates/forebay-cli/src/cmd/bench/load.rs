//! The load: users who ask in turn, until the time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::ask::Ask;
use super::line::Line;
use super::tally::Tally;

/// What is to be done.
pub(super) struct Load {
    pub(super) asks: Vec<Ask>,
    pub(super) users: u32,
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    /// At most so many requests count.
    pub(super) requests: u64,
    /// Requests each second of all users; `None` for as many as are answered.
    pub(super) rate: Option<u32>,
    pub(super) timeout: Duration,
    pub(super) tls: Option<TlsConnector>,
}

/// A load that is on its way.
pub(super) struct Run {
    load: Load,
    began: Instant,
    /// Requests that have begun and count.
    begun: AtomicU64,
    tally: Tally,
}

impl Run {
    pub(super) fn new(load: Load) -> Run {
        let tally = Tally::new(load.asks.len());
        Run { load, began: Instant::now(), begun: AtomicU64::new(0), tally }
    }

    /// From when on requests count.
    pub(super) fn counts_from(&self) -> Instant {
        self.began + self.load.warm_up
    }

    /// The share that is done.
    pub(super) fn progress(&self) -> f64 {
        let all = self.load.warm_up + self.load.duration;
        let time = self.began.elapsed().as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE);
        let requests = self.begun.load(Relaxed) as f64 / self.load.requests as f64;
        time.max(requests).min(1.0)
    }

    /// What was measured, once no user holds it any more.
    pub(super) fn into_parts(self) -> (Load, Tally) {
        (self.load, self.tally)
    }

    /// When a user's next request falls due; `None` when it is over.
    fn due(&self, user: u32, turn: u64) -> Option<Instant> {
        let due = match self.load.rate {
            Some(rate) => {
                let place = turn as f64 * f64::from(self.load.users) + f64::from(user);
                self.began + Duration::from_secs_f64(place / f64::from(rate))
            }
            None => Instant::now(),
        };
        let is_in_time = due < self.counts_from() + self.load.duration;
        (is_in_time && self.begun.load(Relaxed) < self.load.requests).then_some(due)
    }

    /// Whether a request that falls due then counts; `None`: there were enough already.
    fn counts(&self, due: Instant) -> Option<bool> {
        if due < self.counts_from() {
            return Some(false);
        }
        (self.begun.fetch_add(1, Relaxed) < self.load.requests).then_some(true)
    }
}

/// Starts all users; they end by themselves when the last one has been answered. Dropping the set
/// ends them at once.
pub(super) fn start(run: &Arc<Run>) -> JoinSet<()> {
    let mut users = JoinSet::new();
    for user in 0..run.load.users {
        users.spawn(ask_in_turn(Arc::clone(run), user));
    }
    users
}

async fn ask_in_turn(run: Arc<Run>, user: u32) {
    let load = &run.load;
    let mut lines: Vec<Line> = load.asks.iter().map(|ask| Line::to(ask.place.clone())).collect();
    let mut turn = 0;
    while let Some(due) = run.due(user, turn) {
        let began = wait(due).await;
        let Some(counts) = run.counts(began) else { return };
        // Not all of them begin at the same URL.
        let endpoint = (u64::from(user) + turn) as usize % load.asks.len();
        let ask = &load.asks[endpoint];
        // One connection serves all that one place is asked.
        let line = load.asks.iter().position(|other| other.place == ask.place).unwrap_or(endpoint);
        let answer = lines[line].ask(ask, load.tls.as_ref());
        let answer = match tokio::time::timeout(load.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {}", crate::quantity::Time(load.timeout))),
        };
        if counts {
            run.tally.record(endpoint, began.elapsed(), answer);
        }
        turn += 1;
    }
}

/// Waits until it falls due; gives the time from which it counts. That a timer wakes somewhat late
/// is not the application's fault; that the user was still waiting for an answer is.
async fn wait(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    tokio::time::sleep_until(due.into()).await;
    Instant::now()
}
