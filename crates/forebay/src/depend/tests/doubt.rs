use std::time::Duration;

use super::super::{Evidence, collect, current, doubt, inherit, is_collecting};
use super::world::{World, on_each, rows};
use crate::db::Db;
use crate::error::Result;
use crate::mode::CacheMode;

const ONE: &str = "SELECT name FROM users WHERE id = 1";

/// Why it is not proven what `work` rests on, with a miss, with a hit.
async fn check<T>(work: impl AsyncFn(&Db) -> Result<T>, world: &World, why: Option<&str>) {
    for _ in 0..2 {
        // A server may not show to everybody yet what was written before.
        let is_told = async || collect(work(&world.db)).await.1.unproven() == why;
        world.soon(why.unwrap_or("it is proven"), is_told).await;
    }
}

#[test]
fn what_cannot_be_asked_again_leaves_a_doubt() {
    on_each("what_cannot_be_asked_again_leaves_a_doubt", async |world| {
        let transaction = Some("it runs inside a transaction or a session of its own");
        let writes = Some("it writes");
        check(async |db| rows(db, ONE, None, true).await, world, None).await;
        check(async |db| db.query(ONE).one::<(String,)>().await, world, None).await;
        check(async |db| db.query(ONE).optional::<(String,)>().await, world, None).await;
        check(async |db| db.query(ONE).all::<(String,)>().await, world, None).await;
        check(async |db| db.query(ONE).shared::<(String,)>().await, world, None).await;
        check(async |db| db.query(ONE).scalar::<String>().await, world, None).await;
        check(async |db| db.prepare(ONE).query().scalar::<String>().await, world, None).await;
        check(async |db| db.session().query(ONE).scalar::<String>().await, world, None).await;
        check(
            async |db| rows(db, ONE, None, false).await,
            world,
            Some("the caller asked for the database"),
        )
        .await;
        // No row is an answer as well.
        let none = "SELECT name FROM users WHERE id = 99";
        check(async |db| db.query(none).one::<(String,)>().await, world, None).await;
        check(async |db| db.execute("UPDATE quiet SET v = 'x'").await, world, writes).await;
        check(async |db| db.execute_batch("UPDATE quiet SET v = 'x'").await, world, writes).await;
        check(
            async |db| {
                db.transaction(|t| async move { t.query(ONE).scalar::<String>().await }).await
            },
            world,
            transaction,
        )
        .await;
        check(
            async |db| {
                db.transaction(|t| async move { t.execute("UPDATE quiet SET v = 'y'").await }).await
            },
            world,
            writes,
        )
        .await;
        check(
            async |db| Ok(db.query(ONE).stream::<(String,)>().await?.next().await),
            world,
            Some("a stream is not collected, so there is no answer to keep"),
        )
        .await;
        check(
            async |db| db.query("nonsense").fetch().await,
            world,
            Some("a statement in it failed"),
        )
        .await;
        check(async |db| db.explain(ONE).await, world, Some("it asked what a statement means"))
            .await;
        check(
            async |db| db.query("SELECT random()").fetch().await,
            world,
            Some("it calls a function that may answer differently each time"),
        )
        .await;
        switched(world).await;
    });
}

async fn switched(world: &World) {
    let db = &world.db;
    let read = async |db: &Db| rows(db, ONE, None, true).await;
    db.cache().set_mode(CacheMode::Off);
    check(read, world, Some("the cache is off for this database")).await;
    db.cache().set_mode(CacheMode::Shadow);
    let (_, evidence) = collect(read(db)).await;
    assert_eq!((evidence.unproven(), evidence.is_true()), (None, false), "{evidence:?}");
    db.cache().set_mode(CacheMode::On);
    // At PostgreSQL the statement that failed is fenced until the stream has passed it.
    world.soon("what it rests on is known all the same", async || evidence.is_true()).await;
}

/// A caller that has waited in vain makes something else of it.
#[test]
fn a_statement_that_is_given_up_leaves_a_doubt() {
    const SLOW: &str = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s
        WHERE n < 100000000) SELECT count(*) FROM s";
    on_each("a_statement_that_is_given_up_leaves_a_doubt", async |world| {
        let soon = Duration::from_millis(30);
        let slow = || tokio::time::timeout(soon, world.db.query(SLOW).fetch());
        let (given_up, evidence) = collect(slow()).await;
        assert!(given_up.is_err(), "it was slow");
        let why = Some("a statement in it was given up, or had not ended yet");
        assert_eq!(evidence.unproven(), why);

        // So does one that another task is still waiting for.
        let db = world.db.clone();
        let ((task,), evidence) = collect(async {
            let slow = async move { db.query(SLOW).fetch().await.is_ok() };
            let task = tokio::spawn(inherit(slow));
            tokio::time::sleep(soon).await;
            (task,)
        })
        .await;
        assert_eq!(evidence.unproven(), why);
        task.abort();
    });
}

