//! Snapshots of the counters, as plain data.

use std::time::{Duration, SystemTime};

use crate::mode::CacheMode;

/// Everything counted since the database was opened.
#[derive(Clone, Debug, Default)]
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
    /// How the commits of a PostgreSQL server are followed; `None` at SQLite.
    pub replication: Option<ReplicationStats>,
    /// One record per fingerprint, the busiest first. The heaviest 5,000 are told apart; the
    /// others are one record with the id 0, so that sums stay exact.
    pub fingerprints: Vec<FingerprintStats>,
    /// What is counted of the counting itself, and of slow statements.
    pub watch: WatchStats,
}

/// What is counted of the counting itself, and of slow statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchStats {
    /// When the counts of the statements began: when the database was opened, or, with a
    /// `statistics_file`, when that was begun.
    pub since: Option<SystemTime>,
    /// Fingerprints whose counts were added to those of the others, to stay within the bound.
    pub folded: u64,
    /// Statements that took longer than `slow_after`.
    pub slow_absolute: u64,
    /// Statements that took longer than is usual for their fingerprint.
    pub slow_relative: u64,
    /// Transactions that waited so long for SQLite's write lock when they began; they are in
    /// neither of the two above.
    pub slow_lock: u64,
    /// Of all, statements that are not in the slow log, because their fingerprint, or all
    /// together, were there too often.
    pub slow_left_out: u64,
    /// Times that a fingerprint's query plan was found to have changed.
    pub plan_changes: u64,
}

/// How long calls took. The quantiles are within 2 % of the exact ones, and 0 without calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeStats {
    /// Calls that were timed.
    pub count: u64,
    /// Their sum.
    pub total: Duration,
    /// What half of them did not exceed.
    pub p50: Duration,
    /// What 95 % of them did not exceed.
    pub p95: Duration,
    /// What 99 % of them did not exceed.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// How many there are up to each of [`TimeStats::BOUNDS`] and beyond the one before, and at the
    /// end those beyond all of them. A time within 2 % of a bound may be on its other side.
    pub buckets: [u64; TimeStats::BOUNDS.len() + 1],
}

impl TimeStats {
    /// The bounds of the buckets.
    pub const BOUNDS: [Duration; 11] = [
        Duration::from_micros(10),
        Duration::from_micros(50),
        Duration::from_micros(200),
        Duration::from_millis(1),
        Duration::from_millis(5),
        Duration::from_millis(20),
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_secs(2),
        Duration::from_secs(10),
        Duration::from_secs(60),
    ];

    /// The mean; `None` without a call.
    pub fn mean(&self) -> Option<Duration> {
        (self.count > 0).then(|| {
            let nanos = self.total.as_nanos() / u128::from(self.count);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        })
    }
}

/// What happened lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowStats {
    /// How long the window is now: it moves on in steps, so that the last minute is between 50 and
    /// 60 seconds long, and the last hour between 50 and 60 minutes.
    pub span: Duration,
    /// Executions, hits included. Hits are added once every ten seconds, and when they are asked
    /// for.
    pub calls: u64,
    /// Answers served from memory.
    pub hits: u64,
    /// Executions at the database that failed.
    pub errors: u64,
    /// Rows answered or changed by the database.
    pub rows: u64,
    /// Bytes of the database's answers.
    pub bytes: u64,
    /// Time spent in the database.
    pub time: Duration,
    /// Half of the executions at the database took at most so long, 95 % and 99 % at most as long
    /// as the next two say: of the later half of the window at least, within 4 %. Of some thousand
    /// executions or more they are those of a sample.
    pub p50: Duration,
    /// See `p50`.
    pub p95: Duration,
    /// See `p50`.
    pub p99: Duration,
    /// The longest execution at the database, in full microseconds.
    pub max: Duration,
}

