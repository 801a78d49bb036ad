//! One changed row, committed: through Forebay, which hands it to a worker thread, beside the
//! driver on the calling thread and the driver on a worker thread.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use criterion::Criterion;

use crate::dataset::{Dataset, Ids, UPDATE, timed};
use crate::driver;

const CACHE_BYTES: u64 = 100_000_000;

pub(crate) fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write");
    let mut ids = Ids::shuffled(10_000);
    {
        let dataset = Dataset::new();
        let connection = dataset.rusqlite();
        group.bench_function("rusqlite", |bencher| {
            bencher.iter(|| black_box(driver::update(&connection, 7, ids.next())));
        });
        let runtime = &dataset.runtime;
        let connection = Arc::new(Mutex::new(connection));
        group.bench_function("rusqlite_on_a_worker", |bencher| {
            bencher.iter_custom(|count| {
                timed(runtime, async {
                    for _ in 0..count {
                        let (connection, id) = (connection.clone(), ids.next());
                        let write = move || {
                            let held = connection.lock().unwrap_or_else(PoisonError::into_inner);
                            driver::update(&held, 7, id)
                        };
                        let changed = tokio::task::spawn_blocking(write).await;
                        black_box(changed.expect("an update does not panic"));
                    }
                    Ok(())
                })
            });
        });
    }
    // A file of its own: the commits above would be foreign ones to this database.
    let dataset = Dataset::new();
    let db = dataset.forebay(CACHE_BYTES);
    group.bench_function("execute", |bencher| {
        bencher.iter_custom(|count| {
            timed(&dataset.runtime, async {
                for _ in 0..count {
                    black_box(db.execute(UPDATE).bind(7).bind(ids.next()).await?);
                }
                Ok(())
            })
        });
    });
    group.finish();
}
