//! A read that goes to the database: past the cache, and through a cache that must take the
//! answer in and throw another out, beside the driver on the calling thread.

use std::hint::black_box;

use criterion::Criterion;

use crate::dataset::{Dataset, Ids, POINT, User, timed};
use crate::driver;

/// Room for some hundred answers of the 60,000 that are asked for in turn.
const CACHE_BYTES: u64 = 100_000;
const KEYS: usize = 60_000;

pub(crate) fn miss(criterion: &mut Criterion) {
    let dataset = Dataset::new();
    let runtime = &dataset.runtime;
    let db = dataset.forebay(CACHE_BYTES);
    let connection = dataset.rusqlite();
    let mut ids = Ids::shuffled(KEYS);
    let mut group = criterion.benchmark_group("miss");
    group.bench_function("rusqlite", |bencher| {
        bencher.iter(|| black_box(driver::point(&connection, ids.next())));
    });
    group.bench_function("no_cache", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    let query = db.query(POINT).bind(ids.next()).no_cache();
                    black_box(query.one::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("filled", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(db.query(POINT).bind(ids.next()).one::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("filled_shared", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(db.query(POINT).bind(ids.next()).shared::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.finish();
    let cache = db.stats().cache;
    assert!(cache.hits * 100 <= cache.misses, "what was measured missed: {cache:?}");
    assert!(cache.fills >= cache.misses, "and was taken in: {cache:?}");
}
