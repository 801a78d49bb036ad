//! What is held in the hand: the tier as a whole. What it can do with keys is in the files beside.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::address::Address;
use super::builder::RedisBuilder;
use super::change::RedisChanges;
use super::health::RedisHealth;
use super::heard::{RedisTicket, Stamp};
use super::keeper::keep;
use super::settings::Settings;
use super::shared::Shared;
use super::stats::RedisStats;
use crate::error::Result;

/// How long connecting is waited for, in limits of one call. Afterwards it goes on by itself.
const FIRST_WAIT: u32 = 4;

/// How often it is looked whether the server is heard, while connecting is waited for.
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// A tier in Redis: bytes under keys, shared by all processes that use the same namespace.
///
/// Clones are of the same tier, and cheap. Nothing here fails because Redis does: what cannot be
/// read is a miss, what cannot be stored is not, and both are counted. Only what has to be
/// acknowledged (removals, tags) says so when it is not. Every call has a limit.
///
/// The connections are looked after by a task on the runtime that it was connected on; with the
/// last clone, they end.
#[derive(Clone)]
pub struct Redis {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
    keeper: AbortHandle,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.keeper.abort();
        self.shared.map().nodes.iter().for_each(|node| node.hang_up());
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.shared().address).finish_non_exhaustive()
    }
}

impl Redis {
    /// Settings for the server at `url`.
    ///
    /// `redis://user:password@host:6379/0`, `rediss://…` for TLS, `unix:///path`;
    /// `redis-sentinel://host:26379,host:26379/mymaster/0` for the master that Sentinels name,
    /// `redis-cluster://host:6379,host:6379` for a Cluster, and both with `rediss`. Letters that
    /// mean something in a URL are written as `%XX`.
    pub fn builder(url: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(url.into())
    }

    /// Connects with the defaults: see [`RedisBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Redis> {
        Redis::builder(url).connect().await
    }

    pub(super) async fn begin(settings: Settings, address: Address, me: String) -> Redis {
        let wait = settings.timeout * FIRST_WAIT;
        let shared = Arc::new(Shared::new(settings, address, me));
        let keeper = tokio::spawn(keep(Arc::clone(&shared))).abort_handle();
        let redis = Redis { owner: Arc::new(Owner { shared, keeper }) };
        let heard = async {
            let shared = redis.shared();
            while !shared.heard.is_hearing() && !shared.has_failed.load(Ordering::Relaxed) {
                tokio::time::sleep(FIRST_LOOK).await;
            }
        };
        // A server that is not there yet is found later, by the keeper.
        let _ = tokio::time::timeout(wait, heard).await;
        redis
    }

    /// A ticket for a copy in memory of `key`, which rests on `tags` too. To be taken before the
    /// value is read; the copy may be used while [`RedisTicket::is_true`]. None while changes are
    /// not heard: then nothing may be kept.
    #[must_use]
    pub fn ticket(&self, key: &[u8], tags: &[&[u8]]) -> Option<RedisTicket> {
        self.shared().heard.ticket(key, tags)
    }

    /// The ticket that was taken at a moment of this very tier; none of another one.
    pub(crate) fn ticket_of(
        &self,
        stamp: Stamp,
        key: &[u8],
        tags: &[&[u8]],
    ) -> Option<RedisTicket> {
        self.shared().heard.ticket_of(stamp, key, tags)
    }

    /// Changes from now on, for those who want to act on them before they are asked.
    #[must_use]
    pub fn changes(&self) -> RedisChanges {
        RedisChanges::new(self.shared().changes.subscribe())
    }

    /// What it has done, and how it is. No call is made.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        let map = self.shared().map();
        let is_left_alone = map.nodes.iter().any(|node| node.is_left_alone());
        RedisStats {
            is_up: !map.nodes.is_empty() && !is_left_alone,
            is_hearing: self.shared().heard.is_hearing(),
            servers: map.nodes.len() as u64,
            ..self.shared().counts.snapshot()
        }
    }

    /// How it is. No call is made: a server that has fallen silent, and that nobody has called
    /// since, still works as far as this knows, until its connection for changes notices.
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        let stats = self.stats();
        let last = self.shared().counts.last_fault();
        RedisHealth::of(stats.is_up, stats.is_hearing, last.as_ref())
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }
}
