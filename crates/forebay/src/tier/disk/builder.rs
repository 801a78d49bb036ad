//! The settings of a disk tier: each with its default and its check.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::boot;
use super::face::Disk;
use super::layout::{FILE_HEAD, SEGMENT_HEAD, record_bytes};
use super::volume::{Geometry, SEGMENTS_MIN};
use crate::clock::{Calendar, Clock};
use crate::error::{Error, Kind, Result};

/// The longest key. Longer ones are not kept.
pub(super) const KEY_BYTES_MAX: usize = 64 * 1024;

/// A new file has about so many segments, within the bounds below.
const SEGMENTS: u64 = 256;
const SEGMENT_BYTES_MIN: u64 = 64 * 1024;
const SEGMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Lengths within a segment are kept in 32 bits.
const VALUE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Settings for a [`Disk`], and the way to open it.
#[derive(Clone, Debug)]
pub struct DiskBuilder {
    pub(super) path: PathBuf,
    pub(super) bytes_max: u64,
    pub(super) entries_max: usize,
    pub(super) value_bytes_max: usize,
    pub(super) queue_bytes_max: usize,
    pub(super) queue_entries_max: usize,
    pub(super) compress_from: Option<usize>,
    pub(super) read_timeout: Duration,
    pub(super) removal_timeout: Duration,
    pub(super) calendar: Calendar,
    pub(super) boot: Option<[u8; 16]>,
}

impl DiskBuilder {
    pub(super) fn new(path: &Path) -> DiskBuilder {
        DiskBuilder {
            path: path.to_owned(),
            bytes_max: 1024 * 1024 * 1024,
            entries_max: 1_000_000,
            value_bytes_max: 1024 * 1024,
            queue_bytes_max: 16 * 1024 * 1024,
            queue_entries_max: 16_384,
            compress_from: Some(1024),
            read_timeout: Duration::from_millis(250),
            removal_timeout: Duration::from_secs(5),
            calendar: Calendar::new(Clock::real()),
            boot: boot::id(),
        }
    }

    /// The most bytes that the file may ever have, 1 GiB by default. What is oldest is overwritten
    /// to stay within it; a record that was read since it was written is kept once more.
    pub fn bytes_max(mut self, bytes: u64) -> DiskBuilder {
        self.bytes_max = bytes;
        self
    }

    /// The most records, 1,000,000 by default. Each takes some 60 bytes of memory, whatever its
    /// size in the file.
    pub fn entries_max(mut self, entries: usize) -> DiskBuilder {
        self.entries_max = entries;
        self
    }

    /// The largest value that is kept, 1 MiB by default.
    pub fn value_bytes_max(mut self, bytes: usize) -> DiskBuilder {
        self.value_bytes_max = bytes;
        self
    }

    /// The most bytes of values that may wait in memory to be written, 16 MiB by default. When
    /// the device is slower than the callers, values are dropped, and counted.
    pub fn queue_bytes_max(mut self, bytes: usize) -> DiskBuilder {
        self.queue_bytes_max = bytes;
        self
    }

    /// The most values that may wait in memory to be written, 16,384 by default.
    pub fn queue_entries_max(mut self, entries: usize) -> DiskBuilder {
        self.queue_entries_max = entries;
        self
    }

    /// Values from so many bytes on are compressed with LZ4 where that makes them smaller by at
    /// least an eighth; 1,024 by default, `None` for never.
    pub fn compress_from(mut self, bytes: Option<usize>) -> DiskBuilder {
        self.compress_from = bytes;
        self
    }

    /// How long a read may wait for the device before it counts as a miss, 250 ms by default.
    pub fn read_timeout(mut self, timeout: Duration) -> DiskBuilder {
        self.read_timeout = timeout;
        self
    }

    /// How long a removal waits until the file has the removal too, 5 s by default.
    pub fn removal_timeout(mut self, timeout: Duration) -> DiskBuilder {
        self.removal_timeout = timeout;
        self
    }

    /// Opens the file, or creates it and its folder, readable by this user alone, and reads the
    /// heads of all records in it, which takes one or some seconds for a gigabyte.
    ///
    /// Content that cannot be trusted is dropped, and [`DiskStats::emptied`](super::DiskStats)
    /// says why. A file that cannot be written at the moment (a full disk, a read-only folder,
    /// missing permission) is no error: the tier is off, says so in [`Disk::health`], and tries
    /// again by itself.
    ///
    /// Errors: a setting is out of range (`is_usage`); another process, or another cache of this
    /// one, has the file (`is_busy`); the file is not one of ours (`is_corrupt`), or the path
    /// cannot be one (`is_open`). It must be called within a tokio runtime.
    pub async fn open(self) -> Result<Disk> {
        let geometry = self.geometry()?;
        let opening = tokio::task::spawn_blocking(move || Disk::start(self, geometry));
        match opening.await {
            Ok(disk) => disk,
            Err(error) => {
                let message = "the runtime ended while the disk cache was being opened";
                Err(Error::new(Kind::Closed, message).with_cause(error))
            }
        }
    }

    pub(super) fn geometry(&self) -> Result<Geometry> {
        if self.value_bytes_max == 0 || self.value_bytes_max > VALUE_BYTES_MAX {
            return Err(Error::usage("value_bytes_max must be from 1 to 1073741824 (1 GiB)"));
        }
        if self.entries_max == 0 || self.queue_bytes_max == 0 || self.queue_entries_max == 0 {
            return Err(Error::usage(
                "entries_max, queue_bytes_max and queue_entries_max must be at least 1",
            ));
        }
        let record = record_bytes(KEY_BYTES_MAX, self.value_bytes_max);
        let needed = (record as u64 + u64::from(SEGMENT_HEAD)).next_multiple_of(FILE_HEAD);
        let fitting = (self.bytes_max / SEGMENTS).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let segment = fitting.next_multiple_of(FILE_HEAD).max(needed);
        let least = FILE_HEAD + SEGMENTS_MIN * needed;
        if self.bytes_max < FILE_HEAD + SEGMENTS_MIN * segment {
            return Err(Error::usage(format!(
                "bytes_max must be at least {least} for values of up to {} bytes; raise it, or \
                 lower value_bytes_max",
                self.value_bytes_max
            )));
        }
        Ok(Geometry {
            bytes_max: self.bytes_max,
            segment_bytes_min: needed as u32,
            segment_bytes: segment as u32,
        })
    }
}
