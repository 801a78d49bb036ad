//! What can be asked of a cache, one word after the other.

use std::sync::Arc;
use std::time::Duration;

use super::{built, secs};
use crate::Cache;

async fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get::<String>(key).await.map(|value| (*value).clone())
}

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted_or_expires() {
    let (cache, clock) = built(|builder| builder.ttl(secs(10)));
    assert_eq!(text(&cache, "a").await, None);
    assert!(!cache.contains("a").await);
    cache.set("a", "1".to_owned()).await;
    assert_eq!(text(&cache, "a").await.as_deref(), Some("1"));
    cache.set_shared("a", Arc::new("2".to_owned())).await;
    assert_eq!(text(&cache, "a").await.as_deref(), Some("2"));
    assert_eq!(cache.ttl("a").await, Some(secs(10)));
    clock.advance(secs(9));
    assert_eq!(cache.ttl("a").await, Some(secs(1)));
    assert!(cache.touch("a").await);
    assert_eq!(cache.ttl("a").await, Some(secs(10)));
    clock.advance(secs(10));
    assert!(!cache.contains("a").await);
    assert!(!cache.touch("a").await);
    assert_eq!(cache.ttl("a").await, None);
    assert_eq!(text(&cache, "a").await, None);
    assert!(!cache.delete("a").await.unwrap(), "it has expired");
    cache.set("a", "3".to_owned()).await;
    assert!(cache.delete("a").await.unwrap());
    assert!(!cache.delete("a").await.unwrap());
    assert_eq!(text(&cache, "a").await, None);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (2, 3));
    assert_eq!((stats.drops.replaced, stats.drops.expired, stats.drops.deleted), (1, 1, 1));
    assert_eq!((stats.entries, stats.bytes), (0, 0));
}

#[tokio::test]
async fn what_has_no_ttl_stays() {
    let (cache, clock) = built(|builder| builder.no_ttl());
    cache.set("a", 1_u8).await;
    cache.entry("b").ttl(secs(1)).set(2_u8).await;
    clock.advance(Duration::from_secs(1_000_000_000));
    assert_eq!(cache.ttl("a").await, Some(Duration::MAX));
    assert!(!cache.contains("b").await);
}

#[tokio::test]
async fn what_nobody_asks_for_expires() {
    let (cache, clock) = built(|builder| builder.time_to_idle(secs(10)));
    cache.set("asked", 1_u8).await;
    cache.set("looked at", 1_u8).await;
    for _ in 0..5 {
        clock.advance(secs(6));
        assert!(cache.get::<u8>("asked").await.is_some());
        cache.contains("looked at").await;
    }
    assert!(!cache.contains("looked at").await);
}

#[tokio::test]
async fn a_value_has_one_type() {
    let (cache, _) = built(|builder| builder);
    cache.set("a", 1_u8).await;
    assert_eq!(cache.get::<u16>("a").await, None);
    assert!(cache.contains("a").await);
    let loaded = cache.get_or_load("a", || async { Ok::<_, String>(2_u16) }).await.unwrap();
    assert_eq!(*loaded, 2);
    assert_eq!(cache.get::<u8>("a").await, None);
}

#[tokio::test]
async fn no_key_reaches_another_namespace() {
    let (cache, _) = built(|builder| builder);
    let keys: [&[u8]; 6] = [b"", b"a", b"a:b", b"\0", b"\xff\xfe", b"\x01\0\0\0\0\0\0\0ab"];
    let spaces = [
        cache.clone(),
        cache.namespace("a"),
        cache.namespace("a").namespace("b"),
        cache.namespace("ab"),
        cache.namespace(""),
    ];
    for (n, space) in spaces.iter().enumerate() {
        for (m, key) in keys.iter().enumerate() {
            space.set(key, (n, m)).await;
        }
    }
    for (n, space) in spaces.iter().enumerate() {
        for (m, key) in keys.iter().enumerate() {
            assert_eq!(space.get::<(usize, usize)>(key).await.as_deref(), Some(&(n, m)));
        }
    }
    assert_eq!(cache.namespace("a").get::<(usize, usize)>("a").await.as_deref(), Some(&(1, 1)));
    assert_eq!(cache.namespace("a").clear().await.unwrap(), 12, "its own and those within");
    assert!(!cache.namespace("a").namespace("b").contains("").await);
    assert!(cache.namespace("ab").contains("").await);
    assert_eq!(cache.clear().await.unwrap(), 18);
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test]
async fn patterns_reach_the_keys_of_their_own_namespace() {
    let (cache, _) = built(|builder| builder);
    let (search, inner) = (cache.namespace("search"), cache.namespace("search").namespace("x"));
    for key in ["a:1", "a:2", "b:1"] {
        search.set(key, 0_u8).await;
        inner.set(key, 0_u8).await;
        cache.set(key, 0_u8).await;
    }
    assert_eq!(search.delete_pattern("a:*").await.unwrap(), 2);
    assert_eq!(search.delete_pattern("a:*").await.unwrap(), 0);
    assert!(search.contains("b:1").await && inner.contains("a:1").await);
    assert!(cache.contains("a:1").await);
    assert_eq!(cache.stats().entries, 7);
}

