//! The WAL index, its header and the page numbers of the frames, read straight out of the shared
//! memory that SQLite has mapped.
//!
//! This is one of the three places with `unsafe` code. The pointer comes from SQLite's own file
//! handle (`xShmMap`): opening `-shm` by any other means and closing it again would drop every
//! lock that SQLite holds on it. It stays valid while the connection that it was taken from is
//! open, so that connection is kept here; it runs checkpoints, and nothing else.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ops::RangeInclusive;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::ffi;

use crate::error::{Error, Kind, Result};
use crate::invalidate::{Header, LastFrame};

/// Size of one region of the WAL index (`WALINDEX_PGSZ` in wal.c).
const REGION_BYTES: i32 = 32_768;

/// Page numbers in the first region (`HASHTABLE_NPAGE_ONE`), and where they begin: after the two
/// copies of the header and what follows them.
const FIRST_NUMBERS: u32 = 4_062;
const FIRST_OFFSET: usize = 136;

/// Page numbers in each further region (`HASHTABLE_NPAGE`), where they begin at once.
const NUMBERS: u32 = 4_096;

/// Bytes of the log before its first frame, and of a frame before its page.
const LOG_HEADER_BYTES: i64 = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Looks at the header until it stands still; a writer is never between its two copies for long.
const STABLE_TRIES: usize = 1_000;

/// The WAL index in shared memory, with the connection that keeps it mapped.
pub(super) struct WalIndex {
    words: NonNull<AtomicU64>,
    /// The regions mapped so far.
    regions: Mutex<Vec<NonNull<AtomicU32>>>,
    pin: Mutex<Pin>,
}

/// The connection that keeps the WAL index mapped.
struct Pin {
    connection: rusqlite::Connection,
    /// SQLite's handle of the file, which lives as long as the connection.
    file: NonNull<ffi::sqlite3_file>,
}

// SAFETY: `words` and the regions point to shared memory that is only read, through atomics, and
// that the connection in `pin` keeps mapped until this value is dropped.
unsafe impl Send for WalIndex {}
// SAFETY: as above; the connection and its file are behind a mutex.
unsafe impl Sync for WalIndex {}

