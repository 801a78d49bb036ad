//! What is told about changes, to those who want to act on them before they are asked. It is no
//! proof of anything: tickets are.

use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How many changes are kept for a receiver that is behind; beyond that it is told that anything
/// may have changed.
pub(super) const CHANGES_MAX: usize = 4_096;

/// A change that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisChange {
    /// The value of this key was stored, removed, evicted, or has expired.
    Key(Vec<u8>),
    /// This tag was raised.
    Tag(Vec<u8>),
    /// Anything may have changed: the connection was lost, the server was flushed, or this receiver
    /// was too far behind.
    Everything,
}

/// The changes from when it was made, those of this process included.
#[derive(Debug)]
pub struct RedisChanges {
    receiver: Receiver<RedisChange>,
}

impl RedisChanges {
    pub(super) fn new(receiver: Receiver<RedisChange>) -> RedisChanges {
        RedisChanges { receiver }
    }

    /// The next one, once it has come; `None` when the tier is gone. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<RedisChange> {
        match self.receiver.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(RedisChange::Everything),
            Err(RecvError::Closed) => None,
        }
    }
}
