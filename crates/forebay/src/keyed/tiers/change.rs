//! Changes by callers, through all tiers: memory and the loads under way, then the tiers, then
//! memory and the loads once more, since somebody may have read a tier in between; then they are
//! acknowledged.

use super::super::codec::Codec;
use super::super::core::{Core, Reach, Wanted};
use super::super::kept::{Content, Kept};
use super::super::key::Key;
use super::super::known::{Known, Trust};
use super::super::life::{Life, Loaded};
use super::super::policy::Policy;
use super::super::space::Space;
use super::super::tagged::Tagged;
use super::Redis;
use super::below::{Below, OnDisk};
use super::fill::{How, Stored};
use crate::depend;
use crate::error::{Error, Kind, Result};

impl Core {
    pub(crate) async fn delete_through(&self, key: &Key) -> Result<bool> {
        let was_there = self.delete(key);
        let Some(below) = &self.below else { return Ok(was_there) };
        let was_there = was_there || (below.redis.is_none() && below.glance(key).await.is_some());
        self.at(Point::Removing).await;
        let removed = below.remove(key).await;
        self.at(Point::Removed).await;
        self.again(|| _ = self.delete(key));
        Ok(removed? || was_there)
    }

    pub(crate) async fn delete_all_through(&self, reach: &Reach<'_>) -> Result<u64> {
        let here = self.delete_all(reach);
        let Some(below) = &self.below else { return Ok(here) };
        self.at(Point::Removing).await;
        let removed = below.remove_all(reach).await;
        self.at(Point::Removed).await;
        self.again(|| _ = self.delete_all(reach));
        Ok(here.max(removed?))
    }

    pub(crate) async fn delete_by_tag_through(&self, space: &Space, tag: &[u8]) -> Result<()> {
        self.tags.delete(space, tag);
        let Some(below) = &self.below else { return Ok(()) };
        self.at(Point::Removing).await;
        let raised = below.raise(space, tag).await;
        self.at(Point::Removed).await;
        self.again(|| self.tags.delete(space, tag));
        raised
    }

    pub(crate) async fn set_through(
        &self,
        key: Key,
        content: Content,
        policy: &Policy,
        tagged: Tagged,
        codec: Codec,
    ) -> Result<()> {
        let Some(below) = &self.below else {
            self.set(key, content, policy, tagged.slots, OnDisk::Leave);
            return Ok(());
        };
        let Some(redis) = &below.redis else {
            let (now, number) = (self.now(), self.tags.last());
            let kept = self.given(content, policy, number, &tagged, Known::Alone);
            let how = How { tagged: &tagged, policy, codec };
            let on_disk = below.for_disk(&key, &kept, how, now).await;
            self.place(key, &kept, on_disk);
            return Ok(());
        };
        let how = How { tagged: &tagged, policy, codec };
        self.set_in_redis(below, redis, key, content, how).await
    }

    /// What is set is read from Redis before memory has it, since only then is it known what others
    /// have set meanwhile.
    async fn set_in_redis(
        &self,
        below: &Below,
        redis: &Redis,
        key: Key,
        content: Content,
        how: How<'_>,
    ) -> Result<()> {
        let How { tagged, policy, .. } = how;
        self.delete(&key);
        let (now, number) = (self.now(), self.tags.last());
        let kept = self.given(content, policy, number, tagged, Known::Deaf);
        let stored = below.store(redis, &key, &kept, how, now).await;
        self.again(|| _ = self.delete(&key));
        if stored? == Stored::Unfit {
            let count = self.flights.turn(&key).changes();
            if let Some(known) = below.known_empty(redis, &key, tagged).await {
                let kept = self.given(kept.content.clone(), policy, number, tagged, known);
                self.keep_if(key, &kept, count);
            }
        }
        Ok(())
    }

    /// Keeps an entry in memory if nothing has changed in its shard since the count was taken.
    fn keep_if(&self, key: Key, kept: &std::sync::Arc<Kept>, count: u64) {
        let turn = self.flights.turn(&key);
        let mut out = Vec::new();
        if turn.changes() == count && kept.known.trust() == Trust::Yes {
            out = self.keep(&turn, key, kept);
        }
        drop(turn);
        drop(out);
    }

