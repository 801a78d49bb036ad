//! Storing what was loaded or set: as a record, on the disk under the lock of the key's shard, in
//! Redis by the right to fill, or, if a caller has set it, so that everybody has heard of it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::super::codec::{Codec, is_count};
use super::super::kept::Kept;
use super::super::key::Key;
use super::super::known::{Known, Trust};
use super::super::life::Moment;
use super::super::load::Ask;
use super::super::policy::Policy;
use super::super::record::Numbered;
use super::super::tagged::Tagged;
use super::Redis;
use super::below::{Below, OnDisk};
use super::embark::Errand;
use super::number::{borrowed, versions_in};
use crate::error::Result;

/// How long Redis is waited for once a value is loaded.
pub(crate) const FILL_MAX: Duration = Duration::from_secs(2);

/// How long an echo takes, and how often it is waited for.
const ECHO: Duration = Duration::from_millis(2);
const ECHOES_MAX: usize = 8;

/// How a value is kept.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    pub(crate) tagged: &'a Tagged,
    pub(crate) policy: &'a Policy,
    pub(crate) codec: Codec,
}

/// What has become of a value that a caller has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Yes,
    /// It cannot be stored; what was there is removed.
    Unfit,
}

impl Below {
    /// What the disk is to have of an entry. Beside Redis it gets what comes up from there.
    pub(crate) async fn for_disk(
        &self,
        key: &Key,
        kept: &Kept,
        how: How<'_>,
        now: Moment,
    ) -> OnDisk {
        let How { tagged, policy, codec } = how;
        let Some(disk) = &self.disk else { return OnDisk::Leave };
        if self.redis.is_some() || !Below::may_hold(policy, kept, now) {
            return OnDisk::Discard;
        }
        let names = self.tag_names(&key.space, tagged.texts());
        let numbers = self.versions_on(disk, &names).await;
        let tags = Below::numbered(&key.space, tagged.texts(), &numbers);
        self.record_for_disk(key, kept, tags, codec, now)
    }

    /// The same at once, for what has no tags; what has some is not kept.
    pub(crate) fn for_disk_now(
        &self,
        key: &Key,
        kept: &Kept,
        policy: &Policy,
        codec: Codec,
        now: Moment,
    ) -> OnDisk {
        if self.disk.is_none() {
            return OnDisk::Leave;
        }
        let is_fit = kept.slots.is_empty() && Below::may_hold(policy, kept, now);
        if self.redis.is_some() || !is_fit {
            return OnDisk::Discard;
        }
        self.record_for_disk(key, kept, Vec::new(), codec, now)
    }

    fn record_for_disk(
        &self,
        key: &Key,
        kept: &Kept,
        tags: Vec<Numbered>,
        codec: Codec,
        now: Moment,
    ) -> OnDisk {
        let record = self.write(kept, tags, codec, now, usize::MAX);
        let fits = |record: &Vec<u8>| {
            let name = self.name(key);
            self.disk.as_ref().is_some_and(|disk| disk.takes(&name, record.len()))
        };
        match record.filter(fits) {
            Some(record) => OnDisk::Put(record, kept.life.left(now)),
            None => {
                self.on_disk.unfit.add(1);
                OnDisk::Discard
            }
        }
    }

    /// Fills Redis with what was loaded, if the right to it is still there; whether it is filled.
    pub(crate) async fn fill(
        &self,
        errand: Errand,
        key: &Key,
        kept: &Kept,
        tagged: &Tagged,
        ask: &Ask,
        now: Moment,
    ) -> bool {
        let (Some(redis), Errand { lease: Some(lease), numbers, anys }) = (&self.redis, errand)
        else {
            return false;
        };
        if !Below::may_hold(&ask.policy, kept, now) {
            return false;
        }
        let filling = async {
            let numbers = self.told(redis, key, tagged, numbers, anys).await?;
            let tags = Below::numbered(&key.space, tagged.texts(), &numbers);
            let record = self.write(kept, tags, ask.wanted.codec, now, usize::MAX);
            let Some(record) = record.filter(|record| redis.takes(record.len())) else {
                self.in_redis.unfit.add(1);
                return None;
            };
            Some(lease.fill(&record, stay(kept, &ask.policy, now)).await)
        };
        let is_filled = timeout(FILL_MAX, filling).await.ok().flatten().unwrap_or(false);
        self.in_redis.fills.add(u64::from(is_filled));
        is_filled
    }

