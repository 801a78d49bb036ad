//! The protocol of `docs/design/consistency.md` as a model in which every interleaving of its
//! steps is tried: own and foreign commits, fills, and hits. What belongs here is the order of
//! steps; what the steps do is tested elsewhere, on the real thing.

use std::collections::HashSet;

const KEYS: usize = 2;

/// Commits at most, ours and those of others.
const COMMITS: usize = 3;

/// Ways to break the protocol. Each must be found, or the model proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    /// The horizon is published before the changes are applied.
    PublishFirst,
    /// A hit looks the entry up before it compares the header.
    LookupFirst,
    /// A fill takes its ticket when it has read.
    LateTicket,
    /// A fill reads from a snapshot that was opened before, without comparing headers.
    OldSnapshot,
    /// A commit of our own counts as explained though others came before it.
    BlindToForeign,
    /// A failed commit counts as ours when the header has moved by one.
    FailureCountsAsOurs,
    /// A reader that catches up does not drop anything.
    NoDrop,
    /// Only the last of the commits since the horizon is looked at for what it changed.
    LastCommitOnly,
    /// What is published is not the header up to which changes were looked for, but a later one.
    LaterHeader,
    /// A shape that came after a row was taken down is not told of it.
    LateShape,
    /// A follower serves what the leader has read, without asking the cache again.
    LeaderServes,
}

const BUGS: [Bug; 11] = [
    Bug::PublishFirst,
    Bug::LookupFirst,
    Bug::LateTicket,
    Bug::OldSnapshot,
    Bug::BlindToForeign,
    Bug::FailureCountsAsOurs,
    Bug::NoDrop,
    Bug::LastCommitOnly,
    Bug::LaterHeader,
    Bug::LateShape,
    Bug::LeaderServes,
];

/// What the database holds: a counter per key, and the header, which counts commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Content {
    values: [u8; KEYS],
    header: u8,
    /// Which key each commit has changed, as its pages in the log tell.
    log: [u8; COMMITS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ticket {
    version: u8,
    table: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    value: u8,
    ticket: Ticket,
}

/// Our writer, within one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Own {
    Idle,
    /// The row is taken down, for the shapes there are.
    Captured {
        key: u8,
        has_shape: bool,
    },
    /// In the commit hook, with the write lock and the gate.
    Hooked {
        key: u8,
        has_shape: bool,
        before: u8,
    },
    /// SQLite has returned.
    Returned {
        key: u8,
        has_shape: bool,
        before: u8,
        took_place: bool,
    },
    /// The header has been read, and what it means is to be applied.
    Judged {
        key: u8,
        has_shape: bool,
        after: u8,
        explained: bool,
        step: u8,
    },
}

/// A fill of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fill {
    Begin,
    Ticketed(Option<Ticket>),
    Positioned(Option<Ticket>, u8),
    /// With the value of the snapshot and the header at which it was opened.
    Opened(Option<Ticket>, u8, u8),
    /// Read and found to be current, but without a ticket yet.
    Looked(u8),
    Done,
}

/// A hit on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hit {
    Begin,
    /// Header and horizon were equal, when the database held this value.
    Current(u8),
    /// It found this entry, when the database had held this value before.
    Found(u8, Entry),
    Done,
}

/// A reader that catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum CatchUp {
    Begin,
    Entered,
    Seen(u8),
    Dropped(u8),
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    database: Content,
    /// Somebody holds SQLite's write lock.
    locked: bool,
    horizon: u8,
    /// The horizon is being replaced: no comparison succeeds.
    torn: bool,
    versions: [u8; KEYS],
    table: u8,
    has_shape: bool,
    gate: bool,
    entries: [Option<Entry>; KEYS],
    own: Own,
    own_left: u8,
    foreign_left: u8,
    fills: [Fill; 2],
    hit: Hit,
    catchup: CatchUp,
    wrong: bool,
}

/// Which key each fill and the hit are about.
const FILLED: [usize; 2] = [0, 1];
const ASKED: usize = 0;

impl State {
    /// The beginning, with so many commits to come, ours and those of others.
    fn first((own_left, foreign_left): (u8, u8)) -> State {
        State {
            database: Content::default(),
            locked: false,
            horizon: 0,
            torn: false,
            versions: [0; KEYS],
            table: 0,
            has_shape: false,
            gate: false,
            entries: [None; KEYS],
            own: Own::Idle,
            own_left,
            foreign_left,
            fills: [Fill::Begin; 2],
            hit: Hit::Begin,
            catchup: CatchUp::Begin,
            wrong: false,
        }
    }

