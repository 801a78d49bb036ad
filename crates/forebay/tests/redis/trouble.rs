//! A cache whose Redis is full, flushed, silent, cut off or lying: no caller is told of it but who
//! asks for an acknowledgement, nobody is given anything wrong, and all of it ends soon.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use forebay::{Cache, Redis};

use crate::fault::{Wire, liar, proxy};
use crate::place::{MINUTE, patient, server, tier, until};

/// Long enough for a machine that is busy, and much shorter than anything that hangs.
const SOON: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(100);

/// A cache that gives its server little time.
async fn hasty(url: String) -> (Cache, Redis) {
    let builder = patient(url).timeout(SHORT).breaker(3, Duration::from_millis(20));
    let redis = builder.connect().await.unwrap();
    (Cache::builder("shop").redis(redis.clone()).build().unwrap(), redis)
}

async fn load(cache: &Cache, key: &str, value: &str) -> String {
    let value = value.to_owned();
    let loaded = cache.get_or_load(key, || async move { Ok::<_, std::io::Error>(value) }).await;
    (*loaded.unwrap()).clone()
}

async fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get::<String>(key).await.map(|value| (*value).clone())
}

/// Everything there is, as it goes while Redis is of no use. Whether a value is acknowledged is
/// left to whoever asks.
async fn check_served(cache: &Cache) -> bool {
    let start = Instant::now();
    assert_eq!(load(cache, "new", "loaded").await, "loaded");
    let many = cache.get_or_load_many(&["x", "y"], |missing| async move {
        let found = missing.into_iter().map(|key| (key, key.to_owned()));
        Ok::<_, std::io::Error>(found.collect::<Vec<_>>())
    });
    let many: Vec<String> =
        many.await.unwrap().into_iter().flatten().map(|t| (*t).clone()).collect();
    assert_eq!(many, ["x", "y"]);
    cache.set("set", "1".to_owned()).await;
    cache.touch("set").await;
    cache.contains("set").await;
    cache.ttl("set").await;
    let done = cache.try_set("set", "2".to_owned()).await;
    assert!(done.as_ref().is_ok() || done.as_ref().is_err_and(|error| error.is_outcome_unknown()));
    let found = text(cache, "set").await;
    assert!(found.is_none() || found.as_deref() == Some("2"), "{found:?}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    done.is_ok()
}

#[tokio::test]
async fn a_full_server_keeps_what_it_has_and_forgets_what_is_deleted() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let of = |redis: &Redis| Cache::builder("shop").redis(redis.clone()).build().unwrap();
    let (here, there) = (of(&here), of(&there));
    here.entry("a").tag("t").set("1".to_owned()).await;
    here.set("b", "1".to_owned()).await;
    server.talk(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert!(check_served(&here).await, "there is no room, and what was there is gone");
    assert_eq!(text(&there, "a").await.unwrap(), "1", "what is there is read");
    here.try_set("b", "2".to_owned()).await.unwrap();
    for cache in [&here, &there] {
        assert_eq!(text(cache, "b").await, None);
    }
    let used = |server: &cluster::RedisServer| -> u64 {
        server.talk(&["DBSIZE"]).unwrap().parse().unwrap()
    };
    let before = used(&server);
    for number in 0..100 {
        here.set(format!("more:{number}"), "x".repeat(1_000)).await;
    }
    assert!(used(&server) <= before + 1, "it is not made to take what it has no room for");
    assert!(here.redis().unwrap().stats().last_fault.unwrap().contains("maxmemory"));
    // Deletions are acknowledged, since they need no room.
    here.delete_by_tag("t").await.unwrap();
    here.delete("b").await.unwrap();
    for cache in [&here, &there] {
        assert_eq!((text(cache, "a").await, text(cache, "b").await), (None, None));
        assert_eq!(load(cache, "a", "2").await, "2");
    }
    server.talk(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    here.try_set("b", "3".to_owned()).await.unwrap();
    assert_eq!(text(&there, "b").await.unwrap(), "3");
}

#[tokio::test]
async fn a_server_that_was_flushed_has_forgotten_for_everybody() {
    let Some(server) = server() else { return };
    let (cache, redis) = (tier(&server).await, tier(&server).await);
    let cache = Cache::builder("shop").redis(cache).build().unwrap();
    for way in ["FLUSHALL", "FLUSHDB"] {
        cache.entry("a").tag("t").set("1".to_owned()).await;
        let start = Instant::now();
        while cache.stats().hits == 0 {
            assert_eq!(text(&cache, "a").await.unwrap(), "1");
            assert!(start.elapsed() < MINUTE);
        }
        server.talk(&[way]).unwrap();
        // It is heard soon; what was there until then was not deleted by anybody of ours.
        while text(&cache, "a").await.is_some() {
            assert!(start.elapsed() < MINUTE, "{way} is not heard");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(load(&cache, "a", "2").await, "2", "{way}");
        cache.delete("a").await.unwrap();
        assert_eq!(text(&cache, "a").await, None, "{way}");
    }
    drop(redis);
}

/// Frozen, as a server that swaps is, or one behind a network that lets nothing through.
#[tokio::test]
async fn a_silent_server_costs_a_bounded_time() {
    let Some(server) = server() else { return };
    let (cache, redis) = hasty(server.url()).await;
    until("it hears", || redis.stats().is_hearing).await;
    cache.set("a", "1".to_owned()).await;
    server.freeze().unwrap();
    assert!(!check_served(&cache).await);
    // Those who come while a load is under way share the next one.
    let loads = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let (cache, loads) = (cache.clone(), loads.clone());
        tasks.spawn(async move {
            let load =
                || async move { Ok::<_, std::io::Error>(loads.fetch_add(1, Ordering::SeqCst)) };
            cache.get_or_load("many", load).await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(loads.load(Ordering::SeqCst) <= 10, "{loads:?} loads for 10,000");
    server.thaw().unwrap();
    until_acknowledged(&cache).await;
}

/// Tries until a deletion is acknowledged again; then everything is as it was.
async fn until_acknowledged(cache: &Cache) {
    let start = Instant::now();
    while cache.delete("a").await.is_err() {
        assert!(start.elapsed() < MINUTE, "{:?}", cache.stats());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(text(cache, "a").await, None);
    let start = Instant::now();
    while cache.try_set("a", "healed".to_owned()).await.is_err() {
        assert!(start.elapsed() < MINUTE, "{:?}", cache.stats());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(text(cache, "a").await.unwrap(), "healed");
}

/// The connection stalls and comes back, again and again, so that replies come too late: nobody is
/// given one that was for another key, nor what was before an acknowledged change.
#[tokio::test]
async fn a_partition_that_heals_gives_nobody_what_is_not_his() {
    let Some(server) = server() else { return };
    let wire = Arc::new(Mutex::new(Wire::Passes));
    let port = proxy(server.port(), Arc::clone(&wire));
    let (cut, redis) = hasty(format!("redis://127.0.0.1:{port}")).await;
    until("it hears", || redis.stats().is_hearing).await;
    let whole = Cache::builder("shop").redis(tier(&server).await).build().unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    // The last version that was acknowledged, and those that are not: they may come late.
    let (mut known, mut open, mut faults) = ([0_u32; 4], BTreeSet::new(), 0);
    for number in 1..=30_u32 {
        *wire.lock().unwrap() = if number % 6 == 0 { Wire::Holds } else { Wire::Passes };
        for round in 0..4 {
            let at = random.usize(..4);
            let (key, version) = (format!("k{at}"), number * 10 + round);
            let setter = if at < 2 { &cut } else { &whole };
            let done = match random.bool() {
                true => setter.try_set(&key, format!("{key}={version}")).await,
                false => cut.delete(&key).await.map(drop),
            };
            faults += u32::from(done.is_err());
            match done {
                Ok(()) => known[at] = version,
                Err(_) => _ = open.insert(version),
            }
            for cache in [&cut, &whole] {
                let Some(found) = text(cache, &key).await else { continue };
                let (of, found) = found.split_once('=').unwrap();
                assert_eq!(of, key, "a value of another key");
                let found: u32 = found.parse().unwrap();
                let is_late = at < 2 && open.contains(&found);
                assert!(found >= known[at] || is_late, "{key}: {found} after {}", known[at]);
            }
        }
    }
    assert!(faults > 0, "nothing was ever held back");
    *wire.lock().unwrap() = Wire::Passes;
    until_acknowledged(&cut).await;
}

#[tokio::test]
async fn a_server_that_lies_is_not_believed() {
    for says in [&b"+OK\r\n"[..], b"$-1\r\n", b"*-1\r\n", b"\xff\x00\r\n", b"$5\r\nshop=\r\n"] {
        let (port, _) = liar(Some(says));
        let (cache, _) = hasty(format!("redis://127.0.0.1:{port}")).await;
        assert!(!check_served(&cache).await);
        assert!(cache.delete("new").await.unwrap_err().is_outcome_unknown());
        assert_eq!(text(&cache, "new").await, None);
    }
    let Some(server) = server() else { return };
    let wire = Arc::new(Mutex::new(Wire::Passes));
    let port = proxy(server.port(), Arc::clone(&wire));
    let (cache, redis) = hasty(format!("redis://127.0.0.1:{port}")).await;
    for byte in [b'$', b'>', b'x', 0] {
        until("it hears", || redis.stats().is_hearing).await;
        until_acknowledged(&cache).await;
        *wire.lock().unwrap() = Wire::Puts(byte);
        assert_eq!(load(&cache, "b", "2").await, "2");
        let found = text(&cache, "a").await;
        assert!(found.is_none() || found.as_deref() == Some("healed"), "{found:?}");
        *wire.lock().unwrap() = Wire::Passes;
        let start = Instant::now();
        while cache.delete("b").await.is_err() {
            assert!(start.elapsed() < MINUTE);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whatever is in a key, it is that key and no other, at each tier and for patterns.
#[tokio::test]
async fn any_bytes_are_a_key() {
    let Some(server) = server() else { return };
    let build = async || {
        let redis = patient(server.url()).value_bytes_max(10_000).connect().await.unwrap();
        until("it hears", || redis.stats().is_hearing).await;
        Cache::builder("shop").redis(redis).build().unwrap()
    };
    let (here, there) = (build().await, build().await);
    let (here, there) = (here.namespace("a/b=*"), there.namespace("a/b=*"));
    let long = vec![b'k'; 10_000];
    let keys: [&[u8]; 12] = [
        b"",
        b"\0",
        b"\r\n",
        b"*",
        b"?",
        b"\\*",
        b"[a-z]",
        b"a/b",
        b"4:shop=a",
        b"{0}",
        b"\xff\xfe\x80",
        &long,
    ];
    for (number, key) in keys.iter().enumerate() {
        here.try_set(key, number).await.unwrap();
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(there.get::<usize>(key).await.as_deref(), Some(&number), "{key:?}");
    }
    assert!(there.delete("*").await.unwrap());
    assert_eq!(there.delete_pattern("\\\\\\*").await.unwrap(), 1, "the one with a backslash");
    let left = here.get_many::<usize>(keys).await.into_iter().flatten().count();
    assert_eq!(left, keys.len() - 2);
    // Larger than the tier takes: given, kept in memory or not, and in nobody's way.
    let large = "x".repeat(20_000);
    assert_eq!(load(&here, "large", &large).await.len(), large.len());
    assert_eq!(there.get::<String>("large").await, None);
    assert!(here.stats().redis.unwrap().unfit >= 1);
}
