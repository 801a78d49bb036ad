//! Commits that the stream has told and that are applied, but that a new snapshot may not see yet:
//! PostgreSQL hands a commit to the stream before it shows it to others, and shows commits in
//! another order than it logs them. No answer may be stored that rests on what such a commit has
//! changed. It asks no snapshot; whoever has one hands it in.

use super::footprint::{Footprint, Rests};
use super::snapshot::{Snapshot, Xid};
use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};

/// Commits that are kept apart. With more, nothing is stored until every transaction up to the
/// last of them has ended. Each belongs to a connection of the server that is ending its commit,
/// or came since the last look at a snapshot.
const COMMITS_MAX: usize = 4_096;

/// What the footprints of all of them may weigh; see [`Footprint::weight`].
const WEIGHT_MAX: usize = 65_536;

/// The commits that are applied and unconfirmed.
///
/// An answer is stored by a fill that (1) takes a draft: it notes versions, registers shapes and
/// windows; (2) asks [`Unconfirmed::admits`]; (3) opens its snapshot; (4) reads; (5) stores. A
/// commit is (a) entered here, (b) applied: versions are raised and windows touched, and (c)
/// taken out, once a snapshot that was taken in the meantime has seen it. Claim: an entry whose
/// ticket is valid contains every applied commit that matters to it.
///
/// Proof, by where (b) stands for what the draft rests on. *After (1)*: the version was noted
/// before it was raised, or the window was there when it was touched, so the ticket is void.
/// *Before (1)*: then (a) came before (1), so (2) finds the commit here, and refuses the draft;
/// unless it has been taken out. Then a snapshot had seen it before (2), and (3) comes later: what
/// one snapshot of a server sees, every later one sees. *Neither*: the commit is not applied.
///
/// Both orders matter. Were (b) before (a), a draft between them would note the raised version and
/// find nothing here. Were (2) before (1), both (a) and (b) might fall between. What makes "before"
/// true between threads: a raised version is stored with `Release` and noted with `Acquire`, and
/// shapes and windows are under locks.
///
/// *A shape that came late* was not looked at when rows were taken down. If it was registered
/// before (b), the table counts as changed, which is the first case. If after (b), the commit may
/// have raised nothing at all for it; that is why a footprint keeps the shapes that it is about,
/// and meets every draft on a table that has others by now.
///
/// *Partners* are known only after (4). The slots of their values are noted then, and taken only if
/// the version of all rows is still the one of (1), which (2) has asked about; a commit raises that
/// one first, so those that raised the slots of the values before had raised it before (1), too.
///
/// *Before the stream began* there may have been commits that are in the log and will not be told
/// any more, and that no snapshot sees yet. So a beginning counts as the commit of everything by
/// every transaction that had a number by then.
pub(super) struct Unconfirmed {
    /// Not 0 while there is anything; raised before a commit is applied.
    count: AtomicU64,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    commits: Vec<Commit>,
    weight: usize,
    /// Nothing is admitted until every transaction before this one has ended.
    barrier: Option<Xid>,
    /// Which stream this belongs to.
    generation: u64,
}

struct Commit {
    xid: Xid,
    footprint: Footprint,
}

/// That a snapshot is needed: to be taken *now*, and on the server of the present stream.
#[derive(Debug)]
#[must_use = "a snapshot has to be taken"]
pub(crate) struct Poll {
    generation: u64,
}

impl Unconfirmed {
    pub(super) fn new() -> Unconfirmed {
        Unconfirmed { count: AtomicU64::new(0), ring: Mutex::default() }
    }

    /// A stream has begun. Every transaction that had a number when its slot was there has one
    /// before `bound`.
    pub(super) fn begin(&self, bound: Xid) {
        let mut ring = self.ring();
        let generation = ring.generation + 1;
        *ring = Ring { barrier: Some(bound), generation, ..Ring::default() };
        self.count.store(ring.count(), Ordering::Release);
    }

    /// No stream is followed from here on: what is applied then is seen by every later snapshot.
    pub(super) fn forget(&self) {
        let mut ring = self.ring();
        *ring = Ring { generation: ring.generation + 1, ..Ring::default() };
        self.count.store(ring.count(), Ordering::Release);
    }

    /// Enters a commit. To be called before it is applied.
    pub(super) fn enter(&self, xid: Xid, footprint: Footprint) {
        let mut ring = self.ring();
        if ring.commits.len() < COMMITS_MAX {
            let footprint = footprint.within(WEIGHT_MAX - ring.weight);
            ring.weight += footprint.weight();
            ring.commits.push(Commit { xid, footprint });
        } else {
            let known = ring.barrier.filter(|known| xid.precedes(*known));
            ring.barrier = known.or(Some(xid.next()));
        }
        self.count.store(ring.count(), Ordering::Release);
    }

