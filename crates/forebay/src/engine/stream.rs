//! Rows one after another: a worker thread steps, a short queue carries chunks, and a reader that
//! is too slow loses the stream, not the connection to everybody else.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::call::Call;
use super::database::Engine;
use super::entry::Payload;
use super::pinned::Pinned;
use super::session::SessionState;
use super::worker::blocking;
use crate::backend::sqlite::{Budget, Connection, Effect, Ran, Request, RowSink, Scope};
use crate::cache::Shape;
use crate::error::{Error, Kind, Result};
use crate::guard::{Stop, StopOnDrop};
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
}

impl Chunks {
    /// An answer that is complete.
    fn complete(rows: Rows) -> Chunks {
        Chunks { columns: rows.columns_arc(), ready: Some(rows), receiver: None, _stop: None }
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
        loop {
            return match receiver.poll_recv(context) {
                Poll::Ready(Some(Message::Columns(_))) => continue,
                Poll::Ready(Some(Message::Chunk(chunk))) => Poll::Ready(Some(chunk)),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }
}

impl Engine {
    /// Streams a statement on the way of a shared database. One that writes is run to its end
    /// first.
    pub(crate) async fn stream(&self, call: Call<'_>) -> Result<Chunks> {
        self.check_moved()?;
        if !call.no_cache
            && let Some(entry) = self.lookup(&call, Shape::Rows)
            && let Payload::Rows(rows) = &entry.payload
        {
            return Ok(Chunks::complete(rows.clone()));
        }
        let template = self.template(&call).await?;
        if template.analysis.effect != Effect::Read || template.analysis.asks_its_connection() {
            return Ok(Chunks::complete(self.run(call).await?.outcome.rows));
        }
        template.record.bypass(Bypass::Stream);
        self.check_nested()?;
        let mut reader =
            self.readers.acquire(call.holder(Some(template.record.text().clone()))).await?;
        let stop = Stop::at(call.deadline(self.statement_timeout));
        let (feed, receiver) = feed(&call, stop.clone(), Scope::Shared);
        tokio::spawn(blocking(move || {
            feed.pump(&mut reader);
            Ok(())
        }));
        receive(receiver, stop).await
    }

    /// Streams a statement on a pinned connection; later statements on it wait for the end.
    pub(crate) async fn stream_pinned(
        &self,
        pinned: &Arc<Pinned>,
        call: Call<'_>,
        scope: Scope,
    ) -> Result<Chunks> {
        let deadline = call.deadline(self.statement_timeout).into_iter().chain(pinned.deadline());
        let stop = Stop::at(deadline.min());
        let (feed, receiver) = feed(&call, stop.clone(), scope);
        let pinned = pinned.clone();
        tokio::spawn(async move {
            let failed = feed.clone();
            let done = pinned
                .run(move |connection| {
                    feed.pump(connection);
                    Ok(())
                })
                .await;
            if let Err(error) = done {
                failed.send(Err(error)).await;
            }
        });
        receive(receiver, stop).await
    }

    /// Streams a statement of a session.
    pub(crate) async fn stream_in_session(
        &self,
        session: &SessionState,
        call: Call<'_>,
    ) -> Result<Chunks> {
        match self.pinned_of(session) {
            Some(pinned) => self.stream_pinned(&pinned, call, Scope::Session).await,
            None => match self.template(&call).await {
                Ok(template) if template.analysis.effect == Effect::Read => self.stream(call).await,
                _ => {
                    let read = self.run_in_session(session, call).await?;
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
    runtime: tokio::runtime::Handle,
}

enum Message {
    Columns(Arc<[Column]>),
    Chunk(Chunk),
}

fn feed(call: &Call<'_>, stop: Arc<Stop>, scope: Scope) -> (Feed, Receiver<Message>) {
    let (sender, receiver) = channel(CHUNKS_MAX);
    let feed = Feed {
        sql: call.sql.into(),
        params: call.params.clone(),
        stop,
        scope,
        sender,
        runtime: tokio::runtime::Handle::current(),
    };
    (feed, receiver)
}

impl Feed {
    /// Runs the statement on this thread and sends what it answers.
    fn pump(&self, connection: &mut Connection) {
        let request = Request {
            sql: &self.sql,
            params: &self.params,
            stop: self.stop.clone(),
            budget: Budget::Worker,
            scope: self.scope,
            fill: false,
        };
        let mut sink = ChunkSink { feed: self, bytes: 0, began: false };
        let last = match connection.run(&request, &mut sink) {
            Ok(Ran::Done(answer)) => {
                let began = sink.began;
                let rows = answer.rows;
                if !began && self.put(Message::Columns(rows.columns_arc())).is_err() {
                    return;
                }
                if rows.is_empty() {
                    return;
                }
                Ok(rows)
            }
            Ok(Ran::NeedsWorker) => Err(Error::new(Kind::Busy, "the database is locked")),
            Err(error) => Err(error),
        };
        // Nobody listens any more if this fails, so nobody needs to be told.
        let _ = self.put(Message::Chunk(last));
    }

    fn put(&self, message: Message) -> Result<()> {
        match self.sender.try_send(message) {
            Ok(()) => Ok(()),
            Err(tokio::sync::mpsc::error::TrySendError::Full(message)) => self
                .runtime
                .block_on(self.sender.send_timeout(message, STALL_MAX))
                .map_err(|_| stalled()),
            Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Err(stalled()),
        }
    }

    async fn send(&self, chunk: Chunk) {
        let _ = self.sender.send_timeout(Message::Chunk(chunk), STALL_MAX).await;
    }
}

fn stalled() -> Error {
    Error::new(Kind::Cancelled, "the stream was not read for 30 s, or was dropped")
}

struct ChunkSink<'a> {
    feed: &'a Feed,
    bytes: usize,
    began: bool,
}

impl RowSink for ChunkSink<'_> {
    fn row(&mut self, columns: &Arc<[Column]>, values: &mut Vec<Value>) -> Result<()> {
        if !self.began {
            self.began = true;
            self.feed.put(Message::Columns(columns.clone()))?;
        }
        let row = &values[values.len() - columns.len()..];
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        if self.bytes < CHUNK_BYTES && values.len() < CHUNK_ROWS * columns.len() {
            return Ok(());
        }
        self.bytes = 0;
        let rows = Rows::new(columns.clone(), std::mem::take(values));
        self.feed.put(Message::Chunk(Ok(rows)))
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
        None => return Err(Error::new(Kind::Closed, "the stream ended before it began")),
    };
    Ok(Chunks { columns, ready, receiver: Some(messages), _stop: Some(stop) })
}
