//! What the disk tier tells of itself: counters and a health word, as plain data.

use std::fmt;

/// Counters of a disk tier since it was opened, and what it holds now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DiskStats {
    /// Values found, in the file or still waiting to be written.
    pub hits: u64,
    /// Values not found, for whatever reason.
    pub misses: u64,
    /// Values written to the file.
    pub writes: u64,
    /// Bytes of these, as the file has them.
    pub written_bytes: u64,
    /// Values not kept because the write queue was full, or the file could not be written.
    pub dropped: u64,
    /// Values not kept because they, or their keys, are larger than the bound.
    pub too_large: u64,
    /// Records overwritten to stay within the bounds.
    pub evictions: u64,
    /// Records that would have been overwritten, and were written anew because they had been
    /// read: their second chance.
    pub second_chances: u64,
    /// Records found expired when they were asked for.
    pub expired: u64,
    /// Records and segments found damaged, and dropped.
    pub damaged: u64,
    /// Reads and writes that the operating system refused.
    pub faults: u64,
    /// Reads given up because they took longer than the time limit, or because too many others
    /// waited for the device; and removals that were not acknowledged in time.
    pub late: u64,
    /// Why the content of the file was dropped when it was opened, if it was.
    pub emptied: Option<&'static str>,
    /// Records in the file.
    pub entries: u64,
    /// Bytes of these, with their keys and heads.
    pub bytes: u64,
    /// The most bytes that the file may have.
    pub bytes_max: u64,
    /// Values that wait to be written.
    pub queued: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
}

/// How a disk tier is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskHealth {
    /// It reads and writes.
    Working,
    /// The file could not be written the last time: values are read, and few or none are kept. It
    /// is tried again by itself. Why, in words.
    Failing(String),
    /// The file could not be opened: every read is a miss. It is tried again by itself. Why, in
    /// words.
    Off(String),
    /// It was closed: every read is a miss.
    Closed,
}

impl DiskHealth {
    /// Whether it reads and writes.
    pub fn is_working(&self) -> bool {
        *self == DiskHealth::Working
    }

    /// `working`, `failing`, `off` or `closed`.
    pub fn word(&self) -> &'static str {
        match self {
            DiskHealth::Working => "working",
            DiskHealth::Failing(_) => "failing",
            DiskHealth::Off(_) => "off",
            DiskHealth::Closed => "closed",
        }
    }

    /// Why it does not, where there is more to say than the word.
    pub fn why(&self) -> Option<&str> {
        match self {
            DiskHealth::Working | DiskHealth::Closed => None,
            DiskHealth::Failing(why) | DiskHealth::Off(why) => Some(why),
        }
    }
}

impl fmt::Display for DiskHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskHealth::Working | DiskHealth::Closed => f.write_str(self.word()),
            DiskHealth::Failing(why) | DiskHealth::Off(why) => write!(f, "{}: {why}", self.word()),
        }
    }
}
