//! One server: a few connections that all calls share, each call within its limit, and none while
//! the server is left alone. What a reply means is known above.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, Value};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::Host;
use super::fault::Fault;
use super::fuse::{Fuse, Turn};
use super::settings::Settings;
use super::stats::{Counts, count};

/// How long connecting may take, where the caller does not wait for all of it: the next one will.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// One server.
pub(super) struct Node {
    pub(super) host: Host,
    pub(super) client: Client,
    lanes: Box<[Lane]>,
    turn: AtomicUsize,
    fuse: Mutex<Fuse>,
    places: Semaphore,
    limit: Duration,
    runtime: Handle,
    counts: Arc<Counts>,
}

/// One connection, or none yet.
#[derive(Default)]
struct Lane {
    open: Mutex<Option<Open>>,
    /// Held by the one who connects.
    connecting: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Open {
    number: usize,
    connection: MultiplexedConnection,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Node {
    pub(super) fn new(
        host: Host,
        client: Client,
        settings: &Settings,
        counts: Arc<Counts>,
    ) -> Arc<Node> {
        Arc::new(Node {
            host,
            client,
            lanes: (0..settings.connections).map(|_| Lane::default()).collect(),
            turn: AtomicUsize::new(0),
            fuse: Mutex::new(Fuse::new(settings.fuse)),
            places: Semaphore::new(settings.calls_max),
            limit: settings.timeout,
            runtime: Handle::current(),
            counts,
        })
    }

    /// Runs one command. What the server refuses is a fault.
    pub(super) async fn run(self: &Arc<Self>, command: &Cmd) -> Result<Value, Fault> {
        self.bounded(self.try_run(command)).await
    }

    /// Runs several, written one behind the other; each has a reply of its own.
    pub(super) async fn run_all(
        self: &Arc<Self>,
        commands: &Pipeline,
    ) -> Result<Vec<Result<Value, Fault>>, Fault> {
        self.bounded(self.try_run_all(commands)).await
    }

    /// Whether calls are held back.
    pub(super) fn is_left_alone(&self) -> bool {
        self.fuse().is_blown()
    }

    /// Closes its connections, once what is under way on them has ended.
    pub(super) fn hang_up(&self) {
        for lane in &self.lanes {
            lane.open().take();
        }
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        if !self.fuse().may_pass(Instant::now()) {
            return Err(Fault::LeftAlone);
        }
        let outcome = timeout(self.limit, work).await.unwrap_or(Err(Fault::Slow));
        let well = !outcome.as_ref().is_err_and(Fault::counts);
        let turn = self.fuse().ended(Instant::now(), well);
        match (turn, &outcome) {
            (Turn::Blown, Err(fault)) => {
                count(&self.counts.opened);
                self.hang_up();
                tracing::warn!(server = %self.host, "{fault}; it is left alone for a while");
            }
            (Turn::Mended, _) => tracing::info!(server = %self.host, "Redis answers again"),
            _ => {}
        }
        outcome
    }

    async fn try_run(self: &Arc<Self>, command: &Cmd) -> Result<Value, Fault> {
        let _place = self.places.acquire().await.expect("the places are never closed");
        let (lane, mut open) = self.lane().await?;
        let reply = open.connection.send_packed_command(command).await;
        let reply = reply.map_err(Fault::from).and_then(checked);
        self.after(lane, &open, reply)
    }

    async fn try_run_all(
        self: &Arc<Self>,
        commands: &Pipeline,
    ) -> Result<Vec<Result<Value, Fault>>, Fault> {
        let _place = self.places.acquire().await.expect("the places are never closed");
        let (lane, mut open) = self.lane().await?;
        let length = commands.len();
        let replies = open.connection.send_packed_commands(commands, 0, length).await;
        let replies = replies.map_err(Fault::from).and_then(|replies| {
            let is_whole = replies.len() == length;
            is_whole.then_some(replies).ok_or(Fault::Garbage)
        });
        let replies = self.after(lane, &open, replies)?;
        let replies: Vec<Result<Value, Fault>> = replies.into_iter().map(checked).collect();
        match replies.iter().find_map(|one| one.as_ref().err().filter(|fault| fault.counts())) {
            Some(fault) => Err(fault.clone()),
            None => Ok(replies),
        }
    }

    fn after<T>(&self, lane: &Lane, open: &Open, reply: Result<T, Fault>) -> Result<T, Fault> {
        if reply.as_ref().is_err_and(Fault::ends_connection) {
            let mut current = lane.open();
            if current.as_ref().is_some_and(|current| current.number == open.number) {
                *current = None;
            }
        }
        reply
    }

    /// A connection, in turn. Who finds none waits for the one who connects.
    async fn lane(self: &Arc<Self>) -> Result<(&Lane, Open), Fault> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let number = turn % self.lanes.len();
        let lane = &self.lanes[number];
        if let Some(open) = lane.open().clone() {
            return Ok((lane, open));
        }
        let guard = Arc::clone(&lane.connecting).lock_owned().await;
        if let Some(open) = lane.open().clone() {
            return Ok((lane, open));
        }
        // In a task of the tier's own runtime: the connection outlives that of the caller, and a
        // caller who gives up does not throw away what the next one can use.
        let node = Arc::clone(self);
        let connected = self.runtime.spawn(async move {
            let _guard = guard;
            node.connect(number, turn).await
        });
        let open = connected.await.map_err(|_| Fault::Unreachable("the runtime ends".into()))??;
        Ok((lane, open))
    }

    async fn connect(&self, lane: usize, number: usize) -> Result<Open, Fault> {
        let config = config();
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = timeout(CONNECT_MAX, connecting).await.map_err(|_| Fault::Slow)??;
        let open = Open { number, connection };
        *self.lanes[lane].open() = Some(open.clone());
        Ok(open)
    }

    fn fuse(&self) -> MutexGuard<'_, Fuse> {
        self.fuse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The limits are ours, around whole calls.
pub(super) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None)
}

/// A reply that is an error is one.
pub(super) fn checked(reply: Value) -> Result<Value, Fault> {
    match reply {
        Value::ServerError(error) => Err(Fault::from_server(&error)),
        reply => Ok(reply),
    }
}
