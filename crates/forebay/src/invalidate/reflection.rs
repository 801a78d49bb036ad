//! What the cache reflects of a PostgreSQL server, and when it may be relied on: the index, the
//! commits that are applied to it and unconfirmed, the fences around writes of our own, and how far
//! the stream has been followed. It speaks to no server: the tasks that do tell it what came.

use std::sync::Arc;

use super::author::{Author, Authors};
use super::basis::Basis;
use super::change::Changes;
use super::draft::Draft;
use super::extent::Extent;
use super::fence::{Asked, Fence, Fences, LostFence};
use super::footprint::{Footprint, Rests};
use super::index::Index;
use super::position::{Lsn, Stream};
use super::resolve::Bindings;
use super::snapshot::{Snapshot, Xid};
use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use super::ticket::Ticket;
use super::unconfirmed::{Poll, Unconfirmed};
use super::write::WriteSet;

/// What the cache reflects of a server.
///
/// What each part has to do with the promise stands with it: [`Unconfirmed`], that no entry is
/// stale for good; [`Fences`], that none is served which is older than what anybody may know of a
/// write of ours. Commits of others are seen when the stream tells them.
///
/// A stream that is lost tells of no further commit. So `live` goes first, and the index is emptied
/// *then*: a draft notes the epoch before it looks at `live`, so one that got past it has the old
/// epoch. The other way round, a draft in between would have the new one, and nothing would make
/// its entry void.
pub(crate) struct Reflection {
    index: Arc<Index>,
    unconfirmed: Unconfirmed,
    fences: Fences,
    /// 1 while the stream is live. It is stored under the lock of `stream`.
    live: AtomicU64,
    /// Raised with every change of the schema, and with every stream.
    schema: AtomicU64,
    stream: Mutex<Stream>,
}

/// A commit as the stream tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    /// Of the top-level transaction.
    pub(crate) xid: Xid,
    /// Where the next one may begin.
    pub(crate) end: Lsn,
}

/// Where a stream begins. All of it is asked for when its slot exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// A position that everything in the log lies before. What is committed later the stream tells.
    pub(crate) must_pass: Lsn,
    /// Every transaction that has a number by then has one before this. Its own, of a transaction
    /// that was given one for the purpose, is one.
    pub(crate) bound: Xid,
}

impl Reflection {
    pub(crate) fn new() -> Reflection {
        Reflection {
            index: Arc::new(Index::of_partial_images()),
            unconfirmed: Unconfirmed::new(),
            fences: Fences::new(),
            live: AtomicU64::new(0),
            schema: AtomicU64::new(0),
            stream: Mutex::new(Stream::Off("the stream has not begun".into())),
        }
    }

