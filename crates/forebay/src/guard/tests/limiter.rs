//! The limiter beside a log of all that was admitted, which is read again from its beginning for
//! each answer; then callers in line, threads, and its bound on keys.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::poll_once;
use crate::clock::Clock;
use crate::guard::{Limiter, Quota};

const MS: u64 = 1_000_000;

/// One window of the model: a bucket of `burst` tokens, one more each `interval` nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    interval: u128,
    burst: u128,
}

/// What was admitted: when, and for how many tokens.
type Log = Vec<(u64, u32)>;

impl Bucket {
    /// Tokens at `now`, as nanoseconds that it took to make them.
    fn level(self, log: &Log, now: u64) -> u128 {
        let full = self.burst * self.interval;
        let (mut level, mut last) = (full, 0);
        for &(at, cost) in log {
            level = (level + u128::from(at - last)).min(full) - u128::from(cost) * self.interval;
            last = at;
        }
        (level + u128::from(now - last)).min(full)
    }

    /// How long to wait for `cost` tokens; `None` for ever.
    fn wait(self, log: &Log, now: u64, cost: u32) -> Option<u128> {
        let price = u128::from(cost) * self.interval;
        let possible = self.interval > 0 && u128::from(cost) <= self.burst;
        possible.then(|| price.saturating_sub(self.level(log, now)))
    }
}

#[derive(Clone, Debug)]
enum Op {
    Take {
        key: usize,
        cost: u32,
    },
    Pass {
        ns: u64,
    },
    /// Waits for exactly as long as the last refusal has said.
    Obey,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..3usize, 1..4u32).prop_map(|(key, cost)| Op::Take { key, cost }),
        2 => (0..40 * MS).prop_map(|ns| Op::Pass { ns }),
        1 => Just(Op::Pass { ns: 10_000 * MS }),
        2 => Just(Op::Obey),
    ]
}

/// Windows as `n` in a period of milliseconds, with a burst.
fn windows() -> impl Strategy<Value = Vec<(u32, u64, u32)>> {
    prop::collection::vec((0..8u32, 1..200u64, 0..6u32), 1..4)
}

fn quota(windows: &[(u32, u64, u32)]) -> Quota {
    let one =
        |&(n, ms, burst): &(u32, u64, u32)| Quota::per(n, Duration::from_millis(ms)).burst(burst);
    let mut all = windows.iter().map(one);
    let first = all.next().unwrap();
    all.fold(first, Quota::and)
}

proptest! {
    #[test]
    fn it_admits_what_the_log_leaves_room_for(
        windows in windows(),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let clock = Clock::manual();
        let limiter = Limiter::builder(quota(&windows)).clock(clock.clone()).build();
        let bucket = |&(n, ms, burst): &(u32, u64, u32)| Bucket {
            interval: u128::from(n > 0) * u128::from((ms * MS).div_ceil(u64::from(n.max(1)))),
            burst: burst.into(),
        };
        let buckets: Vec<Bucket> = windows.iter().map(bucket).collect();
        let mut logs = vec![Log::new(); 3];
        let (mut now, mut told, mut admitted, mut refused) = (0u64, 0u64, 0, 0);
        for op in ops {
            match op {
                Op::Pass { ns } => {
                    now += ns;
                    clock.advance(Duration::from_nanos(ns));
                }
                Op::Obey => {
                    now += told;
                    clock.advance(Duration::from_nanos(told));
                    told = 0;
                }
                Op::Take { key, cost } => {
                    let name = ["a", "b", ""][key];
                    let log = &mut logs[key];
                    let waits = buckets.iter().map(|bucket| bucket.wait(log, now, cost));
                    let wait = waits.collect::<Option<Vec<_>>>().map(|all| {
                        all.into_iter().max().unwrap()
                    });
                    let one = buckets.iter().all(|bucket| bucket.wait(log, now, 1) == Some(0));
                    prop_assert_eq!(limiter.available(name) > 0, one);
                    let done = limiter.try_acquire_many(name, cost);
                    prop_assert_eq!(done.is_ok(), wait == Some(0));
                    match done {
                        Ok(()) => {
                            log.push((now, cost));
                            admitted += 1;
                        }
                        Err(error) => {
                            refused += 1;
                            prop_assert!(error.is_rate_limited());
                            let retry = error.retry_after().map(|wait| wait.as_nanos());
                            prop_assert_eq!(retry, wait);
                            prop_assert_eq!(error.is_transient(), wait.is_some());
                            told = retry.unwrap_or(0) as u64;
                        }
                    }
                }
            }
        }
        let stats = limiter.stats();
        prop_assert_eq!((stats.admitted, stats.refused), (admitted, refused));
        prop_assert!(stats.keys <= 3);
    }
}

