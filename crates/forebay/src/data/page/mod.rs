//! Pages of the rows of a query, by number or by key: what is asked for, the statements that give
//! it, the cursors that say where a page ends, and the links to the pages around it. It runs
//! nothing: `query` does.

mod address;
mod coding;
mod cursor;
mod estimate;
mod guide;
mod keyset;
mod leaf;
mod link;
mod params;
mod request;
mod sort;
mod statement;

pub(crate) use cursor::Sealer;
pub(crate) use estimate::plain_table;
#[cfg(feature = "postgres")]
pub(crate) use estimate::planned_rows;
pub(crate) use keyset::Bound;
pub use leaf::Page;
#[cfg(feature = "http")]
pub use params::PageParamsRejection;
pub use params::{PageParams, PageParamsBy};
pub(crate) use request::{Asked, Place};
pub use request::{PageRequest, Total};
pub(crate) use sort::Order;
pub use sort::Sort;
pub(crate) use statement::{Pager, Span};