    /// Whether anything may be served and stored. To be asked *before* an answer is looked up.
    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        // Acquire: whoever finds a later stream live finds empty what an earlier one has filled.
        self.live.load(Ordering::Acquire) == 1
    }

    /// Why nothing is served, if so.
    pub(crate) fn blind(&self) -> Option<String> {
        match &*self.stream() {
            Stream::Live { .. } | Stream::Sole(_) => None,
            Stream::Starting { must_pass } => {
                Some(format!("the stream of commits has not reached {must_pass} yet"))
            }
            Stream::Off(why) => Some(why.to_string()),
        }
    }

    /// Whether an answer may be served that was looked up after [`Reflection::is_live`] said yes.
    /// It is then the database's at the instant of this call, but for commits of others that the
    /// stream has not told yet.
    #[inline]
    pub(crate) fn is_valid(&self, ticket: &Ticket) -> bool {
        // The fences first; the reason stands with them.
        !self.fences.cover(ticket) && self.index.is_valid(ticket)
    }

    /// The ticket of a fill; `None` if its answer must not be kept. To be taken before the
    /// statement is sent: its snapshot has to be a later one. Fences do not matter: as long as
    /// they are up the entry is not served, and afterwards it is void if it lacks the commit.
    pub(crate) fn draft(&self, basis: &Basis, bindings: Bindings<'_>) -> Option<Draft> {
        let draft = self.index.draft(basis, bindings);
        // All after the draft.
        self.fences.heed(&self.index);
        let is_admitted =
            self.is_live() && self.unconfirmed.admits(|| Rests::of(&draft, basis, &self.index));
        is_admitted.then_some(draft)
    }

    /// Applies a commit of which the changed rows are known.
    pub(crate) fn apply(&self, commit: Commit, changes: &Changes, authors: &Authors) {
        self.unconfirmed.enter(commit.xid, Footprint::of(changes));
        self.index.apply_changes(changes, authors);
        self.advance(commit.end);
    }

    /// Applies a commit of which only the tables are known.
    pub(crate) fn apply_writes(&self, commit: Commit, writes: &WriteSet, authors: &Authors) {
        self.unconfirmed.enter(commit.xid, Footprint::of_tables(writes));
        self.index.apply(writes, authors);
        self.advance(commit.end);
    }

    /// Applies a commit that has changed the schema. What was found out about statements before is
    /// of the past from here on, and so is what the writes that are under way may change.
    ///
    /// Entered first: whoever finds the new number finds the commit unconfirmed, unless a snapshot
    /// has seen it, and then what is found out from there on is of the new schema. The number
    /// before the flush: whoever takes a draft with the new epoch finds the new number.
    pub(crate) fn redefine(&self, commit: Commit) {
        self.unconfirmed.enter(commit.xid, Footprint::of_tables(&WriteSet::Everything));
        self.schema.fetch_add(1, Ordering::AcqRel);
        self.fences.widen();
        self.index.flush();
        self.advance(commit.end);
    }

    /// The number of the schema, for what is found out about statements from here on; `None` while
    /// the server may still show an older one to some, or the stream is not live. What was found
    /// out holds if the number is the same when it is used, after the draft was taken.
    pub(crate) fn schema(&self) -> Option<u64> {
        let number = self.schema.load(Ordering::Acquire);
        (self.is_live() && self.unconfirmed.is_settled()).then_some(number)
    }

    /// The number of the schema, as far as the stream has told.
    pub(crate) fn schema_told(&self) -> u64 {
        self.schema.load(Ordering::Acquire)
    }

    /// Whether the schema still has this number, as far as the stream has told.
    #[inline]
    pub(crate) fn is_schema(&self, number: u64) -> bool {
        self.schema.load(Ordering::Acquire) == number
    }

    /// The stream has nothing more to tell up to a position.
    pub(crate) fn advance(&self, position: Lsn) {
        let mut stream = self.stream();
        stream.reach(position);
        if stream.is_live() {
            self.live.store(1, Ordering::Release);
            self.fences.reach(position);
        }
    }

    /// Whether a snapshot is to be taken, on a connection of its own and outside any transaction.
    pub(crate) fn poll(&self) -> Option<Poll> {
        self.unconfirmed.poll()
    }

    /// The snapshot that was taken.
    pub(crate) fn confirm(&self, poll: Poll, snapshot: &Snapshot) {
        self.unconfirmed.confirm(poll, snapshot);
    }

    /// A slot exists, and its stream is about to be followed from its beginning.
    pub(crate) fn begin(&self, beginning: Beginning) {
        let mut stream = self.stream();
        if !matches!(*stream, Stream::Off(_)) {
            self.halt();
        }
        self.unconfirmed.begin(beginning.bound);
        // What was changed between two streams was not told.
        self.schema.fetch_add(1, Ordering::AcqRel);
        *stream = Stream::Starting { must_pass: beginning.must_pass };
    }

    /// No stream can be had, for the reason given, and somebody answers for it that nobody writes
    /// but through here. What that rests on stands at `settle_sole`.
    pub(crate) fn begin_sole(&self, why: &str) {
        let mut stream = self.stream();
        if !matches!(*stream, Stream::Off(_)) {
            self.halt();
        }
        self.unconfirmed.forget();
        self.schema.fetch_add(1, Ordering::AcqRel);
        *stream = Stream::Sole(why.into());
        // Release: what was emptied before is empty to whoever finds it live.
        self.live.store(1, Ordering::Release);
    }

    /// Whether the cache does without a stream.
    pub(crate) fn is_sole(&self) -> bool {
        matches!(&*self.stream(), Stream::Sole(_))
    }

    /// Why there is no stream, if the cache does without.
    pub(crate) fn sole(&self) -> Option<String> {
        match &*self.stream() {
            Stream::Sole(why) => Some(why.to_string()),
            _ => None,
        }
    }

    /// The stream is lost, or what it has told cannot be understood.
    pub(crate) fn end(&self, why: &str) {
        let mut stream = self.stream();
        *stream = Stream::Off(why.into());
        self.halt();
    }

    /// Nothing is served from here on, nor what there is now when it is again.
    fn halt(&self) {
        self.live.store(0, Ordering::Release);
        self.index.flush();
        self.fences.lift_ended();
    }

    /// Raises a fence around what a write may change, before it is sent.
    pub(crate) fn fence(&self, extent: &Extent) -> Fence {
        self.fences.raise(extent, &self.index)
    }

    /// The write has ended and has committed nothing.
    pub(crate) fn withdraw(&self, fence: Fence) {
        self.fences.withdraw(fence);
    }

    /// The write has ended, and may have committed.
    pub(crate) fn settle(&self, fence: Fence) {
        let stream = self.stream();
        if matches!(*stream, Stream::Sole(_)) {
            return self.settle_sole(fence);
        }
        self.fences.settle(fence);
        self.lift_needless(&stream);
    }

    /// The connection was lost before the write had ended.
    pub(crate) fn lose(&self, fence: Fence) -> LostFence {
        self.fences.lose(fence)
    }

    /// The backend of a connection that was lost is gone.
    pub(crate) fn bury(&self, fence: LostFence) {
        let stream = self.stream();
        if matches!(*stream, Stream::Sole(_)) {
            return self.settle_sole(fence.into_ended());
        }
        self.fences.bury(fence);
        self.lift_needless(&stream);
    }

    /// Fences around what has ended matter to a live stream only. Its lock is held, so that it does
    /// not become live before what has ended here.
    fn lift_needless(&self, stream: &MutexGuard<'_, Stream>) {
        if !stream.is_live() {
            self.fences.lift_ended();
        }
    }

    /// Applies what a write that has ended may have committed, and lifts its fence; in place of a
    /// stream. Claim: while nobody writes past it, what is served is the database's at the instant
    /// of [`Reflection::is_valid`].
    ///
    /// Proof: take a commit that a snapshot could see by then, and that matters. Its write had its
    /// fence up before it was sent, so the hit finds the fence, unless it was lifted. It is lifted
    /// after what it was around was applied, which made every older ticket void. A ticket that was
    /// taken later was followed by its snapshot, and by then the server had said that the write had
    /// ended: it says so after it shows the commit to everybody. So nothing is unconfirmed here.
    ///
    /// What is not known may have changed the schema: its fence stays until that has been looked
    /// for, and [`Reflection::answer_sole`] applies it.
    fn settle_sole(&self, fence: Fence) {
        match self.fences.scope(&fence) {
            WriteSet::Everything => self.fences.settle(fence),
            tables @ WriteSet::Tables(_) => {
                self.index.apply(&tables, &Authors::all(Author::UNKNOWN));
                self.fences.withdraw(fence);
            }
        }
    }

    /// Applies the writes of which everything may be changed that had ended when the question was
    /// asked, and lifts their fences. Since then it has been looked whether the schema is another
    /// one; the order is that of [`Reflection::redefine`].
    ///
    /// A write that ran under the new schema, and was fenced by the old one, has either ended
    /// before the flush, which then contains it; or its fence is widened, and it comes here itself.
    /// In between there is the fence of the write that changed the schema.
    pub(crate) fn answer_sole(&self, asked: Asked, has_schema_changed: bool) {
        let stream = self.stream();
        if !matches!(*stream, Stream::Sole(_)) {
            return;
        }
        if has_schema_changed {
            self.schema.fetch_add(1, Ordering::AcqRel);
            self.fences.widen();
        }
        self.index.flush();
        // There is no position to be passed.
        self.fences.answer(asked, Lsn::default());
    }

    /// Whether a position is to be asked for that everything in the log lies before.
    pub(crate) fn ask(&self) -> Option<Asked> {
        self.fences.ask()
    }

    /// The position that was asked for.
    pub(crate) fn answer(&self, asked: Asked, position: Lsn) {
        self.fences.answer(asked, position);
    }

    /// Whether every commit before a position is applied. What was seen in the database before the
    /// position was asked for is told by then.
    pub(crate) fn has_passed(&self, position: Lsn) -> bool {
        matches!(&*self.stream(), Stream::Live { applied } if *applied >= position)
    }

    /// Fences that are up now.
    pub(crate) fn fences(&self) -> u32 {
        self.fences.count()
    }

    /// Commits that are unconfirmed now.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.unconfirmed.count()
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

    /// Who made a ticket void, if that is known.
    pub(crate) fn culprit(&self, ticket: &Ticket) -> Option<Author> {
        self.index.culprit(ticket)
    }

    /// What row changes are taken down for, and drafts are closed with.
    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
