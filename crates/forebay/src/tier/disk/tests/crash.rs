//! Processes that are killed while they write, and machines that stop.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use super::child;
use super::scene::{HOUR, Scene, version};

/// For each key the last version that is gone for certain.
#[derive(Default)]
struct Gone {
    keys: HashMap<String, u64>,
    last_set: u64,
}

impl Gone {
    fn note(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (Some(what), Some(version), Some(key)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        let Ok(version) = version.parse::<u64>() else { return };
        let all = (0..20).map(|key| format!("key {key}"));
        let gone: Vec<String> = match what {
            "set" => {
                self.last_set = version;
                return;
            }
            "removed" => vec![key.to_owned()],
            "ended" => {
                all.filter(|other| other.as_bytes().last() == key.as_bytes().last()).collect()
            }
            "cleared" => all.collect(),
            _ => return,
        };
        self.keys.extend(gone.into_iter().map(|key| (key, version)));
    }
}

#[tokio::test]
async fn a_process_killed_at_any_time_leaves_nothing_removed_and_nothing_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let (mut gone, mut found, mut removals) = (Gone::default(), 0, 0);
    for round in 0..20 {
        let mut process = child::command("write", &path, "").spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // After so many lines, whatever it is doing then.
        let after = fastrand::usize(1..400);
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            gone.note(&line);
            seen += usize::from(seen > 0 || line.ends_with("open"));
            if seen == after {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();
        assert!(seen >= after, "round {round}: the process ended by itself");
        removals += gone.keys.len();

        let disk = child::builder(&path).open().await.unwrap();
        let stats = disk.stats();
        assert_eq!((stats.emptied, stats.damaged), (None, 0), "round {round}");
        for key in (0..20).map(|key| format!("key {key}")) {
            let Some(value) = disk.get(key.as_bytes()).await else { continue };
            found += 1;
            let version = version(key.as_bytes(), &value);
            let last = gone.keys.get(&key).copied().unwrap_or(0);
            assert!(version > last, "round {round}: {key} is from before its removal");
            assert!(version <= gone.last_set, "round {round}: {key} was never set");
        }
        assert_eq!(disk.stats().damaged, 0, "round {round}: a torn record");
        // Half of the time the next process finds what a killed one has left.
        if round % 2 == 0 {
            assert!(disk.close().await);
        } else {
            drop(disk);
        }
    }
    assert!(found > 50 && removals > 50, "{found} values found, {removals} removed");
}

#[tokio::test]
async fn after_a_loss_of_power_it_is_empty_unless_it_was_closed() {
    let check = async |closed: bool, boot: Option<[u8; 16]>, expect: bool| {
        let scene = Scene::new();
        let builder = |boot| {
            let mut builder = scene.builder();
            builder.boot = boot;
            builder
        };
        let disk = builder(Some([1; 16])).open().await.unwrap();
        disk.set(b"key", vec![1], HOUR);
        assert!(disk.flush().await);
        let copy = scene.folder.path().join("copy");
        if !closed {
            std::fs::copy(scene.path(), &copy).unwrap();
        }
        assert!(disk.close().await);
        if !closed {
            std::fs::rename(&copy, scene.path()).unwrap();
        }
        let disk = builder(boot).open().await.unwrap();
        assert_eq!(disk.get(b"key").await.is_some(), expect, "{closed} {boot:?}");
        assert_eq!(disk.stats().emptied.is_none(), expect);
        // What was dropped does not come back with the old run.
        assert!(disk.close().await);
        let disk = builder(Some([1; 16])).open().await.unwrap();
        assert_eq!(disk.get(b"key").await.is_some(), expect);
    };
    check(true, Some([1; 16]), true).await;
    check(true, Some([2; 16]), true).await;
    check(true, None, true).await;
    check(false, Some([1; 16]), true).await;
    check(false, Some([2; 16]), false).await;
    check(false, None, false).await;
}

#[tokio::test]
async fn dropping_the_last_clone_writes_what_waits() {
    let scene = Scene::new();
    let disk = scene.open().await;
    let clone = disk.clone();
    drop(disk);
    clone.set(b"key", vec![1; 5_000], HOUR);
    drop(clone);
    // Opening waits for the thread that still holds the file.
    let disk = scene.open().await;
    assert_eq!(disk.get(b"key").await, Some(vec![1; 5_000]));
    assert!(disk.close().await);
    assert_eq!(disk.health().word(), "closed");
    disk.set(b"key", vec![2], HOUR);
    assert_eq!(disk.get(b"key").await, None);
    assert!(!disk.remove(b"key").await);
    assert!(!tokio::time::timeout(Duration::from_secs(5), disk.close()).await.unwrap());
}
