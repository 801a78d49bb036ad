//! Where the databases lie: a folder of its own, in memory where the system has such a place.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

const PREFIX: &str = "forebay-prove-";

/// In each folder, locked for as long as somebody works there.
const LOCK: &str = "lock";

/// A folder that is removed with everything in it.
pub(crate) struct Place {
    folder: TempDir,
    _lock: File,
}

impl Place {
    pub(crate) fn new() -> Result<Place> {
        let builder = &mut tempfile::Builder::new();
        let builder = builder.prefix(PREFIX);
        let made = match builder.tempdir_in(memory()) {
            Ok(folder) => Ok(folder),
            Err(_) => builder.tempdir(),
        };
        let folder = made.context("cannot make a folder for temporary files")?;
        // Under another name first, so that nobody finds it unlocked.
        let early = folder.path().join("early");
        let lock = File::create(&early)?;
        lock.lock().context("cannot lock a folder for temporary files")?;
        std::fs::rename(early, folder.path().join(LOCK))?;
        Ok(Place { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("prove.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}

/// A folder in memory, where there is one.
fn memory() -> &'static Path {
    Path::new("/dev/shm")
}

/// Removes the folders of runs that were killed.
pub(crate) fn remove_abandoned() {
    remove_abandoned_in(memory());
    remove_abandoned_in(&std::env::temp_dir());
}

fn remove_abandoned_in(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // A run that is alive holds the lock; so does nobody whose folder has none yet.
        let is_abandoned = || {
            let lock = File::open(entry.path().join(LOCK)).ok();
            lock.is_some_and(|lock| lock.try_lock().is_ok())
        };
        if is_ours && is_abandoned() {
            // Another run may be at it too; gone is gone.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_removed_and_those_of_the_living_stay() {
        let alive = Place::new().unwrap();
        let around = alive.folder.path().parent().unwrap();
        let make = |name: &str, has_lock: bool| {
            let folder = around.join(format!("{PREFIX}{name}-{}", std::process::id()));
            std::fs::create_dir(&folder).unwrap();
            if has_lock {
                File::create(folder.join(LOCK)).unwrap();
            }
            folder
        };
        let (dead, young) = (make("dead", true), make("young", false));
        remove_abandoned();
        let are_there = [alive.folder.path(), &dead, &young].map(Path::exists);
        std::fs::remove_dir(young).unwrap();
        assert_eq!(are_there, [true, false, true]);
    }
}
