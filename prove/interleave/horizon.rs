//! The horizon under loom: every order up to a bound, also those of weak memory.

#[path = "../../crates/forebay/src/invalidate/header.rs"]
mod header;
#[path = "../../crates/forebay/src/invalidate/horizon.rs"]
mod horizon;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
}

use header::Header;
use horizon::Horizon;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

/// A header whose words all say the same, so that a mixture shows.
fn header(n: u64) -> Header {
    Header([n; 6])
}

fn bounded() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model
}

/// A reader that finds the horizon equal to the database's position sees everything that was
/// dropped before that position was published.
pub(crate) fn what_is_dropped_before_is_seen() {
    bounded().check(|| {
        let horizon = Arc::new(Horizon::default());
        let version = Arc::new(AtomicU64::new(0));
        let (h, v) = (horizon.clone(), version.clone());
        let writer = thread::spawn(move || {
            v.store(1, Ordering::Release);
            h.publish(header(1));
        });
        if horizon.matches(|| header(1)).is_some() {
            assert_eq!(version.load(Ordering::Acquire), 1);
        }
        writer.join().unwrap();
    });
}

/// Half of one header and half of another never match.
pub(crate) fn a_mixture_never_matches() {
    bounded().check(|| {
        let horizon = Arc::new(Horizon::default());
        horizon.publish(header(1));
        let h = horizon.clone();
        let writer = thread::spawn(move || h.publish(header(2)));
        let mixture = Header([2, 1, 1, 1, 1, 1]);
        assert!(horizon.matches(|| mixture).is_none());
        assert!(horizon.matches(|| Header([1, 1, 1, 1, 1, 2])).is_none());
        writer.join().unwrap();
    });
}

/// While the horizon is replaced twice, what matched was published at that moment.
pub(crate) fn a_match_is_of_the_present() {
    bounded().check(|| {
        let horizon = Arc::new(Horizon::default());
        let position = Arc::new(AtomicU64::new(0));
        let (h, p) = (horizon.clone(), position.clone());
        let writer = thread::spawn(move || {
            for n in 1..=2 {
                p.store(n, Ordering::Release);
                h.publish(header(n));
            }
        });
        let seen = horizon.matches(|| header(position.load(Ordering::Acquire)));
        if let Some(Header([n, ..])) = seen {
            assert!(position.load(Ordering::Acquire) >= n);
        }
        writer.join().unwrap();
    });
}
