//! Many rows at a time: written, changed, deleted and fetched in chunks, with as few statements as
//! the database allows, and whole or not at all. Single statements are in `query`.

mod chunk;
mod columns;
mod conflict;
mod document;
mod duplicate;
mod fetch;
mod field;
mod guide;
mod handle;
mod ids;
mod insert;
mod many;
mod record;
mod report;
mod run;
mod source;
mod statement;
mod table;
#[cfg(feature = "postgres")]
mod unnest;
mod update;
mod writing;

pub use columns::BulkColumns;
pub use conflict::Conflict;
pub use handle::Bulk;
pub use report::{BulkDeleted, BulkProgress, BulkReport};
pub use source::{BulkRows, Streamed, TryStreamed};
