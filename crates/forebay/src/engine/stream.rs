//! Rows one after another: a worker thread steps, a short queue carries chunks, and a reader that
//! is too slow loses the stream, not the connection to everybody else.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::call::Call;
use super::connection::perform;
use super::database::Engine;
use super::entry::Payload;
#[cfg(feature = "postgres")]
use super::link::{Link, Proven};
use super::origin::Purpose;
use super::pinned::Pinned;
use super::session::SessionState;
use super::template::Template;
use super::tour::{Tally, has_failed};
use super::trip::Trip;
use super::work::Work;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::sqlite::{self, Budget, Ran, Request};
use crate::backend::{Effect, RowSink, Scope};
use crate::cache::Shape;
use crate::error::{Error, Kind, Result};
use crate::guard::{Places, Stop, StopOnDrop};
use crate::row::{Column, Rows};
use crate::sql::Bypass;
use crate::value::Value;

/// Rows of one chunk at most.
const CHUNK_ROWS: usize = 256;
/// Bytes of one chunk, but for its last row.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks on their way at most.
const CHUNKS_MAX: usize = 2;
/// The longest a stream waits for its reader; its connection is given back then.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Some rows of an answer.
pub(crate) type Chunk = Result<Rows>;

/// An answer in chunks. Dropping it stops the statement.
pub(crate) struct Chunks {
    columns: Arc<[Column]>,
    ready: Option<Rows>,
    receiver: Option<Receiver<Message>>,
    _stop: Option<StopOnDrop>,
    /// In bulkheads.
    places: Option<Places>,
}

impl Chunks {
    /// An answer that is complete.
    fn complete(rows: Rows) -> Chunks {
        Chunks {
            columns: rows.columns_arc(),
            ready: Some(rows),
            receiver: None,
            _stop: None,
            places: None,
        }
    }

    /// Whether it is still being read.
    pub(crate) fn is_live(&self) -> bool {
        self.receiver.is_some()
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows; `None` after the last. Cancel safe.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Chunk>> {
        if let Some(rows) = self.ready.take() {
            return Poll::Ready(Some(Ok(rows)));
        }
        let Some(receiver) = &mut self.receiver else { return Poll::Ready(None) };
        let last = loop {
            match receiver.poll_recv(context) {
                Poll::Ready(Some(Message::Columns(_))) => {}
                Poll::Ready(Some(Message::Chunk(Ok(rows)))) => return Poll::Ready(Some(Ok(rows))),
                Poll::Ready(Some(Message::Chunk(Err(error)))) => break Some(Err(error)),
                Poll::Ready(Some(Message::End)) => break None,
                // Ended without having come to its end: what was read is not all there is.
                Poll::Ready(None) => break Some(Err(stalled())),
                Poll::Pending => return Poll::Pending,
            }
        };
        (self.receiver, self.places) = (None, None);
        Poll::Ready(last)
    }
}

impl Engine {
    /// Streams a statement on the way of a shared database. One that writes is run to its end
    /// first.
    pub(crate) async fn stream(&self, call: Call<'_>) -> Result<Chunks> {
        self.origin.check()?;
        if call.looks_up()
            && let Some(entry) = self.lookup(&call, Shape::rows())
            && let Payload::Rows(rows) = &entry.payload
        {
            return Ok(Chunks::complete(rows.clone()));
        }
        self.begin_limit(&call);
        let template = self.template(&call).await?;
        if template.analysis.effect != Effect::Read || template.analysis.asks_its_connection() {
            return Ok(Chunks::complete(self.run(&call).await?.outcome.rows));
        }
        template.record.bypass(Bypass::Stream);
        self.check_nested()?;
        let admitted = self.admit(Some(&call)).await?;
        let begun = self.begin_stream(&call, &template).await;
        let places = admitted.map(|admitted| admitted.ended(&begun));
        begun.map(|chunks| Chunks { places, ..chunks })
    }

    async fn begin_stream(&self, call: &Call<'_>, template: &Template) -> Result<Chunks> {
        let mut tour =
            self.tour(call, &template.record, Trip::begin(&template.record, self.dialect()));
        let holder = call.holder(Some(template.record.text().clone()));
        let reader = self.acquire_for(call, Purpose::Read, holder).await?;
        tour.arrive();
        let stop = Stop::at(call.deadline(self.statement_timeout));
        let (feed, receiver) = self.feed(call, stop.clone(), Scope::Shared);
        tokio::spawn(async move {
            let pumped = perform(reader, Pump(feed.clone())).await;
            tour.end(&feed.tally, has_failed(&pumped));
            if let Ok(last) = pumped {
                feed.finish(last).await;
            }
        });
        receive(receiver, stop).await
    }

