//! A cache with the tier in Redis, through its public face.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cluster::RedisServer;
use forebay::{Cache, Redis};

use crate::place::{MINUTE, patient, server, tier, until};

/// A process of its own, as far as its memory goes.
async fn cache(server: &RedisServer) -> Cache {
    Cache::builder("shop").redis(tier(server).await).build().unwrap()
}

async fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get::<String>(key).await.map(|value| (*value).clone())
}

async fn load(cache: &Cache, key: &str, value: &str) -> String {
    let value = value.to_owned();
    let loaded = cache.get_or_load(key, || async move { Ok::<_, std::io::Error>(value) }).await;
    (*loaded.unwrap()).clone()
}

/// Asks until memory answers: what is new is read once from Redis.
async fn until_in_memory(cache: &Cache, key: &str) {
    let start = Instant::now();
    loop {
        let hits = cache.stats().hits;
        cache.get::<String>(key).await;
        if cache.stats().hits > hits {
            return;
        }
        assert!(start.elapsed() < MINUTE, "memory does not answer: {:?}", cache.stats());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_one_process_has_loaded_the_others_need_not() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    assert_eq!(load(&here, "a", "1").await, "1");
    assert_eq!(load(&there, "a", "2").await, "1");
    assert_eq!((here.stats().loads, there.stats().loads), (1, 0));
    until_in_memory(&here, "a").await;
    until_in_memory(&there, "a").await;
    let left = there.ttl("a").await.unwrap();
    assert!(left > Duration::from_secs(3_500) && left <= Duration::from_secs(3_600), "{left:?}");
    let none = || async { Ok::<Option<String>, std::io::Error>(None) };
    assert_eq!(here.get_or_load_optional("none", none).await.unwrap(), None);
    let some = || async { Ok::<_, std::io::Error>(Some("x".to_owned())) };
    assert_eq!(there.get_or_load_optional("none", some).await.unwrap(), None);
    let stats = there.stats().redis.unwrap();
    assert!(stats.hits >= 2 && stats.undecodable == 0, "{stats:?}");
}

#[tokio::test]
async fn what_one_process_sets_or_deletes_holds_for_all() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    let (here, there) = (here.namespace("n"), there.namespace("n"));
    for round in 0..20 {
        for way in ["delete", "pattern", "clear", "tag", "told tag", "set"] {
            let old = format!("old {round}");
            let set = here.entry("a").tag("known").tags_by(|text: &String| [text.clone()]);
            set.set(old.clone()).await;
            assert_eq!(text(&there, "a").await.as_ref(), Some(&old));
            match way {
                "delete" => assert!(here.delete("a").await.unwrap()),
                "pattern" => assert_eq!(here.delete_pattern("?").await.unwrap(), 1),
                "clear" => _ = here.clear().await.unwrap(),
                "tag" => here.delete_by_tag("known").await.unwrap(),
                "told tag" => here.delete_by_tag(&old).await.unwrap(),
                _ => here.set("a", "new".to_owned()).await,
            }
            let expect = (way == "set").then(|| "new".to_owned());
            assert_eq!(text(&there, "a").await, expect, "{way}");
            assert_eq!(text(&here, "a").await, expect, "{way}");
        }
    }
    assert_eq!(here.stats().redis.unwrap().unacknowledged, 0);
}

/// A load that began before a deletion by another process is not what anybody is given after it.
#[tokio::test]
async fn a_load_that_another_process_overtakes_is_not_kept() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    for way in ["delete", "pattern", "clear", "tag", "told tag", "set"] {
        let (send, go) = tokio::sync::oneshot::channel::<()>();
        let began = Arc::new(tokio::sync::Notify::new());
        let (own, mark) = (here.clone(), began.clone());
        let first = tokio::spawn(async move {
            let load = || async move {
                mark.notify_one();
                go.await.unwrap();
                Ok::<_, std::io::Error>("old".to_owned())
            };
            let entry = own.entry("a").tag("known").tags_by(|text: &String| [text.clone()]);
            (*entry.get_or_load(load).await.unwrap()).clone()
        });
        began.notified().await;
        match way {
            "delete" => _ = there.delete("a").await.unwrap(),
            "pattern" => _ = there.delete_pattern("?").await.unwrap(),
            "clear" => _ = there.clear().await.unwrap(),
            "tag" => there.delete_by_tag("known").await.unwrap(),
            "told tag" => there.delete_by_tag("old").await.unwrap(),
            _ => there.set("a", "new".to_owned()).await,
        }
        // While the old load is under way, nobody joins it.
        if way != "tag" && way != "told tag" {
            assert_eq!(load(&here, "a", "new").await, "new", "{way}");
        }
        send.send(()).unwrap();
        assert_eq!(first.await.unwrap(), "old", "who asked before may be given it");
        for cache in [&here, &there] {
            assert_ne!(text(cache, "a").await.as_deref(), Some("old"), "{way}");
        }
        here.clear().await.unwrap();
    }
}

