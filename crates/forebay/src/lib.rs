//! Forebay: the performance layer in front of an SQL database. A connection pool, a query cache
//! that invalidates itself exactly, and statistics, behind one handle.
#![warn(missing_docs)]

mod array;
mod backend;
mod builder;
mod cache;
mod clock;
mod control;
mod db;
mod decode;
mod engine;
mod error;
mod guard;
mod invalidate;
mod isolation;
mod json;
mod mode;
mod outcome;
mod params;
mod pool;
mod prepared;
mod query;
mod row;
mod session;
#[cfg(feature = "postgres")]
mod setup;
mod sql;
mod stats;
#[cfg(feature = "disk")]
mod tier;
mod value;
mod watch;

pub use array::Array;
pub use builder::{Access, Builder, Capture, JournalMode, Synchronous, open};
pub use control::CacheControl;
pub use db::Db;
pub use error::{Error, Result};
pub use isolation::{Isolation, TransactionOptions};
pub use mode::{CacheMode, Freshness, StatementRef};
pub use outcome::{Describe, Explanation, Outcome};
pub use prepared::Prepared;
pub use query::{Execute, Query, RowStream};
pub use row::{Column, ColumnKind, ElementKind, Row, Rows};
pub use session::{Session, Transaction};
#[cfg(feature = "postgres")]
pub use setup::{Followed, Setup, SetupFinding, SetupPlan, SetupStatus, SetupStep, SetupTable};
pub use stats::{
    AuditStats, CacheStats, Difference, DropStats, FingerprintStats, ForeignStats, Holder,
    PoolStats, ReplicationStats, ShadowStats, StatementCacheStats, Stats, WorthStats,
};
#[cfg(feature = "disk")]
pub use tier::{Disk, DiskBuilder, DiskHealth, DiskStats};
pub use value::Value;
