//! Every order of the steps of a lookup or a load and those of a deletion, forced upon the code, on
//! real tiers: whoever asks after the deletion was acknowledged is not given what was deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::pauses::Gate;
use crate::Cache;
use crate::keyed::tiers::Point;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Key,
    Pattern,
    Clear,
    Tag,
    ToldTag,
    Set,
}

pub(super) const WAYS: [Way; 6] =
    [Way::Key, Way::Pattern, Way::Clear, Way::Tag, Way::ToldTag, Way::Set];

/// What goes on beside the deletion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Beside {
    /// A lookup of what a tier has, by somebody who cannot load.
    Get,
    /// The same by somebody who could.
    Find,
    /// A load of what no tier has.
    Load,
}

pub(super) const BESIDES: [Beside; 3] = [Beside::Get, Beside::Find, Beside::Load];

/// Caches of one name: the one that is watched, the one that deletes, and a new one for each call.
pub(super) struct Stage {
    pub(super) cache: Cache,
    pub(super) deleter: Cache,
    pub(super) fresh: Box<dyn Fn() -> Cache>,
}

/// What is true, as the loads see it.
type Truth = Arc<AtomicBool>;

const KEY: &str = "k";

async fn ask(cache: Cache, truth: Truth) -> String {
    let load = move || async move {
        let is_new = truth.load(Ordering::SeqCst);
        // A truth that is read in the beginning may be old at the end.
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>(if is_new { "new" } else { "old" }.to_owned())
    };
    let entry = cache.entry(KEY).tag("known").tags_by(|text: &String| [format!("told:{text}")]);
    (*entry.get_or_load(load).await.unwrap()).clone()
}

async fn delete(cache: Cache, way: Way) {
    match way {
        Way::Key => _ = cache.delete(KEY).await.unwrap(),
        Way::Pattern => _ = cache.delete_pattern("?").await.unwrap(),
        Way::Clear => _ = cache.clear().await.unwrap(),
        Way::Tag => cache.delete_by_tag("known").await.unwrap(),
        Way::ToldTag => cache.delete_by_tag("told:old").await.unwrap(),
        Way::Set => cache.set(KEY, "new".to_owned()).await,
    }
}

/// Waits until something is so, and leaves the thread to nobody but the other tasks.
async fn until(mut is_so: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + super::secs(30);
    while !is_so() {
        assert!(std::time::Instant::now() < limit, "it did not become so within 30 s");
        tokio::task::yield_now().await;
    }
}

/// One of the two that go on at a time: it is stopped at its gates, one step after the other.
struct Actor<T> {
    task: Option<JoinHandle<T>>,
    gates: Vec<Vec<Gate>>,
    step: usize,
}

impl<T> Actor<T> {
    fn new() -> Actor<T> {
        Actor { task: None, gates: Vec::new(), step: 0 }
    }

    /// Lets it go on until it is stopped again, or has ended.
    async fn go(&mut self) {
        if self.step > 0 {
            self.gates[self.step - 1].iter().for_each(Gate::open);
        }
        let task = self.task.as_ref().unwrap();
        let next = self.gates.get(self.step);
        let is_there = || next.is_some_and(|gates| gates.iter().any(Gate::is_reached));
        until(|| is_there() || task.is_finished()).await;
        self.step += 1;
    }
}

/// Plays one order. `order`: true for a step of the one beside. Gives who was given what was
/// deleted.
async fn play(stage: &Stage, way: Way, beside: Beside, order: &[bool]) -> Option<String> {
    let Stage { cache, deleter, fresh } = stage;
    let truth = Truth::default();
    if beside != Beside::Load {
        assert_eq!(ask(fresh(), truth.clone()).await, "old");
    }
    let (mut other, mut deletion) = (Actor::new(), Actor::new());
    let pauses = &cache.core.pauses;
    let mut late = Vec::new();
    for is_beside in order {
        if *is_beside {
            if other.task.is_none() {
                let looking = pauses.gate(Point::Looking);
                let gates = [Point::Looked, Point::Landing].map(|point| pauses.gate(point));
                other.gates = vec![vec![looking], gates.to_vec()];
                let (cache, truth) = (cache.clone(), truth.clone());
                other.task = Some(tokio::spawn(async move {
                    match beside {
                        Beside::Get => _ = cache.get::<String>(KEY).await,
                        Beside::Find | Beside::Load => _ = ask(cache, truth).await,
                    }
                }));
            }
            other.go().await;
            continue;
        }
        if deletion.task.is_none() {
            truth.store(true, Ordering::SeqCst);
            let of = &deleter.core.pauses;
            deletion.gates = [Point::Removing, Point::Removed].map(|p| vec![of.gate(p)]).to_vec();
            deletion.task = Some(tokio::spawn(delete(deleter.clone(), way)));
        }
        deletion.go().await;
        if deletion.task.as_ref().unwrap().is_finished() && late.is_empty() {
            // Whoever asks from now on.
            if cache.get::<String>(KEY).await.is_some_and(|value| *value == "old") {
                return Some("a lookup".to_owned());
            }
            late.push(tokio::spawn(ask(cache.clone(), truth.clone())));
            // It may have to wait for the other one, if that is under way.
            let is_alone = other.task.as_ref().is_none_or(JoinHandle::is_finished);
            let mut turns = 0;
            until(|| {
                turns += 1;
                late[0].is_finished() || (!is_alone && turns > 20)
            })
            .await;
        }
    }
    other.gates.iter().flatten().for_each(Gate::open);
    pauses.clear();
    other.task.unwrap().await.unwrap();
    deletion.task.unwrap().await.unwrap();
    for task in late {
        if task.await.unwrap() == "old" {
            return Some("a load".to_owned());
        }
    }
    if cache.get::<String>(KEY).await.is_some_and(|value| *value == "old") {
        return Some("memory".to_owned());
    }
    let below = fresh().get::<String>(KEY).await;
    below.is_some_and(|value| *value == "old").then(|| "a tier".to_owned())
}

