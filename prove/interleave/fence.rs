//! Fences and unconfirmed commits under loom: every order up to a bound, also those of weak memory.
//! Each is tried the right way and in the orders that their documentation calls wrong.

#[path = "../../crates/forebay/src/invalidate/fence.rs"]
mod fence;
#[path = "../../crates/forebay/src/invalidate/position.rs"]
mod position;
#[path = "../../crates/forebay/src/invalidate/snapshot.rs"]
mod snapshot;
#[path = "../../crates/forebay/src/invalidate/unconfirmed.rs"]
mod unconfirmed;
#[path = "../../crates/forebay/src/invalidate/write.rs"]
mod write;

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    pub(super) use loom::sync::{Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;
}

/// Two tables and two groups of key values, so that there is little to try.
mod versions {
    pub(super) const TABLES: usize = 2;
    pub(super) const GROUPS: usize = 2;

    pub(super) fn slot_of_table(table: &str) -> u32 {
        u32::from(table != "users")
    }
}

/// A ticket of one table and one shape.
mod ticket {
    pub(crate) struct Ticket {
        pub(super) versions: [(u32, u64); 2],
    }
}

mod extent {
    use super::write::WriteSet;

    pub(super) struct Rows;

    /// Rows of the first table, or tables.
    pub(super) struct Extent {
        pub(super) tables: WriteSet,
        pub(super) rows: Vec<Rows>,
    }

    impl Extent {
        pub(super) fn of(table: &str) -> Extent {
            Extent { tables: WriteSet::tables([table]), rows: Vec::new() }
        }

        pub(super) fn whole(&self) -> WriteSet {
            WriteSet::tables(["users"])
        }
    }
}

/// At most one shape, in the first table.
mod index {
    use super::extent::Rows;
    use super::sync::{AtomicU64, Mutex, Ordering};

    pub(super) struct Index {
        shape: Mutex<bool>,
        registered: AtomicU64,
    }

    impl Index {
        pub(super) fn new() -> Index {
            Index { shape: Mutex::new(false), registered: AtomicU64::new(0) }
        }

        pub(super) fn register(&self) {
            let mut shape = self.shape.lock().unwrap();
            if !std::mem::replace(&mut *shape, true) {
                self.registered.fetch_add(1, Ordering::AcqRel);
            }
        }

        pub(super) fn registered(&self) -> u64 {
            self.registered.load(Ordering::Acquire)
        }

        pub(super) fn slots_of(&self, _: &Rows) -> Vec<u32> {
            if *self.shape.lock().unwrap() { vec![super::SHAPE] } else { Vec::new() }
        }
    }
}

/// What a commit has changed, and what a draft rests on: tables.
mod footprint {
    pub(super) struct Footprint(pub(super) u32);

    pub(super) struct Rests<'d>(pub(super) &'d u32);

    impl Footprint {
        pub(super) fn is_everything(&self) -> bool {
            false
        }

        pub(super) fn weight(&self) -> usize {
            1
        }

        pub(super) fn within(self, _: usize) -> Footprint {
            self
        }

        pub(super) fn meets(&self, rests: &Rests<'_>) -> bool {
            self.0 == *rests.0
        }
    }
}

use extent::{Extent, Rows};
use fence::Fences;
use footprint::{Footprint, Rests};
use index::Index;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use position::Lsn;
use snapshot::{Snapshot, Xid};
use ticket::Ticket;
use unconfirmed::Unconfirmed;
use write::WriteSet;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(run);
}

/// Whether loom finds a schedule in which `run` fails with this text.
fn is_found(text: &str, run: impl Fn() + Send + Sync + 'static) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| model(run)));
    std::panic::set_hook(hook);
    outcome.is_err_and(|panic| panic.downcast_ref::<String>().is_some_and(|found| found == text))
}

/// The slot that answers of the shape rest on.
const SHAPE: u32 = versions::TABLES as u32;

const LACKS: &str = "the answer lacks a commit that was seen";
const LACKS_FOR_GOOD: &str = "the entry lacks a commit, for good";

/// A row of the table that an entry rests on: how often it has been changed, for the database and
/// for the index.
struct World {
    fences: Fences,
    index: Index,
    /// What snapshots see, and what is in the log.
    seen: AtomicU64,
    logged: AtomicU64,
    version: AtomicU64,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            fences: Fences::new(),
            index: Index::new(),
            seen: AtomicU64::new(0),
            logged: AtomicU64::new(0),
            version: AtomicU64::new(0),
        })
    }

    /// A write of ours from its fence to the position behind it.
    fn write(&self, is_late: bool) {
        let raise = || self.fences.raise(&Extent::of("users"), &self.index);
        let fence = (!is_late).then(raise);
        self.logged.store(1, Ordering::Release);
        self.seen.store(1, Ordering::Release);
        let fence = fence.unwrap_or_else(raise);
        self.fences.settle(fence);
        let asked = self.fences.ask().unwrap();
        self.fences.answer(asked, Lsn(1));
    }

    /// The stream, if the commit has got into the log.
    fn follow(&self, lifts_first: bool) {
        if self.logged.load(Ordering::Acquire) == 1 {
            if lifts_first {
                self.fences.reach(Lsn(1));
            }
            self.version.fetch_add(1, Ordering::AcqRel);
            self.fences.reach(Lsn(1));
        }
    }

    /// A hit on the entry from before the write.
    fn hit(&self, valid_first: bool) {
        let truth = self.seen.load(Ordering::Acquire);
        let ticket = Ticket { versions: [(0, 0), (SHAPE, 0)] };
        let is_valid = || self.version.load(Ordering::Acquire) == 0;
        let is_free = || !self.fences.cover(&ticket);
        let checks: [&dyn Fn() -> bool; 2] =
            if valid_first { [&is_valid, &is_free] } else { [&is_free, &is_valid] };
        let serves = checks.iter().all(|check| check());
        assert!(!serves || truth == 0, "{LACKS}");
    }
}

