use super::world::{ONE, World, ask, secs};
use crate::depend;
use crate::mode::CacheMode;

#[tokio::test]
async fn a_ttl_bounds_the_age_of_what_is_exact() {
    let world = World::open(|builder| builder).await;
    let read = async || ask(world.db.query(ONE).ttl(secs(10))).await;
    assert_eq!(read().await, (0, false));
    world.pass(9.9);
    assert_eq!(read().await, (0, true));
    world.set(1).await;
    assert_eq!(read().await, (1, false));
    world.by_others("UPDATE t SET v = 2 WHERE id = 1");
    assert_eq!(read().await, (2, false));
    world.pass(10.0);
    assert_eq!(read().await, (2, false));
    assert_eq!(ask(world.db.query(ONE).ttl(secs(60))).await, (2, true), "of who asks");
    assert_eq!(world.db.stats().cache.stale, 0);
    // Those without words have answers of their own.
    assert_eq!(ask(world.db.query(ONE)).await, (2, false));
    assert_eq!(ask(world.db.query(ONE)).await, (2, true));
    assert_eq!(world.policies().entries, 1);
}

#[tokio::test]
async fn ttl_only_does_not_look_at_writes() {
    let world = World::open(|builder| builder).await;
    let read = async || ask(world.db.query(ONE).ttl_only(secs(10))).await;
    assert_eq!(read().await, (0, false));
    world.set(1).await;
    world.pass(9.9);
    assert_eq!(read().await, (0, true));
    assert_eq!(ask(world.db.query(ONE)).await, (1, false), "who said nothing");
    assert_eq!(ask(world.db.query(ONE).ttl(secs(60))).await, (1, false));
    assert_eq!(read().await, (1, true), "somebody else has read it");
    world.pass(10.0);
    assert_eq!(read().await, (1, false));
    let stats = world.db.stats();
    assert_eq!((stats.cache.stale, stats.cache.policies.aged), (1, 1));
    let of_it = |stats: &crate::FingerprintStats| stats.stale;
    assert_eq!(stats.fingerprints.iter().map(of_it).sum::<u64>(), 1);
}

