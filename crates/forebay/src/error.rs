//! The one error of this crate: opaque, with predicates for the causes a caller can act on and a
//! text that says what to do. It does not log; whoever handles an error logs it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Arc<dyn StdError + Send + Sync>;

/// Why an operation failed.
///
/// The cause is asked for with predicates such as [`Error::is_timeout`]; the text of `Display`
/// is written for the person who reads the log and never contains parameter values.
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    code: Option<&'static str>,
    statement: Option<Arc<str>>,
    retry_after: Option<Duration>,
    place: Option<Place>,
    cause: Option<Cause>,
}

/// Where among the rows of a bulk operation it happened.
#[derive(Clone, Copy, Default)]
struct Place {
    row: Option<u64>,
    rows_committed: u64,
}

/// What went wrong, in the terms that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The call itself is wrong: malformed SQL, wrong parameters, a refused statement.
    Usage,
    /// The statement is not allowed for this kind of access.
    Denied,
    /// No row where one was required.
    NotFound,
    /// A row does not fit the type asked for.
    Decode,
    /// A statement ran longer than its time limit.
    Timeout,
    /// No connection became free in time.
    PoolExhausted,
    /// The database is locked by another connection or process.
    Busy,
    /// The database may only be read.
    ReadOnly,
    /// The disk, or a size limit of the database, is exhausted.
    Full,
    /// The file is damaged or not a database.
    Corrupt,
    /// The database cannot be opened.
    Open,
    /// A result or a value is larger than its limit.
    TooLarge,
    /// A constraint refused the row.
    Constraint(Constraint),
    /// The operation was given up by its caller.
    Cancelled,
    /// The handle is closed, or a transaction has ended.
    Closed,
    /// The connection was lost before the statement could take effect.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    Disconnected,
    /// The connection was lost while the statement ran: it may have taken effect.
    #[cfg_attr(
        not(any(feature = "disk", feature = "postgres", feature = "redis")),
        allow(dead_code)
    )]
    Lost,
    /// What was to be kept in a cache could not be loaded.
    Load,
    /// A limiter refused the call: its key has had what it may have.
    RateLimited,
    /// A circuit breaker refused the call: what it stands before has been failing.
    CircuitOpen,
    /// A bulkhead refused the call: as many as may are at work and in line.
    Overloaded,
    /// A cursor of a page is damaged, forged, or of another query.
    Cursor,
    /// Anything else the database reports.
    Database,
}

