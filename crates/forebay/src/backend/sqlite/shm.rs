//! The WAL-index header, read straight out of the shared memory that SQLite has mapped.
//!
//! This is one of the three places with `unsafe` code. The pointer comes from SQLite's own file
//! handle (`xShmMap`): opening `-shm` by any other means and closing it again would drop every
//! lock that SQLite holds on it. It stays valid while the connection that it was taken from is
//! open, so that connection is kept here; it runs checkpoints and no other statement.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rusqlite::ffi;

use crate::error::{Error, Kind, Result};
use crate::invalidate::Header;

/// Size of one region of the WAL index (`WALINDEX_PGSZ` in wal.c).
const REGION_BYTES: i32 = 32_768;

/// Looks at the header until it stands still; a writer is never between its two copies for long.
const STABLE_TRIES: usize = 1_000;

/// The header in shared memory, with the connection that keeps it mapped.
pub(super) struct WalIndex {
    words: NonNull<AtomicU64>,
    pin: Mutex<rusqlite::Connection>,
}

// SAFETY: `words` points to shared memory that is only read, through atomics, and that the
// connection in `pin` keeps mapped until this value is dropped.
unsafe impl Send for WalIndex {}
// SAFETY: as above; the connection itself is behind a mutex.
unsafe impl Sync for WalIndex {}

impl WalIndex {
    /// Maps the header of `connection`'s main database, which must be in WAL mode and have been
    /// read from at least once.
    pub(super) fn map(connection: rusqlite::Connection) -> Result<WalIndex> {
        let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
        // SAFETY: the handle is open, "main" is NUL-terminated, and SQLITE_FCNTL_FILE_POINTER
        // stores one pointer through its last argument.
        let code = unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                (&raw mut file).cast::<c_void>(),
            )
        };
        if code != ffi::SQLITE_OK || file.is_null() {
            return Err(unmapped("SQLite does not give its file handle"));
        }
        let mut region: *mut c_void = std::ptr::null_mut();
        // SAFETY: `file` is SQLite's open handle for as long as `connection` lives, and pMethods
        // is set on every open file. Methods of version 2 and above have xShmMap.
        let code = unsafe {
            let methods = (*file).pMethods;
            if methods.is_null() || (*methods).iVersion < 2 {
                return Err(unmapped("this file system has no shared memory"));
            }
            let Some(map) = (*methods).xShmMap else {
                return Err(unmapped("this file system has no shared memory"));
            };
            map(file, 0, REGION_BYTES, 0, &raw mut region)
        };
        let words = NonNull::new(region.cast::<AtomicU64>());
        match words {
            Some(words) if code == ffi::SQLITE_OK && words.is_aligned() => {
                Ok(WalIndex { words, pin: Mutex::new(connection) })
            }
            _ => Err(unmapped("the WAL index is not mapped")),
        }
    }

    /// The first copy of the header, which readers of the database trust. While it stands still,
    /// nothing was committed.
    #[inline]
    pub(super) fn header(&self) -> Header {
        self.copy(0)
    }

    /// The header once both copies agree and the checksum is right; `None` if it does not come
    /// to rest.
    pub(super) fn stable(&self) -> Option<Header> {
        for _ in 0..STABLE_TRIES {
            let first = self.copy(0);
            fence(Ordering::SeqCst);
            let second = self.copy(1);
            if first == second && first.is_valid() {
                return Some(first);
            }
            std::hint::spin_loop();
        }
        None
    }

    /// The frames of the log that are in the file already (`nBackfill` in wal.c, which follows
    /// the two copies of the header). It may be out of date at once.
    pub(super) fn backfilled(&self) -> u32 {
        // SAFETY: as in `copy`; the word after both copies.
        let word = unsafe { self.words.add(2 * 6).as_ref() }.load(Ordering::Acquire);
        let [a, b, c, d, ..] = word.to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// A passive checkpoint, which leaves the header as it is.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<()> {
        let pin = self.pin.lock().unwrap_or_else(|lock| lock.into_inner());
        pin.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Whether the file was deleted or replaced by another under its name.
    pub(super) fn has_moved(&self) -> bool {
        let pin = self.pin.lock().unwrap_or_else(|lock| lock.into_inner());
        let mut moved: i32 = 0;
        // SAFETY: the handle is open and SQLITE_FCNTL_HAS_MOVED stores one int.
        let code = unsafe {
            ffi::sqlite3_file_control(
                pin.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_HAS_MOVED,
                (&raw mut moved).cast::<c_void>(),
            )
        };
        code == ffi::SQLITE_OK && moved != 0
    }

    #[inline]
    fn copy(&self, copy: usize) -> Header {
        Header(std::array::from_fn(|index| {
            // SAFETY: both copies, 12 words in all, lie at the beginning of the mapped region,
            // which is aligned to a page. Other processes write it; the loads are atomic.
            unsafe { self.words.add(copy * 6 + index).as_ref() }.load(Ordering::Acquire)
        }))
    }
}

fn unmapped(why: &str) -> Error {
    Error::new(Kind::Database, why)
}
