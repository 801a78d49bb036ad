//! One process fills, others wait.

use std::time::Duration;

use crate::place::{MINUTE, server, tier, until};

#[tokio::test]
async fn one_has_the_lease_and_fills() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let lease = here.lease(b"a", MINUTE).await.unwrap();
    assert!(there.lease(b"a", MINUTE).await.is_none());
    assert!(here.lease(b"a", MINUTE).await.is_none());
    assert!(there.lease(b"b", MINUTE).await.is_some(), "another key");
    assert!(lease.fill(b"1", MINUTE).await);
    assert_eq!(there.get(b"a").await.unwrap(), b"1");
    let again = there.lease(b"a", MINUTE).await.unwrap();
    again.release().await;
    let again = here.lease(b"a", MINUTE).await.unwrap();
    drop(again);
    let is_free = || server.talk(&["EXISTS", "app:u:{0}la"]).unwrap() == "0";
    until("a dropped lease is released", is_free).await;
}

#[tokio::test]
async fn a_fill_that_began_before_a_removal_loses() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    for how in ["remove", "pattern", "clear"] {
        let lease = here.lease(b"a", MINUTE).await.unwrap();
        match how {
            "remove" => assert!(!there.remove(b"a").await.unwrap()),
            "pattern" => assert_eq!(there.remove_matching(b"?").await.unwrap(), 0),
            _ => assert_eq!(there.clear().await.unwrap(), 0),
        }
        assert!(!lease.fill(b"old", MINUTE).await, "{how}");
        assert_eq!(there.get(b"a").await, None, "{how}");
    }
    assert_eq!(here.stats().fills_refused, 3);
}

#[tokio::test]
async fn a_lease_that_has_expired_fills_nothing() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let late = redis.lease(b"a", Duration::from_millis(1)).await.unwrap();
    let is_free = || server.talk(&["EXISTS", "app:u:{0}la"]).unwrap() == "0";
    until("it expires", is_free).await;
    let next = redis.lease(b"a", MINUTE).await.unwrap();
    assert!(!late.fill(b"late", MINUTE).await);
    assert!(next.fill(b"next", MINUTE).await, "the late one did not take it away");
    assert_eq!(redis.get(b"a").await.unwrap(), b"next");

    let late = redis.lease(b"b", Duration::from_millis(1)).await.unwrap();
    until("it expires", || server.talk(&["EXISTS", "app:u:{0}lb"]).unwrap() == "0").await;
    let next = redis.lease(b"b", MINUTE).await.unwrap();
    late.release().await;
    assert!(next.fill(b"next", MINUTE).await, "the late one did not release it");
}
