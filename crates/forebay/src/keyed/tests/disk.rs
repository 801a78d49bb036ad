//! A cache with the disk tier, on real files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{secs, until};
use crate::clock::{Calendar, Clock};
use crate::{Cache, CacheBuilder, Disk};

/// The time at which every test begins.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// Long enough that the time which a test takes does not matter.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// A file, and a clock by which caches on it go.
pub(super) struct Place {
    folder: tempfile::TempDir,
    pub(super) clock: Clock,
    pub(super) calendar: Calendar,
}

impl Place {
    pub(super) fn new() -> Place {
        let clock = Clock::manual();
        let calendar = Calendar::starting(clock.clone(), BEGIN_MS);
        Place { folder: tempfile::tempdir().unwrap(), clock, calendar }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(super) async fn disk(&self) -> Disk {
        disk(&self.path()).await
    }

    pub(super) fn cache(
        &self,
        disk: &Disk,
        words: impl FnOnce(CacheBuilder) -> CacheBuilder,
    ) -> Cache {
        let builder = Cache::builder("test").ttl(HOUR).refresh_ahead(Duration::ZERO);
        // Several at a time: what one of them has in memory says nothing of the disk.
        let builder = words(builder.disk(disk.clone()).unclaimed());
        builder.clock(self.clock.clone()).calendar(self.calendar.clone()).build().unwrap()
    }
}

async fn disk(path: &Path) -> Disk {
    let builder = Disk::builder(path).bytes_max(1 << 20).value_bytes_max(100_000);
    // A machine that is busy is not a device that fails.
    let builder = builder.read_timeout(secs(20)).removal_timeout(secs(20));
    builder.open().await.unwrap()
}

pub(super) fn same(builder: CacheBuilder) -> CacheBuilder {
    builder
}

async fn load(cache: &Cache, key: &str, value: &str) -> String {
    let value = value.to_owned();
    let loaded = cache.get_or_load(key, || async move { Ok::<_, std::io::Error>(value) }).await;
    (*loaded.unwrap()).clone()
}

async fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get::<String>(key).await.map(|value| (*value).clone())
}

#[tokio::test]
async fn values_outlive_the_process() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    let pages = cache.namespace("pages");
    cache.set("a", "set".to_owned()).await;
    assert_eq!(load(&pages, "a", "loaded").await, "loaded");
    let none = cache.get_or_load_optional("none", || async { Ok::<Option<String>, String>(None) });
    assert_eq!(none.await.unwrap(), None);
    cache.set("gone", "x".to_owned()).await;
    assert!(cache.delete("gone").await.unwrap());
    place.clock.advance(secs(600));
    drop((cache, pages));
    assert!(disk.close().await);

    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    let pages = cache.namespace("pages");
    assert_eq!(text(&cache, "a").await.unwrap(), "set");
    assert_eq!(load(&pages, "a", "again").await, "loaded");
    assert_eq!(text(&cache, "gone").await, None);
    assert_eq!(cache.ttl("a").await, Some(HOUR - secs(600)), "the time goes on");
    assert!(cache.contains("a").await && !cache.contains("gone").await);
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.disk.as_ref().unwrap().hits), (0, 2), "{stats:?}");
    let hits = stats.hits;
    assert_eq!(text(&cache, "a").await.unwrap(), "set");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.disk.unwrap().hits), (hits + 1, 2), "memory has it now");
    place.clock.advance(HOUR - secs(600));
    assert_eq!(text(&cache, "a").await, None, "what has expired is not given");
    assert!(!cache.contains("a").await);
}

