use std::sync::LazyLock;

use super::*;
use crate::Migrations;
use crate::health::Severity::{Critical, Notice, Warning};

/// How a fault is brought about in a sound database.
enum Plant {
    /// By these statements.
    Sql(&'static str),
    /// By a handle that is opened so.
    Handle(fn(Builder) -> Builder),
    /// It is sound, and something else was expected of it.
    Expecting(fn(HealthOptions) -> HealthOptions),
}

use Plant::{Expecting, Handle, Sql};

/// What the schema is changed by behind SQLite's back.
macro_rules! behind {
    ($make:literal, $name:literal, $becomes:literal) => {
        Sql(concat!(
            $make,
            "; PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = '",
            $becomes,
            "' WHERE name = '",
            $name,
            "'"
        ))
    };
}

/// Each with the check that has to find it, and nothing else.
const PLANTS: &[(&str, Plant, &str, Severity)] = &[
    ("no index of a key", Sql("DROP INDEX post_author"), "foreign_key_indexes", Warning),
    (
        "an index of some rows only",
        Sql("DROP INDEX post_author; CREATE INDEX part ON post (author) WHERE id > 5"),
        "foreign_key_indexes",
        Warning,
    ),
    (
        "an index that begins with another column",
        Sql("DROP INDEX post_author; CREATE INDEX second ON post (id, author)"),
        "foreign_key_indexes",
        Warning,
    ),
    (
        "an index of an expression of the key",
        Sql("DROP INDEX post_author; CREATE INDEX sum ON post (author + 0)"),
        "foreign_key_indexes",
        Warning,
    ),
    (
        "no index of a key of two columns",
        Sql("CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b)); INSERT INTO pair VALUES (1, 1);
            CREATE TABLE of_pair (a INT, b INT, FOREIGN KEY (a, b) REFERENCES pair);
            WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
                INSERT INTO of_pair SELECT 1, 1 FROM n"),
        "foreign_key_indexes",
        Warning,
    ),
    (
        "the same index twice",
        Sql("CREATE INDEX post_author_again ON post (author)"),
        "redundant_indexes",
        Notice,
    ),
    (
        "an index that begins another",
        Sql("CREATE INDEX post_title_short ON post (title)"),
        "redundant_indexes",
        Notice,
    ),
    (
        "an index that begins a unique one",
        Sql("CREATE UNIQUE INDEX post_author_id ON post (author, id)"),
        "redundant_indexes",
        Notice,
    ),
    (
        "an index of a primary key",
        Sql("CREATE TABLE tag (tag TEXT PRIMARY KEY, n INT); CREATE INDEX tag_tag ON tag (tag)"),
        "redundant_indexes",
        Notice,
    ),
    (
        "an index of what is unique",
        Sql("CREATE TABLE tag (id INTEGER PRIMARY KEY, tag UNIQUE); CREATE INDEX t ON tag (tag)"),
        "redundant_indexes",
        Notice,
    ),
    ("a rollback journal", Sql("PRAGMA journal_mode = delete"), "journal_mode", Warning),
    (
        "a rollback journal, from the handle",
        Handle(|builder| builder.read_only(false).cache(false).journal_mode(JournalMode::Truncate)),
        "journal_mode",
        Warning,
    ),
    ("numbers deleted", Sql("DELETE FROM sqlite_stat1"), "planner_statistics", Notice),
    ("numbers dropped", Sql("DROP TABLE sqlite_stat1"), "planner_statistics", Notice),
    (
        "numbers of a table deleted",
        Sql("DELETE FROM sqlite_stat1 WHERE tbl = 'post'"),
        "planner_statistics",
        Notice,
    ),
    (
        "a table that grew",
        Sql("WITH n(n) AS (SELECT 3001 UNION ALL SELECT n + 1 FROM n WHERE n < 12000)
            INSERT INTO post SELECT n, 1, 'title', '' FROM n"),
        "planner_statistics_age",
        Notice,
    ),
    (
        "a table that shrank",
        Sql("DELETE FROM post WHERE id > 500"),
        "planner_statistics_age",
        Notice,
    ),
    (
        "numbers that were never true",
        Sql("UPDATE sqlite_stat1 SET stat = '900000 3000' WHERE tbl = 'post'"),
        "planner_statistics_age",
        Notice,
    ),
    (
        "every second row deleted",
        Sql("DELETE FROM post WHERE id % 2 = 0; ANALYZE"),
        "unused_space",
        Notice,
    ),
    ("rows made smaller", Sql("UPDATE post SET body = NULL"), "unused_space", Notice),
    (
        "a large table dropped",
        Sql("CREATE TABLE bulk (x); INSERT INTO bulk VALUES (zeroblob(30000000)); DROP TABLE bulk"),
        "free_pages",
        Notice,
    ),
    (
        "many rows deleted",
        Sql("CREATE TABLE bulk (x);
            WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
                INSERT INTO bulk SELECT zeroblob(100000) FROM n;
            DELETE FROM bulk"),
        "free_pages",
        Notice,
    ),
    (
        "rows that refer to nothing",
        Sql("PRAGMA foreign_keys = off; UPDATE post SET author = 999 WHERE id < 4"),
        "orphans",
        Warning,
    ),
    (
        "a parent deleted",
        Sql("PRAGMA foreign_keys = off; DELETE FROM author WHERE id = 3"),
        "orphans",
        Warning,
    ),
    (
        "a table of parents dropped",
        Sql("PRAGMA foreign_keys = off; DROP TABLE author"),
        "orphans",
        Warning,
    ),
    (
        "a NULL where none may be",
        behind!(
            "CREATE TABLE nn (x); INSERT INTO nn VALUES (NULL)",
            "nn",
            "CREATE TABLE nn (x NOT NULL)"
        ),
        "integrity",
        Critical,
    ),
    (
        "a row that an index does not have",
        behind!(
            "CREATE TABLE m (x); INSERT INTO m VALUES (1), (2);
             CREATE INDEX mi ON m (x) WHERE x > 1",
            "mi",
            "CREATE INDEX mi ON m (x)"
        ),
        "integrity",
        Critical,
    ),
    (
        "two of what is unique",
        behind!(
            "CREATE TABLE u (x); INSERT INTO u VALUES (1), (1); CREATE INDEX ui ON u (x)",
            "ui",
            "CREATE UNIQUE INDEX ui ON u (x)"
        ),
        "integrity",
        Critical,
    ),
    (
        "a text in a strict column",
        behind!(
            "CREATE TABLE st (x INT); INSERT INTO st VALUES ('a')",
            "st",
            "CREATE TABLE st (x INT) STRICT"
        ),
        "integrity",
        Critical,
    ),
    (
        "an index that is not there",
        Expecting(|options| options.expect_index("POST_AUTHOR").expect_index("post_date")),
        "expected_indexes",
        Warning,
    ),
    (
        "a foreign key that is not there",
        Expecting(|options| options.expect_relation("post", "title", "author")),
        "expected_relations",
        Warning,
    ),
    (
        "an index of a migration",
        Expecting(|options| {
            options.expect_migrations(Migrations::from([
                (
                    "1_a.sql",
                    "CREATE INDEX old ON post (body); CREATE INDEX post_author ON post (author)",
                ),
                ("2_b.sql", "DROP INDEX old; CREATE INDEX post_seen ON post (id)"),
            ]))
        }),
        "expected_indexes",
        Warning,
    ),
    (
        "a foreign key of a migration",
        Expecting(|options| {
            let table = "CREATE TABLE post (id INTEGER PRIMARY KEY, author INT REFERENCES author, \
                         editor INT REFERENCES author)";
            options.expect_migrations(Migrations::from([("1_post.sql", table)]))
        }),
        "expected_relations",
        Warning,
    ),
    (
        "foreign keys that are not enforced",
        Handle(|builder| builder.read_only(false).foreign_keys(false)),
        "foreign_keys",
        Warning,
    ),
    (
        "commits that are not written through",
        Handle(|builder| builder.read_only(false).synchronous(Synchronous::Off)),
        "synchronous",
        Critical,
    ),
];

/// The file of a sound database that nobody has open.
static TEMPLATE: LazyLock<Vec<u8>> = LazyLock::new(|| std::fs::read(Place::new().path).unwrap());

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    std::fs::write(&path, &*TEMPLATE).unwrap();
    Place { _folder: folder, path }
}

fn looked_at(place: &Place, plant: &Plant) -> Health {
    match plant {
        Sql(script) => {
            place.run(script);
            place.health(deep()).unwrap()
        }
        Handle(with) => look(with(reader(&place.path)), HealthOptions::new()).unwrap(),
        Expecting(what) => place.health(what(HealthOptions::new())).unwrap(),
    }
}

/// One by one: each is found, as grave as it is, and nothing else is.
#[test]
fn each_fault_is_found_alone() {
    assert_eq!(found(&place().health(deep()).unwrap()), [], "nothing is found before");
    let mut missed = Vec::new();
    println!("| planted | found by | severity |\n|---|---|---|");
    for (what, plant, name, severity) in PLANTS {
        let health = looked_at(&place(), plant);
        let found = found(&health);
        if found != [(*name, *severity)] {
            missed.push(format!("{what}: expected {name} {severity}, found {found:?}"));
            continue;
        }
        println!("| {what} | `{name}` | {severity} |");
        let check = &health.checks[0];
        assert!(!check.cure.is_empty() && !check.message.is_empty(), "{check:?}");
        assert!(health.score < 1.0, "{what}");
    }
    assert!(
        missed.is_empty(),
        "{} of {} missed:\n{}",
        missed.len(),
        PLANTS.len(),
        missed.join("\n")
    );
}

/// Only a handle that may write sees them: SQLite reads no CHECK of a file that is opened for
/// reading only.
#[test]
fn rows_that_a_check_refuses_are_found() {
    let place = place();
    place.run(
        "CREATE TABLE part (n INTEGER CHECK (n > 0)); PRAGMA ignore_check_constraints = on;
        INSERT INTO part VALUES (1), (-1), (-2)",
    );
    let reading = place.health(deep()).unwrap();
    assert_eq!(reading.check("check_constraints").unwrap().severity, Severity::Unknown);
    let health = look(reader(&place.path).read_only(false), deep()).unwrap();
    let expect = [("check_constraints", Warning)];
    assert_eq!(found(&health), expect);
    assert!(health.checks[0].message.ends_with(": 2 of part"), "{:?}", health.checks[0]);
}

/// What it says to do can be done as a whole, and leaves nothing to find.
#[test]
fn the_cure_of_one_is_no_other_fault() {
    let place = place();
    place.run(
        "CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b)); INSERT INTO pair VALUES (1, 1);
        CREATE TABLE one (a INTEGER PRIMARY KEY); INSERT INTO one VALUES (1);
        CREATE TABLE item (a INT REFERENCES one, b INT REFERENCES one,
            FOREIGN KEY (a, b) REFERENCES pair);
        WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
            INSERT INTO item SELECT 1, 1 FROM n",
    );
    let health = place.health(deep()).unwrap();
    assert_eq!(found(&health), [("foreign_key_indexes", Warning)]);
    let cure = &health.check("foreign_key_indexes").unwrap().cure;
    assert_eq!(cure.len(), 2, "one of both columns is one of the first, too: {cure:?}");
    place.run(&cure.join("\n"));
    place.run("ANALYZE");
    assert_eq!(found(&place.health(deep()).unwrap()), []);
}

/// One after another in the same file: none goes unseen, and the score does not rise.
#[test]
fn with_each_fault_the_score_falls() {
    let place = place();
    let mut before = place.health(deep()).unwrap();
    for what in [
        "a rollback journal",
        "an index of a primary key",
        "no index of a key",
        "a large table dropped",
        "rows that refer to nothing",
        "a parent deleted",
        "rows made smaller",
        "a text in a strict column",
        "two of what is unique",
    ] {
        let (.., plant, name, severity) = PLANTS.iter().find(|it| it.0 == what).unwrap();
        let health = looked_at(&place, plant);
        let check = health.check(name).unwrap();
        assert!(check.severity >= *severity, "{what}: {check:?}");
        assert!(health.score <= before.score && health.status >= before.status, "{what}");
        before = health;
    }
    assert!(before.score <= 0.4, "{before:?}");
}

/// What is asked of a handle in vain, and what it has too little of.
#[test]
fn a_handle_that_has_too_little() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let place = place();
    let open = |builder: Builder| runtime.block_on(builder.open()).unwrap();
    let waiting = reader(&place.path).read_only(false).max_sessions(1);
    let db = open(waiting.acquire_timeout(Duration::from_millis(20)));
    let health = runtime.block_on(async {
        let (holder, other) = (db.session(), db.session());
        holder.execute("BEGIN").await.unwrap();
        assert!(other.execute("BEGIN").await.unwrap_err().is_pool_exhausted());
        holder.close().await;
        db.health().await.unwrap()
    });
    assert_eq!(health.check("pool").unwrap().severity, Critical, "{health:#?}");
    let small = open(reader(&place.path).read_only(false).cache_bytes(200_000).worth_it(false));
    let health = runtime.block_on(async {
        for round in 0..4 {
            for id in 1..3_000 {
                let sql = "SELECT body FROM post WHERE id = ?";
                let _: String = small.query(sql).bind(id).scalar().await.unwrap();
            }
            assert!(small.stats().cache.misses > round * 1_000);
        }
        small.health().await.unwrap()
    });
    let check = health.check("cache_size").unwrap();
    assert_eq!(check.severity, Notice, "{check:?}");
    assert!(check.message.contains("the cache is full"), "{check:?}");
}