/// The three ways in which it may be done wrong.
#[derive(Clone, Copy, Default)]
struct Faults {
    is_late: bool,
    lifts_first: bool,
    valid_first: bool,
}

fn race(faults: Faults) -> impl Fn() + Send + Sync + 'static {
    move || {
        let world = World::new();
        let writer = thread::spawn({
            let world = world.clone();
            move || world.write(faults.is_late)
        });
        let stream = thread::spawn({
            let world = world.clone();
            move || world.follow(faults.lifts_first)
        });
        world.hit(faults.valid_first);
        writer.join().unwrap();
        stream.join().unwrap();
        world.hit(faults.valid_first);
    }
}

/// Nobody is served an answer that lacks a commit of ours that was seen.
pub(crate) fn a_fence_stands_until_the_commit_is_applied() {
    model(race(Faults::default()));
    assert!(is_found(LACKS, race(Faults { is_late: true, ..Faults::default() })));
    assert!(is_found(LACKS, race(Faults { lifts_first: true, ..Faults::default() })));
    assert!(is_found(LACKS, race(Faults { valid_first: true, ..Faults::default() })));
}

/// A hit that finds another fence up sees what was applied before one was lifted.
pub(crate) fn a_lifted_fence_shows_what_was_applied() {
    model(|| {
        let world = World::new();
        let other = world.fences.raise(&Extent::of("posts"), &world.index);
        let fence = world.fences.raise(&Extent::of("users"), &world.index);
        world.seen.store(1, Ordering::Release);
        world.fences.settle(fence);
        world.fences.answer(world.fences.ask().unwrap(), Lsn(1));
        world.logged.store(1, Ordering::Release);
        let stream = thread::spawn({
            let world = world.clone();
            move || world.follow(false)
        });
        world.hit(false);
        world.fences.withdraw(other);
        world.hit(false);
        stream.join().unwrap();
    });
}

/// A fill of a shape that nobody knew, and a write of a row that matters to it: whoever has seen
/// the commit is not served what lacks it.
fn late_shape(heeds: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let world = World::new();
        let fill = move |world: &World| {
            world.index.register();
            if heeds {
                world.fences.heed(&world.index);
            }
            world.seen.load(Ordering::Acquire)
        };
        // Another one finds the shape there, and perhaps not heeded yet.
        let other = thread::spawn({
            let world = world.clone();
            move || {
                fill(&world);
            }
        });
        let writer = thread::spawn({
            let world = world.clone();
            move || {
                let extent = Extent { tables: WriteSet::none(), rows: vec![Rows] };
                let fence = world.fences.raise(&extent, &world.index);
                world.seen.store(1, Ordering::Release);
                world.fences.settle(fence);
            }
        });
        let read = fill(&world);
        let known = world.seen.load(Ordering::Acquire);
        let serves = !world.fences.cover(&Ticket { versions: [(0, 0), (SHAPE, 0)] });
        assert!(!serves || read >= known, "{LACKS}");
        other.join().unwrap();
        writer.join().unwrap();
    }
}

/// A fence around rows is around what rests on a later shape, too.
pub(crate) fn a_fence_heeds_late_shapes() {
    model(late_shape(true));
    assert!(is_found(LACKS, late_shape(false)));
}

/// How a commit and a fill may be done wrong.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Right,
    /// The commit is applied before it is entered.
    ApplyFirst,
    /// The fill asks before it notes the version.
    AskFirst,
}

fn admission(order: Order) -> impl Fn() + Send + Sync + 'static {
    move || {
        let unconfirmed = Arc::new(Unconfirmed::new());
        let version = Arc::new(AtomicU64::new(0));
        let seen = Arc::new(AtomicU64::new(0));
        let stream = thread::spawn({
            let (unconfirmed, version) = (unconfirmed.clone(), version.clone());
            let seen = seen.clone();
            move || {
                let raise = || version.fetch_add(1, Ordering::AcqRel);
                if order == Order::ApplyFirst {
                    raise();
                }
                unconfirmed.enter(Xid(7), Footprint(0));
                if order != Order::ApplyFirst {
                    raise();
                }
                let poll = unconfirmed.poll().unwrap();
                let sees = seen.load(Ordering::Acquire) == 1;
                let text = if sees { "8:8:" } else { "7:8:7" };
                unconfirmed.confirm(poll, &Snapshot::parse(text).unwrap());
            }
        });
        let server = thread::spawn({
            let seen = seen.clone();
            move || seen.store(1, Ordering::Release)
        });
        let is_admitted = || unconfirmed.admits(|| Rests(&0));
        let note = || version.load(Ordering::Acquire);
        let (noted, is_kept) = if order == Order::AskFirst {
            let is_kept = is_admitted();
            (note(), is_kept)
        } else {
            let noted = note();
            (noted, is_admitted())
        };
        let read = seen.load(Ordering::Acquire);
        stream.join().unwrap();
        server.join().unwrap();
        let is_valid = version.load(Ordering::Acquire) == noted;
        assert!(!is_kept || !is_valid || read == 1, "{LACKS_FOR_GOOD}");
    }
}

/// No entry rests on what a commit has changed that its snapshot did not see.
pub(crate) fn what_is_unconfirmed_is_not_stored() {
    model(admission(Order::Right));
    assert!(is_found(LACKS_FOR_GOOD, admission(Order::ApplyFirst)));
    assert!(is_found(LACKS_FOR_GOOD, admission(Order::AskFirst)));
}
