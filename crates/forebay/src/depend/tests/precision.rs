use super::world::{World, on_each};

/// Whether the value for user 1 can still be kept after a write, and is what it would be anew.
async fn check(world: &World, write: &str, stays: bool) {
    for is_ours in [true, false] {
        world.caught_up().await;
        let (value, evidence) = world.proven_load(1).await;
        assert!(!evidence.is_empty() && evidence.heap_size() > 0);
        assert!(evidence.is_true() && !evidence.is_void(), "before {write}: {evidence:?}");
        assert_eq!(value, world.truth(1).await, "{write}");
        let flushes = world.db.stats().cache.flushes;
        match is_ours {
            true => drop(world.db.execute(write).await.unwrap()),
            false => world.by_others(write),
        }
        world.caught_up().await;
        let is_true = evidence.is_true();
        // Others may have dropped more than the write did.
        let is_flushed = world.db.stats().cache.flushes != flushes;
        // A server tells of an update no more than the new row and the key, unless it is asked to.
        let is_told = world.db.stats().replication.is_none()
            || !write.starts_with("UPDATE")
            || write.contains("quiet");
        if stays && is_ours && is_told && !is_flushed {
            assert!(is_true, "{write} has nothing to do with it");
        }
        if !stays {
            assert!(!is_true && evidence.is_void(), "{write} changes what it rests on");
        }
        if is_true {
            assert_eq!(value, world.truth(1).await, "{write}");
        }
    }
}

#[test]
fn what_changes_an_answer_makes_it_untrue_and_nothing_else_does() {
    on_each("what_changes_an_answer_makes_it_untrue_and_nothing_else_does", async |world| {
        for (write, stays) in [
            ("UPDATE users SET karma = karma + 1 WHERE id = 1", false),
            ("UPDATE users SET karma = karma + 1 WHERE id = 2", true),
            ("UPDATE posts SET title = title || '!' WHERE id = 1", false),
            ("UPDATE posts SET title = title || '!' WHERE id = 7", true),
            ("UPDATE posts SET score = score + 1 WHERE id = 6", false),
            ("UPDATE posts SET title = title || '?' WHERE id = 5", false),
            ("UPDATE votes SET up = -up WHERE post = 1 AND usr = 2", false),
            ("INSERT INTO users SELECT max(id) + 1, 'new', 0 FROM users", true),
            ("INSERT INTO posts SELECT max(id) + 1, 1, 'new', 0 FROM posts", false),
            ("INSERT INTO posts SELECT max(id) + 1, 2, 'new', 0 FROM posts", true),
            ("UPDATE quiet SET v = v || 'q'", true),
            ("UPDATE users SET karma = karma WHERE id = 1", true),
        ] {
            check(world, write, stays).await;
        }
    });
}

/// The schema is part of every answer.
#[test]
fn a_new_schema_makes_it_untrue() {
    on_each("a_new_schema_makes_it_untrue", async |world| {
        let (_, evidence) = world.proven_load(1).await;
        assert!(evidence.is_true());
        world.by_others("ALTER TABLE users ADD COLUMN extra TEXT");
        world.caught_up().await;
        assert!(!evidence.is_true() && evidence.is_void());
    });
}

#[test]
fn a_switch_or_a_closed_database_makes_it_untrue_for_as_long() {
    on_each("a_switch_or_a_closed_database_makes_it_untrue_for_as_long", async |world| {
        let (_, evidence) = world.proven_load(1).await;
        assert!(evidence.is_true());
        let cache = world.db.cache();
        cache.set_mode(false);
        assert!(!evidence.is_true() && !evidence.is_void());
        cache.set_mode(true);
        assert!(evidence.is_true());
        let reads = world.db.explain("SELECT up FROM votes").await.unwrap().reads;
        cache.set_table_mode(&reads[0], Some(false.into())).unwrap();
        assert!(!evidence.is_true() && !evidence.is_void());
        cache.set_table_mode(&reads[0], None).unwrap();
        assert!(evidence.is_true());
        cache.clear_table("quiet");
        let stays = world.db.stats().replication.is_none();
        assert_eq!(evidence.is_true(), stays, "one table can be told from others at SQLite");
        cache.clear();
        assert!(!evidence.is_true() && evidence.is_void());

        let (_, evidence) = world.proven_load(1).await;
        world.db.close().await;
        assert!(!evidence.is_true());
    });
}

/// It does not keep the database open.
#[tokio::test]
async fn a_database_that_is_gone_makes_it_void() {
    let db = crate::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (n INT)").await.unwrap();
    let (_, evidence) =
        super::super::collect(super::world::rows(&db, "SELECT n FROM t", None, true)).await;
    assert!(evidence.is_true());
    drop(db);
    assert!(!evidence.is_true() && evidence.is_void());
}

/// Where the database is too short to be worth a copy of its answers, a value made of them may be.
#[tokio::test]
async fn what_does_not_pay_to_be_kept_can_still_be_rested_on() {
    const SQL: &str = "SELECT n FROM t WHERE n = ?";
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let db = crate::Builder::new(url).audit_one_in(0).open().await.unwrap();
    db.execute_batch("CREATE TABLE t (n INT)").await.unwrap();
    let rests = || db.stats().fingerprints.iter().any(|it| it.worth.verdict == "not_worth");
    for n in 0..200_000 {
        if n % 512 == 0 && rests() {
            break;
        }
        db.query(SQL).bind(n).fetch().await.unwrap();
    }
    assert!(rests(), "nothing was ever asked twice");
    let ask = || async { db.query(SQL).bind(-1).fetch().await.unwrap().cached };
    let (cached, evidence) = super::super::collect(ask()).await;
    assert_eq!((cached, evidence.unproven()), (false, None));
    if rests() {
        assert!(!ask().await, "it is not kept");
    }
    assert!(evidence.is_true());
    db.execute("INSERT INTO t VALUES (5)").await.unwrap();
    assert!(evidence.is_true());
    db.execute("INSERT INTO t VALUES (-1)").await.unwrap();
    assert!(!evidence.is_true());
}
