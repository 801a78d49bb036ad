//! Loads and deletions at the same time: whoever asks after a deletion was acknowledged is not
//! given what was true before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{built, secs};
use crate::clock::Clock;
use crate::keyed::hooks::Only;
use crate::{Cache, CacheEntry, Error};

const KEYS: usize = 4;

/// A truth that is raised, and the version of it that was last acknowledged as deleted.
#[derive(Default)]
struct Truth {
    version: AtomicU64,
    acknowledged: AtomicU64,
}

#[derive(Clone)]
struct World {
    cache: Cache,
    truths: Arc<[Truth; KEYS]>,
    is_over: Arc<AtomicBool>,
}

/// How a version is made known.
#[derive(Clone, Copy, Debug)]
enum By {
    Key,
    Pattern,
    Clear,
    Tag,
    ToldTag,
    Set,
}

const WAYS: [By; 6] = [By::Key, By::Pattern, By::Clear, By::Tag, By::ToldTag, By::Set];

impl World {
    async fn ask(&self, key: usize) -> u64 {
        let world = self.clone();
        let load = move || async move {
            let version = world.truths[key].version.load(Ordering::SeqCst);
            // What was read grows old.
            for _ in 0..fastrand::u8(..4) {
                tokio::task::yield_now().await;
            }
            Ok::<_, Error>(version)
        };
        *self.entry(key).get_or_load(load).await.unwrap()
    }

    fn entry(&self, key: usize) -> CacheEntry<'_, Only<u64>> {
        let entry = self.cache.entry(format!("key:{key}")).tag(format!("tag:{key}"));
        entry.tags_by(move |_: &u64| [format!("told:{key}")])
    }

    async fn read(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let key = fastrand::usize(..KEYS);
            let floor = self.truths[key].acknowledged.load(Ordering::SeqCst);
            let seen = if fastrand::bool() {
                Some(self.ask(key).await)
            } else {
                self.cache.get::<u64>(format!("key:{key}")).await.map(|seen| *seen)
            };
            assert!(seen.is_none_or(|seen| seen >= floor), "{key}: {seen:?} below {floor}");
            if fastrand::u8(..) < 8 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn write(&self, key: usize, versions: std::ops::Range<u64>, ways: &[By]) {
        for version in versions {
            self.truths[key].version.store(version, Ordering::SeqCst);
            let way = ways[fastrand::usize(..ways.len())];
            let cache = &self.cache;
            match way {
                By::Key => _ = cache.delete(format!("key:{key}")).await.unwrap(),
                By::Pattern => _ = cache.delete_pattern(format!("*:{key}")).await.unwrap(),
                By::Clear => _ = cache.clear().await.unwrap(),
                By::Tag => cache.delete_by_tag(format!("tag:{key}")).await.unwrap(),
                By::ToldTag => cache.delete_by_tag(format!("told:{key}")).await.unwrap(),
                By::Set => self.entry(key).set(version).await,
            }
            self.truths[key].acknowledged.store(version, Ordering::SeqCst);
            for _ in 0..fastrand::u8(..8) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Time passes as well, so that values are refreshed ahead and expire.
async fn run(ways: &'static [By], rounds: u64) {
    let (cache, clock) = built(|builder| builder.ttl(secs(100)).refresh_ahead(secs(50)));
    run_on(cache, clock, ways, rounds).await;
}

async fn run_on(cache: Cache, clock: Clock, ways: &'static [By], rounds: u64) {
    let world = World { cache, truths: Arc::default(), is_over: Arc::default() };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.read().await })
        })
        .collect();
    let writers: Vec<_> = (0..KEYS)
        .map(|key| {
            let (world, clock) = (world.clone(), clock.clone());
            tokio::spawn(async move {
                for part in 0..10 {
                    let first = part * rounds / 10;
                    world.write(key, first..first + rounds / 10, ways).await;
                    clock.advance(secs(fastrand::u64(..40)));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    world.is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let stats = world.cache.stats();
    let below = stats.disk.as_ref().map_or(0, |disk| disk.hits);
    assert!(stats.hits + below > 0 && stats.loads > 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_given_what_an_acknowledged_deletion_made_untrue() {
    for way in &WAYS {
        run(std::slice::from_ref(way), 500).await;
    }
    run(&WAYS, 1_500).await;
}

/// With a disk, and a memory that has room for next to nothing.
#[cfg(feature = "disk")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nor_is_anybody_with_a_disk_below() {
    for entries in [1, 100] {
        let place = super::disk::Place::new();
        let disk = place.disk().await;
        let cache = place.cache(&disk, |builder| {
            builder.max_entries(entries).ttl(secs(100)).refresh_ahead(secs(50))
        });
        run_on(cache.clone(), place.clock.clone(), &WAYS, 150).await;
        let stats = cache.stats().disk.unwrap();
        assert!(stats.hits > 0 && stats.unacknowledged == 0, "{stats:?}");
    }
}