    /// Streams a statement on a pinned connection; later statements on it wait for the end.
    pub(crate) async fn stream_pinned(
        &self,
        pinned: &Arc<Pinned>,
        call: Call<'_>,
        scope: Scope,
    ) -> Result<Chunks> {
        let admitted = self.admit_pinned(&call).await?;
        let begun = self.begin_stream_pinned(pinned, &call, scope).await;
        let places = admitted.map(|admitted| admitted.ended(&begun));
        begun.map(|chunks| Chunks { places, ..chunks })
    }

    async fn begin_stream_pinned(
        &self,
        pinned: &Arc<Pinned>,
        call: &Call<'_>,
        scope: Scope,
    ) -> Result<Chunks> {
        let record = self.fingerprints.of(call.text.sql);
        record.bypass(Bypass::Stream);
        let tour = self.tour(call, &record, Trip::here(&record, self.dialect()));
        let deadline = call.deadline(self.statement_timeout).into_iter().chain(pinned.deadline());
        let stop = Stop::at(deadline.min());
        let (feed, receiver) = self.feed(call, stop.clone(), scope);
        let (pinned, engine) = (pinned.clone(), self.this.clone());
        tokio::spawn(async move {
            let (pump, sender) = (Pump(feed.clone()), feed.sender.clone());
            let last = pinned.run_for(pump, move || sender.is_closed()).await;
            tour.end(&feed.tally, has_failed(&last));
            if let Some(engine) = engine.upgrade() {
                engine.wrote();
            }
            feed.finish(last.unwrap_or_else(|error| vec![Message::Chunk(Err(error))])).await;
        });
        receive(receiver, stop).await
    }

    fn feed(&self, call: &Call<'_>, stop: Arc<Stop>, scope: Scope) -> (Feed, Receiver<Message>) {
        let (sender, receiver) = channel(CHUNKS_MAX);
        let feed = Feed {
            sql: call.text.sql.into(),
            params: call.params.clone(),
            stop,
            scope,
            sender,
            tally: Arc::default(),
            runtime: tokio::runtime::Handle::current(),
            #[cfg(feature = "postgres")]
            proven: self.proven(call),
        };
        (feed, receiver)
    }

    /// Streams a statement of a session.
    pub(crate) async fn stream_in_session(
        &self,
        session: &SessionState,
        call: Call<'_>,
    ) -> Result<Chunks> {
        let turn = session.turn().await;
        match self.pinned_of(session) {
            Some(pinned) => self.stream_pinned(&pinned, call, Scope::Session).await,
            None => match self.template(&call).await {
                Ok(template) if template.analysis.effect == Effect::Read => self.stream(call).await,
                _ => {
                    drop(turn);
                    let read = self.run_in_session(session, &call).await?;
                    Ok(Chunks::complete(read.outcome.rows))
                }
            },
        }
    }
}

/// The sending end of a stream.
#[derive(Clone)]
struct Feed {
    sql: Arc<str>,
    params: crate::params::Params,
    stop: Arc<Stop>,
    scope: Scope,
    sender: Sender<Message>,
    tally: Arc<Tally>,
    runtime: tokio::runtime::Handle,
    #[cfg(feature = "postgres")]
    proven: Proven,
}

pub(super) enum Message {
    Columns(Arc<[Column]>),
    Chunk(Chunk),
    /// All rows have been sent.
    End,
}

/// Runs the statement of a stream and sends its rows.
struct Pump(Feed);

impl Work for Pump {
    /// What is to be sent when the connection has been given back.
    type Done = Vec<Message>;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Vec<Message>> {
        Ok(self.0.pump(connection))
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Vec<Message>> {
        let feed = self.0;
        let is_undone = link.has_failed() && postgres::is_commit(&feed.sql);
        let prepared = link.prepare(feed.scope, &feed.proven, feed.stop.deadline()).await;
        let proven = link.proven_still(feed.proven.clone());
        let admitted = prepared.and_then(|()| link.admit(&feed.sql, feed.scope, &proven));
        let pumped = match admitted {
            Ok(fence) if is_undone => {
                feed.pump_from(link, fence).await.and_then(|_| Err(Link::not_committed()))
            }
            Ok(fence) => feed.pump_from(link, fence).await,
            Err(error) => Err(error),
        };
        Ok(pumped.unwrap_or_else(|error| vec![Message::Chunk(Err(error))]))
    }
}

impl Feed {
    /// Runs the statement on this thread and sends what it answers, but for what is to be sent
    /// when the connection has been given back.
    fn pump(&self, connection: &mut sqlite::Connection) -> Vec<Message> {
        let request = Request {
            sql: &self.sql,
            params: &self.params,
            stop: Some(self.stop.clone()),
            budget: Budget::Worker,
            scope: self.scope,
            fill: false,
        };
        let mut sink = ChunkSink { feed: self, bytes: 0, began: false, stalled: false };
        match connection.run(&request, &mut sink) {
            // The reader finds the queue at its end without having seen one.
            _ if sink.stalled => Vec::new(),
            Ok(Ran::Done(answer)) => {
                let rows = answer.rows;
                self.tally.add(&rows, answer.steps);
                vec![Message::Columns(rows.columns_arc()), Message::Chunk(Ok(rows)), Message::End]
            }
            Ok(Ran::NeedsWorker) => {
                vec![Message::Chunk(Err(Error::new(Kind::Busy, "the database is locked")))]
            }
            Err(error) => vec![Message::Chunk(Err(error))],
        }
    }