    fn commit(&mut self, key: usize) {
        self.database.values[key] += 1;
        self.database.log[usize::from(self.database.header)] = key as u8;
        self.database.header += 1;
    }

    fn is_current(&self) -> bool {
        !self.torn && self.horizon == self.database.header
    }

    fn ticket(&self, key: usize) -> Ticket {
        Ticket { version: self.versions[key], table: self.table }
    }

    fn next(&self, bug: Bug) -> Vec<State> {
        let mut next = Vec::new();
        self.own_steps(bug, &mut next);
        if self.foreign_left > 0 && !self.locked {
            let mut state = self.clone();
            state.foreign_left -= 1;
            // The last one changes what is asked for.
            state.commit(usize::from(state.foreign_left) % KEYS);
            next.push(state);
        }
        (0..self.fills.len()).for_each(|nth| self.fill_step(nth, bug, &mut next));
        self.hit_step(bug, &mut next);
        self.catchup_step(bug, &mut next);
        next
    }

    fn own_steps(&self, bug: Bug, next: &mut Vec<State>) {
        let mut state = self.clone();
        match self.own {
            Own::Idle if self.own_left > 0 && !self.locked => {
                for key in 0..KEYS as u8 {
                    let mut state = self.clone();
                    state.own_left -= 1;
                    state.locked = true;
                    state.own = Own::Captured { key, has_shape: self.has_shape };
                    next.push(state);
                }
                return;
            }
            Own::Idle => return,
            Own::Captured { key, has_shape } if !self.gate => {
                state.gate = true;
                state.own = Own::Hooked { key, has_shape, before: self.database.header };
            }
            Own::Captured { .. } => return,
            Own::Hooked { key, has_shape, before } => {
                state.locked = false;
                let mut failed = state.clone();
                failed.own = Own::Returned { key, has_shape, before, took_place: false };
                next.push(failed);
                state.commit(usize::from(key));
                state.own = Own::Returned { key, has_shape, before, took_place: true };
            }
            Own::Returned { key, has_shape, before, took_place } => {
                let after = self.database.header;
                let ours = took_place || bug == Bug::FailureCountsAsOurs;
                let undisturbed = before == self.horizon && after == before + 1;
                let explained = ours && (undisturbed || bug == Bug::BlindToForeign);
                state.own = if after == before {
                    state.gate = false;
                    Own::Idle
                } else {
                    Own::Judged { key, has_shape, after, explained, step: 0 }
                };
                if took_place && after == before {
                    state.wrong = true;
                }
            }
            Own::Judged { key, has_shape, after, explained, step } => {
                let publishes = (step == 0) == (bug == Bug::PublishFirst);
                if publishes {
                    state.publish(after, next);
                } else {
                    state.apply(usize::from(key), has_shape, explained, after, bug);
                }
                state.own = Own::Judged { key, has_shape, after, explained, step: step + 1 };
                if step == 1 {
                    state.gate = false;
                    state.own = Own::Idle;
                }
            }
        }
        next.push(state);
    }

    /// Drops what the commits since the horizon have changed, as their pages tell. Where they do
    /// not tell, everything is dropped, which is more.
    fn drop_told(&mut self, header: u8, bug: Bug) {
        let since = if bug == Bug::LastCommitOnly { header - 1 } else { self.horizon };
        for commit in since..header {
            self.versions[usize::from(self.database.log[usize::from(commit)])] += 1;
        }
    }

    /// The horizon is replaced; also the state in the middle of it.
    fn publish(&mut self, header: u8, next: &mut Vec<State>) {
        if !self.torn {
            let mut torn = self.clone();
            torn.torn = true;
            next.push(torn);
        }
        self.torn = false;
        self.horizon = header;
    }

    fn apply(&mut self, key: usize, has_shape: bool, explained: bool, after: u8, bug: Bug) {
        if !explained {
            self.drop_told(after, bug);
        } else if has_shape {
            self.versions[key] += 1;
        } else if self.has_shape && bug != Bug::LateShape {
            self.table += 1;
        }
    }

