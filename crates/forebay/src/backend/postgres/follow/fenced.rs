//! A fence that goes with a request: up before the request is sent, and told what became of it by
//! whoever has the socket, not by the caller, who may be gone by then.

use std::sync::Arc;

use super::followed::Followed;
use crate::invalidate::{Extent, Fence};

/// A fence around what a request may change. Dropped before the request was sent, it is taken
/// down; dropped later without having been told of its end, the connection counts as lost.
#[derive(Debug)]
pub(crate) struct Fenced {
    followed: Arc<Followed>,
    fence: Option<Fence>,
    sent: Option<Sent>,
}

/// The request is on its way, or has been.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The server's process, if it has told which.
    process: Option<i32>,
}

impl Fenced {
    /// Raises a fence around what a request may change.
    pub(crate) fn raise(followed: &Arc<Followed>, extent: &Extent) -> Fenced {
        let fence = followed.reflection().fence(extent);
        Fenced { followed: followed.clone(), fence: Some(fence), sent: None }
    }

    /// The request is about to be written.
    pub(in super::super) fn send(&mut self, process: Option<i32>) {
        self.sent = Some(Sent { process });
    }

    /// The server is ready for the next request, and this one will be written again: it has
    /// committed nothing.
    pub(in super::super) fn recall(&mut self) {
        self.sent = None;
    }

    /// The server is ready for the next request, and this one may have committed, if it was sent.
    pub(in super::super) fn end(mut self) {
        if self.sent.is_some()
            && let Some(fence) = self.fence.take()
        {
            self.followed.settle(fence);
        }
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        let Some(fence) = self.fence.take() else { return };
        match self.sent {
            None => self.followed.reflection().withdraw(fence),
            Some(Sent { process }) => self.followed.lose(fence, process),
        }
    }
}
