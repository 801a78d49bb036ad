//! Loading several keys at once: those that nobody is loading yet, by one load.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Cacheable;
use super::berth::Berth;
use super::cache::Cache;
use super::core::{Core, Found, Wanted};
use super::failure::{Cause, unasked};
use super::flight::{Flight, Runs};
use super::guarded::guarded;
use super::kept::Content;
use super::key::Key;
use super::landing::Departed;
use super::load::{Ask, Batch, Fetched, JOINS_MAX, Part, Produced, Takes, accept, runtime, settle};
use super::tagged::Tagged;
use super::tiers::LOOK_MAX;
use crate::depend::Question;
use crate::error::Result;

/// What the callers of several keys still wait for, and what they have.
struct Round {
    /// By the position of a key; `None` while it is waited for.
    have: Vec<Option<Content>>,
    /// Positions of what is loaded by this caller, in the order of the load.
    leads: Vec<(usize, Arc<Flight>)>,
    /// Positions of what others load.
    follows: Vec<(usize, Arc<Flight>)>,
    /// What may be too old, and has to end before it is asked again.
    waits: Vec<Arc<Flight>>,
}

/// How keys are joined.
#[derive(Clone, Copy)]
struct Joins {
    takes: Takes,
    /// How many loads had begun when the caller came.
    begun: u64,
}

impl Cache {
    /// The values under several keys, in their order; those that are not there fresh and that
    /// nobody is loading are loaded by one `load`, which is given their keys and gives pairs of key
    /// and value. What it gives nothing for is `None`, and is kept as such for the `negative_ttl`.
    ///
    /// Values that are due to be refreshed are loaded with them. `load` is called again only if a
    /// load of another caller, which this one had joined, did not serve it.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_load`], for the first key that fails; besides
    /// [`is_usage`](crate::Error::is_usage) when `load` gives a key that it was not asked for.
    pub async fn get_or_load_many<K, T, E, I, F, Fut>(
        &self,
        keys: &[K],
        mut load: F,
    ) -> Result<Vec<Option<Arc<T>>>>
    where
        K: AsRef<[u8]> + Clone + Send + Sync + 'static,
        T: Cacheable,
        E: Into<Cause>,
        I: IntoIterator<Item = (K, T)>,
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
    {
        let wanted = Wanted::of::<T>(true);
        let tagged = Tagged::new(self.core.below.is_some());
        let ask = Ask { policy: self.policy, tagged, tells_more: false, wanted };
        let full: Vec<Key> = keys.iter().map(|key| self.key(key.as_ref()).to_key()).collect();
        let begin = |asked: &[usize]| {
            let load = load(asked.iter().map(|at| keys[*at].clone()).collect());
            let order: Order = asked.iter().map(|at| full[*at].bytes.clone()).zip(0..).collect();
            let (guards, limit) = (self.guards.clone(), self.policy.load_timeout);
            let load = async move { arrange(&order, guarded(&guards, limit, load).await?) };
            Box::pin(load) as _
        };
        let have = self.core.fetch_many(&full, &ask, begin).await?;
        Ok(have.iter().map(Content::get).collect())
    }
}

/// Where each key stands in what was asked for.
type Order = HashMap<Arc<[u8]>, usize, RandomState>;

/// Brings pairs into the order in which they were asked for.
fn arrange<K: AsRef<[u8]>, T: Cacheable>(
    order: &Order,
    pairs: impl IntoIterator<Item = (K, T)>,
) -> Result<Batch> {
    let nothing =
        || Produced { content: Content::of::<T>(None), tagged: Tagged::default(), is_kept: true };
    let mut batch: Batch = order.iter().map(|_| nothing()).collect();
    for (key, value) in pairs {
        let at = *order.get(key.as_ref()).ok_or_else(unasked)?;
        batch[at].content = Content::of(Some(Arc::new(value)));
    }
    Ok(batch)
}

