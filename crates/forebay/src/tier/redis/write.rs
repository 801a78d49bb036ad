//! Storing values, and removing them so that nobody reads them any more.

use std::time::Duration;

use redis::{Cmd, Value};

use super::fault::Fault;
use super::handle::Redis;
use super::name::Kind;
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
        let text = format!("a removal from Redis is not acknowledged, so repeat it: {fault}");
        Error::new(ErrorKind::Lost, text)
    }
}
