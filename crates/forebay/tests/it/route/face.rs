//! What a routed handle promises beside its answers: which members are asked, what a failing one
//! does, where writes go, and what is refused.

use std::time::Duration;

use fastrand::Rng;
use forebay::{Db, Routed, Value, open_routed};

use super::world::{World, open};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, at INT, v TEXT DEFAULT 'd');
    CREATE TABLE other (id INT)";

struct Three {
    dir: tempfile::TempDir,
    routed: Routed,
    live: Db,
    old: Db,
}

/// Members: old ..10, new 10..20, live 20.. and NULL; three rows each, one more without a value.
async fn three() -> Three {
    let dir = tempfile::tempdir().unwrap();
    let fill = |first: i64| {
        format!(
            "{SCHEMA}; INSERT INTO t (id, at) VALUES ({first}, {first}), ({0}, {0}), ({1}, {1})",
            first + 1,
            first + 2
        )
    };
    let live = open(dir.path(), "live.db", &format!("{}, (99, NULL)", fill(20))).await;
    let new = open(dir.path(), "new.db", &fill(10)).await;
    let old = open(dir.path(), "old.db", &fill(1)).await;
    let routed = open_routed("t", "at").live(&live, 20).archive("new", &new, 10..20);
    let routed = routed.archive("old", &old, ..10).member_timeout(Duration::from_secs(2));
    Three { dir, routed: routed.open().await.unwrap(), live, old }
}

#[tokio::test]
async fn only_members_that_can_matter_are_asked() {
    let three = three().await;
    let check = async |sql: &str, way: &str, asked: &[&str]| {
        let explained = three.routed.explain(sql).await.unwrap();
        let members: Vec<&str> = explained
            .members
            .iter()
            .filter(|step| !step.asked.is_empty())
            .map(|step| &*step.member)
            .collect();
        assert_eq!((explained.way, members.as_slice()), (way, asked), "{sql}\n{explained}");
        let answer = three.routed.query(sql).fetch().await.unwrap();
        assert!(answer.asked.iter().all(|it| asked.contains(&it.as_str())), "{sql}");
        answer
    };
    check("SELECT * FROM t WHERE at = 3", "one member", &["old"]).await;
    check("SELECT * FROM t WHERE at >= 20 AND v = 'x'", "one member", &["live"]).await;
    check("SELECT * FROM t WHERE at IS NULL", "one member", &["live"]).await;
    check("SELECT * FROM t WHERE at > 8 AND at < 12", "one after another", &["old", "new"]).await;
    check("SELECT count(*) FROM t", "parts of groups", &["old", "new", "live"]).await;
    check("SELECT count(*) FROM t WHERE at IN (1, 21)", "parts of groups", &["old", "live"]).await;
    check("SELECT id FROM t WHERE at < 15 ORDER BY v", "rows", &["old", "new"]).await;
    check("SELECT a.id FROM t a, t b WHERE a.at = 1 AND b.at = 2", "one member", &["old"]).await;
    check("SELECT * FROM other", "one member", &["live"]).await;
    check("SELECT t.id FROM t, other WHERE at = 3", "rows", &["old", "live"]).await;
    three.live.execute("CREATE VIEW seen AS SELECT id, at FROM t").await.unwrap();
    check("SELECT id FROM seen WHERE at = 3", "rows", &["old"]).await;
    check("SELECT id FROM seen WHERE at = 21", "one member", &["live"]).await;
    // The newest have enough.
    let sql = "SELECT id FROM t WHERE at > 0 ORDER BY at DESC LIMIT 2";
    let answer = check(sql, "one after another", &["old", "new", "live"]).await;
    assert_eq!(answer.asked, ["live"]);
    let sql = "SELECT id FROM t WHERE at > 0 ORDER BY at LIMIT 4 OFFSET 1";
    let answer = check(sql, "one after another", &["old", "new", "live"]).await;
    assert_eq!(answer.asked, ["old", "new"]);
    assert_eq!(answer.rows.len(), 4);
}

