//! Loads: one for all, and what happens when one does not go as hoped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::{built, secs, until};
use crate::{Cache, Error};

/// A load that waits until it is let go, and counts how often it was run.
#[derive(Clone, Default)]
struct Gate {
    runs: Arc<AtomicU32>,
    open: Arc<Notify>,
}

impl Gate {
    async fn load(self) -> Result<u32, Error> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        self.open.notified().await;
        Ok(run)
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::SeqCst)
    }

    fn ask(&self, cache: &Cache, key: &'static str) -> tokio::task::JoinHandle<Result<u32, Error>> {
        let (cache, gate) = (cache.clone(), self.clone());
        tokio::spawn(async move { cache.get_or_load(key, || gate.load()).await.map(|n| *n) })
    }
}

#[tokio::test]
async fn ten_thousand_callers_of_one_key_run_one_load() {
    let (cache, _) = built(|builder| builder);
    let gate = Gate::default();
    let asking: Vec<_> = (0..10_000).map(|_| gate.ask(&cache, "a")).collect();
    until(|| cache.stats().joined == 9_999).await;
    gate.open.notify_one();
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap(), 1);
    }
    let stats = cache.stats();
    assert_eq!((gate.runs(), stats.loads, stats.loading, stats.failures), (1, 1, 0, 0));
    assert_eq!(stats.load_times.iter().map(|time| time.loads).sum::<u64>(), 1);
}

/// They wait for one thing, whatever they were promised, and take little room while they do.
#[test]
fn ten_thousand_callers_are_told_of_one_failure_and_take_little_room() {
    /// Of a caller, in a build for tests: its task, with the future of the call in it.
    const CALLER_BYTES_MAX: u64 = 16 << 10;
    const CALLERS: u64 = 10_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let measured = allocation_counter::measure(|| {
        runtime.block_on(async {
            let (cache, _) = built(|builder| builder);
            let open = Arc::new(Notify::new());
            let asking: Vec<_> = (0..CALLERS)
                .map(|_| {
                    let (cache, open) = (cache.clone(), open.clone());
                    tokio::spawn(async move {
                        let load = || async move {
                            open.notified().await;
                            Err::<u32, _>(Broken(7))
                        };
                        cache.get_or_load("a", load).await.unwrap_err()
                    })
                })
                .collect();
            until(|| cache.stats().joined == CALLERS - 1).await;
            open.notify_one();
            for asked in asking {
                let error = asked.await.unwrap();
                let source = std::error::Error::source(&error);
                assert_eq!(source.unwrap().downcast_ref(), Some(&Broken(7)));
            }
            let stats = cache.stats();
            assert_eq!((stats.loads, stats.failures, stats.loading), (1, 1, 0));
        });
    });
    let bytes = measured.bytes_max / CALLERS;
    assert!(bytes < CALLER_BYTES_MAX, "{bytes} bytes for each caller");
}

#[tokio::test]
async fn a_load_goes_on_when_nobody_waits_any_more() {
    let (cache, _) = built(|builder| builder);
    let gate = Gate::default();
    let asked = gate.ask(&cache, "a");
    until(|| gate.runs() == 1).await;
    asked.abort();
    assert!(asked.await.is_err());
    gate.open.notify_one();
    until(|| cache.stats().entries == 1).await;
    assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&1));
}

/// What is done while a load is under way, and whether what it loads is kept.
#[tokio::test]
async fn a_load_that_something_overtook_is_not_kept() {
    async fn check<F: Future<Output = ()>>(expect: Option<u32>, act: impl FnOnce(Cache) -> F) {
        let (cache, _) = built(|builder| builder);
        let cache = cache.namespace("n");
        let gate = Gate::default();
        let (own, entry) = (cache.clone(), gate.clone());
        let asked = tokio::spawn(async move {
            let entry_of = own.entry("a").tag("known").tags_by(|n: &u32| [format!("told:{n}")]);
            entry_of.get_or_load(|| entry.load()).await.map(|n| *n)
        });
        until(|| gate.runs() == 1).await;
        act(cache.clone()).await;
        gate.open.notify_one();
        assert_eq!(asked.await.unwrap().unwrap(), 1, "who asked before is given it");
        assert_eq!(cache.get::<u32>("a").await.map(|n| *n), expect);
    }
    check(Some(1), |_| async {}).await;
    check(None, async |cache| _ = cache.delete("a").await).await;
    check(Some(1), async |cache| _ = cache.delete("b").await).await;
    check(Some(9), async |cache| cache.set("a", 9_u32).await).await;
    check(None, async |cache| _ = cache.increment("a", 1).await).await;
    check(None, async |cache| _ = cache.delete_pattern("*").await).await;
    check(Some(1), async |cache| _ = cache.delete_pattern("b*").await).await;
    check(None, async |cache| _ = cache.clear().await).await;
    check(Some(1), async |cache| _ = cache.namespace("x").clear().await).await;
    check(None, async |cache| _ = cache.delete_by_tag("known").await).await;
    check(None, async |cache| _ = cache.delete_by_tag("told:1").await).await;
    check(Some(1), async |cache| _ = cache.delete_by_tag("told:2").await).await;
}

