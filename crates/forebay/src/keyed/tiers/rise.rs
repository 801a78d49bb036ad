//! What comes up from the tiers is kept in memory, unless something has changed meanwhile.

use std::sync::Arc;

use tokio::time::timeout;

use super::super::core::{Core, Wanted};
use super::super::kept::Kept;
use super::super::key::Key;
use super::super::known::{Known, Trust};
use super::super::life::Life;
use super::super::policy::Policy;
use super::super::tagged::Tagged;
use super::below::OnDisk;
use super::change::Point;
use super::embark::LOOK_MAX;
use super::look::Risen;

impl Core {
    /// What the tiers have under keys, in their order, for somebody who cannot load it.
    pub(crate) async fn rise(
        &self,
        keys: &[Key],
        wanted: Wanted,
        policy: &Policy,
    ) -> Vec<Option<Arc<Kept>>> {
        let Some(below) = &self.below else { return vec![None; keys.len()] };
        let number = self.tags.last();
        let untagged = Tagged::default();
        let asked = |key: &Key| below.asked(key, below.known(key.as_ref(), &untagged, false));
        let asked: Vec<_> = keys.iter().map(asked).collect();
        // Whoever changes what stands under a key from now on is seen by its count.
        let counts: Vec<u64> = keys.iter().map(|key| self.flights.turn(key).changes()).collect();
        self.at(Point::Looking).await;
        let Ok(risen) = timeout(LOOK_MAX, below.look(&asked, wanted)).await else {
            return vec![None; keys.len()];
        };
        self.at(Point::Looked).await;
        let mut all = Vec::with_capacity(keys.len());
        for ((key, count), risen) in keys.iter().zip(counts).zip(risen) {
            let Some(risen) = risen else {
                all.push(None);
                continue;
            };
            let (kept, on_disk) = self.kept_of(risen, policy, number);
            let turn = self.flights.turn(key);
            let mut out = Vec::new();
            if turn.changes() == count && kept.known.trust() == Trust::Yes {
                below.put(&below.name(key), on_disk);
                out = self.keep(&turn, key.clone(), &kept);
            }
            drop(turn);
            drop(out);
            kept.hand_on();
            all.push(Some(kept));
        }
        all
    }

    /// The entry that something is which has come up. `number`: of the last deletion by tag before
    /// it was read. It has the words of whoever asks, and the time that was left to it.
    pub(crate) fn kept_of(
        &self,
        risen: Risen,
        policy: &Policy,
        number: u64,
    ) -> (Arc<Kept>, OnDisk) {
        let Risen { content, left, ttl, took, slots, known, on_disk } = risen;
        let life = Life::restored(policy, ttl, left, took, self.now());
        // What is counted elsewhere is never a copy.
        let on_disk = if matches!(known, Known::Deaf) { OnDisk::Leave } else { on_disk };
        (Kept::new(content, life, number, slots, None, known), on_disk)
    }
}
