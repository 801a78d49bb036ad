//! The open file as its one writer sees it: opening and locking it, beginning segments, appending
//! records, killing them, dropping everything. It does not know which records are wanted.
//!
//! A record is killed where it lies, by eight bytes that the kernel takes over whole. So a removal
//! needs no entry of its own that could get lost, and whatever happens to the rest of the file, a
//! dead record does not come back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::handle::Handle;
use super::index::Place;
use super::layout::{self, FILE_HEAD, FileHead, LIFE_AT, Opening, Record, SEGMENT_HEAD, Tail};
use crate::error::{Error, Kind};

/// How long another holder of the file is waited for: a process that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The sizes that the file is laid out by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) bytes_max: u64,
    /// What a segment must hold for the largest record.
    pub(super) segment_bytes_min: u32,
    /// What a new file gets.
    pub(super) segment_bytes: u32,
}

/// The fewest segments a file may have, so that one that is overwritten is a small part.
pub(super) const SEGMENTS_MIN: u64 = 4;

/// Why the file cannot be used.
#[derive(Debug)]
pub(super) enum Unopened {
    /// Somebody has to decide something: another path, or which process.
    Refused(Error),
    /// The device does not let us at the moment.
    Fault(io::Error),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Unopened {
        Unopened::Fault(error)
    }
}

/// The file, locked and with its head written.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) handle: Arc<Handle>,
    pub(super) head: FileHead,
    pub(super) segments: u32,
    /// The highest sequence number in use.
    pub(super) sequence: u64,
    /// Where the next record goes, once a segment was begun.
    pub(super) tail: Option<Tail>,
}

/// What became of the content of the file when it was opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// There is none.
    New,
    /// It is to be read; if it was closed, writing ended there.
    Kept(Option<Tail>),
    /// It was dropped, because of this.
    Dropped(&'static str),
}

impl Volume {
    /// Opens or creates the file, with `boot` as the present run of the operating system. It may
    /// wait for a lock, and it waits for the device.
    pub(super) fn open(
        path: &Path,
        geometry: Geometry,
        boot: Option<[u8; 16]>,
    ) -> Result<(Volume, Content), Unopened> {
        let file = open_file(path)?;
        lock(&file, path)?;
        let handle = Handle::new(file);
        let length = handle.bytes()?;
        let mut page = vec![0; length.min(FILE_HEAD) as usize];
        handle.read(0, &mut page)?;
        let (mut head, content) = judge(path, &page, geometry, boot)?;
        handle.close_to_others()?;
        head.boot = boot.unwrap_or_default();
        head.closed = None;
        let room = geometry.bytes_max.saturating_sub(FILE_HEAD);
        let segments = (room / u64::from(head.segment_bytes)) as u32;
        let bytes_max = FILE_HEAD + u64::from(segments) * u64::from(head.segment_bytes);
        if length > bytes_max {
            handle.cut(bytes_max)?;
        }
        let handle = Arc::new(handle);
        let volume = Volume { handle, head, segments, sequence: 0, tail: None };
        volume.write_head()?;
        if matches!(content, Content::Dropped(_)) {
            volume.handle.cut(FILE_HEAD)?;
        }
        // From here on the file counts as in use: what is on the device must say so before
        // anything in it changes.
        volume.handle.sync()?;
        Ok((volume, content))
    }

    fn write_head(&self) -> io::Result<()> {
        self.handle.write(0, &layout::file_head(&self.head))
    }

    pub(super) fn segment_start(&self, segment: u32) -> u64 {
        FILE_HEAD + u64::from(segment) * u64::from(self.head.segment_bytes)
    }

