//! What it costs to learn which rows a write changes, by each means, on a table of which answers
//! by key are cached: one row in a transaction of its own, and a thousand rows in one.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use forebay::Capture;

use crate::dataset::{Dataset, Ids, POINT, UPDATE, User, timed};

/// Rows of the large transaction; fewer than what `Capture::Reread` gives up at.
const ROWS: u64 = 1_000;

pub(crate) fn capture(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("capture");
    for capture in [Capture::Tables, Capture::Reread, Capture::Hook] {
        let dataset = Dataset::new();
        // The hook is not in every build.
        let Ok(db) = dataset.try_forebay(capture) else { continue };
        let mut ids = Ids::shuffled(10_000);
        let name = format!("{capture:?}").to_lowercase();
        let read = async || db.query(POINT).bind(ids.every()[0]).one::<User>().await;
        dataset.runtime.block_on(read()).expect("the row is there");
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{name}/one"), |bencher| {
            bencher.iter_custom(|count| {
                timed(&dataset.runtime, async {
                    for _ in 0..count {
                        black_box(db.execute(UPDATE).bind(7).bind(ids.next()).await?);
                    }
                    Ok(())
                })
            });
        });
        group.throughput(Throughput::Elements(ROWS));
        group.bench_function(format!("{name}/many"), |bencher| {
            let update = "UPDATE users SET age = age + 1 WHERE id BETWEEN ? AND ?";
            bencher.iter_custom(|count| {
                timed(&dataset.runtime, async {
                    for _ in 0..count {
                        let first = ids.next().min(90_000);
                        let last = first + i64::try_from(ROWS).expect("it is small") - 1;
                        black_box(db.execute(update).bind(first).bind(last).await?);
                    }
                    Ok(())
                })
            });
        });
    }
    group.finish();
}
