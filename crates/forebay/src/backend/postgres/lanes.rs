//! Connections that many callers share at once, for short statements that only read: their requests
//! go out one behind the other without waiting for answers. What may run on them is decided above;
//! nothing that runs here leaves anything behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::config::Config;
use super::connection::Connection;
use super::follow::Followed;
use super::request::Status;
use super::server::Server;
use crate::error::{Error, Kind, Result};

/// Lanes at most.
const LANES_MAX: usize = 4;
/// With so many requests on each lane, another one is opened.
const BUSY: usize = 8;
/// With so many on each, callers go elsewhere.
const FULL: usize = 64;
/// A lane on which nothing was answered for so long, while something is under way, is stuck:
/// perhaps behind a lock.
const STUCK: Duration = Duration::from_millis(5);
/// Between two attempts to open one that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Shared connections to one database.
pub(crate) struct Lanes {
    config: Config,
    max: usize,
    lifetime: Option<Duration>,
    lanes: Mutex<Vec<Lane>>,
    is_opening: AtomicBool,
    is_closed: AtomicBool,
    followed: Arc<Followed>,
}

struct Lane {
    connection: Connection,
    /// It takes no more requests from then on.
    until: Option<Instant>,
    /// When it was last given a request while nothing was under way.
    began: Instant,
}

impl Lanes {
    /// None is open yet. `max` connections at most, each used for `lifetime`.
    pub(crate) fn new(
        config: Config,
        max: usize,
        lifetime: Option<Duration>,
        followed: Arc<Followed>,
    ) -> Arc<Lanes> {
        Arc::new(Lanes {
            config,
            followed,
            max: max.min(LANES_MAX),
            lifetime,
            lanes: Mutex::default(),
            is_opening: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        })
    }

    /// The lane with the fewest requests, for a statement that is proven under this schema to read
    /// only; `None` if none is fit. Where more are wanted, one is opened for whoever comes later.
    pub(crate) fn pick(self: &Arc<Lanes>, schema: u64) -> Option<Connection> {
        if !self.followed.reflection().is_schema(schema) {
            return None;
        }
        let now = Instant::now();
        // Without a stream nothing is stored, and any server will do.
        let server = self.followed.server();
        let mut lanes = self.lanes();
        lanes.retain(|lane| lane.is_fit(now, server.as_ref(), schema));
        let fit = lanes.iter_mut().filter(|lane| !lane.is_stuck(now));
        let best = fit.min_by_key(|lane| lane.connection.under_way());
        let load = best.as_ref().map_or(FULL, |lane| lane.connection.under_way());
        let best = best.filter(|_| load < FULL).map(|lane| lane.take(load, now, schema));
        let is_wanted = load >= BUSY && lanes.len() < self.max;
        drop(lanes);
        if is_wanted {
            self.open();
        }
        best
    }

    /// Closes all, as soon as what runs on them has ended.
    pub(crate) fn close(&self) {
        let mut lanes = self.lanes();
        self.is_closed.store(true, Ordering::Relaxed);
        lanes.clear();
    }

    /// Opens one in the background, unless one is being opened.
    fn open(self: &Arc<Lanes>) {
        let is_closed = self.is_closed.load(Ordering::Relaxed);
        if is_closed || self.is_opening.swap(true, Ordering::Relaxed) {
            return;
        }
        let weak = Arc::downgrade(self);
        let (config, server) = (self.config.clone(), self.followed.server());
        tokio::spawn(async move {
            let opened = open(&config, server.as_ref()).await;
            if opened.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            let Some(lanes) = weak.upgrade() else { return };
            if let Ok(connection) = opened {
                lanes.add(connection);
            }
            lanes.is_opening.store(false, Ordering::Relaxed);
        });
    }

    fn add(&self, connection: Connection) {
        let began = Instant::now();
        let until = self.lifetime.and_then(|lifetime| began.checked_add(lifetime));
        let mut lanes = self.lanes();
        // Under the lock, as closing is.
        if !self.is_closed.load(Ordering::Relaxed) {
            lanes.push(Lane { connection, until, began });
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to this server.
async fn open(config: &Config, server: Option<&Server>) -> Result<Connection> {
    let connection = Connection::open(config).await?;
    let deadline = Instant::now().checked_add(config.connect_timeout);
    match server {
        Some(server) if !connection.is_of(server, deadline).await => {
            Err(Error::new(Kind::Open, "its address leads to several servers"))
        }
        _ => Ok(connection),
    }
}

impl Lane {
    fn is_fit(&self, now: Instant, server: Option<&Server>, schema: u64) -> bool {
        self.connection.status() != Status::Closed
            && self.until.is_none_or(|until| now < until)
            && !self.connection.is_tainted(schema)
            && server.is_none_or(|server| self.connection.is_known_of(server))
    }

    fn is_stuck(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.began);
        self.connection.under_way() > 0 && since.min(self.connection.idle_for()) > STUCK
    }

    fn take(&mut self, load: usize, now: Instant, schema: u64) -> Connection {
        if load == 0 {
            self.began = now;
        }
        self.connection.prove(schema);
        self.connection.clone()
    }
}
