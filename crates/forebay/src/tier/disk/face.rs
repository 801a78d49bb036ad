//! What the cache holds in its hands: asynchronous calls over a file that is read and written by
//! blocking ones. It does not decide what is kept; it bounds how long a caller waits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::builder::{DiskBuilder, KEY_BYTES_MAX};
use super::claim::{Claim, Claims};
use super::handle::Handle;
use super::index::{KeyHash, Place};
use super::queue::Queue;
use super::read::{Outcome, read, read_now};
use super::report::{DiskHealth, DiskStats};
use super::state::{Look, Open, Shared, State};
use super::task::Matcher;
use super::volume::{Geometry, Unopened};
use super::worker;
use crate::clock::millis;
use crate::error::{Error, Kind, Result};

/// Records up to this size are read and checked on the calling thread when the kernel has them in
/// memory, which takes some microseconds. Larger ones would hold other tasks up.
const INLINE_BYTES_MAX: u32 = 64 * 1024;

/// The longest time to live: what is meant to stay longer belongs into a database.
const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The most threads of the runtime that wait for the device at a time.
const READS_MAX: usize = 8;

/// A bounded cache of bytes in one file, which outlives the process.
///
/// It never gives a wrong value: each record has a checksum over its key and its value, and one
/// that is not as it was written is dropped and counted. It never gives a value that was removed
/// or replaced. That holds when the process is killed, too, for every removal that was
/// acknowledged, and for every replacement once [`Disk::flush`] has said so. After a loss of
/// power, or a crash of the operating system, it is empty, unless it had been closed: the device
/// may then have taken over some writes and not others, and a removal must not be undone. (Where
/// the operating system has no boot id, that is anywhere but on Linux, the death of the process
/// counts as a loss of power.)
///
/// It may lose anything else at any time: to stay within its bounds, or because of a fault of the
/// device. No fault is an error to a caller; it is a miss, and counted.
///
/// Clones are cheap and mean the same file. When the last one is dropped, a thread writes what
/// still waits and closes the file; [`Disk::close`] waits for that.
#[derive(Clone, Debug)]
pub struct Disk {
    tier: Arc<Tier>,
}

#[derive(Debug)]
struct Tier {
    shared: Arc<Shared>,
    settings: Arc<DiskBuilder>,
    hasher: worker::KeyHasher,
    reads: Arc<Semaphore>,
    claims: Arc<Claims>,
}

impl Drop for Tier {
    fn drop(&mut self) {
        self.shared.lock().close(None);
        self.shared.wake();
    }
}

impl Disk {
    /// Settings for the cache in the file at `path`, which belongs on a local file system.
    pub fn builder(path: impl AsRef<Path>) -> DiskBuilder {
        DiskBuilder::new(path.as_ref())
    }

    /// Opens the file and starts its thread. It blocks.
    pub(super) fn start(settings: DiskBuilder, geometry: Geometry) -> Result<Disk> {
        let hasher = worker::KeyHasher::default();
        let queue = Queue::new(settings.queue_bytes_max, settings.queue_entries_max);
        let mut state = State::new(queue, settings.bytes_max);
        let mut volume = None;
        match worker::open(&settings, geometry, &hasher) {
            Ok((opened, recovered)) => {
                state.counts.emptied = recovered.dropped;
                state.counts.damaged = recovered.damaged;
                state.opened(Open { handle: opened.handle.clone(), index: recovered.index });
                volume = Some(opened);
            }
            Err(Unopened::Refused(error)) => return Err(error),
            Err(Unopened::Fault(error)) => state.failed(&error),
        }
        let shared = Arc::new(Shared::new(state));
        let settings = Arc::new(settings);
        let writer =
            worker::Writer { shared: shared.clone(), settings: settings.clone(), geometry, volume };
        let thread = std::thread::Builder::new().name("forebay-disk".to_owned());
        thread.spawn(move || writer.run()).map_err(|error| {
            let message = "no thread can be started for the disk cache; raise the limit on threads";
            Error::new(Kind::Open, message).with_cause(error)
        })?;
        let reads = Arc::new(Semaphore::new(READS_MAX));
        let claims = Arc::default();
        Ok(Disk { tier: Arc::new(Tier { shared, settings, hasher, reads, claims }) })
    }

