//! Numbers of tags. A record is true as long as each of its tags has the number under which it was
//! made; a number that is lost does not come back. Redis has its own; on disk they are ours:
//! random, so that none is given twice, and a deletion removes them.

use std::time::Duration;

use super::super::record::Numbered;
use super::super::space::Space;
use super::below::Below;
use super::{Disk, Redis};

/// How long the disk keeps a number: as long as it keeps anything.
const NUMBER_TTL: Duration = Duration::MAX;

impl Below {
    /// The numbers that tags have in the tier whose numbers count.
    pub(super) async fn numbers(&self, names: &[Vec<u8>]) -> Vec<Option<u64>> {
        match (&self.redis, &self.disk) {
            _ if names.is_empty() => Vec::new(),
            (Some(redis), _) => redis.numbers(&borrowed(names)).await,
            (None, Some(disk)) => numbers_on(disk, names).await,
            (None, None) => vec![None; names.len()],
        }
    }

    /// The same on a disk that is alone; a tag without a number gets one.
    pub(super) async fn versions_on(&self, disk: &Disk, names: &[Vec<u8>]) -> Vec<u64> {
        if names.is_empty() {
            return Vec::new();
        }
        let found = numbers_on(disk, names).await;
        if let Some(all) = found.into_iter().collect() {
            return all;
        }
        let _turn = self.numbering.lock().await;
        let found = numbers_on(disk, names).await;
        let give = |(name, found): (&Vec<u8>, Option<u64>)| {
            found.unwrap_or_else(|| {
                let number = fastrand::u64(..);
                disk.set(name, number.to_le_bytes().to_vec(), NUMBER_TTL);
                number
            })
        };
        names.iter().zip(found).map(give).collect()
    }

    /// Tags with their numbers, which come in the order of their names.
    pub(super) fn numbered(space: &Space, tags: &[Box<[u8]>], numbers: &[u64]) -> Vec<Numbered> {
        let levels = space.around().count();
        let numbers = numbers.chunks_exact(levels);
        let tags = tags.iter().cloned().zip(numbers);
        tags.map(|(tag, numbers)| Numbered { tag, numbers: numbers.into() }).collect()
    }
}

async fn numbers_on(disk: &Disk, names: &[Vec<u8>]) -> Vec<Option<u64>> {
    let found = disk.get_many(names).await;
    found.into_iter().map(|bytes| Some(u64::from_le_bytes(bytes?.try_into().ok()?))).collect()
}

/// The numbers of tags in Redis; those without get one.
pub(super) async fn versions_in(redis: &Redis, names: &[Vec<u8>]) -> Option<Vec<u64>> {
    if names.is_empty() {
        return Some(Vec::new());
    }
    redis.versions(&borrowed(names)).await
}

pub(super) fn borrowed(names: &[Vec<u8>]) -> Vec<&[u8]> {
    names.iter().map(Vec::as_slice).collect()
}
