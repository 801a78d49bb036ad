//! What is kept when there is more than room for, and how callers are told.

use std::time::Duration;

use super::scene::{HOUR, Scene, value};
use crate::error::Error;
use crate::tier::disk::index::KeyHash;
use crate::tier::disk::queue::Queue;
use crate::tier::disk::{Disk, DiskBuilder};

#[tokio::test]
async fn the_oldest_goes_and_what_is_read_stays() {
    let scene = Scene::new();
    let disk = scene.open().await;
    let name = |key: u32| format!("key {key}").into_bytes();
    for key in 0..1_000 {
        disk.set(&name(key), value(&name(key), 1, 4_000), HOUR);
        assert!(disk.flush().await);
        // As is asked for all the time.
        assert!(disk.get(&name(0)).await.is_some(), "after {key}");
    }
    let stats = disk.stats();
    assert!(stats.evictions > 500, "{stats:?}");
    assert!(stats.second_chances > 0, "{stats:?}");
    assert!(stats.bytes < 1024 * 1024);
    assert!(std::fs::metadata(scene.path()).unwrap().len() <= 1024 * 1024);
    assert!(disk.get(&name(1)).await.is_none());
    assert!(disk.get(&name(999)).await.is_some());
}

#[tokio::test]
async fn records_are_bounded_by_number_too() {
    let scene = Scene::new();
    let disk = scene.builder().entries_max(50).open().await.unwrap();
    for key in 0..300u32 {
        disk.set(&key.to_le_bytes(), vec![1; 10], HOUR);
    }
    assert!(disk.flush().await);
    assert_eq!(disk.stats().entries, 50);
    assert!(disk.get(&299u32.to_le_bytes()).await.is_some());
    assert!(disk.close().await);
    let disk = scene.builder().entries_max(20).open().await.unwrap();
    assert_eq!(disk.stats().entries, 20);
}

#[tokio::test]
async fn what_is_too_large_is_not_kept_and_what_was_there_is_gone() {
    let scene = Scene::new();
    let disk = scene.open().await;
    for (value, ttl) in [(vec![0; 100_001], HOUR), (vec![1], Duration::ZERO)] {
        disk.set(b"key", vec![1, 2, 3], HOUR);
        assert!(disk.flush().await);
        assert_eq!(disk.get(b"key").await, Some(vec![1, 2, 3]));
        disk.set(b"key", value, ttl);
        assert_eq!(disk.get(b"key").await, None);
    }
    disk.set(&vec![0; 64 * 1024 + 1], vec![1], HOUR);
    assert_eq!(disk.stats().too_large, 2);
    let edge = vec![3; 64 * 1024];
    disk.set(&edge, vec![4; 100_000], HOUR);
    assert!(disk.flush().await);
    assert_eq!(disk.get(&edge).await, Some(vec![4; 100_000]));
    disk.set(b"", Vec::new(), HOUR);
    assert!(disk.flush().await);
    assert_eq!(disk.get(b"").await, Some(Vec::new()));
}

#[tokio::test]
async fn a_value_without_room_in_the_queue_takes_the_one_before_away() {
    let scene = Scene::new();
    let disk = scene.builder().queue_bytes_max(50_000).open().await.unwrap();
    disk.set(b"key", vec![1], HOUR);
    assert!(disk.flush().await);
    disk.set(b"key", vec![2; 60_000], HOUR);
    assert_eq!(disk.get(b"key").await, None);
    assert_eq!(disk.stats().dropped, 1);
    assert!(disk.close().await);
    assert_eq!(scene.open().await.get(b"key").await, None);
}

