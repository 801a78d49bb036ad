//! Values, stored and read.

use std::time::Duration;

use forebay::Redis;

use crate::place::{MINUTE, patient, server, tier};

#[tokio::test]
async fn values_come_back_whatever_the_bytes() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let all: Vec<u8> = (0..=255).collect();
    let keys: [&[u8]; 6] = [b"", b"a", b"app:w:{0}va", b"{}}{*?[\\", &all, &[b'k'; 5_000]];
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(redis.get(key).await, None);
        let value = all.repeat(number);
        assert!(redis.set(key, &value, MINUTE).await);
        assert!(redis.contains(key).await);
        assert_eq!(redis.get(key).await.as_ref(), Some(&value));
    }
    let found = redis.get_many(&keys).await;
    assert_eq!(found.len(), keys.len());
    for (number, value) in found.into_iter().enumerate() {
        assert_eq!(value, Some(all.repeat(number)));
    }
    for key in keys {
        assert!(redis.remove(key).await.unwrap());
        assert!(!redis.remove(key).await.unwrap());
        assert_eq!(redis.get(key).await, None);
    }
    let stats = redis.stats();
    assert_eq!((stats.stored, stats.removed, stats.not_acknowledged), (6, 12, 0));
    assert_eq!((stats.hits, stats.misses, stats.last_fault), (12, 12, None));
}

#[tokio::test]
async fn many_are_read_in_their_order() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let keys: Vec<String> = (0..2_000).map(|number| format!("k{number}")).collect();
    for key in keys.iter().step_by(3) {
        redis.set(key.as_bytes(), key.as_bytes(), MINUTE).await;
    }
    let asked: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    let found = redis.get_many(&asked).await;
    for (place, (key, value)) in keys.iter().zip(found).enumerate() {
        let expect = (place % 3 == 0).then(|| key.clone().into_bytes());
        assert_eq!(value, expect, "{key}");
    }
    assert!(redis.get_many(&[]).await.is_empty());
    assert_eq!(
        redis.get_many(&[b"k0", b"k0", b"k1"]).await[..2],
        [Some(b"k0".to_vec()), Some(b"k0".to_vec())]
    );
}

#[tokio::test]
async fn values_have_a_time_to_live() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    redis.set(b"long", b"1", 2 * MINUTE).await;
    redis.set(b"short", b"1", Duration::from_millis(1)).await;
    let ttl = |key: &str| -> i64 {
        server.talk(&["PTTL", &format!("app:w:{{0}}v{key}")]).unwrap().parse().unwrap()
    };
    assert!((60_000..=120_000).contains(&ttl("long")), "{}", ttl("long"));
    assert!(redis.touch(b"long", MINUTE).await);
    assert!((1..=60_000).contains(&ttl("long")));
    crate::place::until("it expires", || ttl("short") == -2).await;
    assert_eq!(redis.get(b"short").await, None);
    assert!(!redis.touch(b"short", MINUTE).await);
}

#[tokio::test]
async fn values_over_the_limit_are_not_stored() {
    let Some(server) = server() else { return };
    let redis = patient(server.url()).value_bytes_max(1_000).connect().await.unwrap();
    assert!(redis.set(b"a", &[7; 1_000], MINUTE).await);
    assert!(!redis.set(b"a", &[7; 1_001], MINUTE).await);
    assert_eq!(redis.get(b"a").await, Some(vec![7; 1_000]));
    let lease = redis.lease(b"b", MINUTE).await.unwrap();
    assert!(!lease.fill(&[7; 1_001], MINUTE).await);
    assert_eq!(redis.stats().too_large, 2);
}

#[tokio::test]
async fn namespaces_do_not_see_each_other() {
    let Some(server) = server() else { return };
    let (one, two) = (tier(&server).await, patient(server.url()).namespace("app2"));
    let two = two.connect().await.unwrap();
    one.set(b"a", b"1", MINUTE).await;
    two.set(b"a", b"2", MINUTE).await;
    assert_eq!(one.get(b"a").await.unwrap(), b"1");
    one.clear().await.unwrap();
    assert_eq!((one.get(b"a").await, two.get(b"a").await), (None, Some(b"2".to_vec())));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused() {
    let builder = || Redis::builder("redis://127.0.0.1:1");
    let wrong = [
        builder().namespace(""),
        builder().namespace("a:b"),
        builder().namespace("a".repeat(65)),
        builder().timeout(Duration::ZERO),
        builder().connections(0),
        builder().calls_max(0),
        builder().hearing(Duration::from_millis(99)),
        builder().breaker(0, MINUTE),
        builder().value_bytes_max(1 << 30),
        builder().certificate_authority("/dev/null"),
        Redis::builder("http://a"),
    ];
    for builder in wrong {
        let shown = format!("{builder:?}");
        assert!(builder.connect().await.is_err_and(|error| error.is_usage()), "{shown}");
    }
    let missing =
        Redis::builder("rediss://a").certificate_authority("/missing/file").connect().await;
    assert!(missing.is_err_and(|error| error.is_open()));
}
