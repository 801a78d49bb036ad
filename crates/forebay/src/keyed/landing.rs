//! The way of a load, from when the tiers are asked to its end: what it gave is stored if it may
//! be, and everybody who waits is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span};

use super::berth::{Berth, Change};
use super::caught::{Caught, Panicked};
use super::chain::Link;
use super::core::Core;
use super::failure::{overdue, panicked};
use super::flight::{Flight, Landed};
use super::kept::Kept;
use super::key::Key;
use super::known::Trust;
use super::life::{Holds, Life, Loaded, nanos};
use super::load::{Ask, Batch, Load, Produced};
use super::tagged::Tagged;
use super::thread;
use super::tiers::{Embarked, Errand, How, OnDisk, Point};
use super::trace::{self, Outcome};
use crate::depend::{self, Evidence};
use crate::error::{Error, Result};

/// How often what nobody can be given any more is looked for while the store is crowded.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Loads under way that end together.
pub(super) struct Departed {
    core: Arc<Core>,
    berths: Vec<Berth>,
    way: Way,
}

/// What is done before the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The tiers are looked into.
    Looks,
    /// They have been.
    HasLooked,
    /// What stands there is to be loaded again, and nobody waits for it.
    Behind,
}

/// What all values of a load share.
struct Common {
    ask: Ask,
    loaded: Loaded,
    evidence: Option<Evidence>,
    is_behind: bool,
}

impl Departed {
    pub(super) fn new(core: &Arc<Core>, key: &Key, flight: &Arc<Flight>) -> Departed {
        let berth = Berth::new(core, key.clone(), flight.clone());
        Departed { core: core.clone(), berths: vec![berth], way: Way::Looks }
    }

    /// Several, for which the tiers have been asked.
    pub(super) fn all(core: &Arc<Core>, berths: Vec<Berth>) -> Departed {
        Departed { core: core.clone(), berths, way: Way::HasLooked }
    }

    /// Nobody waits for it.
    pub(super) fn behind(mut self) -> Departed {
        self.way = Way::Behind;
        self
    }

    /// Spawns the load.
    pub(super) fn depart(self, ask: &Ask, load: Load, runtime: &Handle) {
        let (ask, link) = (ask.clone(), self.link());
        let span = self.span();
        let own = span.clone();
        let way = async move {
            let (departed, errands) = match self.embark(&ask).await {
                Ok(embarked) => embarked,
                Err(outcome) => return outcome.tell(&own),
            };
            departed.core.tally.loads.add(departed.berths.len() as u64);
            let began = departed.core.now();
            let limit = ask.policy.load_timeout;
            let limited = tokio::time::timeout(limit, Caught::new(load));
            let (ended, evidence) = depend::collect(link.around(limited)).await;
            let done = match ended {
                Ok(Ok(done)) => done,
                Ok(Err(Panicked)) => Err(panicked()),
                Err(_) => Err(overdue(limit)),
            };
            outcome(&done).tell(&own);
            departed.core.at(Point::Landing).await;
            let took = Duration::from_nanos(departed.core.now().saturating_sub(began));
            departed.land(done, ask, Loaded { began, took }, evidence, errands).await;
        };
        // What a load asks counts for whoever has begun it.
        #[cfg(feature = "http")]
        let way = crate::watch::carry(way);
        let way = crate::trace::carry(way);
        runtime.spawn(way.instrument(span));
    }

    fn span(&self) -> Span {
        trace::of_load(&self.core.name, self.berths.len(), self.way == Way::Behind)
    }

    /// Asks the tiers first; an end if there is nothing left to load.
    async fn embark(mut self, ask: &Ask) -> Result<(Departed, Vec<Errand>), Outcome> {
        let core = self.core.clone();
        let Some(below) = &core.below else { return Ok((self, Vec::new())) };
        core.at(Point::Looking).await;
        if self.way == Way::HasLooked {
            let asked = self.berths.iter().filter_map(Berth::asked).collect();
            let errands = below.embark_many(asked, ask).await;
            return Ok((self, errands));
        }
        let berth = self.berths.pop().ok_or(Outcome::Elsewhere)?;
        let mut asked = berth.asked().ok_or(Outcome::Elsewhere)?;
        match below.embark(&mut asked, ask, self.way == Way::Behind).await {
            Embarked::Load(errand) => {
                self.berths.push(berth);
                Ok((self, vec![errand]))
            }
            Embarked::Risen(risen) => {
                core.at(Point::Looked).await;
                core.lift(berth, *risen, ask);
                Err(Outcome::Found)
            }
            // It is lost, and whoever waits for it asks again.
            Embarked::Elsewhere => Err(Outcome::Elsewhere),
        }
    }