#[tokio::test]
async fn answers_of_members_are_cached_exactly() {
    let three = three().await;
    let sql = "SELECT count(*), max(at) FROM t WHERE at >= ?";
    for _ in 0..2 {
        let found: (i64, i64) = three.routed.query(sql).bind(5).one().await.unwrap();
        assert_eq!(found, (6, 22));
    }
    let hits = three.live.stats().cache.hits;
    three.routed.query(sql).bind(5).fetch().await.unwrap();
    assert!(three.live.stats().cache.hits > hits, "the parts are in the cache");
    three.live.execute("INSERT INTO t VALUES (30, 30, 'x')").await.unwrap();
    assert_eq!(three.routed.query(sql).bind(5).one::<(i64, i64)>().await.unwrap(), (7, 30));
    let one = three.routed.query("SELECT v FROM t WHERE at = 3");
    assert_eq!(one.scalar::<String>().await.unwrap(), "d");
    assert!(three.routed.query("SELECT v FROM t WHERE at = 3").fetch().await.unwrap().cached);
    let named = three.routed.query("SELECT id FROM t WHERE at = :a OR at = $b ORDER BY id");
    let named = named.bind_named("a", 2).bind_named("$b", 11);
    assert_eq!(named.all::<i64>().await.unwrap(), [2, 11]);
    // What it makes may go to another thread.
    let routed = three.routed.clone();
    let spawned =
        tokio::spawn(
            async move { routed.query("SELECT id FROM t WHERE at = 3").scalar::<i64>().await },
        );
    assert_eq!(spawned.await.unwrap().unwrap(), 3);
    let too_few = three.routed.query("SELECT id FROM t WHERE at > ? OR v = ?").bind(1);
    assert!(too_few.fetch().await.unwrap_err().is_usage());
}

#[tokio::test]
async fn a_member_that_fails_or_is_late() {
    let three = three().await;
    three.old.close().await;
    let sql = "SELECT count(*) FROM t";
    let error = three.routed.query(sql).fetch().await.unwrap_err();
    assert!(error.message().starts_with("member old:"), "{error}");
    let partial = three.routed.query(sql).partial().all::<i64>().await.unwrap();
    assert_eq!(partial.answer, [7]);
    assert_eq!(partial.missing.len(), 1);
    assert_eq!(partial.missing[0].member, "old");
    let gathered = "SELECT id FROM t ORDER BY v, id";
    let partial = three.routed.query(gathered).partial().fetch().await.unwrap();
    assert_eq!((partial.rows.len(), partial.missing.len()), (7, 1));
    // Members are asked one after another here, and the one that is gone is the first.
    let in_turn = "SELECT id FROM t ORDER BY at LIMIT 3";
    let partial = three.routed.query(in_turn).partial().fetch().await.unwrap();
    assert_eq!((partial.rows.len(), partial.missing.len()), (3, 1));
    // None of those that are asked answers.
    let alone = three.routed.query("SELECT id FROM t WHERE at = 3").partial();
    assert!(alone.fetch().await.is_err());
}

#[tokio::test]
async fn a_member_whose_file_is_damaged() {
    let three = three().await;
    three.old.close().await;
    let path = three.dir.path().join("old.db");
    let bare = rusqlite::Connection::open(&path).unwrap();
    bare.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(bare);
    // The schema stays, the page of the table goes.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..8192].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let old = forebay::open(format!("sqlite:{}", path.display())).await.unwrap();
    let routed = open_routed("t", "at").live(&three.live, 20).archive("old", &old, ..10);
    let routed = routed.open().await.unwrap();
    let error = routed.query("SELECT count(*) FROM t").fetch().await.unwrap_err();
    assert!(error.is_corrupt() && error.message().starts_with("member old:"), "{error}");
    let partial = routed.query("SELECT count(*) FROM t").partial().all::<i64>().await.unwrap();
    assert_eq!((partial.answer, partial.missing.len()), (vec![4], 1));
}

#[tokio::test]
async fn a_member_that_is_late_is_an_error() {
    let three = three().await;
    let slow = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) \
                SELECT count(*) FROM s, t WHERE t.at = 3";
    let asked = three.routed.query(slow).timeout(Duration::from_millis(50));
    let error = asked.fetch().await.unwrap_err();
    assert!(error.is_timeout() && error.message().starts_with("member old:"), "{error}");
}

