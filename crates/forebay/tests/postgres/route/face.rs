//! What a routed handle promises beside its answers: which members are asked, what is cached, what
//! a failing member does, where writes go, and what is refused.

use std::time::Duration;

use cluster::Database;
use forebay::{Builder, Db, Routed, Value, open_routed};

use super::world::another;
use crate::place::{Place, on_each};
use crate::ready::{caught_up, follow, open, soon};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, at int, v text DEFAULT 'd');
    CREATE TABLE other (id int);";

struct Three {
    routed: Routed,
    live: Db,
    old: Db,
    _databases: Vec<Database>,
}

fn filled(first: i32) -> String {
    let rows = [first, first + 1, first + 2].map(|n| format!("({n}, {n})")).join(", ");
    format!("{SCHEMA} INSERT INTO t (id, at) VALUES {rows};")
}

/// Members: old ..10, new 10..20, live 20.. and NULL; three rows each, one more without a value.
async fn three(place: &Place) -> Three {
    let live = place.open(&format!("{} INSERT INTO t VALUES (99, NULL);", filled(20))).await;
    let (first, new) = another(place, &filled(10)).await;
    let (second, old) = another(place, &filled(1)).await;
    let routed = open_routed("T", "At").live(&live, 20).archive("new", &new, 10..20);
    let routed = routed.archive("old", &old, ..10).member_timeout(Duration::from_secs(60));
    let routed = routed.open().await.unwrap();
    Three { routed, live, old, _databases: vec![first, second] }
}

#[test]
fn only_members_that_can_matter_are_asked() {
    on_each("only_members_that_can_matter_are_asked", async |place| {
        let three = three(place).await;
        let check = async |sql: &str, way: &str, asked: &[&str]| {
            let explained = three.routed.explain(sql).await.unwrap();
            let steps = explained.members.iter().filter(|step| !step.asked.is_empty());
            let members: Vec<&str> = steps.map(|step| &*step.member).collect();
            assert_eq!((explained.way, members.as_slice()), (way, asked), "{sql}\n{explained}");
            three.routed.query(sql).fetch().await.unwrap()
        };
        check("SELECT * FROM t WHERE at = 3", "one member", &["old"]).await;
        check("SELECT * FROM t WHERE at >= 20 AND v = 'x'", "one member", &["live"]).await;
        check("SELECT * FROM t WHERE at IS NULL", "one member", &["live"]).await;
        let near = "SELECT * FROM t WHERE at > 8 AND at < 12";
        check(near, "one after another", &["old", "new"]).await;
        check("SELECT count(*) FROM t", "parts of groups", &["old", "new", "live"]).await;
        let listed = "SELECT count(*) FROM t WHERE at IN (1, 21)";
        check(listed, "parts of groups", &["old", "live"]).await;
        check("SELECT id FROM t WHERE at < 15 ORDER BY v", "rows", &["old", "new"]).await;
        let joined = "SELECT a.id FROM t a, t b WHERE a.at = 1 AND b.at = 2";
        check(joined, "one member", &["old"]).await;
        check("SELECT * FROM other", "one member", &["live"]).await;
        check("SELECT t.id FROM t, other WHERE at = 3", "rows", &["old"]).await;
        check("SELECT id FROM t WHERE at < 3 AND at::text = '2'", "one member", &["old"]).await;
        // The newest have enough.
        let sql = "SELECT id FROM t WHERE at > 0 ORDER BY at DESC LIMIT 2";
        let answer = check(sql, "one after another", &["old", "new", "live"]).await;
        assert_eq!(answer.asked, ["live"]);
        let sql = "SELECT id FROM t ORDER BY at LIMIT 4 OFFSET 1";
        let answer = check(sql, "one after another", &["old", "new", "live"]).await;
        assert_eq!((answer.asked.join(" "), answer.rows.len()), ("old new".to_owned(), 4));
    });
}

