//! Cursors: the results of a batch, row by row, in memory that does not grow with them. The
//! client's reading drives the work: nothing is read from the database before the client has
//! taken what came before, and `cursor_timeout` bounds how long that may take.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use forebay::{Outcome, RowStream};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::{Batch, Fate, Program, Step};
use super::baton::StreamId;
use super::door::Door;
use super::stmt::{Bounds, Col, cols};
use super::stream::Stream;
use super::value::{JsonRow, put_row};
use crate::failure::{Failure, HranaError};
use crate::json::put;
use crate::memory::Held;
use crate::options::Options;
use crate::request::Request;

/// A chunk of the answer is sent when it has grown to this size.
const CHUNK_BYTES: usize = 64 << 10;

/// A read is collected, and so may be served from the cache, if its answer is within these
/// bounds; a larger one is read again as a stream. So the most that is read twice is this.
const COLLECTED_ROWS_MAX: usize = 1_000;
const COLLECTED_BYTES_MAX: usize = 1 << 20;

/// A cursor as a client asks for it.
#[derive(Debug)]
pub(crate) struct CursorRequest {
    baton: Option<String>,
    batch: Batch,
}

/// The work of a cursor, where both its body and the table of streams can reach it. Whoever
/// takes it out ends the cursor.
pub(crate) type SharedRun = Arc<tokio::sync::Mutex<Option<CursorRun>>>;

/// A batch under way.
pub(crate) struct CursorRun {
    stream: Stream,
    steps: std::vec::IntoIter<Step>,
    fates: Vec<Fate>,
    rows: Rows,
    /// A statement that may write is running. If the cursor is dropped now, nobody knows how far
    /// it came, and the stream must not be used again.
    is_writing: bool,
}

enum Rows {
    None,
    Collected { outcome: Outcome, next: usize },
    Streamed(RowStream<JsonRow>),
}

impl Rows {
    fn columns(&self) -> &[forebay::Column] {
        match self {
            Rows::None => &[],
            Rows::Collected { outcome, .. } => outcome.rows.columns(),
            Rows::Streamed(rows) => rows.columns(),
        }
    }

    /// Rows of any number may be sent, but their columns are one entry.
    fn admit(self, bytes_max: usize) -> Result<Rows, Failure> {
        let columns = self.columns().iter();
        let bytes: usize =
            columns.map(|c| c.name.len() + c.declared.as_ref().map_or(0, |d| d.len())).sum();
        if bytes <= bytes_max {
            return Ok(self);
        }
        let failure = Failure::response_too_large(format!(
            "the names of the columns are larger than {bytes_max} bytes (response_bytes_max); \
             give them shorter ones with AS"
        ));
        Err(match &self {
            Rows::Collected { outcome, .. } => failure.after(outcome),
            Rows::None | Rows::Streamed(_) => failure,
        })
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Entry<'a> {
    StepBegin { step: usize, cols: Vec<Col<'a>> },
    StepEnd { affected_row_count: u64, last_insert_rowid: Option<String> },
    StepError { step: usize, error: HranaError<'a> },
    Error { error: HranaError<'a> },
}

impl Request for CursorRequest {
    fn decode(json: &[u8], limits: &Options) -> serde_json::Result<CursorRequest> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(default)]
            baton: Option<String>,
            #[serde(borrow)]
            batch: &'a RawValue,
        }
        let wire: Wire<'_> = serde_json::from_slice(json)?;
        Ok(CursorRequest { baton: wire.baton, batch: Batch::decode(wire.batch, limits)? })
    }
}

impl CursorRequest {
    /// Starts it. Statements run when the body is read. `held` is what the request takes.
    pub(crate) async fn open(self, door: &Arc<Door>, held: Held) -> Result<CursorBody, Failure> {
        let mut lease = match &self.baton {
            Some(baton) => door.streams.resume(baton).await?,
            None => door.streams.open(&door.db)?,
        };
        let closed = || Failure::bad("STREAM_CLOSED", "the stream was closed before");
        let sqls = &lease.stream().ok_or_else(closed)?.sqls;
        let program = match self.batch.program(sqls, &door.options) {
            Ok(program) => program,
            Err(failure) => {
                lease.close().await;
                return Err(failure);
            }
        };
        let begun = lease.begin_cursor(|stream| CursorRun::new(stream, program));
        let (run, baton) = begun.ok_or_else(closed)?;
        let head = format!("{{\"baton\":\"{}\",\"base_url\":null}}\n", baton.encode());
        Ok(CursorBody {
            door: door.clone(),
            run,
            stream: baton.stream,
            deadline: Instant::now() + door.options.cursor_timeout,
            head: Some(head.into()),
            chunk: None,
            is_done: false,
            _held: held,
        })
    }
}

impl CursorRun {
    pub(crate) fn new(stream: Stream, program: Program) -> CursorRun {
        CursorRun {
            stream,
            steps: program.into_steps().into_iter(),
            fates: Vec::new(),
            rows: Rows::None,
            is_writing: false,
        }
    }

