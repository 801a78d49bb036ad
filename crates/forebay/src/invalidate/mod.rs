//! When a cached answer stops being true: positions in the commit order, what answers rest on,
//! what transactions change, and the tickets that tie an answer to both. Pure but for atomics and
//! short locks: it does not know how a change was learned, opens nothing and waits for nothing.

mod author;
mod basis;
mod change;
mod columns;
mod comparand;
mod draft;
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
mod extent;
#[cfg(feature = "postgres")]
mod fence;
#[cfg(feature = "postgres")]
mod footprint;
mod header;
mod horizon;
mod index;
mod interval;
mod pages;
mod partner;
#[cfg(feature = "postgres")]
mod position;
#[cfg(feature = "postgres")]
mod reflection;
mod resolve;
mod shape;
#[cfg(feature = "postgres")]
mod snapshot;
mod sync;
#[cfg(test)]
mod tests;
mod ticket;
#[cfg(feature = "postgres")]
mod unconfirmed;
mod versions;
mod window;
mod write;

pub(crate) use author::{Author, Authors};
pub(crate) use basis::Basis;
pub(crate) use change::{Changes, Op, RowChange};
pub(crate) use columns::ColumnSet;
pub(crate) use comparand::{Comparand, Constant, Number, Scalar};
pub(crate) use draft::{Awaited, Draft};
#[cfg(feature = "postgres")]
pub(crate) use extent::Extent;
#[cfg(feature = "postgres")]
pub(crate) use fence::{Asked, Fence, LostFence};
pub(crate) use header::{Header, LastFrame, Verdict};
pub(crate) use horizon::Horizon;
pub(crate) use index::Index;
pub(crate) use interval::Span;
pub(crate) use pages::{Owner, Pages, Traced};
#[cfg(feature = "postgres")]
pub(crate) use position::Lsn;
#[cfg(feature = "postgres")]
pub(crate) use reflection::{Beginning, Commit, Reflection};
pub(crate) use resolve::{Bindings, left_out};
#[cfg(feature = "postgres")]
pub(crate) use snapshot::{Snapshot, Xid};
pub(crate) use ticket::Ticket;
#[cfg(feature = "postgres")]
pub(crate) use unconfirmed::Poll;
pub(crate) use write::WriteSet;
