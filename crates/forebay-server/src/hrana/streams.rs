//! The table of open streams: who may go on with which, and what becomes of those that nobody
//! goes on with. Every change of a stream's state is made here. It runs no statements.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use forebay::Db;
use tokio::sync::Semaphore;

use super::baton::{Baton, StreamId};
use super::cursor::{CursorRun, SharedRun};
use super::stream::Stream;
use crate::failure::Failure;
use crate::options::Options;

/// How many expired streams are remembered, to tell their clients what happened. Beyond that, a
/// client is told that its baton is unknown.
const EXPIRED_MAX: usize = 1_024;

/// All open streams.
pub(crate) struct Streams {
    table: Mutex<Table>,
    places: Arc<Semaphore>,
    places_max: usize,
    idle_max: Duration,
    cursor_max: Duration,
}

#[derive(Default)]
struct Table {
    slots: HashMap<StreamId, Slot>,
    /// The expired among them, oldest first.
    expired: VecDeque<StreamId>,
}

enum Slot {
    /// Waits for a request with baton `seq`. Exits: `Busy` when it comes, `Expired` when it does
    /// not come in time.
    Idle { stream: Stream, seq: u64, since: Instant },
    /// A request has the stream. Exits: `Idle` and `Cursor` when the request lets go of it in
    /// order; the slot is removed when it does not.
    Busy,
    /// A cursor has the stream, until its last entry is taken, its client goes away, or a request
    /// with baton `seq` shows that the client has moved on. Exits: `Idle`, `Busy`, `Expired`.
    Cursor { run: SharedRun, seq: u64, since: Instant },
    /// Kept for the sake of a clear error. Exit: removed when there are too many.
    Expired,
}

/// A stream lent to one request. Dropping it closes the stream.
pub(crate) struct Lease {
    streams: Arc<Streams>,
    /// `None` for a stream that is in no table, because its request closes it.
    baton: Option<Baton>,
    stream: Option<Stream>,
}

impl Streams {
    pub(crate) fn new(options: &Options) -> Arc<Streams> {
        Arc::new(Streams {
            table: Mutex::default(),
            places: Arc::new(Semaphore::new(options.streams_max)),
            places_max: options.streams_max,
            idle_max: options.stream_idle_timeout,
            cursor_max: options.cursor_timeout,
        })
    }

    /// A stream that the same request closes again.
    pub(crate) fn open_passing(self: &Arc<Self>, db: &Db) -> Lease {
        let stream = Stream::new(db.session(), None);
        Lease { streams: self.clone(), baton: None, stream: Some(stream) }
    }

    /// A stream that outlives its request.
    pub(crate) fn open(self: &Arc<Self>, db: &Db) -> Result<Lease, Failure> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(Failure::new(
                503,
                "STREAMS_EXHAUSTED",
                format!(
                    "{} streams are open, and no more are allowed (streams_max); close streams \
                     that are not needed, or try again later",
                    self.places_max
                ),
            ));
        };
        let baton = Baton { stream: StreamId::random()?, seq: 0 };
        self.table().slots.insert(baton.stream, Slot::Busy);
        let stream = Stream::new(db.session(), Some(place));
        Ok(Lease { streams: self.clone(), baton: Some(baton), stream: Some(stream) })
    }

    /// The stream that `baton` stands for.
    pub(crate) async fn resume(self: &Arc<Self>, baton: &str) -> Result<Lease, Failure> {
        let baton = Baton::decode(baton).ok_or_else(unknown)?;
        let next = Baton { seq: baton.seq.wrapping_add(1), ..baton };
        let taken = self.take(baton)?;
        // From here on the slot is `Busy`, and the lease removes it should this future be dropped.
        let mut lease = Lease { streams: self.clone(), baton: Some(next), stream: None };
        lease.stream = match taken {
            Taken::Stream(stream) => Some(*stream),
            // Whoever holds the cursor leaves the stream in it, because the slot is `Busy`. What
            // it is doing ends in bounded time: that of one statement.
            Taken::Cursor(run) => match tokio::time::timeout(self.cursor_max, run.lock()).await {
                Ok(mut run) => run.take().and_then(CursorRun::into_stream),
                Err(_) => None,
            },
        };
        if lease.stream.is_none() { Err(expired()) } else { Ok(lease) }
    }

    /// Puts the stream of the cursor `ended`, whose run is locked as `run`, back to where its
    /// client finds it. The run stays where it is when the client has come for it already; by now
    /// the stream may even be in the hands of its next cursor.
    pub(crate) fn end_cursor(&self, id: StreamId, ended: &SharedRun, run: &mut Option<CursorRun>) {
        let mut table = self.table();
        let Some(slot) = table.slots.get_mut(&id) else { return };
        let seq = match slot {
            Slot::Cursor { run, seq, .. } if Arc::ptr_eq(run, ended) => *seq,
            _ => return,
        };
        match run.take().and_then(CursorRun::into_stream) {
            Some(stream) => *slot = Slot::Idle { stream, seq, since: Instant::now() },
            None => {
                table.slots.remove(&id);
            }
        }
    }

    /// Closes what has been idle for too long. To be called now and then.
    pub(crate) async fn expire(&self) {
        for stream in self.take_expired(Instant::now()) {
            stream.close().await;
        }
    }

    /// Closes every stream.
    pub(crate) async fn close_all(&self) {
        let slots = std::mem::take(&mut *self.table()).slots;
        for slot in slots.into_values() {
            match slot {
                Slot::Idle { stream, .. } => stream.close().await,
                Slot::Cursor { run, .. } => drop(run.try_lock().map(|mut run| run.take())),
                Slot::Busy | Slot::Expired => {}
            }
        }
    }

    /// Streams open now.
    pub(crate) fn open_count(&self) -> usize {
        self.places_max - self.places.available_permits()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code that can panic runs under the lock, so a poisoned table is still whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, baton: Baton) -> Result<Taken, Failure> {
        let mut table = self.table();
        let slot = table.slots.get_mut(&baton.stream).ok_or_else(unknown)?;
        let (seq, overdue) = match slot {
            Slot::Idle { seq, since, .. } => (*seq, since.elapsed() > self.idle_max),
            Slot::Cursor { seq, .. } => (*seq, false),
            Slot::Busy => return Err(reused()),
            Slot::Expired => return Err(expired()),
        };
        if seq != baton.seq {
            return Err(reused());
        }
        if overdue {
            table.expire(baton.stream);
            return Err(expired());
        }
        match std::mem::replace(slot, Slot::Busy) {
            Slot::Idle { stream, .. } => Ok(Taken::Stream(Box::new(stream))),
            Slot::Cursor { run, .. } => Ok(Taken::Cursor(run)),
            Slot::Busy | Slot::Expired => Err(reused()),
        }
    }

    fn take_expired(&self, now: Instant) -> Vec<Stream> {
        let mut table = self.table();
        let overdue: Vec<StreamId> = table
            .slots
            .iter()
            .filter(|(_, slot)| match slot {
                Slot::Idle { since, .. } => now.duration_since(*since) > self.idle_max,
                Slot::Cursor { since, .. } => now.duration_since(*since) > self.cursor_max,
                Slot::Busy | Slot::Expired => false,
            })
            .map(|(id, _)| *id)
            .collect();
        overdue.into_iter().filter_map(|id| table.expire(id)).collect()
    }
}

