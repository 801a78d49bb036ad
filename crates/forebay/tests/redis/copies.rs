//! Copies in memory, and when they end.

use std::time::Duration;

use forebay::{RedisChange, RedisTicket};

use crate::place::{MINUTE, patient, server, tier, until};

#[tokio::test]
async fn a_copy_ends_with_what_others_do() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let ticket = || here.ticket(b"a", &[b"t"]).unwrap();
    let ends = |ticket: RedisTicket| async move { until("it ends", || !ticket.is_true()).await };

    there.set(b"a", b"1", MINUTE).await;
    let first = ticket();
    there.set(b"a", b"2", MINUTE).await;
    ends(first).await;

    let second = ticket();
    there.remove(b"a").await.unwrap();
    assert!(!second.is_true(), "a removal that is acknowledged was heard");

    // Redis has nothing under the key, and the copy is of what was loaded meanwhile.
    let third = ticket();
    there.remove(b"a").await.unwrap();
    assert!(!third.is_true(), "nothing was there, and yet it was heard");

    let fourth = ticket();
    there.raise(&[b"t"]).await.unwrap();
    assert!(!fourth.is_true());

    let fifth = ticket();
    there.clear().await.unwrap();
    assert!(!fifth.is_true());

    here.set(b"a", b"1", Duration::from_millis(30)).await;
    until("the own echo is heard", || here.stats().changes >= 3).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let sixth = ticket();
    ends(sixth).await;

    let seventh = ticket();
    server.talk(&["SET", "app:w:{0}va", "by hand"]).unwrap();
    ends(seventh).await;

    let eighth = ticket();
    server.talk(&["FLUSHALL"]).unwrap();
    ends(eighth).await;
}

#[tokio::test]
async fn a_copy_stays_while_nothing_changes_it() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    here.set(b"a", b"1", MINUTE).await;
    until("the own echo is heard", || here.stats().changes >= 1).await;
    let ticket = here.ticket(b"a", &[b"t"]).unwrap();
    // Longer than the time on the roll: it is renewed.
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(2_500) {
        there.get(b"a").await;
        there.set(b"elsewhere", b"1", MINUTE).await;
        there.increment(b"a", 1, MINUTE).await;
        drop(there.lease(b"a", MINUTE).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("it is true", || ticket.is_true()).await;
}

#[tokio::test]
async fn a_removal_of_ones_own_ends_the_copy() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    for _ in 0..50 {
        let ticket = redis.ticket(b"a", &[]).unwrap();
        redis.remove(b"a").await.unwrap();
        assert!(!ticket.is_true());
    }
}

#[tokio::test]
async fn there_are_no_copies_without_a_server() {
    let Some(mut server) = server() else { return };
    let redis = tier(&server).await;
    let ticket = redis.ticket(b"a", &[]).unwrap();
    server.kill().unwrap();
    until("the loss is noticed", || !ticket.is_true()).await;
    assert!(redis.ticket(b"a", &[]).is_none());
    server.restart().unwrap();
    until("it hears again", || redis.stats().is_hearing).await;
    assert!(redis.ticket(b"a", &[]).unwrap().is_true());
    assert!(!ticket.is_true(), "what was missed meanwhile is not known");
}

#[tokio::test]
async fn a_frozen_server_ends_copies_in_time() {
    let Some(server) = server() else { return };
    let builder = patient(server.url()).hearing(Duration::from_millis(300));
    let redis = builder.connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    let ticket = redis.ticket(b"a", &[]).unwrap();
    server.freeze().unwrap();
    until("its time is over", || !ticket.is_true()).await;
    server.thaw().unwrap();
    until("it hears again", || redis.stats().is_hearing).await;
}

/// The tracking is gone with its connection, which the server may close whenever it likes.
#[tokio::test]
async fn a_connection_that_is_closed_costs_all_copies() {
    let Some(server) = server() else { return };
    let redis = tier(&server).await;
    let ticket = redis.ticket(b"a", &[]).unwrap();
    server.talk(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
    until("it is noticed", || !ticket.is_true()).await;
    until("it hears again", || redis.stats().is_hearing).await;
    let ticket = redis.ticket(b"a", &[]).unwrap();
    server.talk(&["SET", "app:w:{0}va", "1"]).unwrap();
    until("it ends", || !ticket.is_true()).await;
}

#[tokio::test]
async fn changes_are_told() {
    let Some(server) = server() else { return };
    let (here, there) = (tier(&server).await, tier(&server).await);
    let mut changes = here.changes();
    there.set(b"a\xff", b"1", MINUTE).await;
    assert_eq!(changes.next().await, Some(RedisChange::Key(b"a\xff".to_vec())));
    there.raise(&[b"t"]).await.unwrap();
    assert_eq!(changes.next().await, Some(RedisChange::Tag(b"t".to_vec())));
    server.talk(&["FLUSHALL"]).unwrap();
    while changes.next().await != Some(RedisChange::Everything) {}
    // A receiver that is far behind.
    for number in 0..5_000_u32 {
        there.set(&number.to_be_bytes(), b"1", MINUTE).await;
    }
    until("all are heard", || here.stats().changes > 5_000).await;
    assert_eq!(changes.next().await, Some(RedisChange::Everything));
    drop(here);
    tokio::time::timeout(MINUTE, async { while changes.next().await.is_some() {} }).await.unwrap();
}
