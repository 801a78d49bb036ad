//! Single flight: of several callers with the same key, one reads at the origin and the others
//! wait for it to end. They are not handed its value: each asks the cache again, because its own
//! acknowledged write may be younger than the leader's snapshot.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::cache::Key;

const SHARDS: usize = 16;

/// How long a leader may do nothing before another takes its place: nobody may be polling it, or it
/// is still waiting for a connection. Each successor is given twice the time.
const IDLE_MIN: Duration = Duration::from_secs(1);
const IDLE_MAX: Duration = Duration::from_secs(60);

type Shard = Mutex<HashMap<Key, Arc<Flight>, RandomState>>;

/// One read in progress.
struct Flight {
    /// Never has a permit; closed when it has ended.
    landed: Semaphore,
    /// Its statement is running on a worker thread, which needs nobody to poll it.
    is_working: AtomicBool,
    /// It has ended before it read: one of those who wait takes its place.
    is_refused: AtomicBool,
    idle_max: Duration,
}

/// Reads in progress, by key. At most one entry per running read.
pub(crate) struct Flights {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

/// The part a caller plays.
pub(crate) enum Part<'a> {
    /// It reads, and lands when the guard is dropped, however it ends.
    Leader(Landing<'a>),
    /// It waits.
    Follower(Following),
}

/// Ends a flight when dropped.
pub(crate) struct Landing<'a> {
    shard: &'a Shard,
    key: Key,
    flight: Arc<Flight>,
}

/// The statement of a flight is running on a worker thread, until dropped.
pub(crate) struct Working(Arc<Flight>);

/// A flight to wait for.
pub(crate) struct Following(Arc<Flight>);

/// A flight that does not go on, or was not allowed to.
pub(crate) struct Stalled(Arc<Flight>);

impl Flights {
    pub(crate) fn new() -> Flights {
        Flights {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }

    /// Joins the flight for `key`, or begins it.
    pub(crate) fn join(&self, key: Key) -> Part<'_> {
        let shard = &self.shards[(self.hasher.hash_one(&key) % SHARDS as u64) as usize];
        let mut flights = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return Part::Follower(Following(flight.clone()));
        }
        Part::Leader(begin(shard, &mut flights, key, IDLE_MIN))
    }

    /// Takes the place of a leader that does not go on, or follows who has done so before.
    pub(crate) fn succeed(&self, key: Key, stalled: &Stalled) -> Part<'_> {
        let shard = &self.shards[(self.hasher.hash_one(&key) % SHARDS as u64) as usize];
        let mut flights = shard.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.get(&key) {
            Some(flight) if !Arc::ptr_eq(flight, &stalled.0) => {
                Part::Follower(Following(flight.clone()))
            }
            _ => {
                let is_refused = stalled.0.is_refused.load(Ordering::Relaxed);
                let longer = if is_refused { 1 } else { 2 };
                let idle_max = (stalled.0.idle_max * longer).min(IDLE_MAX);
                Part::Leader(begin(shard, &mut flights, key, idle_max))
            }
        }
    }
}

fn begin<'a>(
    shard: &'a Shard,
    flights: &mut HashMap<Key, Arc<Flight>, RandomState>,
    key: Key,
    idle_max: Duration,
) -> Landing<'a> {
    let flight = Arc::new(Flight {
        landed: Semaphore::new(0),
        is_working: AtomicBool::new(false),
        is_refused: AtomicBool::new(false),
        idle_max,
    });
    flights.insert(key.clone(), flight.clone());
    Landing { shard, key, flight }
}

impl Landing<'_> {
    pub(crate) fn working(&self) -> Working {
        self.flight.is_working.store(true, Ordering::Relaxed);
        Working(self.flight.clone())
    }

    /// The leader may not read, for a reason that is its own: it ends without having led.
    pub(crate) fn refused(&self) {
        self.flight.is_refused.store(true, Ordering::Relaxed);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.is_working.store(false, Ordering::Relaxed);
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flights = self.shard.lock().unwrap_or_else(PoisonError::into_inner);
        // There may be a successor.
        if flights.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            flights.remove(&self.key);
        }
        self.flight.landed.close();
    }
}

