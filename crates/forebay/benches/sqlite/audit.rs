//! What the self-audit costs: hits with none of them, one in a thousand and one in a hundred
//! asked of the database again. The audits run beside, on a thread and a reader of their own.

use std::hint::black_box;

use criterion::Criterion;
use forebay::Db;

use crate::dataset::{Dataset, Ids, POINT, User, timed};

const CACHE_BYTES: u64 = 100_000_000;
const KEYS: usize = 1_000;

pub(crate) fn audit(criterion: &mut Criterion) {
    let dataset = Dataset::new();
    let runtime = &dataset.runtime;
    let mut group = criterion.benchmark_group("audit");
    for (name, one_in) in [("off", 0), ("one_in_1000", 1_000), ("one_in_100", 100)] {
        let db = dataset.forebay_with(|it| it.cache_bytes(CACHE_BYTES).audit_one_in(one_in));
        let mut ids = Ids::shuffled(KEYS);
        runtime.block_on(warm(&db, &ids)).expect("every statement succeeds");
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                timed(runtime, async {
                    for _ in 0..count {
                        black_box(db.query(POINT).bind(ids.next()).shared::<User>().await?);
                    }
                    Ok(())
                })
            });
        });
        let cache = db.stats().cache;
        assert_eq!(cache.audit.differing, 0);
        let has_run = cache.hits > 100_000;
        assert_eq!(cache.audit.compared > 0, has_run && one_in > 0, "{:?}", cache.audit);
    }
    group.finish();
}

async fn warm(db: &Db, ids: &Ids) -> forebay::Result<()> {
    for id in ids.every() {
        db.query(POINT).bind(*id).shared::<User>().await?;
    }
    Ok(())
}