#[tokio::test]
async fn writes_go_to_the_member_that_owns_the_rows() {
    let three = three().await;
    let routed = &three.routed;
    let check = async |sql: &str, across: bool, expect: &[(&str, u64)]| {
        let execute = routed.execute(sql);
        let execute = if across { execute.across_members() } else { execute };
        let done = execute.await.unwrap();
        let committed: Vec<(&str, u64)> =
            done.committed.iter().map(|it| (&*it.member, it.rows_affected)).collect();
        assert_eq!(committed, expect, "{sql}");
        assert_eq!(done.rows_affected, expect.iter().map(|(_, rows)| rows).sum::<u64>());
    };
    check("INSERT INTO t VALUES (40, 4, 'x')", false, &[("old", 1)]).await;
    let again = "ON CONFLICT (id) DO UPDATE SET at = excluded.at, v = 'x'";
    check(&format!("INSERT INTO t VALUES (40, 4, 'y') {again}"), false, &[("old", 1)]).await;
    check("INSERT INTO t (at, id) VALUES (14, 41), (15, 42)", false, &[("new", 2)]).await;
    check("INSERT INTO t (id, at) VALUES (43, NULL)", false, &[("live", 1)]).await;
    let both = "INSERT INTO t (id, at) VALUES (44, 5), (45, 25), (46, '26')";
    check(both, true, &[("live", 2), ("old", 1)]).await;
    check("UPDATE t SET v = 'y' WHERE at = 14", false, &[("new", 1)]).await;
    check("UPDATE t SET at = 6, v = 'z' WHERE at = 5", false, &[("old", 1)]).await;
    check("UPDATE t SET v = 'w' WHERE v = 'd'", true, &[("live", 7), ("new", 4), ("old", 3)]).await;
    check("DELETE FROM t AS x WHERE x.at >= 19 AND x.at < 22", true, &[("live", 2), ("new", 0)])
        .await;
    check("INSERT INTO other VALUES (1)", false, &[("live", 1)]).await;
    let returned = routed.execute("DELETE FROM t WHERE at = 6 RETURNING v").await.unwrap();
    assert_eq!(returned.rows.values(0), [Value::from("z")]);
    let left: i64 = routed.query("SELECT count(*) FROM t").scalar().await.unwrap();
    assert_eq!(left, 10 + 1 + 2 + 1 + 3 - 2 - 1);
}

#[tokio::test]
async fn writes_that_cannot_be_routed_are_refused() {
    let three = three().await;
    let check = async |sql: &str, expect: &str| {
        let error = three.routed.execute(sql).await.unwrap_err();
        assert!(error.is_usage() && error.message().contains(expect), "{sql}: {error}");
    };
    check("DELETE FROM t", "across_members").await;
    check("INSERT INTO t (id, at) VALUES (50, 1), (51, 50)", "across_members").await;
    check("UPDATE t SET at = at + 1 WHERE at = 3", "may move rows to another member").await;
    check("UPDATE t SET at = 15 WHERE at = 3", "may move rows to another member").await;
    check("INSERT INTO t (id, at) SELECT id, 3 FROM other", "written down as VALUES").await;
    check("INSERT INTO t (id) VALUES (50)", "does not name the column").await;
    for set in ["at = 25", "v = 'x', at = excluded.id", "(at, v) = (3, 'x')", "at = at + 1"] {
        let sql = format!("INSERT INTO t (id, at) VALUES (1, 3) ON CONFLICT DO UPDATE SET {set}");
        check(&sql, "may move a row to another member").await;
    }
    check("INSERT INTO t (id, at) VALUES (50, 1 + 1)", "literal or a parameter").await;
    check("INSERT INTO t (id, at) VALUES (50, 'x1')", "not of the column's type").await;
    check("DELETE FROM t WHERE v = 'x' RETURNING id", "only one member can be asked").await;
    check("INSERT INTO other SELECT id FROM t", "it writes other, which is not split").await;
    check("SELECT 1 FROM t", "no INSERT, UPDATE or DELETE").await;
    check("DROP TABLE t", "no INSERT, UPDATE or DELETE").await;
    let left: i64 = three.routed.query("SELECT count(*) FROM t").scalar().await.unwrap();
    assert_eq!(left, 10);
}