/// Who comes after a deletion does not join a load that began before it.
#[tokio::test]
async fn who_comes_after_a_deletion_loads_anew() {
    async fn check<F: Future<Output = ()>>(expect: u32, act: impl FnOnce(Cache) -> F) {
        let (cache, _) = built(|builder| builder);
        let gate = Gate::default();
        let ask = || {
            let (own, gate) = (cache.clone(), gate.clone());
            tokio::spawn(async move {
                let entry = own.entry("a").tag("known").tags_by(|n: &u32| [format!("told:{n}")]);
                entry.get_or_load(|| gate.load()).await.map(|n| *n)
            })
        };
        let first = ask();
        until(|| gate.runs() == 1).await;
        act(cache.clone()).await;
        let second = ask();
        until(|| gate.runs() == expect && cache.stats().joined == u64::from(2 - expect)).await;
        gate.open.notify_waiters();
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(second.await.unwrap().unwrap(), expect);
        assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&expect));
    }
    check(1, |_| async {}).await;
    check(2, async |cache| _ = cache.delete("a").await).await;
    check(2, async |cache| _ = cache.delete_pattern("a").await).await;
    check(2, async |cache| _ = cache.clear().await).await;
    check(2, async |cache| _ = cache.delete_by_tag("known").await).await;
    check(2, async |cache| _ = cache.delete_by_tag("told:1").await).await;
    check(1, async |cache| _ = cache.namespace("n").delete_by_tag("known").await).await;
}

#[derive(Debug, PartialEq)]
struct Broken(u32);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "broken {}", self.0)
    }
}

impl std::error::Error for Broken {}

#[tokio::test]
async fn everybody_who_waits_is_told_how_a_load_failed() {
    let (cache, _) = built(|builder| builder);
    let open = Arc::new(Notify::new());
    let ask = |key: &'static str| {
        let (cache, open) = (cache.clone(), open.clone());
        tokio::spawn(async move {
            let load = move || async move {
                open.notified().await;
                match key {
                    "panics" => panic!("on purpose"),
                    "own" => Err(Box::from(Error::usage("as it is"))),
                    "text" => Err(Box::from("a text")),
                    _ => Err(Box::from(Broken(7))),
                }
            };
            cache
                .get_or_load::<u32, Box<dyn std::error::Error + Send + Sync>, _, _>(key, load)
                .await
        })
    };
    for (key, is_expected) in [
        ("error", (|error| error.is_load_failed()) as fn(&Error) -> bool),
        ("text", |error| error.is_load_failed()),
        ("own", |error| error.is_usage() && error.message() == "as it is"),
        ("panics", |error| error.is_load_failed()),
    ] {
        let (joined, failures) = (cache.stats().joined, cache.stats().failures);
        let asking: Vec<_> = (0..10).map(|_| ask(key)).collect();
        until(|| cache.stats().joined == joined + 9).await;
        open.notify_one();
        for asked in asking {
            let error = asked.await.unwrap().unwrap_err();
            assert!(is_expected(&error), "{key}: {error:?}");
            let source = std::error::Error::source(&error);
            let broken = source.and_then(|source| source.downcast_ref::<Broken>());
            assert_eq!(broken.is_some(), key == "error");
            assert!(!error.to_string().contains("broken"), "what it says is not ours to log");
        }
        assert_eq!(cache.stats().failures, failures + 1);
        assert!(!cache.contains(key).await);
    }
    assert_eq!(cache.stats().loading, 0);
    let again = cache.get_or_load("panics", || async { Ok::<_, Broken>(1_u32) }).await;
    assert_eq!(*again.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_is_stopped() {
    let (cache, _) = built(|builder| builder.load_timeout(secs(5)));
    let dropped = Arc::new(());
    let held = dropped.clone();
    let load = move || async move {
        let _held = held;
        std::future::pending::<Result<u32, Broken>>().await
    };
    let error = cache.get_or_load("a", load).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(Arc::strong_count(&dropped), 1, "the load is dropped");
    assert_eq!((cache.stats().loading, cache.stats().failures), (0, 1));
    let past = cache.entry("a").no_cache().load_timeout(secs(1));
    let error = past.get_or_load(std::future::pending::<Result<u32, Broken>>).await.unwrap_err();
    assert!(error.is_timeout());
}

/// A load that blocks its thread cannot be stopped; those who wait are not held for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_longer_than_a_second_after_the_limit() {
    let (cache, clock) = built(|builder| builder.load_timeout(Duration::from_millis(10)));
    let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
    let load = move || async move {
        let _ = held.recv();
        Ok::<_, Broken>(1_u32)
    };
    let error = cache.get_or_load("a", load).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(cache.stats().loading, 1);
    clock.advance(secs(2));
    let second = cache.get_or_load("a", || async { Ok::<_, Broken>(2_u32) }).await.unwrap();
    assert_eq!(*second, 2, "nobody joins a load that is past its time");
    release.send(()).unwrap();
    until(|| cache.stats().load_times.iter().map(|time| time.loads).sum::<u64>() == 2).await;
    assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&2), "it is not the registered one");
}