    /// The stream, unless it is in doubt what state it is in.
    pub(crate) fn into_stream(self) -> Option<Stream> {
        (!self.is_writing).then_some(self.stream)
    }

    /// The next entries, and whether they are the last.
    async fn chunk(&mut self, door: &Door) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        while out.len() < CHUNK_BYTES {
            match &mut self.rows {
                Rows::None => {
                    let Some(step) = self.steps.next() else { return (out, true) };
                    if step.is_due(&self.stream.session, &self.fates).await {
                        self.begin(&step, door, &mut out).await;
                    } else {
                        self.fates.push(Fate::Skipped);
                    }
                }
                Rows::Collected { outcome, next } if *next < outcome.rows.len() => {
                    out.extend_from_slice(br#"{"type":"row","row":"#);
                    put_row(&mut out, outcome.rows.values(*next));
                    out.extend_from_slice(b"}\n");
                    *next += 1;
                }
                Rows::Collected { outcome, .. } => {
                    let (affected, id) = (outcome.rows_affected, outcome.last_insert_id);
                    self.end(affected, id, &mut out);
                }
                Rows::Streamed(rows) => {
                    // What has been read is sent before waiting for more.
                    let next = match rows.next().now_or_never() {
                        Some(next) => next,
                        None if out.is_empty() => rows.next().await,
                        None => return (out, false),
                    };
                    match next {
                        Some(Ok(JsonRow(row))) => {
                            out.extend_from_slice(br#"{"type":"row","row":"#);
                            out.extend_from_slice(&row);
                            out.extend_from_slice(b"}\n");
                        }
                        Some(Err(error)) => self.fail(&error.into(), &mut out),
                        None => self.end(0, None, &mut out),
                    }
                }
            }
        }
        (out, false)
    }

    /// Runs a step as far as its first rows.
    async fn begin(&mut self, step: &Step, door: &Door, out: &mut Vec<u8>) {
        let index = self.fates.len();
        let rows = self.rows_of(step, door).await;
        let rows = rows.and_then(|rows| rows.admit(door.options.response_bytes_max));
        match rows {
            Ok(rows) => {
                entry(out, &Entry::StepBegin { step: index, cols: cols(rows.columns()) });
                self.rows = rows;
            }
            Err(failure) => self.fail(&failure, out),
        }
    }

    async fn rows_of(&mut self, step: &Step, door: &Door) -> Result<Rows, Failure> {
        let session = &self.stream.session;
        let mut bounds = Bounds::new(&door.options, door.options.response_bytes_max);
        if !is_read(&step.stmt.sql) {
            self.is_writing = true;
            let result = step.stmt.query(session, bounds).fetch().await;
            self.is_writing = false;
            let outcome = result?;
            let next = if step.stmt.want_rows { 0 } else { outcome.rows.len() };
            return Ok(Rows::Collected { outcome, next });
        }
        bounds.rows = COLLECTED_ROWS_MAX.min(bounds.rows);
        bounds.bytes = COLLECTED_BYTES_MAX.min(bounds.bytes);
        match step.stmt.query(session, bounds).fetch().await {
            Ok(outcome) => {
                let next = if step.stmt.want_rows { 0 } else { outcome.rows.len() };
                Ok(Rows::Collected { outcome, next })
            }
            Err(error) if error.is_too_large() => {
                bounds.rows = usize::MAX;
                bounds.bytes = usize::MAX;
                bounds.time = door.options.cursor_timeout;
                Ok(Rows::Streamed(step.stmt.query(session, bounds).stream().await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn end(&mut self, affected: u64, id: Option<i64>, out: &mut Vec<u8>) {
        let last_insert_rowid = id.map(|id| id.to_string());
        entry(out, &Entry::StepEnd { affected_row_count: affected, last_insert_rowid });
        self.rows = Rows::None;
        self.fates.push(Fate::Ok);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        entry(out, &Entry::StepError { step: self.fates.len(), error: failure.hrana() });
        self.rows = Rows::None;
        self.fates.push(Fate::Error);
    }
}

type Chunk = Pin<Box<dyn Future<Output = Option<(Vec<u8>, bool)>> + Send>>;

/// The lines of a cursor's answer.
pub(crate) struct CursorBody {
    door: Arc<Door>,
    run: SharedRun,
    stream: StreamId,
    deadline: Instant,
    head: Option<Bytes>,
    /// The work on the next lines, and whether they are the last.
    chunk: Option<Chunk>,
    is_done: bool,
    _held: Held,
}

impl futures_core::Stream for CursorBody {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(head) = this.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        if this.is_done {
            return Poll::Ready(None);
        }
        let (door, run) = (&this.door, &this.run);
        let (id, deadline) = (this.stream, this.deadline);
        let chunk = this
            .chunk
            .get_or_insert_with(|| Box::pin(next_chunk(door.clone(), run.clone(), id, deadline)));
        let result = ready!(chunk.as_mut().poll(cx));
        this.chunk = None;
        match result {
            Some((bytes, is_last)) => {
                this.is_done = is_last;
                Poll::Ready(Some(Ok(bytes.into())))
            }
            // The answer breaks off, so that nobody takes it for a whole one.
            None => {
                this.is_done = true;
                Poll::Ready(Some(Err(std::io::Error::other("the cursor was closed"))))
            }
        }
    }
}

impl Drop for CursorBody {
    fn drop(&mut self) {
        // What runs stops first: it holds the lock.
        self.chunk = None;
        if let Ok(mut run) = self.run.try_lock() {
            self.door.streams.end_cursor(self.stream, &self.run, &mut run);
        }
    }
}

/// `None` when the cursor was taken away. The stream is back in the table before the last entry
/// is sent, because its client may go on as soon as it has that entry.
async fn next_chunk(
    door: Arc<Door>,
    shared: SharedRun,
    id: StreamId,
    deadline: Instant,
) -> Option<(Vec<u8>, bool)> {
    let mut run = shared.lock().await;
    let work = run.as_mut()?.chunk(&door);
    let (out, is_last) = match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(chunk) => chunk,
        Err(_) => {
            let failure = Failure::new(
                504,
                "CURSOR_TIMEOUT",
                "the cursor was open for longer than it may be (cursor_timeout)",
            );
            let mut out = Vec::new();
            entry(&mut out, &Entry::Error { error: failure.hrana() });
            (out, true)
        }
    };
    if is_last {
        door.streams.end_cursor(id, &shared, &mut run);
    }
    Some((out, is_last))
}

fn entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    put(out, entry);
    out.push(b'\n');
}

/// Whether SQLite can take this text for nothing but a read. `WITH` and `EXPLAIN` may be reads
/// too; they are treated as what they could be.
fn is_read(sql: &str) -> bool {
    let word = first_word(sql);
    word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("values")
}

/// The first word behind white space, comments and stray semicolons.
fn first_word(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches([' ', '\t', '\n', '\r', '\x0c', ';']);
        let rest = if let Some(comment) = sql.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = sql.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
            return &sql[..end];
        };
        sql = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sure_reads_count_as_reads() {
        for (sql, expect) in [
            ("SELECT 1", true),
            (" \n;select*from t", true),
            ("VALUES(1)", true),
            ("-- update\nSELECT 1", true),
            ("/* a */ /* b */select 1", true),
            ("selection", false),
            ("WITH a AS (SELECT 1) DELETE FROM t", false),
            ("INSERT INTO t SELECT 1", false),
            ("-- SELECT", false),
            ("/* SELECT", false),
            ("", false),
        ] {
            assert_eq!(is_read(sql), expect, "{sql}");
        }
    }
}