    /// The value under `key`. It takes some microseconds when the kernel has the record in memory,
    /// and at most the read timeout else. It may be dropped at any time.
    pub async fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (value, mut cold) = self.look(key);
        let value = match cold.take() {
            Some(cold) => self.tier.read_cold(vec![cold]).await.pop().flatten(),
            None => value,
        };
        self.tier.count_reads(1, usize::from(value.is_some()));
        value
    }

    /// The values under `keys`, in their order. Those that the device has to be waited for are
    /// read by one thread, within one read timeout.
    pub async fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::with_capacity(keys.len());
        let (mut waiting, mut cold) = (Vec::new(), Vec::new());
        for (number, key) in keys.iter().enumerate() {
            let (value, later) = self.look(key.as_ref());
            values.push(value);
            if let Some(later) = later {
                waiting.push(number);
                cold.push(later);
            }
        }
        if !cold.is_empty() {
            let read = self.tier.read_cold(cold).await;
            for (number, value) in waiting.into_iter().zip(read) {
                values[number] = value;
            }
        }
        self.tier.count_reads(values.len(), values.iter().flatten().count());
        values
    }

    fn look(&self, key: &[u8]) -> (Option<Vec<u8>>, Option<Cold>) {
        let hash = self.tier.hasher.hash(key);
        let now_ms = self.tier.settings.calendar.now_ms();
        let look = self.tier.shared.lock().look(key, hash, now_ms);
        let (place, handle) = match look {
            Look::Miss => return (None, None),
            Look::Queued(value) => return (Some(value.to_vec()), None),
            Look::At(place, handle) => (place, handle),
        };
        if place.bytes <= INLINE_BYTES_MAX
            && let Some(outcome) = read_now(&handle, place, key)
        {
            return (self.tier.settle(hash, place, outcome), None);
        }
        (None, Some(Cold { key: key.into(), hash, place, handle }))
    }

    /// Keeps `value` under `key` for `ttl`, ten years at most. It returns at once; the value can
    /// be found at once, and is written by a thread. A `ttl` of zero keeps nothing. Whatever was
    /// there before is gone, also where there is no room for the value.
    pub fn set(&self, key: &[u8], value: impl Into<Vec<u8>>, ttl: Duration) {
        let (value, settings) = (value.into(), &self.tier.settings);
        let hash = self.tier.hasher.hash(key);
        let is_too_large = key.len() > KEY_BYTES_MAX || value.len() > settings.value_bytes_max;
        let mut state = self.tier.shared.lock();
        if is_too_large || ttl.is_zero() {
            state.counts.too_large += u64::from(is_too_large);
            state.discard(key, hash);
        } else {
            let until = settings.calendar.now_ms().saturating_add(millis(ttl.min(TTL_MAX)));
            state.offer(key, hash, value, until);
        }
        drop(state);
        self.tier.shared.wake();
    }

    /// Removes what is under `key`. It cannot be found from now on, whatever this returns. True
    /// says that the file has it no more, so that it is gone for good even if the process is
    /// killed; false, that this was not so within the removal timeout: the device is slow or
    /// refuses. When the future is dropped after it was polled, the removal goes on.
    pub async fn remove(&self, key: &[u8]) -> bool {
        let hash = self.tier.hasher.hash(key);
        self.tier.acknowledged(|state, caller| state.remove(key, hash, caller)).await
    }

    /// Removes every key for which `matches` says so, as [`Disk::remove`] does. The keys are in
    /// the file, so that it is read through once, one or some seconds for a gigabyte.
    /// `matches` is called on several threads, and for a key more than once; it must not block,
    /// and what it panics at is removed.
    pub async fn remove_matching(
        &self,
        matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> bool {
        let matcher = Arc::new(Matcher::new(matches));
        self.tier.acknowledged(|state, caller| state.remove_matching(&matcher, caller)).await
    }

    /// Removes everything, as [`Disk::remove`] does.
    pub async fn clear(&self) -> bool {
        self.tier.acknowledged(|state, caller| state.clear(caller)).await
    }

    /// A name for one who uses this disk, until the claim is dropped; none if it is in use.
    pub(crate) fn claim(&self, name: &str) -> Option<Claim> {
        self.tier.claims.claim(name)
    }

    /// Begins to remove what matches, which cannot be found from now on, and waits for nothing.
    pub(crate) fn forget(&self, matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static) {
        let (caller, _) = oneshot::channel();
        let matcher = Arc::new(Matcher::new(matches));
        self.tier.shared.lock().remove_matching(&matcher, caller);
        self.tier.shared.wake();
    }

    /// Whether a value of so many bytes is kept under such a key.
    pub(crate) fn takes(&self, key: &[u8], bytes: usize) -> bool {
        key.len() <= KEY_BYTES_MAX && bytes <= self.tier.settings.value_bytes_max
    }

    /// Waits until what was set is written to the file, or could not be. False when it could not,
    /// or not within the removal timeout. It says nothing of a loss of power.
    pub async fn flush(&self) -> bool {
        self.tier.acknowledged(|state, caller| state.flush(caller)).await
    }

    /// Counters, and what is held now.
    pub fn stats(&self) -> DiskStats {
        self.tier.shared.lock().stats()
    }

    /// How it is.
    pub fn health(&self) -> DiskHealth {
        self.tier.shared.lock().health()
    }

    /// Writes what still waits, for some seconds at most, and closes the file, so that its content
    /// is trusted whatever happens to the machine afterwards. Every clone is closed with it: reads
    /// miss. True if all of that was done.
    pub async fn close(&self) -> bool {
        let (caller, told) = oneshot::channel();
        self.tier.shared.lock().close(Some(caller));
        self.tier.shared.wake();
        told.await.unwrap_or(false)
    }
}

