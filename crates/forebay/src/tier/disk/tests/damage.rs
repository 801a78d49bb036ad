//! Files that are not as they were written.

use std::fs;
use std::path::Path;

use super::scene::{HOUR, Scene, value};
use crate::tier::disk::Disk;

const KEYS: u64 = 60;

fn name(key: u64) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

/// A file with records of many sizes, every third of them removed.
async fn written(scene: &Scene, closed: bool) -> Vec<u8> {
    let disk = scene.open().await;
    for key in 0..KEYS {
        let bytes = if key % 10 == 0 { 50_000 } else { 10 + 100 * key as usize };
        disk.set(&name(key), value(&name(key), key, bytes), HOUR);
    }
    assert!(disk.flush().await);
    for key in (0..KEYS).step_by(3) {
        assert!(disk.remove(&name(key)).await);
    }
    if !closed {
        let bytes = fs::read(scene.path()).unwrap();
        assert!(disk.close().await);
        return bytes;
    }
    assert!(disk.close().await);
    fs::read(scene.path()).unwrap()
}

/// No value is wrong, and none that was removed is back. Says how many were found.
async fn check(disk: &Disk) -> u64 {
    let mut found = 0;
    for key in 0..KEYS {
        if let Some(there) = disk.get(&name(key)).await {
            let bytes = if key % 10 == 0 { 50_000 } else { 10 + 100 * key as usize };
            assert!(there == value(&name(key), key, bytes), "{key} is not as it was set");
            assert!(key % 3 != 0, "{key} was removed");
            found += 1;
        }
    }
    found
}

/// One way to damage a file.
fn damage(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let length = bytes.len();
    let at = random.usize(..length);
    let count = random.usize(1..10_000).min(length - at);
    match random.u32(..6) {
        0 => bytes[at] ^= 1 << random.u32(..8),
        1 => (0..20).for_each(|_| bytes[random.usize(..length)] = random.u8(..)),
        2 => bytes.truncate(at),
        3 => bytes[at..at + count].fill(0),
        4 => bytes[at..at + count].fill_with(|| random.u8(..)),
        _ => {
            // A block that was written to the wrong place.
            let from = random.usize(..length - count);
            let block = bytes[from..from + count].to_vec();
            bytes[at..at + count].copy_from_slice(&block);
        }
    }
}

async fn try_damage(scene: &Scene, whole: &[u8], seed: u64) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = whole.to_vec();
    damage(&mut bytes, &mut random);
    fs::write(scene.path(), &bytes).unwrap();
    let disk = match scene.builder().open().await {
        Ok(disk) => disk,
        Err(error) => {
            assert!(error.is_corrupt(), "seed {seed}: {error}");
            return 0;
        }
    };
    let found = check(&disk).await;
    let damaged = disk.stats().damaged;
    let is_lost = found < KEYS - KEYS.div_ceil(3);
    let is_told = damaged > 0 || disk.stats().emptied.is_some();
    // What ends with the file may be where the last process stopped.
    assert!(!is_lost || is_told || bytes.len() < whole.len(), "seed {seed}: lost without a word");
    // It goes on, and what is removed now does not come back when the damage is undone.
    disk.set(b"new", value(b"new", seed, 9_000), HOUR);
    assert!(disk.flush().await, "seed {seed}");
    assert_eq!(disk.get(b"new").await, Some(value(b"new", seed, 9_000)), "seed {seed}");
    for key in 0..KEYS {
        assert!(disk.remove(&name(key)).await);
    }
    assert!(disk.close().await);
    heal(&scene.path(), whole, &bytes);
    match scene.builder().open().await {
        Ok(disk) => {
            assert_eq!(check(&disk).await, 0, "seed {seed}: removed, and back");
            assert!(disk.close().await);
        }
        Err(error) => assert!(error.is_corrupt(), "seed {seed}: {error}"),
    }
    found
}

/// Puts back what `damaged` had lost of `whole`, where nothing was written since.
fn heal(path: &Path, whole: &[u8], damaged: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let shared = bytes.len().min(whole.len()).min(damaged.len());
    // The head says which run has the file open; it is written by every process.
    for at in 4_096.min(shared)..shared {
        if bytes[at] == damaged[at] {
            bytes[at] = whole[at];
        }
    }
    fs::write(path, &bytes).unwrap();
}

#[tokio::test]
async fn damage_anywhere_loses_values_and_never_makes_any() {
    let scene = Scene::new();
    let whole = written(&scene, true).await;
    let mut found = 0;
    for seed in 0..100 {
        found += try_damage(&scene, &whole, seed).await;
    }
    assert!(found > 100 * 10, "only {found} values were found: too much is dropped");
}

#[tokio::test]
async fn damage_after_a_kill_is_no_worse() {
    let scene = Scene::new();
    let whole = written(&scene, false).await;
    for seed in 1_000..1_060 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = whole.clone();
        damage(&mut bytes, &mut random);
        fs::write(scene.path(), &bytes).unwrap();
        if let Ok(disk) = scene.builder().open().await {
            check(&disk).await;
            assert!(disk.close().await);
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_under_way_is_noticed() {
    let scene = Scene::new();
    let disk = scene.open().await;
    let keys: Vec<Vec<u8>> = (0..20).map(name).collect();
    for key in &keys {
        disk.set(key, value(key, 1, 1_000), HOUR);
    }
    assert!(disk.flush().await);
    assert!(disk.get_many(&keys).await.iter().all(Option::is_some));
    // Written in place: the tier holds the same file.
    let bytes = fs::read(scene.path()).unwrap();
    let zeros = vec![0; bytes.len() - 4_096];
    use std::os::unix::fs::FileExt as _;
    let file = fs::OpenOptions::new().write(true).open(scene.path()).unwrap();
    file.write_all_at(&zeros, 4_096).unwrap();
    assert!(disk.get_many(&keys).await.iter().all(Option::is_none));
    assert_eq!(disk.stats().damaged, 20);
    file.set_len(100).unwrap();
    disk.set(b"key", vec![1; 100], HOUR);
    assert!(disk.flush().await);
    assert_eq!(disk.get(b"key").await, Some(vec![1; 100]));
}

#[tokio::test]
async fn a_foreign_file_is_left_as_it_is() {
    let scene = Scene::new();
    let check = async |content: &[u8], expect: bool| {
        fs::write(scene.path(), content).unwrap();
        match scene.builder().open().await {
            Ok(disk) => {
                assert!(!expect, "{content:?} was taken");
                assert!(disk.close().await);
            }
            Err(error) => {
                assert!(expect && error.is_corrupt(), "{error}");
                assert_eq!(fs::read(scene.path()).unwrap(), content);
            }
        }
    };
    check(b"SQLite format 3\0 and so on", true).await;
    check(b"x", true).await;
    check(&[0; 10_000], true).await;
    check(b"", false).await;
    // What a machine leaves that stopped while the file was created.
    check(&[0; 72], false).await;
    check(b"forebayd of another kind", false).await;
}