/// All orders of three steps of each.
fn orders() -> Vec<Vec<bool>> {
    let orders = (0..64_u32).filter(|bits| bits.count_ones() == 3);
    orders.map(|bits| (0..6).map(|at| bits & (1 << at) != 0).collect()).collect()
}

/// Plays all orders of all deletions; what has gone wrong.
pub(super) async fn play_all(ways: &[Way], stage: impl AsyncFn(usize) -> Stage) -> Vec<String> {
    let (mut number, mut wrong) = (0, Vec::new());
    assert_eq!(orders().len(), 20);
    for way in ways {
        for beside in BESIDES {
            for order in orders() {
                number += 1;
                let stage = stage(number).await;
                if let Some(who) = play(&stage, *way, beside, &order).await {
                    wrong.push(format!("{way:?} beside {beside:?} in {order:?}: {who}"));
                }
            }
        }
    }
    wrong
}

#[cfg(feature = "disk")]
mod on_disk {
    use super::super::disk::Place;
    use super::*;
    use crate::Disk;

    async fn wrong(disk: &Disk, ways: &[Way], is_faulty: bool) -> Vec<String> {
        let stage = async |number: usize| {
            // Caches of other names on one disk do not meet.
            let name = format!("{ways:?} {number}");
            let disk = disk.clone();
            let build = move || {
                let builder = Cache::builder(name.clone()).disk(disk.clone());
                builder.unclaimed().build().unwrap()
            };
            let cache = build();
            if is_faulty {
                cache.core.pauses.skip_second();
            }
            Stage { deleter: cache.clone(), cache, fresh: Box::new(build) }
        };
        play_all(ways, stage).await
    }

    #[tokio::test]
    async fn nobody_is_given_what_was_deleted() {
        let place = Place::new();
        let disk = place.disk().await;
        let wrong = wrong(&disk, &WAYS, false).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Each deletion needs its second step.
    #[tokio::test]
    async fn without_the_second_step_somebody_is() {
        let place = Place::new();
        let disk = place.disk().await;
        for way in [Way::Key, Way::Pattern, Way::Clear, Way::Tag, Way::ToldTag] {
            assert!(!wrong(&disk, &[way], true).await.is_empty(), "{way:?} does without it");
        }
    }
}

#[cfg(feature = "redis")]
mod in_redis {
    use super::*;
    use crate::Redis;

    async fn tier(server: &cluster::RedisServer) -> Redis {
        let builder = Redis::builder(server.url()).namespace("app");
        let redis = builder.timeout(super::super::secs(5)).connect().await.unwrap();
        until(|| redis.stats().is_hearing).await;
        redis
    }

    #[tokio::test]
    async fn nobody_is_given_what_was_deleted_by_anybody() {
        if !cluster::redis_is_installed() {
            return;
        }
        let server = cluster::RedisServer::start().unwrap();
        let (here, there) = (tier(&server).await, tier(&server).await);
        // A deletion of one's own is what the disk is tried with.
        for (is_elsewhere, ways) in [(false, &WAYS[..1]), (true, &WAYS)] {
            let stage = async |number: usize| {
                let name = format!("{is_elsewhere} {number}");
                let build = |redis: &Redis| {
                    let (name, redis) = (name.clone(), redis.clone());
                    move || Cache::builder(name.clone()).redis(redis.clone()).build().unwrap()
                };
                let cache = build(&here)();
                let deleter = if is_elsewhere { build(&there)() } else { cache.clone() };
                Stage { cache, deleter, fresh: Box::new(build(&here)) }
            };
            let wrong = play_all(ways, stage).await;
            assert!(wrong.is_empty(), "elsewhere: {is_elsewhere}: {wrong:#?}");
        }
    }
}
