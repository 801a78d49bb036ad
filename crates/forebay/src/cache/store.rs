//! The memory tier: a concurrent cache with a byte bound. The eviction policy is that of the
//! crate behind it (an S3-FIFO variant); nothing here is shared by all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::key::{Key, KeyRef};

/// Bytes that the cache crate keeps per entry besides key and value (measured: 51).
const ENTRY_OVERHEAD: usize = 64;

/// What can be kept.
pub(crate) trait Resident: Send + Sync {
    /// Bytes, heap included.
    fn size(&self) -> usize;
}

/// Answers by key.
pub(crate) struct Store<V: Resident> {
    cache: Cache<Key, Arc<V>, BySize, RandomState, Count>,
    evictions: Arc<AtomicU64>,
    bytes_max: u64,
}

#[derive(Clone)]
struct BySize;

impl<V: Resident> Weighter<Key, Arc<V>> for BySize {
    fn weight(&self, key: &Key, value: &Arc<V>) -> u64 {
        (key.size() + value.size() + ENTRY_OVERHEAD) as u64
    }
}

#[derive(Clone)]
struct Count(Arc<AtomicU64>);

impl<V> Lifecycle<Key, Arc<V>> for Count {
    /// Evicted values end here, outside the shard's lock.
    type RequestState = Vec<Arc<V>>;

    fn on_evict(&self, state: &mut Self::RequestState, _key: Key, value: Arc<V>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        state.push(value);
    }
}

impl<V: Resident> Store<V> {
    /// A store of at most `bytes_max` bytes.
    pub(crate) fn new(bytes_max: u64) -> Store<V> {
        let evictions = Arc::new(AtomicU64::new(0));
        let options = OptionsBuilder::new()
            .estimated_items_capacity(
                usize::try_from(bytes_max / 1024).unwrap_or(usize::MAX).max(16),
            )
            .weight_capacity(bytes_max)
            .build()
            .expect("both capacities are given");
        let count = Count(evictions.clone());
        let cache = Cache::with_options(options, BySize, RandomState::default(), count);
        Store { cache, evictions, bytes_max }
    }

    /// The answer under `key`; whether it is still true is the caller's to ask.
    #[inline]
    pub(crate) fn get(&self, key: &KeyRef<'_>) -> Option<Arc<V>> {
        self.cache.get(key)
    }

    /// Keeps `value`; one that is larger than the bound of a shard is not kept.
    pub(crate) fn insert(&self, key: Key, value: Arc<V>) {
        self.cache.insert(key, value);
    }

    /// Drops exactly `value`, if it is still what stands under `key`.
    pub(crate) fn remove(&self, key: &KeyRef<'_>, value: &Arc<V>) -> bool {
        self.cache.remove_if(key, |found| Arc::ptr_eq(found, value)).is_some()
    }

    /// Drops every value for which `keep` is false. Cost: all entries.
    pub(crate) fn retain(&self, keep: impl Fn(&V) -> bool) {
        self.cache.retain(|_, value| keep(value));
    }

    pub(crate) fn len(&self) -> usize {
        self.cache.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.cache.weight()
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}
