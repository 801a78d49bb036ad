//! Keeping the cache at the database's position: who moves the horizon, and when what the cache
//! holds is dropped.
//!
//! One gate. A writer passes it inside its commit hook, before anything is visible, and leaves it
//! once the horizon stands at its commit; a reader that finds the database elsewhere tries the
//! gate and, if it is taken, simply misses. What is not explained by a commit of our own drops
//! the tables whose pages it changed, or everything. The rules and their proof:
//! `docs/design/consistency.md`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::capture::Means;
use super::identity::Identity;
use super::location::Location;
use super::options::Options;
use super::owners::{Foreign, Owners, PAGES_MAX, SURVEY_MAX};
use super::shm::WalIndex;
use super::survey::{Bounds, Survey, Unfit, survey};
use crate::error::{Error, Kind, Result};
use crate::invalidate::{
    Author, Authors, Awaited, Basis, Bindings, Changes, Draft, Header, Horizon, Index, Ticket,
    Verdict, WriteSet,
};
use crate::value::Value;

/// How commits by others are noticed.
pub(super) enum Witness {
    /// By the WAL-index header, which every commit of any process changes.
    WalIndex(WalIndex),
    /// There are no others: the database lives in this process, behind one connection.
    Private,
    /// Not at all, for this reason; nothing may be served from the cache.
    Blind(String),
}

/// What the cache reflects, and the gate around moving it.
pub(crate) struct CatchUp {
    witness: Witness,
    /// The file that was opened, if it is one.
    file: Option<Identity>,
    horizon: Horizon,
    index: Arc<Index>,
    gate: Gate,
    means: Means,
    /// Statements of which not every changed row was told.
    gaps: AtomicU64,
    owners: Owners,
    /// Where the pages of the database are read to be mapped.
    place: (Location, Options),
    is_closing: AtomicBool,
}

/// What a transaction of our own has written.
pub(super) struct Wrote<'a> {
    /// The tables that its statements may have changed.
    pub(super) tables: &'a WriteSet,
    /// Who wrote them.
    pub(super) authors: &'a Authors,
    /// The rows that it changed in them, if all of them were captured.
    pub(super) rows: Option<&'a Changes>,
}

/// A fill in progress: what it must find again to be let in.
pub(crate) struct Fill {
    draft: Draft,
    position: Header,
}

impl CatchUp {
    pub(super) fn new(
        witness: Witness,
        file: Option<Identity>,
        means: Means,
        place: (Location, Options),
    ) -> CatchUp {
        let horizon = Horizon::default();
        if let Witness::WalIndex(index) = &witness
            && let Some(header) = index.stable()
        {
            horizon.publish(header);
        }
        CatchUp {
            witness,
            file,
            horizon,
            index: Arc::new(Index::new()),
            gate: Gate::default(),
            means,
            gaps: AtomicU64::new(0),
            owners: if place.1.map_pages { Owners::default() } else { Owners::unmapped() },
            place,
            is_closing: AtomicBool::new(false),
        }
    }

    /// Why nothing may be served from the cache, if so.
    pub(crate) fn blind(&self) -> Option<&str> {
        match &self.witness {
            Witness::Blind(why) => Some(why),
            Witness::WalIndex(_) | Witness::Private => None,
        }
    }

    /// How changes are noticed, in words.
    pub(crate) fn describe(&self) -> String {
        match &self.witness {
            Witness::WalIndex(_) => format!(
                "exact: the WAL-index header is compared at every hit, and {}; {}",
                self.owners.describe(),
                self.means.describe()
            ),
            Witness::Private => format!(
                "exact: the database is in memory, and every write goes through here; {}",
                self.means.describe()
            ),
            Witness::Blind(why) => format!("the cache is off: {why}"),
        }
    }

    /// How the rows are learned that writes here change.
    pub(crate) fn means(&self) -> Means {
        self.means
    }

