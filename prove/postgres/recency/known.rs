//! What everybody knows of the counters, and what was counted on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::board::{GENERATION, ROWS, SIDES, TABLES, shown};
use super::late::Late;

/// How a counter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Point,
    View,
    List,
    Sum,
    Page,
    Pair,
    Both,
    Session,
    Transaction,
    Strict,
    /// What others write, as the cache has it: measured, not checked.
    Others,
}

/// How a counter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Single,
    Prepared,
    Pair,
    PairInSession,
    Script,
    Asynchronous,
    Path,
    Slowly,
    Past,
}

const SHAPES: [&str; 11] = [
    "by key",
    "view that is made anew",
    "IN",
    "range, sum",
    "page",
    "join of a pair",
    "pair by two statements",
    "in a session",
    "in a transaction",
    "strict, of others",
    "of others, measured",
];

const WAYS: [&str; 9] = [
    "execute",
    "prepared",
    "transaction of a pair",
    "session with a pair",
    "script",
    "asynchronous commit",
    "session with a search path",
    "acknowledged late",
    "past Forebay",
];

/// The counter of commits that the stream has told while nobody could see them.
pub(super) const EARLY: &str = "commits told before they could be seen";

/// Further counters, by name.
type Counts = BTreeMap<&'static str, u64>;

/// What everybody knows: of each counter the least that an answer may say from now on.
pub(crate) struct Known {
    floors: Vec<AtomicI64>,
    /// Of each handle's view.
    generations: [AtomicI64; SIDES],
    wrong: Mutex<Option<String>>,
    is_over: AtomicBool,
    /// Reads and hits by shape.
    reads: [[AtomicU64; 2]; SHAPES.len()],
    writes: [AtomicU64; WAYS.len()],
    failed: AtomicU64,
    /// The row that an outsider has written last.
    hot: AtomicUsize,
    pub(super) late: Late,
    counts: Mutex<Counts>,
}

impl Known {
    pub(super) fn new() -> Known {
        Known {
            floors: (0..TABLES * ROWS).map(|_| AtomicI64::new(0)).collect(),
            generations: Default::default(),
            wrong: Mutex::default(),
            is_over: AtomicBool::new(false),
            reads: Default::default(),
            writes: Default::default(),
            failed: AtomicU64::new(0),
            hot: AtomicUsize::new(0),
            late: Late::new(),
            counts: Mutex::default(),
        }
    }

    pub(super) fn floor(&self, table: usize, row: usize) -> i64 {
        self.floors[table * ROWS + row].load(Ordering::SeqCst)
    }

    pub(super) fn raise(&self, table: usize, row: usize, n: i64) {
        self.floors[table * ROWS + row].fetch_max(n, Ordering::SeqCst);
    }

    pub(super) fn generation(&self, side: usize) -> i64 {
        self.generations[side].load(Ordering::SeqCst)
    }

    pub(super) fn raise_generation(&self, side: usize, generation: i64) {
        self.generations[side].fetch_max(generation, Ordering::SeqCst);
    }