    /// The numbers of all tags, those included that only the value has told. These are read now,
    /// so they count only if no tag was deleted since the load began.
    async fn told(
        &self,
        redis: &Redis,
        key: &Key,
        tagged: &Tagged,
        mut numbers: Vec<u64>,
        anys: Vec<u64>,
    ) -> Option<Vec<u64>> {
        let mut names = self.tag_names(&key.space, tagged.texts());
        let mut more = names.split_off(numbers.len().min(names.len()));
        if more.is_empty() {
            return Some(numbers);
        }
        // Whoever deletes raises "any tag" first, so it is read last.
        let told = more.len();
        more.extend(self.names.anys(&key.space));
        let mut now = versions_in(redis, &more).await?;
        let anys_now = now.split_off(told);
        numbers.extend(now);
        (anys_now == anys).then_some(numbers)
    }

    /// Stores in Redis what a caller has set, so that nobody is given anything older.
    pub(crate) async fn store(
        &self,
        redis: &Redis,
        key: &Key,
        kept: &Kept,
        how: How<'_>,
        now: Moment,
    ) -> Result<Stored> {
        let How { tagged, policy, codec } = how;
        let name = self.name(key);
        let left = stay(kept, policy, now);
        let is_fit = Below::may_hold(policy, kept, now);
        let count = kept.number().filter(|_| is_count(kept.content.kind) && kept.slots.is_empty());
        if let Some(count) = count.filter(|_| is_fit) {
            return self.stored(redis.store_count(&name, count, kept.life.left(now)).await);
        }
        let names = self.tag_names(&key.space, tagged.texts());
        let numbers = versions_in(redis, &names).await;
        let record = numbers.filter(|_| is_fit).and_then(|numbers| {
            let tags = Below::numbered(&key.space, tagged.texts(), &numbers);
            let record = self.write(kept, tags, codec, now, usize::MAX)?;
            redis.takes(record.len()).then_some(record)
        });
        match record {
            Some(record) => self.stored(redis.store(&name, &record, left).await),
            None => {
                self.in_redis.unfit.add(1);
                self.heard(redis.remove(&name).await)?;
                Ok(Stored::Unfit)
            }
        }
    }

    fn stored(&self, done: Result<()>) -> Result<Stored> {
        self.heard(done)?;
        self.in_redis.fills.add(1);
        Ok(Stored::Yes)
    }

    /// What is known of changes by others to a key under which Redis has nothing now; nothing if it
    /// has something. It is waited for the echo of what this process has just removed, which ends
    /// what is known as a removal by others would.
    pub(crate) async fn known_empty(
        &self,
        redis: &Redis,
        key: &Key,
        tagged: &Tagged,
    ) -> Option<Known> {
        let name = self.name(key);
        for _ in 0..ECHOES_MAX {
            let known = self.known(key.as_ref(), tagged, false);
            let there = redis.get_many(&borrowed(std::slice::from_ref(&name))).await;
            if there.iter().any(Option::is_some) {
                return None;
            }
            sleep(ECHO).await;
            if known.trust() != Trust::Over {
                return Some(known);
            }
        }
        None
    }
}

/// How long Redis keeps a record: copies in memory may be given for some time after its expiry, and
/// end when Redis drops it.
fn stay(kept: &Kept, policy: &Policy, now: Moment) -> Duration {
    let after = policy.stale_while_revalidate.max(policy.stale_if_error);
    kept.life.left(now).saturating_add(after)
}