impl WalIndex {
    /// Maps the WAL index of `connection`'s main database, which must be in WAL mode and have
    /// been read from at least once.
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
        let file = NonNull::new(file)
            .filter(|_| code == ffi::SQLITE_OK)
            .ok_or_else(|| unmapped("SQLite does not give its file handle"))?;
        let no_waiting = connection.busy_timeout(Duration::ZERO);
        no_waiting.map_err(|_| unmapped("SQLite does not take a setting"))?;
        let pin = Pin { connection, file };
        let first = pin.region(0).map_err(unmapped)?;
        let words = first.cast::<AtomicU64>();
        if !words.is_aligned() {
            return Err(unmapped("the WAL index is not mapped"));
        }
        Ok(WalIndex { words, regions: Mutex::new(vec![first]), pin: Mutex::new(pin) })
    }

    /// The first copy of the header, which readers of the database trust. While it stands still,
    /// nothing was committed.
    #[inline]
    pub(super) fn header(&self) -> Header {
        self.copy(0)
    }

    /// The header once both copies agree and the checksum is right; `None` if it does not come
    /// to rest, or is one that other states have had.
    pub(super) fn stable(&self) -> Option<Header> {
        self.at_rest().filter(|header| header.is_position())
    }

    /// Whether the index has the layout that is known here.
    pub(super) fn is_known(&self) -> bool {
        self.at_rest().is_some()
    }

    fn at_rest(&self) -> Option<Header> {
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

    /// Makes the header one that no other state has, if it is not: a checkpoint lets the log begin
    /// again, with salts drawn at random, also where there is nothing in it. Whether that worked
    /// does not matter: as long as somebody reads it does not, nor is anything served meanwhile.
    pub(super) fn draw_salts(&self) {
        if self.at_rest().is_some_and(|header| !header.is_position()) {
            let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
            if let Err(error) = self.pin().connection.query_row(truncate, [], |_| Ok(())) {
                tracing::warn!(%error, "the log did not begin again; nothing is cached until then");
            }
        }
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
        let pin = self.pin();
        pin.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Whether the file was deleted or replaced by another under its name.
    pub(super) fn has_moved(&self) -> bool {
        let pin = self.pin();
        let mut moved: i32 = 0;
        // SAFETY: the handle is open and SQLITE_FCNTL_HAS_MOVED stores one int.
        let code = unsafe {
            ffi::sqlite3_file_control(
                pin.connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_HAS_MOVED,
                (&raw mut moved).cast::<c_void>(),
            )
        };
        code == ffi::SQLITE_OK && moved != 0
    }

    /// The page numbers of these frames, which must be in the log; `None` when they cannot be
    /// read. They are those of the log as it is now: only if the header has not moved afterwards
    /// do they belong to it. Does not wait for a checkpoint.
    pub(super) fn page_numbers(&self, frames: RangeInclusive<u32>) -> Option<Vec<u32>> {
        let mut regions = self.regions.lock().unwrap_or_else(|lock| lock.into_inner());
        let mut numbers = Vec::with_capacity(frames.clone().count());
        for frame in frames {
            let (region, word) = place(frame)?;
            while regions.len() <= region {
                let next = self.pin.try_lock().ok()?.region(regions.len()).ok()?;
                regions.push(next);
            }
            // SAFETY: the region is mapped and has at least `word` + 1 words, see `place`. Other
            // processes write it; the loads are atomic.
            let number = unsafe { regions[region].add(word).as_ref() }.load(Ordering::Relaxed);
            numbers.push(number);
        }
        // Whoever has overwritten a number has changed the header before.
        fence(Ordering::Acquire);
        (!numbers.contains(&0)).then_some(numbers)
    }

    /// The page numbers of the frames that came after `last` before the log began again, the
    /// whole of them; `None` when that cannot be told any more. At most `frames_max`.
    ///
    /// Frames are written one after another, so as long as `last` itself is in the file nothing
    /// behind it was written over. That there is no further frame is known only from one of an
    /// earlier log that is still there: at its end the file may have been cut.
    pub(super) fn log_tail(&self, last: &LastFrame, frames_max: u32) -> Option<Vec<u32>> {
        let pin = self.pin.try_lock().ok()?;
        let mut numbers = Vec::new();
        let mut number = last.number.checked_add(1)?;
        loop {
            let frame = pin.frame(number, last.page_bytes)?;
            if frame.salts != last.salts {
                break;
            }
            numbers.push(frame.page);
            number = number.checked_add(1).filter(|_| numbers.len() < frames_max as usize)?;
        }
        let kept = pin.frame(last.number, last.page_bytes)?;
        let is_kept = kept.salts == last.salts && kept.checksum == last.checksum;
        (is_kept && !numbers.contains(&0)).then_some(numbers)
    }

    fn pin(&self) -> MutexGuard<'_, Pin> {
        self.pin.lock().unwrap_or_else(|lock| lock.into_inner())
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

impl Pin {
    /// One region of the WAL index, which must be there already.
    fn region(&self, index: usize) -> std::result::Result<NonNull<AtomicU32>, &'static str> {
        let number = i32::try_from(index).map_err(|_| "too many regions")?;
        let mut region: *mut c_void = std::ptr::null_mut();
        // SAFETY: `file` is SQLite's open handle for as long as the connection lives, and pMethods
        // is set on every open file. Methods of version 2 and above have xShmMap.
        let code = unsafe {
            let file = self.file.as_ptr();
            let methods = (*file).pMethods;
            if methods.is_null() || (*methods).iVersion < 2 {
                return Err("this file system has no shared memory");
            }
            let Some(map) = (*methods).xShmMap else {
                return Err("this file system has no shared memory");
            };
            map(file, number, REGION_BYTES, 0, &raw mut region)
        };
        NonNull::new(region.cast::<AtomicU32>())
            .filter(|region| code == ffi::SQLITE_OK && region.is_aligned())
            .ok_or("the WAL index is not mapped")
    }
}

/// The beginning of a frame in the log.
struct Frame {
    page: u32,
    salts: [[u8; 4]; 2],
    checksum: [u32; 2],
}

impl Pin {
    /// Reads the beginning of a frame from the log, through SQLite's own handle; `None` at the
    /// end of the file.
    fn frame(&self, number: u32, page_bytes: u32) -> Option<Frame> {
        let step = i64::from(page_bytes) + FRAME_HEADER_BYTES as i64;
        let offset = LOG_HEADER_BYTES + step * i64::from(number.checked_sub(1)?);
        let mut log: *mut ffi::sqlite3_file = std::ptr::null_mut();
        let mut bytes = [0u8; FRAME_HEADER_BYTES];
        // SAFETY: the handle is open, and SQLITE_FCNTL_JOURNAL_POINTER stores one pointer: the
        // log of a connection in WAL mode, open as long as that is so. Methods of every version
        // have xRead, which fills as many bytes as it is told.
        let code = unsafe {
            let code = ffi::sqlite3_file_control(
                self.connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_JOURNAL_POINTER,
                (&raw mut log).cast::<c_void>(),
            );
            if code != ffi::SQLITE_OK || log.is_null() || (*log).pMethods.is_null() {
                return None;
            }
            let read = (*(*log).pMethods).xRead?;
            read(log, bytes.as_mut_ptr().cast(), FRAME_HEADER_BYTES as i32, offset)
        };
        if code != ffi::SQLITE_OK {
            return None;
        }
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        Some(Frame {
            page: u32::from_be_bytes(word(0)),
            salts: [word(8), word(12)],
            checksum: [u32::from_be_bytes(word(16)), u32::from_be_bytes(word(20))],
        })
    }
}

/// Where the page number of a frame stands: the region, and the word of 32 bits in it.
fn place(frame: u32) -> Option<(usize, usize)> {
    let index = frame.checked_sub(1)?;
    Some(match index.checked_sub(FIRST_NUMBERS) {
        None => (0, FIRST_OFFSET / 4 + index as usize),
        Some(index) => ((index / NUMBERS) as usize + 1, (index % NUMBERS) as usize),
    })
}

fn unmapped(why: &str) -> Error {
    Error::new(Kind::Database, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_page_numbers() {
        for (frame, expect) in [
            (0, None),
            (1, Some((0, 34))),
            (4_062, Some((0, 4_095))),
            (4_063, Some((1, 0))),
            (8_158, Some((1, 4_095))),
            (8_159, Some((2, 0))),
        ] {
            assert_eq!(place(frame), expect, "frame {frame}");
        }
    }
}
