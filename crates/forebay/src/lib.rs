//! Forebay: the performance layer in front of an SQL database. A connection pool, a query cache
//! that invalidates itself exactly, and statistics, behind one handle.
#![warn(missing_docs)]

mod advise;
mod array;
mod backend;
mod builder;
mod cache;
mod clock;
mod control;
mod data;
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
mod guide;
mod health;
#[cfg(feature = "http")]
pub mod http;
mod index;
mod invalidate;
mod isolation;
mod json;
mod keyed;
mod maintain;
mod migrate;
mod mode;
mod monitor;
mod outcome;
mod params;
mod pool;
mod prepared;
mod query;
mod route;
mod row;
mod rule;
mod saved;
mod secret;
mod session;
#[cfg(feature = "postgres")]
mod setup;
mod slow;
mod sql;
mod stats;
#[cfg(any(feature = "disk", feature = "redis"))]
mod tier;
mod trace;
mod value;
mod watch;

pub use advise::{
    Advice, AdviseOptions, Advisor, Effect, Finding, FindingKind, Measured, Refusal, Workload,
    WorkloadQuery, WriteCost,
};
pub use array::Array;
pub use builder::{Access, Builder, Capture, JournalMode, Synchronous, open};
pub use control::CacheControl;
pub use data::load::{Loader, LoaderBuilder};
#[cfg(feature = "http")]
pub use data::page::PageParamsRejection;
pub use data::page::{Page, PageParams, PageParamsBy, PageRequest, Sort, Total};
pub use data::{
    Bulk, BulkColumns, BulkDeleted, BulkProgress, BulkReport, BulkRows, Conflict, Streamed,
    TryStreamed,
};
pub use db::Db;
pub use depend::inherit;
pub use error::{Error, Result};
#[cfg(feature = "macros")]
pub use functions::{cached, invalidates, migrations};
pub use guard::{
    Again, Breaker, BreakerBuilder, BreakerState, BreakerStats, BreakerWindow, Bulkhead,
    BulkheadBuilder, BulkheadStats, Limiter, LimiterBuilder, LimiterStats, Permit, Place, Quota,
    Retry, RetryStats, TimeLimit, TimeLimitStats,
};
pub use health::{
    DatabaseStatistics, Health, HealthCheck, HealthOptions, HealthStatus, IndexStatistics,
    Severity, TableStatistics,
};
pub use index::{IndexInfo, IndexReport, Indexes, UnusedIndexes};
pub use isolation::{Isolation, TransactionOptions};
pub use keyed::{
    Blocking, Cache, CacheBuilder, CacheEntry, CacheTierStats, Cacheable, EntryDrops, KeyPart,
    KeyedStats, LoadTime, WarmEntry, WarmProgress, Warming, key_part,
};
#[cfg(feature = "webhook")]
pub use maintain::Webhook;
pub use maintain::{
    AlertKind, Maintenance, MaintenanceAlert, MaintenanceOutcome, MaintenancePlan, MaintenanceRun,
    MaintenanceStatus, MaintenanceTask, Retention, Schedule, TimeUnit, UnusedIndexRemoval,
};
pub use migrate::{
    Migrate, MigrationReport, MigrationRun, MigrationState, MigrationStatement, MigrationStatus,
    Migrations,
};
pub use mode::{CacheMode, Freshness, StatementRef};
pub use monitor::{
    Metric, MetricHistogram, MetricKind, MetricSeries, MetricValue, Monitor, PartHealth,
};
pub use outcome::{Describe, Explanation, Outcome};
pub use prepared::Prepared;
pub use query::{Execute, Ordered, Query, RowStream};
pub use route::{
    Archive, ArchivePlan, ArchiveProgress, ArchiveReport, Committed, MissingMember, Partial,
    PartialQuery, Routed, RoutedAnswer, RoutedBuilder, RoutedExecute, RoutedExplanation,
    RoutedOutcome, RoutedQuery, RoutedStep, open_routed,
};
pub use row::{Column, ColumnKind, ElementKind, Row, Rows};
pub use rule::Rule;
pub use saved::{SavedStatement, SavedStatistics};
pub use session::{Session, Transaction};
#[cfg(feature = "postgres")]
pub use setup::{Followed, Setup, SetupFinding, SetupPlan, SetupStatus, SetupStep, SetupTable};
pub use slow::{PlanChange, SlowLog, SlowStatement};
pub use stats::{
    AuditStats, CacheStats, Difference, DropStats, FingerprintStats, ForeignStats, Holder,
    PolicyStats, PoolStats, ReplicationStats, RuleStats, ShadowStats, SpaceStats,
    StatementCacheStats, Stats, TimeStats, WatchStats, WindowStats, WorthStats,
};
#[cfg(feature = "redis")]
pub use tier::redis::{
    Redis, RedisBuilder, RedisChange, RedisChanges, RedisHealth, RedisLease, RedisRate, RedisStats,
    RedisTicket,
};
#[cfg(feature = "disk")]
pub use tier::{Disk, DiskBuilder, DiskHealth, DiskStats};
pub use trace::TraceParent;
pub use value::Value;
pub use watch::{
    Pulse, RepeatFinding, RepeatKind, RepeatSource, RepeatWatch, RepeatedStatement, Scope,
    ScopeReport, scope,
};
