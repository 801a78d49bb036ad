//! How connections to SQLite are set up.

use std::time::Duration;

use super::capture::Means;
use crate::error::{Error, Result};

/// Settings of every connection.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Statements come from remote clients.
    pub(crate) remote: bool,
    /// Create the file when it is missing.
    pub(crate) create: bool,
    /// Open for reading only.
    pub(crate) read_only: bool,
    /// The value for `PRAGMA synchronous`.
    pub(crate) synchronous: &'static str,
    pub(crate) journal_mode: &'static str,
    pub(crate) busy_timeout: Duration,
    pub(crate) foreign_keys: bool,
    /// Page cache of one connection, in bytes.
    pub(crate) page_cache_bytes_each: u64,
    pub(crate) mmap_bytes: u64,
    pub(crate) statement_cache: usize,
    /// How changed rows are learned; `None` leaves the choice.
    pub(crate) capture: Option<Means>,
    /// Tell commits of other processes apart by the pages that they change.
    pub(crate) map_pages: bool,
    /// Further PRAGMAs for every connection, in order.
    pub(crate) pragmas: Vec<(String, String)>,
}

impl Options {
    /// The script that sets a connection up.
    pub(super) fn script(&self) -> Result<String> {
        let mut script = format!(
            "PRAGMA synchronous = {}; PRAGMA foreign_keys = {}; PRAGMA cache_size = -{}; \
             PRAGMA temp_store = MEMORY; PRAGMA mmap_size = {}; PRAGMA wal_autocheckpoint = 0;",
            self.synchronous,
            if self.foreign_keys { "ON" } else { "OFF" },
            (self.page_cache_bytes_each / 1024).clamp(64, i32::MAX as u64),
            self.mmap_bytes.min(i64::MAX as u64),
        );
        for (name, value) in &self.pragmas {
            check_pragma(name, value)?;
            script.push_str(&format!(" PRAGMA {name} = {value};"));
        }
        Ok(script)
    }
}

/// PRAGMAs that would take the ground from under the layer.
const RESERVED: &[&str] = &[
    "full_column_names",
    "journal_mode",
    "locking_mode",
    "query_only",
    "short_column_names",
    "wal_autocheckpoint",
    "writable_schema",
];

fn check_pragma(name: &str, value: &str) -> Result<()> {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    if !is_word(name) || !is_word(value) {
        return Err(Error::usage(format!(
            "PRAGMA {name:?} = {value:?}: name and value may only have letters, digits, `_`, `-`, \
             and `.`"
        )));
    }
    // The name of a database may stand in front.
    let bare = name.rsplit('.').next().unwrap_or(name);
    if RESERVED.iter().any(|reserved| bare.eq_ignore_ascii_case(reserved)) {
        return Err(Error::usage(format!(
            "PRAGMA {name} is kept by Forebay itself; use the builder's settings"
        )));
    }
    Ok(())
}
