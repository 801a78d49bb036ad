//! Following the stream: what comes in, and what is to be done about it. It has no connection and
//! no clock; whoever has them tells what happened and when, and does what it is told, in order.
//!
//! Place: the end of the last commit applied, or what a keepalive says has been decoded. The
//! catalogue is used only while it is certain to be of the same time as the rows: it was read by a
//! snapshot that sees every change of the schema that has come, and the stream has passed the
//! place where the log ended after the reading, without a further change of the schema.
//! A commit may be older than the stream and still become visible only later: the first reading
//! must see the end of whatever was running when the stream had begun.

use std::time::{Duration, Instant, SystemTime};

use smallvec::{SmallVec, smallvec};

use super::catalogue::{Catalogue, Reading};
use super::ended::Ended;
use super::frame::{Frame, STATUS_BYTES, Status};
use super::message::Message;
use super::transaction::{Assembler, Committed, Record};
use crate::invalidate::{Lsn, Snapshot, Xid};

/// Changes of the schema that no reading has been seen to contain; with more, the stream is over.
const UNSEEN_MAX: usize = 10_000;

/// How often the server is asked, and how long it may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Between two questions while nobody waits for a place.
    pub(crate) idle_ms: u64,
    /// Between an answer and the next question while somebody waits, at first and at most.
    pub(crate) wait_ms_min: u64,
    pub(crate) wait_ms_max: u64,
    /// Without a frame for so long, the stream is over.
    pub(crate) silence_ms_max: u64,
    /// Between two attempts to read the catalogue.
    pub(crate) catalogue_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            idle_ms: 1_000,
            wait_ms_min: 1,
            wait_ms_max: 50,
            silence_ms_max: 30_000,
            catalogue_ms: 50,
        }
    }
}

/// The time of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) at: Instant,
    /// For the server's statistics only.
    pub(crate) wall: SystemTime,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The payload of a CopyData.
    Frame(&'a [u8]),
    /// Time has passed.
    Tick,
    /// Somebody waits until the stream has passed this place.
    Await(Lsn),
    /// The catalogue was read, as [`Action::ReadCatalogue`] asked for.
    Read(Reading),
    /// It could not be read.
    Unread,
    /// The connection is gone.
    Lost(Box<str>),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action<R> {
    /// Apply what the transaction changed. What follows is true only once that is done.
    Apply(Committed<R>),
    /// The stream has passed this place.
    Reached(Lsn),
    /// Send this in a CopyData.
    Send([u8; STATUS_BYTES]),
    /// Ask the three questions of `catalogue`, in their order, on another connection.
    ReadCatalogue,
}

/// What is to be done, in order.
pub(crate) type Actions<R> = SmallVec<[Action<R>; 2]>;

/// The follower of one stream. Once it has said that the stream is over it says nothing else.
pub(crate) struct Follower<R> {
    options: Options,
    assembler: Assembler<R>,
    position: Lsn,
    awaited: Lsn,
    question: Question,
    wait: Duration,
    heard: Instant,
    knowledge: Knowledge,
    /// What was running when the stream had begun.
    begun: Snapshot,
    /// Transactions that changed the schema and that no reading has been seen to contain.
    unseen: Vec<u32>,
    is_live: bool,
    over: Option<Ended>,
}

/// Whether the server has been asked where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// To be asked then. Asking leads to `Asked`.
    Due(Instant),
    /// Asked. The answer, or any keepalive, leads to `Due`.
    Asked,
}

/// What is known of the catalogue. A change of the schema leads to `Void`, but from `Wanted`.
#[derive(Debug)]
enum Knowledge {
    /// Nothing; to be read then. Asking for it leads to `Wanted`.
    Void(Instant),
    /// It is being read, and stays so when the schema changes meanwhile: the snapshot of the
    /// reading tells whether it sees that. A reading leads to `Early`, or to `Void` when it is
    /// too old; that it could not be read, to `Void`.
    Wanted,
    /// It was read, and is true once the stream has passed this place, which leads to `True`.
    Early(Catalogue, Lsn),
    /// The assembler has it.
    True,
}

