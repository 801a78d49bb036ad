//! The catalogue that rows are read by is of the same time as the rows, whatever comes in between:
//! a made-up server whose commits become visible later than they are sent, out of order, beside a
//! follower. The width of the table is the number of changes of the schema so far.

use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;

use super::super::catalogue::{Catalogue, Reading};
use super::super::follow::{Action, Event, Follower, Now, Options};
use super::super::transaction::{Extent, Record};
use super::build::{V, begin, cells, column_row, commit, data, insert, keepalive, note, relation};
use crate::invalidate::Lsn;
use crate::invalidate::RowChange;
use crate::invalidate::Snapshot;

/// Places in the log per transaction.
const STRIDE: u64 = 10;

/// Before the first transaction.
const BEGINNING: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A transaction commits, one with DDL or one with a row.
    Commit {
        is_ddl: bool,
    },
    /// One of the transactions that have committed becomes visible.
    Show(usize),
    /// The stream delivers the next transaction.
    Deliver,
    /// The server tells where it is.
    Alive,
    /// The snapshot of the reading is taken, its catalogue is read, its place is asked for.
    Snapshot,
    Catalogue,
    Place,
    Tick,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => prop::bool::weighted(0.3).prop_map(|is_ddl| Step::Commit { is_ddl }),
        3 => any::<usize>().prop_map(Step::Show),
        3 => Just(Step::Deliver),
        1 => Just(Step::Alive),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Catalogue),
        2 => Just(Step::Place),
        2 => Just(Step::Tick),
    ];
    prop::collection::vec(step, 0..200)
}

/// The width that rows were read with.
#[derive(Debug, Default)]
struct Widths(Vec<u16>);

impl Record for Widths {
    fn record(&mut self, _: &str, change: &dyn RowChange) {
        self.0.push(change.width());
    }
    fn record_unknown(&mut self, _: &str) {
        panic!("the table is described as the catalogue has it");
    }
}

#[derive(Default)]
struct World {
    /// Whether each transaction is DDL, in the order of their commits.
    log: Vec<bool>,
    visible: Vec<bool>,
    sent: usize,
    snapshot: Option<Snapshot>,
    width: Option<u16>,
    reads: bool,
}

impl World {
    fn end(&self, transactions: usize) -> u64 {
        BEGINNING + transactions as u64 * STRIDE
    }

    /// Transaction n has the number n + 100.
    fn take_snapshot(&self) -> Snapshot {
        let hidden = self.visible.iter().enumerate().filter(|(_, visible)| !**visible);
        let running: Vec<String> = hidden.map(|(n, _)| (n + 100).to_string()).collect();
        let next = self.log.len() + 100;
        let first = running.first().cloned().unwrap_or(next.to_string());
        Snapshot::parse(&format!("{first}:{next}:{}", running.join(","))).unwrap()
    }

    /// Only what is visible shows. Changes of one table wait for each other, so those of the
    /// schema become visible in their order.
    fn take_width(&self) -> u16 {
        let shown = self.log.iter().zip(&self.visible);
        1 + shown.filter(|(is_ddl, visible)| **is_ddl && **visible).count() as u16
    }

    /// The width that rows of a transaction have.
    fn width_at(&self, transaction: usize) -> u16 {
        1 + self.log[..transaction].iter().filter(|is_ddl| **is_ddl).count() as u16
    }

    /// Whether a transaction may become visible or commit: DDL holds the lock of the table.
    fn is_locked(&self, is_ddl: bool) -> bool {
        let mut hidden = self.log.iter().zip(&self.visible).filter(|(_, visible)| !**visible);
        hidden.any(|(other, _)| is_ddl || *other)
    }

    fn frames(&mut self) -> Vec<Vec<u8>> {
        let n = self.sent;
        self.sent += 1;
        let place = self.end(n) + 1;
        let change = if self.log[n] {
            vec![note(true, "forebay_ddl", "ALTER TABLE")]
        } else {
            vec![relation(7, b'd', &[("id", true, 23)]), insert(7, &[V::T("1")])]
        };
        let begin = begin(place, n as u32 + 100);
        let commit = commit(place, self.end(n + 1));
        [begin].into_iter().chain(change).chain([commit]).map(|it| data(&it)).collect()
    }
}

fn run(steps: &[Step]) -> usize {
    let mut world = World::default();
    let start = Instant::now();
    let begun = world.take_snapshot();
    let mut follower: Follower<Widths> = Follower::new(Options::default(), begun, start);
    let mut exact = 0;
    for (count, step) in steps.iter().enumerate() {
        let at = start + Duration::from_millis(60 * count as u64);
        let now = Now { at, wall: SystemTime::UNIX_EPOCH };
        let mut frames = Vec::new();
        match step {
            Step::Commit { is_ddl } if !world.is_locked(*is_ddl) => {
                world.log.push(*is_ddl);
                world.visible.push(false);
            }
            Step::Show(which) if !world.visible.is_empty() => {
                let n = which % world.visible.len();
                world.visible[n] = true;
            }
            Step::Deliver if world.sent < world.log.len() => frames = world.frames(),
            Step::Alive => frames.push(keepalive(world.end(world.sent), false)),
            Step::Snapshot if world.reads && world.snapshot.is_none() => {
                world.snapshot = Some(world.take_snapshot());
            }
            Step::Catalogue if world.snapshot.is_some() && world.width.is_none() => {
                world.width = Some(world.take_width());
            }
            Step::Place if world.width.is_some() => {
                let (Some(snapshot), Some(width)) = (world.snapshot.take(), world.width.take())
                else {
                    continue;
                };
                world.reads = false;
                let rows = [column_row((7, 7, width), (1, "id", 23, false))];
                let catalogue = Catalogue::read(cells(&rows)).unwrap();
                let position = Lsn(world.end(world.log.len()));
                let reading = Reading { snapshot, catalogue, position };
                follower.take(Event::Read(reading), now, Widths::default).unwrap();
            }
            Step::Tick => {
                let actions = follower.take(Event::Tick, now, Widths::default).unwrap();
                world.reads |= actions.iter().any(|it| matches!(it, Action::ReadCatalogue));
            }
            _ => {}
        }
        for frame in frames {
            for action in follower.take(Event::Frame(&frame), now, Widths::default).unwrap() {
                let Action::Apply(committed) = action else { continue };
                let Extent::Noted(Widths(widths)) = committed.extent else { continue };
                let n = committed.xid as usize - 100;
                assert_eq!(widths, [world.width_at(n)]);
                exact += 1;
            }
        }
    }
    exact
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_are_read_by_the_catalogue_of_their_time(steps in steps()) {
        run(&steps);
    }
}

/// The test above would see nothing if nothing were ever read exactly.
#[test]
fn rows_are_read_exactly_after_all() {
    use Step::{Alive, Catalogue, Commit, Deliver, Place, Show, Snapshot, Tick};
    let steps = [
        Tick,
        Snapshot,
        Catalogue,
        Place,
        Alive,
        Commit { is_ddl: false },
        Deliver,
        Show(0),
        Commit { is_ddl: true },
        Deliver,
        Tick,
        Snapshot,
        Catalogue,
        Place,
        Alive,
    ];
    assert_eq!(run(&steps), 1);
}
