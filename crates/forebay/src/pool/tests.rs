//! The pool as its users meet it: load from many threads, faults, cancellation, warnings and
//! the end. What a single-threaded sequence of calls can show is in `model`.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// A database that counts its connections and fails on demand. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Origin(Arc<Faults>);

#[derive(Default)]
struct Faults {
    opened: AtomicUsize,
    live: AtomicUsize,
    peak: AtomicUsize,
    failing: AtomicUsize,
    checks: AtomicUsize,
    broken: Mutex<HashSet<usize>>,
    hang: AtomicBool,
    panic: AtomicBool,
    delay_ms: AtomicU64,
    slow_close: AtomicBool,
}

/// A connection to it; dropping closes it.
pub(super) struct Line {
    pub(super) number: usize,
    used: AtomicBool,
    faults: Arc<Faults>,
}

impl Origin {
    pub(super) fn fail_next(&self, count: usize) {
        self.0.failing.store(count, SeqCst);
    }

    pub(super) fn break_connection(&self, number: usize) {
        self.0.broken.lock().unwrap().insert(number);
    }

    pub(super) fn live(&self) -> usize {
        self.0.live.load(SeqCst)
    }

    pub(super) fn peak(&self) -> usize {
        self.0.peak.load(SeqCst)
    }
}

impl Connect for Origin {
    type Connection = Line;

    async fn connect(&self) -> Result<Line> {
        let faults = &self.0;
        if faults.delay_ms.load(SeqCst) > 0 {
            sleep(Duration::from_millis(faults.delay_ms.load(SeqCst))).await;
        }
        if faults.hang.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        assert!(!faults.panic.load(SeqCst), "connecting panics, as the test asked");
        if faults.failing.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(Error::new(Kind::Open, "refused"));
        }
        let live = faults.live.fetch_add(1, SeqCst) + 1;
        faults.peak.fetch_max(live, SeqCst);
        let number = faults.opened.fetch_add(1, SeqCst) + 1;
        Ok(Line { number, used: AtomicBool::new(false), faults: Arc::clone(faults) })
    }

    fn check(&self, line: &mut Line) -> bool {
        self.0.checks.fetch_add(1, SeqCst);
        !self.0.broken.lock().unwrap().contains(&line.number)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.faults.slow_close.load(SeqCst) {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.faults.live.fetch_sub(1, SeqCst);
    }
}

impl Line {
    /// Uses it for a moment, and finds out if anybody else does.
    async fn use_for(&self, moment: Duration) {
        assert!(!self.used.swap(true, SeqCst), "connection {} is used twice", self.number);
        let _end = End(&self.used);
        if moment.is_zero() { yield_now().await } else { sleep(moment).await }
    }
}

/// The end of a use, also of one that is cancelled.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        assert!(self.0.swap(false, SeqCst));
    }
}

#[track_caller]
pub(super) fn label() -> HolderLabel {
    HolderLabel { caller: Location::caller(), statement: None }
}

/// Exactly so many connections, opened when needed, for ever.
fn fixed(max_size: usize, max_overflow: usize) -> Options {
    Options {
        max_size,
        max_overflow,
        min_idle: 0,
        idle_timeout: None,
        max_lifetime: None,
        ..Options::new("reader")
    }
}

fn pool(options: Options) -> (Pool<Origin>, Origin) {
    let origin = Origin::default();
    (Pool::new(origin.clone(), options).unwrap(), origin)
}

async fn refused(pool: &Pool<Origin>) -> Error {
    match pool.acquire(label()).await {
        Ok(line) => panic!("got connection {}", line.number),
        Err(error) => error,
    }
}