#[tokio::test]
async fn other_bounds_keep_what_fits_them() {
    let scene = Scene::new();
    let fill = |disk: Disk| async move {
        for key in 0..400u32 {
            disk.set(&key.to_le_bytes(), value(b"x", key.into(), 2_000), HOUR);
            assert!(disk.flush().await);
        }
        assert!(disk.close().await);
    };
    fill(scene.open().await).await;
    let check = async |builder: DiskBuilder, emptied: bool, least: u64| {
        let disk = builder.open().await.unwrap();
        let stats = disk.stats();
        assert_eq!(stats.emptied.is_some(), emptied, "{stats:?}");
        assert!(stats.entries >= least, "{stats:?}");
        assert!(std::fs::metadata(scene.path()).unwrap().len() <= stats.bytes_max);
        assert!(disk.close().await);
    };
    check(scene.builder().bytes_max(4 * 1024 * 1024), false, 200).await;
    check(scene.builder().bytes_max(700 * 1024), false, 50).await;
    check(scene.builder().bytes_max(8 * 1024 * 1024).value_bytes_max(1024 * 1024), true, 0).await;
}

#[test]
fn a_queue_that_is_full_refuses() {
    let hash = KeyHash(1);
    let mut queue = Queue::new(1_000, 3);
    assert!(!queue.offer(b"a", hash, vec![0; 1_000], 1));
    assert!(queue.offer(b"a", hash, vec![0; 500], 1));
    assert!(!queue.offer(b"b", hash, vec![0; 500], 1));
    // A value that does not fit takes the one before it away.
    assert!(!queue.offer(b"a", hash, vec![0; 2_000], 1));
    assert!(queue.get(b"a").is_none());
    assert_eq!(queue.bytes(), 0);
    // Setting and removing in turn is bounded although nothing is written.
    let kept = (0..100).filter(|_| {
        let kept = queue.offer(b"c", hash, vec![1], 1);
        queue.remove(b"c");
        kept
    });
    assert!(kept.count() <= 3);
    assert!(queue.take().is_none());
}

#[test]
fn what_is_removed_while_it_is_written_is_not_current() {
    let hash = KeyHash(1);
    let mut queue = Queue::new(10_000, 10);
    assert!(queue.offer(b"a", hash, vec![1], 1));
    let first = queue.take().unwrap();
    assert!(queue.is_current(&first));
    assert!(queue.offer(b"a", hash, vec![2], 1));
    assert!(!queue.finish(&first), "a later value has taken its place");
    queue.put_back(&first);
    let second = queue.take().unwrap();
    assert_eq!(*second.job.value, vec![2]);
    queue.remove(b"a");
    assert!(!queue.finish(&second));
    assert!(queue.take().is_none());
    assert_eq!((queue.len(), queue.bytes()), (0, 0));
}

#[tokio::test]
async fn settings_out_of_range_are_refused() {
    let scene = Scene::new();
    let check = async |builder: DiskBuilder, expect: fn(&Error) -> bool| {
        let error = builder.open().await.unwrap_err();
        assert!(expect(&error), "{error}");
    };
    check(scene.builder().bytes_max(100_000), Error::is_usage).await;
    check(scene.builder().value_bytes_max(0), Error::is_usage).await;
    check(scene.builder().value_bytes_max(usize::MAX), Error::is_usage).await;
    check(scene.builder().entries_max(0), Error::is_usage).await;
    check(scene.builder().queue_bytes_max(0), Error::is_usage).await;
    check(scene.builder().queue_entries_max(0), Error::is_usage).await;
    assert!(!scene.path().exists());
}

#[tokio::test]
async fn a_clock_that_was_set_back_revives_nothing() {
    let scene = Scene::new();
    let disk = scene.open().await;
    scene.clock.advance(HOUR);
    disk.set(b"future", vec![1], 10 * HOUR);
    disk.set(b"short", vec![1], Duration::from_secs(1));
    assert!(disk.flush().await);
    scene.clock.advance(HOUR);
    assert_eq!(disk.get(b"short").await, None);
    assert_eq!(disk.stats().expired, 1);
    assert!(disk.close().await);
    // The next process reads an earlier time.
    let before = Scene::new();
    let disk = before.builder_at(scene.path()).open().await.unwrap();
    assert_eq!(disk.get(b"future").await, None);
    assert_eq!(disk.get(b"short").await, None);
    assert!(disk.close().await);
    let disk = scene.open().await;
    assert_eq!(disk.get(b"future").await, None, "it was killed when it was found");
}
