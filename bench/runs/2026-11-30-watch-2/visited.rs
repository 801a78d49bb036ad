//! The way of one visit through `Record::visited`, without all else of the library: `visited.sh`
//! puts it beside copies of the modules, so that instructions can be counted in seconds.

mod epoch;
mod histogram;
mod measures;
mod recent;
mod slow;
mod times;
mod window;
mod ledger {
    #[derive(Default)]
    pub(crate) struct Kept {
        pub(crate) times: super::times::Times,
        pub(crate) wait_nanos: u64,
        pub(crate) rows: u64,
        pub(crate) bytes: u64,
        pub(crate) hits: u64,
        pub(crate) plan: Option<u64>,
        pub(crate) first_ms: u64,
        pub(crate) last_ms: u64,
    }
}

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

struct Record {
    nanos: AtomicU64,
    measures: Mutex<measures::Measures>,
}

impl Record {
    #[inline(never)]
    fn visited(&self, visit: &measures::Visit, epoch: &epoch::Epoch, slow: u64) -> u64 {
        let nanos = visit.nanos();
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        let mut measures = self.measures.lock().unwrap_or_else(PoisonError::into_inner);
        measures.note(visit, nanos, epoch, slow).number
    }
}

/// So many visits of 2 to 5 µs, one in 61 of them longer.
pub fn run(times: u64) -> u64 {
    let began = Instant::now();
    let epoch = epoch::Epoch::new(began, SystemTime::now());
    let record = Record { nanos: AtomicU64::new(0), measures: Mutex::default() };
    let (mut random, mut sum) = (88_172_645_463_325_252u64, 0);
    for n in 0..times {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let nanos = 2_000 + random % 3_000 + if random % 61 == 0 { 40_000 } else { 0 };
        let visit = measures::Visit {
            ended: began + Duration::from_nanos(n * 2_600),
            spent: Duration::from_nanos(nanos),
            wait: Duration::from_nanos(90),
            rows: 1,
            bytes: 40,
            failed: false,
        };
        sum += record.visited(&visit, &epoch, 100_000_000);
    }
    sum
}
