//! A connection that carries a stream: messages of the server one way, and answers the other. What
//! is in the messages is not known here.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use postgres_protocol::message::frontend;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::fault::Fault;
use super::garbage::Garbage;
use super::lost::Lost;
use super::wire::{Turn, Wire};
use crate::error::{Error, Kind, Result};

/// One message at most: a row with its old values.
const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Messages are handed over together, up to this many bytes but for the last one.
const BATCH_BYTES: usize = 1024 * 1024;
/// Batches on their way at most. Beyond them the socket is not read.
const BATCHES_MAX: usize = 2;
/// Answers on their way at most.
const ANSWERS_MAX: usize = 16;
/// What is not yet sent is bounded by this and one answer.
const OUTBOX_BYTES: usize = 64 * 1024;
/// How long the end of the stream may take to reach the server.
const FAREWELL: Duration = Duration::from_secs(1);

/// The holder's end of a stream. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Replication {
    batches: mpsc::Receiver<Result<Vec<Bytes>>>,
    ready: VecDeque<Bytes>,
    answers: mpsc::Sender<Bytes>,
}

impl Replication {
    /// The next message of the server, without its frame; `None` after the last. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(message));
            }
            match self.batches.recv().await? {
                Ok(batch) => self.ready.extend(batch),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Sends a message, such as a standby status. Waits while the server takes none.
    pub(crate) async fn send(&self, message: Bytes) -> Result<()> {
        self.answers.send(message).await.map_err(|_| {
            Error::new(Kind::Closed, "the connection for replication has ended; begin a new one")
        })
    }
}

/// The task's end of a stream.
pub(super) struct Feed {
    batches: mpsc::Sender<Result<Vec<Bytes>>>,
    answers: mpsc::Receiver<Bytes>,
}

pub(super) fn pair() -> (Feed, Replication) {
    let (batch_in, batches) = mpsc::channel(BATCHES_MAX);
    let (answers, answer_out) = mpsc::channel(ANSWERS_MAX);
    let feed = Feed { batches: batch_in, answers: answer_out };
    (feed, Replication { batches, ready: VecDeque::new(), answers })
}

impl Feed {
    /// Carries messages until one side has had enough.
    pub(super) async fn carry(mut self, mut wire: Wire) {
        let lost = match self.carried(&mut wire).await {
            Ok(()) => return,
            Err(lost) => lost,
        };
        frontend::terminate(&mut wire.outbox);
        drop(timeout(FAREWELL, wire.flush()).await);
        drop(wire);
        // Nothing is held but the error itself until the holder takes it, or goes.
        drop(self.batches.send(Err(lost.stream())).await);
    }

    async fn carried(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        loop {
            let mut batch = Vec::new();
            let is_over = cut(wire, &mut batch)?;
            if !batch.is_empty() {
                // Sent while there is no room: answers have to reach the server all the while, or
                // it takes us for dead.
                self.hand_over(wire, batch).await?;
                if !is_over {
                    // There may be more that is whole, for which nothing has to be read.
                    continue;
                }
            }
            if is_over {
                return self.end(wire).await;
            }
            tokio::select! {
                turn = wire.turn(true) => match turn? {
                    Turn::Read | Turn::Wrote => {}
                    Turn::Closed => return Err(Lost::Closed),
                },
                answer = self.answers.recv(), if wire.outbox.len() < OUTBOX_BYTES => {
                    let Some(answer) = answer else { return self.end(wire).await };
                    put(&answer, wire);
                }
                () = self.batches.closed() => return self.end(wire).await,
            }
        }
    }

    async fn hand_over(&mut self, wire: &mut Wire, batch: Vec<Bytes>) -> Result<(), Lost> {
        loop {
            tokio::select! {
                room = self.batches.reserve() => {
                    let Ok(room) = room else { return Ok(()) };
                    room.send(Ok(batch));
                    return Ok(());
                }
                turn = wire.turn(false) => match turn? {
                    Turn::Read | Turn::Wrote => {}
                    Turn::Closed => return Err(Lost::Closed),
                },
                Some(answer) = self.answers.recv(), if wire.outbox.len() < OUTBOX_BYTES => {
                    put(&answer, wire);
                }
            }
        }
    }

    async fn end(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        frontend::copy_done(&mut wire.outbox);
        frontend::terminate(&mut wire.outbox);
        drop(timeout(FAREWELL, wire.flush()).await);
        Ok(())
    }
}

fn put(answer: &Bytes, wire: &mut Wire) {
    let length = answer.len() + 4;
    wire.outbox.put_u8(b'd');
    wire.outbox.put_u32(u32::try_from(length).expect("a standby status is some 40 bytes"));
    wire.outbox.extend_from_slice(answer);
}

/// Takes the messages that are whole, up to a batch; says whether the stream is over.
fn cut(wire: &mut Wire, batch: &mut Vec<Bytes>) -> Result<bool, Lost> {
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let Some(header) = wire.inbox.header()? else { break };
        if header.length > MESSAGE_BYTES_MAX {
            return Err(Garbage("a message of the stream is longer than 512 MiB").into());
        }
        if !wire.inbox.is_whole(header) {
            break;
        }
        let body = wire.inbox.take(header);
        match header.tag {
            b'd' => {
                bytes += body.len();
                batch.push(body);
            }
            b'c' => return Ok(true),
            b'E' => {
                let fault = Fault::read(&body);
                return Err(
                    fault.map_or(Lost::Garbage(Garbage("an error cannot be read")), Lost::Ended)
                );
            }
            b'N' | b'S' | b'A' => {}
            _ => return Err(Garbage("a message has no place in a stream").into()),
        }
    }
    Ok(false)
}
