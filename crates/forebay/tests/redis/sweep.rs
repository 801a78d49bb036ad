//! Patterns, and clearing.

use std::collections::BTreeSet;

use crate::place::{MINUTE, patient, server, tier};

#[tokio::test]
async fn what_matches_is_removed() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let keys: [&[u8]; 9] =
        [b"a:1", b"a:2", b"b:1", b"", b"*", b"[a]", b"}va:1", b"a\\", b"\xff\x00\n"];
    // The keys, by their places, that go with each pattern.
    let check = async |pattern: &[u8], gone: &[usize]| {
        for key in keys {
            redis.set(key, b"1", MINUTE).await;
        }
        let number = redis.remove_matching(pattern).await.unwrap();
        let there = redis.get_many(&keys).await;
        let missing: Vec<usize> = (0..keys.len()).filter(|at| there[*at].is_none()).collect();
        assert_eq!(missing, gone, "{}", pattern.escape_ascii());
        assert_eq!(number, gone.len() as u64);
    };
    check(b"a:*", &[0, 1]).await;
    check(b"?:1", &[0, 2]).await;
    check(b"a:1", &[0]).await;
    check(b"\\*", &[4]).await;
    check(b"[a]", &[5]).await;
    check(b"[ab]:1", &[]).await;
    check(b"a\\\\", &[7]).await;
    check(b"", &[3]).await;
    check(b"\xff?\n", &[8]).await;
    check(b"*:*", &[0, 1, 2, 6]).await;
    check(b"*", &[0, 1, 2, 3, 4, 5, 6, 7, 8]).await;
}

/// The server and the check agree with the matching of keys one by one, over random patterns.
#[tokio::test]
async fn patterns_mean_the_same_to_the_server() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let mut random = fastrand::Rng::with_seed(3);
    let letters = b"ab*?\\[]^-";
    for _ in 0..60 {
        let mut text = |max: usize| -> Vec<u8> {
            (0..random.usize(..max)).map(|_| letters[random.usize(..letters.len())]).collect()
        };
        let keys: BTreeSet<Vec<u8>> = (0..40).map(|_| text(4)).collect();
        let pattern = text(5);
        for key in &keys {
            redis.set(key, b"1", MINUTE).await;
        }
        redis.remove_matching(&pattern).await.unwrap();
        for key in &keys {
            let expect = !naive(&pattern, key);
            let (pattern, shown) = (pattern.escape_ascii(), key.escape_ascii());
            assert_eq!(redis.contains(key).await, expect, "{pattern} and {shown}");
            redis.remove(key).await.unwrap();
        }
    }
}

/// By trying every split at a star.
fn naive(pattern: &[u8], key: &[u8]) -> bool {
    match (pattern, key) {
        ([], _) => key.is_empty(),
        ([b'*', rest @ ..], _) => (0..=key.len()).any(|skip| naive(rest, &key[skip..])),
        ([b'?', rest @ ..], [_, after @ ..]) => naive(rest, after),
        ([b'\\', byte, rest @ ..], [first, after @ ..]) => byte == first && naive(rest, after),
        ([byte, rest @ ..], [first, after @ ..]) => byte == first && naive(rest, after),
        _ => false,
    }
}

#[tokio::test]
async fn clearing_leaves_what_is_not_ours() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    server.talk(&["SET", "else", "1"]).unwrap();
    let numbers = redis.versions(&[b"t"]).await.unwrap();
    for number in 0..3_000_u32 {
        redis.set(&number.to_be_bytes(), b"1", MINUTE).await;
    }
    redis.increment(b"n", 1, MINUTE).await;
    assert_eq!(redis.clear().await.unwrap(), 3_001);
    assert_eq!(redis.clear().await.unwrap(), 0);
    assert_eq!(server.talk(&["GET", "else"]).unwrap(), "1");
    assert_eq!(redis.versions(&[b"t"]).await.unwrap(), numbers);
}

#[tokio::test]
async fn a_sweep_that_takes_too_long_is_not_acknowledged() {
    let Some(server) = server() else { return };
    let limit = std::time::Duration::from_nanos(1);
    let redis = patient(server.url()).sweep_max(limit).connect().await.unwrap();
    let error = redis.clear().await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(redis.stats().not_acknowledged, 1);
}