/// (idle, in use, waiting)
fn counts(pool: &Pool<Origin>) -> (usize, usize, usize) {
    let stats = pool.stats();
    assert_eq!(stats.size, stats.idle + stats.in_use);
    (stats.idle, stats.in_use, stats.waiting)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_share_thirty_connections() {
    let (pool, origin) = pool(fixed(10, 20));
    origin.0.delay_ms.store(1, SeqCst);
    let tasks: Vec<_> = (0..1_000u64)
        .map(|task| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for round in 0..5 {
                    let line = pool.acquire(label()).await.unwrap();
                    line.use_for(Duration::from_micros(task % 3 * 400)).await;
                    if (task + round) % 97 == 0 {
                        line.discard();
                    }
                }
            })
        })
        .collect();
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.acquisitions, stats.timeouts, stats.waiting), (5_000, 0, 0));
    assert_eq!(stats.in_use, 0);
    assert!(stats.idle <= 10, "overflow stays: {stats:?}");
    assert_eq!(origin.live(), stats.size);
    assert!(origin.peak() > 10 && origin.peak() <= 30, "{} were open", origin.peak());
    assert_eq!(stats.opened - stats.closed, stats.size as u64);
    assert!(stats.acquire_mean > Duration::ZERO && stats.acquire_p99 > stats.acquire_mean);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancelled_and_failing_callers_lose_no_permit() {
    let (pool, origin) = pool(fixed(2, 2));
    let tasks: Vec<_> = (0..400u64)
        .map(|task| {
            let (pool, origin) = (pool.clone(), origin.clone());
            tokio::spawn(async move {
                if task % 5 == 0 {
                    origin.fail_next(2);
                }
                let used = async {
                    let line = pool.acquire(label()).await?;
                    line.use_for(Duration::from_micros(300)).await;
                    if task % 7 == 0 {
                        line.discard();
                    }
                    Ok::<_, Error>(())
                };
                match task % 3 {
                    0 => drop(tokio::time::timeout(Duration::from_micros(task * 50), used).await),
                    _ => drop(used.await),
                }
            })
        })
        .collect();
    for task in join_all(tasks).await {
        task.unwrap();
    }
    origin.fail_next(0);
    assert!(origin.peak() <= 4);
    let all = join_all((0..4).map(|_| pool.acquire(label()))).await;
    assert!(all.iter().all(|line| line.is_ok()), "every permit is there");
    assert_eq!(counts(&pool), (0, 4, 0));
    drop(all);
    assert_eq!(counts(&pool).0, 2, "overflow is closed on return");
    assert_eq!(origin.live(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_place_is_free_before_its_permit_is() {
    for (slow_close, rounds) in [(false, 2_000), (true, 50)] {
        let (pool, origin) = pool(fixed(1, 1));
        origin.0.slow_close.store(slow_close, SeqCst);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    for _ in 0..rounds {
                        pool.acquire(label()).await.unwrap().discard();
                    }
                })
            })
            .collect();
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert!(origin.peak() <= 2, "{} were open", origin.peak());
        assert_eq!((pool.stats().opened, pool.stats().closed), (rounds * 8, rounds * 8));
    }
}

#[tokio::test]
async fn an_idle_connection_is_handed_out_without_yielding() {
    let (pool, origin) = pool(fixed(2, 0));
    let (first, second) = (pool.acquire(label()).await, pool.acquire(label()).await);
    let number = first.as_ref().unwrap().number;
    drop((second, first));
    for _ in 0..1_000 {
        let line = pool.acquire(label()).now_or_never().expect("it yields").unwrap();
        assert_eq!(line.number, number, "the one given back last goes out first");
    }
    assert_eq!(origin.0.opened.load(SeqCst), 2);
    let stats = pool.stats();
    assert_eq!((stats.acquisitions, stats.acquire_p99), (1_002, Duration::ZERO));
}

