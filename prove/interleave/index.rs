//! The index under shuttle: random schedules of commits, fills and hits. It models no weak
//! memory; that is left to loom.

#[path = "../../crates/forebay/src/invalidate/author.rs"]
mod author;
#[path = "../../crates/forebay/src/invalidate/basis.rs"]
mod basis;
#[path = "../../crates/forebay/src/invalidate/change.rs"]
mod change;
#[path = "../../crates/forebay/src/invalidate/columns.rs"]
mod columns;
#[path = "../../crates/forebay/src/invalidate/comparand.rs"]
mod comparand;
#[path = "../../crates/forebay/src/invalidate/index.rs"]
mod dependency;
#[path = "../../crates/forebay/src/invalidate/draft.rs"]
mod draft;
#[path = "../../crates/forebay/src/invalidate/extent.rs"]
mod extent;
#[path = "../../crates/forebay/src/invalidate/fence.rs"]
mod fence;
#[path = "../../crates/forebay/src/invalidate/footprint.rs"]
mod footprint;
#[path = "../../crates/forebay/src/invalidate/interval.rs"]
mod interval;
#[path = "../../crates/forebay/src/invalidate/partner.rs"]
mod partner;
#[path = "../../crates/forebay/src/invalidate/position.rs"]
mod position;
#[path = "../../crates/forebay/src/invalidate/reflection.rs"]
mod reflection;
#[path = "../../crates/forebay/src/invalidate/resolve.rs"]
mod resolve;
#[path = "../../crates/forebay/src/invalidate/shape.rs"]
mod shape;
#[path = "../../crates/forebay/src/invalidate/snapshot.rs"]
mod snapshot;
#[path = "../../crates/forebay/src/invalidate/ticket.rs"]
mod ticket;
#[path = "../../crates/forebay/src/invalidate/unconfirmed.rs"]
mod unconfirmed;
#[path = "../../crates/forebay/src/invalidate/versions.rs"]
mod versions;
#[path = "../../crates/forebay/src/invalidate/window.rs"]
mod window;
#[path = "../../crates/forebay/src/invalidate/write.rs"]
mod write;

/// What is made of the index for PostgreSQL.
#[path = "stream.rs"]
pub(super) mod stream;

mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    pub(super) use shuttle::sync::{Mutex, MutexGuard, PoisonError, RwLock};
}

use std::sync::Arc;

use author::{Author, Authors};
use basis::Basis;
use change::{Changes, Op, RowChange};
use comparand::Scalar;
use dependency as index;
use index::Index;
use resolve::Bindings;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::sql::{Affinity, Bound, Collation, Conjunct, Occurrence, Operand, Partner, Test};
use crate::value::Value;

/// Schedules tried per test; a failing one is printed and can be replayed.
const SCHEDULES: usize = 20;

/// The same, or as many as FOREBAY_SCHEDULES says.
fn schedules() -> usize {
    let wanted = std::env::var("FOREBAY_SCHEDULES").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(SCHEDULES)
}

/// Turns that others get while the database is asked.
const ASKING: usize = 16;

/// An update of a row with key 1 that leaves the key as it is.
struct Update;

impl RowChange for Update {
    fn op(&self) -> Op {
        Op::Update
    }
    fn width(&self) -> u16 {
        2
    }
    fn before(&self, column: u16) -> Scalar<'_> {
        Scalar::Integer(if column == 0 { 1 } else { 5 })
    }
    fn after(&self, column: u16) -> Scalar<'_> {
        Scalar::Integer(if column == 0 { 1 } else { 6 })
    }
    fn is_moved(&self) -> bool {
        false
    }
}

fn conjunct(test: Test) -> Conjunct {
    Conjunct { column: 0, affinity: Affinity::Integer, collation: Collation::Binary, test }
}

fn by_key() -> Basis {
    rest(conjunct(Test::OneOf(vec![Operand::Parameter(1)])))
}

fn by_range() -> Basis {
    let low = Some(Bound { operand: Operand::Parameter(1), inclusive: true });
    rest(conjunct(Test::Range { low, high: None }))
}

/// The row that another table names.
fn by_partner() -> Basis {
    let filter = conjunct(Test::OneOf(vec![Operand::Parameter(1)]));
    occurrence(
        Vec::new(),
        Some(Partner {
            column: 0,
            table: "links".into(),
            value: "user".into(),
            filters: vec![("place".into(), filter)],
        }),
    )
}

fn rest(conjunct: Conjunct) -> Basis {
    occurrence(vec![conjunct], None)
}

fn occurrence(conjuncts: Vec<Conjunct>, partner: Option<Partner>) -> Basis {
    let occurrence = Occurrence { table: "users".into(), conjuncts, top: None, partner };
    Basis::new([(occurrence, columns::ColumnSet::ALL)])
}

/// A database of one row: its value is the header too. A writer commits and applies as the
/// catch-up gate has it; readers fill and hit.
struct World {
    index: Arc<Index>,
    header: AtomicU64,
    horizon: AtomicU64,
    kept: Mutex<Option<(u64, ticket::Ticket)>>,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            index: Arc::new(Index::new()),
            header: AtomicU64::new(0),
            horizon: AtomicU64::new(0),
            kept: Mutex::new(None),
        })
    }

    fn commit(&self) {
        let mut changes = Changes::new(self.index.clone());
        changes.record("users", &Update);
        let header = self.header.fetch_add(1, Ordering::SeqCst) + 1;
        self.index.apply_changes(&changes, &Authors::all(Author::OTHERS));
        self.horizon.store(header, Ordering::SeqCst);
    }

    fn is_current(&self) -> bool {
        self.horizon.load(Ordering::SeqCst) == self.header.load(Ordering::SeqCst)
    }

    fn fill(&self, basis: &Basis) {
        let mut draft = self.index.draft(basis, Bindings(&[&Value::Integer(1)]));
        if self.is_current() {
            let value = self.header.load(Ordering::SeqCst);
            draft.settle(&self.index, |_| {
                // The database is asked, which takes long.
                (0..ASKING).for_each(|_| thread::yield_now());
                Some(vec![Value::Integer(1)])
            });
            let ticket = draft.close(&self.index, 1, |_| None);
            *self.kept.lock().unwrap() = Some((value, ticket));
        }
    }

    fn hit(&self) {
        let before = self.header.load(Ordering::SeqCst);
        if !self.is_current() {
            return;
        }
        let kept = self.kept.lock().unwrap().clone();
        if let Some((value, ticket)) = kept
            && self.index.is_valid(&ticket)
        {
            assert!(value >= before, "the answer is of {value}, the database was at {before}");
        }
    }
}

fn race(basis: fn() -> Basis, flushes: bool) {
    let run = move || {
        let world = World::new();
        world.fill(&basis());
        // Partners are asked after a change.
        world.commit();
        world.fill(&basis());
        let mut threads = Vec::new();
        for nth in 0..3 {
            let world = world.clone();
            threads.push(thread::spawn(move || match nth {
                0 => (0..2).for_each(|_| world.commit()),
                1 => (0..2).for_each(|_| world.fill(&basis())),
                _ => (0..3).for_each(|_| world.hit()),
            }));
        }
        if flushes {
            let world = world.clone();
            threads.push(thread::spawn(move || world.index.flush()));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        world.hit();
    };
    shuttle::check_random(run, schedules());
}

pub(crate) fn keys() {
    race(by_key, false);
}

pub(crate) fn windows() {
    race(by_range, false);
}

pub(crate) fn partners() {
    race(by_partner, false);
}

pub(crate) fn flushes() {
    race(by_key, true);
    race(by_range, true);
    race(by_partner, true);
}