#[tokio::test]
async fn a_negative_answer_is_kept_for_its_own_time() {
    let place = Place::new();
    let disk = place.disk().await;
    let ask = async |answer: Option<&'static str>| {
        let cache = place.cache(&disk, same);
        let load = move || async move { Ok::<_, String>(answer.map(str::to_owned)) };
        cache.get_or_load_optional("a", load).await.unwrap().map(|text| (*text).clone())
    };
    assert_eq!(ask(None).await, None);
    assert_eq!(ask(Some("now")).await, None, "from the disk");
    let cache = place.cache(&disk, same);
    assert_eq!(load(&cache, "a", "wanted").await, "wanted", "who wants a value is not served");
    cache.delete("a").await.unwrap();
    assert_eq!(ask(None).await, None);
    place.clock.advance(secs(61));
    assert_eq!(ask(Some("now")).await.unwrap(), "now");
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct One {
    text: String,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Other {
    text: String,
}

#[tokio::test]
async fn what_is_of_another_version_type_or_cache_is_a_miss() {
    let place = Place::new();
    let disk = place.disk().await;
    let one = One { text: "1".to_owned() };
    place.cache(&disk, same).set("a", one.clone()).await;
    let next = place.cache(&disk, |builder| builder.version(1));
    assert_eq!(next.get::<One>("a").await, None);
    assert_eq!(next.stats().disk.unwrap().undecodable, 1);
    let cache = place.cache(&disk, same);
    assert_eq!(cache.get::<Other>("a").await, None, "the same fields");
    assert_eq!(cache.stats().disk.unwrap().undecodable, 1);
    assert_eq!(cache.namespace("n").get::<One>("a").await, None);
    let named = Cache::builder("tes").disk(disk.clone()).build().unwrap();
    assert_eq!(named.namespace("t").get::<One>("a").await, None);
    assert_eq!(named.clear().await.unwrap(), 0);
    assert_eq!(cache.get::<One>("a").await.as_deref(), Some(&one), "the other is still there");
    next.set("a", one.clone()).await;
    let old = place.cache(&disk, same);
    assert_eq!(old.get::<One>("a").await, None, "there is one place for both");
}

#[tokio::test]
async fn records_that_are_none_are_misses() {
    let place = Place::new();
    let disk = place.disk().await;
    let mut random = fastrand::Rng::with_seed(7);
    let cache = place.cache(&disk, same);
    cache.set("a", "right".to_owned()).await;
    let name = b"4:test=a";
    let right = disk.get(name).await.unwrap();
    for round in 0..300 {
        let mut bytes = right.clone();
        match round % 3 {
            0 => bytes = (0..random.usize(..80)).map(|_| random.u8(..)).collect(),
            1 => bytes.truncate(random.usize(..bytes.len())),
            _ => {
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u32(..8);
            }
        }
        disk.set(name, bytes, HOUR);
        let cache = place.cache(&disk, same);
        assert_eq!(text(&cache, "a").await, None);
        assert_eq!(cache.stats().disk.unwrap().undecodable, 1);
        assert_eq!(load(&cache, "a", "loaded").await, "loaded");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_does_not_make_values_last() {
    let place = Place::new();
    let disk = place.disk().await;
    place.cache(&disk, same).set("a", "1".to_owned()).await;
    let at = async |ms: u64| {
        let builder = Cache::builder("test").disk(disk.clone()).unclaimed();
        let builder = builder.clock(place.clock.clone());
        let calendar = Calendar::starting(place.clock.clone(), ms);
        let cache = builder.calendar(calendar).build().unwrap();
        (text(&cache, "a").await, cache.ttl("a").await)
    };
    let hour_ms = 3_600_000;
    assert_eq!(at(BEGIN_MS + hour_ms).await, (None, None), "it went ahead");
    let (value, left) = at(BEGIN_MS - 100 * hour_ms).await;
    assert_eq!(value.unwrap(), "1");
    assert_eq!(left, Some(HOUR), "it went back: no longer than from the beginning");
}

#[tokio::test]
async fn deletions_hold_after_a_restart() {
    let place = Place::new();
    for way in ["key", "pattern", "clear", "outer clear", "tag", "outer tag", "told tag", "set"] {
        let disk = place.disk().await;
        let cache = place.cache(&disk, same);
        let space = cache.namespace("n");
        let told = |text: &String| [format!("told:{text}")];
        let entry = space.entry("a").tag("known").tags_by(told);
        let load = || async { Ok::<_, std::io::Error>("old".to_owned()) };
        entry.get_or_load(load).await.unwrap();
        space.set("stays", "stays".to_owned()).await;
        match way {
            "key" => assert!(space.delete("a").await.unwrap()),
            "pattern" => assert_eq!(space.delete_pattern("?").await.unwrap(), 1),
            "clear" => _ = space.clear().await.unwrap(),
            "outer clear" => _ = cache.clear().await.unwrap(),
            "tag" => space.delete_by_tag("known").await.unwrap(),
            "outer tag" => cache.delete_by_tag("known").await.unwrap(),
            "told tag" => space.delete_by_tag("told:old").await.unwrap(),
            _ => space.set("a", "new".to_owned()).await,
        }
        drop((cache, space));
        assert!(disk.close().await);
        let disk = place.disk().await;
        let space = place.cache(&disk, same).namespace("n");
        let expect = (way == "set").then(|| "new".to_owned());
        assert_eq!(text(&space, "a").await, expect, "{way}");
        let stays = !way.ends_with("clear");
        assert_eq!(text(&space, "stays").await.is_some(), stays, "{way}");
        space.clear().await.unwrap();
        assert!(disk.close().await);
    }
}

#[tokio::test]
async fn tags_are_kept() {
    let place = Place::new();
    let disk = place.disk().await;
    let space = place.cache(&disk, same).namespace("n");
    space.entry("a").tag("x").tag("y").set("1".to_owned()).await;
    space.entry("b").tag("y").set("2".to_owned()).await;
    assert!(disk.close().await);
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    let space = cache.namespace("n");
    assert_eq!(text(&space, "a").await.unwrap(), "1", "the numbers of its tags are there");
    // In memory and on disk.
    space.delete_by_tag("x").await.unwrap();
    assert_eq!(text(&space, "a").await, None);
    // On disk alone.
    cache.delete_by_tag("y").await.unwrap();
    assert_eq!(text(&space, "b").await, None);
    space.entry("b").tag("y").set("3".to_owned()).await;
    let again = place.cache(&disk, same).namespace("n");
    assert_eq!(text(&again, "b").await.unwrap(), "3");
}

#[tokio::test]
async fn what_may_not_go_to_disk_stays_in_memory() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, |builder| builder.max_bytes(100 << 20));
    cache.set("idle", "old".to_owned()).await;
    cache.entry("idle").time_to_idle(secs(60)).set("new".to_owned()).await;
    cache.set("large", "old".to_owned()).await;
    cache.set("large", "x".repeat(200_000)).await;
    let tags = (0..300).map(|tag| tag.to_string());
    cache.entry("tags").tags(tags).set("new".to_owned()).await;
    for key in ["idle", "large", "tags"] {
        assert!(cache.get::<String>(key).await.is_some(), "{key}");
    }
    assert_eq!(cache.stats().disk.unwrap().unfit, 2);
    let again = place.cache(&disk, same);
    for key in ["idle", "large", "tags"] {
        assert_eq!(text(&again, key).await, None, "{key}: nor is there what was before");
    }
}

#[tokio::test]
async fn numbers_are_counted_on() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    assert_eq!(cache.increment("n", 2).await.unwrap(), 2);
    assert_eq!(cache.increment("n", 3).await.unwrap(), 5);
    place.clock.advance(secs(60));
    let again = place.cache(&disk, same);
    assert_eq!(again.get::<i64>("n").await.as_deref(), Some(&5));
    let again = place.cache(&disk, same);
    assert_eq!(again.increment("n", 1).await.unwrap(), 6);
    assert_eq!(again.ttl("n").await, Some(HOUR - secs(60)));
    again.set("text", "1".to_owned()).await;
    assert!(again.increment("text", 1).await.unwrap_err().is_usage());
}

