//! What callers and the writer share, behind one lock that is never held while the file is read
//! or written. What a caller removes is gone here at once; the writer then makes it so in the
//! file, and callers that want to know are told.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot::Sender;

use super::handle::Handle;
use super::index::{Index, KeyHash, Place};
use super::queue::{Queue, Taken};
use super::report::{DiskHealth, DiskStats};
use super::task::{Matcher, Task, Tasks, Waiting};

/// How long writing pauses after a fault; each further one doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long closing goes on writing what still waits.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Where the tier stands. [`State::failed`], [`State::worked`], [`State::opened`] and
/// [`State::closed`] make every change.
#[derive(Clone, Debug)]
enum Phase {
    /// The file is open. Then: `Failing`, `Closed`.
    Working,
    /// The file is open, and the last write failed. Then: `Working`, `Failing`, `Closed`.
    Failing(Pause),
    /// The file is not open. Then: `Working`, `Off`, `Closed`.
    Off(Pause),
    /// For good.
    Closed,
}

/// When it is tried again, and why it has to be.
#[derive(Clone, Debug)]
struct Pause {
    until: Instant,
    length: Duration,
    why: String,
}

impl Pause {
    fn after(before: Option<&Pause>, why: String) -> Pause {
        let length = before.map_or(PAUSE_MIN, |pause| (pause.length * 2).min(PAUSE_MAX));
        Pause { until: Instant::now() + length, length, why }
    }
}

/// Behind the lock.
#[derive(Debug)]
pub(super) struct State {
    /// None while the file is not open.
    pub(super) open: Option<Open>,
    pub(super) queue: Queue,
    pub(super) tasks: Tasks,
    /// Patterns whose records may still be in the index.
    falling: Vec<Arc<Matcher>>,
    /// Whether the writer is at work on something that it has taken.
    is_busy: bool,
    phase: Phase,
    /// Until when to go on writing, once closing was asked for.
    closing: Option<Instant>,
    closers: Waiting,
    flushers: Waiting,
    pub(super) counts: DiskStats,
}

/// The open file as readers need it.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) handle: Arc<Handle>,
    pub(super) index: Index,
}

/// What is known of a key without reading the file.
#[derive(Debug)]
pub(super) enum Look {
    Miss,
    Queued(Arc<Vec<u8>>),
    At(Place, Arc<Handle>),
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Step {
    Open,
    Do(Task),
    Write(Taken),
    Close,
}

impl State {
    pub(super) fn new(queue: Queue, bytes_max: u64) -> State {
        let counts = DiskStats { bytes_max, ..DiskStats::default() };
        State {
            open: None,
            queue,
            tasks: Tasks::default(),
            falling: Vec::new(),
            is_busy: false,
            phase: Phase::Closed,
            closing: None,
            closers: Waiting::default(),
            flushers: Waiting::default(),
            counts,
        }
    }

    pub(super) fn look(&mut self, key: &[u8], hash: KeyHash, now_ms: u64) -> Look {
        if let Some(job) = self.queue.get(key) {
            if job.expires_ms > now_ms {
                return Look::Queued(job.value.clone());
            }
            self.queue.remove(key);
            self.counts.expired += 1;
            return Look::Miss;
        }
        if self.falling.iter().any(|matcher| matcher.is_match(key)) {
            return Look::Miss;
        }
        let Some(open) = &mut self.open else { return Look::Miss };
        let Some(place) = open.index.read(hash) else { return Look::Miss };
        if place.expires_ms <= now_ms {
            open.index.remove(hash);
            self.tasks.kill([place]);
            self.counts.expired += 1;
            return Look::Miss;
        }
        Look::At(place, open.handle.clone())
    }

    /// A record could not be read as it was written. True if it is damaged; otherwise it is no
    /// longer there, because it was removed or overwritten after it was looked up.
    pub(super) fn spoiled(&mut self, hash: KeyHash, place: Place) -> bool {
        let Some(open) = &mut self.open else { return false };
        let is_damaged = open.index.remove_at(hash, place);
        if is_damaged {
            self.tasks.kill([place]);
            self.counts.damaged += 1;
        }
        is_damaged
    }

    /// Lets a value wait to be written. What was there under its key is gone, whether or not
    /// there is room.
    pub(super) fn offer(&mut self, key: &[u8], hash: KeyHash, value: Vec<u8>, expires_ms: u64) {
        self.drop_record(hash);
        let is_open = self.open.is_some() && self.closing.is_none();
        if is_open && self.queue.offer(key, hash, value, expires_ms) {
            return;
        }
        self.queue.remove(key);
        self.counts.dropped += 1;
    }

    /// Removes a key. Tells `caller` when the file has it no more; the caller's end is dropped
    /// where that cannot be said.
    pub(super) fn remove(&mut self, key: &[u8], hash: KeyHash, caller: Sender<bool>) {
        self.discard(key, hash);
        self.promise(caller);
    }

    /// Removes a key, and tells nobody when the file has it no more.
    pub(super) fn discard(&mut self, key: &[u8], hash: KeyHash) {
        self.queue.remove(key);
        self.drop_record(hash);
    }

    /// Lets a value wait to be written anew, if it is still the one at its place.
    pub(super) fn rescue(&mut self, hash: KeyHash, place: Place, key: &[u8], value: Vec<u8>) {
        if self.with_index(|index| index.remove_at(hash, place)).unwrap_or(false) {
            self.queue.rescue(key, hash, value, place.expires_ms);
            self.counts.second_chances += 1;
        }
    }

    /// Does something with the index, while the file is open.
    pub(super) fn with_index<T>(&mut self, work: impl FnOnce(&mut Index) -> T) -> Option<T> {
        self.open.as_mut().map(|open| work(&mut open.index))
    }

