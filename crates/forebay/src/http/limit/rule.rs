//! One quota with the limiters that keep it: by key in this process, at random for keys beyond
//! what can be kept, and in Redis for all processes.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::key::Key;
use crate::clock::Clock;
use crate::guard::{Attempt, Left, Limiter, Quota};
#[cfg(feature = "redis")]
use crate::tier::redis::{Redis, RedisRate};

/// Quotas that keys share which come when no more keys can be kept.
const CROWD: u64 = 1_024;

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    limiter: Limiter,
    crowd: Limiter,
    hasher: RandomState,
    pub(super) counts: Counts,
    #[cfg(feature = "redis")]
    pub(super) redis: Option<Redis>,
}

/// What the rules of a layer have done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) admitted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) crowded: AtomicU64,
    pub(super) alone: AtomicU64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) is_admitted: bool,
    /// How long a refused one has to wait; `None`: for ever.
    pub(super) wait: Option<Duration>,
    pub(super) left: SmallVec<[Left; 2]>,
}

impl Rule {
    pub(super) fn new(name: String, quota: Quota, keys_max: usize, clock: &Clock) -> Rule {
        let crowd = usize::try_from(CROWD).unwrap_or(usize::MAX);
        let build = |quota, keys| {
            let builder = Limiter::builder(quota).keys_max(keys);
            #[cfg(test)]
            let builder = builder.clock(clock.clone());
            builder.build()
        };
        #[cfg(not(test))]
        let _ = clock;
        Rule {
            name,
            limiter: build(quota.clone(), keys_max),
            crowd: build(quota, crowd),
            hasher: RandomState::default(),
            counts: Counts::default(),
            #[cfg(feature = "redis")]
            redis: None,
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.limiter.stats().keys
    }

    /// Whether a request of `key` may pass. This process is asked first: what it refuses, all
    /// together would refuse as well, so that a flood never reaches Redis.
    pub(super) async fn decide(&self, key: &Key) -> Decision {
        let decision = self.decide_here(key);
        #[cfg(feature = "redis")]
        let decision = match &self.redis {
            Some(redis) if decision.is_admitted => self.decide_there(redis, key, decision).await,
            _ => decision,
        };
        let counter = match decision.is_admitted {
            true => &self.counts.admitted,
            false => &self.counts.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        decision
    }

    /// A key that finds no room is put among others at random: nobody's use is forgotten for it,
    /// and whoever makes up keys shares `CROWD` quotas with all the others that he has made up.
    fn decide_here(&self, key: &Key) -> Decision {
        let (mut attempt, mut left) = self.limiter.attempt(key);
        if attempt == Attempt::Full {
            self.counts.crowded.fetch_add(1, Ordering::Relaxed);
            let place = self.hasher.hash_one(key) % CROWD;
            (attempt, left) = self.crowd.attempt(&place.to_le_bytes());
        }
        let (is_admitted, wait) = match attempt {
            Attempt::Admitted => (true, None),
            Attempt::Refused(wait) => (false, wait),
            // As many keys as there are places.
            Attempt::Full => (false, Some(Duration::from_secs(1))),
        };
        Decision { is_admitted, wait, left }
    }

    /// What all processes together say; what this one has said where Redis cannot be asked.
    #[cfg(feature = "redis")]
    async fn decide_there(&self, redis: &Redis, key: &Key, here: Decision) -> Decision {
        let rates = here.left.iter().map(|left| RedisRate::every(left.interval, left.burst));
        let rates: SmallVec<[RedisRate; 2]> = rates.collect();
        let mut name = format!("http {}", self.name).into_bytes();
        for left in &here.left {
            name.extend(format!(" {}/{}", left.burst, left.interval.as_nanos()).into_bytes());
        }
        name.push(0);
        name.extend_from_slice(key);
        let Some(there) = redis.limit_by_all(&name, &rates).await else {
            self.counts.alone.fetch_add(1, Ordering::Relaxed);
            return here;
        };
        let mut left = here.left;
        for (left, used) in left.iter_mut().zip(&there.used) {
            let taken = used.as_nanos().div_ceil(left.interval.as_nanos().max(1));
            let taken = u32::try_from(taken).unwrap_or(u32::MAX);
            left.free = left.free.min(left.burst.saturating_sub(taken));
            left.whole_in = left.whole_in.max(*used);
        }
        let is_admitted = there.wait.is_zero();
        Decision { is_admitted, wait: (!is_admitted).then_some(there.wait), left }
    }
}
