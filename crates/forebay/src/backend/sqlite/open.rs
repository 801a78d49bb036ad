//! Opening a database: the file and its mode, the connection that pins the WAL index, and every
//! further connection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::capture::Means;
use super::catchup::{CatchUp, Witness};
use super::fault;
use super::identity::Identity;
use super::lease::Leases;
use super::location::Location;
use super::options::Options;
use super::reread::Past;
use super::shm::WalIndex;
use super::traces::Traces;
use crate::error::{Error, Kind, Result};

/// Bytes of one value, or of one row, that a remote client may make SQLite hold. Expressions can
/// build values of any size, and no other limit sees them before they are in memory.
const REMOTE_VALUE_BYTES_MAX: i32 = 128 << 20;

/// The longest wait for a lock that the driver can count.
const BUSY_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// Page cache of the connection that looks at what was before a commit: a few rows at a time.
const PAST_CACHE_BYTES: u64 = 512 * 1024;

/// A database that was found fit to be used.
pub(crate) struct Opened {
    pub(crate) location: Location,
    pub(crate) catchup: Arc<CatchUp>,
    /// Under which its readers hold snapshots, once a sweeper runs.
    pub(crate) leases: Arc<Leases>,
    /// What was before a commit, if rows are to be read again.
    pub(super) past: Option<Arc<Past>>,
    /// What is left beside the file if nothing is done about it.
    pub(crate) traces: Option<Traces>,
    /// Options as they turned out: a file that may not be written is read-only.
    pub(crate) options: Options,
}

/// Opens the database at `location` once, to check it and to watch it. Blocks on the disk.
pub(crate) fn open(location: Location, mut options: Options) -> Result<Opened> {
    let traces = Traces::of(&location, &options);
    let witness = match &location {
        Location::Memory => Witness::Private,
        Location::File(path) => {
            check_path(path, &options)?;
            match open_file(path, &options) {
                Err(error) if !options.read_only && is_unwritable(path, &error) => {
                    options.read_only = true;
                    open_file(path, &options).map_err(|error| without_log(path, error))?
                }
                other => other?,
            }
        }
    };
    let file = match &location {
        Location::Memory => None,
        Location::File(path) => Some(Identity::of(path)),
    };
    let means = Means::choose(options.capture, &witness)?;
    let past = match means {
        Means::Reread => Some(Arc::new(Past::new(connect_past(&location, &options)?))),
        Means::Hook | Means::Tables => None,
    };
    let catchup = Arc::new(CatchUp::new(witness, file, means, (location.clone(), options.clone())));
    let leases = Arc::default();
    Ok(Opened { location, catchup, leases, past, traces, options })
}

fn check_path(path: &Path, options: &Options) -> Result<()> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::new(
            Kind::Open,
            format!("{shown} is a directory, not a database file; name a file in it"),
        ));
    }
    // Opening a pipe waits until somebody writes to it.
    if path.exists() && !path.is_file() {
        return Err(Error::new(
            Kind::Open,
            format!("{shown} is a pipe, a socket or a device; name a database file"),
        ));
    }
    // Metadata only: opening and closing the file would drop SQLite's locks on it.
    if !path.exists() {
        if !options.create || options.read_only {
            return Err(Error::new(
                Kind::Open,
                format!("{shown} does not exist; check the path, or allow it to be created"),
            ));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            return Err(Error::new(
                Kind::Open,
                format!("cannot create {shown}: there is no directory {}", parent.display()),
            ));
        }
    }
    Ok(())
}

/// Whether the file exists but refuses to be written.
fn is_unwritable(path: &Path, error: &Error) -> bool {
    (error.is_read_only() || error.is_open()) && path.exists()
}

/// Says what may be in the way of reading a file in a place that may not be written.
fn without_log(path: &Path, error: Error) -> Error {
    if !error.is_open() {
        return error;
    }
    let message = format!(
        "cannot open {}: {}. If it and its directory may not be written: a database in WAL mode \
         needs its -wal and -shm files beside it; copy it to where it may be written, or first \
         put `PRAGMA journal_mode = DELETE` into force there",
        path.display(),
        error.code().unwrap_or("unknown")
    );
    Error::new(Kind::Open, message).with_cause(error)
}

fn open_file(path: &Path, options: &Options) -> Result<Witness> {
    let location = Location::File(path.to_owned());
    let connection = connect(&location, options)?;
    let explain = |error| place(&location, error);
    if options.read_only {
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
            .map_err(explain)?;
        let why = "it is opened for reading only; opened for writing, it notices commits through \
                   the WAL index and is exact";
        return Ok(Witness::Blind(why.to_owned()));
    }
    let mode: String = connection
        .query_row(&format!("PRAGMA journal_mode = {}", options.journal_mode), [], |row| row.get(0))
        .map_err(explain)?;
    // A write lock, taken and given back: a file that cannot be written is found out here.
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT").map_err(explain)?;
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(explain)?;
    if mode != "wal" {
        let why = format!("journal_mode is {mode}, and commits are only noticed under WAL");
        return Ok(Witness::Blind(why));
    }
    Ok(match WalIndex::map(connection) {
        Ok(index) if index.is_known() => {
            index.draw_salts();
            Witness::WalIndex(index)
        }
        Ok(_) => Witness::Blind("the WAL index has a layout that is not known".to_owned()),
        Err(error) => Witness::Blind(format!("the WAL index cannot be read: {error}")),
    })
}

fn connect_past(location: &Location, options: &Options) -> Result<rusqlite::Connection> {
    let page_cache_bytes_each = options.page_cache_bytes_each.min(PAST_CACHE_BYTES);
    let options =
        Options { page_cache_bytes_each, busy_timeout: Duration::ZERO, ..options.clone() };
    let connection = connect(location, &options)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| place(location, error))?;
    Ok(connection)
}

/// Opens one connection and sets it up.
pub(super) fn connect(location: &Location, options: &Options) -> Result<rusqlite::Connection> {
    let script = options.script()?;
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if options.read_only {
        flags |= OpenFlags::SQLITE_OPEN_READ_ONLY;
    } else {
        flags |= OpenFlags::SQLITE_OPEN_READ_WRITE;
        if options.create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
    }
    let connection = match location {
        Location::Memory => rusqlite::Connection::open_in_memory(),
        Location::File(path) => rusqlite::Connection::open_with_flags(path, flags),
    };
    let connection = connection.map_err(|error| place(location, error))?;
    let set_up = || {
        // A longer wait than the driver can count is one without an end.
        connection.busy_timeout(options.busy_timeout.min(BUSY_MAX))?;
        connection.execute_batch(&script)?;
        if options.remote {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, REMOTE_VALUE_BYTES_MAX)?;
        }
        Ok(())
    };
    set_up().map_err(|error| place(location, error))?;
    Ok(connection)
}

/// A failure to open, with the place.
fn place(location: &Location, error: rusqlite::Error) -> Error {
    let error = fault::from_driver(error, None, None);
    let place = match location {
        Location::Memory => "the database in memory".to_owned(),
        Location::File(path) => path.display().to_string(),
    };
    let message = format!("cannot open {place}: {}", error.message());
    let placed = Error::new(error.kind(), message);
    match error.code() {
        Some(code) => placed.with_code(code).with_cause(error),
        None => placed.with_cause(error),
    }
}
