//! Numbers of tags.

use crate::place::{MINUTE, server, tier};

#[tokio::test]
async fn numbers_go_up_and_never_come_back() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let tags: [&[u8]; 3] = [b"t", b"u\xff", b""];
    let first = here.versions(&tags).await.unwrap();
    assert_eq!(there.versions(&tags).await.unwrap(), first);
    there.raise(&[b"t"]).await.unwrap();
    let second = here.versions(&tags).await.unwrap();
    assert!(second[0] > first[0]);
    assert_eq!(second[1..], first[1..]);
    server.talk(&["FLUSHALL"]).unwrap();
    let (_, gone) = here.get_with(b"a", &tags).await;
    assert_eq!(gone, [None, None, None]);
    let third = here.versions(&tags).await.unwrap();
    assert!(third.iter().zip(&second).all(|(new, old)| new > old), "{third:?} {second:?}");
    // A clock that went back: the number is ahead of it.
    let ahead = "9000000000000000";
    server.talk(&["SET", "app:w:{0}tt", ahead]).unwrap();
    here.raise(&[b"t"]).await.unwrap();
    assert_eq!(here.versions(&[b"t"]).await.unwrap(), [9_000_000_000_000_001]);
    assert_eq!(here.versions(&[]).await.unwrap(), [0; 0]);
}

#[tokio::test]
async fn a_value_is_read_with_its_tags() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let numbers = redis.versions(&[b"t", b"u"]).await.unwrap();
    redis.set(b"a", b"1", MINUTE).await;
    let (value, found) = redis.get_with(b"a", &[b"u", b"none", b"t"]).await;
    assert_eq!(value.unwrap(), b"1");
    assert_eq!(found, [Some(numbers[1]), None, Some(numbers[0])]);
}

#[tokio::test]
async fn many_tags_are_raised() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let names: Vec<String> = (0..700).map(|number| format!("t{number}")).collect();
    let tags: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let before = redis.versions(&tags).await.unwrap();
    let ticket = redis.ticket(b"a", &tags[650..]).unwrap();
    redis.raise(&tags).await.unwrap();
    let after = redis.versions(&tags).await.unwrap();
    assert!(before.iter().zip(&after).all(|(old, new)| new > old));
    assert!(!ticket.is_true());
}