    /// Runs the statement and sends what it answers, but for what is to be sent when the connection
    /// has been given back. Nothing is left to be sent when the reader is gone or too slow.
    #[cfg(feature = "postgres")]
    async fn pump_from(
        &self,
        link: &mut Link,
        fence: Option<postgres::Fenced>,
    ) -> Result<Vec<Message>> {
        let request = postgres::Request {
            sql: self.sql.clone(),
            params: self.params.clone(),
            deadline: self.stop.deadline(),
            is_repeatable: false,
            fence,
        };
        let mut stream = link.connection().stream(request).await?;
        let mut last: Option<Rows> = None;
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                () = self.sender.closed() => return Ok(Vec::new()),
            };
            let Some(rows) = next.transpose()? else { break };
            self.tally.add(&rows, 0);
            let message = match last.replace(rows) {
                Some(before) => Message::Chunk(Ok(before)),
                None => {
                    Message::Columns(last.as_ref().map_or_else(Default::default, Rows::columns_arc))
                }
            };
            let began = Instant::now();
            let sent = self.sender.send_timeout(message, STALL_MAX).await;
            self.tally.idle(began);
            if sent.is_err() {
                return Ok(Vec::new());
            }
        }
        Ok(last.into_iter().map(|rows| Message::Chunk(Ok(rows))).chain([Message::End]).collect())
    }

    async fn finish(self, last: Vec<Message>) {
        for message in last {
            if self.sender.send_timeout(message, STALL_MAX).await.is_err() {
                return;
            }
        }
    }

    fn put(&self, message: Message) -> Result<()> {
        match self.sender.try_send(message) {
            Ok(()) => Ok(()),
            Err(tokio::sync::mpsc::error::TrySendError::Full(message)) => {
                let began = Instant::now();
                let sent = self.runtime.block_on(self.sender.send_timeout(message, STALL_MAX));
                self.tally.idle(began);
                sent.map_err(|_| stalled())
            }
            Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Err(stalled()),
        }
    }
}

fn stalled() -> Error {
    Error::new(
        Kind::Cancelled,
        "the stream was ended before its last row, because it was not read for 30 s; read it \
         without such pauses, or collect the rows",
    )
}

struct ChunkSink<'a> {
    feed: &'a Feed,
    bytes: usize,
    began: bool,
    stalled: bool,
}

impl ChunkSink<'_> {
    fn put(&mut self, message: Message) -> Result<()> {
        let put = self.feed.put(message);
        self.stalled = put.is_err();
        put
    }
}

impl RowSink for ChunkSink<'_> {
    fn row(&mut self, columns: &Arc<[Column]>, values: &mut Vec<Value>) -> Result<()> {
        if !self.began {
            self.began = true;
            self.put(Message::Columns(columns.clone()))?;
        }
        let row = &values[values.len() - columns.len()..];
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        if self.bytes < CHUNK_BYTES && values.len() < CHUNK_ROWS * columns.len() {
            return Ok(());
        }
        self.bytes = 0;
        let rows = Rows::new(columns.clone(), std::mem::take(values));
        self.feed.tally.add(&rows, 0);
        self.put(Message::Chunk(Ok(rows)))
    }
}

/// Waits for the columns, so that a statement that fails at once fails here.
async fn receive(mut messages: Receiver<Message>, stop: Arc<Stop>) -> Result<Chunks> {
    let stop = StopOnDrop(stop);
    let (columns, ready) = match messages.recv().await {
        Some(Message::Columns(columns)) => (columns, None),
        Some(Message::Chunk(chunk)) => {
            let rows = chunk?;
            (rows.columns_arc(), Some(rows))
        }
        Some(Message::End) | None => {
            return Err(Error::new(Kind::Closed, "the stream ended before it began"));
        }
    };
    Ok(Chunks { columns, ready, receiver: Some(messages), _stop: Some(stop), places: None })
}