/// A record that the device has to be waited for.
#[derive(Debug)]
struct Cold {
    key: Vec<u8>,
    hash: KeyHash,
    place: Place,
    handle: Arc<Handle>,
}

impl Tier {
    fn count_reads(&self, all: usize, found: usize) {
        let mut state = self.shared.lock();
        state.counts.hits += found as u64;
        state.counts.misses += (all - found) as u64;
    }

    fn settle(&self, hash: KeyHash, place: Place, outcome: Outcome) -> Option<Vec<u8>> {
        match outcome {
            Outcome::Value(value) => return Some(value),
            Outcome::Other => {}
            Outcome::Fault => self.shared.lock().counts.faults += 1,
            Outcome::Spoiled => {
                if self.shared.lock().spoiled(hash, place) {
                    self.shared.wake();
                }
            }
        }
        None
    }

    /// Reads on another thread, in the order of `cold`, within the read timeout. A thread that is
    /// not back by then keeps its permit until it is, so that there are never more than the
    /// permits allow.
    async fn read_cold(self: &Arc<Self>, cold: Vec<Cold>) -> Vec<Option<Vec<u8>>> {
        let nothing = vec![None; cold.len()];
        let tier = self.clone();
        let reading = async {
            let permit = self.reads.clone().acquire_owned().await.ok()?;
            spawn_blocking(move || tier.read_all(cold, permit)).await.ok()
        };
        match timeout(self.settings.read_timeout, reading).await {
            Ok(values) => values.unwrap_or(nothing),
            Err(_) => {
                self.shared.lock().counts.late += 1;
                nothing
            }
        }
    }

    fn read_all(&self, cold: Vec<Cold>, permit: OwnedSemaphorePermit) -> Vec<Option<Vec<u8>>> {
        let values = cold.into_iter().map(|cold| {
            let outcome = read(&cold.handle, cold.place, &cold.key);
            self.settle(cold.hash, cold.place, outcome)
        });
        let values = values.collect();
        drop(permit);
        values
    }

    /// Asks for something at once, and waits until it is done.
    async fn acknowledged(&self, ask: impl FnOnce(&mut State, oneshot::Sender<bool>)) -> bool {
        let (caller, told) = oneshot::channel();
        ask(&mut self.shared.lock(), caller);
        self.shared.wake();
        match timeout(self.settings.removal_timeout, told).await {
            Ok(done) => done.unwrap_or(false),
            Err(_) => {
                self.shared.lock().counts.late += 1;
                false
            }
        }
    }
}
