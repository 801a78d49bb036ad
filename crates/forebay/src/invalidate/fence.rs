//! Fences around writes of our own: from before a write is sent until the stream has told what it
//! committed, no answer is served that rests on what it may change. So whoever knows of a commit,
//! by its acknowledgement or by having read it, never gets an older answer. It sends nothing and
//! asks no position; the tasks of the connections tell it what has happened.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::extent::Extent;
use super::index::Index;
use super::position::Lsn;
use super::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use super::ticket::Ticket;
use super::versions::{GROUPS, TABLES};
use super::write::WriteSet;

/// Fences that are kept apart. Further writes share one around everything.
const FENCES_MAX: usize = 4_096;

/// The fences that are up.
///
/// A hit (1) looks the entry up, (2) asks [`Fences::cover`], (3) sees that the ticket is valid. A
/// write (a) raises its fence, and only then (b) is sent; (c) its commit is applied, and (d) the
/// fence is lifted. Claim: an answer that is served contains every commit of a write of ours that
/// any snapshot could see at the instant of (2).
///
/// Proof: take a commit that was seen by then and matters, but is not in the entry. It was sent
/// before it was seen, so (a) came before (2), and (2) finds the fence unless it was lifted. But
/// then (c) came before (d), so before (2) and (3): the ticket is void. With (3) before (2) it
/// would be wrong: (c) and (d) may fall between them. It would be wrong, too, to raise the fence
/// when the write is acknowledged: others read its commit before that.
///
/// When (d) may be: a commit has its place in the log before it is acknowledged. So a position that
/// is asked for *after* the acknowledgement lies behind it, and when the stream has passed the
/// position, the commit has been applied. A position that was asked for before says nothing;
/// [`Asked`] is there to keep the two apart. If the connection is lost, the commit may still take
/// place, until its backend is gone; from then on it is as with an acknowledgement.
///
/// While the stream is not live nothing is served, and every fill that comes later opens its
/// snapshot after the acknowledgement. So nothing that is acknowledged needs a fence then.
///
/// Some fences are around certain rows of a table only: around the slots that answers rest on which
/// such rows may make untrue, shape by shape. They know the shapes that there were when they were
/// raised. Claim: whatever rests on a later one finds them around the whole table. Proof: its draft
/// was taken after the shape was counted, and before it is of use, [`Fences::heed`] is called. If
/// that finds fewer shapes heeded, it makes all fences that are up wide ones; otherwise another has
/// done so after the shape was counted. A fence that is raised after that, under the same lock,
/// finds the shape.
///
/// "Before" between threads: counters are changed with `Release` and read with `Acquire`, and a
/// counter that is lowered to 0 carries along what each of those who lowered it had done before.
/// That (a) comes before (b) for whoever hears of the commit is what sockets and the server see to.
#[derive(Debug)]
pub(super) struct Fences {
    /// Fences that are up: all that a hit has to look at while there is none.
    count: AtomicU32,
    /// Those around everything.
    everything: AtomicU32,
    /// Those around each table, by its slot.
    tables: Box<[AtomicU32]>,
    /// Those around what rests on certain key values, or on a shape, by the group of its slot.
    keys: Box<[AtomicU32]>,
    /// Shapes of the index that every fence knows of.
    heeded: AtomicU64,
    /// Fences that are kept apart.
    apart_max: usize,
    book: Mutex<Book>,
}

/// A fence around a write that is under way, for whoever sends the write. It stays up until it has
/// been told what became of the write; one that is dropped untold stays up for good.
#[derive(Debug)]
#[must_use = "the fence stays up until it is told what became of the write"]
pub(crate) struct Fence(Place);

/// A fence around a write whose connection was lost.
#[derive(Debug)]
#[must_use = "the fence stays up until the backend is gone"]
pub(crate) struct LostFence(Place);

/// That a position is needed: to be asked for *now*, for every write that has ended until now.
#[derive(Debug)]
#[must_use = "a position has to be asked for"]
pub(crate) struct Asked {
    /// The number of the last such write.
    upto: u64,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// It is about to be sent, or was sent. Next: lifted and forgotten if it committed nothing,
    /// `Resolving` if it may have, `Lost`.
    Forwarded,
    /// Its connection is lost, and what becomes of it is not known. Next: `Resolving`.
    Lost,
    /// What it committed is in the log, and a position behind it is not known yet. Next: `Waiting`.
    Resolving,
    /// The stream has to pass this position. Next: lifted and forgotten.
    Waiting(Lsn),
}

