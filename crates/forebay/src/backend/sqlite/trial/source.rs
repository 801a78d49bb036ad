//! Reading a database without leaving a trace: it is not written, and no `-wal` or `-shm` comes
//! into being beside it. Opening and closing go through SQLite alone, so that locks that this
//! process holds on the file stay.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::super::fault;
use crate::error::{Error, Kind, Result};

/// The longest wait for whoever holds the file locked.
const BUSY: Duration = Duration::from_secs(10);

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Nobody has it open: as a file that does not change, which needs neither locks nor a log. It
    /// has to be looked at afterwards whether that was so.
    Quiet,
    /// With SQLite's locks.
    Shared,
}

/// By what it shows whether somebody has written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    bytes: u64,
    changed: Option<SystemTime>,
    is_in_use: bool,
}

impl State {
    pub(super) fn of(path: &Path) -> Result<State> {
        let found = std::fs::metadata(path).map_err(|error| {
            Error::new(Kind::Open, format!("cannot look at {}: {error}", path.display()))
        })?;
        if !found.is_file() {
            let message = format!("{} is not a file; name a database file", path.display());
            return Err(Error::new(Kind::Open, message));
        }
        let has = |end: &str, bytes_min: u64| {
            std::fs::metadata(beside(path, end)).is_ok_and(|it| it.len() >= bytes_min)
        };
        Ok(State {
            bytes: found.len(),
            changed: found.modified().ok(),
            is_in_use: has("-shm", 0) || has("-wal", 1) || has("-journal", 1),
        })
    }

    pub(super) fn manner(&self) -> Manner {
        if self.is_in_use { Manner::Shared } else { Manner::Quiet }
    }

    /// Bytes of the file and of the log beside it.
    pub(super) fn bytes(&self, path: &Path) -> u64 {
        let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |it| it.len());
        self.bytes + log
    }
}

/// Opens it for reading, and reads its schema.
pub(super) fn open(path: &Path, manner: Manner) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match manner {
        Manner::Shared => Connection::open_with_flags(path, flags),
        Manner::Quiet => {
            let uri = format!("file:{}?immutable=1", encoded(path)?);
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
        }
    };
    let fail = |error| {
        let error = fault::from_driver(error, None, None);
        error.prefixed(&format!("cannot read {}", path.display()))
    };
    let connection = opened.map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    read.map_err(fail)?;
    Ok(connection)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A path as part of a URI.
fn encoded(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(text) = absolute.to_str() else {
        return Err(Error::usage("the path of the database is not valid UTF-8"));
    };
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'\\' if cfg!(windows) => out.push('/'),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    Ok(out)
}