#[test]
fn what_is_never_admitted_says_so() {
    let check = |quota: Quota, cost: u32| {
        let error = Limiter::new(quota).try_acquire_many("k", cost).unwrap_err();
        assert!(error.is_rate_limited(), "{error}");
        assert_eq!(error.retry_after(), None, "{error}");
        assert!(!error.is_transient(), "{error}");
    };
    check(Quota::per_second(0), 1);
    check(Quota::per_second(10).burst(0), 1);
    check(Quota::per_second(10).burst(3), 4);
    check(Quota::per_second(10).and(Quota::per_hour(2)), 3);
    check(Quota::per_second(10).and(Quota::per_hour(0)), 1);
}

#[test]
fn a_key_that_is_too_long_is_refused_as_a_mistake() {
    let limiter = Limiter::new(Quota::per_second(1));
    assert!(limiter.try_acquire([0xff; 1_024]).is_ok());
    assert!(limiter.try_acquire([0xff; 1_025]).unwrap_err().is_usage());
    assert_eq!(limiter.stats().keys, 1);
}

#[test]
fn keys_are_bounded_and_none_is_forgotten_while_it_is_in_use() {
    let clock = Clock::manual();
    let quota = Quota::per_second(1);
    let limiter = Limiter::builder(quota).keys_max(100).clock(clock.clone()).build();
    for key in 0..100u32 {
        limiter.try_acquire(key.to_le_bytes()).unwrap();
    }
    let full = limiter.try_acquire("another").unwrap_err();
    assert!(full.is_rate_limited() && full.message().contains("keys_max"), "{full}");
    assert_eq!(full.retry_after(), Some(Duration::from_secs(1)));
    for key in 0..100u32 {
        assert!(limiter.try_acquire(key.to_le_bytes()).is_err(), "{key} is remembered");
    }
    clock.advance(Duration::from_secs(1));
    limiter.try_acquire("another").unwrap();
    assert_eq!(limiter.stats().keys, 1, "the unused ones are forgotten");
}

#[test]
fn keys_that_are_made_up_leave_a_bounded_number() {
    let clock = Clock::manual();
    let limiter =
        Limiter::builder(Quota::per_second(100)).keys_max(20_000).clock(clock.clone()).build();
    for key in 0..200_000u32 {
        clock.advance(Duration::from_millis(1));
        limiter.try_acquire(key.to_le_bytes()).unwrap();
        // Each key is in use for 10 ms, so about 10 are at a time; shards are swept at 64.
        assert!(limiter.stats().keys <= 16 * 64);
    }
}

