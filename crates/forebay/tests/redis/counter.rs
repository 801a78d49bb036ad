//! Counters and rates.

use std::sync::Arc;
use std::time::Duration;

use forebay::RedisRate;

use crate::place::{MINUTE, server, tier, until};

#[tokio::test]
async fn counters_are_shared_and_expire() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let one = |redis: forebay::Redis| async move {
        for _ in 0..200 {
            redis.increment(b"n", 1, MINUTE).await.unwrap();
        }
    };
    tokio::join!(one(here.clone()), one(there.clone()), one(here.clone()));
    assert_eq!(here.increment(b"n", -100, 5 * MINUTE).await, Some(500));
    let ttl: i64 = server.talk(&["PTTL", "app:u:{0}nn"]).unwrap().parse().unwrap();
    assert!((1..=60_000).contains(&ttl), "the time of the first one: {ttl}");
    assert_eq!(there.get(b"n").await, None, "a counter is no value");
    assert!(there.remove(b"n").await.unwrap());
    assert_eq!(here.increment(b"n", 7, Duration::from_millis(20)).await, Some(7));
    until("it expires", || server.talk(&["EXISTS", "app:u:{0}nn"]).unwrap() == "0").await;
    assert_eq!(here.increment(b"n", i64::MAX, MINUTE).await, Some(i64::MAX));
    assert_eq!(here.increment(b"n", 1, MINUTE).await, None, "beyond 64 bits");
    assert_eq!(here.increment(b"n", 0, MINUTE).await, Some(i64::MAX));
}

#[tokio::test]
async fn a_rate_lets_a_burst_pass_and_then_waits() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let rate = RedisRate::new(1, Duration::from_secs(1_000)).unwrap().burst(3);
    for left in [2, 1, 0] {
        assert_eq!(redis.limit(b"a", rate, 1).await, Some(Ok(())), "{left} left");
    }
    let wait = redis.limit(b"a", rate, 1).await.unwrap().unwrap_err();
    assert!(wait <= Duration::from_secs(1_000) && wait > Duration::from_secs(900), "{wait:?}");
    assert_eq!(redis.limit(b"b", rate, 3).await, Some(Ok(())), "another key");
    assert!(redis.limit(b"c", rate, 4).await.unwrap().is_err(), "more than the burst");
    assert_eq!(redis.limit(b"c", rate, 3).await, Some(Ok(())), "what was refused did not count");

    let quick = RedisRate::new(5, Duration::from_secs(1)).unwrap().burst(1);
    // Until two came so close to one another that one was refused.
    let wait = loop {
        if let Err(wait) = redis.limit(b"q", quick, 1).await.unwrap() {
            break wait;
        }
    };
    tokio::time::sleep(wait).await;
    assert_eq!(redis.limit(b"q", quick, 1).await, Some(Ok(())), "as it was told");
}

#[tokio::test]
async fn a_rate_holds_for_all_processes_at_once() {
    let Some(server) = server() else { return };
    let tiers = [tier(&server).await, tier(&server).await];
    let rate = RedisRate::new(10, 100 * MINUTE).unwrap();
    let passed = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut tasks = Vec::new();
    for number in 0..40 {
        let (redis, passed) = (tiers[number % 2].clone(), Arc::clone(&passed));
        tasks.push(tokio::spawn(async move {
            if redis.limit(b"a", rate, 1).await.unwrap().is_ok() {
                passed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(passed.load(std::sync::atomic::Ordering::Relaxed), 10);
}

#[test]
fn rates_out_of_bounds_are_refused() {
    let check = |count: u32, per: Duration, expect: bool| {
        assert_eq!(RedisRate::new(count, per).is_ok(), expect, "{count} per {per:?}");
    };
    check(0, MINUTE, false);
    check(1, Duration::ZERO, false);
    check(u32::MAX, MINUTE, false);
    check(1, Duration::MAX, false);
    check(1_000_000, Duration::from_secs(1), true);
}
