//! The reflection of a PostgreSQL server under shuttle: random schedules of the stream, the control
//! connection, writers, fills, hits, and a stream that is lost and begins again.

use std::sync::Arc;

use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

use super::author::{Author, Authors};
use super::basis::Basis;
use super::change::Changes;
use super::extent::Extent;
use super::position::Lsn;
use super::reflection::{Beginning, Commit, Reflection};
use super::resolve::Bindings;
use super::snapshot::{Snapshot, Xid};
use super::ticket::Ticket;
use super::write::WriteSet;
use super::{Update, by_key, by_partner, by_range, schedules};
use crate::value::Value;

/// Commits of one row, one after another: its value counts them, and so do positions.
struct Server {
    logged: u64,
    /// What snapshots see; the last commit in the log may be missing.
    seen: u64,
}

struct World {
    reflection: Reflection,
    server: Mutex<Server>,
    kept: Mutex<Option<(u64, Ticket)>>,
    is_over: AtomicBool,
}

/// The transaction of the commit that made a value.
fn xid(value: u64) -> Xid {
    Xid::of_full(100 + value)
}

impl World {
    fn new() -> Arc<World> {
        let world = World {
            reflection: Reflection::new(),
            server: Mutex::new(Server { logged: 0, seen: 0 }),
            kept: Mutex::new(None),
            is_over: AtomicBool::new(false),
        };
        world.begin();
        world.control();
        Arc::new(world)
    }

    /// An update of the row, fenced by its key or by its table.
    fn write(&self, by_rows: bool) {
        let row = || {
            let none = WriteSet::none();
            Extent::of_rows(&by_key(), Bindings(&[&Value::Integer(1)]), &none).unwrap()
        };
        let table = || Extent::of(WriteSet::tables(["users"]));
        let fence = self.reflection.fence(&if by_rows { row() } else { table() });
        self.server.lock().unwrap().logged += 1;
        thread::yield_now();
        let seen = {
            let mut server = self.server.lock().unwrap();
            server.seen += 1;
            server.seen
        };
        self.reflection.settle(fence);
        self.hit(seen);
    }

    /// Tells what is in the log behind `told`, and gives how far it is told now.
    fn follow(&self, told: u64) -> u64 {
        let logged = self.server.lock().unwrap().logged;
        for value in told + 1..=logged {
            let mut changes = Changes::new(self.reflection.index().clone());
            changes.record("users", &Update);
            let commit = Commit { xid: xid(value), end: Lsn(value) };
            self.reflection.apply(commit, &changes, &Authors::all(Author::OTHERS));
        }
        logged
    }

    /// A stream begins, with what is in the log behind it.
    fn begin(&self) -> u64 {
        let logged = self.server.lock().unwrap().logged;
        let beginning = Beginning { must_pass: Lsn(logged), bound: xid(logged + 1) };
        self.reflection.begin(beginning);
        self.reflection.advance(Lsn(logged));
        logged
    }

    fn control(&self) {
        if let Some(poll) = self.reflection.poll() {
            let (next, logged) = {
                let server = self.server.lock().unwrap();
                (100 + server.seen + 1, 100 + server.logged + 1)
            };
            // What is in the log and not seen is running, behind all that has ended.
            assert!(next <= logged);
            let snapshot = Snapshot::parse(&format!("{next}:{next}:")).unwrap();
            self.reflection.confirm(poll, &snapshot);
        }
        if let Some(asked) = self.reflection.ask() {
            let logged = self.server.lock().unwrap().logged;
            self.reflection.answer(asked, Lsn(logged));
        }
    }

    fn fill(&self, basis: &Basis) {
        let Some(mut draft) = self.reflection.draft(basis, Bindings(&[&Value::Integer(1)])) else {
            return;
        };
        let value = self.server.lock().unwrap().seen;
        thread::yield_now();
        draft.settle(self.reflection.index(), |_| Some(vec![Value::Integer(1)]));
        let ticket = draft.close(self.reflection.index(), 1, |_| None);
        *self.kept.lock().unwrap() = Some((value, ticket));
    }

    /// A hit by whoever knows of the commit that made `known`.
    fn hit(&self, known: u64) {
        let known = known.max(self.server.lock().unwrap().seen);
        if !self.reflection.is_live() {
            return;
        }
        let kept = self.kept.lock().unwrap().clone();
        if let Some((value, ticket)) = kept
            && self.reflection.is_valid(&ticket)
        {
            assert!(value >= known, "the answer is of {value}, and {known} was seen before");
        }
    }
}

fn race(basis: fn() -> Basis, is_lost: bool) {
    let run = move || {
        let world = World::new();
        world.fill(&basis());
        let spawn = |run: fn(&World, fn() -> Basis)| {
            let world = world.clone();
            thread::spawn(move || run(&world, basis))
        };
        let writers =
            [spawn(|world, _| [true, false].into_iter().for_each(|by_rows| world.write(by_rows)))];
        let readers = [
            spawn(|world, basis| (0..3).for_each(|_| world.fill(&basis()))),
            spawn(|world, _| (0..4).for_each(|_| world.hit(0))),
        ];
        let control = spawn(|world, _| {
            while !world.is_over.load(Ordering::SeqCst) {
                world.control();
                thread::yield_now();
            }
        });
        let stream = thread::spawn({
            let world = world.clone();
            move || {
                let mut told = world.follow(0);
                if is_lost {
                    world.reflection.end("lost");
                    told = world.begin();
                }
                while !world.is_over.load(Ordering::SeqCst) {
                    told = world.follow(told);
                    thread::yield_now();
                }
                world.follow(told);
            }
        });
        writers.into_iter().chain(readers).for_each(|thread| thread.join().unwrap());
        world.is_over.store(true, Ordering::SeqCst);
        control.join().unwrap();
        stream.join().unwrap();
        world.control();
        world.control();
        assert_eq!(world.reflection.fences(), 0);
        assert_eq!(world.reflection.unconfirmed(), 0);
        world.hit(2);
    };
    shuttle::check_random(run, schedules());
}

/// Runs two threads, of which one is stopped once, at any of its steps.
fn stop_once(run: impl Fn() + Send + Sync + 'static) {
    shuttle::check_pct(run, schedules(), 2);
}

pub(crate) fn answers_are_never_older_than_what_is_known() {
    race(by_key, false);
    race(by_range, false);
    race(by_partner, false);
}

pub(crate) fn nothing_survives_a_lost_stream() {
    race(by_key, true);
}

/// Commits are told and applied while an answer is read that does not see them yet.
pub(crate) fn what_is_told_too_early_is_not_stored() {
    let run = |basis: fn() -> Basis| {
        move || {
            let world = World::new();
            world.fill(&basis());
            world.server.lock().unwrap().logged = 4;
            let stream = thread::spawn({
                let world = world.clone();
                move || world.follow(0)
            });
            world.fill(&basis());
            stream.join().unwrap();
            world.server.lock().unwrap().seen = 4;
            world.control();
            world.hit(4);
        }
    };
    stop_once(run(by_key));
    stop_once(run(by_range));
}

/// The stream is lost, and commits are missed, while an answer is read that does not see them.
pub(crate) fn what_is_read_when_the_stream_ends_is_not_stored() {
    stop_once(|| {
        let world = World::new();
        let stream = thread::spawn({
            let world = world.clone();
            move || {
                for _ in 0..3 {
                    world.reflection.end("lost");
                    world.server.lock().unwrap().logged += 1;
                    world.server.lock().unwrap().seen += 1;
                    world.begin();
                }
            }
        });
        world.fill(&by_key());
        stream.join().unwrap();
        world.control();
        world.hit(3);
    });
}
