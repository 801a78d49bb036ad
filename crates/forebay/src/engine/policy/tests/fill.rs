use std::time::Duration;

use super::world::{World, ask, secs};

/// Takes long enough to be in flight for a while, and is not inlined.
const SLOW: &str = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s
    WHERE n < 200000) SELECT count(*) + (SELECT v FROM t WHERE id = 1) FROM s";

/// A read that was under way when its tag was deleted is not kept, whenever it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_reaches_what_is_being_read() {
    let world = World::open(|builder| builder).await;
    let db = &world.db;
    let mut met = 0;
    for round in 0..20 {
        let slow = || db.query(SLOW).ttl_only(secs(1_000)).tag("a");
        let delete = async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let was_under_way = db.stats().cache.fills;
            db.delete_by_tag("a");
            was_under_way
        };
        let (_, fills) = tokio::join!(slow().fetch(), delete);
        let began_before = db.stats().cache.fills > fills;
        let (_, cached) = ask(slow()).await;
        if began_before {
            met += 1;
            assert!(!cached, "round {round}");
        }
        db.delete_by_tag("a");
    }
    assert!(met > 5, "it was under way {met} times");
}

/// One reads, the others wait for it and look again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_at_the_same_time_read_once() {
    let world = World::open(|builder| builder).await;
    let asks = (0..16).map(|_| {
        let db = world.db.clone();
        tokio::spawn(async move { ask(db.query(SLOW).ttl(secs(10))).await })
    });
    let asks: Vec<_> = asks.collect();
    let mut read = 0;
    for asked in asks {
        read += usize::from(!asked.await.unwrap().1);
    }
    assert_eq!(read, 1);
    assert_eq!(world.policies().entries, 1);
}
