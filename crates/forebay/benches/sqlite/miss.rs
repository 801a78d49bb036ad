//! A read that goes to the database: past the cache, and through a cache that must take the
//! answer in and throw another out, beside the driver on the calling thread. `unheld` is a read
//! that opens a snapshot of its own, as when somebody commits between any two reads.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use forebay::{Db, Query};

use crate::dataset::{Dataset, Ids, PAGE, POINT, TOTAL, User, timed};
use crate::driver;

/// Room for some hundred answers of those that are asked for in turn.
const CACHE_BYTES: u64 = 100_000;
const KEYS: usize = 60_000;

pub(crate) fn miss(criterion: &mut Criterion) {
    let dataset = Dataset::new();
    let (db, unheld) = (dataset.forebay(CACHE_BYTES), dataset.forebay_unheld());
    let connection = dataset.rusqlite();

    let mut group = criterion.benchmark_group("miss");
    let mut ids = Ids::shuffled(KEYS);
    group.bench_function("rusqlite", |bencher| {
        bencher.iter(|| black_box(driver::point(&connection, ids.next())));
    });
    let one = async |query: Query<'_>| query.one::<User>().await.map(drop);
    let none = |db| read(db, POINT).no_cache();
    bench(&mut group, &dataset, "no_cache", &mut ids, async |id| one(none(&db).bind(id)).await);
    bench(&mut group, &dataset, "unheld", &mut ids, async |id| one(none(&unheld).bind(id)).await);
    bench(&mut group, &dataset, "filled", &mut ids, async |id| {
        one(read(&db, POINT).bind(id)).await
    });
    bench(&mut group, &dataset, "filled_shared", &mut ids, async |id| {
        read(&db, POINT).bind(id).shared::<User>().await.map(drop)
    });
    group.finish();

    let mut group = criterion.benchmark_group("miss_total");
    let mut ids = Ids::of_pages(KEYS);
    group.bench_function("rusqlite", |bencher| {
        bencher.iter(|| black_box(driver::total(&connection, ids.next())));
    });
    let one = async |query: Query<'_>| query.one::<(i64, i64, i64)>().await.map(drop);
    let none = |db| read(db, TOTAL).no_cache();
    bench(&mut group, &dataset, "no_cache", &mut ids, async |id| one(none(&db).bind(id)).await);
    bench(&mut group, &dataset, "unheld", &mut ids, async |id| one(none(&unheld).bind(id)).await);
    bench(&mut group, &dataset, "filled", &mut ids, async |id| {
        one(read(&db, TOTAL).bind(id)).await
    });
    group.finish();

    let mut group = criterion.benchmark_group("miss_page");
    group.bench_function("rusqlite", |bencher| {
        bencher.iter(|| black_box(driver::page(&connection, ids.next())));
    });
    let all = async |query: Query<'_>| query.all::<User>().await.map(drop);
    let none = |db| read(db, PAGE).no_cache();
    bench(&mut group, &dataset, "no_cache", &mut ids, async |id| all(none(&db).bind(id)).await);
    bench(&mut group, &dataset, "unheld", &mut ids, async |id| all(none(&unheld).bind(id)).await);
    bench(&mut group, &dataset, "filled", &mut ids, async |id| all(read(&db, PAGE).bind(id)).await);
    group.finish();

    let cache = db.stats().cache;
    assert!(cache.hits * 100 <= cache.misses, "what was measured missed: {cache:?}");
    assert!(cache.fills >= cache.misses, "and was taken in: {cache:?}");
}

fn read<'a>(db: &'a Db, sql: &'a str) -> Query<'a> {
    db.query(sql)
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    dataset: &Dataset,
    name: &str,
    ids: &mut Ids,
    read: impl AsyncFn(i64) -> forebay::Result<()>,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            timed(&dataset.runtime, async {
                for _ in 0..count {
                    read(ids.next()).await?;
                }
                Ok(())
            })
        });
    });
}
