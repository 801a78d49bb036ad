//! Making the copy, and asking it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::super::fault;
use super::super::relations::Relations;
use super::facts::Facts;
use super::folder::Folder;
use super::index::Kept;
use super::source::{Manner, State, open};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::sql::{NotUnderstood, Sought, sought};

/// Pages that are copied in one go.
const PAGES_PER_STEP: i32 = 4_096;

/// Waits for whoever has the file locked.
const WAITS_MAX: usize = 500;
const WAIT: Duration = Duration::from_millis(20);

/// Bytes of the copy's page cache, in KiB.
const CACHE_KIB: u32 = 65_536;

/// What a trial may cost.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The largest database that is copied, its log included.
    pub(crate) bytes_max: u64,
    /// Where the copy is put.
    pub(crate) folder: PathBuf,
    /// The longest that one statement may run.
    pub(crate) run_max: Duration,
    /// When it is cancelled, nothing more is done.
    pub(crate) stop: Arc<Stop>,
}

/// A private copy of a database.
pub(crate) struct Trial {
    pub(super) connection: Connection,
    pub(super) facts: Facts,
    /// Indexes whose schema row is kept here, by name: those that can be hidden or shown.
    pub(super) kept: BTreeMap<String, Kept>,
    /// Roots of empty indexes, once there are any.
    pub(super) empty_pages: Option<Vec<i64>>,
    pub(super) run_max: Duration,
    /// Where a file that is open cannot be removed, it is when this goes. It stands behind the
    /// connection, so that the file is closed by then.
    _folder: Option<Folder>,
}

impl Trial {
    /// Copies the database at `path`, which is only read. Blocks.
    ///
    /// An error with [`Error::is_too_large`] if it is larger than allowed, or there is no space.
    pub(crate) fn copy(path: &Path, bounds: &Bounds) -> Result<Trial> {
        let state = State::of(path)?;
        check_space(state.bytes(path), bounds)?;
        let folder = Folder::new(&bounds.folder)?;
        let target = folder.path().join("copy.db");
        if !copied_quietly(path, &state, &target, &bounds.stop)? {
            copy_to(path, Manner::Shared, &target, &bounds.stop)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&target, flags).map_err(fail)?;
        // Nothing in it has to outlive a crash, but statements are rolled back. Without a journal
        // on the disk, the file does not need its name.
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;
                 PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -{CACHE_KIB};
                 PRAGMA temp_store = FILE"
            ))
            .map_err(fail)?;
        let mut trial = Trial {
            connection,
            facts: Facts::default(),
            kept: BTreeMap::new(),
            empty_pages: None,
            run_max: bounds.run_max,
            // However this process ends, no copy is left.
            _folder: if cfg!(unix) { None } else { Some(folder) },
        };
        trial.facts = trial.read_facts()?;
        trial.keep_existing()?;
        Ok(trial)
    }

    /// What is in the database.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What a statement seeks.
    pub(crate) fn sought(&self, sql: &str) -> Result<Sought, NotUnderstood> {
        let relations = Relations::read(&self.connection, sql)
            .map_err(|error| NotUnderstood::because(error.to_string()))?;
        sought(sql, &relations)
    }
}

pub(super) fn fail(error: rusqlite::Error) -> Error {
    fault::from_driver(error, None, None)
}

/// Copies a file that nobody has open. Whether that was so to the end.
fn copied_quietly(path: &Path, before: &State, target: &Path, stop: &Stop) -> Result<bool> {
    if before.manner() == Manner::Shared {
        return Ok(false);
    }
    let copied = copy_to(path, Manner::Quiet, target, stop);
    // What was read while somebody wrote is of no use, be it an error or a copy.
    if State::of(path)? != *before {
        return Ok(false);
    }
    copied.map(|()| true)
}

fn copy_to(path: &Path, manner: Manner, target: &Path, stop: &Stop) -> Result<()> {
    let source = open(path, manner)?;
    let mut copy = Connection::open(target).map_err(fail)?;
    let backup = Backup::new(&source, &mut copy).map_err(fail)?;
    let mut waits = 0;
    loop {
        if stop.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "nobody waits for the advice any more"));
        }
        match backup.step(PAGES_PER_STEP).map_err(fail)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => waits += 1,
        }
        if waits > WAITS_MAX {
            return Err(Error::new(
                Kind::Busy,
                "the database is locked by somebody who writes to it; try again later",
            ));
        }
        if waits > 0 {
            std::thread::sleep(WAIT);
        }
    }
}

/// An error if the copy, and about as much for indexes, has no place.
fn check_space(bytes: u64, bounds: &Bounds) -> Result<()> {
    if bytes > bounds.bytes_max {
        return Err(Error::new(
            Kind::TooLarge,
            format!(
                "the database has {bytes} bytes, and advice is proven on a copy of at most {} \
                 bytes; allow a larger copy, or take one of fewer rows",
                bounds.bytes_max
            ),
        ));
    }
    match free_bytes(&bounds.folder) {
        Some(free) if free / 2 < bytes => Err(Error::new(
            Kind::TooLarge,
            format!(
                "advice is proven on a copy, which needs {} bytes in {}, and {free} are free; \
                 name another folder",
                bytes * 2,
                bounds.folder.display()
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail * found.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}
