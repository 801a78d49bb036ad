//! The atomics and locks of this module under one name, so that its files can be compiled with
//! others in their place, which try every interleaving.

pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
pub(super) use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
