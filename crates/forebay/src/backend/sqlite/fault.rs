//! SQLite's failures in the terms of [`Error`]: the kind, the name of the code, and what to do.

use rusqlite::ffi;

use super::control::Halt;
use crate::error::{Constraint, Error, Kind};

/// Turns a failure of the driver into an error. `refused` is why the authorizer refused, and
/// `halt` why we stopped the statement.
pub(super) fn from_driver(
    error: rusqlite::Error,
    refused: Option<String>,
    halt: Option<Halt>,
) -> Error {
    if let Some(why) = refused {
        return Error::new(Kind::Denied, why).with_code("SQLITE_AUTH");
    }
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            from_code(failure.extended_code, message.unwrap_or_default(), halt)
        }
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            let place = if offset >= 0 { format!(" at byte {offset}") } else { String::new() };
            Error::new(kind(error.extended_code), format!("{msg}{place}"))
                .with_code(name(error.extended_code))
        }
        rusqlite::Error::MultipleStatement => Error::usage(
            "the text has more than one statement; use `execute_batch` for scripts, or send them \
             one by one",
        ),
        rusqlite::Error::NulError(_) => Error::usage("the SQL text contains a NUL byte"),
        rusqlite::Error::InvalidParameterName(name) => {
            Error::usage(format!("the statement has no parameter called {name}"))
        }
        other => {
            let message = other.to_string();
            Error::new(Kind::Database, message).with_cause(other)
        }
    }
}

/// The error for a statement that we stopped, unless it is only to be run elsewhere.
pub(super) fn from_halt(halt: Halt) -> Option<Error> {
    let error = match halt {
        Halt::Late => Error::new(
            Kind::Timeout,
            "the statement ran longer than its time limit and was stopped; raise the limit, or \
             look at its plan with `explain`",
        ),
        Halt::Cancelled => Error::new(Kind::Cancelled, "the statement was given up by its caller"),
        Halt::Budget => return None,
    };
    Some(error.with_code("SQLITE_INTERRUPT"))
}

fn from_code(code: i32, message: String, halt: Option<Halt>) -> Error {
    if let Some(error) = halt.and_then(from_halt) {
        return error;
    }
    let kind = kind(code);
    let message = match advice(kind, code) {
        Some(advice) if message.is_empty() => advice.to_owned(),
        Some(advice) => format!("{message}: {advice}"),
        None if message.is_empty() => format!("SQLite reports {}", name(code)),
        None => message,
    };
    Error::new(kind, message).with_code(name(code))
}

fn kind(code: i32) -> Kind {
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => return Kind::Constraint(Constraint::Unique),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return Kind::Constraint(Constraint::ForeignKey),
        ffi::SQLITE_CONSTRAINT_NOTNULL => return Kind::Constraint(Constraint::NotNull),
        ffi::SQLITE_CONSTRAINT_CHECK => return Kind::Constraint(Constraint::Check),
        _ => {}
    }
    match code & 0xff {
        ffi::SQLITE_CONSTRAINT => Kind::Constraint(Constraint::Other),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => Kind::Busy,
        ffi::SQLITE_READONLY => Kind::ReadOnly,
        ffi::SQLITE_FULL => Kind::Full,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Kind::Corrupt,
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => Kind::Open,
        ffi::SQLITE_TOOBIG | ffi::SQLITE_NOMEM => Kind::TooLarge,
        ffi::SQLITE_AUTH => Kind::Denied,
        ffi::SQLITE_INTERRUPT => Kind::Cancelled,
        // The plain SQLITE_ERROR is about the statement: its names, its arguments, its place.
        ffi::SQLITE_ERROR | ffi::SQLITE_RANGE | ffi::SQLITE_MISMATCH | ffi::SQLITE_MISUSE => {
            Kind::Usage
        }
        _ => Kind::Database,
    }
}

fn advice(kind: Kind, code: i32) -> Option<&'static str> {
    match kind {
        Kind::Busy if code == ffi::SQLITE_BUSY_SNAPSHOT => Some(
            "another write came in between this transaction's first read and its first write; \
             roll back and try again, or begin with BEGIN IMMEDIATE",
        ),
        Kind::Busy => Some(
            "another connection or process held the lock for longer than the busy time-out; try \
             again, keep transactions short, or raise `busy_timeout`",
        ),
        Kind::ReadOnly => Some("the database can only be read: check the file's permissions"),
        Kind::Full => Some("make room on the disk, then try again; nothing was written"),
        Kind::Corrupt if code & 0xff == ffi::SQLITE_NOTADB => Some(
            "it is another kind of file, or encrypted, or damaged at its beginning; check the \
             path, and restore it from a backup if it was a database",
        ),
        Kind::Corrupt => Some(
            "the file is damaged; check it with `PRAGMA integrity_check`, and restore it from a \
             backup if need be",
        ),
        Kind::Open => Some("check that the path exists and may be read and written"),
        Kind::TooLarge => Some("the value or statement is larger than SQLite's limits"),
        _ => None,
    }
}

