//! Scopes that nobody has opened: of statements with one trace id, and of those
//! that follow one another closely in a task. Bounded; the longest unused go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use crate::sql::Comment;
use crate::watch::Scope;

/// Scopes of each kind at once.
const SCOPES_MAX: usize = 256;

/// After which pause statements of one trace are of another scope.
const TRACE_PAUSE: Duration = Duration::from_secs(10);

/// The same for those of one task.
const TASK_PAUSE: Duration = Duration::from_millis(50);

/// Scopes that statements belong to by what is said or seen of them.
#[derive(Debug, Default)]
pub(super) struct Nearby {
    traces: Mutex<Lately<u128>>,
    tasks: Mutex<Lately<Doer>>,
}

/// Who runs statements: a task, or the thread where there is none.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Doer {
    Task(tokio::task::Id),
    Thread(std::thread::ThreadId),
}

#[derive(Debug)]
struct Lately<K>(HashMap<K, (Scope, Instant), RandomState>);

impl<K> Default for Lately<K> {
    fn default() -> Lately<K> {
        Lately(HashMap::default())
    }
}

impl Nearby {
    /// The scope of a trace, called after what its comment says of the caller.
    pub(super) fn of_trace(&self, trace: u128, comment: &Comment, now: Instant) -> Scope {
        let name = || comment.caller.as_deref().unwrap_or("trace").to_owned();
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        traces.of(trace, now, TRACE_PAUSE, || Scope::alone(name()))
    }

    /// The scope of the task that this is called in.
    pub(super) fn of_task(&self, now: Instant) -> Scope {
        let doer = match tokio::task::try_id() {
            Some(id) => Doer::Task(id),
            None => Doer::Thread(std::thread::current().id()),
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.of(doer, now, TASK_PAUSE, || Scope::alone("task"))
    }
}

impl<K: Hash + Eq> Lately<K> {
    fn of(
        &mut self,
        key: K,
        now: Instant,
        pause: Duration,
        begin: impl FnOnce() -> Scope,
    ) -> Scope {
        if let Some((scope, last)) = self.0.get_mut(&key)
            && now.saturating_duration_since(*last) < pause
        {
            *last = now;
            return scope.clone();
        }
        self.0.remove(&key);
        if self.0.len() >= SCOPES_MAX {
            self.0.retain(|_, (_, last)| now.saturating_duration_since(*last) < pause);
        }
        while self.0.len() >= SCOPES_MAX {
            // Those that are all at work: half of them go, so that this is not done each time.
            let mut times: Vec<Instant> = self.0.values().map(|(_, last)| *last).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.0.retain(|_, (_, last)| *last > middle);
        }
        let scope = begin();
        self.0.insert(key, (scope.clone(), now));
        scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_end_with_a_pause_and_are_bounded() {
        let mut lately: Lately<usize> = Lately::default();
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let mut made = 0;
        let mut ask = |key: usize, ms: u64| {
            lately.of(key, at(ms), TASK_PAUSE, || {
                made += 1;
                Scope::alone("task")
            });
            (made, lately.0.len())
        };
        assert_eq!(ask(1, 0), (1, 1));
        assert_eq!(ask(1, 40), (1, 1));
        assert_eq!(ask(1, 80), (1, 1), "the pause counts from the last");
        assert_eq!(ask(2, 80), (2, 2));
        assert_eq!(ask(1, 130), (3, 2));
        for key in 0..10 * SCOPES_MAX {
            let (_, len) = ask(10 + key, 131);
            assert!(len <= SCOPES_MAX);
        }
        let (_, len) = ask(1, 1_000);
        assert!(len <= SCOPES_MAX);
    }
}
