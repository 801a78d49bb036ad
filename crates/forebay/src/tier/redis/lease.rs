//! One process fills a key while the others wait: a token with a time in Redis.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::fault::Fault;
use super::handle::Redis;
use super::name::Kind;
use super::reply;
use super::settings::milliseconds;
use super::shared::Shared;
use super::stats::count;

/// The right to fill a key, for a time. Released when it is dropped, in the background; it expires
/// by itself if this process ends before.
pub struct RedisLease {
    shared: Arc<Shared>,
    key: Vec<u8>,
    token: String,
    is_over: bool,
}

impl fmt::Debug for RedisLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLease").finish_non_exhaustive()
    }
}

/// What became of asking for a lease.
pub(crate) enum Bid {
    Won(RedisLease),
    /// Somebody else has it.
    Taken,
    /// Redis could not be asked.
    Unasked,
}

impl Redis {
    /// The right to fill `key`, for at most `time`; none while somebody else has it, and none where
    /// Redis could not be asked. Whoever makes a value takes it *before* reading what the value is
    /// made from.
    pub async fn lease(&self, key: &[u8], time: Duration) -> Option<RedisLease> {
        match self.bid(key, time).await {
            Bid::Won(lease) => Some(lease),
            Bid::Taken | Bid::Unasked => None,
        }
    }

    /// The same, telling why there is none.
    pub(crate) async fn bid(&self, key: &[u8], time: Duration) -> Bid {
        let shared = self.shared();
        let number = shared.calls.number();
        let token = format!("{}.{number}", shared.me);
        // Made before it is asked for: whoever gives up while the answer is on its way releases it.
        let mut lease =
            RedisLease { shared: Arc::clone(shared), key: key.to_vec(), token, is_over: false };
        let mut command = redis::cmd("SET");
        command.arg(shared.names.name(Kind::Lease, key)).arg(&lease.token);
        command.arg("NX").arg("PX").arg(milliseconds(time));
        match shared.run(shared.names.shard(key), &command).await {
            Ok(Value::Okay) => Bid::Won(lease),
            Ok(_) => {
                lease.is_over = true;
                Bid::Taken
            }
            Err(fault) => {
                // Nothing was sent, so there is nothing to be released.
                lease.is_over = matches!(fault, Fault::LeftAlone | Fault::Nowhere);
                Bid::Unasked
            }
        }
    }
}

impl RedisLease {
    /// Stores the value for `ttl` and ends the lease, in one step. Whether it was stored: not if
    /// the lease has expired, or the key was removed since it was taken.
    pub async fn fill(mut self, value: &[u8], ttl: Duration) -> bool {
        let shared = Arc::clone(&self.shared);
        if !shared.is_storable(value) {
            return false;
        }
        let name = shared.names.name(Kind::Value, &self.key);
        let lease = shared.names.name(Kind::Lease, &self.key);
        let (shard, ttl) = (shared.names.shard(&self.key), milliseconds(ttl).to_string());
        let args = [self.token.as_bytes(), value, ttl.as_bytes()];
        let reply = shared.script(shard, &shared.scripts.fill, &[&name, &lease], &args).await;
        shared.heard.changed(Kind::Value, &self.key);
        match reply.ok().and_then(reply::number::<u8>) {
            Some(1) => {
                self.is_over = true;
                count(&shared.counts.stored);
                true
            }
            Some(_) => {
                self.is_over = true;
                count(&shared.counts.fills_refused);
                false
            }
            None => false,
        }
    }

    /// Gives the lease back, so that somebody else may fill at once.
    pub async fn release(mut self) {
        self.is_over = true;
        release(&self.shared, &self.key, &self.token).await;
    }
}

impl Drop for RedisLease {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let (key, token) = (std::mem::take(&mut self.key), std::mem::take(&mut self.token));
        let runtime = shared.runtime.clone();
        runtime.spawn(async move { release(&shared, &key, &token).await });
    }
}

/// A lease that cannot be given back expires.
async fn release(shared: &Arc<Shared>, key: &[u8], token: &str) {
    let name = shared.names.name(Kind::Lease, key);
    let shard = shared.names.shard(key);
    let _ = shared.script(shard, &shared.scripts.release, &[&name], &[token.as_bytes()]).await;
}
