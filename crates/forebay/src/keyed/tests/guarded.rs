//! Guards before loads: asked for what reaches the origin, and told how it ends.

use std::time::Duration;

use super::{built, secs};
use crate::{Breaker, Bulkhead, Error, Limiter, Quota};

#[tokio::test]
async fn hits_ask_no_guard() {
    let limiter = Limiter::new(Quota::per_hour(1).burst(2));
    let (cache, _) = built(|builder| builder.limited_by(&limiter, "all"));
    let load = || async { Ok::<_, Error>(1_u8) };
    for _ in 0..10 {
        cache.get_or_load("a", load).await.unwrap();
    }
    let keys = ["b".to_owned(), "c".to_owned()];
    let many =
        |keys: Vec<String>| async { Ok::<_, Error>(keys.into_iter().map(|key| (key, 2_u8))) };
    cache.get_or_load_many(&keys, many).await.unwrap();
    assert!(cache.get_or_load("d", load).await.unwrap_err().is_rate_limited());
    assert!(
        cache.blocking().get_or_load("d", || Ok::<_, Error>(1_u8)).unwrap_err().is_rate_limited()
    );
    let past = cache.entry("a").no_cache().get_or_load(load).await;
    assert!(past.unwrap_err().is_rate_limited());
    assert_eq!(cache.stats().entries, 3);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_told_how_loads_end() {
    let check = async |opens: bool, key: &'static str| {
        let breaker = Breaker::builder().calls_min(3).build();
        let (cache, _) = built(|builder| builder.guarded_by(&breaker).load_timeout(secs(1)));
        for _ in 0..3 {
            let load = move || async move {
                match key {
                    "fails" => Err("out of order"),
                    "panics" => panic!("on purpose"),
                    "hangs" => std::future::pending().await,
                    _ => Ok(1_u8),
                }
            };
            let asked = cache.get_or_load(key, load).await;
            assert_eq!(asked.is_err(), opens, "{key}");
            cache.delete(key).await.unwrap();
        }
        assert_eq!(breaker.check().is_err(), opens, "{key}");
        let asked = cache.get_or_load("other", || async { Ok::<_, Error>(1_u8) }).await;
        assert_eq!(asked.is_err_and(|error| error.is_circuit_open()), opens, "{key}");
    };
    check(false, "works").await;
    check(true, "fails").await;
    check(true, "panics").await;
    check(true, "hangs").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_given_while_the_circuit_is_open() {
    let breaker = Breaker::builder().build();
    let (cache, clock) =
        built(|builder| builder.ttl(secs(1)).stale_if_error(secs(60)).guarded_by(&breaker));
    cache.set("a", 1_u8).await;
    clock.advance(secs(2));
    breaker.force_open();
    let load = || async { Ok::<_, Error>(2_u8) };
    assert_eq!(*cache.get_or_load("a", load).await.unwrap(), 1);
    breaker.reset();
    assert_eq!(*cache.get_or_load("a", load).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_bounds_the_loads_that_run() {
    let bulkhead = Bulkhead::new(1, 1);
    let (cache, _) = built(|builder| builder.bulkhead(&bulkhead));
    let slow = |n: u8| {
        move || async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, Error>(n)
        }
    };
    let ask = async |key: &str, n: u8| cache.get_or_load(key, slow(n)).await.map(|n| *n);
    let (first, second, third) = tokio::join!(ask("a", 1), ask("b", 2), ask("c", 3));
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    assert!(third.unwrap_err().is_overloaded());
    let place = bulkhead.try_enter().unwrap();
    let blocking = || cache.blocking().get_or_load("d", || Ok::<_, Error>(4_u8));
    assert!(blocking().unwrap_err().is_overloaded(), "it does not wait in line");
    drop(place);
    assert_eq!(*blocking().unwrap(), 4);
}
