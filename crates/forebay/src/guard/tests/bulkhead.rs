//! The bulkhead: its bounds, its order, and that no place is lost whoever goes away, and how.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use proptest::prelude::*;

use crate::error::{Error, Result};
use crate::guard::{Bulkhead, Place};

#[derive(Clone, Debug)]
enum Op {
    Enter,
    TryEnter,
    Leave(usize),
    GiveUp(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => Just(Op::Enter),
        1 => Just(Op::TryEnter),
        4 => (0..8usize).prop_map(Op::Leave),
        1 => (0..8usize).prop_map(Op::GiveUp),
    ]
}

proptest! {
    #[test]
    fn places_go_to_those_who_have_waited_longest(
        concurrent in 1..4usize,
        waiting_max in 0..4usize,
        ops in prop::collection::vec(op(), 1..100),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bulkhead = Bulkhead::new(concurrent, waiting_max);
            let mut inside: Vec<Place> = Vec::new();
            let mut line: VecDeque<LocalBoxFuture<'_, Result<Place>>> = VecDeque::new();
            let (mut admitted, mut waited, mut refused) = (0u64, 0u64, 0u64);
            for op in ops {
                let is_full = inside.len() == concurrent;
                match op {
                    Op::TryEnter => match bulkhead.try_enter() {
                        Ok(place) => {
                            prop_assert!(!is_full);
                            admitted += 1;
                            inside.push(place);
                        }
                        Err(error) => {
                            prop_assert!(is_full && error.is_overloaded());
                            refused += 1;
                        }
                    },
                    Op::Enter => {
                        let mut entering = bulkhead.enter().boxed_local();
                        match entering.as_mut().now_or_never() {
                            Some(Ok(place)) => {
                                prop_assert!(!is_full);
                                admitted += 1;
                                inside.push(place);
                            }
                            Some(Err(error)) => {
                                prop_assert!(is_full && line.len() == waiting_max);
                                prop_assert!(error.is_overloaded() && error.is_transient());
                                refused += 1;
                            }
                            None => {
                                prop_assert!(is_full && line.len() < waiting_max);
                                line.push_back(entering);
                            }
                        }
                    }
                    Op::Leave(number) if !inside.is_empty() => {
                        drop(inside.remove(number % inside.len()));
                        if let Some(mut first) = line.pop_front() {
                            for other in &mut line {
                                prop_assert!(other.as_mut().now_or_never().is_none());
                            }
                            let place = first.as_mut().now_or_never();
                            prop_assert!(place.is_some());
                            inside.push(place.unwrap().unwrap());
                            admitted += 1;
                            waited += 1;
                        }
                    }
                    Op::GiveUp(number) if !line.is_empty() => {
                        drop(line.remove(number % line.len()));
                        refused += 1;
                    }
                    Op::Leave(_) | Op::GiveUp(_) => {}
                }
                let stats = bulkhead.stats();
                prop_assert_eq!((stats.running, stats.waiting), (inside.len(), line.len()));
                prop_assert_eq!(
                    (stats.admitted, stats.waited, stats.refused),
                    (admitted, waited, refused)
                );
            }
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_its_time() {
    let bulkhead = Bulkhead::builder(1, 5).wait_max(Duration::from_secs(3)).named("api").build();
    let place = bulkhead.enter().await.unwrap();
    let began = tokio::time::Instant::now();
    let error = bulkhead.enter().await.unwrap_err();
    assert!(error.is_overloaded() && error.message().contains("`api`"), "{error}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert_eq!(bulkhead.stats().waiting, 0);
    drop(place);
    drop(bulkhead.enter().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_place_is_lost_by_those_who_come_and_go() {
    let bulkhead = Bulkhead::new(3, 100);
    let running = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..16u64)
        .map(|seed| {
            let (bulkhead, running) = (bulkhead.clone(), running.clone());
            tokio::spawn(async move {
                let mut chance = fastrand::Rng::with_seed(seed);
                for _ in 0..100 {
                    let patience = Duration::from_micros(chance.u64(0..500));
                    let length = Duration::from_micros(chance.u64(0..300));
                    let work = bulkhead.run::<_, Error>(async {
                        let beside = running.fetch_add(1, SeqCst);
                        let _leave = Leave(&running);
                        tokio::time::sleep(length).await;
                        Ok(beside)
                    });
                    if let Ok(done) = tokio::time::timeout(patience, work).await {
                        assert!(done.unwrap() < 3);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = bulkhead.stats();
    assert_eq!((stats.running, stats.waiting), (0, 0));
    let places: Vec<_> = (0..3).map(|_| bulkhead.try_enter().unwrap()).collect();
    assert!(bulkhead.try_enter().is_err());
    drop(places);
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[tokio::test]
async fn work_that_panics_gives_its_place_back() {
    let bulkhead = Bulkhead::new(1, 0);
    let inside = bulkhead.clone();
    let panicked = tokio::spawn(async move {
        inside.run::<(), Error>(async { panic!("the work is wrong") }).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(bulkhead.try_enter().is_ok());
}