/// For statements of which it is not known when their answers change.
#[tokio::test]
async fn what_the_exact_cache_does_not_take() {
    let world = World::open(|builder| builder).await;
    let random = "SELECT abs(random())";
    let (first, _) = ask(world.db.query(random).ttl_only(secs(10))).await;
    assert_eq!(ask(world.db.query(random).ttl_only(secs(10))).await, (first, true));
    let check = async |sql: &str, say: fn(crate::Query<'_>) -> crate::Query<'_>| {
        for _ in 0..2 {
            assert!(!ask(say(world.db.query(sql))).await.1, "{sql}");
        }
    };
    check(random, |query| query.ttl(secs(10))).await;
    check(random, |query| query.tag("a")).await;
    check(random, |query| query).await;
    check("PRAGMA user_version", |query| query.ttl_only(secs(10))).await;
    check("UPDATE t SET v = v WHERE id = 1 RETURNING v", |query| query.ttl_only(secs(10))).await;
    let session = world.db.session();
    session.execute("BEGIN").await.unwrap();
    for _ in 0..2 {
        assert!(!ask(session.query(ONE).ttl_only(secs(10))).await.1);
    }
}

#[tokio::test]
async fn what_a_write_made_stale_is_served_while_it_is_read_again() {
    let world = World::open(|builder| builder).await;
    let read = async || ask(world.db.query(ONE).stale_while_revalidate(secs(10))).await;
    assert_eq!(read().await, (0, false));
    world.pass(1_000.0);
    assert_eq!(read().await, (0, true));
    world.set(1).await;
    world.pass(9.0);
    assert_eq!(read().await, (0, true));
    world.until("it is read again", |stats| stats.cache.policies.refreshes == 1).await;
    world.until("it is there", |stats| stats.cache.fills == 2).await;
    assert_eq!(read().await, (1, true));
    assert_eq!(world.policies().revalidated, 1);
    // Too late.
    world.set(2).await;
    world.pass(10.0);
    assert_eq!(read().await, (2, false));
    // By its ttl.
    let young = async || {
        let query = world.db.query(ONE).ttl(secs(10)).stale_while_revalidate(secs(5));
        ask(query).await
    };
    world.pass(14.0);
    assert_eq!(young().await, (2, true));
    world.until("it is read again", |stats| stats.cache.fills == 4).await;
    world.pass(15.0);
    assert_eq!(young().await, (2, false));
    assert_eq!(world.policies().revalidated, 2);
}

#[tokio::test]
async fn a_deleted_tag_deletes_what_has_it() {
    let world = World::open(|builder| builder).await;
    let db = &world.db;
    let (a, b) = (
        async || ask(db.query(ONE).tag("a")).await,
        async || ask(db.query("SELECT v FROM t WHERE id = 2").tag("b").tag("c")).await,
    );
    db.delete_by_tag("a");
    assert_eq!((a().await, b().await), ((0, false), (0, false)));
    assert_eq!((a().await, b().await), ((0, true), (0, true)));
    db.delete_by_tag("a");
    assert_eq!((a().await, b().await), ((0, false), (0, true)));
    db.delete_by_tag("c");
    assert_eq!((a().await, b().await), ((0, true), (0, false)));
    // One answer for askers with different tags.
    assert_eq!(ask(db.query(ONE).tag("d")).await, (0, false));
    assert_eq!((a().await, ask(db.query(ONE).tag("d")).await), ((0, true), (0, true)));
    assert_eq!(ask(db.query(ONE).tag("a").tag("d")).await, (0, true));
    db.delete_by_tag("a");
    assert_eq!(ask(db.query(ONE).tag("d")).await, (0, false));
    // Stale or not.
    let stale = async || ask(db.query(ONE).ttl_only(secs(10)).tag("a")).await;
    stale().await;
    assert_eq!(stale().await, (0, true));
    db.delete_by_tag("a");
    assert_eq!(stale().await, (0, false));
    db.cache().clear();
    assert_eq!((stale().await, b().await), ((0, false), (0, false)));
    db.cache().clear_table("t");
    assert_eq!((stale().await, b().await), ((0, false), (0, false)));
    assert_eq!(world.policies().tag_deletions, 4, "the first one met nothing");
}

#[tokio::test]
async fn what_is_kept_warm_is_read_again_before_it_is_asked_for() {
    let world = World::open(|builder| builder).await;
    let read = async || ask(world.db.query(ONE).keep_warm()).await;
    assert_eq!(read().await, (0, false));
    let tend = || world.db.engine().tend_shelf();
    for value in 1..4 {
        world.pass(1.0);
        world.set(value).await;
        tend();
        world.until("it is read again", |stats| stats.cache.fills == value as u64 + 1).await;
        assert_eq!(read().await, (value, true));
    }
    // By somebody else, without the word.
    world.set(9).await;
    assert_eq!(ask(world.db.query(ONE).tag("x")).await.0, 9);
    world.pass(1.0);
    world.set(10).await;
    let fills = world.db.stats().cache.fills;
    tend();
    world.until("it is still warm", |stats| stats.cache.fills > fills).await;
    // By its age alone.
    let random =
        async || ask(world.db.query("SELECT abs(random())").ttl_only(secs(10)).keep_warm()).await;
    let (first, _) = random().await;
    tend();
    assert_eq!(random().await, (first, true));
    world.pass(10.0);
    let fills = world.db.stats().cache.fills;
    tend();
    world.until("it is read again", |stats| stats.cache.fills > fills).await;
    assert!(random().await != (first, true) && random().await.1);
    // Not for ever.
    world.pass(25.0 * 3_600.0);
    world.set(11).await;
    let refreshes = world.policies().refreshes;
    tend();
    assert_eq!(world.policies().refreshes, refreshes);
    assert_eq!(read().await, (11, false));
}

#[tokio::test]
async fn the_builder_says_it_for_all() {
    let world = World::open(|builder| builder.ttl_only(secs(10))).await;
    let db = &world.db;
    assert_eq!(ask(db.query(ONE)).await, (0, false));
    world.set(1).await;
    assert_eq!(ask(db.query(ONE)).await, (0, true));
    assert_eq!(ask(db.prepare(ONE).query()).await, (0, true));
    assert_eq!(ask(db.session().query(ONE)).await, (0, true));
    assert_eq!(db.query(ONE).scalar::<i64>().await.unwrap(), 0);
    assert_eq!(*db.query(ONE).shared::<i64>().await.unwrap(), [0]);
    assert_eq!(ask(db.query(ONE).ttl_only(secs(0))).await, (1, false));
    world.set(2).await;
    assert_eq!(ask(db.query(ONE)).await, (1, true));
    assert_eq!(ask(db.query(ONE).exact()).await, (2, false));
    assert_eq!(ask(db.query(ONE).exact()).await, (2, true));
    assert_eq!(ask(db.query(ONE).no_cache()).await, (2, false));
    assert!(db.explain(ONE).await.unwrap().policy.starts_with("ttl_only 10s"));
}

#[tokio::test]
async fn explain_says_what_is_in_force() {
    let world = World::open(|builder| builder).await;
    let db = &world.db;
    let check = async |query: crate::Query<'_>, expect: &str| {
        let explained = query.explain().await.unwrap();
        assert_eq!(explained.policy, expect);
        assert_eq!(explained.to_string().contains("policy"), !expect.is_empty());
    };
    check(db.query(ONE), "").await;
    check(db.query(ONE).ttl(secs(5)).tag("a").tag("b").tag("a"), "ttl 5s; 2 tags").await;
    check(
        db.query(ONE).stale_while_revalidate(secs(5)).stale_if_error(secs(6)).keep_warm(),
        "stale_while_revalidate 5s; stale_if_error 6s; keep_warm",
    )
    .await;
    check(db.query("SELECT random()").ttl_only(secs(5)), "ttl_only 5s: writes are not looked at")
        .await;
    check(
        db.query("SELECT random()").ttl(secs(5)),
        "ttl 5s; without effect: it calls a function that may answer differently each time",
    )
    .await;
    check(db.query("DELETE FROM t").ttl(secs(5)), "").await;
}

