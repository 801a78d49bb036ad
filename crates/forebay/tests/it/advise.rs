//! Advice on indexes: what is advised and what is not, that it is true on the bare database, and
//! that asking for it leaves no trace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use forebay::{Advice, AdviseOptions, Advisor, FindingKind, Value, Workload, WorkloadQuery};
use rusqlite::{Connection, StatementStatus};

/// Random databases that are tried; `FOREBAY_ADVISE_CASES` sets another number.
const CASES: u64 = 6;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn advice(path: &Path, workload: &Workload) -> Advice {
    let options = AdviseOptions { rows_min: 400, ..AdviseOptions::default() };
    let advisor = Advisor::sqlite(path.to_str().unwrap()).unwrap().options(options);
    block_on(advisor.advise(workload)).unwrap()
}

/// Everything in a folder: bytes, and when they were written.
fn trace(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entry = |path: PathBuf| {
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        (path.clone(), (std::fs::read(path).unwrap(), written))
    };
    // In the WAL index readers leave their marks.
    let is_index = |path: &PathBuf| path.to_string_lossy().ends_with("-shm");
    let paths = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    paths.filter(|path| !is_index(path)).map(entry).collect()
}

/// A shop of 4,000 orders, in which few are open.
const SHOP: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, name TEXT, left_at INTEGER);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users, state TEXT,
        total REAL, made_at INTEGER, note TEXT);
    CREATE TABLE states (name TEXT PRIMARY KEY, shown TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO users SELECT i, 'User' || i || '@example.com', 'name ' || (i * 7919 % 2003),
        CASE WHEN i % 50 = 0 THEN i END FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
    INSERT INTO orders SELECT i, 1 + i * 7919 % 800,
        CASE WHEN i % 97 = 0 THEN 'open' ELSE 'done' END, i * 31 % 500, i * 104729 % 100003,
        'note ' || (i * 15485863 % 999983) || ' of it' FROM n;
    INSERT INTO states VALUES ('open', 'Open'), ('done', 'Done');
    ANALYZE;";

struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new(more: &str) -> Shop {
        let shop = Shop { folder: tempfile::tempdir().unwrap() };
        let bare = Connection::open(shop.path()).unwrap();
        bare.execute_batch(SHOP).unwrap();
        bare.execute_batch(more).unwrap();
        shop
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    fn advice(&self, workload: &str) -> Advice {
        let before = trace(self.folder.path());
        let advice = advice(&self.path(), &Workload::from_sql(workload).unwrap());
        assert_eq!(trace(self.folder.path()), before, "asking left a trace");
        advice
    }
}

/// The findings of a kind, each by the keys of its index.
fn found(advice: &Advice, kind: FindingKind) -> Vec<String> {
    let of = |sql: &String| match sql.split_once(" ON ") {
        Some((_, rest)) => rest.trim_end_matches(';').replace('"', ""),
        None => sql.replace('"', ""),
    };
    let findings = advice.findings.iter().filter(|it| it.kind == kind);
    let mut found: Vec<String> = findings.map(|it| of(&it.apply[0])).collect();
    found.sort();
    found
}

#[test]
fn indexes_that_help() {
    let shop = Shop::new("");
    let check = |workload: &str, expect: &[&str]| {
        let advice = shop.advice(workload);
        assert_eq!(found(&advice, FindingKind::AddIndex), expect, "{workload}: {advice:#?}");
    };
    check("SELECT * FROM users WHERE email = 'User7@example.com'", &["users (email)"]);
    check(
        "SELECT * FROM users WHERE lower(email) = 'user7@example.com'",
        &["users (lower(email))"],
    );
    check(
        "SELECT * FROM orders WHERE user_id = 7 ORDER BY made_at DESC LIMIT 2",
        &["orders (user_id)"],
    );
    check(
        "SELECT * FROM orders WHERE state = 'done' AND total > 400 ORDER BY made_at LIMIT 5",
        &["orders (made_at)"],
    );
    check(
        "SELECT * FROM orders WHERE state = 'open' AND total > 490",
        &["orders (total) WHERE state = 'open'"],
    );
    check("SELECT * FROM users WHERE name LIKE 'name 19%'", &["users (name COLLATE NOCASE)"]);
    check("SELECT * FROM users WHERE name GLOB 'name 19*'", &["users (name)"]);
    check(
        "SELECT * FROM orders WHERE user_id = 5 OR made_at = 4",
        &["orders (made_at)", "orders (user_id)"],
    );
    check(
        "SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = 9",
        &["orders (user_id)"],
    );
    check("DELETE FROM orders WHERE user_id = 77", &["orders (user_id)"]);
}

#[test]
fn indexes_that_do_not() {
    let shop = Shop::new("CREATE INDEX made ON orders (made_at)");
    let check = |workload: &str, says: &str| {
        let advice = shop.advice(workload);
        assert_eq!(found(&advice, FindingKind::AddIndex), [""; 0], "{workload}");
        let is_said = advice.refused.iter().any(|it| it.reason.contains(says));
        assert!(is_said || says.is_empty(), "{workload}: {advice:#?}");
    };
    check("SELECT * FROM orders WHERE state = 'done'", "");
    check("SELECT count(*) FROM orders", "");
    check("SELECT * FROM states WHERE shown = 'Open'", "2 rows");
    check("SELECT * FROM orders WHERE id = 5", "");
    check("SELECT * FROM orders WHERE made_at = 5", "");
    check("SELECT * FROM nowhere WHERE made_at = 5", "no such table");
    check("PRAGMA journal_mode = wal", "neither reads nor writes");
    check("SELECT * FROM orders WHERE total = ? + 1", "values");
    let writes = "-- calls: 1\nSELECT * FROM orders WHERE total = 3.5;
        -- calls: 1000\nINSERT INTO orders (user_id, total) VALUES (4, 5)";
    check(writes, "the writes take so much");
}

#[test]
fn what_else_there_is_to_say() {
    let shop = Shop::new(
        "CREATE INDEX a ON orders (user_id); CREATE INDEX b ON orders (user_id, made_at);
         CREATE INDEX c ON users (name); CREATE INDEX d ON users (name);
         CREATE INDEX e ON orders (total); CREATE UNIQUE INDEX f ON users (email);
         UPDATE orders SET note = note || printf('%.500c', 'x')",
    );
    let workload = "
        -- calls: 20
        SELECT * FROM orders WHERE user_id = 5 ORDER BY made_at;
        SELECT * FROM users WHERE name = 'name 5';
        SELECT id FROM orders WHERE note LIKE '%98765%';
        SELECT id FROM orders WHERE note = 'a note';
        SELECT * FROM orders ORDER BY id LIMIT 10 OFFSET 3900;";
    let mut all = Workload::from_sql(workload).unwrap();
    let check = |all: &Workload, kind, expect: &[&str]| {
        let advice = advice(&shop.path(), all);
        assert_eq!(found(&advice, kind), expect, "{advice:#?}");
        advice
    };
    check(&all, FindingKind::DropUnused, &[]);
    check(&all, FindingKind::DropPrefix, &["DROP INDEX IF EXISTS a;"]);
    all.is_complete = true;
    let advice = check(&all, FindingKind::DropUnused, &["DROP INDEX IF EXISTS e;"]);
    assert_eq!(found(&advice, FindingKind::DropDuplicate), ["DROP INDEX IF EXISTS d;"]);
    let text = advice.findings.iter().find(|it| it.kind == FindingKind::FullTextIndex).unwrap();
    assert!(text.advice[0].contains("rowid IN (SELECT rowid FROM"), "{text:#?}");
    // As it is with the index on notes, by the name that is advised for it.
    let plan = text.effects[0].plan_before.join("; ");
    assert!(plan.contains("orders_note") && !format!("{advice:?}").contains("trial"), "{plan}");
    let deep = advice.findings.iter().find(|it| it.kind == FindingKind::DeepOffset).unwrap();
    assert!(deep.message.contains("3900") && deep.effects[0].after.work < 1_000.0, "{deep:#?}");
    // All of it can be run, and undone.
    let bare = Connection::open(shop.path()).unwrap();
    let schema = || -> Vec<String> {
        let mut listing = bare.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = listing.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.map(|it| it.unwrap().unwrap_or_default()).collect()
    };
    let before = schema();
    advice.script().iter().for_each(|sql| bare.execute_batch(sql).unwrap());
    assert_ne!(schema(), before);
    bare.execute_batch(
        "INSERT INTO orders (note) VALUES ('a 98765 b'); DELETE FROM orders WHERE id = 7",
    )
    .unwrap();
    let asked = text.advice[0].strip_prefix("ask so: ").unwrap();
    let count = format!("SELECT count(*) FROM ({asked})");
    let rows: i64 = bare.query_row(&count, [], |row| row.get(0)).unwrap();
    let plain = "SELECT count(*) FROM orders WHERE note LIKE '%98765%'";
    assert_eq!(rows, bare.query_row(plain, [], |row| row.get::<_, i64>(0)).unwrap());
    advice.undo_script().iter().for_each(|sql| bare.execute_batch(sql).unwrap());
    assert_eq!(schema(), before);
}

#[test]
fn parameters_and_numbers() {
    let shop = Shop::new("DELETE FROM sqlite_stat1; DELETE FROM sqlite_stat4");
    let query = |sql: &str| WorkloadQuery::new(sql).calls(10);
    let check = |query: WorkloadQuery, expect: &[&str]| {
        let advice = advice(&shop.path(), &Workload::new().with(query));
        assert_eq!(found(&advice, FindingKind::AddIndex), expect, "{advice:#?}");
    };
    let sql = "SELECT * FROM orders WHERE user_id = ? AND made_at > ? LIMIT ?";
    // With values that were seen, and with values that are drawn.
    let seen = query(sql).params([Value::from(5), Value::from(100), Value::from(3)]);
    check(seen, &["orders (user_id)"]);
    check(query(sql), &["orders (user_id)"]);
    check(query("SELECT * FROM users WHERE email = :mail"), &["users (email)"]);
    check(query("SELECT * FROM users WHERE email = ?").params([]), &["users (email)"]);
}

#[test]
fn databases_that_cannot_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let workload = Workload::new().with(WorkloadQuery::new("SELECT 1"));
    let asked = |name: &str, options: AdviseOptions| {
        let path = folder.path().join(name);
        let advisor = Advisor::sqlite(path.to_str().unwrap()).unwrap().options(options);
        block_on(advisor.advise(&workload))
    };
    let error = |name: &str| asked(name, AdviseOptions::default()).unwrap_err();
    std::fs::write(folder.path().join("text.db"), "no database ".repeat(1_000)).unwrap();
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    assert!(error("missing.db").is_open());
    assert!(error("").is_open());
    assert!(error("text.db").is_corrupt());
    let advice = asked("empty.db", AdviseOptions::default()).unwrap();
    assert_eq!((advice.findings.len(), advice.queries), (0, 1));
    assert_eq!(std::fs::metadata(folder.path().join("empty.db")).unwrap().len(), 0);
    // Its pages are damaged behind the first.
    let bare = Connection::open(folder.path().join("damaged.db")).unwrap();
    bare.execute_batch(SHOP).unwrap();
    drop(bare);
    let path = folder.path().join("damaged.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8_192..].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    let before = trace(folder.path());
    let damaged = Workload::from_sql("SELECT * FROM users WHERE email = 'x'").unwrap();
    match block_on(Advisor::sqlite(path.to_str().unwrap()).unwrap().advise(&damaged)) {
        Ok(advice) => assert!(advice.findings.is_empty() && !advice.refused.is_empty()),
        Err(error) => assert!(error.is_corrupt(), "{error}"),
    }
    assert_eq!(trace(folder.path()), before);
    let small = AdviseOptions { copy_bytes_max: 1_000, ..AdviseOptions::default() };
    assert!(asked("damaged.db", small).unwrap_err().is_too_large());
    assert!(Advisor::sqlite("sqlite::memory:").unwrap_err().is_usage());
}

/// A file in WAL mode that nobody has open, one that somebody has open and writes to, and one that
/// is locked.
#[test]
fn files_in_use() {
    let shop = Shop::new("PRAGMA journal_mode = wal");
    let sql = "SELECT * FROM users WHERE email = 'User7@example.com'";
    assert_eq!(found(&shop.advice(sql), FindingKind::AddIndex), ["users (email)"]);
    assert_eq!(std::fs::read_dir(shop.folder.path()).unwrap().count(), 1);
    let bare = Connection::open(shop.path()).unwrap();
    bare.execute_batch("CREATE TABLE later (x); BEGIN IMMEDIATE; INSERT INTO later VALUES (1)")
        .unwrap();
    let advice = shop.advice(&format!("{sql}; SELECT * FROM later"));
    assert_eq!((found(&advice, FindingKind::AddIndex).len(), advice.queries), (1, 2));
    drop(bare);
    let db = block_on(async {
        forebay::open(&format!("sqlite:{}", shop.path().display())).await.unwrap()
    });
    let workload = Workload::from_sql(sql).unwrap();
    let advice = block_on(db.advise(&workload, AdviseOptions::default())).unwrap();
    assert_eq!(found(&advice, FindingKind::AddIndex), ["users (email)"]);
}

/// What a statement costs on a bare connection.
fn steps(bare: &Connection, sql: &str) -> i32 {
    let mut statement = bare.prepare(sql).unwrap();
    let mut rows = statement.raw_query();
    while rows.next().unwrap().is_some() {}
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

/// A random schema with rows, and statements over it.
fn random_case(random: &mut fastrand::Rng, bare: &Connection) -> Vec<String> {
    let kinds = ["INTEGER", "TEXT", "REAL", "", "TEXT COLLATE NOCASE"];
    let tables = random.usize(1..3);
    let mut widths = Vec::new();
    for table in 0..tables {
        let width = random.usize(2..6);
        let key = ["id INTEGER PRIMARY KEY", "id", "id TEXT PRIMARY KEY"][random.usize(..3)];
        let columns: Vec<String> = (0..width)
            .map(|n| format!("\"c {n}\" {}", kinds[random.usize(..kinds.len())]))
            .collect();
        let end = if key.starts_with("id TEXT") && random.bool() { "WITHOUT ROWID" } else { "" };
        let mut script =
            format!("CREATE TABLE \"t{table}\" ({key}, {}) {end};", columns.join(", "));
        let rows = random.usize(450..1_500);
        let value = |random: &mut fastrand::Rng| {
            let spread = [3, 40, 5_000][random.usize(..3)];
            match random.u8(..3) {
                0 => format!("abs(i * {} % {spread})", random.u16(1..)),
                1 => format!("'v' || abs(i * {} % {spread})", random.u16(1..)),
                _ => format!("CASE WHEN i % {} = 0 THEN i END", random.u8(2..30)),
            }
        };
        let values: Vec<String> = (0..width).map(|_| value(random)).collect();
        script += &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO \"t{table}\" SELECT i, {} FROM n;",
            values.join(", ")
        );
        if random.bool() {
            script += &format!(
                "CREATE INDEX \"i{table}\" ON \"t{table}\" (\"c {}\");",
                random.usize(..width)
            );
        }
        bare.execute_batch(&script).unwrap();
        widths.push(width);
    }
    if random.bool() {
        bare.execute_batch("ANALYZE").unwrap();
    }
    (0..random.usize(1..6)).map(|_| random_query(random, &widths)).collect()
}

fn random_query(random: &mut fastrand::Rng, widths: &[usize]) -> String {
    let table = random.usize(..widths.len());
    let column = |random: &mut fastrand::Rng, table: usize| {
        format!("t{table}.\"c {}\"", random.usize(..widths[table]))
    };
    let condition = |random: &mut fastrand::Rng, table: usize| {
        let column = column(random, table);
        let n = random.u8(..40);
        match random.u8(..9) {
            0 | 1 => format!("{column} = {n}"),
            2 => format!("{column} = 'v{n}'"),
            3 => format!("{column} > {n}"),
            4 => format!("{column} IS NULL"),
            5 => format!("{column} IN ({n}, 'v{n}')"),
            6 => format!("{column} LIKE 'v{n}%'"),
            7 => format!("{column} LIKE '%{n}%'"),
            _ => format!("lower({column}) = 'v{n}'"),
        }
    };
    let mut from = format!("t{table}");
    let mut conditions = vec![condition(random, table)];
    if widths.len() > 1 && random.bool() {
        let (left, right) = (column(random, 0), column(random, 1));
        from = format!("t0 JOIN t1 ON {left} = {right}");
    }
    for _ in 0..random.usize(..3) {
        conditions.push(condition(random, table));
    }
    let word = [" AND ", " AND ", " OR "][random.usize(..3)];
    let filter = conditions.join(word);
    match random.u8(..6) {
        0 => format!(
            "SELECT {}, count(*) FROM {from} WHERE {filter} GROUP BY 1",
            column(random, table)
        ),
        1 => format!(
            "UPDATE t{table} SET \"c 0\" = 5 WHERE {}",
            filter.replace(&format!("t{table}."), "")
        ),
        2 => format!("SELECT count(*) FROM {from} WHERE {filter}"),
        3 => format!("SELECT * FROM {from} ORDER BY {} DESC LIMIT 7", column(random, table)),
        _ => format!("SELECT {} FROM {from} WHERE {filter}", column(random, table)),
    }
}

/// Whatever the schema and the statements: there is no trace, all that is advised can be run, and
/// with it on the bare database each statement that is said to gain does, and no other loses.
#[test]
fn whatever_is_asked() {
    let cases = std::env::var("FOREBAY_ADVISE_CASES").ok().and_then(|it| it.parse().ok());
    let mut found = 0;
    for seed in 0..cases.unwrap_or(CASES) {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.db");
        let bare = Connection::open(&path).unwrap();
        if random.bool() {
            bare.execute_batch("PRAGMA journal_mode = wal").unwrap();
        }
        let queries = random_case(&mut random, &bare);
        drop(bare);
        let workload = queries.iter().fold(Workload::new(), |workload, sql| {
            workload.with(WorkloadQuery::new(sql).calls(random.u64(1..1_000)))
        });
        let before = trace(folder.path());
        let advice = advice(&path, &workload);
        assert_eq!(trace(folder.path()), before, "seed {seed}");
        let bare = Connection::open(&path).unwrap();
        let reads = |sql: &&String| sql.starts_with("SELECT") && bare.prepare(sql).is_ok();
        let reads: Vec<&String> = queries.iter().filter(reads).collect();
        let costs: Vec<i32> = reads.iter().map(|sql| steps(&bare, sql)).collect();
        for sql in advice.script() {
            bare.execute_batch(sql).unwrap_or_else(|error| panic!("seed {seed}: {sql}: {error}"));
        }
        for (sql, before) in reads.iter().zip(costs) {
            let after = steps(&bare, sql);
            let is_worse = f64::from(after) > f64::from(before) * 1.1 + 200.0;
            assert!(!is_worse, "seed {seed}: {sql}: {before} -> {after}: {advice:#?}");
        }
        for finding in advice.findings.iter().filter(|it| it.kind == FindingKind::AddIndex) {
            found += 1;
            let gains = |it: &&forebay::Effect| it.after.work <= it.before.work * 0.8;
            let gained = finding.effects.iter().find(gains);
            assert!(gained.is_some(), "seed {seed}: {finding:#?}");
        }
        advice.undo_script().iter().for_each(|sql| bare.execute_batch(sql).unwrap());
    }
    assert!(found > 0, "nothing was advised, so that nothing was tried");
}

/// By an index alone the rows of a whole table are found in any order, which takes longer than
/// reading them as they lie, with as many instructions. One that has all that is read does not.
#[test]
fn an_index_that_slows_a_join_is_widened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.db");
    let bare = Connection::open(&path).unwrap();
    bare.execute_batch(
        "CREATE TABLE ticket (id INTEGER PRIMARY KEY, note TEXT);
         CREATE TABLE message (id INTEGER PRIMARY KEY, ticket_id INTEGER, size INTEGER, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO ticket SELECT i, hex(zeroblob(40)) FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
         INSERT INTO message SELECT i, 1 + i * 7919 % 4973, i % 777, hex(zeroblob(25)) || i FROM n;
         ANALYZE",
    )
    .unwrap();
    drop(bare);
    let join = "SELECT count(*), max(m.text), max(t.id) FROM message m
        JOIN ticket t ON t.id = m.ticket_id";
    let find = "SELECT id, size, text FROM message WHERE ticket_id = 5";
    let check = |workload: &str, expect: &str| {
        let advice = advice(&path, &Workload::from_sql(workload).unwrap());
        assert_eq!(found(&advice, FindingKind::AddIndex), [expect], "{workload}: {advice:#?}");
    };
    check(&format!("-- calls: 900\n{find}"), "message (ticket_id)");
    check(&format!("-- calls: 900\n{find}; {join}"), "message (ticket_id, text)");
}

/// SQLite finds rows by the second column of an index only as long as ANALYZE has counted few
/// values in the first: no statement is to rest on that.
#[test]
fn a_column_that_is_skipped_is_no_beginning() {
    let shop = Shop::new("");
    let advice = shop.advice(
        "-- calls: 5000
        SELECT state, count(*) FROM orders GROUP BY state;
        -- calls: 200
        SELECT * FROM orders WHERE state = 'done' AND user_id = 7;
        -- calls: 200
        SELECT * FROM orders WHERE user_id = 8",
    );
    let found = found(&advice, FindingKind::AddIndex);
    assert!(found.iter().any(|it| it.starts_with("orders (user_id")), "{advice:#?}");
}

#[test]
fn workloads_from_texts() {
    let check = |text: &str, expect: &[(&str, u64)]| {
        let read = Workload::from_sql(text).unwrap();
        let read: Vec<(&str, u64)> = read.queries.iter().map(|it| (&*it.text, it.calls)).collect();
        assert_eq!(read, expect, "{text}");
    };
    check("", &[]);
    check("SELECT 1; SELECT 2", &[("SELECT 1", 1), ("SELECT 2", 1)]);
    check("-- calls: 1_000\nSELECT 1; SELECT 1", &[("SELECT 1", 1_001)]);
    check("/* Calls: 7*/ SELECT ';'; -- calls 3\nSELECT 2;", &[("SELECT ';'", 7), ("SELECT 2", 1)]);
    assert!(Workload::from_sql("-- calls: many\nSELECT 1").unwrap_err().is_usage());
    let log = r#"{"at":"x","statement":"SELECT * FROM t WHERE a = 1","time_ms":2.5,"plan":["a"]}
        nonsense
        {"sql":"select * from t where a = 22","time_ms":7.5}

        {"statement":5}"#;
    let (workload, unread) = Workload::from_log(log);
    assert_eq!((workload.queries.len(), unread), (1, 2));
    let query = &workload.queries[0];
    assert_eq!((&*query.text, query.calls), ("select * from t where a = 22", 2));
    assert_eq!(query.mean, Some(std::time::Duration::from_millis(5)));
}