#[tokio::test]
async fn a_touch_is_kept() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    cache.set("a", "1".to_owned()).await;
    place.clock.advance(secs(600));
    assert!(cache.touch("a").await);
    assert!(!cache.touch("b").await);
    let again = place.cache(&disk, same);
    assert_eq!(again.ttl("a").await, Some(HOUR));
    place.clock.advance(secs(600));
    assert!(again.touch("a").await, "on disk alone");
    assert_eq!(again.ttl("a").await, Some(HOUR));
}

#[tokio::test]
async fn several_keys_are_asked_for_at_once() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    for key in ["a", "b", "c"] {
        cache.set(key, key.to_owned()).await;
    }
    let again = place.cache(&disk, same);
    again.set("d", "d".to_owned()).await;
    let found = again.get_many::<String>(["a", "x", "d"]).await;
    let found: Vec<_> = found.iter().map(|value| value.as_deref().map(String::as_str)).collect();
    assert_eq!(found, [Some("a"), None, Some("d")]);
    let load = |missing: Vec<&'static str>| async move {
        assert_eq!(missing, ["x", "y"]);
        Ok::<_, std::io::Error>(vec![("y", "loaded".to_owned())])
    };
    let found = again.get_or_load_many(&["a", "b", "x", "y"], load).await.unwrap();
    let found: Vec<_> = found.iter().map(|value| value.as_deref().map(String::as_str)).collect();
    assert_eq!(found, [Some("a"), Some("b"), None, Some("loaded")]);
    assert_eq!(again.stats().loads, 2);
    let third = place.cache(&disk, same);
    assert_eq!(text(&third, "y").await.unwrap(), "loaded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_blocks_is_served_too() {
    let place = Place::new();
    let disk = place.disk().await;
    place.cache(&disk, same).set("a", "1".to_owned()).await;
    let cache = place.cache(&disk, same);
    let own = cache.clone();
    let work = move || {
        let blocking = own.blocking();
        assert_eq!(blocking.get::<String>("a").as_deref().unwrap(), "1");
        let load = || Ok::<_, std::io::Error>("2".to_owned());
        assert_eq!(*blocking.get_or_load("b", load).unwrap(), "2");
        blocking.set("c", "3".to_owned());
        assert!(blocking.delete("a").unwrap());
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    let again = place.cache(&disk, same);
    assert_eq!(text(&again, "a").await, None);
    assert_eq!(text(&again, "b").await.unwrap(), "2");
    assert_eq!(text(&again, "c").await.unwrap(), "3");
}

#[tokio::test]
async fn a_thread_that_is_all_there_is_cannot_block() {
    let place = Place::new();
    let disk = place.disk().await;
    place.cache(&disk, same).set("a", "1".to_owned()).await;
    let cache = place.cache(&disk, same);
    assert_eq!(cache.blocking().get::<String>("a"), None);
    assert!(cache.blocking().delete("a").unwrap_err().is_usage());
}

#[tokio::test]
async fn a_disk_that_is_gone_is_no_error_but_to_deletions() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    cache.set("a", "1".to_owned()).await;
    assert!(disk.close().await);
    assert_eq!(text(&cache, "a").await.unwrap(), "1", "from memory");
    assert_eq!(load(&cache, "b", "2").await, "2");
    for error in [
        cache.delete("a").await.unwrap_err(),
        cache.delete_pattern("*").await.unwrap_err(),
        cache.delete_by_tag("t").await.unwrap_err(),
        cache.clear().await.unwrap_err(),
    ] {
        assert!(error.is_outcome_unknown() && error.to_string().contains("repeat"), "{error}");
    }
    assert_eq!(cache.stats().disk.unwrap().unacknowledged, 4);
    assert_eq!(text(&cache, "a").await, None, "memory has nothing of it any more");
}