/// What is gathered within is part of what is gathered around it, however it comes there.
#[test]
fn loads_lie_within_one_another() {
    on_each("loads_lie_within_one_another", async |world| {
        let db = &world.db;
        let two = "SELECT name FROM users WHERE id = 2";
        let (inner, outer) = world
            .proven(async || {
                rows(db, ONE, None, true).await.unwrap();
                collect(rows(db, two, None, true)).await.1
            })
            .await;
        assert!(inner.is_true() && outer.is_true());
        db.execute("UPDATE users SET name = 'x' WHERE id = 1").await.unwrap();
        world.caught_up().await;
        assert!(inner.is_true() && !outer.is_true());
        db.execute("UPDATE users SET name = 'x' WHERE id = 2").await.unwrap();
        assert!(!inner.is_true());

        // Of a value that was loaded before.
        world.caught_up().await;
        let (_, kept) = world.proven(async || rows(db, two, None, true).await).await;
        let (_, outer) = collect(async { kept.pass_on() }).await;
        world.caught_up().await;
        assert!(outer.is_true() && !outer.is_empty());
        db.execute("UPDATE users SET name = 'y' WHERE id = 2").await.unwrap();
        assert!(!outer.is_true());
        let (_, doubtful) = collect(async { doubt("of something") }).await;
        let (_, outer) = collect(async { doubtful.pass_on() }).await;
        assert_eq!(outer.unproven(), Some("of something"));
    });
}

#[tokio::test]
async fn a_task_is_seen_only_if_it_has_inherited() {
    let db = crate::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (n INT)").await.unwrap();
    let task = |db: &Db| {
        let db = db.clone();
        async move { db.query("SELECT n FROM t").fetch().await.is_ok() }
    };
    let (_, evidence) = collect(async { tokio::spawn(task(&db)).await.unwrap() }).await;
    assert!(evidence.is_empty() && evidence.is_true());
    let (_, evidence) = collect(async { tokio::spawn(inherit(task(&db))).await.unwrap() }).await;
    assert!(!evidence.is_empty() && evidence.is_true());
    assert!(inherit(task(&db)).await && current().is_none() && !is_collecting());

    // What comes after the end of the load is not of it.
    let (send, receive) = tokio::sync::oneshot::channel::<()>();
    let late = async {
        receive.await.unwrap();
        doubt("too late");
        db.query("SELECT n FROM t").fetch().await.unwrap();
    };
    let ((late,), evidence) = collect(async { (inherit(late),) }).await;
    send.send(()).unwrap();
    late.await;
    assert!(evidence.is_empty());
}

#[tokio::test]
async fn answers_are_counted_once_and_bounded() {
    let db = crate::Builder::new("sqlite::memory:").worth_it(false).open().await.unwrap();
    db.execute_batch("CREATE TABLE t (n INT)").await.unwrap();
    let ask = |n: i64| db.query("SELECT n FROM t WHERE n = ?").bind(n).fetch();
    let many = |count: i64| async move {
        for n in 0..count {
            ask(n).await.unwrap();
        }
    };
    let parts =
        |evidence: &Evidence| evidence.grounds.iter().map(|it| it.parts.len()).sum::<usize>();
    let (_, evidence) = collect(async {
        many(1_000).await;
        many(1_000).await;
    })
    .await;
    // Some numbers fall into one slot, and what is void at the same time is one part.
    assert!((950..=1_000).contains(&parts(&evidence)), "{evidence:?}");
    assert_eq!(evidence.unproven(), None);
    assert!(evidence.is_true());
    let (_, evidence) = collect(many(1_100)).await;
    assert_eq!(parts(&evidence), 1_000);
    assert_eq!(evidence.unproven(), Some("it rests on more than 1,000 answers"));
    db.execute("INSERT INTO t VALUES (7)").await.unwrap();
    assert!(!evidence.is_true(), "what was noted counts all the same");
}
