//! One stream, from its slot to its end: what comes in goes to the follower, what the follower
//! says is done, and the server is asked what there is to be asked, one question at a time.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};

use super::clerk::{Clerk, Look};
use super::followed::{Followed, LostWrite};
use crate::backend::postgres::replication::Replication;
use crate::backend::postgres::stream::{
    Action, Actions, Committed, Ended, Event, Extent, Follower, Now, Options, Reading,
};
use crate::error::{Error, Result};
use crate::invalidate::{
    Asked, Author, Authors, Changes, Commit, Lsn, Poll, Snapshot, WriteSet, Xid,
};

/// How often it is looked whether everything is still as it was, and how far behind the stream is.
const SURVEY_EVERY: Duration = Duration::from_secs(1);
/// The same for processes whose end is waited for.
const LOST_EVERY: Duration = Duration::from_millis(100);
/// Between two looks at the snapshot while a commit is not seen, at first and at most.
const LOOK_MIN: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(50);
/// A position that is waited for so long may lie in the log unflushed: a note of ours is written.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long the server may take no answer of ours.
const SEND_MAX: Duration = Duration::from_secs(10);

/// Who wants to know how things stand at the server. What they are about has happened before it is
/// asked.
struct Askers {
    poll: Option<Poll>,
    fences: Option<Asked>,
    readers: Vec<oneshot::Sender<Lsn>>,
    at: Instant,
}

/// What is asked of the server.
enum Question {
    Look(Askers),
    Catalogue,
    Survey,
    Lost(Vec<LostWrite>),
    Note,
}

/// What the server has answered.
enum Answer {
    Looked(Look, Askers),
    Read(Result<Reading>),
    Surveyed(String),
    Alive { asked: Vec<LostWrite>, alive: Vec<i32> },
    Noted,
}

/// One stream.
pub(super) struct Session {
    followed: Arc<Followed>,
    clerk: Clerk,
    replication: Replication,
    follower: Follower<Changes>,
    /// What is done from here on the stream would not tell whole.
    is_outdated: bool,
    fingerprint: String,
    question: Option<Pin<Box<dyn Future<Output = Result<Answer>> + Send>>>,
    wants_catalogue: bool,
    survey_at: Instant,
    lost_at: Instant,
    look_at: Instant,
    look_pause: Duration,
    /// The position that fences wait for, and since when.
    awaited: Option<(Lsn, Instant)>,
}

/// Why a stream is over.
pub(super) enum Over {
    Lost(String),
    /// It would not tell everything from here on; another one does.
    Outdated,
}

enum Turn {
    Frame(Option<Result<Bytes>>),
    Answered(Result<Answer>),
    Woken,
    Tick,
}

impl Session {
    pub(super) fn new(
        followed: Arc<Followed>,
        clerk: Clerk,
        replication: Replication,
        begun: Snapshot,
        fingerprint: String,
    ) -> Session {
        let now = Instant::now();
        Session {
            followed,
            clerk,
            replication,
            follower: Follower::new(Options::default(), begun, now),
            is_outdated: false,
            fingerprint,
            question: None,
            wants_catalogue: false,
            survey_at: now + SURVEY_EVERY,
            lost_at: now,
            look_at: now,
            look_pause: LOOK_MIN,
            awaited: None,
        }
    }

    /// Follows until the stream is over; says why it is.
    pub(super) async fn run(mut self) -> Over {
        while !self.is_outdated {
            if let Err(error) = self.turn().await {
                return Over::Lost(error.message().to_owned());
            }
        }
        Over::Outdated
    }

    async fn turn(&mut self) -> Result<()> {
        self.ask_next(Instant::now());
        match self.next().await {
            Turn::Frame(Some(frame)) => self.take(Event::Frame(&frame?)).await,
            Turn::Frame(None) => self.take(Event::Lost("the server has ended it".into())).await,
            Turn::Answered(answer) => {
                self.question = None;
                self.answered(answer?).await
            }
            Turn::Woken => Ok(()),
            Turn::Tick => self.take(Event::Tick).await,
        }
    }

    async fn next(&mut self) -> Turn {
        let due = self.due();
        let Session { replication, question, followed, .. } = self;
        tokio::select! {
            frame = replication.next() => Turn::Frame(frame),
            answer = async {
                match question {
                    Some(question) => question.await,
                    None => pending().await,
                }
            } => Turn::Answered(answer),
            () = followed.wake.notified() => Turn::Woken,
            () = sleep_until(due.into()) => Turn::Tick,
        }
    }

    /// When there is something to be done, if nothing happens before.
    fn due(&self) -> Instant {
        let mut due = self.follower.next_tick();
        if self.question.is_none() {
            due = due.min(self.survey_at);
            if self.followed.reflection().unconfirmed() > 0 {
                due = due.min(self.look_at);
            }
            if !self.followed.lost_writes().is_empty() {
                due = due.min(self.lost_at);
            }
            if let Some((_, since)) = self.awaited {
                due = due.min(since + PATIENCE);
            }
        }
        due
    }

    /// Asks what is most urgent, unless something is being asked.
    fn ask_next(&mut self, now: Instant) {
        if self.question.is_some() {
            return;
        }
        if let Some(question) = self.choose(now) {
            let clerk = self.clerk.clone();
            self.question = Some(Box::pin(async move { question.put(&clerk).await }));
        }
    }