    /// Statements of which not every changed row was told, although it should have been. They
    /// counted as changes of whole tables; there should be none.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    pub(super) fn note_gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("SQLite counts more changed rows than it told; whole tables are dropped");
    }

    /// Whether the cache reflects the database as it is now. To be asked *before* looking an
    /// answer up: the answer is then true at the instant of this call. About 10 ns.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.position().is_some()
    }

    /// The same, after catching up if need be: what others have committed may leave the answer
    /// that is asked for as it is.
    #[inline]
    pub(crate) fn is_made_current(&self) -> bool {
        self.is_current() || self.is_current_after_all()
    }

    #[cold]
    fn is_current_after_all(&self) -> bool {
        self.catch_up();
        self.is_current()
    }

    /// Whether nothing that `ticket` rests on has changed. Only means something after
    /// [`CatchUp::is_current`] said yes.
    #[inline]
    pub(crate) fn is_valid(&self, ticket: &Ticket) -> bool {
        self.index.is_valid(ticket)
    }

    /// Intervals that answers rest on now.
    pub(crate) fn windows(&self) -> usize {
        self.index.windows()
    }

    /// How often everything was dropped.
    pub(crate) fn flushes(&self) -> u64 {
        self.index.flushes()
    }

    /// Drops everything.
    pub(crate) fn flush(&self) {
        self.index.flush();
    }

    /// Makes every ticket void that rests on a table.
    pub(crate) fn drop_table(&self, table: &str) {
        self.index.apply(&WriteSet::tables([table]), &Authors::all(Author::OTHERS));
    }

    /// Who made a ticket void, if that is known.
    pub(crate) fn culprit(&self, ticket: &Ticket) -> Option<Author> {
        self.index.culprit(ticket)
    }

    /// An error when the file was deleted or replaced under us.
    pub(super) fn check_moved(&self) -> Result<()> {
        if self.has_moved() { Err(CatchUp::moved_error()) } else { Ok(()) }
    }

    pub(crate) fn moved_error() -> Error {
        Error::new(
            Kind::Open,
            "the database file was deleted or replaced while it was open; open it again",
        )
    }

    /// Makes the database's state one that can be told from all others, where it is not: after a
    /// process was killed at the wrong moment, or before the first write. Blocks on the disk.
    pub(crate) fn draw_salts(&self) {
        if let Witness::WalIndex(index) = &self.witness {
            index.draw_salts();
        }
    }

    /// Whether the file was deleted or replaced under us.
    pub(crate) fn has_moved(&self) -> bool {
        self.file.as_ref().is_some_and(Identity::has_moved)
            || matches!(&self.witness, Witness::WalIndex(index) if index.has_moved())
    }

    /// Moves the horizon to where other processes have taken the database, unless somebody is at
    /// it already.
    pub(crate) fn catch_up(&self) {
        if let Witness::WalIndex(index) = &self.witness
            && self.gate.try_enter()
        {
            if let Some(header) = index.stable()
                && header != self.horizon.load()
            {
                self.follow(index, header);
            }
            self.gate.leave();
        }
    }

    /// Moves the horizon over what others have committed. Called by the holder of the gate.
    fn follow(&self, index: &WalIndex, header: Header) {
        let (reached, writes) = self.owners.follow(index, self.horizon.load(), header);
        self.index.apply(&writes, &Authors::all(Author::OTHERS));
        self.horizon.publish(reached);
    }

    /// Whether commits of others would be told apart by tables if the pages were mapped now.
    pub(crate) fn wants_survey(&self) -> bool {
        matches!(self.witness, Witness::WalIndex(_))
            && !self.is_closing.load(Ordering::Relaxed)
            && self.owners.is_due(Instant::now())
    }

    /// Maps the pages of the database to tables. Reads all of them; blocks.
    pub(crate) fn survey(&self) {
        let Witness::WalIndex(index) = &self.witness else { return };
        let started = Instant::now();
        let made = self.walk(index, started + SURVEY_MAX);
        self.gate.enter();
        // The map is moved to the horizon, so the horizon has to be where the log is.
        if let Some(header) = index.stable()
            && header != self.horizon.load()
        {
            self.follow(index, header);
        }
        if !self.is_closing.load(Ordering::Relaxed) {
            self.owners.install(index, made, self.horizon.load(), started);
        }
        self.gate.leave();
    }

    fn walk(&self, index: &WalIndex, until: Instant) -> Result<Survey, Unfit> {
        let failed = |error: Error| Unfit::NotNow(format!("it cannot be opened: {error}"));
        let (location, options) = &self.place;
        self.check_moved().map_err(failed)?;
        let connection = super::open::connect(location, options).map_err(failed)?;
        self.check_moved().map_err(failed)?;
        let is_stopped = || self.is_closing.load(Ordering::Relaxed);
        survey(connection, index, &Bounds { pages_max: PAGES_MAX, until, is_stopped: &is_stopped })
    }

    /// Ends a survey that may be under way, and forgets the map, because the database is being
    /// closed.
    pub(crate) fn end_surveys(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.owners.forget();
    }

    /// What was counted about commits of others.
    pub(crate) fn foreign(&self) -> Foreign {
        self.owners.counted()
    }

    /// The WAL-index header as it is now, if commits are noticed by it.
    #[inline]
    pub(crate) fn header(&self) -> Option<Header> {
        match &self.witness {
            Witness::WalIndex(index) => Some(index.header()),
            Witness::Private | Witness::Blind(_) => None,
        }
    }

    /// The frames of the log that are in the file already.
    pub(crate) fn backfilled(&self) -> u32 {
        match &self.witness {
            Witness::WalIndex(index) => index.backfilled(),
            Witness::Private | Witness::Blind(_) => 0,
        }
    }

    /// Whether the next commit, unless another process is quicker, only adds to the log. One that
    /// begins it anew syncs its head.
    pub(super) fn appends(&self) -> bool {
        let mut in_file = self.header().into_iter();
        in_file.all(|header| self.backfilled() < header.frames()) && self.blind().is_none()
    }

    /// Moves the log into the file, as far as that goes without waiting for anybody. Blocks on
    /// the disk.
    pub(crate) fn checkpoint(&self) {
        if let Witness::WalIndex(index) = &self.witness
            && let Err(error) = index.checkpoint()
        {
            tracing::warn!(%error, "a checkpoint failed; it is tried again after a later commit");
        }
    }

    /// Whether commits are noticed in the index of the log.
    pub(super) fn has_log(&self) -> bool {
        matches!(self.witness, Witness::WalIndex(_))
    }

    /// What row changes are taken down for.
    pub(super) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Begins a fill of an answer that rests on `basis`; `None` when the cache is not current,
    /// also after trying to make it so. To be called before the snapshot is opened.
    pub(super) fn begin_fill(&self, basis: &Basis, bindings: Bindings<'_>) -> Option<Fill> {
        for _ in 0..2 {
            // The ticket comes first: a commit after it makes it void, so it can only be too old.
            let draft = self.index.draft(basis, bindings);
            if let Some(position) = self.position() {
                return Some(Fill { draft, position });
            }
            self.catch_up();
        }
        None
    }

    /// Narrows what a fill rests on by the values of its partners, as `ask` tells them.
    pub(super) fn settle_fill(
        &self,
        fill: &mut Fill,
        ask: impl FnMut(&Awaited) -> Option<Vec<Value>>,
    ) {
        fill.draft.settle(&self.index, ask);
    }

    /// The ticket of an answer whose snapshot was the right one: so many rows, the last of which
    /// has these values.
    pub(super) fn close_fill(&self, fill: Fill, rows: usize, last: &[Value]) -> Ticket {
        fill.draft.close(&self.index, rows, |output| last.get(output))
    }

    /// Called once the snapshot of a fill is open: it is the fill's own if the database has not
    /// moved since the fill began.
    pub(super) fn is_snapshot_of(&self, fill: &Fill) -> bool {
        self.is_at(fill.position)
    }

    /// Whether the database's state can be told from all others. SQLite itself cannot tell either:
    /// it takes the pages that it holds for those of any state with the header that it saw last.
    #[inline]
    pub(super) fn is_distinct(&self) -> bool {
        match &self.witness {
            Witness::WalIndex(index) => index.header().has_salts(),
            Witness::Private | Witness::Blind(_) => true,
        }
    }

    /// Whether the database has not moved from there.
    pub(super) fn is_at(&self, position: Header) -> bool {
        match &self.witness {
            Witness::WalIndex(index) => index.header() == position,
            Witness::Private => true,
            Witness::Blind(_) => false,
        }
    }

    /// Enters the gate and gives the database's position. Called by the commit hook: under the
    /// write lock, if the transaction writes the main database, so that the position is that of the
    /// state it was built on.
    pub(super) fn enter(&self) -> Header {
        self.gate.enter();
        match &self.witness {
            Witness::WalIndex(index) => index.header(),
            Witness::Private | Witness::Blind(_) => Header::default(),
        }
    }

    /// Applies a transaction that the log has told to end with frame `logged`, or that perhaps did
    /// not take place, after `before` was read by [`CatchUp::enter`]; then leaves the gate. Gives
    /// the frames in the log, if there is one.
    pub(super) fn leave(&self, before: Header, logged: Option<u32>, wrote: &Wrote<'_>) -> u32 {
        let frames = match &self.witness {
            Witness::WalIndex(index) => {
                let after = index.stable();
                self.apply(index, before, after, logged, wrote);
                after.map_or(0, Header::frames)
            }
            Witness::Private => {
                self.drop_what(wrote);
                0
            }
            Witness::Blind(_) => 0,
        };
        self.gate.leave();
        frames
    }

    fn apply(
        &self,
        index: &WalIndex,
        before: Header,
        after: Option<Header>,
        logged: Option<u32>,
        wrote: &Wrote<'_>,
    ) {
        let Some(after) = after else {
            // The position stays where it was, so nothing is served until a reader catches up.
            self.index.flush();
            return;
        };
        match before.judge(after, self.horizon.load(), logged) {
            Verdict::Nothing => {}
            Verdict::Explained => {
                match self.owners.note_own(index, before, after, wrote.tables) {
                    Some(told) => self.index.apply(&told, wrote.authors),
                    None => self.drop_what(wrote),
                }
                self.horizon.publish(after);
            }
            Verdict::Unexplained => self.follow(index, after),
        }
    }

    /// Drops what a transaction of our own has made untrue.
    fn drop_what(&self, wrote: &Wrote<'_>) {
        match (wrote.tables, wrote.rows) {
            (WriteSet::Tables(_), Some(changes)) => {
                self.index.apply_changes(changes, wrote.authors);
            }
            (tables, _) => self.index.apply(tables, wrote.authors),
        }
    }

    #[inline]
    fn position(&self) -> Option<Header> {
        match &self.witness {
            Witness::WalIndex(index) => self.horizon.matches(|| index.header()),
            Witness::Private => Some(Header::default()),
            Witness::Blind(_) => None,
        }
    }
}

impl Fill {
    /// The position that its answer must be read at.
    pub(super) fn position(&self) -> Header {
        self.position
    }

    /// Whether partners are to be asked for their values.
    pub(super) fn awaits(&self) -> bool {
        self.draft.awaits()
    }
}

/// A lock that is taken in one callback and given back in another call, on the same thread.
#[derive(Default)]
struct Gate {
    taken: Mutex<bool>,
    freed: Condvar,
}

impl Gate {
    fn enter(&self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = true;
    }

    fn try_enter(&self) -> bool {
        match self.taken.try_lock() {
            Ok(mut taken) => !std::mem::replace(&mut *taken, true),
            Err(_) => false,
        }
    }

    fn leave(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.freed.notify_one();
    }
}