    /// Runs a load that blocks, on this thread. The tiers are not asked.
    pub(super) fn run_here(self, ask: &Ask, load: impl FnOnce() -> Result<Batch>) {
        let (link, core, span) = (self.link(), self.core.clone(), self.span());
        let _entered = span.enter();
        core.tally.loads.add(self.berths.len() as u64);
        let began = core.now();
        let caught = || catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err(panicked()));
        let (done, evidence) = thread::collect(|| link.around_thread(caught));
        outcome(&done).tell(&span);
        let took = Duration::from_nanos(core.now().saturating_sub(began));
        let common = self.ended(ask.clone(), Loaded { began, took }, evidence);
        match done {
            Ok(batch) => {
                for (berth, produced) in self.berths.into_iter().zip(batch) {
                    core.land_here(berth, produced, &common);
                }
            }
            Err(error) => self.fail(error),
        }
        core.sweep_if_crowded();
    }

    fn link(&self) -> Arc<Link> {
        Link::new(&self.core, self.berths.iter().map(|berth| berth.key.clone()).collect())
    }

    /// Counts the end of the load.
    fn ended(&self, ask: Ask, loaded: Loaded, evidence: Evidence) -> Common {
        let tally = &self.core.tally;
        tally.loaded(loaded.took);
        let evidence = (!ask.policy.ttl_only && !evidence.is_empty()).then_some(evidence);
        let is_unproven = evidence.as_ref().is_some_and(|all| all.unproven().is_some());
        tally.unproven.add(u64::from(is_unproven));
        Common { ask, loaded, evidence, is_behind: self.way == Way::Behind }
    }

    /// Stores what was loaded, and tells it to everybody who waits.
    async fn land(
        self,
        done: Result<Batch>,
        ask: Ask,
        loaded: Loaded,
        evidence: Evidence,
        errands: Vec<Errand>,
    ) {
        let core = self.core.clone();
        let common = Arc::new(self.ended(ask, loaded, evidence));
        match done {
            Ok(batch) => {
                debug_assert_eq!(batch.len(), self.berths.len());
                let is_single = batch.len() == 1;
                let errands = errands.into_iter().chain(std::iter::repeat_with(Errand::default));
                let all = self.berths.into_iter().zip(batch).zip(errands);
                if core.below.is_none() || is_single {
                    for ((berth, produced), errand) in all {
                        core.land(berth, produced, &common, errand).await;
                    }
                    return core.sweep_if_crowded();
                }
                // Each waits for its tiers, so several are on their way at a time.
                let mut landings = JoinSet::new();
                for ((berth, produced), errand) in all {
                    let (core, common) = (core.clone(), common.clone());
                    landings.spawn(async move {
                        core.land(berth, produced, &common, errand).await;
                    });
                }
                while landings.join_next().await.is_some() {}
            }
            Err(error) => self.fail(error),
        }
        core.sweep_if_crowded();
    }

    fn fail(self, error: Error) {
        self.core.tally.failures.add(self.berths.len() as u64);
        if self.way == Way::Behind {
            tracing::warn!(cache = self.core.name, %error, "a load behind an answer failed");
        }
        let error = Arc::new(error);
        for berth in self.berths {
            berth.land(Change::Leave, OnDisk::Leave, Landed::Failed(error.clone()));
        }
    }
}

fn outcome(done: &Result<Batch>) -> Outcome {
    if done.is_ok() { Outcome::Loaded } else { Outcome::Failed }
}

impl Core {
    /// Keeps what has come up from a tier, and tells it.
    pub(super) fn lift(&self, berth: Berth, risen: super::tiers::Risen, ask: &Ask) {
        let content = risen.content.clone();
        let number = berth.flight.departure.number;
        let (kept, on_disk) = self.kept_of(risen, &ask.policy, number);
        let change = match kept.known.trust() {
            Trust::Yes => Change::Keep(kept),
            Trust::NotNow | Trust::Over => Change::Remove,
        };
        berth.land(change, on_disk, Landed::Loaded { content, evidence: None });
    }

