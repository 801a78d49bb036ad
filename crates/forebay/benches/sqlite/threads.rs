//! Hits on two threads at once beside hits on one. The time is that of one hit on each thread:
//! equal figures mean that the threads do not get in each other's way.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::Criterion;
use forebay::Db;
use tokio::runtime::Handle;

use crate::bare::Bare;
use crate::dataset::{Dataset, Ids, POINT, User, timed};
use crate::driver;

const CACHE_BYTES: u64 = 100_000_000;
const KEYS: usize = 1_000;

pub(crate) fn threads(criterion: &mut Criterion) {
    let dataset = Dataset::new();
    let runtime = &dataset.runtime;
    let db = dataset.forebay(CACHE_BYTES);
    let connection = dataset.rusqlite();
    let ids = Ids::shuffled(KEYS);
    let bare = Bare::new(POINT, ids.every().iter().map(|id| driver::point(&connection, *id)));
    timed(runtime, async {
        for id in ids.every() {
            db.query(POINT).bind(*id).shared::<User>().await?;
            db.query(POINT).bind(*id).one::<User>().await?;
        }
        Ok(())
    });
    let mut group = criterion.benchmark_group("threads");
    for threads in [1, 2] {
        group.bench_function(format!("bare_lookup_{threads}"), |bencher| {
            bencher.iter_custom(|count| together(threads, |ids| lookups(&bare, ids, count)));
        });
        group.bench_function(format!("shared_{threads}"), |bencher| {
            let handle = runtime.handle();
            bencher.iter_custom(|count| together(threads, |ids| hits(handle, &db, ids, count)));
        });
        group.bench_function(format!("one_{threads}"), |bencher| {
            let handle = runtime.handle();
            bencher.iter_custom(|count| together(threads, |ids| typed(handle, &db, ids, count)));
        });
    }
    group.finish();
}

/// The longest time that one of the threads took for `work`, all begun at once.
fn together(threads: usize, work: impl Fn(&mut Ids) + Sync) -> Duration {
    let start = Barrier::new(threads);
    let run = |thread: usize| {
        let mut ids = Ids::shuffled(KEYS).reordered().starting_at(thread * KEYS / threads);
        start.wait();
        let began = Instant::now();
        work(&mut ids);
        began.elapsed()
    };
    std::thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let times = running.into_iter().map(|thread| thread.join().expect("no hit panics"));
        times.max().unwrap_or_default()
    })
}

fn lookups(bare: &Bare, ids: &mut Ids, count: u64) {
    for _ in 0..count {
        black_box(bare.get(black_box(POINT), ids.next()));
    }
}

fn hits(runtime: &Handle, db: &Db, ids: &mut Ids, count: u64) {
    runtime.block_on(async {
        for _ in 0..count {
            let users = db.query(POINT).bind(ids.next()).shared::<User>().await;
            black_box(users.expect("every statement succeeds"));
        }
    });
}

fn typed(runtime: &Handle, db: &Db, ids: &mut Ids, count: u64) {
    runtime.block_on(async {
        for _ in 0..count {
            let user = db.query(POINT).bind(ids.next()).one::<User>().await;
            black_box(user.expect("every statement succeeds"));
        }
    });
}
