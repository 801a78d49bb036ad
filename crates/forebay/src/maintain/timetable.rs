//! Which task begins when: what is due, what waits for its window, what was missed, and what may
//! not run beside what. Pure: it is given the time of day, and starts nothing.

use super::schedule::Schedule;

/// A clock that has gone back by more than this was wrong before; by less, it is put right, and
/// nothing is run again for that.
pub(super) const BACK_MAX_MS: i64 = 10 * 60_000;

/// A task as it stands in the timetable.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) schedule: Schedule,
    /// Tells the jitter of this task from that of others.
    pub(super) seed: u64,
    /// Heavy ones run one at a time.
    pub(super) is_heavy: bool,
    /// When it was begun last, if that is known.
    pub(super) last_ms: Option<i64>,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Until this instant, if it comes at all. Then `Running`.
    Waiting(Option<i64>),
    /// Since this instant. Then `Waiting`.
    Running(i64),
}

/// All tasks.
#[derive(Debug)]
pub(super) struct Timetable {
    entries: Vec<Entry>,
    states: Vec<State>,
    /// The latest time of day that was seen.
    seen_ms: i64,
}

impl Timetable {
    /// What was due since a task was begun last was missed, and is due now.
    pub(super) fn new(entries: Vec<Entry>, now_ms: i64) -> Timetable {
        let due = |entry: &Entry| {
            let last = entry.last_ms.filter(|last| *last <= now_ms + BACK_MAX_MS);
            State::Waiting(entry.schedule.next(last.unwrap_or(now_ms), entry.seed))
        };
        let states = entries.iter().map(due).collect();
        Timetable { entries, states, seen_ms: now_ms }
    }

    /// The tasks that are to begin now, which are running from here on.
    pub(super) fn look(&mut self, now_ms: i64) -> Vec<usize> {
        self.follow_clock(now_ms);
        let mut due: Vec<(i64, usize)> = Vec::new();
        for (place, state) in self.states.iter().enumerate() {
            if let State::Waiting(Some(at)) = state
                && *at <= now_ms
                && self.entries[place].schedule.is_open(now_ms)
            {
                due.push((*at, place));
            }
        }
        due.sort_unstable();
        let mut is_free = !self.has_heavy();
        let mut begun = Vec::new();
        for (_, place) in due {
            let is_heavy = self.entries[place].is_heavy;
            if is_heavy && !is_free {
                continue;
            }
            is_free &= !is_heavy;
            self.states[place] = State::Running(now_ms);
            self.entries[place].last_ms = Some(now_ms);
            begun.push(place);
        }
        begun
    }

    /// One begins because somebody asks for it; false if it is running, or another that it may not
    /// run beside.
    pub(super) fn begin(&mut self, place: usize, now_ms: i64) -> bool {
        self.follow_clock(now_ms);
        let is_running = matches!(self.states[place], State::Running(_));
        if is_running || (self.entries[place].is_heavy && self.has_heavy()) {
            return false;
        }
        self.states[place] = State::Running(now_ms);
        self.entries[place].last_ms = Some(now_ms);
        true
    }

    /// A task has ended. What was due while it ran is not made up for.
    pub(super) fn end(&mut self, place: usize, now_ms: i64) {
        self.follow_clock(now_ms);
        if let State::Running(since) = self.states[place] {
            let entry = &self.entries[place];
            // A clock that was put right by a little does not have it run twice.
            let after = now_ms.max(since);
            self.states[place] = State::Waiting(entry.schedule.next(after, entry.seed));
        }
    }

    /// When something is to be looked at next, if nothing ends before.
    pub(super) fn wake_ms(&self, now_ms: i64) -> Option<i64> {
        let has_heavy = self.has_heavy();
        let wake = |(place, state): (usize, &State)| {
            let entry = &self.entries[place];
            match state {
                State::Running(_) | State::Waiting(None) => None,
                State::Waiting(Some(at)) if *at > now_ms => Some(*at),
                State::Waiting(_) if !entry.schedule.is_open(now_ms) => {
                    entry.schedule.opens(now_ms)
                }
                // The one before it has to end.
                State::Waiting(_) if entry.is_heavy && has_heavy => None,
                State::Waiting(_) => Some(now_ms),
            }
        };
        self.states.iter().enumerate().filter_map(wake).min()
    }

    pub(super) fn state(&self, place: usize) -> State {
        self.states[place]
    }

    /// When a task will begin if nothing is in its way.
    pub(super) fn next_ms(&self, place: usize, now_ms: i64) -> Option<i64> {
        let entry = &self.entries[place];
        match self.states[place] {
            State::Running(_) | State::Waiting(None) => None,
            State::Waiting(Some(at)) => {
                let at = at.max(now_ms);
                if entry.schedule.is_open(at) { Some(at) } else { entry.schedule.opens(at) }
            }
        }
    }

    fn has_heavy(&self) -> bool {
        let runs =
            |(entry, state): (&Entry, &State)| entry.is_heavy && matches!(state, State::Running(_));
        self.entries.iter().zip(&self.states).any(runs)
    }

    /// Where the clock has gone back far, what was planned by it before counts for nothing.
    fn follow_clock(&mut self, now_ms: i64) {
        if now_ms >= self.seen_ms - BACK_MAX_MS {
            self.seen_ms = self.seen_ms.max(now_ms);
            return;
        }
        self.seen_ms = now_ms;
        for (entry, state) in self.entries.iter_mut().zip(&mut self.states) {
            entry.last_ms = entry.last_ms.map(|last| last.min(now_ms));
            *state = match *state {
                State::Running(_) => State::Running(now_ms),
                State::Waiting(_) => State::Waiting(entry.schedule.next(now_ms, entry.seed)),
            };
        }
    }
}

#[cfg(test)]
mod tests;
