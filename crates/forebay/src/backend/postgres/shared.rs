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

    pub(super) fn is_tainted(&self) -> bool {
        self.is_tainted.load(Ordering::Relaxed)
    }

    pub(super) fn set_tainted(&self, is_tainted: bool) {
        self.is_tainted.store(is_tainted, Ordering::Relaxed);
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