    fn fill_step(&self, nth: usize, bug: Bug, next: &mut Vec<State>) {
        let mut state = self.clone();
        let key = FILLED[nth];
        state.fills[nth] = match self.fills[nth] {
            Fill::Begin => {
                state.has_shape = true;
                let ticket = self.ticket(key);
                Fill::Ticketed((bug != Bug::LateTicket).then_some(ticket))
            }
            Fill::Ticketed(ticket) if self.is_current() => {
                Fill::Positioned(ticket, self.database.header)
            }
            Fill::Ticketed(_) => Fill::Begin,
            Fill::Positioned(ticket, position) => {
                // A reader may still hold the snapshot of the beginning, and use it while the
                // header is the one it was opened at.
                let held = Content::default();
                let old = held.header == position || bug == Bug::OldSnapshot;
                let snapshot = if old { held } else { self.database };
                Fill::Opened(ticket, position, snapshot.values[key])
            }
            Fill::Opened(ticket, position, value) => {
                // A second guard: a commit in between also makes the ticket void.
                if self.database.header != position {
                    Fill::Done
                } else if let Some(ticket) = ticket {
                    state.entries[key] = Some(Entry { value, ticket });
                    Fill::Done
                } else {
                    Fill::Looked(value)
                }
            }
            Fill::Looked(value) => {
                state.entries[key] = Some(Entry { value, ticket: self.ticket(key) });
                Fill::Done
            }
            Fill::Done => return,
        };
        if state != *self {
            next.push(state);
        }
    }

    fn hit_step(&self, bug: Bug, next: &mut Vec<State>) {
        let mut state = self.clone();
        let key = ASKED;
        let truth = self.database.values[key];
        state.hit = match self.hit {
            Hit::Begin if bug == Bug::LookupFirst => match self.entries[key] {
                Some(entry) if self.is_valid(key, entry) => Hit::Found(truth, entry),
                _ => return,
            },
            Hit::Begin if self.is_current() => Hit::Current(truth),
            Hit::Begin => return,
            Hit::Current(truth) => match self.entries[key] {
                Some(entry) => Hit::Found(truth, entry),
                None => Hit::Done,
            },
            Hit::Found(truth, entry) => {
                let serves = match bug {
                    Bug::LookupFirst => self.is_current(),
                    Bug::LeaderServes => true,
                    _ => self.is_valid(key, entry),
                };
                // Counters only grow, so every value in between was the database's at some instant
                // of the call.
                let now = self.database.values[key];
                state.wrong |= serves && !(truth..=now).contains(&entry.value);
                Hit::Done
            }
            Hit::Done => return,
        };
        next.push(state);
    }

    fn is_valid(&self, key: usize, entry: Entry) -> bool {
        entry.ticket == self.ticket(key)
    }

    fn catchup_step(&self, bug: Bug, next: &mut Vec<State>) {
        let mut state = self.clone();
        state.catchup = match self.catchup {
            CatchUp::Begin if !self.gate => {
                state.gate = true;
                CatchUp::Entered
            }
            CatchUp::Begin => return,
            CatchUp::Entered if self.database.header == self.horizon => {
                state.gate = false;
                CatchUp::Done
            }
            CatchUp::Entered => CatchUp::Seen(self.database.header),
            CatchUp::Seen(header) => {
                if bug != Bug::NoDrop {
                    state.drop_told(header, bug);
                }
                CatchUp::Dropped(header)
            }
            CatchUp::Dropped(header) => {
                let later = if bug == Bug::LaterHeader { self.database.header } else { header };
                state.publish(later, next);
                state.gate = false;
                CatchUp::Done
            }
            CatchUp::Done => return,
        };
        next.push(state);
    }
}

/// How many commits there are, ours and those of others.
const MIXES: [(u8, u8); 2] = [(2, 1), (1, 2)];

/// Tries every interleaving; the number of states, and whether a wrong answer was given.
fn explore(bug: Bug, mix: (u8, u8)) -> (usize, bool) {
    let mut known: HashSet<State> = HashSet::from([State::first(mix)]);
    let mut pending = vec![State::first(mix)];
    while let Some(state) = pending.pop() {
        if state.wrong {
            return (known.len(), true);
        }
        for next in state.next(bug) {
            if known.insert(next.clone()) {
                pending.push(next);
            }
        }
    }
    (known.len(), false)
}

#[test]
fn no_interleaving_gives_a_wrong_answer() {
    for mix in MIXES {
        let (states, wrong) = explore(Bug::None, mix);
        println!("{mix:?}: {states} states");
        assert!(!wrong);
        assert!(states > 100_000, "too few states to prove anything: {states}");
    }
}

#[test]
fn every_broken_order_is_found() {
    for bug in BUGS {
        let found = MIXES.iter().any(|mix| {
            let (states, found) = explore(bug, *mix);
            println!("{bug:?}, {mix:?}: {found} after {states} states");
            found
        });
        assert!(found, "{bug:?} was not found");
    }
}
