//! A read that the cache answers, in each of its forms, beside the bare lookup and the driver.

use std::hint::black_box;

use criterion::Criterion;
use forebay::{Db, Result};

use crate::bare::Bare;
use crate::dataset::{Dataset, Ids, POINT, User, timed};
use crate::driver;

const CACHE_BYTES: u64 = 100_000_000;

/// One thousand keys: they and their answers stay in the processor's second-level cache.
pub(crate) fn hit(criterion: &mut Criterion) {
    group(criterion, "hit", 1_000);
}

/// 50,000 keys, all resident: most lookups go to main memory or the third-level cache.
pub(crate) fn hit_cold(criterion: &mut Criterion) {
    group(criterion, "hit_cold", 50_000);
}

fn group(criterion: &mut Criterion, name: &str, keys: usize) {
    let dataset = Dataset::new();
    let runtime = &dataset.runtime;
    let db = dataset.forebay(CACHE_BYTES);
    let connection = dataset.rusqlite();
    let ids = Ids::shuffled(keys);
    let bare = Bare::new(POINT, ids.every().iter().map(|id| driver::point(&connection, *id)));
    runtime.block_on(warm(&db, &ids)).expect("every statement succeeds");
    let mut group = criterion.benchmark_group(name);
    let mut next = Ids::shuffled(keys).reordered();
    group.bench_function("bare_lookup", |bencher| {
        bencher.iter(|| black_box(bare.get(black_box(POINT), next.next())).is_some());
    });
    group.bench_function("shared", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(db.query(POINT).bind(next.next()).shared::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("fetch", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(db.query(POINT).bind(next.next()).fetch().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("one", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(db.query(POINT).bind(next.next()).one::<User>().await?);
                }
                Ok(())
            })
        });
    });
    let statement = db.prepare(POINT);
    group.bench_function("prepared_shared", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(statement.query().bind(next.next()).shared::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("prepared_one", |bencher| {
        bencher.iter_custom(|count| {
            timed(runtime, async {
                for _ in 0..count {
                    black_box(statement.query().bind(next.next()).one::<User>().await?);
                }
                Ok(())
            })
        });
    });
    group.bench_function("rusqlite", |bencher| {
        bencher.iter(|| black_box(driver::point(&connection, next.next())));
    });
    group.finish();
    let cache = db.stats().cache;
    assert!(cache.misses <= keys as u64, "what was measured hit: {cache:?}");
}

/// Brings every answer into the cache in both of its forms, and checks one.
async fn warm(db: &Db, ids: &Ids) -> Result<()> {
    for id in ids.every() {
        db.query(POINT).bind(*id).shared::<User>().await?;
    }
    let id = ids.every()[0];
    let outcome = db.query(POINT).bind(id).fetch().await?;
    let user: User = db.query(POINT).bind(id).one().await?;
    assert!(outcome.cached, "the second read hits");
    assert_eq!(user.name, format!("user {id}"));
    Ok(())
}
