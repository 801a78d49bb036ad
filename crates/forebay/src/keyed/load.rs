//! How what is not there is loaded: by one for all who want it, in a task of its own, with a limit
//! on its time. Why nothing is kept that was made untrue meanwhile: `docs/design/keyed-cache.md`.

use std::pin::Pin;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::runtime::Handle;

use super::chain;
use super::core::{Core, Wanted};
use super::failure::{overdue, shut_down};
use super::flight::{Departure, Fit, Flight, Landed, Overdue, Runs, departing_slots};
use super::kept::{Content, Kept, Standing, hand_on};
use super::key::{Key, KeyRef};
use super::known::Known;
use super::landing::Departed;
use super::policy::Policy;
use super::tagged::Tagged;
use crate::depend::{self, Evidence, Question};
use crate::error::{Error, Result};

/// How often a caller waits for a load of another one that then does not serve it, before it loads
/// for itself whatever is under way.
pub(super) const JOINS_MAX: usize = 4;

/// Why what is made of a load that failed has to rest on its own ttl.
const FAILED: &str = "a load of a cache in it failed";

/// What a load gives: as many as it was begun for, in their order.
pub(crate) type Batch = SmallVec<[Produced; 1]>;

/// A load, which begins when it is polled.
pub(crate) type Load = Pin<Box<dyn Future<Output = Result<Batch>> + Send>>;

/// What was loaded for one key.
pub(crate) struct Produced {
    pub(crate) content: Content,
    /// The tags that its value tells.
    pub(crate) tagged: Tagged,
    /// Whether it is to be kept.
    pub(crate) is_kept: bool,
}

/// How something is asked for.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) policy: Policy,
    /// The tags that are known before.
    pub(crate) tagged: Tagged,
    /// Whether the value tells more tags.
    pub(crate) tells_more: bool,
    pub(crate) wanted: Wanted,
}

/// What a caller is given, and what it rests on.
pub(super) type Fetched = (Content, Option<Evidence>);

/// The part a caller plays.
pub(super) enum Part {
    Found(Arc<Kept>),
    Follows(Arc<Flight>),
    /// Waits for the end of what may be too old, and asks again.
    Waits(Arc<Flight>),
    Leads(Arc<Flight>),
}

/// What a caller who joins takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// What has landed meanwhile, and what is under way.
    Anything,
    /// What is under way, not what stands there.
    Flights,
    /// Nothing: it loads.
    Nothing,
}

impl Core {
    /// What is under a key, loaded if it has to be. Its evidence is handed on.
    pub(super) async fn fetch(
        self: &Arc<Core>,
        key: KeyRef<'_>,
        ask: &Ask,
        load: Load,
    ) -> Result<Content> {
        let key = key.to_key();
        self.refuse_own(&key)?;
        let runtime = runtime()?;
        let question = Question::begin();
        let fetched = self.join_or_load(&key, ask, load, &runtime).await;
        let fetched = self.conclude(&key, ask, fetched);
        if let Some(question) = question {
            question.end();
        }
        fetched
    }

    /// Hands on what a value rests on; what stands there instead of an error, if that may be given.
    pub(super) fn conclude(
        &self,
        key: &Key,
        ask: &Ask,
        fetched: Result<Fetched>,
    ) -> Result<Content> {
        match fetched {
            Ok((content, evidence)) => {
                if depend::is_collecting() {
                    hand_on(evidence.as_ref());
                }
                Ok(content)
            }
            Err(error) => match self.fallback(key.as_ref(), ask.wanted) {
                Some(kept) => Ok(kept.content.clone()),
                None => {
                    depend::doubt(FAILED);
                    Err(error)
                }
            },
        }
    }

    async fn join_or_load(
        self: &Arc<Core>,
        key: &Key,
        ask: &Ask,
        load: Load,
        runtime: &Handle,
    ) -> Result<Fetched> {
        let begun = self.flights.begun();
        for round in 0.. {
            let takes = if round < JOINS_MAX { Takes::Anything } else { Takes::Nothing };
            match self.join(key, ask, takes, Runs::Task, begun) {
                Part::Found(kept) => return Ok((kept.content.clone(), kept.evidence.clone())),
                Part::Leads(flight) => {
                    Departed::new(self, key, &flight).depart(ask, load, runtime);
                    return settle(flight.landed().await);
                }
                Part::Follows(flight) => {
                    self.tally.joined.add(1);
                    if let Some(settled) = accept(flight.landed().await, ask.wanted) {
                        return settled;
                    }
                }
                // However it ends, the next one is what is asked for.
                Part::Waits(flight) => drop(flight.landed().await),
            }
        }
        unreachable!("who takes nothing leads")
    }

