//! The tiers of a cache, and what an entry is in them: its name, its record, its time. What is
//! asked of them is in the files beside.

use std::time::Duration;

use tokio::runtime::Handle;

use super::super::codec::Codec;
use super::super::kept::Kept;
use super::super::key::{Key, KeyRef};
use super::super::known::Known;
use super::super::life::Moment;
use super::super::policy::Policy;
use super::super::record::{Numbered, Record};
use super::super::space::Space;
use super::super::stats::CacheTierStats;
use super::super::tagged::Tagged;
use super::name::Names;
use super::tally::TierTally;
use super::{Claim, Disk, Redis};
use crate::clock::{Calendar, millis};

/// Bytes that a record is not written beyond, whatever a tier would take.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// What lies below the memory of a cache: one tier at least.
pub(crate) struct Below {
    pub(crate) disk: Option<Disk>,
    pub(crate) redis: Option<Redis>,
    pub(super) names: Names,
    /// Of the values' structure.
    version: u32,
    calendar: Calendar,
    pub(crate) on_disk: TierTally,
    pub(crate) in_redis: TierTally,
    /// Held while tags are given numbers on disk, so that each gets one.
    pub(super) numbering: tokio::sync::Mutex<()>,
    /// Where code that blocks has its deletions run.
    pub(crate) runtime: Option<Handle>,
    /// Nobody else uses this name on the disk as long as this is there.
    _claim: Option<Claim>,
}

/// What becomes of what the disk has under a key.
#[derive(Debug)]
pub(crate) enum OnDisk {
    Leave,
    Discard,
    Put(Vec<u8>, Duration),
}

impl Below {
    /// None without a tier. `claim` is that of the name on the disk.
    pub(crate) fn new(
        name: &str,
        version: u32,
        disk: Option<Disk>,
        redis: Option<Redis>,
        calendar: Calendar,
        claim: Option<Claim>,
    ) -> Option<Below> {
        if disk.is_none() && redis.is_none() {
            return None;
        }
        let names = Names::new(name);
        if let (Some(disk), Some(_)) = (&disk, &redis) {
            // Nobody has heard what others have changed while this process did not run.
            let prefix = names.space(&Space::default());
            disk.forget(move |key| key.starts_with(&prefix));
        }
        Some(Below {
            disk,
            redis,
            names,
            version,
            calendar,
            on_disk: TierTally::default(),
            in_redis: TierTally::default(),
            numbering: tokio::sync::Mutex::default(),
            runtime: Handle::try_current().ok(),
            _claim: claim,
        })
    }

    pub(crate) fn name(&self, key: &Key) -> Vec<u8> {
        self.names.key(key.as_ref())
    }

    /// The names of tags of a key in `space`.
    pub(super) fn tag_names(&self, space: &Space, tags: &[Box<[u8]>]) -> Vec<Vec<u8>> {
        tags.iter().flat_map(|tag| self.names.tags(space, tag)).collect()
    }

    /// What will be known of changes by others from now on: of a key, of these tags, and, if
    /// `is_wide`, of any.
    pub(crate) fn known(&self, key: KeyRef<'_>, tagged: &Tagged, is_wide: bool) -> Known {
        let Some(redis) = &self.redis else { return Known::Alone };
        let mut tags = self.tag_names(key.space, tagged.texts());
        if is_wide {
            tags.extend(self.names.anys(key.space));
        }
        let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
        redis.ticket(&self.names.key(key), &tags).map_or(Known::Deaf, Known::By)
    }

    /// The same of an entry, since what was known before it was made.
    pub(crate) fn known_since(&self, key: &Key, tagged: &Tagged, known: &Known) -> Known {
        if self.redis.is_none() {
            return Known::Alone;
        }
        known.for_other(&self.name(key), &self.tag_names(&key.space, tagged.texts()))
    }

    pub(crate) fn disk_stats(&self) -> Option<CacheTierStats> {
        self.disk.as_ref().map(|_| self.on_disk.stats())
    }

    pub(crate) fn redis_stats(&self) -> Option<CacheTierStats> {
        self.redis.as_ref().map(|_| self.in_redis.stats())
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.calendar.now_ms()
    }

    pub(super) fn is_of_ours(&self, record: &Record<'_>) -> bool {
        record.version == self.version
    }

    /// Whether an entry may be kept here at all: it rests on nothing that only this process knows.
    pub(super) fn may_hold(policy: &Policy, kept: &Kept, now: Moment) -> bool {
        kept.evidence.is_none() && policy.idle.is_none() && !kept.life.is_expired(now)
    }

    /// The record of an entry, at most `bytes_max` long.
    pub(super) fn write(
        &self,
        kept: &Kept,
        tags: Vec<Numbered>,
        codec: Codec,
        now: Moment,
        bytes_max: usize,
    ) -> Option<Vec<u8>> {
        let payload = match &kept.content.value {
            Some(value) => Some(codec.write(value, bytes_max.min(RECORD_BYTES_MAX))?),
            None => None,
        };
        let times = [kept.life.left(now), kept.life.ttl()].map(|time| match time {
            Duration::MAX => u64::MAX,
            time => millis(time),
        });
        let record = Record {
            version: self.version,
            kind: codec.digest(),
            expires_ms: self.now_ms().saturating_add(times[0]),
            ttl_ms: times[1],
            took_us: u64::try_from(kept.life.took().as_micros()).unwrap_or(u64::MAX),
            tags,
            payload: payload.as_deref(),
        };
        record.write()
    }

    /// Does with what the disk has under a name what is to be done. To be called under the lock of
    /// the key's shard, so that it is in one order with all that changes what stands there.
    pub(crate) fn put(&self, name: &[u8], change: OnDisk) {
        let Some(disk) = &self.disk else { return };
        match change {
            OnDisk::Leave => {}
            // Nothing is kept for no time, and what was there is gone.
            OnDisk::Discard => disk.set(name, Vec::new(), Duration::ZERO),
            OnDisk::Put(bytes, left) => {
                self.on_disk.fills.add(1);
                disk.set(name, bytes, left);
            }
        }
    }

    /// Drops what the disk has under a key. Beside Redis only: what the disk alone has is removed
    /// so that it stays removed.
    pub(crate) fn discard(&self, key: &Key) {
        if self.disk.is_some() && self.redis.is_some() {
            self.put(&self.name(key), OnDisk::Discard);
        }
    }
}