/// Where a fence is kept.
#[derive(Debug)]
enum Place {
    Own(u64),
    /// With others, around everything.
    Shared,
}

/// All fences, for those who raise and lift them.
#[derive(Debug, Default)]
struct Book {
    fences: HashMap<u64, Record>,
    /// The number of the next fence.
    next: u64,
    /// Those in `Resolving`, each with the number of its write's end.
    resolving: VecDeque<(u64, u64)>,
    /// Writes that have ended.
    ended: u64,
    /// Those in `Waiting`.
    waiting: BTreeSet<(Lsn, u64)>,
    /// Where the stream is.
    reached: Lsn,
    shared: Shared,
}

#[derive(Debug)]
struct Record {
    /// Tables, and slots of key values.
    scope: WriteSet,
    /// The tables as a whole, if it is around some rows of them only.
    whole: Option<WriteSet>,
    state: State,
}

/// The writes that share one fence around everything.
#[derive(Debug, Default)]
struct Shared {
    is_up: bool,
    /// Those in `Forwarded` or `Lost`.
    open: u64,
    /// The end of the last one that is not open, and the last end that a position is known for.
    ended: u64,
    answered: u64,
    /// The latest of these positions.
    waits: Lsn,
}

impl LostFence {
    /// The backend of the connection is gone, so the write has ended after all.
    pub(super) fn into_ended(self) -> Fence {
        Fence(self.0)
    }
}

impl Fences {
    pub(super) fn new() -> Fences {
        Fences::with(FENCES_MAX)
    }

    fn with(apart_max: usize) -> Fences {
        Fences {
            count: AtomicU32::new(0),
            everything: AtomicU32::new(0),
            tables: (0..TABLES).map(|_| AtomicU32::new(0)).collect(),
            keys: (0..GROUPS).map(|_| AtomicU32::new(0)).collect(),
            heeded: AtomicU64::new(0),
            apart_max,
            book: Mutex::default(),
        }
    }

    /// Whether an answer with this ticket rests on anything that is fenced. Its validity has to be
    /// seen to *afterwards*. One load while there is no fence.
    #[inline]
    pub(super) fn cover(&self, ticket: &Ticket) -> bool {
        // Acquire: whoever finds a fence lifted finds applied what it has waited for.
        self.count.load(Ordering::Acquire) != 0 && self.cover_it(ticket)
    }

    fn cover_it(&self, ticket: &Ticket) -> bool {
        let is_up = |counter: &AtomicU32| counter.load(Ordering::Acquire) != 0;
        // Every ticket has noted the slots of its tables, of its shapes, and of its key values.
        let mut slots = ticket.versions.iter().map(|(slot, _)| *slot);
        is_up(&self.everything) || slots.any(|slot| is_up(self.counter(slot)))
    }

    /// The counter of a slot. Those of key values come after those of tables.
    fn counter(&self, slot: u32) -> &AtomicU32 {
        let slot = slot as usize;
        self.tables.get(slot).unwrap_or_else(|| &self.keys[slot % GROUPS])
    }

    /// To be called with each draft, after it was taken and before it is of use: from then on the
    /// fences that are up are around what rests on shapes that have come since they were raised.
    #[inline]
    pub(super) fn heed(&self, index: &Index) {
        if self.heeded.load(Ordering::Acquire) < index.registered() {
            self.widen_rows(index);
        }
    }

    fn widen_rows(&self, index: &Index) {
        let mut book = self.book();
        let registered = index.registered();
        for record in book.fences.values_mut() {
            let Some(whole) = record.whole.take() else { continue };
            self.up(&whole);
            self.down(&std::mem::replace(&mut record.scope, whole));
        }
        self.heeded.store(registered, Ordering::Release);
    }

