//! Retries: which errors, how often, after which pauses, and not beyond their time.

use std::cell::Cell;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::guard::backoff::{Backoff, Bounds, Next};
use crate::guard::{Again, Retry};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// When each try began, in milliseconds, with work that fails `failures` times.
async fn tries(retry: &Retry, failures: usize, error: impl Fn() -> Error) -> (Vec<u128>, bool) {
    let began = Instant::now();
    let mut at = Vec::new();
    let done = retry
        .run(|| {
            at.push(began.elapsed().as_millis());
            let is_over = at.len() > failures;
            let error = error();
            async move { if is_over { Ok(()) } else { Err(error) } }
        })
        .await;
    (at, done.is_ok())
}

fn steady(retries: u32) -> Retry {
    Retry::new(retries).backoff(ms(100), ms(1_000)).jitter(false).clock(Clock::tokios())
}

fn busy() -> Error {
    Error::new(Kind::Busy, "busy")
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_the_longest() {
    let (at, done) = tries(&steady(6), 6, busy).await;
    assert_eq!(at, [0, 100, 300, 700, 1_500, 2_500, 3_500]);
    assert!(done);
    let (at, done) = tries(&steady(2), 6, busy).await;
    assert_eq!((at.len(), done), (3, false));
    let (at, done) = tries(&steady(0), 1, busy).await;
    assert_eq!((at.len(), done), (1, false));
}

#[tokio::test(start_paused = true)]
async fn no_try_begins_after_its_time() {
    let (at, done) = tries(&steady(100).within(ms(1_600)), 100, busy).await;
    assert_eq!((at, done), (vec![0, 100, 300, 700, 1_500], false));
    let began = Instant::now();
    let refused = || Error::new(Kind::RateLimited, "x").with_retry_after(Some(ms(60_000)));
    let (at, _) = tries(&steady(100), 100, refused).await;
    assert_eq!((at.len(), began.elapsed()), (1, Duration::ZERO), "it would be too late anyway");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_no_shorter_than_was_asked_for() {
    let refused = || Error::new(Kind::CircuitOpen, "x").with_retry_after(Some(ms(2_000)));
    let (at, done) = tries(&steady(3), 2, refused).await;
    assert_eq!((at, done), (vec![0, 2_100, 4_300], true));
}

#[tokio::test(start_paused = true)]
async fn only_what_may_pass_is_tried_again() {
    for (kind, tried) in [
        (Kind::Busy, 2),
        (Kind::PoolExhausted, 2),
        (Kind::Disconnected, 2),
        (Kind::Overloaded, 2),
        (Kind::Lost, 1),
        (Kind::Timeout, 1),
        (Kind::Usage, 1),
        (Kind::Corrupt, 1),
        (Kind::RateLimited, 1),
    ] {
        let (at, _) = tries(&steady(1), 1, || Error::new(kind, "x")).await;
        assert_eq!(at.len(), tried, "{kind:?}");
    }
    let lost = || Error::new(Kind::Lost, "x");
    let (at, done) = tries(&steady(1).on(Error::is_transient), 1, lost).await;
    assert_eq!((at.len(), done), (2, true));
}

#[tokio::test(start_paused = true)]
async fn runs_are_counted_by_how_they_end() {
    let retry = steady(2);
    for failures in [0, 1, 2, 3] {
        tries(&retry, failures, busy).await;
    }
    tries(&retry, 1, || Error::usage("x")).await;
    let stats = retry.clone().stats();
    assert_eq!((stats.runs, stats.retries), (5, 5));
    assert_eq!((stats.recovered, stats.exhausted), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn errors_of_any_kind_can_be_judged() {
    let calls = Cell::new(0);
    let done = steady(5)
        .run_any(
            || {
                calls.set(calls.get() + 1);
                let call = calls.get();
                async move { Err::<(), u32>(call) }
            },
            |&call| match call {
                1 => Again::Soon,
                2 => Again::After(ms(10)),
                _ => Again::No,
            },
        )
        .await;
    assert_eq!(done, Err(3));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_tries_no_more() {
    let calls = Cell::new(0);
    let retry = steady(100);
    let work = || {
        calls.set(calls.get() + 1);
        async { Err::<(), _>(busy()) }
    };
    let ended: Result<Result<()>, _> = tokio::time::timeout(ms(250), retry.run(work)).await;
    assert!(ended.is_err());
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(calls.get(), 2);
}

proptest! {
    #[test]
    fn a_pause_is_a_part_of_its_longest(
        base in 0..10_000u64,
        max in 0..100_000u64,
        retry in 0..100u32,
        chance in 0.0..=1.0f64,
    ) {
        let backoff = Backoff { base: ms(base), max: ms(max), has_jitter: true };
        let doubled = (0..retry).fold(u128::from(base), |longest, _| {
            (2 * longest).min(u128::from(max).max(longest))
        });
        let longest = doubled.min(u128::from(max)) as f64 / 1e3;
        let pause = backoff.pause(retry, chance).as_secs_f64();
        prop_assert!((pause - longest * chance).abs() < 1e-6, "{pause} of {longest}");
    }

    #[test]
    fn a_next_try_begins_in_time(
        passed in 0..2_000u64,
        asked in 0..2_000u64,
        retries in 0..5u32,
        chance in 0.0..=1.0f64,
    ) {
        let backoff = Backoff { base: ms(10), max: ms(100), has_jitter: true };
        let bounds = Bounds { retries_max: 3, time_max: ms(1_000) };
        match backoff.next(bounds, retries, ms(passed), ms(asked), chance) {
            Next::After(pause) => {
                prop_assert!(retries < 3 && pause >= ms(asked));
                prop_assert!(ms(passed) + pause < ms(1_000));
            }
            Next::Never => prop_assert!(retries >= 3 || passed + asked + 100 >= 1_000),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_failed_together_come_back_apart() {
    let retry = Retry::new(1).backoff(ms(10_000), ms(10_000)).clock(Clock::tokios());
    let mut seen = std::collections::HashSet::new();
    for _ in 0..50 {
        let (at, _) = tries(&retry, 1, busy).await;
        assert!(at[1] <= 10_001, "{at:?}");
        seen.insert(at[1]);
    }
    assert!(seen.len() > 25, "{seen:?}");
}
