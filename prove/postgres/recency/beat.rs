//! What the server does to everybody at the moment. Writes are let go together and then rest, so
//! that there is something in the cache; meanwhile commits are held back, or the stream is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;

use super::early::{count_early, warm};
use super::known::EARLY;
use super::race::Scene;
use crate::bare::Bare;
use crate::domain::once_in;
use crate::place::senders;

/// Between two beats of writing.
const QUIET_MS: std::ops::Range<u64> = 8..28;

/// How often it is looked whether all writes have ended, a millisecond apart.
const ENDED_LOOKS: u32 = 300;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody begins to write.
    Quiet,
    /// Everybody writes as he likes.
    Free,
    /// Commits are in the log and told by the stream, and nobody sees them.
    Held,
    /// The stream tells nothing.
    Stalled,
    /// The stream tells nothing, and writes are seen long before they are acknowledged.
    Slow,
}

const PHASES: [Phase; 5] = [Phase::Quiet, Phase::Free, Phase::Held, Phase::Stalled, Phase::Slow];

/// The phase, with a number that is new each time.
#[derive(Default)]
pub(super) struct Beat {
    now: AtomicU64,
    /// Writes through Forebay that are under way.
    writes: AtomicU64,
}

impl Beat {
    /// Whether nobody is to write in a way that makes Forebay doubt all answers until it has
    /// ended: others would have no hits meanwhile.
    pub(super) fn is_narrow(now: (u64, Phase)) -> bool {
        now.1 == Phase::Held && !Beat::nth(now).is_multiple_of(5)
    }

    /// The number of the beat.
    pub(super) fn nth(now: (u64, Phase)) -> usize {
        (now.0 / 8) as usize
    }

    pub(super) fn now(&self) -> (u64, Phase) {
        let now = self.now.load(Ordering::SeqCst);
        (now, PHASES[(now % 8) as usize])
    }

    /// Announces a write, unless the beat has passed that it was to belong to.
    pub(super) fn enter(&self, number: u64) -> Option<Writing<'_>> {
        // First, so that whoever begins the next beat and then looks finds it.
        self.writes.fetch_add(1, Ordering::SeqCst);
        let writing = Writing(self);
        (self.now().0 == number).then_some(writing)
    }

    pub(super) fn begin(&self, phase: Phase) {
        let number = self.now.load(Ordering::SeqCst) / 8 + 1;
        self.now.store(number * 8 + phase as u64, Ordering::SeqCst);
    }
}

/// That a write is under way.
pub(super) struct Writing<'a>(&'a Beat);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writes.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One beat, and the rest after it.
pub(super) async fn beat(scene: &Scene, bare: &mut Bare, rng: &mut Rng) -> Result<()> {
    let lasts = Duration::from_millis(rng.u64(3..20));
    match rng.u8(..20) {
        0..11 => held(scene, bare, lasts / 4).await?,
        11..14 => stalled(scene, bare, rng, (Phase::Stalled, lasts)).await?,
        14..17 => stalled(scene, bare, rng, (Phase::Slow, 2 * lasts)).await?,
        _ => {
            scene.beat.begin(Phase::Free);
            tokio::time::sleep(lasts).await;
        }
    }
    scene.beat.begin(Phase::Quiet);
    tokio::time::sleep(Duration::from_millis(rng.u64(QUIET_MS))).await;
    Ok(())
}

/// Waits until all writes have ended and answers are served: a write that is still under way when
/// something is held may make all of them doubtful for as long.
async fn settle(scene: &Scene) {
    for _ in 0..ENDED_LOOKS {
        if scene.beat.writes.load(Ordering::SeqCst) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    warm(&scene.dbs).await;
}

async fn held(scene: &Scene, bare: &mut Bare, lasts: Duration) -> Result<()> {
    settle(scene).await;
    scene.server.hold_commits()?;
    scene.beat.begin(Phase::Held);
    let counted = count_early(bare, &scene.dbs).await;
    tokio::time::sleep(lasts).await;
    scene.server.release_commits()?;
    if let Some(commits) = counted? {
        scene.known.count(EARLY, commits);
        scene.known.count("times that commits were held, and counted", 1);
    } else {
        scene.known.count("times that commits were held, not counted", 1);
    }
    Ok(())
}

async fn stalled(
    scene: &Scene,
    bare: &mut Bare,
    rng: &mut Rng,
    (phase, lasts): (Phase, Duration),
) -> Result<()> {
    settle(scene).await;
    let mut paused = senders(bare)?;
    if once_in(rng, 3) {
        paused.truncate(1);
    }
    let cluster = &scene.server.primary;
    // One that has ended meanwhile tells nothing either.
    paused.retain(|pid| cluster.pause_process(*pid).is_ok());
    scene.beat.begin(phase);
    tokio::time::sleep(lasts).await;
    for pid in paused {
        let _ = cluster.resume_process(pid);
    }
    scene.known.count("times that the stream was held", 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beat_has_a_number_of_its_own() {
        let beat = Beat::default();
        let mut last = beat.now();
        assert_eq!(last.1, Phase::Quiet);
        for phase in PHASES {
            beat.begin(phase);
            let now = beat.now();
            assert!(now.0 > last.0 && now.1 == phase, "{now:?} after {last:?}");
            last = now;
        }
    }
}
