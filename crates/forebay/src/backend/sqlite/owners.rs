//! Which tables the commits of other processes have changed, told by the pages that they wrote.
//!
//! It holds a map of the pages (`survey` makes it, `Pages` keeps it true) for exactly one
//! position of the database, and moves it along with the cache's own; a map that is left behind
//! is thrown away. Why this is sound: `docs/design/consistency.md`.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::shm::WalIndex;
use super::survey::{Survey, Unfit};
use crate::invalidate::{Header, Traced, WriteSet};

/// Pages of a database that is mapped: one GiB of the usual size. The map takes two bytes each.
pub(super) const PAGES_MAX: u32 = 262_144;

/// The longest that reading all pages may take, and hold a snapshot open.
pub(super) const SURVEY_MAX: Duration = Duration::from_secs(2);

/// Frames of the log that are looked at in one go; beyond, everything is dropped.
const FRAMES_MAX: u32 = 16_384;

/// Looks at a database in which others commit meanwhile.
const TRIES: usize = 8;

/// Between two surveys, also as a multiple of what the last one took.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_FACTOR: u32 = 50;

/// Between two surveys when the last one has failed.
const PAUSE_FAILED: Duration = Duration::from_secs(60);

/// Commits of others with loose pages, and commits in which pages may have changed hands, after
/// which the map has become vague and is made anew.
const LOOSE_MAX: u32 = 16;
const HAND_OVERS_MAX: u32 = 64;

/// Why commits of others were not told apart by tables, so that everything was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untold {
    /// There is no map yet, or none any more.
    NoMap,
    /// The log has begun again in between, or its index was built anew.
    Restarted,
    /// The schema has changed.
    Schema,
    /// They wrote more pages than are looked at in one go.
    Many,
    /// Pages of which it is not known to whom they belong.
    Loose,
    /// Others committed again and again meanwhile, or the log could not be read.
    Unsteady,
}

impl Untold {
    const ALL: [Untold; 6] = [
        Untold::NoMap,
        Untold::Restarted,
        Untold::Schema,
        Untold::Many,
        Untold::Loose,
        Untold::Unsteady,
    ];

