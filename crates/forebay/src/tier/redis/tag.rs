//! Numbers of tags: read before a value is made, compared when it is read, raised to make it
//! untrue.

use super::fault::Fault;
use super::handle::Redis;
use super::name::{Kind, Shard};
use super::reply;
use super::roll::What;
use super::shared::Shared;
use crate::error::Result;

/// How long the number of a tag is kept after it was given: 30 days, in milliseconds. One that has
/// gone makes untrue what was made under it.
const KEPT_MS: &str = "2592000000";

impl Redis {
    /// The numbers of `tags` in their order, in which they are read; a tag without one gets one.
    /// To be read before the value is made that rests on them. Nothing where Redis could not say:
    /// then nothing may be kept.
    pub async fn versions(&self, tags: &[&[u8]]) -> Option<Vec<u64>> {
        let shared = self.shared();
        let mut numbers = vec![0; tags.len()];
        for (shard, places) in by_shard(shared, tags) {
            for chunk in places.chunks(Shared::NAMES_MAX) {
                let names: Vec<Vec<u8>> =
                    chunk.iter().map(|place| shared.names.name(Kind::Tag, tags[*place])).collect();
                let keys: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
                let script = &shared.scripts.versions;
                let reply =
                    shared.script(shard, script, &keys, &[KEPT_MS.as_bytes()]).await.ok()?;
                let found = reply::list(reply).filter(|found| found.len() == chunk.len());
                let found = shared.note(found.ok_or(Fault::Garbage)).ok()?;
                for (place, number) in chunk.iter().zip(found) {
                    numbers[*place] = reply::number(number)?;
                }
            }
        }
        Some(numbers)
    }

    /// Gives each of `tags` a higher number, in their order, so that what was made under the old
    /// ones is untrue.
    /// Acknowledged as [`Redis::remove`] is, and with its cost.
    ///
    /// # Errors
    ///
    /// `is_outcome_unknown()` where that was not acknowledged, for one of them at least.
    pub async fn raise(&self, tags: &[&[u8]]) -> Result<()> {
        let shared = self.shared();
        for (shard, places) in by_shard(shared, tags) {
            for chunk in places.chunks(Shared::NAMES_MAX) {
                let names: Vec<Vec<u8>> =
                    chunk.iter().map(|place| shared.names.name(Kind::Tag, tags[*place])).collect();
                let keys: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
                let what = What::Names(names.clone());
                let script = &shared.scripts.raise;
                let args = [KEPT_MS.as_bytes()];
                let raising = shared.acknowledged(shard, script, &keys, &args, what);
                let raised = self.within(raising).await;
                raised.map_err(|fault| self.not_acknowledged(&fault))?;
            }
        }
        Ok(())
    }
}

/// The places of tags that follow one another in one shard: so their order is kept.
fn by_shard(shared: &Shared, tags: &[&[u8]]) -> Vec<(Shard, Vec<usize>)> {
    let shards: Vec<Shard> = tags.iter().map(|tag| shared.names.shard(tag)).collect();
    let places: Vec<usize> = (0..tags.len()).collect();
    let runs = places.chunk_by(|a, b| shards[*a] == shards[*b]);
    runs.map(|places| (shards[places[0]], places.to_vec())).collect()
}
