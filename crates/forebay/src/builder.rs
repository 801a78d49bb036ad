//! Opening a database: every setting, its default and its check in one place.

use std::time::Duration;

use crate::db::Db;
use crate::error::Result;

/// Opens the database at `url` with the defaults of [`Builder`].
///
/// `url` is `sqlite:path/to/file.db`, `sqlite::memory:`, or a bare path.
pub async fn open(url: impl AsRef<str>) -> Result<Db> {
    Builder::new(url).open().await
}

/// How durable a commit is when the machine loses power (`PRAGMA synchronous`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// No syncs: a power cut can damage the database.
    Off,
    /// The default: safe against damage; the last commits may be lost at a power cut.
    Normal,
    /// Every commit is on disk before it is acknowledged.
    Full,
}

/// Who sends the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The application itself.
    Local,
    /// Remote clients: ATTACH, VACUUM INTO, extensions, other files, PRAGMAs that change the
    /// connection or the file, and writes to the schema table are denied.
    Remote,
}

/// Settings for a database, and the way to open it.
#[derive(Clone, Debug)]
pub struct Builder {
    url: String,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $ty:ty;)*) => {
        impl Builder {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(self, $name: $ty) -> Builder {
                let _ = $name;
                todo!()
            }
        )*}
    };
}

settings! {
    /// Who sends the statements; [`Access::Local`] by default.
    access: Access;
    /// Create the file when it is missing; true by default.
    create: bool;
    /// Open for reading only; a file that may not be written is opened so by itself.
    read_only: bool;
    /// Readers kept at most; 10 by default.
    max_size: usize;
    /// Readers beyond `max_size` while the load lasts; 20 by default.
    max_overflow: usize;
    /// Readers kept open while idle; 3 by default.
    min_idle: usize;
    /// The longest wait for a connection; 5 s by default.
    acquire_timeout: Duration;
    /// Idle connections above `min_idle` are closed after this; 300 s by default.
    idle_timeout: Duration;
    /// Connections are replaced after this; 3,600 s by default.
    max_lifetime: Duration;
    /// Session connections (interactive transactions) at most; 20 by default.
    max_sessions: usize;
    /// The longest a transaction may lie idle between statements; 10 s by default.
    transaction_idle_timeout: Duration;
    /// The longest a transaction may last; 60 s by default.
    transaction_timeout: Duration;
    /// The longest one statement may run; none by default.
    statement_timeout: Option<Duration>;
    /// Rows of one collected answer at most; 10,000,000 by default.
    max_result_rows: usize;
    /// Bytes of one collected answer at most; 256 MiB by default.
    max_result_bytes: usize;
    /// Prepared statements kept per connection; 128 by default.
    statement_cache: usize;
    /// Whether answers are cached; true by default.
    cache: bool;
    /// Bytes of cached answers at most; 100 MB by default.
    cache_bytes: u64;
    /// `PRAGMA synchronous`; NORMAL by default.
    synchronous: Synchronous;
    /// `PRAGMA busy_timeout`; 5 s by default.
    busy_timeout: Duration;
    /// `PRAGMA foreign_keys`; on by default.
    foreign_keys: bool;
    /// Page cache of all connections together, in bytes; 64 MB by default.
    page_cache_bytes: u64;
    /// `PRAGMA mmap_size` in bytes; 0 (off) by default.
    mmap_bytes: u64;
}

impl Builder {
    /// Settings with their defaults for the database at `url`.
    pub fn new(url: impl AsRef<str>) -> Builder {
        Builder { url: url.as_ref().to_owned() }
    }

    /// Runs `PRAGMA name = value` on every connection.
    #[must_use]
    pub fn pragma(self, name: &str, value: &str) -> Builder {
        let _ = (name, value, &self.url);
        todo!()
    }

    /// Opens the database.
    pub async fn open(self) -> Result<Db> {
        todo!()
    }
}