#[test]
fn threads_get_together_what_one_would_get() {
    let limiter = Limiter::new(Quota::per_hour(1_000).burst(100));
    let admitted: usize = std::thread::scope(|scope| {
        let take = |_| {
            let limiter = limiter.clone();
            scope.spawn(move || (0..200).filter(|_| limiter.try_acquire("k").is_ok()).count())
        };
        let threads: Vec<_> = (0..8).map(take).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // One comes back each 3.6 s.
    assert!((100..=102).contains(&admitted), "{admitted}");
    let stats = limiter.stats();
    assert_eq!((stats.admitted, stats.refused), (admitted as u64, 1_600 - admitted as u64));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_admitted_in_turn() {
    let limiter = Limiter::builder(Quota::per_second(10).burst(1)).clock(Clock::tokios()).build();
    let began = tokio::time::Instant::now();
    let (sender, mut ended) = tokio::sync::mpsc::channel(10);
    for number in 0..5u32 {
        let (limiter, sender) = (limiter.clone(), sender.clone());
        tokio::spawn(async move {
            limiter.acquire("k").await.unwrap();
            sender.send((number, began.elapsed().as_millis())).await.unwrap();
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(limiter.stats().waiting, 4);
    let refused = limiter.try_acquire("k").unwrap_err();
    assert!(refused.retry_after() > Some(Duration::from_millis(400)), "those in line come first");
    assert!(limiter.try_acquire("other").is_ok());
    for number in 0..5u32 {
        let (came, at) = ended.recv().await.unwrap();
        assert_eq!(came, number);
        let due = u128::from(number) * 100;
        assert!((due..due + 10).contains(&at), "{number} at {at} ms");
    }
    assert_eq!(limiter.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_uses_nothing_up_and_holds_nobody_up() {
    let limiter = Limiter::builder(Quota::per_second(10).burst(1)).clock(Clock::tokios()).build();
    limiter.acquire("k").await.unwrap();
    let first = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire("k").await }
    });
    tokio::task::yield_now().await;
    // One who is polled once, and one that is never polled.
    assert!(poll_once(limiter.acquire("k")).is_none());
    drop(limiter.acquire("k"));
    let second = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire("k").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(limiter.stats().waiting, 2);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let began = tokio::time::Instant::now();
    second.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_millis(110), "it has the place of the first");
    let stats = limiter.stats();
    assert_eq!((stats.admitted, stats.refused, stats.waiting), (2, 2, 0));
    assert_eq!(stats.waited, 1);
}

#[tokio::test(start_paused = true)]
async fn the_line_is_bounded_in_length_and_in_time() {
    let limiter = Limiter::builder(Quota::per_second(1))
        .waiting_max(2)
        .wait_max(Duration::from_secs(5))
        .clock(Clock::tokios())
        .build();
    limiter.acquire("k").await.unwrap();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.acquire("k").await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(limiter.acquire("k").await.unwrap_err().is_rate_limited(), "the line is full");
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    let slow = Limiter::builder(Quota::per_hour(1)).clock(Clock::tokios()).build();
    slow.acquire("k").await.unwrap();
    let began = tokio::time::Instant::now();
    assert!(slow.acquire("k").await.unwrap_err().is_rate_limited());
    assert_eq!(began.elapsed(), Duration::ZERO, "it does not wait for what it cannot wait out");
}

#[tokio::test(start_paused = true)]
async fn a_wait_behind_others_who_do_not_go_on_ends() {
    let limiter = Limiter::builder(Quota::per_second(10).burst(1))
        .wait_max(Duration::from_secs(2))
        .clock(Clock::tokios())
        .build();
    limiter.acquire("k").await.unwrap();
    let mut first = Box::pin(limiter.acquire("k"));
    assert!(first.as_mut().now_or_never().is_none());
    let began = tokio::time::Instant::now();
    assert!(limiter.acquire("k").await.unwrap_err().is_rate_limited());
    assert!(began.elapsed() >= Duration::from_secs(2));
    first.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_and_go_leave_nothing_behind() {
    let quota = Quota::per_second(2_000).burst(3);
    let limiter = Arc::new(Limiter::builder(quota).wait_max(Duration::from_secs(30)).build());
    let tasks: Vec<_> = (0..8u64)
        .map(|seed| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut chance = fastrand::Rng::with_seed(seed);
                let mut admitted = 0;
                for _ in 0..100 {
                    let patience = Duration::from_micros(chance.u64(0..3_000));
                    let key = ["a", "b"][chance.usize(0..2)];
                    let waited = tokio::time::timeout(patience, limiter.acquire(key)).await;
                    if let Ok(done) = waited {
                        done.unwrap();
                        admitted += 1;
                    }
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0u64;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    let stats = limiter.stats();
    assert_eq!((stats.waiting, stats.admitted), (0, admitted));
    limiter.acquire("a").await.unwrap();
    limiter.acquire("b").await.unwrap();
}