/// How the commits of a PostgreSQL server are followed.
#[derive(Clone, Debug, Default)]
pub struct ReplicationStats {
    /// Whether they are, so that answers can be cached. If not, `cache.off` says why, or `sole`.
    pub live: bool,
    /// Why there is no stream, where answers are cached without one because nobody else writes
    /// (`Builder::sole_writer`).
    pub sole: Option<String>,
    /// How long the last position took from when it was current at the server until it was applied
    /// here, asked once a second and with writes; what is under way counts once it has taken
    /// longer. Commits of others are seen so late.
    pub lag: Option<Duration>,
    /// Bytes of the server's log that are not applied yet, as of the last question.
    pub lag_bytes: u64,
    /// Writes through here whose commit is not applied yet: answers that may rest on them come from
    /// the database.
    pub fences: u64,
    /// Commits that are applied, and that the server may not show to everybody yet.
    pub unconfirmed: u64,
    /// Commits that were applied.
    pub commits: u64,
    /// Streams that have begun. More than one: some were lost, and the cache emptied.
    pub streams: u64,
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
    /// Of the hits, those that were not known to be true, as a word of their caller allows.
    pub stale: u64,
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
    /// What is kept for callers who have said how.
    pub policies: PolicyStats,
    /// Intervals that resident entries rest on: ranges, and full pages of ORDER BY … LIMIT.
    pub windows: u64,
    /// Bytes resident now.
    pub bytes: u64,
    /// The byte bound.
    pub bytes_max: u64,
    /// The switch of the cache as a whole.
    pub mode: CacheMode,
    /// What answers in the cache were compared with the database's, and what came of it.
    pub audit: AuditStats,
    /// What caching would have brought for the reads in shadow.
    pub shadow: ShadowStats,
    /// Which writes dropped which entries, the most frequent first; 1,000 pairs at most.
    pub drops: Vec<DropStats>,
    /// Entries dropped that belong to none of these pairs.
    pub drops_other: u64,
    /// The last answers in the cache that were found to differ from the database's, the latest
    /// last; 16 at most. There should be none: please report it.
    pub differences: Vec<Difference>,
}

/// What is kept for callers who have said how: with `ttl`, tags and the like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyStats {
    /// Answers resident now, beside the exact cache's entries.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The byte bound.
    pub bytes_max: u64,
    /// What lies in spaces with bounds of their own, which is in none of the figures above.
    pub spaces: Vec<SpaceStats>,
    /// Answers dropped to stay within it.
    pub evictions: u64,
    /// Answers served that were not known to be true, and young enough for `ttl_only`, or for
    /// `ttl` where changes are not seen.
    pub aged: u64,
    /// Answers served under `stale_while_revalidate`.
    pub revalidated: u64,
    /// Answers served under `stale_if_error`.
    pub on_error: u64,
    /// Answers read again behind a caller, or to be kept warm.
    pub refreshes: u64,
    /// Of these, failed.
    pub refresh_failures: u64,
    /// Calls of `delete_by_tag`.
    pub tag_deletions: u64,
}

/// Answers of rules that have a bound of their own ([`crate::Rule::space`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpaceStats {
    /// The name of the space.
    pub name: String,
    /// Answers resident now.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The byte bound.
    pub bytes_max: u64,
    /// Answers dropped to stay within it.
    pub evictions: u64,
}

/// Hits that were asked of the database again.
#[derive(Clone, Debug, Default)]
pub struct AuditStats {
    /// One hit in so many is asked again; 0 for none.
    pub one_in: u64,
    /// Answers compared.
    pub compared: u64,
    /// Of these, answers that differed from the database's.
    pub differing: u64,
    /// Hits that were picked and not compared, by reason: `busy` (one audit at a time, and few),
    /// `no_reader`, `disturbed` (a write came in between), `undetermined`, `failed`.
    pub skipped: Vec<(&'static str, u64)>,
}

/// What caching would have brought for reads in shadow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowStats {
    /// Reads that the cache would have answered.
    pub hits: u64,
    /// Reads that it could not have answered.
    pub misses: u64,
    /// Answers of the cache that were compared with the database's.
    pub compared: u64,
    /// Of these, answers that differed.
    pub differing: u64,
    /// Answers that could not be compared: a write came in between, or several answers are right.
    pub skipped: u64,
    /// Time that hits would have saved.
    pub saved: Duration,
}