    /// Whether a draft rests on nothing that is unconfirmed. To be called after it was taken, and
    /// before its snapshot is opened.
    #[inline]
    pub(super) fn admits<'d>(&self, rests: impl FnOnce() -> Rests<'d>) -> bool {
        // Acquire: whoever finds nothing opens its snapshot after the one that confirmed it.
        if self.count.load(Ordering::Acquire) == 0 {
            return true;
        }
        let rests = rests();
        let ring = self.ring();
        ring.barrier.is_none() && !ring.commits.iter().any(|it| it.footprint.meets(&rests))
    }

    /// Whether no commit is unconfirmed that may have changed everything, the schema too.
    pub(super) fn is_settled(&self) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return true;
        }
        let ring = self.ring();
        let is_everything = |it: &Commit| it.footprint.is_everything();
        ring.barrier.is_none() && !ring.commits.iter().any(is_everything)
    }

    /// Whether a snapshot is needed.
    pub(super) fn poll(&self) -> Option<Poll> {
        let ring = self.ring();
        (ring.count() > 0).then_some(Poll { generation: ring.generation })
    }

    /// Takes out what a snapshot sees that was taken after `poll`.
    #[expect(clippy::needless_pass_by_value, reason = "one snapshot answers one poll")]
    pub(super) fn confirm(&self, poll: Poll, snapshot: &Snapshot) {
        let mut ring = self.ring();
        // The numbers of another server mean nothing.
        if ring.generation == poll.generation {
            ring.commits.retain(|commit| !snapshot.sees(commit.xid));
            ring.weight = ring.commits.iter().map(|commit| commit.footprint.weight()).sum();
            ring.barrier = ring.barrier.filter(|bound| !snapshot.sees_all_before(*bound));
            self.count.store(ring.count(), Ordering::Release);
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn count(&self) -> u64 {
        self.commits.len() as u64 + u64::from(self.barrier.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::basis::Basis;
    use super::super::columns::ColumnSet;
    use super::super::index::Index;
    use super::super::resolve::Bindings;
    use super::super::write::WriteSet;
    use super::*;
    use crate::sql::Occurrence;

    fn table(name: &str) -> Footprint {
        Footprint::of_tables(&WriteSet::tables([name]))
    }

    /// Whether an answer is let in that rests on a whole table.
    fn admits(unconfirmed: &Unconfirmed, name: &str) -> bool {
        let index = Index::new();
        let conjuncts = Vec::new();
        let occurrence = Occurrence { table: name.into(), conjuncts, top: None, partner: None };
        let basis = Basis::new([(occurrence, ColumnSet::ALL)]);
        let draft = index.draft(&basis, Bindings(&[]));
        unconfirmed.admits(|| Rests::of(&draft, &basis, &index))
    }

    fn confirm(unconfirmed: &Unconfirmed, text: &str) {
        unconfirmed.confirm(unconfirmed.poll().unwrap(), &Snapshot::parse(text).unwrap());
    }

    #[test]
    fn a_commit_counts_until_a_snapshot_sees_it() {
        let unconfirmed = Unconfirmed::new();
        assert!(unconfirmed.poll().is_none());
        unconfirmed.enter(Xid(10), table("users"));
        unconfirmed.enter(Xid(11), table("posts"));
        let check = |text: &str, expect: [bool; 3]| {
            confirm(&unconfirmed, text);
            assert_eq!(["users", "posts", "votes"].map(|it| admits(&unconfirmed, it)), expect);
        };
        check("10:10:", [false, false, true]);
        check("10:12:10", [false, true, true]);
        unconfirmed.enter(Xid(9), Footprint::Everything);
        check("9:12:9,10", [false, false, false]);
        check("10:12:10", [false, true, true]);
        check("12:12:", [true, true, true]);
        assert!(unconfirmed.poll().is_none());
    }

    #[test]
    fn too_many_are_everything_until_all_have_ended() {
        let unconfirmed = Unconfirmed::new();
        (0..=COMMITS_MAX as u32).for_each(|nth| unconfirmed.enter(Xid(nth), table("users")));
        assert!(!admits(&unconfirmed, "posts"));
        // A later one has its place again, and does not put it off.
        confirm(&unconfirmed, "5:5000:5");
        unconfirmed.enter(Xid(5_000), table("users"));
        assert!(!admits(&unconfirmed, "posts"), "one of those before is still running");
        confirm(&unconfirmed, "4097:5000:");
        assert!(admits(&unconfirmed, "posts") && !admits(&unconfirmed, "users"));
        confirm(&unconfirmed, "5001:5001:");
        assert!(admits(&unconfirmed, "users"));
    }

    #[test]
    fn what_does_not_fit_is_everything() {
        let unconfirmed = Unconfirmed::new();
        unconfirmed.ring().weight = WEIGHT_MAX;
        unconfirmed.enter(Xid(1), table("users"));
        assert!(!admits(&unconfirmed, "posts"));
        confirm(&unconfirmed, "2:2:");
        unconfirmed.enter(Xid(2), table("users"));
        assert!(admits(&unconfirmed, "posts"), "there is room again");
    }

    #[test]
    fn a_beginning_counts_as_everything_that_may_be_under_way() {
        let unconfirmed = Unconfirmed::new();
        unconfirmed.enter(Xid(70), table("users"));
        let early = unconfirmed.poll().unwrap();
        unconfirmed.begin(Xid(20));
        assert!(!admits(&unconfirmed, "posts"));
        unconfirmed.confirm(early, &Snapshot::parse("90:90:").unwrap());
        assert!(!admits(&unconfirmed, "posts"), "that was a snapshot of another server");
        confirm(&unconfirmed, "19:25:19");
        assert!(!admits(&unconfirmed, "posts"));
        confirm(&unconfirmed, "20:25:20");
        assert!(admits(&unconfirmed, "users"));
    }
}