#[test]
fn answers_of_members_are_cached() {
    on_each("answers_of_members_are_cached", async |place| {
        let live = follow(place, &filled(20)).await;
        let database = Database::on(place.cluster()).unwrap();
        database.psql(&filled(1)).unwrap();
        crate::ready::set_up(&database.url()).await;
        let old = open(Builder::new(database.url())).await;
        let routed = open_routed("t", "at").live(&live, 20).archive("old", &old, ..20);
        let routed = routed.open().await.unwrap();
        let sql = "SELECT count(*), max(at) FROM t WHERE at >= $1";
        let hits = || old.stats().cache.hits + live.stats().cache.hits;
        soon("the parts are in the caches", async || {
            let before = hits();
            let found: (i64, i32) = routed.query(sql).bind(2).one().await.unwrap();
            assert_eq!(found, (5, 22));
            hits() >= before + 2
        })
        .await;
        // Commits of others, at either.
        place.psql("INSERT INTO t VALUES (30, 30)");
        database.psql("DELETE FROM t WHERE id = 2").unwrap();
        caught_up(&live).await;
        soon("the commits of others are seen", async || {
            routed.query(sql).bind(2).one::<(i64, i32)>().await.unwrap() == (5, 30)
        })
        .await;
        let one = "SELECT v FROM t WHERE at = 3";
        soon("one member answers from its cache", async || {
            routed.query(one).fetch().await.unwrap().cached
        })
        .await;
        // A change of the schema is noticed by itself.
        for change in ["ALTER TABLE t ADD more int", "ALTER TABLE t ALTER v TYPE varchar(9)"] {
            database.psql(change).unwrap();
            place.psql(change);
            soon("the new schema is known", async || {
                let found = routed.query("SELECT * FROM t ORDER BY v, id").fetch().await;
                found.is_ok_and(|found| found.rows.columns().len() == 4)
            })
            .await;
        }
    });
}

#[test]
fn a_member_that_fails() {
    on_each("a_member_that_fails", async |place| {
        let three = three(place).await;
        three.old.close().await;
        let sql = "SELECT count(*) FROM t";
        let error = three.routed.query(sql).fetch().await.unwrap_err();
        assert!(error.message().starts_with("member old:"), "{error}");
        for (sql, expect) in [(sql, 7), ("SELECT count(*) FROM (SELECT FROM t WHERE true) x", 7)] {
            let partial = three.routed.query(sql).partial().all::<i64>().await.unwrap();
            assert_eq!(partial.answer, [expect], "{sql}");
            let missing: Vec<&str> = partial.missing.iter().map(|it| &*it.member).collect();
            assert_eq!(missing, ["old"]);
        }
        let only = three.routed.query("SELECT count(*) FROM t WHERE at < 5 AND at < 12");
        assert!(only.partial().fetch().await.is_err(), "nobody else could answer");
    });
}

