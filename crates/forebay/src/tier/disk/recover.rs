//! Finding the records of a file that was opened. It reads heads and keys; a value is checked when
//! it is read. It never guesses: what it does not find for certain is made an end of, so that it
//! is not found the next time either.

use std::io;

use super::handle::Handle;
use super::index::{Index, KeyHash, Place};
use super::layout::{self, End, FILE_HEAD, Life, RecordHead, SEGMENT_HEAD, Tail};
use super::volume::{Content, Volume};

/// A record from later than this is one from before the clock was set back, and nobody can say
/// how old it is.
const SKEW_MS: u64 = 10_000;

/// What is asked of the records.
pub(super) struct Wanted<'a> {
    pub(super) now_ms: u64,
    pub(super) entries_max: usize,
    pub(super) hash: &'a dyn Fn(&[u8]) -> KeyHash,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) index: Index,
    /// Why the content was dropped, if it was.
    pub(super) dropped: Option<&'static str>,
    /// Segments that end where they should not, or whose head is not as it was written.
    pub(super) damaged: u64,
}

/// Reads the heads of all records, from the oldest segment to the youngest.
pub(super) fn recover(
    volume: &mut Volume,
    content: Content,
    wanted: &Wanted<'_>,
) -> io::Result<Recovered> {
    let index = Index::new(volume.segments, volume.head.segment_bytes, FILE_HEAD);
    let mut found = Recovered { index, dropped: None, damaged: 0 };
    let closed = match content {
        Content::New => return Ok(found),
        Content::Dropped(reason) => return Ok(Recovered { dropped: Some(reason), ..found }),
        Content::Kept(closed) => closed,
    };
    let segments = begun(volume, &mut found.damaged)?;
    let youngest = segments.last().map(|(segment, _)| *segment);
    let mut buffer = Vec::new();
    for (segment, sequence) in segments {
        volume.sequence = sequence;
        found.index.begin(segment, sequence);
        let end = one(volume, segment, &mut buffer, &mut found, wanted)?;
        let tail = Tail { segment, used: end.used };
        if closed == Some(tail) {
            volume.tail = Some(tail);
            continue;
        }
        // The process may have died while it wrote to the youngest one.
        let may_be_open = closed.is_none() && youngest == Some(segment);
        if !end.is_marked {
            found.damaged += u64::from(!may_be_open);
            volume.mark_end(tail, sequence)?;
        }
    }
    Ok(found)
}

/// The segments that were begun, in that order. Those whose heads are not right are given up.
fn begun(volume: &Volume, damaged: &mut u64) -> io::Result<Vec<(u32, u64)>> {
    let mut segments = Vec::new();
    for segment in 0..volume.segments {
        let mut head = [0; SEGMENT_HEAD as usize];
        if volume.segment_start(segment) >= volume.handle.bytes()? {
            break;
        }
        // Where it cannot be read, or ends within, it cannot be right.
        let _ = volume.handle.read(volume.segment_start(segment), &mut head);
        match layout::parse_segment_head(&head, volume.head.salt, segment) {
            Some(sequence) => segments.push((segment, sequence)),
            None if head == layout::VOID => {}
            // One that was never begun is behind the end of the file.
            None => {
                *damaged += 1;
                volume.void(segment)?;
            }
        }
    }
    segments.sort_unstable_by_key(|(_, sequence)| *sequence);
    Ok(segments)
}

/// Adds the records of one segment to the index, and kills those that are not wanted.
fn one(
    volume: &Volume,
    segment: u32,
    buffer: &mut Vec<u8>,
    found: &mut Recovered,
    wanted: &Wanted<'_>,
) -> io::Result<End> {
    let start = volume.segment_start(segment);
    let (whole, salt) = (volume.head.segment_bytes, volume.head.salt);
    read_segment(&volume.handle, start, whole, buffer)?;
    let mut unwanted = Vec::new();
    let end = layout::walk(buffer, whole, start, salt, volume.sequence, |record| {
        let place = Place {
            offset: record.offset,
            bytes: record.head.total,
            seal: record.seal,
            expires_ms: record.head.expires_ms,
        };
        let is_wanted = found.index.len() < wanted.entries_max && is_young(&record.head, wanted);
        match record.head.life {
            Life::Dead => {}
            Life::Unknown => {
                found.damaged += 1;
                unwanted.push(place);
            }
            Life::Alive if !is_wanted => unwanted.push(place),
            Life::Alive => {
                // Of two records with one hash the younger counts.
                unwanted.extend(found.index.insert((wanted.hash)(record.key), place));
            }
        }
    });
    for place in unwanted {
        volume.kill(place)?;
    }
    Ok(end)
}

/// Whether a record is not expired, as far as can be told.
fn is_young(head: &RecordHead, wanted: &Wanted<'_>) -> bool {
    let is_future = head.written_ms > wanted.now_ms.saturating_add(SKEW_MS);
    !is_future && head.expires_ms > wanted.now_ms
}

/// Reads a segment, or as much of it as the file has. One that the device does not give is as
/// good as empty.
pub(super) fn read_segment(
    handle: &Handle,
    start: u64,
    segment_bytes: u32,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let there = handle.bytes()?.saturating_sub(start).min(u64::from(segment_bytes));
    buffer.clear();
    buffer.resize(there as usize, 0);
    if handle.read(start, buffer).is_err() {
        buffer.clear();
    }
    Ok(())
}