macro_rules! names {
    ($($code:ident)*) => {
        /// SQLite's name for an extended code; for an unknown one, that of its primary code.
        pub(super) fn name(code: i32) -> &'static str {
            match code {
                $(ffi::$code => stringify!($code),)*
                _ if code > 0xff => name(code & 0xff),
                _ => "SQLITE_ERROR",
            }
        }
    };
}

names! {
    SQLITE_ERROR SQLITE_INTERNAL SQLITE_PERM SQLITE_ABORT SQLITE_BUSY SQLITE_LOCKED SQLITE_NOMEM
    SQLITE_READONLY SQLITE_INTERRUPT SQLITE_IOERR SQLITE_CORRUPT SQLITE_NOTFOUND SQLITE_FULL
    SQLITE_CANTOPEN SQLITE_PROTOCOL SQLITE_SCHEMA SQLITE_TOOBIG SQLITE_CONSTRAINT SQLITE_MISMATCH
    SQLITE_MISUSE SQLITE_NOLFS SQLITE_AUTH SQLITE_RANGE SQLITE_NOTADB SQLITE_BUSY_RECOVERY
    SQLITE_BUSY_SNAPSHOT SQLITE_BUSY_TIMEOUT SQLITE_CONSTRAINT_CHECK
    SQLITE_CONSTRAINT_COMMITHOOK SQLITE_CONSTRAINT_DATATYPE SQLITE_CONSTRAINT_FOREIGNKEY
    SQLITE_CONSTRAINT_FUNCTION SQLITE_CONSTRAINT_NOTNULL SQLITE_CONSTRAINT_PINNED
    SQLITE_CONSTRAINT_PRIMARYKEY SQLITE_CONSTRAINT_ROWID SQLITE_CONSTRAINT_TRIGGER
    SQLITE_CONSTRAINT_UNIQUE SQLITE_CONSTRAINT_VTAB SQLITE_CORRUPT_INDEX SQLITE_CORRUPT_SEQUENCE
    SQLITE_READONLY_CANTINIT SQLITE_READONLY_CANTLOCK SQLITE_READONLY_DBMOVED
    SQLITE_READONLY_DIRECTORY SQLITE_READONLY_RECOVERY SQLITE_READONLY_ROLLBACK
    SQLITE_IOERR_READ SQLITE_IOERR_SHORT_READ SQLITE_IOERR_WRITE SQLITE_IOERR_FSYNC
    SQLITE_IOERR_TRUNCATE SQLITE_IOERR_SHMMAP SQLITE_IOERR_SHMSIZE SQLITE_CANTOPEN_ISDIR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let check = |code, expect_name, expect: fn(&Error) -> bool| {
            let error = from_code(code, String::new(), None);
            assert_eq!(error.code(), Some(expect_name));
            assert!(expect(&error), "{error:?}");
        };
        check(2067, "SQLITE_CONSTRAINT_UNIQUE", Error::is_unique_violation);
        check(1555, "SQLITE_CONSTRAINT_PRIMARYKEY", Error::is_unique_violation);
        check(787, "SQLITE_CONSTRAINT_FOREIGNKEY", Error::is_foreign_key_violation);
        check(1299, "SQLITE_CONSTRAINT_NOTNULL", Error::is_not_null_violation);
        check(275, "SQLITE_CONSTRAINT_CHECK", Error::is_check_violation);
        check(3091, "SQLITE_CONSTRAINT_DATATYPE", Error::is_constraint_violation);
        check(1, "SQLITE_ERROR", Error::is_usage);
        check(5, "SQLITE_BUSY", Error::is_busy);
        check(517, "SQLITE_BUSY_SNAPSHOT", Error::is_busy);
        check(8, "SQLITE_READONLY", Error::is_read_only);
        check(13, "SQLITE_FULL", Error::is_full);
        check(26, "SQLITE_NOTADB", Error::is_corrupt);
        check(14, "SQLITE_CANTOPEN", Error::is_open);
        check(18, "SQLITE_TOOBIG", Error::is_too_large);
        check(10 | 99 << 8, "SQLITE_IOERR", |error| !error.is_usage());
    }

    #[test]
    fn stopped_statements() {
        let late = from_code(ffi::SQLITE_INTERRUPT, String::new(), Some(Halt::Late));
        assert!(late.is_timeout());
        let dropped = from_code(ffi::SQLITE_INTERRUPT, String::new(), Some(Halt::Cancelled));
        assert!(dropped.is_cancelled());
    }
}