#[tokio::test]
async fn of_all_processes_one_loads() {
    let Some(server) = server() else { return };
    let mut caches = Vec::new();
    for _ in 0..6 {
        caches.push(cache(&server).await);
    }
    for round in 0..5 {
        let loads = Arc::new(AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for cache in &caches {
            for _ in 0..4 {
                let (cache, loads) = (cache.clone(), loads.clone());
                tasks.spawn(async move {
                    let load = || async move {
                        loads.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        Ok::<_, std::io::Error>("loaded".to_owned())
                    };
                    cache.get_or_load(format!("key:{round}"), load).await.unwrap()
                });
            }
        }
        while let Some(value) = tasks.join_next().await {
            assert_eq!(*value.unwrap(), "loaded");
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }
}

/// Whoever has the right to fill may be stuck, or gone.
#[tokio::test]
async fn who_waits_in_vain_loads_for_itself() {
    let Some(server) = server() else { return };
    let cache = cache(&server).await;
    server.talk(&["SET", "app:u:{0}l4:shop=a", "somebody"]).unwrap();
    let start = Instant::now();
    assert_eq!(load(&cache, "a", "1").await, "1");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(server.talk(&["EXISTS", "app:w:{0}v4:shop=a"]).unwrap(), "0", "it has not filled");
    // Its own memory may have it: nobody has deleted it since.
    assert_eq!(text(&cache, "a").await.unwrap(), "1");
    cache.delete("a").await.unwrap();
    assert_eq!(load(&cache, "a", "2").await, "2");
    assert_eq!(server.talk(&["EXISTS", "app:w:{0}v4:shop=a"]).unwrap(), "1");
}

#[tokio::test]
async fn what_is_no_record_is_a_miss() {
    let Some(server) = server() else { return };
    let cache = cache(&server).await;
    for (count, garbage) in ["", "x", "by hand", "\u{1}\0\0\0\0\0\0\0\0"].into_iter().enumerate() {
        server.talk(&["SET", "app:w:{0}v4:shop=a", garbage]).unwrap();
        assert_eq!(text(&cache, "a").await, None);
        assert_eq!(cache.stats().redis.unwrap().undecodable, count as u64 + 1);
    }
    assert_eq!(load(&cache, "a", "1").await, "1");
    assert_eq!(text(&cache, "a").await.unwrap(), "1");
    let next = Cache::builder("shop").version(2).redis(tier(&server).await).build().unwrap();
    assert_eq!(text(&next, "a").await, None);
    assert_eq!(next.get::<Vec<u8>>("a").await, None);
    let other = Cache::builder("sho").redis(tier(&server).await).build().unwrap();
    assert_eq!(text(&other.namespace("p"), "a").await, None);
    assert_eq!(other.clear().await.unwrap(), 0);
    assert_eq!(text(&cache, "a").await.unwrap(), "1");
    // A list where a value should be.
    server.talk(&["DEL", "app:w:{0}v4:shop=a"]).unwrap();
    server.talk(&["LPUSH", "app:w:{0}v4:shop=a", "1"]).unwrap();
    let next = Cache::builder("shop").redis(tier(&server).await).build().unwrap();
    assert_eq!(text(&next, "a").await, None);
    assert_eq!(load(&next, "b", "2").await, "2");
}

#[tokio::test]
async fn numbers_are_counted_by_redis() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    assert_eq!(here.increment("n", 2).await.unwrap(), 2);
    assert_eq!(there.increment("n", 3).await.unwrap(), 5);
    assert_eq!(here.get::<i64>("n").await.as_deref(), Some(&5));
    assert!(here.contains("n").await);
    here.set("n", 40_i64).await;
    assert_eq!(there.increment("n", 2).await.unwrap(), 42);
    assert_eq!(here.get::<i64>("n").await.as_deref(), Some(&42), "no copy is kept");
    assert!(here.delete("n").await.unwrap());
    assert_eq!(there.get::<i64>("n").await, None);
    here.set("text", "1".to_owned()).await;
    assert!(there.increment("text", 1).await.unwrap_err().is_usage());
    assert!(there.entry("n").tag("t").increment(1).await.unwrap_err().is_usage());
    // A number that was loaded is a value as any other.
    let count = || async { Ok::<_, std::io::Error>(7_i64) };
    assert_eq!(*here.get_or_load("loaded", count).await.unwrap(), 7);
    assert_eq!(there.get::<i64>("loaded").await.as_deref(), Some(&7));
    assert!(there.increment("loaded", 1).await.unwrap_err().is_usage());
}

#[tokio::test]
async fn what_may_not_go_to_redis_stays_here_until_somebody_deletes_it() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    here.set("a", "old".to_owned()).await;
    let set = async || here.entry("a").time_to_idle(MINUTE).set("idle".to_owned()).await;
    until_kept(&here, "idle", set).await;
    assert_eq!(text(&there, "a").await, None);
    there.delete("a").await.unwrap();
    assert_eq!(text(&here, "a").await, None);
    let ask = async || {
        let load = || async { Ok::<_, std::io::Error>("loaded".to_owned()) };
        here.entry("a").time_to_idle(MINUTE).tag("t").get_or_load(load).await.unwrap();
    };
    until_kept(&here, "loaded", ask).await;
    assert_eq!(text(&there, "a").await, None);
    there.delete_by_tag("t").await.unwrap();
    assert_eq!(text(&here, "a").await, None);
    assert!(here.stats().redis.unwrap().unfit >= 1);
}

