//! Answers in memory, bounded by bytes. It knows keys and sizes, not what makes an answer stale:
//! whoever looks up asks the answer itself.

mod key;
mod store;
mod text;

pub(crate) use key::{Key, KeyRef, Shape};
pub(crate) use store::{Bounds, Evicted, Resident, Store};
pub(crate) use text::{Text, TextHasher, TextRef};
