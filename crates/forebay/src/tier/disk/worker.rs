//! The thread that writes: it alone changes the file. It decides nothing about time limits, and
//! nobody waits for it but callers that asked to be told.

use std::hash::BuildHasher as _;
use std::io;
use std::sync::Arc;

use super::builder::DiskBuilder;
use super::compress::pack;
use super::index::{Index, KeyHash, Place};
use super::layout::{self, FILE_HEAD, Life, Record, record_bytes};
use super::queue::Taken;
use super::read::read_whole;
use super::recover::{Recovered, Wanted, read_segment, recover};
use super::state::{Open, Shared, Step};
use super::task::{Matcher, Task};
use super::volume::{Content, Geometry, Unopened, Volume};

/// The most records that make room for one when there are too many.
const EVICT_MAX: usize = 256;

/// Hashes keys with a seed of its own, so that nobody outside can make them collide.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyHasher(foldhash::quality::RandomState);

impl KeyHasher {
    pub(super) fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(self.0.hash_one(key))
    }
}

/// Opens the file and finds its records.
pub(super) fn open(
    settings: &DiskBuilder,
    geometry: Geometry,
    hasher: &KeyHasher,
) -> Result<(Volume, Recovered), Unopened> {
    let (mut volume, content) = Volume::open(&settings.path, geometry, settings.boot)?;
    let wanted = Wanted {
        now_ms: settings.calendar.now_ms(),
        entries_max: settings.entries_max,
        hash: &|key| hasher.hash(key),
    };
    let recovered = recover(&mut volume, content, &wanted)?;
    if let Some(reason) = recovered.dropped {
        tracing::warn!(reason, "the disk cache begins empty");
    }
    Ok((volume, recovered))
}

/// The writer and what it alone has.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Arc<DiskBuilder>,
    pub(super) geometry: Geometry,
    /// None while the file cannot be opened.
    pub(super) volume: Option<Volume>,
}

/// Should the writer panic, everything is a miss from then on.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().closed(false);
    }
}

impl Writer {
    /// Works until it is asked to close.
    pub(super) fn run(mut self) {
        let ended = Ended(self.shared.clone());
        loop {
            let step = self.shared.next();
            let done = match (step, self.volume.as_mut()) {
                (Step::Close, _) => break,
                (Step::Open, _) | (_, None) => self.reopen(),
                (Step::Do(task), Some(volume)) => {
                    let done = perform(&self.shared, volume, &task);
                    if done.is_ok() {
                        finish(task);
                    } else {
                        self.shared.lock().tasks.put_back(task);
                    }
                    done
                }
                (Step::Write(taken), Some(volume)) => {
                    let done = write(&self.shared, &self.settings, volume, &taken);
                    if done.is_err() {
                        self.shared.lock().queue.finish(&taken);
                    }
                    done
                }
            };
            match done {
                Ok(()) => self.shared.lock().worked(),
                Err(error) => self.shared.lock().failed(&error),
            }
        }
        let cleanly = self.volume.take().is_some_and(|volume| close(&self.shared, volume));
        self.shared.lock().closed(cleanly);
        drop(ended);
    }

    /// Tries to open a file that could not be opened. What is in it is dropped: it may have been
    /// removed meanwhile, by callers that were told that this could not be promised.
    fn reopen(&mut self) -> io::Result<()> {
        let opened = Volume::open(&self.settings.path, self.geometry, self.settings.boot);
        let (mut volume, content) = opened.map_err(|unopened| match unopened {
            Unopened::Refused(error) => io::Error::other(error),
            Unopened::Fault(error) => error,
        })?;
        if !matches!(content, Content::New) {
            volume.clear()?;
        }
        let index = Index::new(volume.segments, volume.head.segment_bytes, FILE_HEAD);
        let handle = volume.handle.clone();
        self.shared.lock().opened(Open { handle, index });
        self.volume = Some(volume);
        Ok(())
    }
}

fn finish(task: Task) {
    if let Task::Mark(waiting) = task {
        waiting.tell(true);
    }
}

pub(super) fn perform(shared: &Shared, volume: &mut Volume, task: &Task) -> io::Result<()> {
    match task {
        Task::Kill(place) => volume.kill(*place),
        Task::Begin => {
            let oldest = shared.lock().with_index(|index| index.oldest());
            let Some(segment) = oldest else { return Ok(()) };
            let sequence = volume.begin(segment)?;
            shared.lock().with_index(|index| index.begin(segment, sequence));
            Ok(())
        }
        Task::Sweep(matcher) => {
            sweep(shared, volume, matcher)?;
            shared.lock().swept(matcher);
            Ok(())
        }
        Task::Clear => {
            // Before the file is: who finds a record spoiled that is in the index counts damage.
            shared.lock().with_index(Index::clear);
            volume.clear()
        }
        Task::Mark(_) => Ok(()),
    }
}

/// Leaves the file as it can be trusted. What is outstanding, because it failed, is made up for by
/// dropping everything.
fn close(shared: &Shared, mut volume: Volume) -> bool {
    let is_owing = !shared.lock().tasks.is_empty();
    if is_owing && volume.clear().is_err() {
        return false;
    }
    if volume.close().is_ok() {
        return !is_owing;
    }
    // What the device has is not what was written: nothing of it may be trusted.
    let _ = volume.clear();
    false
}

