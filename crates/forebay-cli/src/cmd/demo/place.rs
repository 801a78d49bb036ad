//! Where the demo's files are, and that they are gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// The database as it was made, and a folder for copies of it that the load works on.
pub(super) struct Place {
    folder: TempDir,
    original: PathBuf,
    fate: Fate,
}

/// What becomes of the original.
#[derive(PartialEq)]
enum Fate {
    /// It goes with the folder.
    Temporary,
    /// It is outside the folder, and incomplete until `complete` says otherwise.
    Unfinished,
    /// It stays.
    Stays,
}

impl Place {
    /// A place at the path asked for, or in a temporary folder.
    pub(super) fn new(path: Option<&Path>) -> Result<Place> {
        let Some(path) = path else {
            let folder = folder_in(&std::env::temp_dir())?;
            let original = folder.path().join("demo.db");
            return Ok(Place { folder, original, fate: Fate::Temporary });
        };
        if path.exists() {
            anyhow::bail!(
                "{} exists already; the demo never overwrites a file: name another, or remove it",
                path.display()
            );
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = folder_in(parent)?;
        Ok(Place { folder, original: path.to_owned(), fate: Fate::Unfinished })
    }

    /// The file of the database as it was made.
    pub(super) fn original(&self) -> &Path {
        &self.original
    }

    /// Says that the original is complete and, when `keep`, that it stays even if it was meant
    /// to be temporary.
    pub(super) fn complete(&mut self, keep: bool) {
        if keep || self.fate == Fate::Unfinished {
            self.fate = Fate::Stays;
        }
    }

    /// Where the original stays, if it does.
    pub(super) fn kept(&self) -> Option<&Path> {
        (self.fate == Fate::Stays).then_some(&*self.original)
    }

    /// A fresh copy of the original, alone in place of the last one. Nobody may have either of
    /// them open: closing a copied file would drop SQLite's locks on it.
    pub(super) fn fresh_copy(&self) -> Result<PathBuf> {
        let copy = self.folder.path().join("load.db");
        for name in ["load.db", "load.db-wal", "load.db-shm"] {
            match fs::remove_file(self.folder.path().join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        fs::copy(&self.original, &copy)
            .with_context(|| format!("cannot copy the database to {}", copy.display()))?;
        Ok(copy)
    }
}

impl Drop for Place {
    /// Faults are ignored: nothing can be done about a file that cannot be removed.
    fn drop(&mut self) {
        match self.fate {
            Fate::Stays if self.original.starts_with(self.folder.path()) => {
                self.folder.disable_cleanup(true);
                let _ = fs::remove_file(self.folder.path().join("load.db"));
            }
            Fate::Unfinished => {
                let _ = fs::remove_file(&self.original);
            }
            _ => {}
        }
    }
}

fn folder_in(parent: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("forebay-demo-").tempdir_in(parent);
    made.with_context(|| format!("cannot create a folder in {}", parent.display()))
}
