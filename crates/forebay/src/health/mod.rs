//! How a database is: checks with a value, a limit and a cure, and the sizes of what is in it. It
//! reads past the cache and changes nothing. What a check thinks of what was read is decided in
//! files that read nothing.

mod ask;
mod cache;
mod capacity;
mod child_index;
mod expected;
mod guide;
mod latency;
mod options;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod redundant_index;
mod report;
mod schema;
mod size;
mod sqlite;
mod statistics;

pub use options::HealthOptions;
pub use report::{Health, HealthCheck, HealthStatus, Severity};
pub use statistics::{DatabaseStatistics, IndexStatistics, TableStatistics};

pub(crate) use ask::Ask;
pub(crate) use redundant_index::is_needless;
pub(crate) use schema::{Index, Key};
pub(crate) use size::bytes;