    /// Notes what was wrong first, and ends everything.
    pub(super) fn accuse(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get_or_insert(what);
        self.end();
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    pub(super) fn take_wrong(&self) -> Option<String> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn note_read(&self, shape: Shape, is_cached: bool) {
        let [reads, hits] = &self.reads[shape as usize];
        reads.fetch_add(1, Ordering::Relaxed);
        hits.fetch_add(u64::from(is_cached), Ordering::Relaxed);
    }

    pub(super) fn note_write(&self, way: Way) {
        self.writes[way as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// An outsider has written a row.
    pub(super) fn heat(&self, row: usize) {
        self.hot.store(row, Ordering::Relaxed);
    }

    pub(super) fn hot(&self) -> usize {
        self.hot.load(Ordering::Relaxed)
    }

    pub(super) fn note_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds to a further counter.
    pub(super) fn count(&self, name: &'static str, more: u64) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() +=
            more;
    }

    /// Checks a counter that was read against what was known before.
    pub(super) fn check(
        &self,
        (table, row): (usize, usize),
        floor: i64,
        n: i64,
        (shape, is_cached): (Shape, bool),
    ) {
        if n < floor {
            self.accuse(format!(
                "{}: counter {row} of {} was {n}{}, and {floor} was known before",
                SHAPES[shape as usize],
                super::board::name(table),
                source(is_cached)
            ));
        }
        self.raise(table, row, n);
    }

    /// The same of a counter that a view shows. `floors` are those of the two tables that it may
    /// show.
    pub(super) fn check_shown(
        &self,
        (side, row): (usize, usize),
        (generation, floors): (i64, [i64; 2]),
        n: i64,
        is_cached: bool,
    ) {
        let (found, n) = (n / GENERATION, n % GENERATION);
        let table = shown(side, found);
        if found < generation {
            self.accuse(format!(
                "a view showed generation {found}{}, and {generation} was known before",
                source(is_cached)
            ));
        }
        self.raise_generation(side, found);
        let floor = floors[usize::from(found % 2 != 0)];
        self.check((table, row), floor, n, (Shape::View, is_cached));
    }

    /// Answers from the cache that were checked.
    pub(crate) fn hits(&self) -> u64 {
        let checked = self.reads.iter().enumerate().filter(|(at, _)| is_checked(*at));
        checked.map(|(_, [_, hits])| hits.load(Ordering::Relaxed)).sum()
    }

    /// Commits that were told before they could be seen.
    pub(crate) fn early(&self) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(EARLY).copied().unwrap_or(0)
    }

    /// All counters by their names.
    pub(crate) fn figures(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        let (mut reads, mut verified) = (0, 0);
        for (at, [asked, hits]) in self.reads.iter().enumerate() {
            let (asked, hits) = (asked.load(Ordering::Relaxed), hits.load(Ordering::Relaxed));
            all.insert(format!("reads: {}", SHAPES[at]), asked);
            all.insert(format!("hits: {}", SHAPES[at]), hits);
            if is_checked(at) {
                (reads, verified) = (reads + asked, verified + hits);
            }
        }
        let mut written = 0;
        for (at, count) in self.writes.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            all.insert(format!("writes: {}", WAYS[at]), count);
            written += count;
        }
        all.insert("reads verified".to_owned(), reads);
        all.insert("hits verified".to_owned(), verified);
        all.insert("writes acknowledged".to_owned(), written);
        all.insert("failed".to_owned(), self.failed.load(Ordering::Relaxed));
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), *count)));
        all
    }
}

fn is_checked(shape: usize) -> bool {
    shape != Shape::Others as usize
}

fn source(is_cached: bool) -> &'static str {
    if is_cached { " from the cache" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_older_than_what_is_known_is_found() {
        let check = |floor: i64, n: i64, expect: bool| {
            let known = Known::new();
            known.check((0, 3), floor, n, (Shape::Point, true));
            assert_eq!(known.take_wrong().is_some(), expect, "{floor} {n}");
            assert_eq!((known.floor(0, 3), known.is_over()), (n, expect));
        };
        check(4, 3, true);
        check(4, 4, false);
        check(4, 9, false);
    }

    #[test]
    fn a_view_shows_the_table_of_its_generation() {
        let check = |generation: i64, floors: [i64; 2], n: i64, expect: bool| {
            let known = Known::new();
            known.check_shown((1, 2), (generation, floors), n, true);
            assert_eq!(known.take_wrong().is_some(), expect, "{generation} {floors:?} {n}");
        };
        check(2, [5, 9], 2 * GENERATION + 5, false);
        check(2, [5, 9], 2 * GENERATION + 4, true);
        check(2, [5, 9], 3 * GENERATION + 8, true);
        check(2, [5, 9], 3 * GENERATION + 9, false);
        check(2, [5, 9], GENERATION + 9, true);
    }
}