    /// Loads again behind an answer, unless that is under way. Nobody waits for it.
    pub(super) fn refresh(self: &Arc<Core>, key: KeyRef<'_>, ask: &Ask, load: Load) {
        let key = key.to_key();
        if self.refuse_own(&key).is_ok() {
            self.reload(&key, ask, load);
        }
    }

    /// Loads again whatever stands there, unless that is under way.
    pub(super) fn reload(
        self: &Arc<Core>,
        key: &Key,
        ask: &Ask,
        load: Load,
    ) -> Option<Arc<Flight>> {
        let runtime = runtime().ok()?;
        let begun = self.flights.begun();
        let Part::Leads(flight) = self.join(key, ask, Takes::Flights, Runs::Task, begun) else {
            return None;
        };
        self.tally.refreshes.add(1);
        Departed::new(self, key, &flight).behind().depart(ask, load, &runtime);
        Some(flight)
    }

    /// A load that waits for itself would wait in vain.
    pub(super) fn refuse_own(&self, key: &Key) -> Result<()> {
        if chain::is_within(self, key) {
            return Err(Error::usage(
                "a load asks the cache for its own key: load it from where it comes from",
            ));
        }
        Ok(())
    }

    /// `begun`: how many loads had begun when the caller came.
    pub(super) fn join(&self, key: &Key, ask: &Ask, takes: Takes, runs: Runs, begun: u64) -> Part {
        let now = self.now();
        // Declared before the lock, so that it is dropped after it.
        let seen;
        let mut turn = self.flights.turn(key);
        if takes == Takes::Anything {
            seen = self.store.get(&key.as_ref()).filter(|kept| ask.wanted.fits(kept));
            if let Some(kept) = &seen
                && kept.standing(&self.tags, now) == Standing::Fresh
            {
                return Part::Found(kept.clone());
            }
        }
        if takes != Takes::Nothing
            && let Some(flight) = turn.flight(key)
        {
            match flight.fit(ask.wanted.kind, &self.tags, now, begun) {
                Fit::Yes => return Part::Follows(flight.clone()),
                Fit::Unheard => return Part::Waits(flight.clone()),
                Fit::No => {}
            }
        }
        Part::Leads(turn.begin(key.clone(), self.departure(key, ask, runs)))
    }

    pub(super) fn departure(&self, key: &Key, ask: &Ask, runs: Runs) -> Departure {
        let below = self.below.as_ref();
        // What comes up from a tier may have tags that are not known before.
        let is_wide = ask.tells_more || below.is_some();
        Departure {
            number: self.tags.last(),
            slots: departing_slots(&ask.tagged.slots, is_wide, &key.space),
            known: below.map_or(Known::Alone, |below| below.known(key.as_ref(), &ask.tagged, true)),
            is_deep: below.is_some(),
            kind: ask.wanted.kind,
            runs,
            began: self.now(),
            load_timeout: ask.policy.load_timeout,
        }
    }
}

/// What the caller takes who began the load.
pub(super) fn settle(landed: Result<Landed, Overdue>) -> Result<Fetched> {
    match landed {
        Ok(Landed::Loaded { content, evidence }) => Ok((content, evidence)),
        Ok(Landed::Failed(error)) => Err(error.share()),
        Ok(Landed::Lost) => Err(shut_down()),
        Err(Overdue(limit)) => Err(overdue(limit)),
    }
}

/// What a caller takes who has waited for a load that had begun before; `None` if it does not serve
/// this one. What it rests on may be older than a write of this very caller.
pub(super) fn accept(landed: Result<Landed, Overdue>, wanted: Wanted) -> Option<Result<Fetched>> {
    let serves = match &landed {
        Ok(Landed::Loaded { content, evidence }) => {
            wanted.serves(content) && evidence.as_ref().is_none_or(Evidence::is_true)
        }
        Ok(Landed::Lost) => false,
        Ok(Landed::Failed(_)) | Err(Overdue(_)) => true,
    };
    serves.then(|| settle(landed))
}

/// The runtime of the caller.
pub(super) fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|_| {
        Error::usage(
            "loads run in tasks of their own: call this within a tokio runtime, or use blocking()",
        )
    })
}