#[tokio::test]
async fn a_file_that_is_damaged_gives_nothing_wrong() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    for key in 0..50 {
        cache.set(format!("key:{key}"), format!("value {key}").repeat(20)).await;
    }
    drop(cache);
    assert!(disk.close().await);
    drop(disk);
    let whole = std::fs::read(place.path()).unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    let mut found = 0;
    for _ in 0..20 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            let at = random.usize(4_096..bytes.len());
            bytes[at] ^= 1 << random.u32(..8);
        }
        std::fs::write(place.path(), &bytes).unwrap();
        let disk = place.disk().await;
        let cache = place.cache(&disk, same);
        for key in 0..50 {
            if let Some(value) = text(&cache, &format!("key:{key}")).await {
                assert_eq!(value, format!("value {key}").repeat(20));
                found += 1;
            }
        }
        assert!(disk.close().await);
    }
    assert!(found > 0);
}

/// Written over, flipped and cut off while a cache has it open.
#[tokio::test]
async fn a_file_that_is_damaged_under_an_open_cache_gives_nothing_wrong() {
    use std::os::unix::fs::FileExt as _;
    let place = Place::new();
    let disk = place.disk().await;
    // Memory has room for nothing, so that the file is asked.
    let cache = place.cache(&disk, |builder| builder.max_bytes(1));
    let value = |key: u32, round: u32| format!("value {key} {round} ").repeat(20);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(place.path()).unwrap();
    let (mut random, mut lost) = (fastrand::Rng::with_seed(5), 0);
    for round in 0..9 {
        for key in 0..40 {
            cache.set(format!("key:{key}"), value(key, round)).await;
        }
        assert!(disk.flush().await);
        let bytes = file.metadata().unwrap().len();
        match round % 3 {
            0 => {
                for _ in 0..200 {
                    let at = random.u64(4_096..bytes);
                    let mut byte = [0];
                    file.read_exact_at(&mut byte, at).unwrap();
                    file.write_all_at(&[byte[0] ^ (1 << random.u32(..8))], at).unwrap();
                }
            }
            1 => {
                let noise = vec![random.u8(..); 100_000];
                file.write_all_at(&noise, random.u64(4_096..8_192)).unwrap();
            }
            _ => file.set_len(random.u64(100..bytes)).unwrap(),
        }
        for key in 0..40 {
            match text(&cache, &format!("key:{key}")).await {
                Some(found) => assert_eq!(found, value(key, round)),
                None => lost += 1,
            }
            let loaded = load(&cache, &format!("key:{key}"), &value(key, round)).await;
            assert_eq!(loaded, value(key, round));
        }
    }
    assert!(lost > 0 && disk.stats().damaged > 0, "{:?}", disk.stats());
    assert!(cache.delete("key:1").await.is_ok());
    assert_eq!(text(&cache, "key:1").await, None);
}