#[tokio::test]
async fn a_load_that_asks_for_its_own_key_is_refused() {
    let (cache, _) = built(|builder| builder);
    let inner = cache.clone();
    let load = move || async move {
        let through = inner.clone();
        let innermost = move || async move {
            let again = through.get_or_load("a", || async { Ok::<_, Error>(1_u32) }).await;
            again.map(|n| *n)
        };
        Box::pin(inner.get_or_load("b", innermost)).await.map(|n| *n)
    };
    let error = cache.get_or_load("a", load).await.unwrap_err();
    assert!(error.is_usage(), "{error}");
    let other = cache.namespace("n");
    let load = move || async move {
        other.get_or_load("a", || async { Ok::<_, Error>(1_u32) }).await.map(|n| *n)
    };
    assert_eq!(*cache.get_or_load("a", load).await.unwrap(), 1, "another key of that name");
}

#[test]
fn a_load_whose_runtime_is_shut_down_is_loaded_by_who_waits() {
    let (cache, _) = built(|builder| builder);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_time().build().unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let gate = Gate::default();
    let asking = {
        let _in = first.enter();
        gate.ask(&cache, "a")
    };
    second.block_on(until(|| gate.runs() == 1));
    let waiting = {
        let cache = cache.clone();
        second
            .spawn(async move { cache.get_or_load("a", || async { Ok::<_, Error>(7_u32) }).await })
    };
    second.block_on(until(|| cache.stats().joined == 1));
    drop(first);
    assert_eq!(*second.block_on(waiting).unwrap().unwrap(), 7);
    drop(asking);
    assert_eq!(cache.stats().loading, 0);
}

#[test]
fn a_load_needs_a_runtime() {
    let (cache, _) = built(|builder| builder);
    let asking = cache.get_or_load("a", || async { Ok::<_, Error>(1_u32) });
    let mut asking = std::pin::pin!(asking);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(asked) = asking.as_mut().poll(&mut context) else { panic!("waits") };
    assert!(asked.unwrap_err().is_usage());
}

#[test]
fn threads_that_block_for_one_key_run_one_load() {
    let (cache, _) = built(|builder| builder);
    let runs = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let load = || {
                    runs.fetch_add(1, Ordering::SeqCst);
                    while cache.stats().joined < 7 {
                        std::thread::yield_now();
                    }
                    Ok::<_, Broken>(21_u32)
                };
                assert_eq!(*cache.blocking().get_or_load("a", load).unwrap(), 21);
            });
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(cache.blocking().get::<u32>("a").as_deref(), Some(&21));
    let failed = cache.blocking().get_or_load("b", || Err::<u32, _>(Broken(1)));
    assert!(failed.unwrap_err().is_load_failed());
    let panicked =
        cache.blocking().get_or_load("b", || -> Result<u32, Broken> { panic!("on purpose") });
    assert!(panicked.unwrap_err().is_load_failed());
    let own = || cache.blocking().get_or_load("b", || Ok::<_, Error>(1_u32)).map(|n| *n);
    assert!(cache.blocking().get_or_load("b", own).unwrap_err().is_usage());
}

#[tokio::test]
async fn who_blocks_does_not_wait_for_an_async_load() {
    let (cache, _) = built(|builder| builder);
    let gate = Gate::default();
    let asked = gate.ask(&cache, "a");
    until(|| gate.runs() == 1).await;
    let own = cache.blocking().get_or_load("a", || Ok::<_, Broken>(50_u32)).unwrap();
    assert_eq!(*own, 50, "it has computed for itself");
    assert!(!cache.contains("a").await);
    gate.open.notify_one();
    assert_eq!(asked.await.unwrap().unwrap(), 1);
    assert_eq!(cache.get::<u32>("a").await.as_deref(), Some(&1));
}
