//! What callers ask of a connection, and what they are answered. How it travels is in `flight`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::follow::Fenced;
use super::replication::Replication;
use super::tag::Tag;
use crate::backend::Limits;
use crate::error::Result;
use crate::params::Params;
use crate::row::{Column, Rows};

/// One statement to run.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) sql: Arc<str>,
    pub(crate) params: Params,
    /// It is stopped then, if it has not ended.
    pub(crate) deadline: Option<Instant>,
    /// Outside a transaction, it may be run twice without anybody noticing: it only reads. Such
    /// requests are sent without waiting for those before them, and run again where the stopping
    /// of a neighbour has hit them.
    pub(crate) is_repeatable: bool,
    /// Around what it may change, if it may commit.
    pub(crate) fence: Option<Fenced>,
}

/// Rows to be copied into a table, in a transaction that is open.
#[derive(Debug)]
pub(crate) struct Copy {
    /// The COPY, FROM STDIN and in text form.
    pub(crate) sql: Arc<str>,
    /// All rows, in that form.
    pub(crate) rows: Bytes,
    /// The table, as the server names it when it says which row is to blame.
    pub(crate) relation: Arc<str>,
    /// The number of the first row.
    pub(crate) first: u64,
}

/// In which state the last statement has left the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Idle,
    InTransaction,
    /// In a transaction that can only be rolled back.
    Failed,
    /// The connection is closed, whatever its state was.
    Closed,
}

/// The types of a statement, without running it.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// The types of the parameters, by oid.
    pub(crate) parameters: Box<[u32]>,
    pub(crate) columns: Arc<[Column]>,
    /// The types of the columns, by oid.
    pub(crate) types: Box<[u32]>,
}

/// A request on its way to the task.
pub(super) struct Order {
    pub(super) work: Work,
    pub(super) deadline: Option<Instant>,
    pub(super) is_repeatable: bool,
    pub(super) asker: Asker,
    pub(super) fence: Option<Fenced>,
}

pub(super) enum Work {
    Run {
        sql: Arc<str>,
        params: Params,
        take: Take,
    },
    Describe {
        sql: Arc<str>,
    },
    /// Several statements without parameters. Rows are collected, as texts, of the last one that
    /// answers any; without limits they are dropped.
    Script {
        sql: Arc<str>,
        limits: Option<Limits>,
    },
    Copy(Copy),
    Ping,
    Replicate {
        sql: Arc<str>,
    },
}

/// How rows are taken.
pub(super) enum Take {
    Collect(Limits),
    Stream(mpsc::Sender<Rows>),
}

/// What was asked for.
pub(super) enum Done {
    Ran(Ran),
    Described(Description),
    Ready,
    Replicating(Replication),
}

pub(super) struct Ran {
    /// All rows, or what a stream has not yet handed over.
    pub(super) rows: Rows,
    pub(super) tag: Tag,
    /// One of its statements was a COMMIT, and has committed.
    pub(super) has_committed: bool,
}

/// Whoever waits for the answer.
pub(super) struct Asker {
    reply: Option<oneshot::Sender<Result<Done>>>,
    /// The request's place in the queue, given back when the server is done with it.
    place: OwnedSemaphorePermit,
}

impl Asker {
    pub(super) fn new(place: OwnedSemaphorePermit) -> (Asker, oneshot::Receiver<Result<Done>>) {
        let (reply, answer) = oneshot::channel();
        (Asker { reply: Some(reply), place }, answer)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    /// Returns once nobody waits.
    pub(super) async fn gone(&mut self) {
        if let Some(reply) = &mut self.reply {
            reply.closed().await;
        }
    }

    /// Answers while the server is still at it.
    pub(super) fn answer_early(&mut self, answer: Result<Done>) {
        if let Some(reply) = self.reply.take() {
            // Whoever has stopped waiting wants no answer.
            drop(reply.send(answer));
        }
    }

    pub(super) fn answer(mut self, answer: Result<Done>) {
        let reply = self.reply.take();
        // First: whoever has the answer may look at once whether the connection is at rest.
        drop(self.place);
        if let Some(reply) = reply {
            drop(reply.send(answer));
        }
    }
}