    /// Raises a fence around what a write may change. To be called before it is sent.
    pub(super) fn raise(&self, extent: &Extent, index: &Index) -> Fence {
        let mut book = self.book();
        if book.fences.len() >= self.apart_max {
            if !std::mem::replace(&mut book.shared.is_up, true) {
                self.up(&WriteSet::Everything);
            }
            book.shared.open += 1;
            return Fence(Place::Shared);
        }
        // Under the lock: no draft counts a shape as heeded that is not looked at here.
        let mut scope = extent.tables.clone();
        for rows in &extent.rows {
            scope.merge(&WriteSet::slots(index.slots_of(rows)));
        }
        self.up(&scope);
        let number = book.next;
        book.next += 1;
        let whole = (!extent.rows.is_empty()).then(|| extent.whole());
        book.fences.insert(number, Record { scope, whole, state: State::Forwarded });
        Fence(Place::Own(number))
    }

    /// The write has ended and has committed nothing.
    #[expect(clippy::needless_pass_by_value, reason = "a write ends once")]
    pub(super) fn withdraw(&self, fence: Fence) {
        let mut book = self.book();
        match fence.0 {
            Place::Own(number) => self.lift(&mut book, number),
            Place::Shared => {
                book.shared.open -= 1;
                self.lift_shared(&mut book);
            }
        }
    }

    /// The write has ended, and may have committed.
    pub(super) fn settle(&self, fence: Fence) {
        self.book().resolve(fence.0);
    }

    /// The connection was lost before the write had ended.
    pub(super) fn lose(&self, fence: Fence) -> LostFence {
        if let Place::Own(number) = fence.0 {
            self.book().enter(number, State::Lost);
        }
        LostFence(fence.0)
    }

    /// The backend of a connection that was lost is gone, so the write has ended.
    pub(super) fn bury(&self, fence: LostFence) {
        self.book().resolve(fence.0);
    }

    /// The tables that a fence is around by now, as a whole: a change of the schema makes it a wide
    /// one.
    pub(super) fn scope(&self, fence: &Fence) -> WriteSet {
        match fence.0 {
            Place::Own(number) => {
                let book = self.book();
                let whole = |it: &Record| it.whole.as_ref().unwrap_or(&it.scope).clone();
                book.fences.get(&number).map_or(WriteSet::Everything, whole)
            }
            Place::Shared => WriteSet::Everything,
        }
    }

    /// Whether a position is needed: one that everything in the log lies before by now.
    pub(super) fn ask(&self) -> Option<Asked> {
        let book = self.book();
        let is_needed = !book.resolving.is_empty() || book.shared.answered < book.shared.ended;
        is_needed.then_some(Asked { upto: book.ended })
    }

    /// The position that was asked for.
    #[expect(clippy::needless_pass_by_value, reason = "one position answers one question")]
    pub(super) fn answer(&self, asked: Asked, position: Lsn) {
        let mut book = self.book();
        while let Some((ended, number)) = book.resolving.front().copied()
            && ended <= asked.upto
        {
            book.resolving.pop_front();
            book.waiting.insert((position, number));
            book.enter(number, State::Waiting(position));
        }
        let shared = &mut book.shared;
        if shared.answered < shared.ended && shared.answered < asked.upto {
            shared.answered = asked.upto;
            shared.waits = position.max(shared.waits);
        }
        self.lift_reached(&mut book);
    }

    /// The stream has passed a position, and everything before it is applied.
    pub(super) fn reach(&self, position: Lsn) {
        let mut book = self.book();
        book.reached = position.max(book.reached);
        self.lift_reached(&mut book);
    }

    /// The stream is not live, and what the index held is void: lifts the fences around all writes
    /// that have ended. Positions of another server may follow.
    pub(super) fn lift_ended(&self) {
        let mut book = self.book();
        book.reached = Lsn::default();
        let resolving = std::mem::take(&mut book.resolving).into_iter().map(|(_, number)| number);
        let waiting = std::mem::take(&mut book.waiting).into_iter().map(|(_, number)| number);
        for number in resolving.chain(waiting) {
            self.lift(&mut book, number);
        }
        // A position that was asked for until now has nobody waiting for it any more.
        book.shared.answered = book.ended;
        book.shared.waits = Lsn::default();
        self.lift_shared(&mut book);
    }

