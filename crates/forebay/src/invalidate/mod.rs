//! When a cached answer stops being true: positions in the commit order, what answers rest on,
//! what transactions change, and the tickets that tie an answer to both. Pure but for atomics and
//! short locks: it does not know how a change was learned, opens nothing and waits for nothing.

mod author;
mod basis;
mod change;
mod columns;
mod comparand;
mod draft;
mod header;
mod horizon;
mod index;
mod interval;
mod pages;
mod partner;
mod resolve;
mod shape;
mod sync;
#[cfg(test)]
mod tests;
mod ticket;
mod versions;
mod window;
mod write;

pub(crate) use author::{Author, Authors};
pub(crate) use basis::Basis;
pub(crate) use change::{Changes, Op, RowChange};
pub(crate) use columns::ColumnSet;
pub(crate) use comparand::Scalar;
pub(crate) use draft::{Awaited, Draft};
pub(crate) use header::{Header, LastFrame, Verdict};
pub(crate) use horizon::Horizon;
pub(crate) use index::Index;
pub(crate) use pages::{Owner, Pages, Traced};
pub(crate) use resolve::{Bindings, left_out};
pub(crate) use ticket::Ticket;
pub(crate) use write::WriteSet;