/// Whatever is in a key, it is that key and no other.
#[tokio::test]
async fn any_bytes_are_a_key() {
    let place = Place::new();
    let disk = place.disk().await;
    let (cache, other) = (place.cache(&disk, same), place.cache(&disk, same));
    let (cache, other) = (cache.namespace("a/b=*"), other.namespace("a/b=*"));
    let long = vec![b'k'; 10_000];
    let keys: [&[u8]; 10] =
        [b"", b"\0", b"\r\n", b"*", b"\\*", b"[a-z]", b"a/b", b"4:test=a", b"\xff\xfe\x80", &long];
    for (number, key) in keys.iter().enumerate() {
        cache.set(key, number).await;
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(other.get::<usize>(key).await.as_deref(), Some(&number), "{key:?}");
    }
    assert!(other.delete("*").await.unwrap());
    other.delete_pattern("[*").await.unwrap();
    let again = place.cache(&disk, same).namespace("a/b=*");
    let left = again.get_many::<usize>(keys).await.into_iter().flatten().count();
    assert_eq!(left, keys.len() - 2);
}

/// What is kept warm is not loaded anew because the process was.
#[tokio::test]
async fn what_is_kept_warm_comes_from_disk_first() {
    let place = Place::new();
    let disk = place.disk().await;
    let cache = place.cache(&disk, same);
    cache.set("a", "1".to_owned()).await;
    let again = place.cache(&disk, same);
    let load = || async { Ok::<_, std::io::Error>("2".to_owned()) };
    let entry = again.entry("a").keep_warm();
    assert_eq!(*entry.get_or_load(load).await.unwrap(), "1");
    again.delete("a").await.unwrap();
    // A load that the deletion has overtaken is begun again, but not at once.
    let is_back = || {
        place.clock.advance(Duration::from_millis(100));
        again.blocking().get::<String>("a").is_some()
    };
    until(is_back).await;
    assert_eq!(text(&again, "a").await.unwrap(), "2");
}

/// Two would not hear of one another's deletions.
#[tokio::test]
async fn a_second_cache_of_a_name_on_a_disk_is_refused() {
    let place = Place::new();
    let disk = place.disk().await;
    let build = |name: &str| Cache::builder(name).disk(disk.clone()).build();
    let first = build("a").unwrap();
    let clone = first.namespace("n");
    let refused = |name: &str| {
        let error = build(name).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("clone it"), "{error}");
    };
    refused("a");
    let other = build("b").unwrap();
    refused("b");
    drop(first);
    refused("a");
    // A load that is under way may still write.
    let (send, go) = tokio::sync::oneshot::channel::<u32>();
    let (mark, began) = tokio::sync::oneshot::channel::<()>();
    let load = move || async move {
        mark.send(()).unwrap();
        go.await
    };
    let asking = tokio::spawn(async move { clone.get_or_load("k", load).await.map(|n| *n) });
    began.await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    refused("a");
    send.send(1).unwrap();
    until(|| build("a").is_ok()).await;
    drop(other);
    build("b").unwrap();
    assert!(disk.close().await);
    let disk = place.disk().await;
    Cache::builder("a").disk(disk).build().unwrap();
}