    fn choose(&mut self, now: Instant) -> Option<Question> {
        let reflection = self.followed.reflection();
        let fences = reflection.ask();
        let is_look_due = self.look_at <= now && reflection.unconfirmed() > 0;
        if fences.is_some() || is_look_due || self.followed.is_waited_for() {
            let (poll, readers) = (reflection.poll(), self.followed.take_waiting());
            return Some(Question::Look(Askers { poll, fences, readers, at: now }));
        }
        if std::mem::take(&mut self.wants_catalogue) {
            return Some(Question::Catalogue);
        }
        let lost = self.followed.lost_writes();
        if !lost.is_empty() && self.lost_at <= now {
            self.lost_at = now + LOST_EVERY;
            return Some(Question::Lost(lost));
        }
        if let Some((position, since)) = self.awaited
            && since + PATIENCE <= now
        {
            self.awaited = Some((position, now));
            return Some(Question::Note);
        }
        if self.survey_at <= now {
            self.survey_at = now + SURVEY_EVERY;
            return Some(Question::Survey);
        }
        None
    }

    async fn answered(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Looked(look, askers) => self.looked(&look, askers).await,
            Answer::Read(Ok(reading)) => self.take(Event::Read(reading)).await,
            Answer::Read(Err(error)) => {
                tracing::debug!(%error, "the catalogue was not read");
                self.take(Event::Unread).await
            }
            Answer::Surveyed(fingerprint) if fingerprint == self.fingerprint => {
                let now = Instant::now();
                let nobody = Askers { poll: None, fences: None, readers: Vec::new(), at: now };
                let look = Question::Look(nobody);
                let clerk = self.clerk.clone();
                self.question = Some(Box::pin(async move { look.put(&clerk).await }));
                Ok(())
            }
            Answer::Surveyed(_) => Err(Error::usage(
                "roles, settings, the publication or its triggers have changed, or the server was \
                 restarted",
            )),
            Answer::Alive { asked, alive } => {
                self.followed.bury(&asked, &alive);
                Ok(())
            }
            Answer::Noted => Ok(()),
        }
    }

    async fn looked(&mut self, look: &Look, askers: Askers) -> Result<()> {
        let Askers { poll, fences, readers, at } = askers;
        let is_awaited = fences.is_some() || !readers.is_empty();
        let reflection = self.followed.reflection();
        if let Some(poll) = poll {
            reflection.confirm(poll, &look.snapshot);
            self.look_at = Instant::now() + self.look_pause;
            self.look_pause = (self.look_pause * 2).min(LOOK_MAX);
        }
        if let Some(fences) = fences {
            reflection.answer(fences, look.end);
        }
        for reader in readers {
            // Whoever waits no more wants no answer.
            let _ = reader.send(look.end);
        }
        if is_awaited && look.end > self.follower.position() && self.awaited.is_none() {
            self.awaited = Some((look.end, Instant::now()));
        }
        self.followed.lag_mut().ask(look.end, at);
        self.take(Event::Await(look.end)).await
    }

    /// Gives an event to the follower, and does what it says.
    async fn take(&mut self, event: Event<'_>) -> Result<()> {
        let now = Now { at: Instant::now(), wall: SystemTime::now() };
        let index = self.followed.reflection().index().clone();
        let actions: Actions<Changes> =
            self.follower.take(event, now, || Changes::new(index)).map_err(|it| ended(&it))?;
        for action in actions {
            match action {
                Action::Apply(committed) => {
                    self.is_outdated |= committed.alters_table && self.clerk.judges_once();
                    self.apply(committed);
                    if self.is_outdated {
                        // It is over: what it may tell further is not whole.
                        return Ok(());
                    }
                }
                Action::Reached(position) => self.reached(position),
                Action::Send(status) => {
                    let sent = self.replication.send(Bytes::copy_from_slice(&status));
                    let sent = timeout(SEND_MAX, sent).await;
                    sent.map_err(|_| Error::usage("the server takes no answers"))??;
                }
                Action::ReadCatalogue => self.wants_catalogue = true,
            }
        }
        Ok(())
    }

    fn apply(&mut self, committed: Committed<Changes>) {
        let Committed { xid, end, extent, is_ddl, .. } = committed;
        let commit = Commit { xid: Xid(xid), end };
        let reflection = self.followed.reflection();
        let authors = Authors::all(Author::UNKNOWN);
        match extent {
            _ if is_ddl => reflection.redefine(commit),
            Extent::Noted(changes) => reflection.apply(commit, &changes, &authors),
            Extent::Everything => {
                reflection.apply_writes(commit, &WriteSet::Everything, &authors);
            }
        }
        self.followed.count_commit();
        (self.look_at, self.look_pause) = (Instant::now(), LOOK_MIN);
    }

    fn reached(&mut self, position: Lsn) {
        self.followed.pass(position);
        if self.awaited.is_some_and(|(awaited, _)| awaited <= position) {
            self.awaited = None;
        }
    }
}

impl Question {
    async fn put(self, clerk: &Clerk) -> Result<Answer> {
        match self {
            Question::Look(askers) => Ok(Answer::Looked(clerk.look().await?, askers)),
            Question::Catalogue => match clerk.read_catalogue().await {
                Err(error) if error.is_closed() => Err(error),
                read => Ok(Answer::Read(read)),
            },
            Question::Survey => clerk.fingerprint().await.map(Answer::Surveyed),
            Question::Lost(asked) => {
                let processes: Vec<i32> = asked.iter().map(|write| write.process).collect();
                let alive = clerk.alive(&processes).await?;
                Ok(Answer::Alive { asked, alive })
            }
            Question::Note => clerk.write().await.map(|_| Answer::Noted),
        }
    }
}

fn ended(ended: &Ended) -> Error {
    Error::usage(ended.to_string())
}
