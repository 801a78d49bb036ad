//! Going over all keys: removing what matches a pattern, and clearing.

use std::sync::Arc;

use super::fault::Fault;
use super::glob;
use super::handle::Redis;
use super::name::{Kind, Shard};
use super::node::Node;
use super::reply;
use super::roll::What;
use super::shared::Shared;
use crate::error::Result;

/// How many keys the server looks at in one step.
const STEP: usize = 512;

impl Redis {
    /// Removes the values and counters whose keys match, and gives how many there were. In a
    /// pattern `*` stands for any bytes, `?` for one, and `\` takes the next one literally; the
    /// whole key has to match. Acknowledged as [`Redis::remove`] is.
    ///
    /// It goes over all keys of the server twice, whatever else these are of, in steps that leave
    /// room for other calls. Dropping the future stops it between two steps.
    ///
    /// # Errors
    ///
    /// `is_outcome_unknown()` where it was not acknowledged, or has taken longer than
    /// [`RedisBuilder::sweep_max`](super::RedisBuilder::sweep_max): some may be there still.
    pub async fn remove_matching(&self, pattern: &[u8]) -> Result<u64> {
        let shared = self.shared();
        let limit = shared.settings.sweep_max;
        let swept = tokio::time::timeout(limit, shared.sweep(pattern)).await;
        let swept = swept.unwrap_or(Err(Fault::Slow));
        swept.map_err(|fault| self.not_acknowledged(&fault))
    }

    /// Removes all values and counters of the namespace, as [`Redis::remove_matching`] does for
    /// `*`. Tags keep their numbers, and rates what has passed. Other namespaces stay.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn clear(&self) -> Result<u64> {
        self.remove_matching(b"*").await
    }
}

impl Shared {
    /// Leases first: what was filled under one of them is there when the second round begins.
    async fn sweep(&self, pattern: &[u8]) -> Result<u64, Fault> {
        let map = self.map();
        let owners: Vec<Shard> = self.names.shards().collect();
        if owners.iter().any(|shard| map.owner(*shard).is_none()) {
            return self.note(Err(Fault::Nowhere));
        }
        let mut gone = 0;
        for kinds in [&[Kind::Lease][..], &[Kind::Value, Kind::Counter]] {
            for node in &map.nodes {
                for kind in kinds {
                    let found = self.sweep_node(node, *kind, pattern).await;
                    gone += if *kind == Kind::Lease { found.map(|_| 0)? } else { found? };
                }
            }
        }
        for shard in owners {
            let script = &self.scripts.roll_call;
            self.acknowledged(shard, script, &[], &[], What::Everything).await?;
        }
        // What was moved meanwhile may have been missed.
        if !Arc::ptr_eq(&map, &self.map()) {
            return self.note(Err(Fault::Moved));
        }
        Ok(gone)
    }

    async fn sweep_node(&self, node: &Arc<Node>, kind: Kind, pattern: &[u8]) -> Result<u64, Fault> {
        let told = self.names.pattern(kind, &glob::for_redis(pattern));
        let (mut cursor, mut gone) = (b"0".to_vec(), 0);
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(&cursor).arg("MATCH").arg(&told).arg("COUNT").arg(STEP);
            let reply = self.note(node.run(&command).await)?;
            let step = self.note(reply::scanned(reply).ok_or(Fault::Garbage))?;
            let is_meant = |name: &&Vec<u8>| {
                self.names
                    .read(name)
                    .is_some_and(|(of, key)| of == kind && glob::matches(pattern, key))
            };
            let mut all = redis::pipe();
            for name in step.1.iter().filter(is_meant) {
                all.cmd("UNLINK").arg(name);
            }
            if !all.is_empty() {
                for reply in self.note(node.run_all(&all).await)? {
                    gone += reply::number::<u64>(self.note(reply)?).ok_or(Fault::Garbage)?;
                }
            }
            cursor = step.0;
            if cursor == b"0" {
                return Ok(gone);
            }
        }
    }
}
