//! The naive model: a map from keys to what may be found under them. A value may always be
//! missing; another one, or one that was removed, may never be there.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::scene::{Scene, value, version};
use crate::tier::disk::Disk;

const KEYS: u8 = 12;

#[derive(Clone, Debug)]
enum Op {
    Set {
        key: u8,
        bytes: usize,
        ttl_s: u64,
    },
    Get {
        key: u8,
    },
    GetAll,
    Remove {
        key: u8,
    },
    RemoveMatching {
        ending: u8,
    },
    Clear,
    Flush,
    Advance {
        seconds: u64,
    },
    Reopen,
    /// What the file holds is looked at as a process would find it that starts after this one
    /// was killed now.
    Killed,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS;
    // Some are read by another thread, some are larger than what is kept.
    let bytes =
        prop_oneof![6 => 0..3_000usize, 2 => 30_000..60_000usize, 1 => 60_000..140_000usize];
    let set = (key.clone(), bytes, 0..40u64);
    prop_oneof![
        12 => set.prop_map(|(key, bytes, ttl_s)| Op::Set { key, bytes, ttl_s }),
        10 => key.clone().prop_map(|key| Op::Get { key }),
        2 => Just(Op::GetAll),
        4 => key.prop_map(|key| Op::Remove { key }),
        1 => (0..4u8).prop_map(|ending| Op::RemoveMatching { ending }),
        1 => Just(Op::Clear),
        3 => Just(Op::Flush),
        2 => (0..20u64).prop_map(|seconds| Op::Advance { seconds }),
        1 => Just(Op::Reopen),
        1 => Just(Op::Killed),
    ]
}

/// One version of a value.
#[derive(Clone, Copy, Debug)]
struct Known {
    version: u64,
    bytes: usize,
    /// In seconds of the model's time.
    until: u64,
}

/// What may be found, and what a process might find that starts after this one was killed: any
/// value since the last removal that was acknowledged.
#[derive(Debug, Default)]
struct Model {
    now: u64,
    versions: u64,
    latest: HashMap<u8, Known>,
    possible: HashMap<u8, Vec<Known>>,
}

impl Model {
    fn set(&mut self, key: u8, bytes: usize, ttl_s: u64) -> Known {
        self.versions += 1;
        let known = Known { version: self.versions, bytes, until: self.now + ttl_s };
        self.latest.insert(key, known);
        self.possible.entry(key).or_default().push(known);
        known
    }

    fn remove(&mut self, key: u8) {
        self.latest.remove(&key);
        self.possible.remove(&key);
    }

    /// Everything that was set is in the file, or nothing under its key is.
    fn settle(&mut self) {
        self.possible = self.latest.iter().map(|(key, known)| (*key, vec![*known])).collect();
    }

    fn check(&self, key: u8, found: Option<&[u8]>, allowed: &[Known]) {
        let Some(found) = found else { return };
        let name = name(key);
        let number = version(&name, found);
        let known = allowed.iter().find(|known| known.version == number);
        let known = known.unwrap_or_else(|| panic!("{key}: version {number} is not allowed"));
        assert!(known.until > self.now, "{key}: version {number} is expired");
        assert!(found == value(&name, number, known.bytes), "{key}: not as it was set");
    }

    fn check_latest(&self, key: u8, found: Option<&[u8]>) {
        self.check(key, found, &self.latest.get(&key).copied().into_iter().collect::<Vec<_>>());
    }
}

fn name(key: u8) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

fn names() -> Vec<Vec<u8>> {
    (0..KEYS).map(name).collect()
}

async fn play(ops: Vec<Op>) -> u64 {
    let scene = Scene::new();
    let mut disk = scene.open().await;
    let (mut model, mut hits) = (Model::default(), 0);
    for op in ops {
        match op {
            Op::Set { key, bytes, ttl_s } => {
                let known = model.set(key, bytes, ttl_s);
                let ttl = Duration::from_secs(ttl_s);
                disk.set(&name(key), value(&name(key), known.version, bytes), ttl);
            }
            Op::Get { key } => {
                let found = disk.get(&name(key)).await;
                hits += u64::from(found.is_some());
                model.check_latest(key, found.as_deref());
            }
            Op::GetAll => {
                let found = disk.get_many(&names()).await;
                (0..KEYS)
                    .zip(found)
                    .for_each(|(key, found)| model.check_latest(key, found.as_deref()));
            }
            Op::Remove { key } => {
                assert!(disk.remove(&name(key)).await);
                model.remove(key);
            }
            Op::RemoveMatching { ending } => {
                let end = b'0' + ending;
                assert!(disk.remove_matching(move |key| key.last() == Some(&end)).await);
                (0..KEYS).filter(|key| key % 10 == ending).for_each(|key| model.remove(key));
            }
            Op::Clear => {
                assert!(disk.clear().await);
                (0..KEYS).for_each(|key| model.remove(key));
            }
            Op::Flush => {
                assert!(disk.flush().await);
                model.settle();
            }
            Op::Advance { seconds } => {
                scene.clock.advance(Duration::from_secs(seconds));
                model.now += seconds;
            }
            Op::Reopen => {
                assert!(disk.close().await);
                disk = scene.open().await;
                model.settle();
            }
            Op::Killed => look_after_a_kill(&scene, &model).await,
        }
        assert!(std::fs::metadata(scene.path()).unwrap().len() <= 1024 * 1024);
    }
    let stats = disk.stats();
    assert_eq!((stats.damaged, stats.faults, stats.late), (0, 0, 0));
    hits
}

async fn look_after_a_kill(scene: &Scene, model: &Model) {
    let copy = scene.folder.path().join("copy");
    std::fs::copy(scene.path(), &copy).unwrap();
    let killed: Disk = scene.builder_at(copy.clone()).open().await.unwrap();
    assert_eq!(killed.stats().emptied, None);
    let found = killed.get_many(&names()).await;
    for (key, found) in (0..KEYS).zip(found) {
        let allowed = model.possible.get(&key).cloned().unwrap_or_default();
        model.check(key, found.as_deref(), &allowed);
    }
    assert!(killed.close().await);
    std::fs::remove_file(copy).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn only_what_was_set_and_not_removed_is_found(ops in prop::collection::vec(op(), 1..120)) {
        runtime().block_on(play(ops));
    }
}

/// The model allows everything to be missing, so that something has to say that it is not.
#[test]
fn what_was_set_is_found() {
    let sets = (0..KEYS).map(|key| Op::Set { key, bytes: 2_000, ttl_s: 30 });
    let gets = || (0..KEYS).map(|key| Op::Get { key });
    let ops = sets.chain(gets()).chain([Op::Flush]).chain(gets()).chain([Op::Reopen]).chain(gets());
    assert_eq!(runtime().block_on(play(ops.collect())), 3 * u64::from(KEYS));
}
