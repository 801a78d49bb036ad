use std::time::Duration;

use super::world::{ONE, World, ask, secs};
use crate::depend;

#[tokio::test]
async fn a_database_that_does_not_answer_is_stood_in_for() {
    let world = World::open(|builder| {
        builder.max_size(1).max_overflow(0).min_idle(0).acquire_timeout(Duration::from_millis(300))
    })
    .await;
    let db = &world.db;
    let query = || db.query(ONE).stale_if_error(secs(10));
    assert_eq!(ask(query()).await, (0, false));
    world.set(1).await;

    // Its only reader is taken.
    let long = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT n FROM s";
    let mut stream = db.query(long).stream::<i64>().await.unwrap();
    stream.next().await.unwrap().unwrap();
    let error = db.query(ONE).fetch().await.unwrap_err();
    assert!(error.is_pool_exhausted());
    let (read, evidence) = depend::collect(ask(query())).await;
    assert_eq!(read, (0, true));
    assert!(evidence.unproven().is_some());
    // It is not asked again at once.
    let timeouts = db.stats().readers.timeouts;
    assert_eq!(ask(query()).await, (0, true));
    assert_eq!(db.stats().readers.timeouts, timeouts);
    world.pass(1.5);
    assert_eq!(ask(query()).await, (0, true));
    assert_eq!(db.stats().readers.timeouts, timeouts + 1);
    assert_eq!(world.policies().on_error, 3);
    // Others do get the error, and so does who asks too late, or has nothing at hand.
    assert!(db.query(ONE).ttl_only(secs(0)).fetch().await.is_err());
    let other = db.query("SELECT v FROM t WHERE id = 2").stale_if_error(secs(10));
    assert!(other.fetch().await.is_err());
    world.pass(9.0);
    assert!(query().fetch().await.unwrap_err().is_pool_exhausted());
    drop(stream);
    while query().fetch().await.is_err() {}
    assert_eq!(ask(query()).await, (1, true));
}

/// What is wrong with a statement is told.
#[tokio::test]
async fn an_error_of_the_statement_is_not_covered_up() {
    let world = World::open(|builder| builder).await;
    let abs = || {
        let query = world.db.query("SELECT abs(v) FROM t WHERE id = 1");
        query.stale_if_error(secs(1_000))
    };
    assert_eq!(ask(abs()).await, (0, false));
    world.set(i64::MIN).await;
    for _ in 0..2 {
        assert!(abs().fetch().await.unwrap_err().to_string().contains("overflow"));
    }
    world.set(-1).await;
    assert_eq!(ask(abs()).await, (1, false));

    let query = || world.db.query(ONE).stale_if_error(secs(1_000));
    assert_eq!(ask(query()).await, (-1, false));
    world.db.execute_batch("ALTER TABLE t RENAME COLUMN v TO w").await.unwrap();
    assert!(query().fetch().await.unwrap_err().is_usage());
    assert_eq!(world.policies().on_error, 0);
    world.db.close().await;
    assert!(query().fetch().await.is_err());
}