#[tokio::test]
async fn tags_reach_within_their_namespace() {
    let (cache, _) = built(|builder| builder);
    let (a, b) = (cache.namespace("a"), cache.namespace("b"));
    for space in [&cache, &a, &b] {
        space.entry("tagged").tags(["user:1", "user:2"]).set(1_u8).await;
        space.entry("other").tag("user:3").set(1_u8).await;
        space.set("bare", 1_u8).await;
    }
    let there = async |space: &Cache| {
        (
            space.contains("tagged").await,
            space.contains("other").await,
            space.contains("bare").await,
        )
    };
    a.delete_by_tag("user:2").await.unwrap();
    assert_eq!(there(&a).await, (false, true, true));
    assert_eq!(there(&b).await, (true, true, true));
    assert_eq!(there(&cache).await, (true, true, true));
    cache.delete_by_tag("user:1").await.unwrap();
    cache.delete_by_tag("user:3").await.unwrap();
    for space in [&cache, &a, &b] {
        assert_eq!(there(space).await, (false, false, true));
    }
    a.entry("tagged").tag("user:2").set(1_u8).await;
    assert_eq!(there(&a).await, (true, false, true), "set after the deletion");
}

#[tokio::test]
async fn numbers_are_counted_up() {
    let (cache, clock) = built(|builder| builder.ttl(secs(10)));
    assert_eq!(cache.increment("n", 5).await.unwrap(), 5);
    clock.advance(secs(6));
    assert_eq!(cache.increment("n", -2).await.unwrap(), 3);
    assert_eq!(cache.get::<i64>("n").await.as_deref(), Some(&3));
    assert_eq!(cache.ttl("n").await, Some(secs(4)), "it keeps its expiry");
    clock.advance(secs(4));
    assert_eq!(cache.entry("n").ttl(secs(2)).increment(1).await.unwrap(), 1);
    assert_eq!(cache.ttl("n").await, Some(secs(2)));
    cache.set("n", i64::MAX).await;
    assert!(cache.increment("n", 1).await.unwrap_err().is_usage());
    assert_eq!(cache.get::<i64>("n").await.as_deref(), Some(&i64::MAX));
    cache.set("n", "text".to_owned()).await;
    assert!(cache.increment("n", 1).await.unwrap_err().is_usage());
    assert_eq!(text(&cache, "n").await.as_deref(), Some("text"));
    cache.entry("t").tag("t").increment(7).await.unwrap();
    let bytes = cache.stats().bytes;
    for _ in 0..10 {
        cache.entry("t").tag("t").increment(1).await.unwrap();
    }
    assert_eq!(cache.stats().bytes, bytes, "tags are noted once");
    cache.delete_by_tag("t").await.unwrap();
    assert_eq!(cache.increment("t", 1).await.unwrap(), 1, "it keeps its tags");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_increment_is_lost() {
    let (cache, _) = built(|builder| builder);
    let tasks = (0..8).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move {
            for _ in 0..500 {
                cache.increment("n", 1).await.unwrap();
            }
        })
    });
    futures_util::future::join_all(tasks).await;
    assert_eq!(cache.increment("n", 0).await.unwrap(), 4_000);
}

#[tokio::test]
async fn that_there_is_none_is_kept_too() {
    let (cache, clock) = built(|builder| builder.negative_ttl(secs(5)));
    let find = |value: Option<u8>| {
        let cache = cache.clone();
        async move {
            let load = move || async move { Ok::<_, String>(value) };
            cache.get_or_load_optional("a", load).await.unwrap().map(|value| *value)
        }
    };
    assert_eq!(find(None).await, None);
    assert_eq!(find(Some(1)).await, None, "kept");
    assert_eq!(cache.get::<u8>("a").await, None);
    assert!(cache.contains("a").await);
    clock.advance(secs(5));
    assert_eq!(find(Some(1)).await, Some(1));
    assert_eq!(find(Some(2)).await, Some(1));
    cache.delete("a").await.unwrap();
    assert_eq!(find(None).await, None);
    let loaded = cache.get_or_load("a", || async { Ok::<_, String>(3_u8) }).await.unwrap();
    assert_eq!(*loaded, 3, "who needs a value loads it");
    let none = |key| cache.entry(key).negative_ttl(Duration::ZERO);
    let load = || async { Ok::<_, String>(None::<u8>) };
    assert_eq!(none("b").get_or_load_optional(load).await.unwrap(), None);
    assert!(!cache.contains("b").await);
}

