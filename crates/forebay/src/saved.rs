//! Statistics of statements in a file: reading one that another process has written, and writing
//! it so that whoever reads it finds the whole of it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Kind, Result};
use crate::stats::TimeStats;
use crate::watch::{Kept, Ledger, Unreadable};

/// Bytes of a file at most; some hundred times what is usual.
const BYTES_MAX: u64 = 64 << 20;

/// What a database has kept in its `statistics_file`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SavedStatistics {
    /// When counting began.
    pub since: SystemTime,
    /// When the file was written.
    pub saved: SystemTime,
    /// The heaviest 1,000 statements; the one with the id 0 stands for all others.
    pub statements: Vec<SavedStatement>,
}

/// What was counted of one fingerprint.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SavedStatement {
    /// The stable id.
    pub fingerprint: u64,
    /// The normalised text.
    pub statement: String,
    /// The name given with `named`.
    pub name: Option<String>,
    /// Who has asked for it, once.
    pub caller: Option<String>,
    /// One of its texts, if it has no literals or `keep_samples` allowed them.
    pub sample: Option<String>,
    /// Executions, hits included.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Answers served from memory.
    pub hits: u64,
    /// Executions that may have written.
    pub writes: u64,
    /// Rows answered or changed by the database.
    pub rows: u64,
    /// Bytes of the database's answers.
    pub bytes_read: u64,
    /// How long executions took at the database.
    pub time: TimeStats,
    /// Time that executions waited for a connection, all together.
    pub pool_wait: Duration,
    /// The digest of its query plan, if it was known.
    pub plan: Option<u64>,
    /// When it was seen first.
    pub first_seen: SystemTime,
    /// When it was seen last.
    pub last_seen: SystemTime,
}

impl SavedStatistics {
    /// Reads the file at `path`, on this thread.
    ///
    /// An error if it cannot be read, is damaged, or of another version.
    pub fn read(path: impl AsRef<Path>) -> Result<SavedStatistics> {
        let path = path.as_ref();
        let ledger = match read(path) {
            Ok(Some(ledger)) => ledger,
            Ok(None) => {
                return Err(Error::new(Kind::Open, format!("there is no file {}", path.display())));
            }
            Err(fault) => return Err(fault.error(path)),
        };
        let at = |ms: u64| UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH);
        Ok(SavedStatistics {
            since: at(ledger.since_ms),
            saved: at(ledger.saved_ms),
            statements: ledger.lines.into_iter().map(|kept| statement(kept, at)).collect(),
        })
    }
}

fn statement(kept: Kept, at: impl Fn(u64) -> SystemTime) -> SavedStatement {
    let past: u64 = kept.bypasses.iter().sum();
    SavedStatement {
        fingerprint: kept.id,
        statement: kept.text.to_string(),
        name: kept.name,
        caller: kept.caller,
        sample: kept.sample,
        calls: kept.hits + kept.misses + kept.writes + past,
        errors: kept.errors,
        hits: kept.hits,
        writes: kept.writes,
        rows: kept.rows,
        bytes_read: kept.bytes,
        time: kept.times.stats(),
        pool_wait: Duration::from_nanos(kept.wait_nanos),
        plan: kept.plan,
        first_seen: at(kept.first_ms),
        last_seen: at(kept.last_ms),
    }
}

/// Why a file is not taken.
pub(crate) enum Fault {
    /// It cannot be read.
    Io(io::Error),
    /// What it says cannot be understood.
    Unreadable(Unreadable),
}

impl Fault {
    fn error(self, path: &Path) -> Error {
        let path = path.display();
        match self {
            Fault::Io(error) => {
                Error::new(Kind::Open, format!("the statistics in {path} cannot be read"))
                    .with_cause(error)
            }
            Fault::Unreadable(Unreadable::Version(version)) => Error::new(
                Kind::Open,
                format!(
                    "the statistics in {path} are of version {version} of the format, which this \
                     version of Forebay does not read; use the one that has written them"
                ),
            ),
            Fault::Unreadable(Unreadable::Damaged) => Error::new(
                Kind::Corrupt,
                format!("{path} is not a file of statistics, or is damaged"),
            ),
        }
    }
}

/// Reads the file, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<Ledger>, Fault> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::Io(error)),
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Fault::Io)?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::Unreadable(Unreadable::Damaged))?;
    Ledger::read(&text).map(Some).map_err(Fault::Unreadable)
}

/// Writes the file in place of the one before: whoever opens it finds one or the other.
pub(crate) fn write(path: &Path, ledger: &Ledger) -> io::Result<()> {
    let part = beside(path, &format!(".{}.part", std::process::id()));
    let written = fs::File::create(&part).and_then(|mut file| {
        file.write_all(ledger.write().as_bytes())?;
        // Before it has its name: a power cut must not leave an empty one.
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&part, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&part);
    }
    renamed
}

/// Takes a file out of the way that cannot be understood.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = beside(path, ".damaged");
    fs::rename(path, &aside).map(|()| aside)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(end);
    name.into()
}
