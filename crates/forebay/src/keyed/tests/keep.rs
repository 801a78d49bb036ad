//! Entries that are kept warm.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{built, secs};
use crate::clock::Clock;
use crate::{Cache, Error};

/// Lets both times pass.
async fn pass(clock: &Clock, time: Duration) {
    clock.advance(time);
    tokio::time::sleep(time).await;
}

async fn ask(cache: &Cache, key: &'static str, count: &Arc<AtomicU32>) -> u32 {
    let count = count.clone();
    let load = move || {
        let count = count.clone();
        async move { Ok::<_, Error>(count.fetch_add(1, Ordering::SeqCst) + 1) }
    };
    *cache.entry(key).keep_warm().get_or_load(load).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_has_gone_is_loaded_again_by_itself() {
    let (cache, clock) = built(|builder| builder.ttl(secs(100)));
    let count = Arc::default();
    assert_eq!(ask(&cache, "a", &count).await, 1);
    assert_eq!(cache.stats().warm, 1);
    pass(&clock, secs(5)).await;
    assert_eq!(count.load(Ordering::SeqCst), 1, "nothing to do");
    cache.delete("a").await.unwrap();
    pass(&clock, secs(2)).await;
    assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&2));
    pass(&clock, secs(100)).await;
    pass(&clock, secs(1)).await;
    assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&3), "it had expired");
    assert!(cache.cool("a"));
    assert!(!cache.cool("a"));
    cache.delete("a").await.unwrap();
    pass(&clock, secs(5)).await;
    assert!(!cache.contains("a").await);
    assert_eq!(cache.stats().warm, 0);
}

#[tokio::test(start_paused = true)]
async fn deletions_in_a_row_cost_few_loads() {
    let (cache, clock) = built(|builder| builder);
    let count = Arc::default();
    ask(&cache, "a", &count).await;
    for _ in 0..100 {
        cache.delete("a").await.unwrap();
        pass(&clock, Duration::from_millis(50)).await;
    }
    pass(&clock, secs(2)).await;
    let loads = count.load(Ordering::SeqCst);
    assert!((4..=7).contains(&loads), "{loads} loads in 7 s");
    assert!(cache.contains("a").await);
}

#[tokio::test(start_paused = true)]
async fn the_most_asked_is_loaded_first_and_few_at_a_time() {
    let (cache, clock) = built(|builder| builder);
    let begun: Arc<Mutex<Vec<usize>>> = Arc::default();
    let keys: Vec<String> = (0..10).map(|n| format!("{n}")).collect();
    for (n, key) in keys.iter().enumerate() {
        for _ in 0..=n {
            let begun = begun.clone();
            let load = move || {
                let begun = begun.clone();
                async move {
                    begun.lock().unwrap().push(n);
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    Ok::<_, Error>(n)
                }
            };
            cache.entry(key).keep_warm().get_or_load(load).await.unwrap();
        }
    }
    begun.lock().unwrap().clear();
    pass(&clock, secs(1)).await;
    cache.clear().await.unwrap();
    pass(&clock, Duration::from_millis(200)).await;
    let mut first = begun.lock().unwrap().clone();
    first.sort_unstable();
    assert_eq!(first, [6, 7, 8, 9], "four at a time");
    pass(&clock, secs(2)).await;
    assert_eq!(cache.stats().entries, 10);
    assert_eq!(begun.lock().unwrap().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_is_tried_less_and_less() {
    let (cache, clock) = built(|builder| builder);
    let count: Arc<AtomicU32> = Arc::default();
    let tries = count.clone();
    let load = move || {
        let first = tries.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Ok(1_u8) } else { Err("out of order") } }
    };
    cache.entry("a").keep_warm().get_or_load(load).await.unwrap();
    cache.clear().await.unwrap();
    for _ in 0..600 {
        pass(&clock, Duration::from_millis(200)).await;
    }
    let tries = count.load(Ordering::SeqCst) - 1;
    assert!((5..=8).contains(&tries), "{tries} in two minutes");
}

#[tokio::test(start_paused = true)]
async fn the_first_load_is_its_callers_and_no_other_runs_beside_it() {
    let (cache, clock) = built(|builder| builder);
    let count: Arc<AtomicU32> = Arc::default();
    let loads = count.clone();
    let load = move || {
        loads.fetch_add(1, Ordering::SeqCst);
        async { Err::<u8, _>("out of order") }
    };
    assert!(cache.entry("a").keep_warm().get_or_load(load).await.is_err());
    pass(&clock, Duration::from_millis(500)).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    pass(&clock, secs(1)).await;
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_handle() {
    let (cache, clock) = built(|builder| builder);
    let (held, count) = (Arc::new(()), Arc::default());
    let own = held.clone();
    ask(&cache, "a", &count).await;
    let load = move || {
        let _own = own.clone();
        async { Ok::<_, Error>(1_u8) }
    };
    cache.entry("b").keep_warm().get_or_load(load).await.unwrap();
    assert!(Arc::strong_count(&held) > 1);
    drop(cache);
    pass(&clock, secs(1)).await;
    assert_eq!(Arc::strong_count(&held), 1, "the loads are dropped");
}
