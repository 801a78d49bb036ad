//! What the task of a connection lets its handles see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::request::Status;

/// Settings that the server reports; it has some fifteen.
const PARAMETERS_MAX: usize = 256;

pub(super) struct Shared {
    opened: Instant,
    /// Milliseconds since then until the last answer.
    heard: AtomicU64,
    status: AtomicU8,
    parameters: Mutex<BTreeMap<Box<str>, Box<str>>>,
}

impl Shared {
    pub(super) fn new(parameters: BTreeMap<Box<str>, Box<str>>) -> Shared {
        Shared {
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            status: AtomicU8::new(Status::Idle as u8),
            parameters: Mutex::new(parameters),
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