impl<R: Record> Follower<R> {
    /// The follower of a stream that began before the snapshot `begun` was taken.
    pub(crate) fn new(options: Options, begun: Snapshot, at: Instant) -> Follower<R> {
        Follower {
            options,
            assembler: Assembler::new(),
            position: Lsn(0),
            awaited: Lsn(0),
            question: Question::Due(at),
            wait: Duration::from_millis(options.wait_ms_min),
            heard: at,
            knowledge: Knowledge::Void(at),
            begun,
            unseen: Vec::new(),
            is_live: false,
            over: None,
        }
    }

    /// The place that the stream has passed.
    pub(crate) fn position(&self) -> Lsn {
        self.position
    }

    /// Whether the cache may be used: the stream has passed what was current when it began, and
    /// whatever committed before it has become visible. It stays so until the stream is over.
    #[cfg(test)]
    pub(crate) fn is_live(&self) -> bool {
        self.is_live && self.over.is_none()
    }

    /// Whether rows are told column by column. If not, every commit counts as changing anything.
    #[cfg(test)]
    pub(crate) fn is_exact(&self) -> bool {
        self.assembler.has_catalogue()
    }

    /// How long nothing has been heard of the server.
    pub(crate) fn silence(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.heard)
    }

    /// When to come with a [`Event::Tick`], if nothing else happens before.
    pub(crate) fn next_tick(&self) -> Instant {
        let silent = self.heard + Duration::from_millis(self.options.silence_ms_max);
        let question = match self.question {
            Question::Due(at) => at,
            Question::Asked => silent,
        };
        let reading = match self.knowledge {
            Knowledge::Void(at) => at,
            _ => silent,
        };
        silent.min(question).min(reading)
    }

    /// Takes an event; `record` makes what a transaction is noted in. An error means that the
    /// stream is over: the cache is to be emptied, and a new stream to be begun.
    pub(crate) fn take(
        &mut self,
        event: Event<'_>,
        now: Now,
        record: impl FnOnce() -> R,
    ) -> Result<Actions<R>, Ended> {
        if let Some(over) = &self.over {
            return Err(over.clone());
        }
        let actions = self.advance(event, now, record);
        if let Err(ended) = &actions {
            self.over = Some(ended.clone());
        }
        actions
    }

    fn advance(
        &mut self,
        event: Event<'_>,
        now: Now,
        record: impl FnOnce() -> R,
    ) -> Result<Actions<R>, Ended> {
        match event {
            Event::Frame(bytes) => self.frame(bytes, now, record),
            Event::Tick => self.tick(now),
            Event::Await(place) => Ok(self.wait_for(place, now)),
            Event::Read(reading) => Ok(self.read(reading, now)),
            Event::Unread => {
                self.put_off(now.at);
                Ok(smallvec![])
            }
            Event::Lost(cause) => Err(Ended::Lost(cause)),
        }
    }

    fn frame(
        &mut self,
        bytes: &[u8],
        now: Now,
        record: impl FnOnce() -> R,
    ) -> Result<Actions<R>, Ended> {
        self.heard = now.at;
        match Frame::decode(bytes)? {
            Frame::Data(message) => {
                let committed = self.assembler.take(Message::decode(message)?, record)?;
                committed.map_or(Ok(smallvec![]), |committed| self.apply(committed, now.at))
            }
            Frame::Keepalive { end, wants_reply } => {
                let mut actions = smallvec![];
                self.pass(end, &mut actions);
                self.question = Question::Due(now.at + self.pause());
                if wants_reply {
                    actions.push(self.status(now, false));
                }
                Ok(actions)
            }
        }
    }

    fn apply(&mut self, committed: Committed<R>, at: Instant) -> Result<Actions<R>, Ended> {
        if committed.end <= self.position {
            return Err(Ended::Overtaken { end: committed.end, position: self.position });
        }
        if committed.is_ddl {
            self.spoil(committed.xid, at)?;
        }
        let end = committed.end;
        let mut actions = smallvec![Action::Apply(committed)];
        self.pass(end, &mut actions);
        Ok(actions)
    }

    fn tick(&mut self, now: Now) -> Result<Actions<R>, Ended> {
        let silence = self.silence(now.at);
        if silence >= Duration::from_millis(self.options.silence_ms_max) {
            let ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
            return Err(Ended::Silent(ms));
        }
        let mut actions = smallvec![];
        if let Question::Due(due) = self.question
            && due <= now.at
        {
            self.question = Question::Asked;
            actions.push(self.status(now, true));
        }
        if let Knowledge::Void(due) = self.knowledge
            && due <= now.at
        {
            self.knowledge = Knowledge::Wanted;
            actions.push(Action::ReadCatalogue);
        }
        Ok(actions)
    }

    fn wait_for(&mut self, place: Lsn, now: Now) -> Actions<R> {
        if place <= self.position {
            return smallvec![Action::Reached(self.position)];
        }
        self.awaited = self.awaited.max(place);
        self.wait = Duration::from_millis(self.options.wait_ms_min);
        match self.question {
            Question::Asked => smallvec![],
            Question::Due(_) => {
                self.question = Question::Asked;
                smallvec![self.status(now, true)]
            }
        }
    }

    /// Everything up to `end` is done.
    fn pass(&mut self, end: Lsn, actions: &mut Actions<R>) {
        // The first keepalives of a stream may lie behind its beginning.
        if end <= self.position {
            return;
        }
        self.position = end;
        actions.push(Action::Reached(end));
        self.adopt();
    }

    /// Uses the catalogue that was read, once the stream is as far.
    fn adopt(&mut self) {
        let position = self.position;
        let is_due = |place: &Lsn| *place <= position;
        let knowledge = match std::mem::replace(&mut self.knowledge, Knowledge::True) {
            Knowledge::Early(catalogue, place) if is_due(&place) => {
                self.assembler.adopt(Some(catalogue));
                self.is_live = true;
                Knowledge::True
            }
            knowledge => knowledge,
        };
        self.knowledge = knowledge;
    }

    /// How long to wait before the next question, twice as long each time.
    fn pause(&mut self) -> Duration {
        if self.awaited <= self.position {
            return Duration::from_millis(self.options.idle_ms);
        }
        let pause = self.wait;
        self.wait = (pause * 2).min(Duration::from_millis(self.options.wait_ms_max));
        pause
    }

    /// What was read of the catalogue is of the past.
    fn spoil(&mut self, xid: u32, at: Instant) -> Result<(), Ended> {
        if self.unseen.len() >= UNSEEN_MAX {
            return Err(Ended::TooManyDdl);
        }
        self.unseen.push(xid);
        // A reading may have been adopted between the change and its commit.
        self.assembler.adopt(None);
        self.knowledge = match self.knowledge {
            Knowledge::Wanted => Knowledge::Wanted,
            Knowledge::Void(due) => Knowledge::Void(due),
            Knowledge::Early(..) | Knowledge::True => Knowledge::Void(at),
        };
        Ok(())
    }

    fn read(&mut self, reading: Reading, now: Now) -> Actions<R> {
        let Reading { snapshot, catalogue, position } = reading;
        // What one snapshot sees, every later one sees too.
        self.unseen.retain(|xid| !snapshot.sees(Xid(*xid)));
        let is_wanted = matches!(self.knowledge, Knowledge::Wanted);
        if !is_wanted || !self.unseen.is_empty() || !snapshot.outlives(&self.begun) {
            self.put_off(now.at);
            return smallvec![];
        }
        self.knowledge = Knowledge::Early(catalogue, position);
        self.adopt();
        // As anybody else who waits for a place.
        if position > self.position { self.wait_for(position, now) } else { smallvec![] }
    }

    /// Has the catalogue read again later, if it was being read.
    fn put_off(&mut self, at: Instant) {
        if matches!(self.knowledge, Knowledge::Wanted) {
            let pause = Duration::from_millis(self.options.catalogue_ms);
            self.knowledge = Knowledge::Void(at + pause);
        }
    }

    fn status(&self, now: Now, wants_reply: bool) -> Action<R> {
        let place = self.position;
        let clock_us = clock_us(now.wall);
        let status =
            Status { written: place, flushed: place, applied: place, clock_us, wants_reply };
        Action::Send(status.encode())
    }
}

/// Microseconds since the year 2000, as the server counts.
fn clock_us(wall: SystemTime) -> i64 {
    const YEAR_2000: u64 = 946_684_800;
    let since = wall.duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(YEAR_2000));
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