    /// The schema has changed, and with it, perhaps, what the writes that are under way may change:
    /// all fences are around everything from here on.
    pub(super) fn widen(&self) {
        let mut book = self.book();
        for record in book.fences.values_mut() {
            let narrow = std::mem::replace(&mut record.scope, WriteSet::Everything);
            record.whole = None;
            self.up(&WriteSet::Everything);
            self.down(&narrow);
        }
    }

    /// How many are up.
    pub(super) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// The state of each that is kept apart, in the order in which they were raised.
    #[cfg(test)]
    pub(super) fn states(&self) -> Vec<(u64, State)> {
        let book = self.book();
        let mut states: Vec<(u64, State)> =
            book.fences.iter().map(|(number, record)| (*number, record.state)).collect();
        states.sort_unstable_by_key(|(number, _)| *number);
        states
    }

    /// Those that are kept apart and are around rows, by their numbers.
    #[cfg(test)]
    pub(super) fn narrow(&self) -> Vec<u64> {
        let book = self.book();
        let narrow = book.fences.iter().filter(|(_, record)| record.whole.is_some());
        narrow.map(|(number, _)| *number).collect()
    }

    fn lift_reached(&self, book: &mut Book) {
        while let Some((position, number)) = book.waiting.first().copied()
            && position <= book.reached
        {
            book.waiting.pop_first();
            self.lift(book, number);
        }
        self.lift_shared(book);
    }

    fn lift(&self, book: &mut Book, number: u64) {
        if let Some(record) = book.fences.remove(&number) {
            self.down(&record.scope);
        }
    }

    fn lift_shared(&self, book: &mut Book) {
        let Shared { is_up, open, ended, answered, waits } = book.shared;
        if is_up && open == 0 && answered >= ended && waits <= book.reached {
            book.shared.is_up = false;
            self.down(&WriteSet::Everything);
        }
    }

    fn up(&self, scope: &WriteSet) {
        self.change(scope, |counter| counter.fetch_add(1, Ordering::AcqRel));
    }

    fn down(&self, scope: &WriteSet) {
        self.change(scope, |counter| counter.fetch_sub(1, Ordering::AcqRel));
    }