/// What a baton stands for: a stream that waits, or one that a cursor has.
enum Taken {
    Stream(Box<Stream>),
    Cursor(SharedRun),
}

impl Table {
    /// Remembers `id` as expired and hands out its stream, unless a cursor is at work on it right
    /// now; the cursor then notices by itself that its time is up.
    fn expire(&mut self, id: StreamId) -> Option<Stream> {
        let slot = self.slots.insert(id, Slot::Expired)?;
        self.expired.push_back(id);
        if self.expired.len() > EXPIRED_MAX
            && let Some(oldest) = self.expired.pop_front()
        {
            self.slots.remove(&oldest);
        }
        match slot {
            Slot::Idle { stream, .. } => Some(stream),
            Slot::Cursor { run, .. } => run.try_lock().ok()?.take()?.into_stream(),
            Slot::Busy | Slot::Expired => None,
        }
    }
}

impl Lease {
    /// The stream, unless it has been closed.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    /// Closes the stream; [`Lease::release`] then gives no baton.
    pub(crate) async fn close(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.close().await;
        }
    }

    /// Lets go of the stream; the baton is for the next request on it.
    pub(crate) fn release(mut self) -> Option<String> {
        let (stream, baton) = (self.stream.take()?, self.baton.take()?);
        let slot = Slot::Idle { stream, seq: baton.seq, since: Instant::now() };
        self.streams.table().slots.insert(baton.stream, slot);
        Some(baton.encode())
    }

    /// Gives the stream to a cursor.
    pub(crate) fn begin_cursor(
        mut self,
        run: impl FnOnce(Stream) -> CursorRun,
    ) -> Option<(SharedRun, Baton)> {
        let (stream, baton) = (self.stream.take()?, self.baton.take()?);
        let run: SharedRun = Arc::new(tokio::sync::Mutex::new(Some(run(stream))));
        let slot = Slot::Cursor { run: run.clone(), seq: baton.seq, since: Instant::now() };
        self.streams.table().slots.insert(baton.stream, slot);
        Some((run, baton))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(baton) = self.baton {
            self.streams.table().slots.remove(&baton.stream);
        }
    }
}

fn unknown() -> Failure {
    Failure::bad(
        "BATON_INVALID",
        "the baton is not one of this server: the stream was closed, the server was restarted, \
         or the baton was changed on its way",
    )
}

fn reused() -> Failure {
    Failure::bad(
        "BATON_REUSED",
        "the baton has been used already; each answer carries the baton for the next request, \
         and requests on one stream follow one another",
    )
}