/// Kills every record whose key matches, and every one whose key can no longer be read.
fn sweep(shared: &Shared, volume: &Volume, matcher: &Matcher) -> io::Result<()> {
    let begun = shared.lock().with_index(|index| index.begun()).unwrap_or_default();
    let mut buffer = Vec::new();
    for (segment, sequence) in begun {
        let mut members = shared.lock().with_index(|index| index.members(segment));
        let members = members.take().unwrap_or_default();
        if members.is_empty() {
            continue;
        }
        let start = volume.segment_start(segment);
        read_segment(&volume.handle, start, volume.head.segment_bytes, &mut buffer)?;
        let mut staying = Vec::new();
        let whole = volume.head.segment_bytes;
        layout::walk(&buffer, whole, start, volume.head.salt, sequence, |found| {
            if found.head.life == Life::Alive && !matcher.is_match(found.key) {
                staying.push(found.offset);
            }
        });
        for (hash, place, _) in members {
            // Both are in the order of the file.
            if staying.binary_search(&place.offset).is_err() {
                shared.lock().with_index(|index| index.remove_at(hash, place));
                if let Err(error) = volume.kill(place) {
                    shared.lock().tasks.put_back(Task::Kill(place));
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// Writes one value, or makes room for it and lets it wait.
fn write(
    shared: &Shared,
    settings: &DiskBuilder,
    volume: &mut Volume,
    taken: &Taken,
) -> io::Result<()> {
    let now_ms = settings.calendar.now_ms();
    let (key, value) = (&taken.key, &taken.job.value);
    if taken.job.expires_ms <= now_ms {
        shared.lock().queue.finish(taken);
        return Ok(());
    }
    let (codec, body) = pack(value, settings.compress_from);
    if make_room(shared, settings, volume, record_bytes(key.len(), body.len())) {
        shared.lock().queue.put_back(taken);
        return Ok(());
    }
    let record = Record {
        key,
        body: &body,
        codec,
        raw_bytes: value.len() as u32,
        written_ms: now_ms,
        expires_ms: taken.job.expires_ms,
    };
    let (place, life) = volume.append(&record)?;
    if !shared.lock().queue.is_current(taken) {
        return Ok(());
    }
    if let Err(error) = volume.give_life(place, life) {
        // Whether the word was written is not known: until it is dead, nothing is acknowledged.
        shared.lock().tasks.put_back(Task::Kill(place));
        return Err(error);
    }
    publish(shared, taken, place);
    Ok(())
}

/// Lets a record be found, unless its value was removed or replaced while it was written: then it
/// is dead before anybody is told that the removal is done.
fn publish(shared: &Shared, taken: &Taken, place: Place) {
    let mut state = shared.lock();
    let hash = taken.job.hash;
    if !state.queue.finish(taken) {
        state.tasks.put_back(Task::Kill(place));
        return;
    }
    state.counts.writes += 1;
    state.counts.written_bytes += u64::from(place.bytes);
    // Of another key with the same hash: its own was removed when the value was set.
    let old = state.with_index(|index| index.insert(hash, place)).flatten();
    state.tasks.kill(old);
}

/// True if room has to be made first; what is to be done for that is among the tasks then.
fn make_room(shared: &Shared, settings: &DiskBuilder, volume: &Volume, bytes: usize) -> bool {
    let mut state = shared.lock();
    let len = state.with_index(|index| index.len()).unwrap_or(0);
    if len >= settings.entries_max {
        let count = (settings.entries_max / 64).clamp(1, EVICT_MAX);
        let gone = state.with_index(|index| index.evict(count)).unwrap_or_default();
        state.counts.evictions += gone.len() as u64;
        state.tasks.kill(gone);
        return true;
    }
    drop(state);
    if volume.has_room(bytes) {
        return false;
    }
    advance(shared, settings, volume);
    true
}

/// Takes the oldest segment out of the index and has it begun anew. Records that were read since
/// they were written wait to be written again, up to half of the segment.
fn advance(shared: &Shared, settings: &DiskBuilder, volume: &Volume) {
    let oldest = shared.lock().with_index(|index| index.members(index.oldest()));
    let Some(members) = oldest else { return };
    let now_ms = settings.calendar.now_ms();
    let mut rescued = Vec::new();
    let mut room = volume.head.segment_bytes / 2;
    for (hash, place, is_wanted) in &members {
        if *is_wanted && place.expires_ms > now_ms && place.bytes <= room {
            room -= place.bytes;
            let value = read_whole(&volume.handle, *place);
            rescued.extend(value.map(|(key, value)| (*hash, *place, key, value)));
        }
    }
    let mut state = shared.lock();
    for (hash, place, key, value) in rescued {
        state.rescue(hash, place, &key, value);
    }
    for (hash, place, _) in members {
        let gone = state.with_index(|index| index.remove_at(hash, place)).unwrap_or(false);
        state.counts.evictions += u64::from(gone);
    }
    state.tasks.begin();
}
