//! What comes before a load: the tiers are asked, and of all processes one is given the right to
//! fill. The others wait for what that one fills, for a bounded time.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::super::known::Trust;
use super::super::load::Ask;
use super::below::Below;
use super::look::{Asked, Risen};
use super::number::versions_in;
use super::{Bid, Redis, RedisLease};

/// How long the tiers are waited for before a load, with all that another process takes to fill.
pub(crate) const LOOK_MAX: Duration = Duration::from_secs(5);

/// How much longer than a load the right to fill lasts.
const LEASE_MORE: Duration = Duration::from_secs(3);

/// How often it is looked whether somebody has filled: at what was heard, and in Redis itself.
const LISTEN_EVERY: Duration = Duration::from_millis(2);
const ASK_EVERY: Duration = Duration::from_millis(20);

/// What a load is begun with.
#[derive(Default)]
pub(crate) struct Errand {
    /// The right to fill.
    pub(super) lease: Option<RedisLease>,
    /// The numbers of the tags that were known before.
    pub(super) numbers: Vec<u64>,
    /// The numbers of "any tag", where the value will tell more tags.
    pub(super) anys: Vec<u64>,
}

/// What has come of asking the tiers.
pub(crate) enum Embarked {
    /// There it is: nothing is loaded.
    Risen(Box<Risen>),
    Load(Errand),
    /// Another process is loading what stands here, and has not ended: nothing is loaded.
    Elsewhere,
}

impl Below {
    /// Asks for one key. `is_behind`: something stands there, and is to be loaded again.
    pub(crate) async fn embark(&self, asked: &mut Asked, ask: &Ask, is_behind: bool) -> Embarked {
        let until = Instant::now() + LOOK_MAX;
        let embarking = self.embark_until(asked, ask, is_behind, until);
        match timeout(LOOK_MAX, embarking).await {
            Ok(embarked) => embarked,
            Err(_) => Embarked::Load(Errand::default()),
        }
    }

    async fn embark_until(
        &self,
        asked: &mut Asked,
        ask: &Ask,
        is_behind: bool,
        until: Instant,
    ) -> Embarked {
        if !is_behind && let Some(risen) = self.look_one(asked, ask).await {
            return Embarked::Risen(risen);
        }
        let Some(redis) = &self.redis else { return Embarked::Load(Errand::default()) };
        loop {
            match redis.bid(&asked.name, lease_time(ask)).await {
                Bid::Unasked => return Embarked::Load(Errand::default()),
                Bid::Won(lease) => {
                    // Somebody may have filled since it was looked.
                    if !is_behind && let Some(risen) = self.look_one(asked, ask).await {
                        return Embarked::Risen(risen);
                    }
                    return Embarked::Load(self.errand(redis, lease, asked, ask).await);
                }
                Bid::Taken => {}
            }
            if !waited(asked, until).await {
                return match is_behind {
                    true => Embarked::Elsewhere,
                    false => Embarked::Load(Errand::default()),
                };
            }
            // What is found from here on may be younger than what was known before.
            asked.known = self.known(asked.key.as_ref(), &ask.tagged, true);
            if let Some(risen) = self.look_one(asked, ask).await {
                return Embarked::Risen(risen);
            }
        }
    }

    async fn look_one(&self, asked: &Asked, ask: &Ask) -> Option<Box<Risen>> {
        let found = self.look(std::slice::from_ref(asked), ask.wanted).await;
        found.into_iter().next().flatten().map(Box::new)
    }

    /// Asks for the right to fill several keys at once. Nobody is waited for.
    pub(crate) async fn embark_many(&self, asked: Vec<Asked>, ask: &Ask) -> Vec<Errand> {
        let mut errands: Vec<Errand> = asked.iter().map(|_| Errand::default()).collect();
        let Some(redis) = &self.redis else { return errands };
        let mut bids = JoinSet::new();
        for (at, asked) in asked.into_iter().enumerate() {
            let (redis, time) = (redis.clone(), lease_time(ask));
            bids.spawn(async move { (at, redis.bid(&asked.name, time).await, asked) });
        }
        let bidding = async {
            while let Some(bid) = bids.join_next().await {
                if let Ok((at, Bid::Won(lease), asked)) = bid {
                    errands[at] = self.errand(redis, lease, &asked, ask).await;
                }
            }
        };
        // Who could not be asked in time is loaded without the right.
        let _ = timeout(LOOK_MAX, bidding).await;
        errands
    }

    /// What the value will be made under. Without it there is nothing to fill.
    async fn errand(&self, redis: &Redis, lease: RedisLease, asked: &Asked, ask: &Ask) -> Errand {
        let space = &asked.key.space;
        let mut names = self.tag_names(space, ask.tagged.texts());
        let known = names.len();
        if ask.tells_more {
            names.extend(self.names.anys(space));
        }
        let Some(mut numbers) = versions_in(redis, &names).await else { return Errand::default() };
        let anys = numbers.split_off(known);
        Errand { lease: Some(lease), numbers, anys }
    }
}

fn lease_time(ask: &Ask) -> Duration {
    ask.policy.load_timeout.saturating_add(LEASE_MORE)
}

/// Waits until something has changed, or until it is to be asked again; false if the time is over.
async fn waited(asked: &Asked, until: Instant) -> bool {
    let start = Instant::now();
    // Half of the time is left for what is found then.
    while Instant::now() + LOOK_MAX / 2 < until {
        if asked.known.trust() == Trust::Over || start.elapsed() >= ASK_EVERY {
            return true;
        }
        sleep(LISTEN_EVERY).await;
    }
    false
}