impl Following {
    /// Returns once the flight has ended, successful or not; an error if it does not go on, or
    /// was refused. Cancel safe.
    ///
    /// A future that is kept and not polled would be waited for without end, perhaps by the task
    /// that has to poll it.
    pub(crate) async fn landed(self) -> Result<(), Stalled> {
        let Following(flight) = self;
        while timeout(flight.idle_max, flight.landed.acquire()).await.is_err() {
            if !flight.is_working.load(Ordering::Relaxed) {
                return Err(Stalled(flight));
            }
        }
        // What was stored before it was closed is seen.
        if flight.is_refused.load(Ordering::Relaxed) { Err(Stalled(flight)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Shape, TextHasher};
    use crate::params::Params;

    #[tokio::test]
    async fn followers_wake_when_the_leader_ends() {
        let flights = Flights::new();
        let texts = TextHasher::default();
        let key = |sql| {
            let text = texts.text(sql).to_text();
            Key { text, params: Params::default(), shape: Shape::rows() }
        };
        let Part::Leader(landing) = flights.join(key("a")) else { panic!("first") };
        assert!(matches!(flights.join(key("b")), Part::Leader(_)));
        let Part::Follower(following) = flights.join(key("a")) else { panic!("second") };
        let waiting = tokio::spawn(following.landed());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(landing);
        assert!(waiting.await.unwrap().is_ok());
        assert!(matches!(flights.join(key("a")), Part::Leader(_)));
    }

    #[tokio::test]
    async fn one_of_those_who_wait_takes_the_place_of_a_leader_that_is_refused() {
        let flights = Flights::new();
        let text = TextHasher::default().text("a").to_text();
        let key = Key { text, params: Params::default(), shape: Shape::rows() };
        let Part::Leader(landing) = flights.join(key.clone()) else { panic!("first") };
        let Part::Follower(second) = flights.join(key.clone()) else { panic!("second") };
        let Part::Follower(third) = flights.join(key.clone()) else { panic!("third") };
        landing.refused();
        drop(landing);
        let second = second.landed().await.expect_err("it was refused");
        let third = third.landed().await.expect_err("it was refused");
        let Part::Leader(landing) = flights.succeed(key.clone(), &second) else { panic!("leads") };
        let Part::Follower(third) = flights.succeed(key, &third) else { panic!("one only") };
        drop(landing);
        assert!(third.landed().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_nobody_polls_is_waited_for_no_more() {
        let flights = Flights::new();
        let text = TextHasher::default().text("a").to_text();
        let key = Key { text, params: Params::default(), shape: Shape::rows() };
        let Part::Leader(landing) = flights.join(key.clone()) else { panic!("first") };
        let working = landing.working();
        let Part::Follower(following) = flights.join(key.clone()) else { panic!("second") };
        let Part::Follower(third) = flights.join(key.clone()) else { panic!("third") };
        let (waiting, third) = (tokio::spawn(following.landed()), tokio::spawn(third.landed()));
        tokio::time::sleep(10 * IDLE_MIN).await;
        assert!(!waiting.is_finished(), "the statement is running");
        drop(working);
        tokio::time::sleep(2 * IDLE_MIN).await;
        let (stalled, also) = (waiting.await.unwrap(), third.await.unwrap());
        let (stalled, also) = (stalled.expect_err("stalled"), also.expect_err("stalled"));
        let Part::Leader(second) = flights.succeed(key.clone(), &stalled) else { panic!("leads") };
        let Part::Follower(third) = flights.succeed(key.clone(), &also) else { panic!("one only") };
        drop(landing);
        assert!(matches!(flights.join(key.clone()), Part::Follower(_)), "of the successor");
        drop(second);
        assert!(third.landed().await.is_ok());
        assert!(matches!(flights.join(key), Part::Leader(_)));
    }
}
