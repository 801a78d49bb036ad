//! The one error of this crate: opaque, with predicates for the causes a caller can act on and a
//! text that says what to do. It does not log; whoever handles an error logs it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync>;

/// Why an operation failed.
///
/// The cause is asked for with predicates such as [`Error::is_timeout`]; the text of `Display`
/// is written for the person who reads the log and never contains parameter values.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    code: Option<&'static str>,
    statement: Option<Arc<str>>,
    cause: Option<Cause>,
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
    /// The connection was lost while the statement ran: it may have taken effect.
    #[cfg_attr(not(any(feature = "postgres", feature = "redis")), allow(dead_code))]
    Lost,
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
        Error(Box::new(Inner { kind, message, code: None, statement: None, cause: None }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Error {
        Error::new(Kind::Usage, message)
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Error {
        self.0.code = Some(code);
        self
    }

    pub(crate) fn with_cause(mut self, cause: impl Into<Cause>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    /// Names the statement, by its fingerprint's text: literals and comments are not in it.
    pub(crate) fn with_statement(mut self, statement: Arc<str>) -> Error {
        self.0.statement.get_or_insert(statement);
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

    /// The handle is closed, or the transaction it belongs to has ended.
    pub fn is_closed(&self) -> bool {
        self.0.kind == Kind::Closed
    }

    /// The connection was lost while the statement ran, so nobody can say whether it has taken
    /// effect: look before running it again.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.kind == Kind::Lost
    }

    /// The database gave the transaction up because of another one that ran at the same time, by
    /// serialization or by deadlock: run it again from its beginning.
    pub fn is_serialization_failure(&self) -> bool {
        matches!(self.0.code, Some("40001" | "40P01" | "SQLITE_BUSY_SNAPSHOT"))
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
