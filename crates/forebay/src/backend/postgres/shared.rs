//! What the task of a connection lets its handles see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::request::Status;
use super::server::Server;

/// Settings that the server reports; it has some fifteen.
const PARAMETERS_MAX: usize = 256;

pub(super) struct Shared {
    opened: Instant,
    /// Milliseconds since then until the last answer.
    heard: AtomicU64,
    status: AtomicU8,
    parameters: Mutex<BTreeMap<Box<str>, Box<str>>>,
    /// Something ran that may have left something in the session.
    is_tainted: AtomicBool,
    /// One more than the number of the schema under which the first statement since was proven to
    /// leave nothing; 0 before it.
    proven_under: AtomicU64,
    /// One more than the number of the schema that was told when all prepared statements were
    /// dropped last; 0 before that.
    planned_under: AtomicU64,
    /// The server, if it was asked.
    server: Mutex<Option<Server>>,
}

impl Shared {
    pub(super) fn new(parameters: BTreeMap<Box<str>, Box<str>>) -> Shared {
        Shared {
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            status: AtomicU8::new(Status::Idle as u8),
            parameters: Mutex::new(parameters),
            is_tainted: AtomicBool::new(false),
            proven_under: AtomicU64::new(0),
            planned_under: AtomicU64::new(0),
            server: Mutex::default(),
        }
    }

    pub(super) fn status(&self) -> Status {
        // Acquire: whoever sees the end of a statement sees what was stored before it.
        match self.status.load(Ordering::Acquire) {
            n if n == Status::Idle as u8 => Status::Idle,
            n if n == Status::InTransaction as u8 => Status::InTransaction,
            n if n == Status::Failed as u8 => Status::Failed,
            _ => Status::Closed,
        }
    }

    // Relaxed: whoever has the connection has had it handed over by who had it before.

    /// Whether something may have been left in the session. What was proven of statements under
    /// another schema proves nothing: a change of it may come before the stream tells it.
    pub(super) fn is_tainted(&self, schema: u64) -> bool {
        let proven_under = self.proven_under.load(Ordering::Relaxed);
        let is_of_another = proven_under != 0 && proven_under != schema + 1;
        is_of_another || self.is_tainted.load(Ordering::Relaxed)
    }

    /// Whether it is known that statements were prepared under another schema than this.
    pub(super) fn has_old_plans(&self, schema: u64) -> bool {
        [&self.proven_under, &self.planned_under].iter().any(|under| {
            let under = under.load(Ordering::Relaxed);
            under != 0 && under != schema + 1
        })
    }

    pub(super) fn taint(&self) {
        self.is_tainted.store(true, Ordering::Relaxed);
    }

    /// A statement runs that is proven to leave nothing under this schema.
    pub(super) fn prove(&self, schema: u64) {
        let first = self.proven_under.load(Ordering::Relaxed) == 0;
        if first {
            self.proven_under.store(schema + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn cleanse(&self) {
        self.is_tainted.store(false, Ordering::Relaxed);
        self.proven_under.store(0, Ordering::Relaxed);
    }

    /// Whether no statement was prepared before the schema had this number. The server plans a
    /// statement anew when something that it reads has changed, but not when a new table comes in
    /// front of it on the search path.
    pub(super) fn is_planned_under(&self, schema: u64) -> bool {
        self.planned_under.load(Ordering::Relaxed) == schema + 1
    }

    /// All prepared statements were dropped.
    pub(super) fn plan_under(&self, schema: u64) {
        self.planned_under.store(schema + 1, Ordering::Relaxed);
    }

    pub(super) fn is_of(&self, server: &Server) -> bool {
        let known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|known| known.is_clone(server))
    }

    pub(super) fn set_server(&self, server: Server) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// How long ago the last statement has ended.
    pub(super) fn idle_for(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(heard)
    }

    pub(super) fn set_status(&self, status: Status) {
        self.heard.store(self.opened.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.status.store(status as u8, Ordering::Release);
    }

    pub(super) fn parameter(&self, name: &str) -> Option<Box<str>> {
        let parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        parameters.get(name).cloned()
    }

    pub(super) fn set_parameter(&self, name: Box<str>, value: Box<str>) {
        let mut parameters = self.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        if parameters.len() < PARAMETERS_MAX || parameters.contains_key(&name) {
            parameters.insert(name, value);
        }
    }
}
