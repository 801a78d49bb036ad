//! The checker of recency: counters that only grow are written and read by many at once, and no
//! answer may be older than what was known before it was asked for.

mod beat;
mod board;
mod client;
mod early;
mod figures;
mod known;
mod late;
mod outsider;
mod race;
mod read;
mod rough;
mod write;

pub(crate) use figures::prove;
pub(crate) use race::{Extent, race};
