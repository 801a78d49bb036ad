//! Saving which keys were asked for most, and loading them again on start. What is in the file is
//! in `hot`; it holds keys alone, no values.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::Cacheable;
use super::blocking::Blocking;
use super::cache::Cache;
use super::core::Core;
use super::failure::Cause;
use super::hot::{self, Hottest};
use super::kept::Standing;
use super::space::Space;
use super::warming::{WarmProgress, Warming};
use crate::error::{Error, Kind, Result};

impl Cache {
    /// Saves which keys of this namespace were asked for most, at most `most` and 100,000 of them
    /// and as many as go into 16 MiB, and says how many. It saves keys, no values; only those that
    /// stand fresh now are meant. For [`Cache::warm_from`] at the next start: call it at the end,
    /// or from time to time.
    ///
    /// Askings are counted about, not exactly; once a value is loaded again, half of them count on.
    /// The file is replaced as a whole, and is on the disk when this returns, so that a crash
    /// leaves the one before. It belongs to who runs the process: it names what was asked for.
    /// Dropped, it is saved all the same. Cost: a walk over all entries, and a file that is written
    /// and synced on another thread.
    ///
    /// # Errors
    ///
    /// [`is_open`](crate::Error::is_open) when the file cannot be written, with the cause as its
    /// source. [`is_usage`](crate::Error::is_usage) outside a tokio runtime.
    pub async fn save_hot(&self, path: impl AsRef<Path>, most: usize) -> Result<u64> {
        let runtime = super::load::runtime()?;
        let (cache, path) = (self.clone(), path.as_ref().to_owned());
        let saving = runtime.spawn_blocking(move || cache.save_hot_now(&path, most));
        saving.await.unwrap_or_else(|_| Err(super::failure::shut_down()))
    }

    fn save_hot_now(&self, path: &Path, most: usize) -> Result<u64> {
        let (file, count) = hot::encode(&self.core.hottest(&self.space, most).into_keys());
        replace(path, &file).map_err(|cause| {
            let text = "the list of hot keys cannot be written: see the source of this error, and \
                        give a file in a folder that may be written to";
            Error::new(Kind::Open, text).with_cause(cause)
        })?;
        Ok(count as u64)
    }

    /// Loads the keys that [`Cache::save_hot`] has saved, hottest first, and else as
    /// [`Cache::warm`] does. A file that is not there is a list without keys, as at the first
    /// start.
    ///
    /// # Errors
    ///
    /// [`is_corrupt`](crate::Error::is_corrupt) when the file is not as it was saved, or not such a
    /// file; [`is_open`](crate::Error::is_open) when it cannot be read. Nothing is loaded then, and
    /// the cache is as usable as without. Loads that fail are counted, as by `warm`.
    pub async fn warm_from<T, E, F, Fut>(
        &self,
        path: impl AsRef<Path>,
        load: F,
    ) -> Result<WarmProgress>
    where
        T: Cacheable,
        E: Into<Cause> + 'static,
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.warming().load_from(path, load).await
    }
}

impl Blocking<'_> {
    /// As [`Cache::save_hot`], on this thread.
    ///
    /// # Errors
    ///
    /// As [`Cache::save_hot`], and no runtime is needed.
    pub fn save_hot(&self, path: impl AsRef<Path>, most: usize) -> Result<u64> {
        self.cache().save_hot_now(path.as_ref(), most)
    }
}

impl Warming<'_> {
    /// As [`Cache::warm_from`].
    ///
    /// # Errors
    ///
    /// As [`Cache::warm_from`].
    pub async fn load_from<T, E, F, Fut>(
        self,
        path: impl AsRef<Path>,
        load: F,
    ) -> Result<WarmProgress>
    where
        T: Cacheable,
        E: Into<Cause> + 'static,
        F: Fn(Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let runtime = super::load::runtime()?;
        let path = path.as_ref().to_owned();
        let reading = runtime.spawn_blocking(move || read(&path));
        let keys = reading.await.unwrap_or_else(|_| Err(super::failure::shut_down()))?;
        Ok(self.load(keys, load).await)
    }
}

impl Core {
    /// The keys of a namespace that were asked for most, of those that stand fresh with a value.
    fn hottest(&self, space: &Space, most: usize) -> Hottest {
        let now = self.now();
        let mut hottest = Hottest::new(most);
        for (key, kept) in self.store.all(|key| *key.space == *space) {
            let is_there = kept.content.value.is_some();
            if is_there && kept.standing(&self.tags, now) == Standing::Fresh {
                hottest.add(&key.bytes, kept.life.asked());
            }
        }
        hottest
    }
}

/// The keys that were saved; none where there is no file.
fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    // One more than there may be, to see that there are too many.
    let limit = hot::FILE_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    hot::decode(&bytes).map_err(|hot::Damaged| {
        let text = "the list of hot keys is damaged, or is another file: remove it, and save it \
                    anew";
        Error::new(Kind::Corrupt, text)
    })
}

fn unreadable(cause: io::Error) -> Error {
    let text = "the list of hot keys cannot be read: see the source of this error";
    Error::new(Kind::Open, text).with_cause(cause)
}

/// Puts a file in the place of another one, as a whole, and onto the disk.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let replaced = written.and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // What failed is told; that a file is left over would only hide it.
        let _ = fs::remove_file(&temporary);
    }
    replaced.and_then(|()| sync_folder(path))
}

/// A new file in the same folder, so that it can be renamed, under a name that nobody else uses.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut own = name.to_owned();
    own.push(format!(".{:016x}", fastrand::u64(..)));
    let temporary = path.with_file_name(own);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&temporary)?;
    Ok((temporary, file))
}

/// A rename is on the disk once the folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
