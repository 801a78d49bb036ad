//! Single flight: of several callers with the same key, one reads at the origin and the others
//! wait for it to end. They are not handed its value: each asks the cache again, because its own
//! acknowledged write may be younger than the leader's snapshot.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;

use crate::cache::Key;

const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Key, Arc<Semaphore>, RandomState>>;

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
}

/// A flight to wait for.
pub(crate) struct Following(Arc<Semaphore>);

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
        flights.insert(key.clone(), Arc::new(Semaphore::new(0)));
        Part::Leader(Landing { shard, key })
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flights = self.shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.remove(&self.key) {
            flight.close();
        }
    }
}

impl Following {
    /// Returns once the flight has ended, successful or not. Cancel safe.
    pub(crate) async fn landed(self) {
        // The semaphore never has a permit: the wait ends when it is closed.
        let _closed = self.0.acquire().await;
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
        waiting.await.unwrap();
        assert!(matches!(flights.join(key("a")), Part::Leader(_)));
    }
}
