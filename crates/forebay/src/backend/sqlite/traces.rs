//! The files that SQLite makes beside a database in WAL mode to read it, and that a connection
//! which may not write leaves there. They are taken away by SQLite itself, which knows whether
//! anybody else has the database open.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;

use super::location::Location;
use super::options::Options;

/// A database beside which there was no log before it was opened for reading only.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    path: PathBuf,
}

impl Traces {
    /// To be asked before the first connection.
    pub(super) fn of(location: &Location, options: &Options) -> Option<Traces> {
        match location {
            Location::File(path) if options.read_only && log_bytes(path).is_none() => {
                Some(Traces { path: path.clone() })
            }
            Location::File(_) | Location::Memory => None,
        }
    }

    /// To be called after the last connection. Blocks on the disk. A log that somebody has written
    /// to meanwhile stays; where it fails, files without content stay.
    pub(crate) fn remove(&self) {
        if log_bytes(&self.path) != Some(0) {
            return;
        }
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
        let Ok(connection) = rusqlite::Connection::open_with_flags(&self.path, flags) else {
            return;
        };
        // Only a connection that has read takes them away when it is closed as the last one.
        let _ = connection.busy_timeout(Duration::ZERO);
        let _ = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    }
}

fn log_bytes(path: &Path) -> Option<u64> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).ok().map(|it| it.len())
}