    fn change(&self, scope: &WriteSet, change: impl Fn(&AtomicU32) -> u32) {
        match scope {
            WriteSet::Everything => {
                change(&self.everything);
            }
            WriteSet::Tables(slots) => {
                for slot in slots {
                    change(self.counter(*slot));
                }
            }
        }
        change(&self.count);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// A write has ended, and may have committed.
    #[expect(clippy::needless_pass_by_value, reason = "a write ends once")]
    fn resolve(&mut self, place: Place) {
        self.ended += 1;
        match place {
            Place::Own(number) => {
                self.resolving.push_back((self.ended, number));
                self.enter(number, State::Resolving);
            }
            Place::Shared => {
                self.shared.open -= 1;
                self.shared.ended = self.ended;
            }
        }
    }

    fn enter(&mut self, number: u64, state: State) {
        if let Some(record) = self.fences.get_mut(&number) {
            record.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use smallvec::smallvec;

    use super::super::versions::slot_of_table;
    use super::*;

    const NAMES: [&str; 3] = ["users", "posts", "votes"];

    fn ticket(table: &str) -> Ticket {
        let key = TABLES as u32 + 7;
        Ticket { epoch: 0, versions: smallvec![(slot_of_table(table), 0), (key, 0)], windows: None }
    }

    fn covered(fences: &Fences) -> [bool; 3] {
        NAMES.map(|table| fences.cover(&ticket(table)))
    }

    /// A fence around whole tables.
    fn raise(fences: &Fences, tables: WriteSet) -> Fence {
        static NOTHING: LazyLock<Index> = LazyLock::new(Index::of_partial_images);
        fences.raise(&Extent::of(tables), &NOTHING)
    }

    fn users() -> WriteSet {
        WriteSet::tables(["users"])
    }

    #[test]
    fn a_fence_covers_its_tables() {
        let check = |scope: WriteSet, expect: [bool; 3]| {
            let fences = Fences::new();
            let fence = raise(&fences, scope);
            assert_eq!(covered(&fences), expect);
            fences.withdraw(fence);
            assert_eq!(covered(&fences), [false; 3]);
        };
        check(users(), [true, false, false]);
        check(WriteSet::tables(["Users", "votes"]), [true, false, true]);
        check(WriteSet::none(), [false; 3]);
        check(WriteSet::Everything, [true; 3]);
    }

    #[test]
    fn a_fence_falls_when_the_stream_has_passed_a_later_position() {
        let fences = Fences::new();
        let fence = raise(&fences, users());
        fences.reach(Lsn(100));
        assert!(fences.ask().is_none(), "nothing has ended");
        fences.settle(fence);
        let early = fences.ask().unwrap();
        let other = raise(&fences, users());
        fences.settle(other);
        let late = fences.ask().unwrap();
        fences.answer(early, Lsn(100));
        assert!(fences.cover(&ticket("users")), "the position is from before the other has ended");
        fences.answer(late, Lsn(120));
        fences.reach(Lsn(119));
        assert!(fences.cover(&ticket("users")));
        fences.reach(Lsn(120));
        assert_eq!((fences.count(), covered(&fences)), (0, [false; 3]));
        assert!(fences.ask().is_none());
    }

    #[test]
    fn a_lost_connection_keeps_its_fence_until_its_backend_is_gone() {
        let fences = Fences::new();
        let lost = fences.lose(raise(&fences, users()));
        assert_eq!(fences.states(), [(0, State::Lost)]);
        assert!(fences.ask().is_none());
        fences.bury(lost);
        fences.answer(fences.ask().unwrap(), Lsn(7));
        assert_eq!(fences.states(), [(0, State::Waiting(Lsn(7)))]);
        fences.reach(Lsn(7));
        assert_eq!(fences.count(), 0);
    }

    #[test]
    fn without_a_stream_only_what_is_under_way_is_fenced() {
        let fences = Fences::new();
        let [open, ended, waiting] = [(); 3].map(|()| raise(&fences, users()));
        fences.settle(waiting);
        fences.answer(fences.ask().unwrap(), Lsn(1_000));
        fences.settle(ended);
        let asked = fences.ask().unwrap();
        fences.reach(Lsn(500));
        fences.lift_ended();
        assert_eq!(fences.count(), 1);
        // The server may be another by now, and its positions smaller.
        fences.answer(asked, Lsn(2_000));
        fences.settle(open);
        fences.answer(fences.ask().unwrap(), Lsn(40));
        assert_eq!(fences.count(), 1, "nothing of the new stream is reached yet");
        fences.reach(Lsn(40));
        assert_eq!(fences.count(), 0);
    }

    #[derive(Clone, Debug)]
    enum Event {
        Raise(Vec<usize>, bool),
        Withdraw(usize),
        Settle(usize),
        Lose(usize),
        Bury(usize),
        Ask,
        Answer(usize),
        Reach(u64),
        LiftEnded,
    }

    fn event() -> impl Strategy<Value = Event> {
        let nth = || 0..8usize;
        prop_oneof![
            5 => (proptest::collection::vec(0..3usize, 0..3), proptest::bool::weighted(0.1))
                .prop_map(|(tables, all)| Event::Raise(tables, all)),
            2 => nth().prop_map(Event::Withdraw),
            4 => nth().prop_map(Event::Settle),
            1 => nth().prop_map(Event::Lose),
            1 => nth().prop_map(Event::Bury),
            3 => Just(Event::Ask),
            3 => nth().prop_map(Event::Answer),
            3 => (0..6u64).prop_map(Event::Reach),
            1 => Just(Event::LiftEnded),
        ]
    }

    /// A write as the model sees it.
    #[derive(Clone, Debug)]
    struct Write {
        covers: [bool; 3],
        state: Option<State>,
    }

    /// The fences, and beside them each write by itself.
    #[derive(Default)]
    struct Model {
        writes: Vec<Write>,
        open: Vec<(usize, Fence)>,
        lost: Vec<(usize, LostFence)>,
        /// Each with the writes that it is about.
        asked: Vec<(Asked, Vec<usize>)>,
        /// The log grows, and positions with it.
        now: u64,
        reached: u64,
    }

    impl Model {
        fn covered(&self) -> [bool; 3] {
            let up = self.writes.iter().filter(|write| write.state.is_some());
            up.fold([false; 3], |all, write| [0, 1, 2].map(|nth| all[nth] || write.covers[nth]))
        }

        fn lift_reached(&mut self) {
            let reached = Lsn(self.reached);
            for write in &mut self.writes {
                let is_waiting =
                    |state: &State| !matches!(state, State::Waiting(at) if *at <= reached);
                write.state = write.state.filter(is_waiting);
            }
        }

        fn take(&mut self, fences: &Fences, event: Event) {
            match event {
                Event::Raise(tables, all) => {
                    let names = tables.iter().map(|nth| NAMES[*nth]);
                    let scope = if all { WriteSet::Everything } else { WriteSet::tables(names) };
                    let covers = [0, 1, 2].map(|nth| all || tables.contains(&nth));
                    self.open.push((self.writes.len(), raise(fences, scope)));
                    self.writes.push(Write { covers, state: Some(State::Forwarded) });
                }
                Event::Withdraw(nth) if nth < self.open.len() => {
                    let (write, fence) = self.open.swap_remove(nth);
                    fences.withdraw(fence);
                    self.writes[write].state = None;
                }
                Event::Settle(nth) if nth < self.open.len() => {
                    let (write, fence) = self.open.swap_remove(nth);
                    fences.settle(fence);
                    self.writes[write].state = Some(State::Resolving);
                }
                Event::Lose(nth) if nth < self.open.len() => {
                    let (write, fence) = self.open.swap_remove(nth);
                    self.lost.push((write, fences.lose(fence)));
                    self.writes[write].state = Some(State::Lost);
                }
                Event::Bury(nth) if nth < self.lost.len() => {
                    let (write, fence) = self.lost.swap_remove(nth);
                    fences.bury(fence);
                    self.writes[write].state = Some(State::Resolving);
                }
                Event::Ask => {
                    let resolving =
                        |write: &usize| self.writes[*write].state == Some(State::Resolving);
                    let about = (0..self.writes.len()).filter(resolving).collect();
                    self.now += 1;
                    self.asked.extend(fences.ask().map(|asked| (asked, about)));
                }
                Event::Answer(nth) if nth < self.asked.len() => {
                    let (asked, about) = self.asked.remove(nth);
                    fences.answer(asked, Lsn(self.now));
                    for write in about {
                        let state = &mut self.writes[write].state;
                        if *state == Some(State::Resolving) {
                            *state = Some(State::Waiting(Lsn(self.now)));
                        }
                    }
                    self.lift_reached();
                }
                Event::Reach(further) => {
                    self.reached = (self.reached + further).min(self.now);
                    fences.reach(Lsn(self.reached));
                    self.lift_reached();
                }
                Event::LiftEnded => {
                    fences.lift_ended();
                    self.reached = 0;
                    for write in &mut self.writes {
                        let is_open = |it: &State| matches!(it, State::Forwarded | State::Lost);
                        write.state = write.state.filter(is_open);
                    }
                }
                _ => {}
            }
        }
    }

    proptest! {
        /// Never less than each write by itself would have, and no more unless they are too many.
        #[test]
        fn fences_stand_as_each_write_asks(
            events in proptest::collection::vec(event(), 1..80),
            apart_max in prop_oneof![Just(3usize), Just(1_000)],
        ) {
            let (fences, mut model) = (Fences::with(apart_max), Model::default());
            for event in events {
                model.take(&fences, event);
                let (found, expect) = (covered(&fences), model.covered());
                prop_assert!((0..3).all(|nth| found[nth] || !expect[nth]), "{found:?} {expect:?}");
                prop_assert!(apart_max == 3 || found == expect, "{found:?} {expect:?}");
                let is_over = model.writes.iter().all(|it| it.state.is_none());
                prop_assert_eq!(fences.count() == 0, is_over);
            }
            // All of them fall in the end.
            model.open.into_iter().for_each(|(_, fence)| fences.settle(fence));
            model.lost.into_iter().for_each(|(_, fence)| fences.bury(fence));
            if let Some(asked) = fences.ask() {
                fences.answer(asked, Lsn(model.now));
            }
            fences.reach(Lsn(model.now));
            prop_assert_eq!((fences.count(), covered(&fences)), (0, [false; 3]));
        }
    }
}
