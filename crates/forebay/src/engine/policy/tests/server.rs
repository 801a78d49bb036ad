use std::sync::Arc;
use std::time::Duration;

use super::world::{ask, secs};
use crate::builder::Builder;
use crate::clock::Clock;
use crate::db::Db;

const SCHEMA: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT);
    INSERT INTO t VALUES (1, 0), (2, 0); CREATE SEQUENCE s";
const ONE: &str = "SELECT v FROM t WHERE id = 1";

/// The longest that the library may take for what it does by itself.
const SOON: Duration = Duration::from_secs(20);

fn run(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(6 * SOON, work).await.expect("in time") });
}

async fn open(url: &str, clock: &Clock, set: impl FnOnce(Builder) -> Builder) -> Db {
    let builder = Builder::new(url).clock(clock).audit_one_in(0);
    set(builder.acquire_timeout(secs(2))).open().await.unwrap()
}

/// At a server that cannot be followed, and whose user has said how old an answer may be.
#[test]
fn without_a_stream_a_ttl_is_what_it_says() {
    cluster::for_each_version("without_a_stream_a_ttl_is_what_it_says", |version| {
        let bare = cluster::Database::create(version).unwrap();
        bare.psql(SCHEMA).unwrap();
        run(unfollowed(&bare));
    });
}

async fn unfollowed(bare: &cluster::Database) {
    let clock = Clock::manual();
    let db = open(&bare.url(), &clock, |builder| builder.ttl(secs(60))).await;
    assert!(db.cache().ready(SOON).await.is_some(), "it was not set up");
    let read = async || ask(db.query(ONE)).await;
    assert_eq!(read().await, (0, false));
    bare.psql("UPDATE t SET v = 1 WHERE id = 1").unwrap();
    clock.advance(secs(59));
    assert_eq!(read().await, (0, true));
    clock.advance(secs(1));
    assert_eq!(read().await, (1, false));
    assert_eq!(db.stats().cache.policies.aged, 1);
    assert_eq!(ask(db.query(ONE).exact()).await, (1, false));

    // Its own writes are seen, whichever way they go.
    let only = async || ask(db.query(ONE).ttl_only(secs(60))).await;
    db.execute("UPDATE t SET v = 2 WHERE id = 1").await.unwrap();
    assert_eq!((only().await, read().await, read().await), ((1, true), (2, false), (2, true)));
    db.execute_batch("UPDATE t SET v = 3 WHERE id = 1").await.unwrap();
    assert_eq!((read().await, read().await), ((3, false), (3, true)));
    let four = async |t: crate::Transaction| t.execute("UPDATE t SET v = 4 WHERE id = 1").await;
    db.transaction(four).await.unwrap();
    assert_eq!((read().await, read().await), ((4, false), (4, true)));
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("UPDATE t SET v = 5 WHERE id = 1").await.unwrap();
    assert_eq!(read().await, (4, false), "once more: it may have been");
    session.execute("COMMIT").await.unwrap();
    assert_eq!((read().await, read().await), ((5, false), (5, true)));

    // What does more than answer is run each time.
    for next in 1..4 {
        assert_eq!(ask(db.query("SELECT nextval('s')")).await, (next, false));
        assert_eq!(ask(db.query("SELECT v FROM t WHERE id = 2 FOR UPDATE")).await, (0, false));
    }
    let explained = db.explain(ONE).await.unwrap();
    let expect = "ttl 60s; changes are not seen here, so an answer may be as old as that";
    assert_eq!(explained.policy, expect);
    let explained = db.explain("SELECT nextval('s')").await.unwrap();
    assert!(explained.policy.contains("without effect"), "{explained}");
}

/// With a stream it bounds the age, and writes are seen.
#[test]
fn with_a_stream_the_words_mean_what_they_do_elsewhere() {
    cluster::for_each_version("with_a_stream_the_words_mean_what_they_do_elsewhere", |version| {
        let settings = cluster::Settings::on(version);
        let server = Arc::new(cluster::Cluster::start(settings).unwrap());
        let bare = cluster::Database::on(&server).unwrap();
        bare.psql(SCHEMA).unwrap();
        run(followed(&bare));
    });
}

async fn followed(bare: &cluster::Database) {
    let setup = crate::setup::Setup::new(bare.url()).unwrap();
    setup.apply(&setup.plan().await.unwrap(), |_| {}).await.unwrap();
    let clock = Clock::manual();
    let db = open(&bare.url(), &clock, |builder| builder).await;
    assert_eq!(db.cache().ready(SOON).await, None);
    let ttl = async || ask(db.query(ONE).ttl(secs(60))).await;
    let soon = async |what: &str, expect| {
        let began = std::time::Instant::now();
        while ttl().await != expect {
            assert!(began.elapsed() < SOON, "not soon: {what}");
        }
    };
    soon("it is kept", (0, true)).await;
    bare.psql("UPDATE t SET v = 1 WHERE id = 1").unwrap();
    soon("it is seen", (1, true)).await;
    db.execute("UPDATE t SET v = 2 WHERE id = 1").await.unwrap();
    assert_eq!(ttl().await.0, 2);
    soon("it is kept", (2, true)).await;
    clock.advance(secs(60));
    assert!(!ttl().await.1);

    // Of a function it is not known when it answers something else.
    let now = async || {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        ask(db.query(sql).ttl_only(secs(60))).await
    };
    let (then, _) = now().await;
    assert_eq!(now().await, (then, true));
    let next = async || ask(db.query("SELECT nextval('s')").ttl_only(secs(60))).await;
    let ((first, _), (second, cached)) = (next().await, next().await);
    assert!(first < second && !cached);

    // The server goes away, and comes back.
    let lenient = || db.query(ONE).stale_if_error(secs(60));
    assert_eq!(lenient().scalar::<i64>().await.unwrap(), 2);
    bare.cluster().stop(cluster::Stop::Immediate).unwrap();
    assert!(db.query(ONE).no_cache().fetch().await.is_err());
    let began = std::time::Instant::now();
    while db.stats().cache.off.is_none() {
        assert!(began.elapsed() < SOON, "the end of the stream is noticed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(ask(lenient()).await, (2, true));
    assert!(db.query(ONE).ttl(secs(60)).fetch().await.is_err(), "a stream was there");
    assert_eq!(db.stats().cache.policies.on_error, 1);
    bare.cluster().restart().unwrap();
    bare.psql("UPDATE t SET v = 7 WHERE id = 1").unwrap();
    clock.advance(secs(1));
    let began = std::time::Instant::now();
    while ask(lenient()).await != (7, true) {
        assert!(began.elapsed() < SOON, "it is followed again");
        clock.advance(secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
