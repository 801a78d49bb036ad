//! The memory tier: a concurrent cache with a byte bound, generic over what it is asked for and
//! what it keeps. The eviction policy is that of the crate behind it (an S3-FIFO variant);
//! nothing here is shared by all cores.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};

/// Bytes that the cache crate keeps per entry besides key and value (measured: 51).
const ENTRY_OVERHEAD: usize = 64;

/// Bytes that an entry is expected to take, when nothing is known.
const ENTRY_EXPECTED: u64 = 1_024;

/// What can be kept, or be kept under.
pub(crate) trait Resident: Send + Sync {
    /// Bytes, heap included.
    fn size(&self) -> usize;
}

/// How much a store may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: u64,
    /// No bound of its own when `None`.
    pub(crate) entries_max: Option<u64>,
}

/// Values by key.
pub(crate) struct Store<K, V> {
    cache: Cache<K, Arc<V>, BySize, RandomState, Count>,
    evictions: Arc<AtomicU64>,
    bytes_max: AtomicU64,
}

/// What an insert has thrown out: what stood under its key, what had to make room, or the new
/// value itself if it is too large. Whoever holds a lock drops it after that.
pub(crate) type Evicted<V> = Vec<Arc<V>>;

#[derive(Clone)]
struct BySize {
    /// What an entry weighs at least: so a bound on bytes is one on entries, too.
    weight_min: u64,
}

impl<K: Resident, V: Resident> Weighter<K, Arc<V>> for BySize {
    fn weight(&self, key: &K, value: &Arc<V>) -> u64 {
        ((key.size() + value.size() + ENTRY_OVERHEAD) as u64).max(self.weight_min)
    }
}

#[derive(Clone)]
struct Count(Arc<AtomicU64>);

impl<K, V> Lifecycle<K, Arc<V>> for Count {
    /// Evicted values end here, outside the shard's lock.
    type RequestState = Evicted<V>;

    fn on_evict(&self, state: &mut Self::RequestState, _key: K, value: Arc<V>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        state.push(value);
    }
}

impl<K: Resident + Eq + Hash, V: Resident> Store<K, V> {
    pub(crate) fn new(bounds: Bounds) -> Store<K, V> {
        let Bounds { bytes_max, entries_max } = bounds;
        let evictions = Arc::new(AtomicU64::new(0));
        let expected = entries_max.unwrap_or(bytes_max / ENTRY_EXPECTED);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(expected).unwrap_or(usize::MAX).max(16))
            .weight_capacity(bytes_max)
            .build()
            .expect("both capacities are given");
        let weight_min = entries_max.map_or(0, |entries| bytes_max / entries.max(1));
        let count = Count(evictions.clone());
        let by_size = BySize { weight_min };
        let cache = Cache::with_options(options, by_size, RandomState::default(), count);
        Store { cache, evictions, bytes_max: AtomicU64::new(bytes_max) }
    }

    /// The value under `key`; whether it is still true is the caller's to ask.
    #[inline]
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<Arc<V>> {
        self.cache.get(key)
    }

    /// The same without counting as a use.
    pub(crate) fn peek<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<Arc<V>> {
        self.cache.peek(key)
    }

    /// Keeps `value`; one that is larger than the bound of a shard is not kept.
    pub(crate) fn insert(&self, key: K, value: Arc<V>) -> Evicted<V> {
        let mut evicted = Evicted::new();
        self.cache.insert_with_lifecycle(key, value, &mut evicted);
        evicted
    }

    /// Drops exactly `value`, if it is still what stands under `key`.
    pub(crate) fn remove<Q>(&self, key: &Q, value: &Arc<V>) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.cache.remove_if(key, |found| Arc::ptr_eq(found, value)).is_some()
    }

    /// Takes out whatever stands under `key`.
    pub(crate) fn take<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<Arc<V>> {
        self.cache.remove(key).map(|(_, value)| value)
    }

    /// Drops every entry for which `keep` is false. It is called under the lock of a shard, and
    /// what it is shown is dropped there, unless it keeps another reference. Cost: all entries.
    pub(crate) fn retain(&self, keep: impl Fn(&K, &Arc<V>) -> bool) {
        self.cache.retain(keep);
    }

    /// All entries whose key is wanted, as they were during the walk. Cost: all entries.
    pub(crate) fn all(&self, wants: impl Fn(&K) -> bool) -> Vec<(K, Arc<V>)>
    where
        K: Clone,
    {
        self.cache.iter().filter(|(key, _)| wants(key)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.cache.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.cache.weight()
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max.load(Ordering::Relaxed)
    }

    /// Sets another bound; what has no room any more is thrown out. A bound on entries stays one of
    /// the bytes that it was made with.
    pub(crate) fn set_bytes_max(&self, bytes_max: u64) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
        self.cache.set_capacity(bytes_max);
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}
