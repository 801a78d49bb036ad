//! What the writer has to do before it writes further values, in order. Pure. Removals are never
//! refused: when too much is outstanding, one task that drops everything takes its place.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot::Sender;

use super::index::Place;

/// The most patterns that may be outstanding at a time: each is matched with every key that is
/// read.
const SWEEPS_MAX: usize = 64;

/// From how many on those who wait no longer are looked for.
const PRUNE_FROM: usize = 1_024;

/// Who is told whether a removal is in the file. Callers that have given up are left out, so
/// there are no more than callers wait, beside a fixed number.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Sender<bool>>);

impl Waiting {
    pub(super) fn add(&mut self, caller: Sender<bool>) {
        if self.0.len() >= PRUNE_FROM {
            self.0.retain(|waiting| !waiting.is_closed());
        }
        self.0.push(caller);
    }

    pub(super) fn tell(self, done: bool) {
        for caller in self.0 {
            let _ = caller.send(done);
        }
    }

    fn append(&mut self, mut other: Waiting) {
        other.0.retain(|waiting| !waiting.is_closed());
        self.0.append(&mut other.0);
    }
}

/// Says which keys to remove.
pub(super) struct Matcher(Box<Matches>);

type Matches = dyn Fn(&[u8]) -> bool + Send + Sync;

impl Matcher {
    pub(super) fn new(matches: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Matcher {
        Matcher(Box::new(matches))
    }

    /// A matcher that panics matches: too much is removed rather than too little.
    pub(super) fn is_match(&self, key: &[u8]) -> bool {
        catch_unwind(AssertUnwindSafe(|| (self.0)(key))).unwrap_or(true)
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Matcher")
    }
}

/// One thing to do in the file.
#[derive(Debug)]
pub(super) enum Task {
    /// One record is dead.
    Kill(Place),
    /// The segment begun longest ago is begun anew; the index has no record in it any more. Which
    /// one that is, is seen when it is done: after a clear it is the first.
    Begin,
    /// Every record with a matching key is dead.
    Sweep(Arc<Matcher>),
    /// Every record is dead.
    Clear,
    /// All tasks before this one are done.
    Mark(Waiting),
}

/// The tasks that are outstanding. There is one kill per record at most, and one beginning.
#[derive(Debug, Default)]
pub(super) struct Tasks(VecDeque<Task>);

impl Tasks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self) -> Option<Task> {
        self.0.pop_front()
    }

    /// Puts a task that failed before all others.
    pub(super) fn put_back(&mut self, task: Task) {
        self.0.push_front(task);
    }

    pub(super) fn kill(&mut self, places: impl IntoIterator<Item = Place>) {
        self.0.extend(places.into_iter().map(Task::Kill));
    }

    pub(super) fn begin(&mut self) {
        self.0.push_back(Task::Begin);
    }

    pub(super) fn mark(&mut self, caller: Sender<bool>) {
        if let Some(Task::Mark(waiting)) = self.0.back_mut() {
            return waiting.add(caller);
        }
        let mut waiting = Waiting::default();
        waiting.add(caller);
        self.0.push_back(Task::Mark(waiting));
    }

    /// Adds a pattern. False when there are too many: then everything has to go.
    pub(super) fn sweep(&mut self, matcher: &Arc<Matcher>) -> bool {
        let is_sweep = |task: &&Task| matches!(task, Task::Sweep(_));
        if self.0.iter().filter(is_sweep).count() >= SWEEPS_MAX {
            return false;
        }
        self.0.push_back(Task::Sweep(matcher.clone()));
        true
    }

    /// Replaces all tasks by one that drops everything, which does what all of them were to do.
    pub(super) fn clear(&mut self) {
        let mut all = Waiting::default();
        for task in self.0.drain(..) {
            if let Task::Mark(waiting) = task {
                all.append(waiting);
            }
        }
        self.0.push_back(Task::Clear);
        self.0.push_back(Task::Mark(all));
    }

    /// Gives all tasks up.
    pub(super) fn abandon(&mut self) {
        self.0.clear();
    }
}