impl Core {
    async fn fetch_many(
        self: &Arc<Core>,
        keys: &[Key],
        ask: &Ask,
        mut load: impl FnMut(&[usize]) -> super::load::Load,
    ) -> Result<Vec<Content>> {
        let mut round =
            Round { have: Vec::new(), leads: Vec::new(), follows: Vec::new(), waits: Vec::new() };
        let mut due = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let found = self.find(key.as_ref(), ask.wanted);
            if let Found::Due(_) | Found::Stale(_, true) = &found {
                due.push(at);
            }
            round.have.push(found.content());
        }
        if due.is_empty() && round.have.iter().all(Option::is_some) {
            return Ok(round.have.into_iter().flatten().collect());
        }
        for key in keys {
            self.refuse_own(key)?;
        }
        let runtime = runtime()?;
        let question = Question::begin();
        let begun = self.flights.begun();
        for count in 0.. {
            let takes = if count < JOINS_MAX { Takes::Anything } else { Takes::Nothing };
            let joins = Joins { takes, begun };
            self.join_many(keys, ask, &mut round, std::mem::take(&mut due), joins)?;
            self.depart_many(keys, ask, &round, &mut load, &runtime).await;
            self.settle_many(keys, ask, &mut round).await?;
            if round.have.iter().all(Option::is_some) {
                break;
            }
        }
        if let Some(question) = question {
            question.end();
        }
        Ok(round.have.into_iter().flatten().collect())
    }

    /// Begins or joins a flight for each key that is not there, and for those that are `due`.
    fn join_many(
        &self,
        keys: &[Key],
        ask: &Ask,
        round: &mut Round,
        due: Vec<usize>,
        Joins { takes, begun }: Joins,
    ) -> Result<()> {
        for (at, key) in keys.iter().enumerate() {
            if round.have[at].is_some() {
                continue;
            }
            // Who takes nothing would lead twice for a key that is named twice.
            let is_same = |(other, _): &&(usize, _)| keys[*other] == *key;
            if takes == Takes::Nothing
                && let Some((_, flight)) = round.leads.iter().find(is_same)
            {
                round.follows.push((at, flight.clone()));
                continue;
            }
            match self.join(key, ask, takes, Runs::Task, begun) {
                Part::Found(kept) => {
                    let found = (kept.content.clone(), kept.evidence.clone());
                    round.have[at] = Some(self.conclude(key, ask, Ok(found))?);
                }
                Part::Leads(flight) => round.leads.push((at, flight)),
                Part::Follows(flight) => {
                    self.tally.joined.add(1);
                    round.follows.push((at, flight));
                }
                Part::Waits(flight) => round.waits.push(flight),
            }
        }
        for at in due {
            let part = self.join(&keys[at], ask, Takes::Flights, Runs::Task, begun);
            if let Part::Leads(flight) = part {
                self.tally.refreshes.add(1);
                round.leads.push((at, flight));
            }
        }
        Ok(())
    }

    /// Begins what is to be loaded by this caller: what the tiers do not have.
    async fn depart_many(
        self: &Arc<Core>,
        keys: &[Key],
        ask: &Ask,
        round: &Round,
        load: &mut impl FnMut(&[usize]) -> super::load::Load,
        runtime: &Handle,
    ) {
        if round.leads.is_empty() {
            return;
        }
        let berth = |(at, flight): &(usize, Arc<Flight>)| {
            (*at, Berth::new(self, keys[*at].clone(), flight.clone()))
        };
        let berths = round.leads.iter().map(berth).collect();
        let berths = self.lift_many(berths, &round.have, ask).await;
        if berths.is_empty() {
            return;
        }
        let (asked, berths): (Vec<usize>, Vec<Berth>) = berths.into_iter().unzip();
        // Before the load, which may panic: whoever waits is told then.
        let departed = Departed::all(self, berths);
        departed.depart(ask, load(&asked), runtime);
    }

    /// Looks into the tiers for what is not there, and gives back what they do not have. When this
    /// is given up, all of it is lost.
    async fn lift_many(
        self: &Arc<Core>,
        berths: Vec<(usize, Berth)>,
        have: &[Option<Content>],
        ask: &Ask,
    ) -> Vec<(usize, Berth)> {
        let Some(below) = &self.below else { return berths };
        let is_missing = |(at, _): &(usize, Berth)| have[*at].is_none();
        let (missing, mut rest): (Vec<_>, Vec<_>) = berths.into_iter().partition(is_missing);
        let asked: Vec<_> = missing.iter().filter_map(|(_, berth)| berth.asked()).collect();
        let found = timeout(LOOK_MAX, below.look(&asked, ask.wanted)).await.unwrap_or_default();
        let found = found.into_iter().chain(std::iter::repeat_with(|| None));
        for ((at, berth), risen) in missing.into_iter().zip(found) {
            match risen {
                Some(risen) => self.lift(berth, risen, ask),
                None => rest.push((at, berth)),
            }
        }
        rest
    }

    /// Waits for what is not there yet. What others load may leave some of it open.
    async fn settle_many(&self, keys: &[Key], ask: &Ask, round: &mut Round) -> Result<()> {
        for (at, flight) in std::mem::take(&mut round.leads) {
            if round.have[at].is_none() {
                let settled = settle(flight.landed().await);
                round.have[at] = Some(self.conclude(&keys[at], ask, settled)?);
            }
        }
        for flight in std::mem::take(&mut round.waits) {
            // However it ends, the next one is what is asked for.
            drop(flight.landed().await);
        }
        for (at, flight) in std::mem::take(&mut round.follows) {
            let settled: Option<Result<Fetched>> = accept(flight.landed().await, ask.wanted);
            if let Some(settled) = settled {
                round.have[at] = Some(self.conclude(&keys[at], ask, settled)?);
            }
        }
        Ok(())
    }
}
