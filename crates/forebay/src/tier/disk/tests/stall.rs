//! A writer that does not get on, as on a device that hangs: here it waits in the caller's pattern.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::scene::{HOUR, Scene};

#[tokio::test]
async fn callers_go_on_while_the_writer_hangs_and_nothing_removed_appears() {
    let scene = Scene::new();
    let builder = scene.builder().queue_entries_max(10);
    let disk = builder.removal_timeout(Duration::from_millis(50)).open().await.unwrap();
    disk.set(b"written", vec![1], HOUR);
    disk.set(b"replaced", vec![1], HOUR);
    assert!(disk.flush().await);

    let (entered, has_entered) = sync_channel(10);
    let (release, is_released) = sync_channel::<()>(0);
    let is_released = Mutex::new(is_released);
    let hangs = move |_: &[u8]| {
        if std::thread::current().name() == Some("forebay-disk") {
            entered.try_send(()).ok();
            // Ends when the other end is dropped.
            is_released.lock().unwrap().recv().ok();
        }
        false
    };
    assert!(!disk.remove_matching(hangs).await, "it cannot be acknowledged in time");
    has_entered.recv().unwrap();

    let name = |key: u32| format!("key {key}").into_bytes();
    for key in 0..100 {
        disk.set(&name(key), vec![2], HOUR);
    }
    assert_eq!(disk.stats().dropped, 90);
    assert_eq!(disk.get(&name(9)).await, Some(vec![2]), "what waits can be found");
    assert_eq!(disk.get(&name(10)).await, None);
    assert_eq!(disk.get(b"written").await, Some(vec![1]), "what is written can be read");
    assert!(!disk.remove(&name(9)).await);
    assert!(!disk.remove(b"written").await);
    disk.set(b"replaced", vec![2], HOUR);
    for gone in [&name(9)[..], b"written", b"replaced"] {
        assert_eq!(disk.get(gone).await, None, "it is gone at once");
    }
    assert_eq!(disk.stats().late, 3);

    drop(release);
    assert!(disk.close().await);
    let disk = scene.open().await;
    for gone in [&name(9)[..], b"written", b"replaced"] {
        assert_eq!(disk.get(gone).await, None, "it never appears");
    }
    assert_eq!(disk.get(&name(8)).await, Some(vec![2]));
}

/// Removals by pattern are bounded in number: beyond that everything goes, and nobody is told less.
#[tokio::test]
async fn many_patterns_at_once_are_one_clear() {
    let scene = Scene::new();
    let disk = scene.builder().removal_timeout(Duration::from_millis(1)).open().await.unwrap();
    disk.set(b"key", vec![1], HOUR);
    while !disk.flush().await {}
    let (entered, has_entered) = sync_channel(10);
    let (release, is_released) = sync_channel::<()>(0);
    let is_released = Mutex::new(is_released);
    let hangs = move |_: &[u8]| {
        if std::thread::current().name() == Some("forebay-disk") {
            entered.try_send(()).ok();
            is_released.lock().unwrap().recv().ok();
        }
        false
    };
    disk.remove_matching(hangs).await;
    has_entered.recv().unwrap();
    for _ in 0..64 {
        assert_eq!(disk.get(b"key").await, Some(vec![1]));
        disk.remove_matching(|_| false).await;
    }
    disk.remove_matching(|_| false).await;
    assert_eq!(disk.get(b"key").await, None, "there are too many");
    drop(release);
    assert!(disk.close().await);
    assert_eq!(scene.open().await.get(b"key").await, None);
}