    fn drop_record(&mut self, hash: KeyHash) {
        if let Some(open) = &mut self.open
            && let Some(place) = open.index.remove(hash)
        {
            self.tasks.kill([place]);
        }
    }

    pub(super) fn remove_matching(&mut self, matcher: &Arc<Matcher>, caller: Sender<bool>) {
        self.queue.remove_where(|key| matcher.is_match(key));
        if self.open.is_some() {
            if !self.tasks.sweep(matcher) {
                return self.clear(caller);
            }
            self.falling.push(matcher.clone());
        }
        self.promise(caller);
    }

    pub(super) fn clear(&mut self, caller: Sender<bool>) {
        self.queue.clear();
        self.falling.clear();
        if let Some(open) = &mut self.open {
            open.index.clear_records();
            self.tasks.clear();
        }
        self.promise(caller);
    }

    /// Tells `caller` once everything before has been done in the file. While it is not open
    /// nothing can be said; it is emptied before it is used again.
    fn promise(&mut self, caller: Sender<bool>) {
        if self.open.is_none() {
            drop(caller);
        } else if self.tasks.is_empty() && !self.is_busy {
            let _ = caller.send(true);
        } else {
            self.tasks.mark(caller);
        }
    }

    /// Tells `caller` once nothing waits to be written.
    pub(super) fn flush(&mut self, caller: Sender<bool>) {
        if self.open.is_some() {
            self.flushers.add(caller);
        }
    }

    /// Asks the writer to end.
    pub(super) fn close(&mut self, caller: Option<Sender<bool>>) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.closing.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
        if let Some(caller) = caller {
            self.closers.add(caller);
        }
    }

    pub(super) fn opened(&mut self, open: Open) {
        self.open = Some(open);
        self.phase = Phase::Working;
    }

    /// A write has failed, or opening. Callers that wait to flush are told that it is not done.
    pub(super) fn failed(&mut self, error: &io::Error) {
        self.counts.faults += 1;
        let before = match &self.phase {
            Phase::Failing(pause) | Phase::Off(pause) => Some(pause),
            Phase::Working | Phase::Closed => None,
        };
        let pause = Pause::after(before, explain(error));
        if before.is_none() {
            tracing::warn!(reason = %pause.why, "the disk cache cannot use its file");
        }
        self.phase = if self.open.is_some() { Phase::Failing(pause) } else { Phase::Off(pause) };
        std::mem::take(&mut self.flushers).tell(false);
    }

    pub(super) fn worked(&mut self) {
        if let Phase::Failing(_) = self.phase {
            tracing::info!("the disk cache writes to its file again");
            self.phase = Phase::Working;
        }
    }

    pub(super) fn closed(&mut self, cleanly: bool) {
        self.phase = Phase::Closed;
        self.open = None;
        self.queue.clear();
        self.tasks.abandon();
        self.falling.clear();
        self.flushers = Waiting::default();
        std::mem::take(&mut self.closers).tell(cleanly);
    }

    pub(super) fn swept(&mut self, matcher: &Arc<Matcher>) {
        self.falling.retain(|falling| !Arc::ptr_eq(falling, matcher));
    }

    pub(super) fn stats(&self) -> DiskStats {
        let index = self.open.as_ref().map(|open| &open.index);
        DiskStats {
            entries: index.map_or(0, |index| index.len() as u64),
            bytes: index.map_or(0, Index::bytes),
            queued: self.queue.len() as u64,
            queued_bytes: self.queue.bytes() as u64,
            ..self.counts.clone()
        }
    }

    pub(super) fn health(&self) -> DiskHealth {
        match &self.phase {
            Phase::Working => DiskHealth::Working,
            Phase::Failing(pause) => DiskHealth::Failing(pause.why.clone()),
            Phase::Off(pause) => DiskHealth::Off(pause.why.clone()),
            Phase::Closed => DiskHealth::Closed,
        }
    }

    /// What to do now, or how long to wait for something to do.
    fn next(&mut self) -> Result<Step, Option<Duration>> {
        let now = Instant::now();
        if let Phase::Failing(pause) | Phase::Off(pause) = &self.phase {
            if self.closing.is_some() {
                return Ok(Step::Close);
            }
            if now < pause.until {
                return Err(Some(pause.until - now));
            }
            if self.open.is_none() {
                return Ok(Step::Open);
            }
        }
        if let Some(task) = self.tasks.take() {
            return Ok(Step::Do(task));
        }
        if self.closing.is_none_or(|until| now < until)
            && let Some(taken) = self.queue.take()
        {
            return Ok(Step::Write(taken));
        }
        std::mem::take(&mut self.flushers).tell(true);
        if self.closing.is_some() { Ok(Step::Close) } else { Err(None) }
    }
}

/// The cause in words that say what to do; never a path or a value.
fn explain(error: &io::Error) -> String {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let advice = match error.kind() {
        StorageFull | QuotaExceeded => "free some space, or lower bytes_max",
        FileTooLarge => "raise the limit on the size of files, or lower bytes_max",
        PermissionDenied => "let this user write the file and its folder",
        ReadOnlyFilesystem => "choose a path that can be written",
        _ => "look at the device and its file system",
    };
    format!("{error}: {advice}")
}

/// The state with its lock.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

impl Shared {
    pub(super) fn new(state: State) -> Shared {
        Shared { state: Mutex::new(state), work: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics; should it, then reads go on to miss rather than panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits for something to do.
    pub(super) fn next(&self) -> Step {
        let mut state = self.lock();
        state.is_busy = false;
        loop {
            match state.next() {
                Ok(step) => {
                    state.is_busy = true;
                    return step;
                }
                Err(Some(pause)) => {
                    let waited = self.work.wait_timeout(state, pause);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Err(None) => {
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}