#[tokio::test]
async fn those_who_wait_are_served_in_order() {
    let (pool, _origin) = pool(fixed(1, 0));
    let first = pool.acquire(label()).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for task in 0..50 {
        let (pool, order) = (pool.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let line = pool.acquire(label()).await.unwrap();
            order.lock().unwrap().push(task);
            line.use_for(Duration::ZERO).await;
        }));
        yield_now().await;
    }
    assert_eq!(counts(&pool), (0, 1, 50));
    drop(first);
    // Whoever comes now stands behind those who wait, though a connection lies there.
    assert!(pool.acquire(label()).now_or_never().is_none(), "jumped the queue");
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn exhaustion_is_an_error_that_says_what_to_do() {
    let (pool, _origin) = pool(fixed(1, 1));
    let statement = Some(Arc::from("SELECT * FROM users WHERE id = ?"));
    let holder = HolderLabel { caller: Location::caller(), statement };
    let line = holder.caller.line();
    let _first = pool.acquire(holder).await.unwrap();
    sleep(Duration::from_millis(5)).await;
    let _second = pool.acquire(label()).await.unwrap();
    let started = Instant::now();
    let error = refused(&pool).await;
    assert!(error.is_pool_exhausted());
    assert_eq!(started.elapsed().as_secs(), 5);
    let text = error.to_string();
    for part in [
        "reader pool",
        "within 5s",
        "2 of 2 in use",
        "1 waiting",
        &format!("tests.rs:{line}:"),
        "(SELECT * FROM users WHERE id = ?)",
        "max_size (1)",
        "max_overflow (1)",
        "inside of a transaction",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert_eq!((pool.stats().timeouts, pool.stats().waiting), (1, 0));
    let longest = pool.stats().longest_holder.unwrap();
    assert!(longest.caller.contains(&format!("tests.rs:{line}:")));
    assert_eq!(longest.statement.as_deref(), Some("SELECT * FROM users WHERE id = ?"));
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_hangs_is_bounded_and_gives_its_place_back() {
    let (pool, origin) = pool(fixed(1, 0));
    origin.0.hang.store(true, SeqCst);
    let error = refused(&pool).await;
    assert!(error.is_open(), "{error}");
    assert!(error.to_string().contains("acquire_timeout (5s)"), "{error}");
    origin.0.hang.store(false, SeqCst);
    assert!(pool.acquire(label()).await.is_ok());
    assert_eq!(pool.stats().timeouts, 1);
}

#[tokio::test]
async fn a_storm_of_failed_connects_passes() {
    let (pool, origin) = pool(fixed(3, 2));
    origin.fail_next(500);
    let results = join_all((0..500).map(|_| pool.acquire(label()))).await;
    assert!(results.iter().all(|result| matches!(result, Err(error) if error.is_open())));
    let stats = pool.stats();
    assert_eq!((stats.size, stats.opened, stats.acquisitions), (0, 0, 0));
    let all = join_all((0..5).map(|_| pool.acquire(label()))).await;
    assert!(all.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_panic_while_connecting_gives_the_place_back() {
    let (pool, origin) = pool(fixed(1, 0));
    origin.0.panic.store(true, SeqCst);
    let cloned = pool.clone();
    assert!(tokio::spawn(async move { refused(&cloned).await }).await.unwrap_err().is_panic());
    origin.0.panic.store(false, SeqCst);
    assert!(pool.acquire(label()).await.is_ok());
}

#[tokio::test]
async fn a_holder_that_panics_gives_back_what_still_works() {
    for broken in [false, true] {
        let (pool, origin) = pool(fixed(1, 0));
        let (cloned, faults) = (pool.clone(), origin.clone());
        let holder = tokio::spawn(async move {
            let line = cloned.acquire(label()).await.unwrap();
            if broken {
                faults.break_connection(line.number);
            }
            panic!("the holder panics, as the test asked");
        });
        assert!(holder.await.unwrap_err().is_panic());
        assert_eq!(origin.0.checks.load(SeqCst), 1, "checked before it lies idle");
        assert_eq!(counts(&pool), (usize::from(!broken), 0, 0));
        let line = pool.acquire(label()).await.unwrap();
        assert_eq!(line.number, if broken { 2 } else { 1 });
    }
}

#[tokio::test]
async fn what_fails_its_check_is_closed_and_another_taken() {
    let (pool, origin) = pool(fixed(4, 0));
    drop(join_all((0..4).map(|_| pool.acquire(label()))).await);
    assert_eq!(origin.live(), 4);
    (2..=4).for_each(|number| origin.break_connection(number));
    assert_eq!(pool.acquire(label()).await.unwrap().number, 1);
    assert_eq!((origin.live(), pool.stats().closed), (1, 3));
    origin.break_connection(1);
    assert_eq!(pool.acquire(label()).await.unwrap().number, 5);
}

#[tokio::test]
async fn a_checkout_can_end_on_a_thread_without_a_runtime() {
    let (pool, _origin) = pool(fixed(1, 0));
    let line = pool.acquire(label()).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(label()).await.map(|line| line.number) }
    });
    yield_now().await;
    std::thread::spawn(move || drop(line)).join().unwrap();
    assert_eq!(waiter.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn idle_connections_go_down_to_min_idle_and_old_ones_go() {
    let (origin, clock) = (Origin::default(), Clock::manual());
    let options = Options { min_idle: 2, held_warning: None, ..Options::new("reader") };
    let pool = Pool::with_clock(origin.clone(), options, clock.clone()).unwrap();
    let mut all = join_all((0..12).map(|_| pool.acquire(label()))).await;
    let held = all.pop();
    drop(all);
    assert_eq!(counts(&pool), (9, 1, 0), "two above max_size were closed on return");
    let sweep_after = |secs: u64| {
        clock.advance(Duration::from_secs(secs));
        pool.core.sweep();
        counts(&pool).0
    };
    // The first sweep starts the idle time of what it finds.
    assert_eq!([sweep_after(0), sweep_after(299), sweep_after(1)], [9, 9, 2]);
    assert_eq!([sweep_after(2_800), sweep_after(500)], [2, 0], "lifetimes end");
    drop(held);
    assert_eq!((counts(&pool), origin.live()), ((0, 0, 0), 0), "also of what was in use");
}

#[tokio::test]
async fn a_connection_that_must_never_go_stays() {
    for never in [None, Some(Duration::MAX)] {
        let (origin, clock) = (Origin::default(), Clock::manual());
        let options = Options {
            min_idle: 1,
            idle_timeout: never,
            max_lifetime: never,
            held_warning: never,
            ..fixed(1, 0)
        };
        let pool = Pool::with_clock(origin.clone(), options, clock.clone()).unwrap();
        let line = pool.acquire(label()).await.unwrap();
        for _ in 0..3 {
            clock.advance(Duration::from_secs(86_400 * 365));
            pool.core.sweep();
        }
        drop(line);
        clock.advance(Duration::from_secs(86_400 * 365));
        pool.core.sweep();
        assert_eq!(pool.acquire(label()).await.unwrap().number, 1);
        assert_eq!(origin.0.opened.load(SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn min_idle_is_kept_in_the_background() {
    let (pool, origin) = pool(Options { min_idle: 2, ..fixed(3, 2) });
    origin.fail_next(1);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(counts(&pool), (0, 0, 0), "the first attempt failed");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counts(&pool), (2, 0, 0));
    let one = pool.acquire(label()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counts(&pool), (2, 1, 0));
    let two = pool.acquire(label()).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(counts(&pool), (1, 2, 0), "not above max_size");
    drop((one, two));
    assert_eq!(counts(&pool), (3, 0, 0));
    assert_eq!(pool.stats().acquisitions, 2, "nobody acquired those opened ahead of need");
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_those_in_use() {
    let (pool, origin) = pool(fixed(2, 0));
    drop(join_all((0..2).map(|_| pool.acquire(label()))).await);
    let held = pool.acquire(label()).await.unwrap();
    let spare = pool.acquire(label()).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { refused(&pool).await }
    });
    yield_now().await;
    // Two wait for the end, and one of them is given up.
    assert!(pool.close().now_or_never().is_none());
    let close = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close().await }
    });
    assert!(waiter.await.unwrap().is_closed());
    assert!(refused(&pool).await.is_closed());
    drop(spare);
    sleep(Duration::from_secs(60)).await;
    assert!(!close.is_finished());
    assert_eq!((origin.live(), counts(&pool)), (1, (0, 1, 0)));
    held.use_for(Duration::ZERO).await;
    drop(held);
    close.await.unwrap();
    assert_eq!((origin.live(), pool.stats().closed), (0, 2));
    pool.close().await;
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_those_being_opened_and_for_the_idle() {
    let (pool, origin) = pool(fixed(3, 0));
    drop(join_all((0..2).map(|_| pool.acquire(label()))).await);
    origin.0.delay_ms.store(1_000, SeqCst);
    let _held = join_all((0..2).map(|_| pool.acquire(label()))).await;
    let opening = tokio::spawn({
        let pool = pool.clone();
        async move { refused(&pool).await }
    });
    yield_now().await;
    drop(_held);
    let started = Instant::now();
    pool.close().await;
    assert_eq!(started.elapsed().as_millis(), 1_000);
    assert!(opening.await.unwrap().is_closed());
    assert_eq!((origin.live(), pool.stats().opened, pool.stats().closed), (0, 3, 3));
}

#[tokio::test]
async fn a_visitor_is_nobody_in_the_way() {
    let (pool, origin) = pool(Options { min_idle: 1, ..fixed(2, 0) });
    let visitor = pool.visitor();
    drop(join_all((0..2).map(|_| pool.acquire(label()))).await);
    let visits = std::cell::Cell::new(0);
    let wants = |line: &Line| line.number == 1 && visits.get() < 3;
    visitor.visit(wants, |line| {
        visits.set(visits.get() + 1);
        assert_eq!((line.number, counts(&pool)), (1, (2, 0, 0)), "it still counts as idle");
        // The lock is free, and another is handed out or the wait for this one begins.
        let other = pool.acquire(label()).now_or_never().unwrap().unwrap();
        assert_eq!(other.number, 2);
        assert!(pool.acquire(label()).now_or_never().is_none());
    });
    assert_eq!((visits.get(), pool.acquire(label()).await.unwrap().number), (2, 1), "bounded");
    let held = join_all((0..2).map(|_| pool.acquire(label()))).await;
    visitor.visit(|_| true, |_| panic!("what is in use is not idle"));
    drop(held);
    let panics = || visitor.visit(|_| true, |_| panic!("the visitor panics, as asked"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert_eq!((counts(&pool), origin.live()), ((1, 0, 0), 1), "closed, and its place is free");
    visitor.visit(
        |_| true,
        |_| {
            let closing = pool.close().now_or_never();
            assert!(closing.is_none(), "it waits for the visitor");
        },
    );
    assert_eq!(origin.live(), 0, "closed when it came back");
    pool.close().await;
    drop(pool);
    visitor.visit(|_| true, |_| panic!("the pool is gone"));
}

#[tokio::test(start_paused = true)]
async fn the_background_ends_with_the_last_handle() {
    let (pool, origin) = pool(Options { min_idle: 1, ..fixed(2, 0) });
    sleep(Duration::from_millis(1)).await;
    let line = pool.acquire(label()).await.unwrap();
    // The next attempt to fill hangs, and must not keep the pool alive.
    origin.0.hang.store(true, SeqCst);
    sleep(Duration::from_millis(1_500)).await;
    drop(pool.clone());
    drop(pool);
    yield_now().await;
    assert_eq!(origin.live(), 1, "what is in use stays open");
    drop(line);
    assert_eq!(origin.live(), 0);
    assert_eq!(Arc::strong_count(&origin.0), 1, "a task still holds the pool");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let check = |change: &dyn Fn(&mut Options), expect: Option<&str>| {
        let mut options = Options::new("writer");
        change(&mut options);
        match (options.validate(), expect) {
            (Ok(()), None) => {}
            (Err(error), Some(expect)) => {
                let text = error.to_string();
                assert!(error.is_usage() && text.contains("writer pool"), "{text}");
                assert!(text.contains(expect), "{expect:?} is missing in {text:?}");
            }
            (result, expect) => panic!("{result:?}, not {expect:?}"),
        }
    };
    check(&|_| {}, None);
    check(&|o| (o.max_size, o.min_idle, o.max_overflow) = (1, 1, 0), None);
    check(&|o| o.idle_timeout = None, None);
    check(&|o| o.max_size = 0, Some("max_size is 0"));
    check(&|o| o.max_overflow = usize::MAX, Some("max_size + max_overflow"));
    check(&|o| o.min_idle = 11, Some("min_idle (11) is larger than max_size (10)"));
    check(&|o| o.acquire_timeout = Duration::ZERO, Some("acquire_timeout is 0"));
    check(&|o| o.idle_timeout = Some(Duration::ZERO), Some("idle_timeout is 0"));
    check(&|o| o.max_lifetime = Some(Duration::ZERO), Some("max_lifetime is 0"));
    check(&|o| o.held_warning = Some(Duration::ZERO), Some("held_warning is 0"));
    check(&|o| o.sweep_interval = Duration::ZERO, Some("sweep_interval is 0"));
    let outside = Pool::new(Origin::default(), Options::new("writer"));
    assert!(outside.err().unwrap().to_string().contains("tokio runtime"));
}

/// Keeps what is logged at level WARN by this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            text += &format!("{}={value:?} ", field.name());
        });
        self.0.lock().unwrap().push(text);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_connection_held_too_long_is_told_of_once() {
    let log = Log::default();
    // While there is but one subscriber, tracing asks only the thread that meets an event first
    // whether anybody listens, and that may be the thread of another test.
    let _second = tracing::Dispatch::new(Log::default());
    let _guard = tracing::subscriber::set_default(log.clone());
    let (origin, clock) = (Origin::default(), Clock::manual());
    let pool = Pool::with_clock(origin.clone(), fixed(3, 0), clock.clone()).unwrap();
    let statement = Some(Arc::from("SELECT a_slow_one()"));
    let holder = HolderLabel { caller: Location::caller(), statement };
    let line = holder.caller.line();
    let slow = pool.acquire(holder.clone()).await.unwrap();
    let elapse = async |secs: u64| {
        clock.advance(Duration::from_secs(secs));
        advance(Duration::from_secs(secs.max(1))).await;
        sleep(Duration::from_millis(1)).await;
        std::mem::take(&mut *log.0.lock().unwrap())
    };
    assert_eq!(elapse(29).await, Vec::<String>::new());
    let _quick = pool.acquire(label()).await.unwrap();
    let told = elapse(1).await;
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "reader pool has been held for 30.0s",
        &format!("tests.rs:{line}:"),
        "(SELECT a_slow_one())",
        "held_ms=30000 ",
        "pool=\"reader\"",
    ] {
        assert!(told[0].contains(part), "{part:?} is missing in {told:?}");
    }
    assert_eq!(elapse(20).await, Vec::<String>::new(), "once is enough");
    drop(slow);
    let _again = pool.acquire(holder).await.unwrap();
    assert_eq!(elapse(31).await.len(), 2, "a new loan is a new warning, and the quick one's");
}

/// `cargo test --release -p forebay -- --ignored --nocapture acquire_and_return_is_quick`
#[tokio::test]
#[ignore = "a measurement, for a release build on a quiet machine"]
async fn acquire_and_return_is_quick() {
    struct Nothing;
    impl Connect for Nothing {
        type Connection = [u64; 4];
        async fn connect(&self) -> Result<[u64; 4]> {
            Ok([0; 4])
        }
        fn check(&self, _: &mut [u64; 4]) -> bool {
            true
        }
    }
    let pool = Pool::new(Nothing, fixed(10, 20)).unwrap();
    let statement: Arc<str> = Arc::from("SELECT 1");
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let started = std::time::Instant::now();
        for _ in 0..100_000 {
            let statement = Some(Arc::clone(&statement));
            let holder = HolderLabel { caller: Location::caller(), statement };
            let mut line = pool.acquire(holder).await.unwrap();
            line[0] += 1;
        }
        best = best.min(started.elapsed() / 100_000);
    }
    assert!(best < Duration::from_nanos(150), "{best:?} for acquiring and returning");
}