/// Until memory has it: the echo of an earlier change ends a copy as a new one would.
async fn until_kept(cache: &Cache, value: &str, keep: impl AsyncFn()) {
    let start = Instant::now();
    loop {
        keep().await;
        if text(cache, "a").await.as_deref() == Some(value) {
            return;
        }
        assert!(start.elapsed() < MINUTE, "it is never kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_touch_and_a_stale_value() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    let second = Duration::from_secs(1);
    here.entry("a").ttl(100 * second).set("1".to_owned()).await;
    assert_eq!(text(&there, "a").await.unwrap(), "1");
    server.talk(&["PEXPIRE", "app:w:{0}v4:shop=a", "5000"]).unwrap();
    assert!(there.touch("a").await);
    let left: u64 = server.talk(&["PTTL", "app:w:{0}v4:shop=a"]).unwrap().parse().unwrap();
    assert!(left > 50_000, "{left}");
    assert!(!there.touch("b").await);

    let short = || here.entry("s").ttl(second / 2).stale_if_error(MINUTE);
    let load = || async { Ok::<_, std::io::Error>("1".to_owned()) };
    short().get_or_load(load).await.unwrap();
    // Into memory, with the words of whoever asks.
    let start = Instant::now();
    while here.stats().fallbacks == 0 {
        let fail = || async { Err::<String, _>("out of order") };
        assert_eq!(*short().get_or_load(fail).await.unwrap(), "1");
        assert!(start.elapsed() < MINUTE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    there.delete("s").await.unwrap();
    let fail = || async { Err::<String, _>("out of order") };
    assert!(short().get_or_load(fail).await.is_err(), "what was deleted is not given");
}

#[tokio::test]
async fn several_at_once() {
    let Some(server) = server() else { return };
    let (here, there) = (cache(&server).await, cache(&server).await);
    let load = |missing: Vec<String>| async move {
        let pairs = missing.into_iter().filter(|key| !key.ends_with('7'));
        Ok::<_, std::io::Error>(pairs.map(|key| (key.clone(), key)).collect::<Vec<_>>())
    };
    let keys: Vec<String> = (0..100).map(|key| format!("key:{key}")).collect();
    let check = |found: Vec<Option<Arc<String>>>| {
        for (key, found) in keys.iter().zip(found) {
            let expect = (!key.ends_with('7')).then_some(key);
            assert_eq!(found.as_deref(), expect);
        }
    };
    check(here.get_or_load_many(&keys, load).await.unwrap());
    check(there.get_or_load_many(&keys, load).await.unwrap());
    check(there.get_many::<String>(&keys).await);
    assert_eq!((here.stats().loads, there.stats().loads), (100, 0));
    assert_eq!(here.stats().redis.unwrap().fills, 100);
}

#[tokio::test]
async fn a_server_that_is_killed_costs_no_answer() {
    let Some(mut server) = server() else { return };
    let builder = patient(server.url()).timeout(Duration::from_millis(500));
    let redis = builder.breaker(3, Duration::from_millis(50)).connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    let cache = Cache::builder("shop").redis(redis.clone()).build().unwrap();
    assert_eq!(load(&cache, "a", "1").await, "1");
    until_in_memory(&cache, "a").await;
    server.kill().unwrap();
    until("the loss is noticed", || !redis.stats().is_hearing).await;
    let start = Instant::now();
    assert_eq!(text(&cache, "a").await, None, "others may have deleted it");
    assert_eq!(load(&cache, "a", "2").await, "2");
    cache.set("b", "3".to_owned()).await;
    for error in [
        cache.delete("a").await.unwrap_err(),
        cache.delete_pattern("*").await.unwrap_err(),
        cache.delete_by_tag("t").await.unwrap_err(),
        cache.clear().await.unwrap_err(),
        cache.increment("n", 1).await.unwrap_err(),
    ] {
        assert!(error.is_outcome_unknown(), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(cache.stats().redis.unwrap().unacknowledged >= 6);

    // Whoever comes while a load is under way waits for the next one, which all of them share.
    let loads = Arc::new(AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (cache, loads) = (cache.clone(), loads.clone());
        tasks.spawn(async move {
            let load = || async move {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok::<_, std::io::Error>("4".to_owned())
            };
            assert_eq!(*cache.get_or_load("many", load).await.unwrap(), "4");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(loads.load(Ordering::SeqCst) <= 3, "{loads:?} loads for 50");

    server.restart().unwrap();
    until("it hears again", || redis.stats().is_hearing).await;
    let start = Instant::now();
    while cache.delete("a").await.is_err() {
        assert!(start.elapsed() < MINUTE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(load(&cache, "a", "5").await, "5");
    until_in_memory(&cache, "a").await;
}

#[tokio::test]
async fn a_server_that_was_never_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = Redis::connect(format!("redis://{free}")).await.unwrap();
    let cache = Cache::builder("shop").redis(redis).build().unwrap();
    for _ in 0..100 {
        assert_eq!(load(&cache, "a", "1").await, "1");
        assert_eq!(text(&cache, "a").await, None);
    }
    assert!(cache.delete("a").await.unwrap_err().is_outcome_unknown());
    // Nobody is told of it, unless it is asked for.
    cache.set("a", "1".to_owned()).await;
    assert!(cache.try_set("a", "1".to_owned()).await.unwrap_err().is_outcome_unknown());
    assert_eq!(cache.stats().redis.unwrap().unacknowledged, 3);
    assert_eq!(text(&cache, "a").await, None);
}

/// With a disk between memory and Redis. What the disk has is believed while everything is heard.
#[cfg(feature = "disk")]
#[tokio::test]
async fn a_disk_between_memory_and_redis() {
    let Some(mut server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let path = folder.path().join("cache");
        let builder = forebay::Disk::builder(path).bytes_max(1 << 20).value_bytes_max(100_000);
        builder.read_timeout(MINUTE / 3).removal_timeout(MINUTE / 3).open().await.unwrap()
    };
    let there = cache(&server).await;
    let disk = open().await;
    // A disk that was used alone: what it has cannot be believed.
    let alone = Cache::builder("shop").disk(disk.clone()).build().unwrap();
    alone.set("a", "alone".to_owned()).await;
    drop(alone);
    let redis = tier(&server).await;
    // Memory has room for nothing.
    let builder = Cache::builder("shop").max_bytes(1).disk(disk.clone());
    let here = builder.redis(redis.clone()).build().unwrap();
    assert_eq!(text(&here, "a").await, None);
    let fill = async || {
        there.entry("a").tag("t").set("1".to_owned()).await;
        let start = Instant::now();
        let hits = || here.stats().disk.unwrap().hits;
        let before = hits();
        while hits() == before {
            assert_eq!(text(&here, "a").await.unwrap(), "1");
            assert!(start.elapsed() < MINUTE, "the disk does not answer: {:?}", here.stats());
        }
    };
    for way in ["delete", "pattern", "clear", "tag", "set"] {
        fill().await;
        match way {
            "delete" => assert!(there.delete("a").await.unwrap()),
            "pattern" => _ = there.delete_pattern("?").await.unwrap(),
            "clear" => _ = there.clear().await.unwrap(),
            "tag" => there.delete_by_tag("t").await.unwrap(),
            _ => there.set("a", "new".to_owned()).await,
        }
        let expect = (way == "set").then_some("new");
        assert_eq!(text(&here, "a").await.as_deref(), expect, "{way}");
    }
    fill().await;
    server.kill().unwrap();
    until("the loss is noticed", || !redis.stats().is_hearing).await;
    assert_eq!(text(&here, "a").await, None);
    server.restart().unwrap();
    until("it hears again", || redis.stats().is_hearing).await;
    assert_eq!(text(&here, "a").await, None, "what was missed meanwhile is not known");
}