    /// Whether a record of `bytes` fits behind the last one.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let left = |tail: Tail| (self.head.segment_bytes - tail.used) as usize;
        self.tail.is_some_and(|tail| bytes <= left(tail))
    }

    /// Begins a segment anew, which makes an end of every record that is in it.
    pub(super) fn begin(&mut self, segment: u32) -> io::Result<u64> {
        if let Some(tail) = self.tail {
            self.mark_end(tail, self.sequence)?;
            self.tail = None;
        }
        let sequence = self.sequence + 1;
        let head = layout::segment_head(self.head.salt, segment, sequence);
        self.handle.write(self.segment_start(segment), &head)?;
        self.sequence = sequence;
        self.tail = Some(Tail { segment, used: SEGMENT_HEAD });
        Ok(sequence)
    }

    /// Writes behind the last record of a segment that it was the last, if there is room to.
    pub(super) fn mark_end(&self, end: Tail, sequence: u64) -> io::Result<()> {
        if (self.head.segment_bytes - end.used) < layout::END_MARK as u32 {
            return Ok(());
        }
        let offset = self.segment_start(end.segment) + u64::from(end.used);
        let seal = layout::seal(self.head.salt, sequence, offset);
        self.handle.write(offset, &layout::end_mark(seal))
    }

    /// Makes an end of a segment whose head is not as it was written.
    pub(super) fn void(&self, segment: u32) -> io::Result<()> {
        self.handle.write(self.segment_start(segment), &layout::VOID)
    }

    /// Writes a record behind the last one, not alive yet, and gives the word that makes it so.
    pub(super) fn append(&mut self, record: &Record<'_>) -> io::Result<(Place, [u8; 8])> {
        let tail = self.tail.ok_or(io::ErrorKind::InvalidInput)?;
        let offset = self.segment_start(tail.segment) + u64::from(tail.used);
        let seal = layout::seal(self.head.salt, self.sequence, offset);
        let (bytes, life) = layout::record(record, seal);
        self.handle.write(offset, &bytes)?;
        let length = bytes.len() as u32;
        self.tail = Some(Tail { used: tail.used + length, ..tail });
        Ok((Place { offset, bytes: length, seal, expires_ms: record.expires_ms }, life))
    }

    pub(super) fn give_life(&self, place: Place, life: [u8; 8]) -> io::Result<()> {
        self.handle.write(place.offset + LIFE_AT, &life)
    }

    pub(super) fn kill(&self, place: Place) -> io::Result<()> {
        self.handle.write(place.offset + LIFE_AT, &[0; 8])
    }

    /// Makes an end of every record, by a new salt, and gives their room back.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        // The salt alone makes the end; without this the file only stays as long as it was. First,
        // so that a process that is killed in between leaves no segments of another salt.
        let _ = self.handle.cut(FILE_HEAD);
        let head = FileHead { salt: new_salt(), ..self.head };
        self.handle.write(0, &layout::file_head(&head))?;
        self.head = head;
        self.tail = None;
        Ok(())
    }

    /// Leaves the file such that its content can be trusted whatever happens to the machine.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.handle.sync()?;
        self.head.closed = Some(self.tail.unwrap_or(Tail { segment: u32::MAX, used: 0 }));
        self.write_head()?;
        self.handle.sync()
    }
}

fn new_salt() -> u64 {
    use std::hash::BuildHasher as _;
    // Seeded by the system; the counter in it makes every one differ.
    std::hash::RandomState::new().hash_one(Instant::now())
}

/// What to do with a file that begins with `page`.
fn judge(
    path: &Path,
    page: &[u8],
    geometry: Geometry,
    boot: Option<[u8; 16]>,
) -> Result<(FileHead, Content), Unopened> {
    let new = FileHead {
        segment_bytes: geometry.segment_bytes,
        salt: new_salt(),
        boot: [0; 16],
        closed: None,
    };
    let dropped = |reason| Ok((new, Content::Dropped(reason)));
    // A file that was being created when the power failed may be there without its bytes.
    if page.len() < FILE_HEAD as usize && page.iter().all(|byte| *byte == 0) {
        return Ok((new, Content::New));
    }
    let head = match layout::parse_file_head(page) {
        Opening::Ours(head) => head,
        Opening::Unusable(reason) => return dropped(reason),
        Opening::Foreign => return Err(Unopened::Refused(foreign(path))),
    };
    let segments =
        geometry.bytes_max.saturating_sub(FILE_HEAD) / u64::from(head.segment_bytes.max(1));
    if head.segment_bytes < geometry.segment_bytes_min || segments < SEGMENTS_MIN {
        return dropped("it was laid out for other bounds");
    }
    if head.closed.is_none() && (boot.is_none() || boot != Some(head.boot)) {
        return dropped("the machine stopped while it was in use");
    }
    Ok((head, Content::Kept(head.closed)))
}

fn foreign(path: &Path) -> Error {
    let message = format!(
        "{} is not a file of the disk cache and was left as it is; choose another path, or remove \
         it",
        path.display()
    );
    Error::new(Kind::Corrupt, message)
}

fn open_file(path: &Path) -> Result<File, Unopened> {
    let refused = |error: io::Error| refuse(path, error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            let message = format!("{} is not a regular file; choose another path", path.display());
            return Err(Unopened::Refused(Error::new(Kind::Open, message)));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(refused)?;
    Ok(file)
}

/// A fault of the device passes; anything else is for whoever has chosen the path.
fn refuse(path: &Path, error: io::Error) -> Unopened {
    use io::ErrorKind::{
        AlreadyExists, FileTooLarge, InvalidFilename, InvalidInput, IsADirectory, NotADirectory,
        NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        PermissionDenied | ReadOnlyFilesystem | StorageFull | QuotaExceeded | FileTooLarge => {
            Unopened::Fault(error)
        }
        AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory
        | NotFound => {
            let message = format!("{} cannot be opened; choose another path", path.display());
            Unopened::Refused(Error::new(Kind::Open, message).with_cause(error))
        }
        _ => Unopened::Fault(error),
    }
}

/// Two processes would overwrite each other's records.
fn lock(file: &File, path: &Path) -> Result<(), Unopened> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "{} is in use by another process, or by another cache of this one; give each \
                     a path of its own",
                    path.display()
                );
                return Err(Unopened::Refused(Error::new(Kind::Busy, message)));
            }
            Err(TryLockError::Error(error)) => {
                let message = format!(
                    "{} cannot be locked; choose a path on a local file system",
                    path.display()
                );
                return Err(Unopened::Refused(Error::new(Kind::Open, message).with_cause(error)));
            }
        }
    }
}