fn expired() -> Failure {
    Failure::bad(
        "STREAM_EXPIRED",
        "the stream has expired because it was idle for too long; what was not committed is \
         rolled back. Open a new stream",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::batch::Batch;
    use super::super::store::StoredSql;
    use super::*;

    const PLACES: usize = 3;

    /// Who has a stream, as a table without locks would say it.
    enum Holder {
        Lease(Lease),
        Baton(String),
        Cursor { run: SharedRun, baton: Baton },
    }

    struct Model {
        streams: Arc<Streams>,
        db: Db,
        options: Options,
        held: Vec<Holder>,
        /// Batons that have been used, and whether their stream is still there.
        used: Vec<(String, StreamId)>,
        gone: Vec<StreamId>,
        /// Cursors that are over, but whose connections are still to be closed.
        over: Vec<(SharedRun, StreamId)>,
    }

    impl Model {
        async fn step(&mut self, op: u8, pick: usize) {
            if op == 0 || self.held.is_empty() {
                let opened = self.streams.open(&self.db);
                assert_eq!(opened.is_ok(), self.held.len() < PLACES);
                self.held.extend(opened.ok().map(Holder::Lease));
                return;
            }
            if op == 1 {
                return self.show_used_baton(pick).await;
            }
            let holder = self.held.swap_remove(pick % self.held.len());
            let next = match holder {
                Holder::Lease(lease) => self.let_go(lease, op).await,
                Holder::Baton(baton) => {
                    let lease = self.streams.resume(&baton).await.unwrap();
                    self.remember(baton);
                    Some(Holder::Lease(lease))
                }
                Holder::Cursor { run, baton } if op < 5 => {
                    self.streams.end_cursor(baton.stream, &run, &mut *run.lock().await);
                    self.over.push((run, baton.stream));
                    Some(Holder::Baton(baton.encode()))
                }
                Holder::Cursor { run, baton } => {
                    let lease = self.streams.resume(&baton.encode()).await.unwrap();
                    self.remember(baton.encode());
                    self.over.push((run, baton.stream));
                    Some(Holder::Lease(lease))
                }
            };
            self.held.extend(next);
            for (run, id) in &self.over {
                self.streams.end_cursor(*id, run, &mut *run.lock().await);
            }
        }

        async fn let_go(&mut self, mut lease: Lease, op: u8) -> Option<Holder> {
            let id = lease.baton.unwrap().stream;
            match op {
                2 => drop(lease),
                3 => {
                    lease.close().await;
                    assert_eq!(lease.release(), None);
                }
                4 | 5 => {
                    let json = serde_json::from_str(r#"{"steps":[]}"#).unwrap();
                    let batch = Batch::decode(json, &self.options).unwrap();
                    let program = batch.program(&StoredSql::default(), &self.options).unwrap();
                    let begun = lease.begin_cursor(|stream| CursorRun::new(stream, program));
                    let (run, baton) = begun.unwrap();
                    return Some(Holder::Cursor { run, baton });
                }
                _ => return Some(Holder::Baton(lease.release().unwrap())),
            }
            self.gone.push(id);
            None
        }

        async fn show_used_baton(&self, pick: usize) {
            let Some((baton, id)) = self.used.get(pick % self.used.len().max(1)) else { return };
            let expect = if self.gone.contains(id) { "BATON_INVALID" } else { "BATON_REUSED" };
            assert_eq!(self.streams.resume(baton).await.err().unwrap().code, expect);
        }

        fn remember(&mut self, baton: String) {
            let id = Baton::decode(&baton).unwrap().stream;
            self.used.push((baton, id));
        }

        /// What must hold after every step.
        fn validate(&self) {
            assert_eq!(self.streams.open_count(), self.held.len());
            let table = self.streams.table();
            assert_eq!(table.slots.len(), self.held.len());
            for holder in &self.held {
                let (id, fits): (_, fn(&Slot) -> bool) = match holder {
                    Holder::Lease(lease) => (lease.baton.unwrap(), |s| matches!(s, Slot::Busy)),
                    Holder::Baton(baton) => {
                        (Baton::decode(baton).unwrap(), |s| matches!(s, Slot::Idle { .. }))
                    }
                    Holder::Cursor { baton, .. } => (*baton, |s| matches!(s, Slot::Cursor { .. })),
                };
                assert!(table.slots.get(&id.stream).is_some_and(fits));
            }
        }
    }

    proptest! {
        #[test]
        fn the_table_is_what_its_model_says(
            steps in prop::collection::vec((0_u8..9, 0_usize..9), 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let options = Options { streams_max: PLACES, ..Options::default() };
                let db = forebay::open("sqlite::memory:").await.unwrap();
                let streams = Streams::new(&options);
                let (held, used) = (Vec::new(), Vec::new());
                let (gone, over) = (Vec::new(), Vec::new());
                let mut model = Model { streams, db, options, held, used, gone, over };
                for (op, pick) in steps {
                    model.step(op, pick).await;
                    model.validate();
                }
                model.streams.close_all().await;
                model.held.clear();
                assert_eq!(model.streams.open_count(), 0);
                model.db.close().await;
            });
        }
    }
}