#[tokio::test]
async fn what_was_committed_before_a_failure_is_said() {
    let three = three().await;
    three.old.execute("CREATE UNIQUE INDEX one ON t (v, at)").await.unwrap();
    let sql = "INSERT INTO t (id, at) VALUES (60, 60), (1, 1)";
    let error = three.routed.execute(sql).across_members().await.unwrap_err();
    assert!(error.is_unique_violation(), "{error}");
    assert!(error.message().contains("1 rows at live; then: member old:"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path(), "live.db", SCHEMA).await;
    let old = open(dir.path(), "old.db", SCHEMA).await;
    let odd =
        open(dir.path(), "odd.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, at TEXT, v TEXT)")
            .await;
    let cased = open(dir.path(), "cased.db", "CREATE TABLE t (at TEXT COLLATE NOCASE)").await;
    let table = || open_routed("t", "at");
    let refused = [
        (table(), "no live member"),
        (table().live(&live, 10).archive("old", &old, ..11), "live member overlaps"),
        (table().live(&live, 10).archive("a", &old, ..5).archive("b", &old, 4..9), "overlap"),
        (table().live(&live, 10).archive("a", &old, 5..5), "is empty"),
        (table().live(&live, 10).archive("a", &old, ..=5), "half-open"),
        (table().live(&live, 10).archive("live", &old, ..5), "two members are called live"),
        (table().live(&live, 10).archive("odd", &odd, ..5), "member odd"),
        (table().live(&live, "x"), "does not hold"),
        (table().live(&cased, "x"), "compare as BINARY"),
        (open_routed("t", "none").live(&live, 1), "no column none"),
        (open_routed("none", "at").live(&live, 1), "not an ordinary table"),
        (table().also("other").moving(&live, "old", &old), "only one can be split"),
    ];
    for (builder, expect) in refused {
        let error = builder.open().await.unwrap_err();
        assert!(error.is_usage() && error.message().contains(expect), "{expect}: {error}");
    }
}

/// A schema that changes under an open handle.
#[tokio::test]
async fn schemas_that_change_are_noticed() {
    let three = three().await;
    let sql = "SELECT * FROM t ORDER BY v, id";
    assert_eq!(three.routed.query(sql).fetch().await.unwrap().rows.columns().len(), 3);
    three.live.execute("ALTER TABLE t ADD COLUMN more INT").await.unwrap();
    let error = three.routed.query(sql).fetch().await.unwrap_err();
    assert!(error.message().contains("has 3 columns instead of 4"), "{error}");
    for member in ["new", "old"] {
        let db = three.routed.member(member).unwrap();
        db.execute("ALTER TABLE t ADD COLUMN more INT").await.unwrap();
    }
    assert_eq!(three.routed.query(sql).fetch().await.unwrap().rows.columns().len(), 4);
}

/// What is brought together is bounded.
#[tokio::test]
async fn too_much_to_bring_together_is_an_error() {
    let mut rng = Rng::with_seed(3);
    let world = World::new(&mut rng, 100).await;
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path(), "live.db", SCHEMA).await;
    let old = open(dir.path(), "old.db", SCHEMA).await;
    for at in [1, 30] {
        let db = if at == 1 { &old } else { &live };
        db.execute("INSERT INTO t (id, at) VALUES (?1, ?1), (?1 + 1, ?1 + 1)")
            .bind(at)
            .await
            .unwrap();
    }
    let routed = open_routed("t", "at").live(&live, 10).archive("old", &old, ..10);
    let routed = routed.merge_rows(3).open().await.unwrap();
    let sql = "SELECT id, row_number() OVER (ORDER BY id) FROM t";
    let error = routed.query(sql).fetch().await.unwrap_err();
    assert!(error.is_too_large() && error.message().contains("merge_rows"), "{error}");
    let error = world.flights.query("SELECT * FROM flights").max_rows(5).fetch().await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
}