    async fn land(&self, berth: Berth, produced: Produced, common: &Common, errand: Errand) {
        let Common { ask, evidence, .. } = common;
        let (content, tagged) = (produced.content.clone(), self.tags_of(ask, &produced));
        let mut change = self.change(&berth, produced, common, &tagged);
        let mut on_disk = OnDisk::Leave;
        if let Some(below) = &self.below {
            let (key, now) = (&berth.key, self.now());
            match &change {
                Change::Keep(kept) => {
                    let codec = ask.wanted.codec;
                    let how = How { tagged: &tagged, policy: &ask.policy, codec };
                    on_disk = below.for_disk(key, kept, how, now).await;
                    let is_filled = below.fill(errand, key, kept, &tagged, ask, now).await;
                    if !is_filled && common.is_behind {
                        // What stands there is older than what is kept here.
                        below.remove_older(key).await;
                    }
                    // Memory gets from Redis what Redis has: only then it is known since when.
                    if is_filled || kept.known.trust() != Trust::Yes {
                        change = Change::Remove;
                    }
                }
                Change::Remove => {
                    on_disk = OnDisk::Discard;
                    let _ = below.remove(key).await;
                }
                Change::Leave => {}
            }
        }
        berth.land(change, on_disk, Landed::Loaded { content, evidence: evidence.clone() });
    }

    /// The same at once, so that Redis is not filled.
    fn land_here(&self, berth: Berth, produced: Produced, common: &Common) {
        let Common { ask, evidence, .. } = common;
        let (content, tagged) = (produced.content.clone(), self.tags_of(ask, &produced));
        let mut change = self.change(&berth, produced, common, &tagged);
        let mut on_disk = OnDisk::Leave;
        if let Some(below) = &self.below {
            match &change {
                Change::Keep(kept) => {
                    let (codec, now) = (ask.wanted.codec, self.now());
                    on_disk = below.for_disk_now(&berth.key, kept, &ask.policy, codec, now);
                    if kept.known.trust() != Trust::Yes {
                        change = Change::Remove;
                    }
                }
                Change::Remove => on_disk = OnDisk::Discard,
                Change::Leave => {}
            }
        }
        berth.land(change, on_disk, Landed::Loaded { content, evidence: evidence.clone() });
    }

    /// The tags that were known before, and those that the value tells.
    fn tags_of(&self, ask: &Ask, produced: &Produced) -> Tagged {
        let mut tagged = ask.tagged.clone();
        tagged.join(&produced.tagged);
        tagged
    }

    fn change(
        &self,
        berth: &Berth,
        produced: Produced,
        common: &Common,
        tagged: &Tagged,
    ) -> Change {
        let Common { ask, loaded, evidence, .. } = common;
        let (policy, departure) = (&ask.policy, &berth.flight.departure);
        let Produced { content, is_kept, .. } = produced;
        let holds = content.holds();
        if holds == Holds::Nothing && policy.negative_ttl.is_zero() {
            return Change::Remove;
        }
        let slots = tagged.slots.clone();
        let is_bounded = policy.ttl.is_some() || holds == Holds::Nothing;
        let is_proven = evidence.as_ref().is_none_or(|all| all.unproven().is_none());
        let is_true = evidence.as_ref().is_none_or(Evidence::is_true);
        let is_deleted = self.tags.has_deleted(&slots, departure.number);
        if !is_kept || !is_true || is_deleted || !(is_bounded || is_proven) {
            self.tally.refused.add(1);
            return Change::Leave;
        }
        let life = Life::new(policy, holds, *loaded, fastrand::f64());
        let known = self.known_of(&berth.key, tagged, &departure.known);
        let number = departure.number;
        Change::Keep(Kept::new(content, life, number, slots, evidence.clone(), known))
    }

    /// Entries that nobody can be given are found when they are asked for, or here once they crowd
    /// out others.
    fn sweep_if_crowded(&self) {
        let (now, swept) = (self.now(), self.swept.load(Ordering::Relaxed));
        let is_crowded = self.store.bytes() > self.store.bytes_max() / 2;
        if !is_crowded || now.saturating_sub(swept) < nanos(SWEEP_EVERY) {
            return;
        }
        let order = Ordering::Relaxed;
        if self.swept.compare_exchange(swept, now, order, order).is_ok() {
            self.sweep();
        }
    }
}