/// Which kind of constraint refused a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    Unique,
    ForeignKey,
    NotNull,
    Check,
    Other,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner {
            kind,
            message,
            code: None,
            statement: None,
            retry_after: None,
            place: None,
            cause: None,
        }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Error {
        Error::new(Kind::Usage, message)
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Error {
        self.0.code = Some(code);
        self
    }

    pub(crate) fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same error for another of those who waited for one thing.
    pub(crate) fn share(&self) -> Error {
        Error(self.0.clone())
    }

    /// The same error with a word before its text that says where it happened.
    pub(crate) fn prefixed(&self, place: &str) -> Error {
        let mut error = self.share();
        error.0.message = format!("{place}: {}", error.0.message);
        error
    }

    /// Names the statement, by its fingerprint's text: literals and comments are not in it.
    pub(crate) fn with_statement(mut self, statement: Arc<str>) -> Error {
        self.0.statement.get_or_insert(statement);
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Error {
        self.0.retry_after = wait;
        self
    }

    /// It is about the row with this number, and about a column of it if one is named. An error
    /// that has its row already keeps it.
    pub(crate) fn at_row(mut self, row: u64, column: Option<&str>) -> Error {
        let place = self.0.place.get_or_insert_default();
        if place.row.is_some() {
            return self;
        }
        place.row = Some(row);
        let column = column.map(|name| format!(", column {name:?}")).unwrap_or_default();
        self.0.message = format!("row {row}{column}: {}", self.0.message);
        self
    }

    /// It is about one of these rows, and which one is not known, unless the error says so.
    #[cfg(feature = "postgres")]
    pub(crate) fn among_rows(mut self, first: u64, last: u64) -> Error {
        if first == last {
            return self.at_row(first, None);
        }
        if self.row().is_none() {
            self.0.message = format!("rows {first} to {last}: {}", self.0.message);
        }
        self
    }

    /// So many rows of the operation were committed before it.
    pub(crate) fn after_committed(mut self, rows: u64, chunks: u64) -> Error {
        self.0.place.get_or_insert_default().rows_committed = rows;
        self.0.message = format!(
            "{} (the first {rows} rows, in {chunks} chunks, were committed before, and stay)",
            self.0.message
        );
        self
    }

    #[allow(dead_code)]
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The normalised text of the statement that failed, when one was running.
    pub fn statement(&self) -> Option<&str> {
        self.0.statement.as_deref()
    }

    /// The database's own name for the failure, such as `SQLITE_CONSTRAINT_UNIQUE`, or PostgreSQL's
    /// SQLSTATE, such as `23505`.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// Whether the database could not be asked, was not to be asked now, or has not answered: not
    /// an error of the statement.
    pub(crate) fn is_of_origin(&self) -> bool {
        self.is_open()
            || self.is_closed()
            || self.is_outcome_unknown()
            || self.is_timeout()
            || self.is_pool_exhausted()
            || self.is_busy()
            || self.is_rate_limited()
            || self.is_circuit_open()
            || self.is_overloaded()
    }

    /// Of a bulk operation: the number of the row that it is about, counted from 0 in the order in
    /// which the rows were given. `None` where no single row is to blame, or none can be told.
    pub fn row(&self) -> Option<u64> {
        self.0.place.and_then(|place| place.row)
    }

    /// Of a bulk operation with a transaction per chunk: how many rows, from the first on, were
    /// committed before it failed. Otherwise 0: nothing was written.
    pub fn rows_committed(&self) -> u64 {
        self.0.place.map_or(0, |place| place.rows_committed)
    }

    /// The text without the statement it belongs to.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The call is wrong: malformed SQL, wrong parameters, or a statement refused here.
    pub fn is_usage(&self) -> bool {
        self.0.kind == Kind::Usage
    }

    /// The statement is not allowed for this kind of access.
    pub fn is_denied(&self) -> bool {
        self.0.kind == Kind::Denied
    }

    /// `one` or `scalar` found no row.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == Kind::NotFound
    }

    /// A row does not fit the type it was asked for as.
    pub fn is_decode(&self) -> bool {
        self.0.kind == Kind::Decode
    }

    /// The statement ran longer than its time limit; it was stopped and had no effect.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// No connection became free within the acquire time-out.
    pub fn is_pool_exhausted(&self) -> bool {
        self.0.kind == Kind::PoolExhausted
    }

    /// Another connection or process held the lock for longer than the busy time-out.
    pub fn is_busy(&self) -> bool {
        self.0.kind == Kind::Busy
    }

    /// The database, or this handle to it, may only be read.
    pub fn is_read_only(&self) -> bool {
        self.0.kind == Kind::ReadOnly
    }

    /// The disk, or a size limit of the database, is exhausted.
    pub fn is_full(&self) -> bool {
        self.0.kind == Kind::Full
    }

    /// The file is damaged, or is not a database.
    pub fn is_corrupt(&self) -> bool {
        self.0.kind == Kind::Corrupt
    }

    /// The database cannot be opened: missing, a directory, or not permitted.
    pub fn is_open(&self) -> bool {
        self.0.kind == Kind::Open
    }

    /// A result or a value exceeds its limit.
    pub fn is_too_large(&self) -> bool {
        self.0.kind == Kind::TooLarge
    }

    /// A constraint of any kind refused the row.
    pub fn is_constraint_violation(&self) -> bool {
        matches!(self.0.kind, Kind::Constraint(_))
    }

    /// A UNIQUE or PRIMARY KEY constraint refused the row.
    pub fn is_unique_violation(&self) -> bool {
        self.0.kind == Kind::Constraint(Constraint::Unique)
    }

    /// A FOREIGN KEY constraint refused the row.
    pub fn is_foreign_key_violation(&self) -> bool {
        self.0.kind == Kind::Constraint(Constraint::ForeignKey)
    }

    /// A NOT NULL constraint refused the row.
    pub fn is_not_null_violation(&self) -> bool {
        self.0.kind == Kind::Constraint(Constraint::NotNull)
    }

    /// A CHECK constraint refused the row.
    pub fn is_check_violation(&self) -> bool {
        self.0.kind == Kind::Constraint(Constraint::Check)
    }

    /// The operation was given up before it ended.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// The handle is closed, the transaction it belongs to has ended, or the connection was lost
    /// before the statement could take effect.
    pub fn is_closed(&self) -> bool {
        matches!(self.0.kind, Kind::Closed | Kind::Disconnected)
    }

    /// The connection was lost while the statement ran, so nobody can say whether it has taken
    /// effect: look before running it again.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.kind == Kind::Lost
    }

    /// The load of a value for a [`crate::Cache`] failed or panicked. What it failed with is the
    /// `source` of this error; a load that failed with an [`Error`] fails with that one itself.
    pub fn is_load_failed(&self) -> bool {
        self.0.kind == Kind::Load
    }

    /// The database gave the transaction up because of another one that ran at the same time, by
    /// serialization or by deadlock: run it again from its beginning.
    pub fn is_serialization_failure(&self) -> bool {
        matches!(self.0.code, Some("40001" | "40P01" | "SQLITE_BUSY_SNAPSHOT"))
    }

    /// A limiter refused the call, which did not reach what the limiter stands before: wait for
    /// [`Error::retry_after`], or ask less often.
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == Kind::RateLimited
    }

    /// The cursor of a page was not made by this query with this key: it is damaged, forged, of
    /// another query or order, or from before the key was changed. A service answers 400.
    pub fn is_invalid_cursor(&self) -> bool {
        self.0.kind == Kind::Cursor
    }

    /// A circuit breaker refused the call, because what it stands before has been failing: answer
    /// with something else meanwhile, or wait for [`Error::retry_after`].
    pub fn is_circuit_open(&self) -> bool {
        self.0.kind == Kind::CircuitOpen
    }

    /// A bulkhead refused the call: as many calls as it allows are at work and in line.
    pub fn is_overloaded(&self) -> bool {
        self.0.kind == Kind::Overloaded
    }

    /// How long to wait before the same call can succeed, where that is known: of a limiter, and of
    /// a circuit breaker. `None` of a limiter says that it never can, as when more is asked for at
    /// once than may come at once.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may well succeed a little later: the database was busy, a pool, a
    /// limiter or a bulkhead had no room, a circuit breaker was open, another transaction got in
    /// the way, the connection was lost, or the server could not be reached.
    ///
    /// After a lost connection nobody can say whether a statement has taken effect
    /// ([`Error::is_outcome_unknown`]), so call it again only if running it twice does no harm.
    /// A statement that ran into its time limit is not meant: it would take as long again.
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            Kind::Busy | Kind::PoolExhausted | Kind::Overloaded | Kind::CircuitOpen => true,
            Kind::Disconnected | Kind::Lost | Kind::Load => true,
            Kind::RateLimited => self.0.retry_after.is_some(),
            Kind::Open => self.0.code == Some("53300") || self.is_unreachable(),
            _ => self.is_serialization_failure(),
        }
    }

    /// Whether it tells against the health of the database, rather than against the call: it was
    /// busy, out of reach, out of connections, or slower than the time limit; or it is a load of a
    /// [`crate::Cache`] that failed with an error of its own. This is what a
    /// [`crate::Breaker`] counts as a failure unless it is told otherwise.
    pub fn is_origin_failure(&self) -> bool {
        match self.0.kind {
            // Two transactions that met say nothing of the server's health.
            Kind::Busy => !self.is_serialization_failure(),
            Kind::Timeout | Kind::PoolExhausted | Kind::Open => true,
            Kind::Disconnected | Kind::Lost | Kind::Load => true,
            // What the system below the database reports, and exhausted resources.
            Kind::Database => self.0.code.is_some_and(|code| {
                ["SQLITE_IOERR", "53", "58"].iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }

    /// Whether the call was, or may have been, refused or given up on this side, so that it says
    /// nothing of the database at all.
    pub(crate) fn has_not_reached(&self) -> bool {
        let is_refused =
            matches!(self.0.kind, Kind::RateLimited | Kind::CircuitOpen | Kind::Overloaded);
        let is_wrong = matches!(self.0.kind, Kind::Usage | Kind::Cursor);
        is_refused || is_wrong || matches!(self.0.kind, Kind::Closed | Kind::Cancelled)
    }

    /// Whether the server could not be reached, as opposed to having said no.
    fn is_unreachable(&self) -> bool {
        self.0.cause.as_ref().is_some_and(|cause| cause.is::<io::Error>())
    }
}

impl Clone for Error {
    /// The same error for another of those who waited for one thing. Its causes are shared.
    fn clone(&self) -> Error {
        self.share()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.statement {
            Some(statement) => write!(f, " [in: {statement}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("code", &self.0.code)
            .field("statement", &self.0.statement)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}
