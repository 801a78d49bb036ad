//! Where the databases lie: a folder of its own, in memory where the system has such a place.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A folder that is removed with everything in it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Result<Place> {
        let memory = Path::new("/dev/shm");
        let builder = &mut tempfile::Builder::new();
        let builder = builder.prefix("forebay-prove-");
        let made = match builder.tempdir_in(memory) {
            Ok(folder) => Ok(folder),
            Err(_) => builder.tempdir(),
        };
        made.map(Place).context("cannot make a folder for temporary files")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("prove.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}
