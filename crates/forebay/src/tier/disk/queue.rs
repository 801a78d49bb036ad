//! Values that wait to be written, bounded by bytes and by number. Pure. They are found while they
//! wait; what is removed meanwhile is never written, and if its write is under way already, it is
//! not current when that ends.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::index::KeyHash;

type Key = Arc<[u8]>;

/// What one waiting value takes beside its key and its bytes, about.
const OVERHEAD: usize = 128;

/// A value that waits.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) value: Arc<Vec<u8>>,
    pub(super) expires_ms: u64,
    pub(super) hash: KeyHash,
    /// Which call it came with: a later value of the same key has another.
    ticket: u64,
    /// Whether its key stands in the order; one that is being written does not.
    is_queued: bool,
}

/// A job that is being written.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) key: Key,
    pub(super) job: Job,
}

/// The values that wait, and the order in which they are written.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: HashMap<Key, Job, foldhash::quality::RandomState>,
    /// Keys of removed jobs stay until their turn comes; they count against the bound.
    order: VecDeque<Key>,
    bytes: usize,
    bytes_max: usize,
    entries_max: usize,
    tickets: u64,
}

impl Queue {
    pub(super) fn new(bytes_max: usize, entries_max: usize) -> Queue {
        Queue {
            jobs: HashMap::default(),
            order: VecDeque::new(),
            bytes: 0,
            bytes_max,
            entries_max,
            tickets: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Job> {
        self.jobs.get(key)
    }

    /// Lets a value wait, in place of one that waits under the same key. False when there is no
    /// room; then none waits under the key.
    pub(super) fn offer(
        &mut self,
        key: &[u8],
        hash: KeyHash,
        value: Vec<u8>,
        expires_ms: u64,
    ) -> bool {
        let before = self.remove(key);
        let is_queued = before.is_some_and(|job| job.is_queued);
        let bytes = key.len() + value.len() + OVERHEAD;
        let has_place = is_queued || self.order.len() < self.entries_max;
        if !has_place || self.bytes + bytes > self.bytes_max {
            return false;
        }
        self.add(key, hash, value, expires_ms, is_queued);
        true
    }

    /// Lets a value wait whose record is about to be overwritten, whatever the bound: no more than
    /// half a segment of these is added at a time.
    pub(super) fn rescue(&mut self, key: &[u8], hash: KeyHash, value: Vec<u8>, expires_ms: u64) {
        if !self.jobs.contains_key(key) {
            self.add(key, hash, value, expires_ms, false);
        }
    }

    fn add(&mut self, key: &[u8], hash: KeyHash, value: Vec<u8>, expires_ms: u64, is_queued: bool) {
        let key: Key = key.into();
        self.bytes += key.len() + value.len() + OVERHEAD;
        self.tickets += 1;
        if !is_queued {
            self.order.push_back(key.clone());
        }
        let (value, ticket) = (Arc::new(value), self.tickets);
        self.jobs.insert(key, Job { value, expires_ms, hash, ticket, is_queued: true });
    }

    /// The value whose turn it is. It can still be found until it is finished.
    pub(super) fn take(&mut self) -> Option<Taken> {
        while let Some(key) = self.order.pop_front() {
            if let Some(job) = self.jobs.get_mut(&key)
                && job.is_queued
            {
                job.is_queued = false;
                let job = job.clone();
                return Some(Taken { key, job });
            }
        }
        None
    }

    /// Puts a value that could not be written yet before all others, if it still matters.
    pub(super) fn put_back(&mut self, taken: &Taken) {
        if let Some(job) = self.jobs.get_mut(&taken.key)
            && job.ticket == taken.job.ticket
        {
            job.is_queued = true;
            self.order.push_front(taken.key.clone());
        }
    }

    /// Whether the value that was taken is still what its key stands for.
    pub(super) fn is_current(&self, taken: &Taken) -> bool {
        self.jobs.get(&taken.key).is_some_and(|job| job.ticket == taken.job.ticket)
    }

    /// Ends the wait of a value that was taken. False if it is no longer current.
    pub(super) fn finish(&mut self, taken: &Taken) -> bool {
        self.is_current(taken) && self.remove(&taken.key).is_some()
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Job> {
        let job = self.jobs.remove(key)?;
        self.bytes -= key.len() + job.value.len() + OVERHEAD;
        Some(job)
    }

    pub(super) fn remove_where(&mut self, matches: impl Fn(&[u8]) -> bool) {
        let gone: Vec<Key> = self.jobs.keys().filter(|key| matches(key)).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
    }

    pub(super) fn clear(&mut self) {
        self.jobs.clear();
        self.order.clear();
        self.bytes = 0;
    }
}
