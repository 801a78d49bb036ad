//! How long a connection waits for the head of a request. A timer for each request would cost as
//! much as answering it from memory does: here the time is only noted, and one timer for each
//! connection looks at it. What the time of a body and of an answer is, is decided elsewhere.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// In place of a time: a request is in work.
const BUSY: u64 = u64::MAX;

/// Since when a connection waits. Clones are the same.
#[derive(Clone)]
pub(crate) struct Idle(Arc<State>);

struct State {
    opened: Instant,
    /// Milliseconds after that, or [`BUSY`].
    since_ms: AtomicU64,
}

/// A request in work, until dropped.
pub(crate) struct Busy(Idle);

/// An answer; its request is in work until the connection has taken the last of it.
pub(crate) struct Answering {
    body: Body,
    _busy: Busy,
}

impl Idle {
    /// A connection that waits from now on.
    pub(crate) fn new() -> Idle {
        Idle(Arc::new(State { opened: Instant::now(), since_ms: AtomicU64::new(0) }))
    }

    /// The head of a request has come. Requests of one connection follow one another.
    pub(crate) fn begin(&self) -> Busy {
        self.0.since_ms.store(BUSY, Relaxed);
        Busy(self.clone())
    }

    /// The client has taken something of an answer.
    pub(crate) fn touch(&self) {
        if self.0.since_ms.load(Relaxed) != BUSY {
            self.wait();
        }
    }

    /// Ends when it has waited for so long.
    pub(crate) async fn expired(&self, limit: Duration) {
        loop {
            let due = match self.0.since_ms.load(Relaxed) {
                // What begins to wait meanwhile waits for longer than this.
                BUSY => Instant::now() + limit,
                since_ms => self.0.opened + Duration::from_millis(since_ms) + limit,
            };
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    fn wait(&self) {
        let ms = self.0.opened.elapsed().as_millis();
        self.0.since_ms.store(u64::try_from(ms).unwrap_or(BUSY - 1), Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait();
    }
}

impl Answering {
    pub(crate) fn new(body: Body, busy: Busy) -> Answering {
        Answering { body, _busy: busy }
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);
    const SOON: Duration = Duration::from_millis(150);

    /// `idle` is over when it has waited for its limit after the end of `during`, and no sooner.
    /// Times are kept in whole milliseconds.
    async fn check(idle: &Idle, during: impl Future<Output = ()>) {
        let began = Instant::now();
        let done = async {
            during.await;
            began.elapsed()
        };
        let over = async {
            idle.expired(LIMIT).await;
            began.elapsed()
        };
        let (done, over) = tokio::join!(done, over);
        let least = done + LIMIT - Duration::from_millis(2);
        assert!(over >= least, "over after {over:?}, but {done:?} were not waited for");
    }

    #[tokio::test]
    async fn only_waiting_counts() {
        let idle = Idle::new();
        check(&idle, async {}).await;

        let idle = Idle::new();
        check(&idle, async {
            tokio::time::sleep(SOON).await;
            let busy = idle.begin();
            tokio::time::sleep(3 * SOON).await;
            idle.touch();
            drop(busy);
        })
        .await;

        let idle = Idle::new();
        check(&idle, async {
            for _ in 0..4 {
                tokio::time::sleep(SOON).await;
                idle.touch();
            }
        })
        .await;
    }
}
