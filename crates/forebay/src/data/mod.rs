//! What applications write by hand around their queries, done once, over the engine: many rows at a
//! time, pages, and the rows that belong to other rows.

mod bulk;
pub(crate) mod load;
pub(crate) mod page;

pub use bulk::{
    Bulk, BulkColumns, BulkDeleted, BulkProgress, BulkReport, BulkRows, Conflict, Streamed,
    TryStreamed,
};
