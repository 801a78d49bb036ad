//! Storing values, and removing them so that nobody reads them any more.

use std::time::Duration;

use redis::{Cmd, Value};

use super::fault::Fault;
use super::handle::Redis;
use super::name::Kind;
use super::reply;
use super::roll::What;
use super::settings::milliseconds;
use super::stats::count;
use crate::error::{Error, Kind as ErrorKind, Result};

impl Redis {
    /// Stores `value` for `ttl` (rounded up to a millisecond, at most ten years), whatever stands
    /// there. Whether it was stored. Copies in the memory of other processes go shortly after.
    ///
    /// A value that was made from something which may have changed meanwhile belongs into
    /// [`Redis::fill`](super::RedisLease::fill).
    pub async fn set(&self, key: &[u8], value: &[u8], ttl: Duration) -> bool {
        let shared = self.shared();
        if !shared.is_storable(value) {
            return false;
        }
        let mut command = Cmd::with_capacity(5, key.len() + value.len() + 64);
        command.arg("SET").arg(shared.names.name(Kind::Value, key)).arg(value);
        command.arg("PX").arg(milliseconds(ttl));
        let reply = shared.run(shared.names.shard(key), &command).await;
        shared.heard.changed(Kind::Value, key);
        let is_stored = matches!(reply, Ok(Value::Okay));
        if is_stored {
            count(&shared.counts.stored);
        }
        is_stored
    }

    /// Stores `value` for `ttl` in place of the value and the counter under `key`, so that a fill
    /// that began before is not stored. When it returns `Ok`, no process that hears this tier
    /// answers from its memory what was there. The cost is that of [`Redis::remove`]. A server that
    /// has no memory left does not keep the value, and what was there is gone all the same.
    ///
    /// What is not acknowledged may still come about: bytes that the network holds back reach the
    /// server once it lets them through, even after a later call.
    ///
    /// # Errors
    ///
    /// `is_too_large()` for what is longer than the limit; `is_outcome_unknown()` where it was not
    /// acknowledged: what was there before may be there still.
    pub async fn store(&self, key: &[u8], value: &[u8], ttl: Duration) -> Result<()> {
        self.store_as(Kind::Value, key, value, ttl).await
    }

    /// The same for a counter.
    pub(crate) async fn store_count(&self, key: &[u8], count: i64, ttl: Duration) -> Result<()> {
        self.store_as(Kind::Counter, key, count.to_string().as_bytes(), ttl).await
    }

    async fn store_as(&self, kind: Kind, key: &[u8], bytes: &[u8], ttl: Duration) -> Result<()> {
        let shared = self.shared();
        if !shared.is_storable(bytes) {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the value is longer than value_bytes_max",
            ));
        }
        let [value, counter, lease] =
            [Kind::Value, Kind::Counter, Kind::Lease].map(|kind| shared.names.name(kind, key));
        let what = What::Names(vec![value.clone()]);
        let keys: [&[u8]; 3] = match kind {
            Kind::Counter => [&counter, &value, &lease],
            _ => [&value, &counter, &lease],
        };
        let ttl = milliseconds(ttl).to_string();
        let (shard, script) = (shared.names.shard(key), &shared.scripts.store);
        let args = [bytes, ttl.as_bytes()];
        let storing = shared.acknowledged(shard, script, &keys, &args, what);
        match self.within(storing).await {
            Ok(0) => {
                shared.counts.fault(&Fault::Full);
                Ok(())
            }
            Ok(_) => {
                count(&shared.counts.stored);
                Ok(())
            }
            Err(fault) => Err(self.not_acknowledged(&fault)),
        }
    }

    /// Whether a value of so many bytes is stored.
    pub(crate) fn takes(&self, bytes: usize) -> bool {
        bytes <= self.shared().settings.value_bytes_max
    }

    /// Stores `value` for `ttl` if what stands under `key` is `before`; whether it was stored.
    pub(crate) async fn replace(
        &self,
        key: &[u8],
        before: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> bool {
        let shared = self.shared();
        if !shared.is_storable(value) {
            return false;
        }
        let (shard, name) = (shared.names.shard(key), shared.names.name(Kind::Value, key));
        let ttl = milliseconds(ttl).to_string();
        let args = [before, value, ttl.as_bytes()];
        let reply = shared.script(shard, &shared.scripts.replace, &[&name], &args).await;
        shared.heard.changed(Kind::Value, key);
        reply.is_ok_and(|reply| reply::number(reply) == Some(1))
    }

    /// Gives the value under `key` another time to live, if there is one. Whether there was.
    pub async fn touch(&self, key: &[u8], ttl: Duration) -> bool {
        let shared = self.shared();
        let mut command = redis::cmd("PEXPIRE");
        command.arg(shared.names.name(Kind::Value, key)).arg(milliseconds(ttl));
        let reply = shared.run(shared.names.shard(key), &command).await;
        matches!(reply, Ok(Value::Int(1)))
    }

    /// Removes the value and the counter under `key`; whether there was one. When it returns `Ok`,
    /// no process that hears this tier answers from its memory what was there, and a fill that
    /// began before is not stored.
    ///
    /// Two round trips; a process that does not answer is waited for as long as it may use its
    /// memory, at most [`RedisBuilder::hearing`](super::RedisBuilder::hearing). The same wait comes
    /// once after the server was new or flushed. Dropping the future leaves open whether it
    /// happens.
    ///
    /// # Errors
    ///
    /// `is_outcome_unknown()` where that was not acknowledged: the value may be there still.
    pub async fn remove(&self, key: &[u8]) -> Result<bool> {
        let shared = self.shared();
        let value = shared.names.name(Kind::Value, key);
        let counter = shared.names.name(Kind::Counter, key);
        let lease = shared.names.name(Kind::Lease, key);
        let shard = shared.names.shard(key);
        let script = &shared.scripts.remove;
        let keys: [&[u8]; 3] = [&value, &counter, &lease];
        let what = What::Names(vec![value.clone()]);
        let removing = shared.acknowledged(shard, script, &keys, &[], what);
        let removed = self.within(removing).await;
        match removed {
            Ok(gone) => {
                count(&shared.counts.removed);
                Ok(gone > 0)
            }
            Err(fault) => Err(self.not_acknowledged(&fault)),
        }
    }

    /// The bound of an acknowledgement, over the bounds of its steps.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let limit = self.shared().acknowledged_max();
        tokio::time::timeout(limit, work).await.unwrap_or(Err(Fault::Slow))
    }

    pub(super) fn not_acknowledged(&self, fault: &Fault) -> Error {
        count(&self.shared().counts.not_acknowledged);
        let text = format!("a change in Redis is not acknowledged, so repeat it: {fault}");
        Error::new(ErrorKind::Lost, text)
    }
}
