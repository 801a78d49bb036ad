//! What is given although it is not fresh, and what is loaded before it expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{built, secs, until};
use crate::clock::Clock;
use crate::{Cache, CacheBuilder, Error};

/// A source that counts, and can be told to fail or to take its time.
struct Source {
    cache: Cache,
    clock: Clock,
    count: Arc<AtomicU32>,
    fails: bool,
    takes: Duration,
}

impl Source {
    fn new(words: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Source {
        let (cache, clock) = built(|builder| words(builder.ttl(secs(10))));
        Source { cache, clock, count: Arc::default(), fails: false, takes: Duration::ZERO }
    }

    async fn ask(&self) -> Result<u32, Error> {
        let (count, fails, takes) = (self.count.clone(), self.fails, self.takes);
        let clock = self.clock.clone();
        let load = move || async move {
            clock.advance(takes);
            let count = count.fetch_add(1, Ordering::SeqCst) + 1;
            if fails { Err("out of order") } else { Ok(count) }
        };
        self.cache.get_or_load("a", load).await.map(|count| *count)
    }

    /// Waits until nothing is loading, and gives how many loads there were.
    async fn loads(&self) -> u32 {
        until(|| {
            let stats = self.cache.stats();
            stats.loading == 0 && stats.loads == u64::from(self.count.load(Ordering::SeqCst))
        })
        .await;
        self.count.load(Ordering::SeqCst)
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(secs(seconds));
    }
}

#[tokio::test]
async fn a_stale_value_is_given_while_it_is_loaded_again() {
    let source = Source::new(|builder| builder.stale_while_revalidate(secs(5)));
    assert_eq!(source.ask().await.unwrap(), 1);
    source.pass(14);
    assert_eq!(source.cache.get::<u32>("a").await, None, "who cannot load is not given it");
    assert_eq!(source.ask().await.unwrap(), 1);
    assert_eq!(source.ask().await.unwrap(), 1, "one load is begun");
    assert_eq!(source.loads().await, 2);
    assert_eq!(source.ask().await.unwrap(), 2);
    let stats = source.cache.stats();
    assert_eq!((stats.stale, stats.refreshes, stats.hits, stats.misses), (2, 1, 1, 4));
    source.pass(15);
    assert_eq!(source.ask().await.unwrap(), 3, "too old: who asks waits");
}

#[tokio::test]
async fn what_was_deleted_is_never_given() {
    let source =
        Source::new(|builder| builder.stale_while_revalidate(secs(50)).stale_if_error(secs(50)));
    let mut count = 0;
    let mut source = source;
    for by_tag in [true, false] {
        for expired in [true, false] {
            source.fails = false;
            let load = |count: u32| move || async move { Ok::<_, String>(count) };
            count += 1;
            source.cache.entry("a").tag("t").get_or_load(load(count)).await.unwrap();
            if expired {
                source.pass(11);
            }
            match by_tag {
                true => source.cache.delete_by_tag("t").await.unwrap(),
                false => _ = source.cache.delete("a").await.unwrap(),
            }
            source.fails = true;
            assert!(source.ask().await.is_err(), "by tag: {by_tag}, expired: {expired}");
        }
    }
    assert_eq!(source.cache.stats().fallbacks, 0);
}

#[tokio::test]
async fn a_stale_value_is_given_when_its_load_fails() {
    let mut source = Source::new(|builder| builder.stale_if_error(secs(20)));
    source.ask().await.unwrap();
    source.fails = true;
    source.pass(29);
    assert_eq!(source.ask().await.unwrap(), 1);
    assert_eq!(source.loads().await, 2, "it was tried");
    source.pass(1);
    assert!(source.ask().await.unwrap_err().is_load_failed());
    source.fails = false;
    assert_eq!(source.ask().await.unwrap(), 4);
    assert_eq!(source.cache.stats().fallbacks, 1);
}

#[tokio::test]
async fn what_is_in_use_is_loaded_before_it_expires() {
    let mut source = Source::new(|builder| builder.refresh_ahead(secs(3)));
    source.ask().await.unwrap();
    source.pass(6);
    source.ask().await.unwrap();
    assert_eq!(source.loads().await, 1, "not yet");
    source.pass(1);
    assert!(source.cache.get::<u32>("a").await.is_some());
    assert_eq!(source.loads().await, 1, "who cannot load begins none");
    source.fails = true;
    assert_eq!(source.ask().await.unwrap(), 1);
    assert_eq!(source.ask().await.unwrap(), 1);
    assert_eq!(source.loads().await, 2, "one that fails is not begun by every hit");
    source.fails = false;
    source.pass(1);
    assert_eq!(source.ask().await.unwrap(), 1);
    assert_eq!(source.loads().await, 3);
    assert_eq!(source.ask().await.unwrap(), 3);
    assert_eq!(source.cache.ttl("a").await, Some(secs(10)));
    assert_eq!((source.cache.stats().misses, source.cache.stats().refreshes), (1, 2));
}

#[tokio::test]
async fn an_early_refresh_comes_by_chance_and_needs_a_load_that_takes_time() {
    let check = async |takes: u64, beta: f64, second: u64, at_least: u32, at_most: u32| {
        let mut refreshed = 0;
        for _ in 0..400 {
            let mut source = Source::new(|builder| builder.early_refresh(beta));
            source.takes = secs(takes);
            source.ask().await.unwrap();
            source.takes = Duration::ZERO;
            source.pass(second - takes);
            source.ask().await.unwrap();
            refreshed += source.loads().await - 1;
        }
        let range = at_least..=at_most;
        assert!(range.contains(&refreshed), "{refreshed} of 400, {takes} s, {beta}, at {second} s");
    };
    // The chance is exp(-left / (delta * beta)).
    check(0, 1.0, 9, 0, 0).await;
    check(2, 0.0, 9, 0, 0).await;
    check(2, 1.0, 9, 190, 290).await;
    check(2, 1.0, 4, 4, 45).await;
    check(2, 3.0, 4, 95, 200).await;
}

#[tokio::test]
async fn jitter_spreads_the_expiries() {
    let (cache, _) = built(|builder| builder.ttl(secs(100)).jitter(0.2));
    let mut ttls = Vec::new();
    for n in 0..500 {
        cache.set(format!("{n}"), n).await;
        ttls.push(cache.ttl(format!("{n}")).await.unwrap());
    }
    let (least, most) = (ttls.iter().min().unwrap(), ttls.iter().max().unwrap());
    assert!(*least >= secs(80) && *least < secs(82), "{least:?}");
    assert!(*most <= secs(100) && *most > secs(98), "{most:?}");
}

/// What stands keeps the words that it was stored with.
#[tokio::test]
async fn a_clock_that_jumps_only_makes_things_expire() {
    let source =
        Source::new(|builder| builder.stale_while_revalidate(secs(5)).time_to_idle(secs(8)));
    source.ask().await.unwrap();
    source.pass(u64::from(u32::MAX));
    assert_eq!(source.ask().await.unwrap(), 2);
    source.clock.advance(Duration::from_secs(100 * 365 * 86_400));
    assert_eq!(source.ask().await.unwrap(), 3);
    assert_eq!(source.ask().await.unwrap(), 3);
}