    fn name(self) -> &'static str {
        match self {
            Untold::NoMap => "no_map",
            Untold::Restarted => "log_restarted",
            Untold::Schema => "schema",
            Untold::Many => "many_pages",
            Untold::Loose => "loose_pages",
            Untold::Unsteady => "unsteady",
        }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreign {
    /// Times that commits of others were told apart by tables.
    pub(crate) precise: u64,
    /// Times that they were not, by reason.
    pub(crate) flushed: Vec<(&'static str, u64)>,
    /// Pages in the map, none if there is no map.
    pub(crate) pages: u32,
    /// Of these, the ones with several possible owners.
    pub(crate) loose: u32,
}

/// The map, and when it is made.
#[derive(Default)]
pub(super) struct Owners {
    /// Whether there is a map, for those who pay nothing if not.
    is_mapped: AtomicBool,
    state: Mutex<State>,
    precise: AtomicU64,
    flushed: [AtomicU64; Untold::ALL.len()],
}

#[derive(Default)]
struct State {
    map: Option<Survey>,
    /// Others have committed since the last survey.
    has_others: bool,
    /// Not before this.
    next: Option<Instant>,
    /// Why the last survey brought no map.
    unfit: Option<Unfit>,
    /// Commits with loose pages since the last survey.
    loose: u32,
}

impl Owners {
    /// Owners that are never found out.
    pub(super) fn unmapped() -> Owners {
        let why = "its pages are not to be mapped (map_pages)".to_owned();
        let state = State { unfit: Some(Unfit::Never(why)), ..State::default() };
        Owners { state: Mutex::new(state), ..Owners::default() }
    }

    /// Follows commits of others from `from`, which the cache reflects, to `now` or a later
    /// position: gives the one that was reached, and what was changed on the way. Called by the
    /// holder of the gate.
    pub(super) fn follow(&self, index: &WalIndex, from: Header, now: Header) -> (Header, WriteSet) {
        let mut state = self.state();
        let mut reached = now;
        let mut traced = Err(Untold::Unsteady);
        for _ in 0..TRIES {
            traced = state.advance(index, from, reached);
            if traced != Err(Untold::Unsteady) {
                break;
            }
            reached = index.stable().unwrap_or(reached);
        }
        state.has_others = true;
        self.is_mapped.store(state.map.is_some(), Ordering::Relaxed);
        match traced {
            Ok(writes) => {
                self.precise.fetch_add(1, Ordering::Relaxed);
                (reached, writes)
            }
            Err(why) => {
                self.flushed[why as usize].fetch_add(1, Ordering::Relaxed);
                tracing::debug!(reason = why.name(), "commits of others empty the cache");
                (reached, WriteSet::Everything)
            }
        }
    }

    /// Moves the map over one commit of our own, which wrote these tables. If they are not known,
    /// the pages may tell: then gives them. Called by the holder of the gate.
    #[inline]
    pub(super) fn note_own(
        &self,
        index: &WalIndex,
        before: Header,
        after: Header,
        wrote: &WriteSet,
    ) -> Option<WriteSet> {
        // One branch for those who are alone with their database.
        if self.is_mapped.load(Ordering::Relaxed) {
            self.move_over(index, before, after, wrote)
        } else {
            None
        }
    }

    fn move_over(
        &self,
        index: &WalIndex,
        before: Header,
        after: Header,
        wrote: &WriteSet,
    ) -> Option<WriteSet> {
        let mut state = self.state();
        let traced = state.step(index, before, after, wrote);
        self.is_mapped.store(state.map.is_some(), Ordering::Relaxed);
        traced.ok().filter(|_| *wrote == WriteSet::Everything)
    }

    /// Whether it is time to make a map.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let state = self.state();
        state.has_others
            && state.is_vague()
            && state.next.is_none_or(|next| now >= next)
            && !matches!(state.unfit, Some(Unfit::Never(_)))
    }

    /// Takes a map in that was made since `started`. `now` is the position of the cache; the map
    /// is moved there. Called by the holder of the gate.
    pub(super) fn install(
        &self,
        index: &WalIndex,
        made: Result<Survey, Unfit>,
        now: Header,
        started: Instant,
    ) {
        let took = started.elapsed();
        let mut state = self.state();
        state.loose = 0;
        state.unfit = None;
        let mut pause = PAUSE_MIN.max(took * PAUSE_FACTOR);
        match made {
            Ok(survey) => {
                let at = survey.at;
                state.map = Some(survey);
                if at != now && state.advance(index, at, now).is_err() {
                    state.map = None;
                }
                // Those who are alone again pay for no further survey.
                state.has_others = state.map.is_none();
            }
            Err(unfit) => {
                tracing::debug!(?unfit, "the pages of the database were not mapped");
                state.unfit = Some(unfit);
                state.map = None;
                pause = PAUSE_FAILED;
            }
        }
        state.next = Instant::now().checked_add(pause);
        self.is_mapped.store(state.map.is_some(), Ordering::Relaxed);
    }

    /// Throws the map away, and the connection that belongs to it.
    pub(super) fn forget(&self) {
        self.state().map = None;
        self.is_mapped.store(false, Ordering::Relaxed);
    }

    /// What happens at a commit of others, in words.
    pub(super) fn describe(&self) -> String {
        let state = self.state();
        match (&state.map, &state.unfit) {
            (Some(map), _) => format!(
                "a commit of another process drops the answers of the tables whose pages it \
                 changed ({} pages are mapped)",
                map.pages.len()
            ),
            (None, Some(Unfit::Never(why) | Unfit::NotNow(why))) => {
                format!("a commit of another process empties the cache, because {why}")
            }
            (None, None) if state.has_others => "a commit of another process empties the cache \
                 until the pages of the database are mapped"
                .to_owned(),
            (None, None) => "the first commit of another process empties the cache, later ones \
                 drop the answers of the tables whose pages they change"
                .to_owned(),
        }
    }

    /// What was counted.
    pub(super) fn counted(&self) -> Foreign {
        let flushed = Untold::ALL
            .iter()
            .map(|why| (why.name(), self.flushed[*why as usize].load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let state = self.state();
        Foreign {
            precise: self.precise.load(Ordering::Relaxed),
            flushed,
            pages: state.map.as_ref().map_or(0, |map| map.pages.len()),
            loose: state.map.as_ref().map_or(0, |map| map.pages.loose()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a new map would tell more.
    fn is_vague(&self) -> bool {
        self.map
            .as_ref()
            .is_none_or(|map| self.loose >= LOOSE_MAX || map.pages.hand_overs() >= HAND_OVERS_MAX)
    }

    /// Moves the map over commits of others.
    fn advance(&mut self, index: &WalIndex, from: Header, now: Header) -> Result<WriteSet, Untold> {
        let map = self.map.as_mut().filter(|map| map.at == from).ok_or(Untold::NoMap);
        let traced = map.and_then(|map| {
            let changed = map.changed(index, now)?;
            map.advance(index, &changed, now, &WriteSet::Everything)
        });
        let is_loose =
            matches!(traced, Ok(Traced::Unknown | Traced::Tables { is_loose: true, .. }));
        self.loose += u32::from(is_loose);
        self.judge(traced)
    }

    /// Moves the map over one commit of our own.
    fn step(
        &mut self,
        index: &WalIndex,
        before: Header,
        after: Header,
        wrote: &WriteSet,
    ) -> Result<WriteSet, Untold> {
        let map = self.map.as_mut().filter(|map| map.at == before).ok_or(Untold::NoMap);
        let traced = map.and_then(|map| {
            let frames = after.frames_of_one(before).ok_or(Untold::Restarted)?;
            map.advance(index, &numbers(index, frames)?, after, wrote)
        });
        let traced = self.judge(traced);
        if traced == Err(Untold::Unsteady) {
            self.map = None;
        }
        traced
    }

    /// What was found out in words that everybody knows. A map that could not follow is thrown
    /// away, unless a further try may succeed.
    fn judge(&mut self, traced: Result<Traced, Untold>) -> Result<WriteSet, Untold> {
        let why = match traced {
            Ok(Traced::Tables { slots, .. }) => return Ok(WriteSet::Tables(slots)),
            Ok(Traced::Unknown) => return Err(Untold::Loose),
            Ok(Traced::Schema) => Untold::Schema,
            Err(why) => why,
        };
        if why != Untold::Unsteady {
            self.map = None;
        }
        Err(why)
    }
}

impl Survey {
    /// The pages that commits of others may have changed since the position of the map.
    fn changed(&self, index: &WalIndex, now: Header) -> Result<Vec<u32>, Untold> {
        if let Some(frames) = now.frames_since(self.at) {
            return numbers(index, frames);
        }
        // What came before the log began again is still in the file, with some luck.
        let last = self.at.last_frame().filter(|_| now.has_restarted_once(self.at));
        let tail = last.and_then(|last| index.log_tail(&last, FRAMES_MAX));
        let mut changed = tail.ok_or(Untold::Restarted)?;
        if now.frames() > 0 {
            changed.extend(numbers(index, 1..=now.frames())?);
        }
        Ok(changed)
    }

    /// Moves the map to `now` over commits that changed these pages and wrote these tables.
    fn advance(
        &mut self,
        index: &WalIndex,
        changed: &[u32],
        now: Header,
        wrote: &WriteSet,
    ) -> Result<Traced, Untold> {
        if now.pages() > PAGES_MAX {
            return Err(Untold::Many);
        }
        // The first page holds the cookie, too. Our own statements are known not to change it.
        let has_cookie = *wrote == WriteSet::Everything && changed.contains(&1);
        let is_same = !has_cookie || self.has_same_schema();
        // What was read is of that log if it has only grown meanwhile; the cookie is that of
        // `now` if nobody has committed at all.
        let then = index.stable().ok_or(Untold::Unsteady)?;
        let has_grown = !has_cookie && then.frames_since(now).is_some();
        if then != now && !has_grown {
            return Err(Untold::Unsteady);
        }
        if !is_same {
            return Err(Untold::Schema);
        }
        let traced = self.pages.commit(changed, now.pages(), wrote);
        self.at = now;
        Ok(traced)
    }
}

/// The page numbers of frames that are in the log.
fn numbers(index: &WalIndex, frames: RangeInclusive<u32>) -> Result<Vec<u32>, Untold> {
    if frames.end() - frames.start() >= FRAMES_MAX {
        return Err(Untold::Many);
    }
    index.page_numbers(frames).ok_or(Untold::Unsteady)
}

#[cfg(test)]
mod figures;
#[cfg(test)]
mod tests;