    fn given(
        &self,
        content: Content,
        policy: &Policy,
        number: u64,
        tagged: &Tagged,
        known: Known,
    ) -> std::sync::Arc<Kept> {
        let loaded = Loaded { began: self.now(), took: std::time::Duration::ZERO };
        let life = Life::new(policy, content.holds(), loaded, fastrand::f64());
        Kept::new(content, life, number, tagged.slots.clone(), None, known)
    }

    pub(crate) async fn increment_through(
        &self,
        key: Key,
        by: i64,
        policy: &Policy,
        tagged: Tagged,
    ) -> Result<i64> {
        let Some(below) = &self.below else {
            return self.increment(key, by, policy, tagged.slots);
        };
        let wanted = Wanted::of::<i64>(false);
        let Some(redis) = &below.redis else {
            if self.fresh(key.as_ref(), wanted, self.now()).is_none() {
                let risen = self.rise(std::slice::from_ref(&key), wanted, policy).await;
                let is_other = risen.iter().all(Option::is_none);
                if is_other && below.glance(&key).await.is_some() {
                    return Err(Error::usage("what stands under this key is not a number"));
                }
            }
            return self.increment(key, by, policy, tagged.slots);
        };
        depend::doubt("it rests on a number that is counted in a cache");
        if !tagged.slots.is_empty() {
            return Err(Error::usage("a number that is counted in Redis can have no tags"));
        }
        if below.glance(&key).await.is_some_and(|seen| !seen.is_count) {
            return Err(Error::usage(
                "what stands under this key was loaded, has tags, or is not a number, so that \
                 Redis cannot count it up",
            ));
        }
        self.delete(&key);
        let ttl = policy.ttl.unwrap_or(std::time::Duration::MAX);
        let sum = redis.increment(&below.name(&key), by, ttl).await;
        self.again(|| _ = self.delete(&key));
        sum.ok_or_else(|| {
            below.in_redis.unacknowledged.add(1);
            let text = "the number was perhaps not counted: Redis has not answered, or the sum is \
                        beyond 64 bits";
            Error::new(Kind::Lost, text)
        })
    }

    /// Whether there is something fresh in a tier, and for how long.
    pub(crate) async fn glance_through(&self, key: &Key) -> Option<std::time::Duration> {
        let below = self.below.as_ref()?;
        Some(below.glance(key).await?.left)
    }

    /// Begins the time of what the tiers have anew; whether there was something.
    pub(crate) async fn touch_through(&self, key: &Key) -> bool {
        let Some(below) = &self.below else { return false };
        let count = self.flights.turn(key).changes();
        let Some(seen) = below.glance(key).await else { return false };
        let Some((record, ttl)) = below.renewed(&seen) else { return true };
        if let Some(redis) = &below.redis {
            redis.replace(&below.name(key), &seen.bytes, &record, ttl).await;
            return true;
        }
        let turn = self.flights.turn(key);
        if turn.changes() == count {
            below.put(&below.name(key), OnDisk::Put(record, ttl));
        }
        drop(turn);
        true
    }

    /// Takes out once more what may have come up while the tiers were at work.
    fn again(&self, take_out: impl FnOnce()) {
        #[cfg(test)]
        if self.pauses.skips_second() {
            return;
        }
        take_out();
    }

    /// Where tests let others go first.
    pub(crate) async fn at(&self, point: Point) {
        #[cfg(test)]
        self.pauses.at(point).await;
        #[cfg(not(test))]
        let _ = point;
    }
}

/// Where something else may come in between, as tests do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Point {
    /// A load or a lookup has begun, and has asked no tier.
    Looking,
    /// The tiers have answered.
    Looked,
    /// A load has ended, and nothing of it is stored.
    Landing,
    /// Memory has been emptied, and the tiers not.
    Removing,
    /// The tiers have acknowledged.
    Removed,
}
