//! When a cached answer stops being true: positions in the commit order, versions of tables, and
//! the tickets that tie an answer to them. Pure but for atomics: it does not know how a change
//! was learned, opens nothing and waits for nothing.

mod header;
mod horizon;
mod ticket;

pub(crate) use header::{Header, Verdict};
pub(crate) use horizon::Horizon;
pub(crate) use ticket::{ReadSet, Ticket, Versions, WriteSet};
