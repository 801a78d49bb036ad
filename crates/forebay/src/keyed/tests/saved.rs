//! The keys that were asked for most, in a file.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{built, secs, until};
use crate::{Cache, WarmProgress};

/// Keeps a key and asks for it so often.
async fn ask(cache: &Cache, key: impl AsRef<[u8]>, times: usize) {
    cache.set(&key, 1_usize).await;
    for _ in 0..times {
        assert!(cache.get::<usize>(&key).await.is_some());
    }
}

/// Loads what a file names into an empty cache, one after another, and gives the keys in their
/// order.
async fn warmed(path: &Path) -> Vec<Vec<u8>> {
    let (cache, _) = built(|builder| builder);
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    let load = move |key: Vec<u8>| {
        seen.lock().unwrap().push(key.clone());
        async move { Ok::<_, std::io::Error>(key.len()) }
    };
    let done = cache.warming().concurrency(1).load_from(path, load).await.unwrap();
    let order = order.lock().unwrap().clone();
    assert_eq!(done, WarmProgress { warm: order.len() as u64, failed: 0 });
    for key in &order {
        assert_eq!(cache.get::<usize>(key).await.as_deref(), Some(&key.len()));
    }
    order
}

#[tokio::test]
async fn the_keys_that_were_asked_for_most_are_loaded_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let (cache, clock) = built(|builder| builder);
    let pages = cache.namespace("pages");
    ask(&cache, b"two\0\xff", 2).await;
    ask(&cache, "five", 5).await;
    ask(&cache, "", 1).await;
    ask(&cache, "never", 0).await;
    ask(&pages, "elsewhere", 9).await;
    cache.entry("short").ttl(secs(1)).set(1_usize).await;
    let nothing = || async { Ok::<Option<usize>, std::io::Error>(None) };
    cache.get_or_load_optional("nothing", nothing).await.unwrap();
    clock.advance(secs(2));

    assert_eq!(cache.save_hot(&path, 3).await.unwrap(), 3);
    assert_eq!(warmed(&path).await, [&b"five"[..], b"two\0\xff", b""]);
    assert_eq!(cache.blocking().save_hot(&path, 9).unwrap(), 4);
    assert_eq!(warmed(&path).await, [&b"five"[..], b"two\0\xff", b"", b"never"]);
    assert_eq!(pages.save_hot(&path, 9).await.unwrap(), 1);
    assert_eq!(warmed(&path).await, [b"elsewhere"]);
    assert_eq!(pages.save_hot(&path, 0).await.unwrap(), 0);
    assert_eq!(warmed(&path).await, [b""; 0]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
}

#[tokio::test]
async fn what_is_loaded_again_is_still_hot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    for way in ["expires", "is deleted", "is refreshed"] {
        let (cache, clock) = built(|builder| builder.ttl(secs(10)).refresh_ahead(secs(2)));
        let load = || async { Ok::<_, std::io::Error>(1_usize) };
        // The first of them loads, and 8 hit.
        for _ in 0..9 {
            cache.get_or_load("often", load).await.unwrap();
        }
        match way {
            "expires" => clock.advance(secs(11)),
            "is deleted" => assert!(cache.delete("often").await.unwrap()),
            _ => clock.advance(secs(9)),
        }
        cache.get_or_load("often", load).await.unwrap();
        until(|| cache.stats().loads == 2 && cache.stats().loading == 0).await;
        ask(&cache, "now", 3).await;
        cache.save_hot(&path, 9).await.unwrap();
        assert_eq!(warmed(&path).await, [&b"often"[..], b"now"], "it {way}, and half of 8 are 4");
    }
}

#[tokio::test]
async fn files_that_are_not_there_or_damaged_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let (cache, _) = built(|builder| builder);
    let warm = async |path: &Path| {
        let load = |_: Vec<u8>| async { Ok::<_, std::io::Error>(1_usize) };
        cache.warm_from(path, load).await
    };
    assert_eq!(warm(&path).await.unwrap(), WarmProgress::default(), "the first start");
    ask(&cache, "a", 1).await;
    cache.save_hot(&path, 9).await.unwrap();
    let whole = fs::read(&path).unwrap();
    for bytes in [&b""[..], b"garbage", &whole[..whole.len() - 1], &[&whole[..], b"a"].concat()] {
        fs::write(&path, bytes).unwrap();
        let error = warm(&path).await.unwrap_err();
        assert!(error.is_corrupt(), "{bytes:?}: {error}");
    }
    assert!(warm(folder.path()).await.unwrap_err().is_open());
    assert!(cache.save_hot(folder.path(), 9).await.unwrap_err().is_open());
    assert!(cache.save_hot(path.join("below"), 9).await.unwrap_err().is_open());
    assert!(cache.save_hot("", 9).await.unwrap_err().is_open());
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["hot"], "no temporary file is left");
    assert_eq!(
        fs::read(&path).unwrap(),
        [&whole[..], b"a"].concat(),
        "nor was another one touched"
    );
}

/// A load that fails is counted, and does not end the others.
#[tokio::test]
async fn loads_of_saved_keys_are_those_of_warm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let (cache, _) = built(|builder| builder);
    for key in ["a", "b", "c"] {
        ask(&cache, key, 1).await;
    }
    cache.save_hot(&path, 9).await.unwrap();
    cache.clear().await.unwrap();
    let load = |key: Vec<u8>| async move { if key == b"b" { Err("no") } else { Ok(2_usize) } };
    let mut seen = 0;
    let warming = cache.warming().on_progress(|_| seen += 1);
    let done = warming.load_from(&path, load).await.unwrap();
    assert_eq!((done, seen), (WarmProgress { warm: 2, failed: 1 }, 3));
    assert!(cache.contains("a").await && !cache.contains("b").await);
    assert_eq!(cache.ttl("a").await, Some(Duration::from_secs(3_600)));
}