#[test]
fn writes_go_to_the_owner() {
    on_each("writes_go_to_the_owner", async |place| {
        let three = three(place).await;
        let routed = &three.routed;
        let done = async |sql: &str, values: &[i64]| {
            let asked = values.iter().fold(routed.execute(sql), |asked, it| asked.bind(*it));
            let done = asked.await.map_err(|error| error.message().to_owned())?;
            Ok::<_, String>(
                done.committed.iter().map(|it| (it.member.clone(), it.rows_affected)).collect(),
            )
        };
        let check = async |sql: &str, values: &[i64], expect: Result<&[(&str, u64)], &str>| {
            let found: Result<Vec<(String, u64)>, String> = done(sql, values).await;
            match (&found, expect) {
                (Ok(found), Ok(expect)) => {
                    let found: Vec<(&str, u64)> =
                        found.iter().map(|(member, rows)| (member.as_str(), *rows)).collect();
                    assert_eq!(found, expect, "{sql}");
                }
                (Err(found), Err(says)) => assert!(found.contains(says), "{sql}: {found}"),
                _ => panic!("{sql}: {found:?}"),
            }
        };
        check("INSERT INTO t (id, at) VALUES (5, 5)", &[], Ok(&[("old", 1)])).await;
        check("INSERT INTO t (at, id) VALUES ($2, $1)", &[25, 25], Ok(&[("live", 1)])).await;
        check("INSERT INTO t VALUES (100, NULL, 'x')", &[], Ok(&[("live", 1)])).await;
        check("INSERT INTO t VALUES (16, 16), (17, 17)", &[], Ok(&[("new", 2)])).await;
        check("UPDATE t SET v = 'u' WHERE at = 5", &[], Ok(&[("old", 1)])).await;
        check("UPDATE t SET at = 6 WHERE at = 5 RETURNING id", &[], Ok(&[("old", 1)])).await;
        check("DELETE FROM t x WHERE x.at = $1", &[6], Ok(&[("old", 1)])).await;
        check("INSERT INTO other VALUES (1)", &[], Ok(&[("live", 1)])).await;
        check("UPDATE t SET at = 15 WHERE at = 1", &[], Err("may move rows")).await;
        check("UPDATE t SET at = at + 1 WHERE at = 1", &[], Err("may move rows")).await;
        let taken = "INSERT INTO t VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET";
        check(&format!("{taken} v = 'e'"), &[], Ok(&[("old", 1)])).await;
        check(&format!("{taken} at = 15"), &[], Err("where a row is there already")).await;
        check("DELETE FROM t WHERE v = 'd'", &[], Err("across_members")).await;
        check("INSERT INTO t VALUES (8, 8), (28, 28)", &[], Err("across_members")).await;
        check("INSERT INTO t (id) VALUES (8)", &[], Err("does not name the column")).await;
        check("INSERT INTO t VALUES (8, 4 + 4)", &[], Err("literal or a parameter")).await;
        check("INSERT INTO t SELECT 8, 8", &[], Err("only its own rows")).await;
        let own = "DELETE FROM t WHERE at = 3 AND id IN (SELECT max(id) FROM t)";
        check(own, &[], Err("only its own rows")).await;
        check("INSERT INTO other SELECT id FROM t", &[], Err("rests on one that is")).await;
        check("SELECT 1", &[], Err("no INSERT")).await;
        // Several members, where that is allowed.
        let sql = "INSERT INTO t (id, at, v) VALUES ($1, 8, 'm'), ($2, 28, 'm'), ($3, $3, 'm')";
        let asked = routed.execute(sql).bind(8).bind(28).bind(9).across_members();
        let done = asked.await.unwrap();
        assert_eq!((done.rows_affected, done.committed.len()), (3, 2));
        assert_eq!((&*done.committed[0].member, done.committed[0].rows_affected), ("live", 1));
        let sql = "UPDATE t AS y SET v = $1 WHERE v IS NOT DISTINCT FROM 'm' OR id = $2";
        let done = routed.execute(sql).bind("n").bind(11).across_members().await.unwrap();
        assert_eq!((done.rows_affected, done.committed.len()), (4, 3));
        let left = "SELECT array_agg(id ORDER BY id) FROM t WHERE v = 'n'";
        assert_eq!(routed.query(left).scalar::<Vec<i32>>().await.unwrap(), [8, 9, 11, 28]);
        let done = routed.execute("DELETE FROM t").across_members().await.unwrap();
        assert_eq!(done.committed.len(), 3);
        assert_eq!(routed.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
    });
}

#[test]
fn ranges_of_every_type() {
    on_each("ranges_of_every_type", async |place| {
        let check = async |kind: &str, bound: &str, below: &str, above: &str| {
            let name = format!("r_{}", kind.split(' ').next().unwrap());
            let script = format!("CREATE TABLE {name} (k {kind}, n int);");
            let live = place.open(&script).await;
            let (_database, old) = another(place, &script).await;
            let routed = open_routed(&name, "k").live(&live, bound).archive("old", &old, ..bound);
            let routed = routed.open().await.unwrap();
            for (value, member) in [(below, "old"), (above, "live"), (bound, "live")] {
                let sql = format!("INSERT INTO {name} VALUES ($1, 1)");
                let done = routed.execute(&sql).bind(value).await.unwrap();
                assert_eq!(done.committed[0].member, member, "{kind}: {value}");
                let sql = format!("SELECT n FROM {name} WHERE k = '{value}'");
                let found = routed.query(&sql).fetch().await.unwrap();
                assert_eq!((found.asked, found.rows.len()), (vec![member.to_owned()], 1), "{sql}");
            }
            let sql = format!("SELECT k::text FROM {name} r WHERE k <= $1 ORDER BY r.k");
            let found = routed.query(&sql).bind(bound).all::<String>().await.unwrap();
            assert_eq!(found.len(), 2, "{kind}: {found:?}");
        };
        check("date", "2024-01-01", "2023-12-31", "2024-01-02").await;
        check("timestamp", "2024-01-01T10:00:00", "2024-01-01", "infinity").await;
        let zoned = "2024-01-01T10:00:00Z";
        check("timestamptz", zoned, "2024-01-01T09:59:59.999Z", "2024-01-01 10:00:01+00").await;
        check("int2", "10", "-3", "11").await;
        check("text COLLATE \"C\"", "b", "a", "bb").await;
        let id = |last: u8| format!("00000000-0000-0000-0000-0000000000{last:02x}");
        check("uuid", &id(9), &id(8), &id(200)).await;
    });
}

#[test]
fn what_is_refused() {
    on_each("what_is_refused", async |place| {
        let three = three(place).await;
        three.live.execute("CREATE VIEW seen AS SELECT id, at FROM t").await.unwrap();
        let check = async |sql: &str, says: &str| {
            let error = three.routed.query(sql).fetch().await.unwrap_err();
            assert!(error.message().contains(says), "{sql}: {error}");
        };
        check("SELECT id FROM t WHERE v = 'x' AND at > random()", "random").await;
        check("SELECT id, now() FROM t", "now").await;
        check("SELECT count(*) FROM seen WHERE at < 30", "view").await;
        check("SELECT rank() OVER (ORDER BY id) FROM public.t", "with its schema").await;
        check("SELECT ctid FROM t", "system column").await;
        check("DELETE FROM t", "use `execute`").await;
        check("SELECT wrong FROM t", "does not exist").await;
        let named = three.routed.query("SELECT id FROM t WHERE at = $1").bind_named("a", 1);
        assert!(named.fetch().await.unwrap_err().is_usage());
        let few = three.routed.query("SELECT id FROM t WHERE at = $1 OR id = $2").bind(1);
        assert!(few.fetch().await.unwrap_err().message().contains("2 parameters"));
        let seen = three.routed.query("SELECT id FROM seen WHERE at = 21");
        assert_eq!(seen.scalar::<i32>().await.unwrap(), 21);
        // Handles.
        let refused = async |kind: &str, bound: Value, says: &str| {
            let script = format!("DROP TABLE IF EXISTS o; CREATE TABLE o (k {kind})");
            let live = place.open(&script).await;
            let (_database, old) = another(place, &script).await;
            let routed = open_routed("o", "k").live(&live, bound.clone());
            let error = routed.archive("old", &old, ..bound).open().await.unwrap_err();
            assert!(error.message().contains(says), "{kind}: {error}");
        };
        refused("numeric", 1.into(), "whose order is not known").await;
        refused("text COLLATE \"en-x-icu\"", "a".into(), "collation \"C\"").await;
        refused("date", "tomorrow".into(), "a bound of a range").await;
        let differs = async |script: &str, says: &str| {
            let (_database, old) = another(place, script).await;
            let routed = open_routed("t", "at").live(&three.live, 10).archive("old", &old, ..10);
            let error = routed.open().await.unwrap_err();
            assert!(error.message().contains(says), "{script}: {error}");
        };
        differs("CREATE TABLE t (id int, at int, v varchar)", "column v").await;
        differs("CREATE TABLE t (id int, at int, v text COLLATE \"C\")", "column v").await;
        differs("CREATE TABLE t (at int, id int, v text)", "column at").await;
        differs("CREATE TABLE u (id int)", "no table t").await;
        let parted = "CREATE TABLE r (id int, at int, v text) PARTITION BY RANGE (at);
            CREATE TABLE t PARTITION OF r DEFAULT";
        differs(parted, "is a partition").await;
        let (database, _) = another(place, &filled(1)).await;
        let name = database.name();
        database.psql(&format!("ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")).unwrap();
        let tokyo = Builder::new(database.url()).open().await.unwrap();
        let routed = open_routed("t", "at").live(&three.live, 10).archive("old", &tokyo, ..10);
        let error = routed.open().await.unwrap_err();
        assert!(error.message().contains("TimeZone is Asia/Tokyo there"), "{error}");
        let sqlite = forebay::open("sqlite::memory:").await.unwrap();
        let routed = open_routed("t", "at").live(&three.live, 10).archive("old", &sqlite, ..10);
        assert!(routed.open().await.unwrap_err().message().contains("all PostgreSQL"));
    });
}