#[tokio::test]
async fn a_value_tells_its_tags_and_whether_it_is_kept() {
    let (cache, _) = built(|builder| builder);
    let load = |key: &'static str, value: u32| {
        let entry = cache.entry(key).tags_by(|value: &u32| [format!("n:{value}")]);
        let entry = entry.cache_if(|value: &u32| value.is_multiple_of(2));
        entry.get_or_load(move || async move { Ok::<_, String>(value) })
    };
    assert_eq!(*load("a", 3).await.unwrap(), 3);
    assert!(!cache.contains("a").await);
    assert_eq!(*load("a", 4).await.unwrap(), 4);
    assert_eq!(*load("a", 6).await.unwrap(), 4);
    cache.delete_by_tag("n:6").await.unwrap();
    assert_eq!(*load("a", 6).await.unwrap(), 4);
    cache.delete_by_tag("n:4").await.unwrap();
    assert_eq!(*load("a", 6).await.unwrap(), 6);
    cache.entry("a").cache_if(|value: &u32| *value > 9).set(7_u32).await;
    assert!(!cache.contains("a").await, "what was there is not what was set");
    assert_eq!(cache.stats().refused, 1);
}

#[tokio::test]
async fn past_the_cache_nothing_is_looked_up_or_kept() {
    let (cache, _) = built(|builder| builder);
    cache.set("a", 1_u8).await;
    let past = || cache.entry("a").no_cache();
    assert_eq!(*past().get_or_load(|| async { Ok::<_, String>(2_u8) }).await.unwrap(), 2);
    past().set(3_u8).await;
    assert_eq!(cache.get::<u8>("a").await.as_deref(), Some(&1));
}

#[tokio::test]
async fn bounds_hold() {
    let check =
        async |cache: &Cache, count: usize, bytes: usize, entries_max: u64, bytes_max: u64| {
            for n in 0..count {
                cache.set(format!("{n}"), vec![0_u8; bytes]).await;
                let stats = cache.stats();
                assert!(stats.entries <= entries_max && stats.bytes <= bytes_max, "{stats:?}");
            }
            let stats = cache.stats();
            assert_eq!(stats.entries + stats.drops.capacity + stats.drops.too_large, count as u64);
            assert!(stats.entries >= entries_max / 2, "most of the room is used: {stats:?}");
            cache.clear().await.unwrap();
            assert_eq!(cache.stats().bytes, 0);
        };
    let (bytes, _) = built(|builder| builder.max_bytes(1 << 20));
    check(&bytes, 4_000, 1_000, 1_000, 1 << 20).await;
    let (entries, _) = built(|builder| builder.max_entries(100));
    check(&entries, 1_000, 10, 100, 100 << 20).await;
    let (both, _) = built(|builder| builder.max_entries(100).max_bytes(1 << 20));
    check(&both, 1_000, 10, 100, 1 << 20).await;
}

#[tokio::test]
async fn a_value_over_the_limit_is_given_and_not_kept() {
    let (cache, _) = built(|builder| builder.max_bytes(1 << 16));
    cache.set("a", vec![1_u8]).await;
    let load = || async { Ok::<_, String>(vec![2_u8; 1 << 17]) };
    cache.delete("a").await.unwrap();
    assert_eq!(cache.get_or_load("a", load).await.unwrap().len(), 1 << 17);
    assert!(!cache.contains("a").await);
    cache.set("a", vec![1_u8]).await;
    cache.set("a", vec![2_u8; 1 << 17]).await;
    assert_eq!(cache.get::<Vec<u8>>("a").await, None, "what it should replace is gone, too");
    assert_eq!(cache.stats().drops.too_large, 2);
    assert_eq!(cache.stats().bytes, 0);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |words: fn(crate::CacheBuilder) -> crate::CacheBuilder, expect: bool| {
        let built = words(Cache::builder("a")).build();
        assert_eq!(built.is_ok(), expect);
        assert!(built.err().is_none_or(|error| error.is_usage()));
    };
    check(|builder| builder, true);
    check(|builder| builder.max_bytes(0), false);
    check(|builder| builder.max_entries(0), false);
    check(|builder| builder.jitter(1.0), false);
    check(|builder| builder.load_timeout(Duration::ZERO), false);
    assert!(Cache::builder("").build().is_err());
}
