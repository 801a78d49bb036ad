//! That one process at a time maintains a database. The lock is one that the system or the server
//! drops by itself when its owner ends, however that comes: there is no lease to run out while its
//! owner is merely slow, and nothing to be cleaned up.

use std::fs::{File, OpenOptions, TryLockError};
#[cfg(feature = "postgres")]
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use crate::db::Db;
use crate::engine::Custody;
use crate::error::{Error, Kind, Result};
use crate::sql::Dialect;
use crate::value::Value;

/// How long the server may take to say that the session is there.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What the file of the lock is called, behind the name of the database. It stays there.
const SUFFIX: &str = ".forebay-lock";

#[cfg(feature = "postgres")]
const TAKE: &str = "SELECT pg_catalog.pg_try_advisory_lock(1718579557, 1835100526)::int";

/// The right to maintain a database, until it is dropped.
pub(super) enum Lead {
    /// Of a database in memory, which nobody else has.
    Alone,
    File {
        _file: File,
    },
    #[cfg_attr(not(feature = "postgres"), expect(dead_code))]
    Server(Custody),
}

impl Lead {
    /// Takes the right if nobody has it.
    pub(super) async fn take(db: &Db) -> Result<Option<Lead>> {
        match db.engine().dialect() {
            Dialect::Sqlite => {
                let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
                let query = db.query(sql).named("maintenance").no_cache().unguarded();
                match query.scalar::<Option<String>>().await? {
                    Some(path) if !path.is_empty() => lock(path).await,
                    _ => Ok(Some(Lead::Alone)),
                }
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let custody = Custody::take(db.engine(), Location::caller()).await?;
                let rows = custody.rows(TAKE).await?;
                let first = if rows.is_empty() { None } else { rows.values(0).first() };
                let is_taken = first == Some(&Value::Integer(1));
                Ok(is_taken.then_some(Lead::Server(custody)))
            }
        }
    }

    /// Whether it is still there, and the database open. A lock of a file is as long as the file
    /// is open.
    pub(super) async fn holds(&self, db: &Db) -> bool {
        match self {
            Lead::Alone | Lead::File { .. } => !is_closed(&db.ping().await),
            Lead::Server(custody) => {
                let asked = tokio::time::timeout(ANSWER_MAX, custody.rows("SELECT 1")).await;
                matches!(asked, Ok(Ok(rows)) if rows.values(0) == [Value::Integer(1)])
            }
        }
    }
}

pub(super) fn is_closed<T>(done: &Result<T>) -> bool {
    done.as_ref().is_err_and(Error::is_closed)
}

/// The file is none of SQLite's, so that opening and closing it drops no lock of SQLite's.
async fn lock(database: String) -> Result<Option<Lead>> {
    let path = PathBuf::from(database + SUFFIX);
    let locked = tokio::task::spawn_blocking(move || {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| unusable(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lead::File { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(unusable(&path, error)),
        }
    });
    locked.await.unwrap_or_else(|error| {
        Err(Error::new(Kind::Closed, "the runtime ended while a file was locked").with_cause(error))
    })
}

fn unusable(path: &std::path::Path, error: std::io::Error) -> Error {
    let text = format!(
        "{} cannot be locked, by which one process at a time maintains the database; the folder \
         of the database has to be writable: {error}",
        path.display()
    );
    Error::new(Kind::Open, text).with_cause(error)
}