impl ShadowStats {
    /// The hit ratio that caching would have had, from 0 to 1; `None` without a read.
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

/// How often a write dropped entries of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropStats {
    /// The fingerprint of the read.
    pub read: u64,
    /// The fingerprint of the write; `None` for what is not a statement of ours.
    pub write: Option<u64>,
    /// The write in words: its normalised text, or what else dropped the entries.
    pub cause: String,
    /// Entries dropped.
    pub count: u64,
}

/// An answer in the cache that differed from the database's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The fingerprint of the statement.
    pub fingerprint: u64,
    /// Its normalised text.
    pub statement: String,
    /// Its parameters, only if the builder's `audit_parameters` asks for them.
    pub params: Option<String>,
    /// `audit` or `shadow`.
    pub found_by: &'static str,
    /// When it was found.
    pub at: SystemTime,
    /// Rows of the answer in the cache.
    pub rows_kept: usize,
    /// Rows of the database's answer.
    pub rows_read: usize,
}

/// Whether keeping the answers of a statement pays, and the numbers behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorthStats {
    /// `trial` (kept, to find out), `pays`, `doubtful` (kept; it did not pay lately) or
    /// `not_worth` (not kept for a while).
    pub verdict: &'static str,
    /// Mean time of a read at the database whose answer is not kept.
    pub origin: Option<Duration>,
    /// Mean time of a read whose answer is kept.
    pub miss: Option<Duration>,
    /// Mean time of an answer from memory.
    pub hit: Option<Duration>,
    /// Hits among all calls when it was decided last.
    pub hit_ratio: Option<f64>,
    /// The hit ratio from which on keeping pays: `(miss - origin) / (miss - hit)`.
    pub needed: Option<f64>,
    /// How long its answers are not kept from now on.
    pub rests: Option<Duration>,
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

/// What a rule has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleStats {
    /// What it is called.
    pub name: String,
    /// What it does, in words.
    pub does: String,
    /// Texts that it was found to fit since it was set; of those in transactions, only what was
    /// known before.
    pub statements: u64,
    /// Statements that it has refused.
    pub denied: u64,
}

/// Counters of one fingerprint.
#[derive(Clone, Debug, Default)]
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
    /// Of these, not known to be true, as a word of their caller allows.
    pub stale: u64,
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
    /// Rows answered or changed by the database.
    pub rows: u64,
    /// Bytes of the database's answers.
    pub bytes_read: u64,
    /// How long executions took at the database, without the wait for a connection.
    pub time: TimeStats,
    /// How long hits took: of a sample, one in 128.
    pub hit_time: TimeStats,
    /// Time that executions waited for a connection, all together.
    pub pool_wait: Duration,
    /// A digest of its query plan, if that was asked for: after 32 executions, and each time that
    /// a slow one is logged.
    pub plan: Option<u64>,
    /// When it was seen first.
    pub first_seen: Option<SystemTime>,
    /// When it was seen last; of hits, with an error of ten seconds.
    pub last_seen: Option<SystemTime>,
    /// Who has asked for it, once: `route`, `controller` and `action` of an sqlcommenter comment,
    /// else its name, else the `tracing` span at that time.
    pub caller: Option<String>,
    /// One of its texts, if it has no literals or the builder's `keep_samples` allows them.
    pub sample: Option<String>,
    /// The last minute.
    pub minute: WindowStats,
    /// The last hour.
    pub hour: WindowStats,
    /// The switch in force for it.
    pub mode: CacheMode,
    /// Whether an answer of it in the cache differed from the database's; it is off since.
    pub is_condemned: bool,
    /// Whether keeping its answers pays.
    pub worth: WorthStats,
    /// The rule that acts on it ([`crate::Rule`]), as far as that is known.
    pub rule: Option<String>,
    /// What caching would have brought, if it ran in shadow.
    pub shadow: Option<ShadowStats>,
}
