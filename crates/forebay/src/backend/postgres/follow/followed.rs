//! What is known of a server by following it, shared by those who read it, those who write, and the
//! task that follows. It has no connection.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, oneshot, watch};

use super::lag::{Lag, Measured};
use crate::backend::postgres::server::Server;
use crate::invalidate::{Beginning, Fence, LostFence, Lsn, Reflection};

/// What is known of a server by following it.
pub(crate) struct Followed {
    reflection: Reflection,
    /// There is something to be asked of the server.
    pub(super) wake: Notify,
    lost: Mutex<Lost>,
    lag: Mutex<Lag>,
    /// Whose stream it is, while there is one.
    server: Mutex<Option<Server>>,
    /// Who wants a position that everything lies before by now.
    waiting: Mutex<Vec<oneshot::Sender<Lsn>>>,
    /// The position that the stream has passed; beyond all, when it is over.
    passed: watch::Sender<Lsn>,
    commits: AtomicU64,
    streams: AtomicU64,
    /// Streams that have ended, or could not be begun.
    ended: AtomicU64,
}

/// Who may wait at once for the cache to catch up; further ones go to the database.
const WAITING_MAX: usize = 100_000;

/// Beyond every position.
const BEYOND: Lsn = Lsn(u64::MAX);

/// Writes whose connections were lost. There are never more than processes of the server that have
/// not ended since.
#[derive(Default)]
struct Lost {
    writes: Vec<(LostWrite, LostFence)>,
    next: u64,
}

/// A write whose connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LostWrite {
    number: u64,
    pub(super) process: i32,
}

impl Followed {
    pub(crate) fn new() -> Arc<Followed> {
        Arc::new(Followed {
            reflection: Reflection::new(),
            wake: Notify::new(),
            lost: Mutex::default(),
            lag: Mutex::new(Lag::default()),
            server: Mutex::default(),
            waiting: Mutex::default(),
            passed: watch::Sender::new(BEYOND),
            commits: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        })
    }

    pub(crate) fn reflection(&self) -> &Reflection {
        &self.reflection
    }

    /// How far the stream is behind the server.
    pub(crate) fn lag(&self) -> Measured {
        self.lag_mut().measured(Instant::now())
    }

    /// Returns when everything that was committed before is applied; false if that is not known.
    /// Cancel safe.
    pub(crate) async fn catch_up(&self) -> bool {
        // Nobody would ask.
        if !self.reflection.is_live() {
            return false;
        }
        // What is committed through here is applied or fenced, and there is nothing else.
        if self.reflection.is_sole() {
            return true;
        }
        let (asker, position) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            if waiting.len() >= WAITING_MAX {
                return false;
            }
            waiting.push(asker);
        }
        self.wake.notify_one();
        let Ok(position) = position.await else { return false };
        let mut passed = self.passed.subscribe();
        // The last check: a stream that has ended has passed everything.
        passed.wait_for(|passed| *passed >= position).await.is_ok()
            && self.reflection.has_passed(position)
    }

    /// Who waits for a position. To be taken before it is asked for.
    pub(super) fn take_waiting(&self) -> Vec<oneshot::Sender<Lsn>> {
        let mut waiting = self.waiting();
        waiting.retain(|asker| !asker.is_closed());
        std::mem::take(&mut waiting)
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting().is_empty()
    }

    /// Commits that were applied.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(super) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Streams that have begun.
    pub(crate) fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// The server whose stream is followed.
    pub(crate) fn server(&self) -> Option<Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is known how it went: a stream is live, or one was lost or could not be begun.
    pub(crate) fn is_decided(&self) -> bool {
        self.reflection.is_live() || self.ended.load(Ordering::Relaxed) > 0
    }

    /// A stream of this server begins.
    pub(super) fn begin(&self, server: Server, beginning: Beginning) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        self.streams.fetch_add(1, Ordering::Relaxed);
        *self.lag_mut() = Lag::default();
        self.passed.send_replace(Lsn::default());
        self.reflection.begin(beginning);
    }

    /// There is no stream of this server, for the reason given, and none is needed.
    pub(super) fn begin_sole(&self, server: Server, why: &str) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        *self.lag_mut() = Lag::default();
        self.reflection.begin_sole(why);
    }

    /// The stream has passed a position.
    pub(super) fn pass(&self, position: Lsn) {
        self.reflection.advance(position);
        self.passed.send_replace(position);
        self.lag_mut().pass(position, Instant::now());
    }

    /// The stream is over.
    pub(crate) fn end(&self, why: &str) {
        self.reflection.end(why);
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.passed.send_replace(BEYOND);
        self.waiting().clear();
    }

    /// A write has ended, and may have committed.
    pub(super) fn settle(&self, fence: Fence) {
        self.reflection.settle(fence);
        self.wake.notify_one();
    }

    /// The connection of a write was lost. Without the server's process it is not known when that
    /// has ended, and the fence stays up for good.
    pub(super) fn lose(&self, fence: Fence, process: Option<i32>) {
        let fence = self.reflection.lose(fence);
        match process {
            Some(process) => {
                let mut lost = self.lost();
                lost.next += 1;
                let number = lost.next;
                lost.writes.push((LostWrite { number, process }, fence));
            }
            None => tracing::warn!(
                "a write was lost with its connection, and the server has not told its process: \
                 what it may have changed is not cached any more; restart to cache it again"
            ),
        }
        self.wake.notify_one();
    }

    /// The writes of which the end of their process is waited for.
    pub(super) fn lost_writes(&self) -> Vec<LostWrite> {
        self.lost().writes.iter().map(|(write, _)| *write).collect()
    }

    /// Of the processes of these writes, only `alive` were there when they were asked for.
    pub(super) fn bury(&self, asked: &[LostWrite], alive: &[i32]) {
        let mut lost = self.lost();
        for (write, fence) in std::mem::take(&mut lost.writes) {
            if asked.contains(&write) && !alive.contains(&write.process) {
                self.reflection.bury(fence);
            } else {
                lost.writes.push((write, fence));
            }
        }
    }

    pub(super) fn lag_mut(&self) -> MutexGuard<'_, Lag> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<oneshot::Sender<Lsn>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}
