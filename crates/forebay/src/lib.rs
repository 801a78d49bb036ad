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
mod depend;
mod engine;
mod error;
#[cfg(feature = "macros")]
mod functions;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod generated;
mod glob;
mod guard;
mod invalidate;
mod isolation;
mod json;
mod keyed;
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
#[cfg(any(feature = "disk", feature = "redis"))]
mod tier;
mod value;
mod watch;

pub use array::Array;
pub use builder::{Access, Builder, Capture, JournalMode, Synchronous, open};
pub use control::CacheControl;
pub use db::Db;
pub use depend::inherit;
pub use error::{Error, Result};
#[cfg(feature = "macros")]
pub use functions::{cached, invalidates};
pub use guard::{
    Again, Breaker, BreakerBuilder, BreakerState, BreakerStats, BreakerWindow, Bulkhead,
    BulkheadBuilder, BulkheadStats, Limiter, LimiterBuilder, LimiterStats, Permit, Place, Quota,
    Retry, RetryStats, TimeLimit, TimeLimitStats,
};
pub use isolation::{Isolation, TransactionOptions};
pub use keyed::{
    Blocking, Cache, CacheBuilder, CacheEntry, CacheTierStats, Cacheable, EntryDrops, KeyPart,
    KeyedStats, LoadTime, WarmEntry, WarmProgress, Warming, key_part,
};
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
    PolicyStats, PoolStats, ReplicationStats, ShadowStats, StatementCacheStats, Stats, WorthStats,
};
#[cfg(feature = "redis")]
pub use tier::redis::{
    Redis, RedisBuilder, RedisChange, RedisChanges, RedisLease, RedisRate, RedisStats, RedisTicket,
};
#[cfg(feature = "disk")]
pub use tier::{Disk, DiskBuilder, DiskHealth, DiskStats};
pub use value::Value;
