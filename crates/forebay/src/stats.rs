//! Snapshots of the counters, as plain data.

use std::time::Duration;

/// Everything counted since the database was opened.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The cache as a whole.
    pub cache: CacheStats,
    /// Connections for reads.
    pub readers: PoolStats,
    /// The one connection for writes; `waiting` is the length of the write queue.
    pub writer: PoolStats,
    /// Connections for sessions.
    pub sessions: PoolStats,
    /// Prepared statements kept by the connections.
    pub statements: StatementCacheStats,
    /// One record per fingerprint, the busiest first.
    pub fingerprints: Vec<FingerprintStats>,
}

/// Counters of the cache.
#[derive(Clone, Debug, Default)]
pub struct CacheStats {
    /// Whether answers are cached at all, and if not, why.
    pub off: Option<String>,
    /// Answers served from memory.
    pub hits: u64,
    /// Cacheable reads that went to the database.
    pub misses: u64,
    /// Reads that may not be cached, by reason.
    pub bypasses: Vec<(&'static str, u64)>,
    /// Answers stored.
    pub fills: u64,
    /// Answers not stored because a write came in between.
    pub refused_fills: u64,
    /// Entries dropped because what they rest on changed.
    pub invalidations: u64,
    /// Entries dropped to stay within the byte bound.
    pub evictions: u64,
    /// Times everything was dropped: schema changes, and commits of other processes of which it
    /// could not be told which tables they changed.
    pub flushes: u64,
    /// Writes through here of which SQLite told fewer changed rows than it counted, so that
    /// whole tables were dropped. There should be none: please report it.
    pub capture_gaps: u64,
    /// Commits of other processes.
    pub foreign: ForeignStats,
    /// Entries resident now.
    pub entries: u64,
    /// Intervals that resident entries rest on: ranges, and full pages of ORDER BY … LIMIT.
    pub windows: u64,
    /// Bytes resident now.
    pub bytes: u64,
    /// The byte bound.
    pub bytes_max: u64,
}

/// What became of the commits of other processes. Several that are found at once count as one.
#[derive(Clone, Debug, Default)]
pub struct ForeignStats {
    /// Times that they were noticed.
    pub seen: u64,
    /// Of these, times that only the tables were dropped whose pages they had changed.
    pub precise: u64,
    /// The other times, when everything was dropped, by reason.
    pub flushed: Vec<(&'static str, u64)>,
    /// Pages of the database whose tables are known; none when they are not mapped.
    pub mapped_pages: u64,
    /// Of these, pages that may belong to one of several tables.
    pub loose_pages: u64,
}

/// Counters of one pool.
#[derive(Clone, Debug, Default)]
pub struct PoolStats {
    /// Connections open.
    pub size: usize,
    /// Of these, free.
    pub idle: usize,
    /// Of these, in use.
    pub in_use: usize,
    /// Callers waiting for one.
    pub waiting: usize,
    /// The most that may be open, overflow included.
    pub max: usize,
    /// Connections handed out.
    pub acquisitions: u64,
    /// Waits that ended in a time-out.
    pub timeouts: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Mean time to acquire one.
    pub acquire_mean: Duration,
    /// The 99th percentile of the time to acquire one.
    pub acquire_p99: Duration,
    /// Who holds a connection longest, if any is in use.
    pub longest_holder: Option<Holder>,
}

/// Who holds a connection.
#[derive(Clone, Debug)]
pub struct Holder {
    /// For how long.
    pub held: Duration,
    /// Where in the source it was asked for.
    pub caller: String,
    /// The statement, normalised, if one is known.
    pub statement: Option<String>,
}

/// Counters of prepared statements, all connections together.
#[derive(Clone, Debug, Default)]
pub struct StatementCacheStats {
    /// Statements found prepared.
    pub hits: u64,
    /// Statements that had to be prepared.
    pub misses: u64,
}

/// Counters of one fingerprint.
#[derive(Clone, Debug)]
pub struct FingerprintStats {
    /// The stable id.
    pub id: u64,
    /// The normalised text.
    pub statement: String,
    /// The name given with `named`.
    pub name: Option<String>,
    /// Executions, hits included.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Answers served from memory.
    pub hits: u64,
    /// Cacheable reads that went to the database.
    pub misses: u64,
    /// Reads that may not be cached, by reason.
    pub bypasses: Vec<(&'static str, u64)>,
    /// Entries dropped because what they rest on changed.
    pub invalidations: u64,
    /// Entries resident now.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Time spent in the database, all executions together.
    pub origin_time: Duration,
}
