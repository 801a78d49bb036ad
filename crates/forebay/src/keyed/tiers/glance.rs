//! Looking at what the tiers have without taking it: whether something is there, for how long, and
//! the same with more time.

use std::time::Duration;

use super::super::key::Key;
use super::super::record::Record;
use super::below::Below;
use super::number::borrowed;

/// What stands in a tier, of whatever type.
pub(crate) struct Seen {
    pub(crate) left: Duration,
    pub(crate) is_count: bool,
    /// Its record.
    pub(crate) bytes: Vec<u8>,
}

impl Below {
    /// What is fresh under a key in the tier that counts: Redis, or the disk if it is alone.
    pub(crate) async fn glance(&self, key: &Key) -> Option<Seen> {
        let name = self.name(key);
        let names = std::slice::from_ref(&name);
        let bytes = match (&self.redis, &self.disk) {
            (Some(redis), _) => redis.get_many(&borrowed(names)).await.pop()?,
            (None, Some(disk)) => disk.get_many(names).await.pop()?,
            (None, None) => None,
        };
        let Some(bytes) = bytes else { return self.glance_count(&name).await };
        let record = Record::read(&bytes).filter(|record| self.is_of_ours(record))?;
        let tags: Vec<Box<[u8]>> = record.tags.iter().map(|tag| tag.tag.clone()).collect();
        let found = self.numbers(&self.tag_names(&key.space, &tags)).await;
        let made = record.tags.iter().flat_map(|tag| &tag.numbers);
        let is_true = found.iter().copied().eq(made.map(|number| Some(*number)));
        let left = record.expires_ms.saturating_sub(self.now_ms());
        let left = match record.expires_ms {
            u64::MAX => Duration::MAX,
            _ => Duration::from_millis(left.min(record.ttl_ms)),
        };
        (is_true && !left.is_zero()).then_some(Seen { left, is_count: false, bytes })
    }

    async fn glance_count(&self, name: &[u8]) -> Option<Seen> {
        self.redis.as_ref()?.counter(name).await?;
        Some(Seen { left: Duration::MAX, is_count: true, bytes: Vec::new() })
    }

    /// The record of what was seen with its whole time before it, and that time; nothing for what
    /// has none.
    pub(crate) fn renewed(&self, seen: &Seen) -> Option<(Vec<u8>, Duration)> {
        let record = Record::read(&seen.bytes)?;
        if record.expires_ms == u64::MAX {
            return None;
        }
        let expires_ms = self.now_ms().saturating_add(record.ttl_ms);
        let renewed = Record { expires_ms, ..record };
        Some((renewed.write()?, Duration::from_millis(renewed.ttl_ms)))
    }
}