#[tokio::test]
async fn a_switch_is_above_the_words() {
    let world = World::open(|builder| builder).await;
    let db = &world.db;
    let read = async || ask(db.query(ONE).ttl_only(secs(10))).await.1;
    assert!(!read().await && read().await);
    for mode in [CacheMode::Off, CacheMode::Shadow] {
        db.cache().set_mode(mode);
        assert!(!read().await && !read().await);
        db.cache().set_mode(true);
        db.cache().set_table_mode("t", mode).unwrap();
        assert!(!read().await && !read().await);
        db.cache().set_table_mode("t", None).unwrap();
        assert!(read().await);
    }
}

/// What may be stale proves nothing to whoever collects; what is exact does.
#[tokio::test]
async fn a_stale_answer_leaves_a_doubt() {
    let world = World::open(|builder| builder).await;
    let why = Some("an answer in it may be stale, as its query allows");
    let read = async || {
        let query = || world.db.query(ONE).ttl_only(secs(10));
        let (_, fetched) = depend::collect(query().fetch()).await;
        let (_, scalar) = depend::collect(query().scalar::<i64>()).await;
        assert_eq!(fetched.unproven(), scalar.unproven());
        fetched
    };
    let fresh = read().await;
    assert!(fresh.unproven().is_none() && fresh.is_true() && !fresh.is_empty());
    world.set(1).await;
    assert!(!fresh.is_true());
    assert_eq!(read().await.unproven(), why);
    let (_, evidence) =
        depend::collect(world.db.query(ONE).stale_while_revalidate(secs(5)).fetch()).await;
    assert_eq!(evidence.unproven(), why);
}
