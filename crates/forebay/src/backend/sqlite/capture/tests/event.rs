//! Every event of table 3.1 in the survey, and what is recorded for it.

use std::time::Duration;

use super::{Bed, Means, Recorded, all_means, has_hook};

/// What `script` must record after `schema`: under the hook, and when rows are read again (`=`:
/// the same). The order does not matter.
fn check(schema: &str, script: &str, hook: &[&str], reread: &[&str]) {
    for means in all_means() {
        let mut bed = Bed::new(means);
        bed.script(schema).unwrap();
        bed.tap();
        // Some of the scripts are meant to fail.
        let _ = bed.script(script);
        let mut found: Vec<_> = bed.take().iter().map(ToString::to_string).collect();
        let expect = if means == Means::Hook || reread == ["="] { hook } else { reread };
        let mut expect: Vec<_> = expect.iter().map(|change| (*change).to_owned()).collect();
        found.sort();
        expect.sort();
        assert_eq!(found, expect, "{means:?}: {schema} / {script}");
        assert_eq!((bed.gaps)(), 0, "{means:?}: {script}");
    }
}

#[test]
fn one_row() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT);
                  INSERT INTO t VALUES (1, 'x', 'y'), (2, NULL, x'00ff');";
    check(schema, "INSERT INTO t (a) VALUES (1.5)", &["+t(3,1.5,NULL)"], &["="]);
    check(schema, "UPDATE t SET a = 2 WHERE id = 1", &["~t(1,'x','y')(1,2,'y')"], &["="]);
    check(schema, "DELETE FROM t WHERE id = 2", &["-t(2,NULL,x[00, ff])"], &["="]);
    check(schema, "UPDATE t SET a = a WHERE id = 1", &["~t(1,'x','y')(1,'x','y')"], &[]);
    check(schema, "UPDATE t SET a = 1 WHERE id = 9", &[], &["="]);
    check(schema, "UPDATE t SET id = 7 WHERE id = 1", &[">t(1,'x','y')(7,'x','y')"], &["*t"]);
    check(schema, "INSERT INTO t VALUES (3, 1, 2) RETURNING a", &["+t(3,1,'2')"], &["="]);
}

#[test]
fn many_rows() {
    let schema = "CREATE TABLE t (a, b); CREATE TABLE u (a, b); CREATE INDEX i ON t (a);
                  INSERT INTO t VALUES (1, 2), (3, 4);";
    check(schema, "DELETE FROM t", &["*t"], &["="]);
    check(schema, "DELETE FROM t WHERE a", &["-t(1,2)", "-t(3,4)"], &["="]);
    check(schema, "INSERT INTO u SELECT * FROM t", &["+u(1,2)", "+u(3,4)"], &["="]);
    check(schema, "INSERT INTO t SELECT b, a FROM t", &["+t(2,1)", "+t(4,3)"], &["="]);
    check(
        schema,
        "UPDATE t SET a = u.b FROM (SELECT 3 AS a, 9 AS b) AS u WHERE t.a = u.a",
        &["~t(3,4)(9,4)"],
        &["="],
    );
    check(
        schema,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)
         INSERT INTO u SELECT i, i FROM n",
        &["+u(1,1)", "+u(2,2)", "+u(3,3)"],
        &["="],
    );
}

/// What the hook shows of a row that is copied as it lies lacks what the row lacks.
#[test]
fn copied_rows() {
    let schema = "CREATE TABLE live (id INTEGER PRIMARY KEY, a); INSERT INTO live VALUES (1, 'x');
                  CREATE TABLE archive (id INTEGER PRIMARY KEY, a, b DEFAULT 7);
                  CREATE TABLE w (k PRIMARY KEY, a) WITHOUT ROWID; INSERT INTO w VALUES (1, 'x');
                  CREATE TABLE w2 (k PRIMARY KEY, a, b DEFAULT 7) WITHOUT ROWID;
                  ALTER TABLE live ADD COLUMN b DEFAULT 7; ALTER TABLE w ADD COLUMN b DEFAULT 7;";
    check(
        schema,
        "INSERT INTO archive SELECT * FROM live",
        &["+archive(1,'x',NULL)", "*archive"],
        &["+archive(1,'x',7)"],
    );
    check(schema, "INSERT INTO archive SELECT id, a, b FROM live", &["+archive(1,'x',7)"], &["="]);
    check(schema, "INSERT INTO w2 SELECT * FROM w", &["+w2(1,'x',NULL)", "*w2"], &["*w2"]);
    check(schema, "UPDATE live SET a = 'y'", &["~live(1,'x',7)(1,'y',7)"], &["="]);
    check(schema, "DELETE FROM live WHERE id", &["-live(1,'x',7)"], &["="]);
}

#[test]
fn conflicts() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b);
                  CREATE TABLE k (id INTEGER PRIMARY KEY, b);
                  INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2); INSERT INTO k VALUES (1, 1);";
    check(
        schema,
        "INSERT INTO t VALUES (1, 'z', 5) ON CONFLICT DO UPDATE SET b = 9",
        &["~t(1,'x',1)(1,'x',9)"],
        &["="],
    );
    check(schema, "REPLACE INTO t VALUES (3, 'x', 5)", &["-t(1,'x',1)", "+t(3,'x',5)"], &["*t"]);
    check(
        schema,
        "INSERT OR REPLACE INTO t VALUES (1, 'y', 5)",
        &["-t(1,'x',1)", "-t(2,'y',2)", "+t(1,'y',5)"],
        &["*t"],
    );
    check(schema, "REPLACE INTO k VALUES (1, 2)", &["-k(1,1)", "+k(1,2)"], &["~k(1,1)(1,2)"]);
    check(
        schema,
        "UPDATE OR REPLACE t SET a = 'y' WHERE id = 1",
        &["-t(2,'y',2)", "~t(1,'x',1)(1,'y',1)"],
        &["*t"],
    );
    check(
        schema,
        "INSERT OR IGNORE INTO t VALUES (8, 'x', 1), (9, 'v', 1)",
        &["+t(9,'v',1)"],
        &["="],
    );
    check(
        schema,
        "INSERT OR FAIL INTO t VALUES (8, 'w', 1), (9, 'x', 1), (10, 'q', 1)",
        &["+t(8,'w',1)"],
        &["="],
    );
    // The rows are gone again: too much under the hook, which is never wrong.
    check(schema, "INSERT INTO t VALUES (8, 'w', 1), (9, 'x', 1)", &["+t(8,'w',1)"], &[]);
    let schema = "CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE); INSERT INTO t VALUES (1);";
    check(schema, "INSERT INTO t VALUES (1)", &["-t(1)", "+t(1)"], &["*t"]);
}

#[test]
fn without_rowid() {
    let schema = "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
                  INSERT INTO w VALUES ('a', 1), ('b', 2);";
    check(schema, "INSERT INTO w VALUES ('c', 3)", &["+w('c',3)"], &["*w"]);
    check(schema, "UPDATE w SET v = 3 WHERE k = 'a'", &["~w('a',1)('a',3)"], &["*w"]);
    check(schema, "UPDATE w SET k = 'c' WHERE k = 'a'", &["~w('a',1)('c',1)"], &["*w"]);
    check(schema, "DELETE FROM w WHERE k = 'a'", &["-w('a',1)"], &["*w"]);
    check(schema, "REPLACE INTO w VALUES ('a', 3)", &["-w('a',1)", "+w('a',3)"], &["*w"]);
    // The hook loses the last columns where the key has one of them several times.
    let schema = "CREATE TABLE w (a TEXT, b, PRIMARY KEY (a COLLATE NOCASE, a COLLATE RTRIM, a))
                  WITHOUT ROWID;";
    check(schema, "INSERT INTO w VALUES ('k', 5)", &["+w('k',NULL)", "*w"], &["*w"]);
}

/// There, different texts may be shown as the same bytes.
#[test]
fn other_encodings() {
    let schema = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
                  INSERT INTO t VALUES (1, 'x');";
    check(schema, "UPDATE t SET a = 'y'", &["~t(1,'x')(1,'y')", "*t"], &["="]);
}

#[test]
fn behind_the_statement() {
    let schema = "CREATE TABLE p (id INTEGER PRIMARY KEY);
                  CREATE TABLE c (p REFERENCES p ON DELETE CASCADE, a);
                  CREATE TABLE s (p REFERENCES p ON DELETE SET NULL);
                  CREATE TABLE log (what);
                  CREATE TRIGGER c_gone AFTER DELETE ON c BEGIN
                      INSERT INTO log VALUES (old.a); UPDATE log SET what = what || '!';
                  END;
                  CREATE VIEW v AS SELECT a FROM c;
                  CREATE TRIGGER v_new INSTEAD OF INSERT ON v BEGIN
                      INSERT INTO log VALUES (new.a);
                  END;
                  INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 'x');
                  INSERT INTO s VALUES (1);";
    check(
        schema,
        "DELETE FROM p WHERE id = 1",
        &["-p(1)", "-c(1,'x')", "~s(1)(NULL)", "+log('x')", "~log('x')('x!')"],
        &["-p(1)", "-c(1,'x')", "~s(1)(NULL)", "+log('x!')"],
    );
    check(schema, "INSERT INTO v VALUES ('new')", &["+log('new')"], &["="]);
}

#[test]
fn transactions() {
    let schema = "CREATE TABLE t (a); INSERT INTO t VALUES (1);";
    check(
        schema,
        "BEGIN; INSERT INTO t VALUES (2); UPDATE t SET a = 3 WHERE a = 2; COMMIT",
        &["+t(2)", "~t(2)(3)"],
        &["+t(3)"],
    );
    check(schema, "BEGIN; INSERT INTO t VALUES (2); ROLLBACK", &["+t(2)"], &[]);
    check(
        schema,
        "BEGIN; SAVEPOINT s; INSERT INTO t VALUES (2); ROLLBACK TO s; UPDATE t SET a = 5; COMMIT",
        &["+t(2)", "~t(1)(5)"],
        &["~t(1)(5)"],
    );
}

#[test]
fn values() {
    let schema = "CREATE TABLE t (r REAL, i INTEGER, x TEXT, n NUMERIC,
                      v AS (i + 1), s AS (i * 2) STORED);
                  INSERT INTO t (r, i, x, n) VALUES (1, 1, 1, 1);
                  ALTER TABLE t ADD COLUMN d TEXT DEFAULT 7;";
    check(
        schema,
        "INSERT INTO t (r, i, x, n) VALUES ('2', '2', 2, '2.0')",
        &["+t(2.0,2,'2',2,?,4,'7')"],
        &["+t(2.0,2,'2',2,3,4,'7')"],
    );
    check(
        schema,
        "UPDATE t SET r = 3, i = '3', x = 3, n = '3.0'",
        &["~t(1.0,1,'1',1,?,2,'7')(3.0,3,'3',3,?,6,'7')"],
        &["~t(1.0,1,'1',1,2,2,'7')(3.0,3,'3',3,4,6,'7')"],
    );
    let schema = "CREATE TABLE t (a, b);";
    check(schema, "INSERT INTO t VALUES ('für', zeroblob(2))", &["+t('für',x[00, 00])"], &["="]);
    check(schema, "INSERT INTO t VALUES ('', x'')", &["+t('',x[])"], &["="]);
}

#[test]
fn names() {
    let schema = "CREATE TABLE \"a \"\"b\" (rowid, _rowid_);
                  CREATE TABLE o (rowid, _rowid_, oid);";
    check(schema, "INSERT INTO \"a \"\"b\" VALUES (1, 2)", &["+a \"b(1,2)"], &["="]);
    check(schema, "INSERT INTO O VALUES (1, 2, 3)", &["+o(1,2,3)"], &["*o"]);
}

#[test]
fn temporary_tables() {
    let schema = "CREATE TABLE t (a); CREATE TEMP TABLE t2 (a);
                  CREATE TEMP TRIGGER r AFTER INSERT ON t2 BEGIN
                      INSERT INTO t VALUES (new.a);
                  END;";
    check(schema, "INSERT INTO t2 VALUES (1)", &["+t(1)"], &["="]);
    check(schema, "INSERT INTO t2 SELECT 1 WHERE false", &[], &["="]);
}

/// A row that is written in place, past every statement.
#[cfg(forebay_preupdate)]
#[test]
fn incremental_blobs() {
    let mut bed = Bed::new(Means::Hook);
    bed.script("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(4))").unwrap();
    bed.tap();
    let watch = bed.connection.hooked.watch(None);
    let driver = bed.connection.hooked.connection();
    crate::backend::sqlite::preupdate::write_blob(driver, c"t", c"a", 1, b"ab");
    drop(watch);
    let found: Vec<_> = bed.take().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["*t"]);
}

#[test]
fn too_many_rows() {
    for (rows, is_whole) in [(2_000, false), (2_001, true), (10_000, true)] {
        let mut bed = Bed::new(Means::Reread);
        bed.script("CREATE TABLE t (a)").unwrap();
        bed.tap();
        let row = "INSERT INTO t VALUES (1);".repeat(rows);
        bed.script(&format!("BEGIN; {row} COMMIT")).unwrap();
        let found = bed.take();
        assert_eq!(found == [Recorded::Whole("t".to_owned())], is_whole, "{rows}");
        assert_eq!(found.len() == rows, !is_whole, "{rows}");
    }
}

#[test]
fn the_hook_is_there_when_it_was_compiled_in() {
    assert_eq!(has_hook(), cfg!(forebay_preupdate));
}

/// A commit that changes nothing is not taken for the one that another process makes next.
#[test]
fn commits_of_nothing() {
    use crate::invalidate::{Basis, Bindings, ColumnSet};
    use crate::sql::Occurrence;

    let whole = Occurrence { table: "t".into(), conjuncts: vec![], top: None, partner: None };
    let basis = Basis::new([(whole, ColumnSet::ALL)]);
    let check = |means: Means, first: &str, script: &str| {
        let mut bed = Bed::new(means);
        bed.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TEMP TABLE x (a);").unwrap();
        bed.script("CREATE TABLE u (a UNIQUE); INSERT INTO t VALUES (1, 1), (2, 2)").unwrap();
        // Some are meant to fail, and all are known by the time that they count: what is asked
        // about a new one would be the end of a statement, too.
        let ask = |bed: &mut Bed, sql: &str| match sql.contains(';') {
            true => bed.script(sql),
            false => bed.run(sql),
        };
        for sql in [script, first] {
            let _ = ask(&mut bed, sql);
        }
        let catchup = bed.connection.work.catchup.clone();
        let ticket =
            catchup.index().draft(&basis, Bindings(&[])).close(catchup.index(), 0, |_| None);
        let before = catchup.header();
        let what = format!("{means:?}: {first} / {script}");
        assert!(catchup.is_current() && catchup.is_valid(&ticket), "{what}");
        let path = bed.dir.path().join("app.db");
        let other = rusqlite::Connection::open(path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let mut is_due = true;
        *bed.connection.hooked.control().meanwhile.borrow_mut() = Some(Box::new(move || {
            // A statement within a transaction is settled, too: then it has to wait.
            if is_due {
                is_due = other.execute("UPDATE t SET a = 5 WHERE id = 2", []).is_err();
            }
        }));
        let _ = ask(&mut bed, script);
        *bed.connection.hooked.control().meanwhile.borrow_mut() = None;
        assert_ne!(catchup.header(), before, "{what}");
        assert!(!catchup.is_current() || !catchup.is_valid(&ticket), "{what}");
        let position = catchup.header();
        let _ = ask(&mut bed, script);
        assert_eq!(catchup.header(), position, "it changes something: {what}");
    };
    let idle = "UPDATE t SET a = 9 WHERE id = 77";
    for means in all_means().chain([Means::Tables]) {
        check(means, "", idle);
        check(means, "", "DELETE FROM t WHERE id = 77 RETURNING a");
        check(means, "", "INSERT OR IGNORE INTO t VALUES (1, 7)");
        check(means, "", "INSERT INTO t VALUES (1, 7)");
        check(means, "", "INSERT INTO temp.x VALUES (1)");
        check(means, "", "BEGIN; INSERT INTO temp.x VALUES (1); COMMIT");
        check(means, "", "BEGIN IMMEDIATE; SELECT * FROM t; COMMIT");
        check(means, "", "BEGIN; UPDATE t SET a = 9 WHERE id = 77; COMMIT");
        // Its first row stays, and the log would tell of it at the end of the next statement.
        check(means, "INSERT OR FAIL INTO u VALUES (7), (7)", idle);
    }
}

/// From the row to the ticket of an answer: it is void after a change of its row, and of no other.
#[test]
fn tickets() {
    use crate::invalidate::{Basis, Bindings, ColumnSet};
    use crate::sql::{Affinity, Collation, Conjunct, Occurrence, Operand, Test};
    use crate::value::Value;

    let of_row_two = Conjunct {
        column: 0,
        affinity: Affinity::Integer,
        collation: Collation::Binary,
        test: Test::OneOf(vec![Operand::Literal(Value::Integer(2))]),
    };
    let occurrence =
        Occurrence { table: "t".into(), conjuncts: vec![of_row_two], top: None, partner: None };
    let basis = Basis::new([(occurrence, ColumnSet::ALL)]);
    let check = |means: Means, script: &str, lives: bool| {
        let mut bed = Bed::new(means);
        bed.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (a)").unwrap();
        bed.script("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)").unwrap();
        let catchup = bed.connection.work.catchup.clone();
        let ticket =
            catchup.index().draft(&basis, Bindings(&[])).close(catchup.index(), 0, |_| None);
        assert!(catchup.is_valid(&ticket));
        bed.script(script).unwrap();
        assert_eq!(catchup.is_valid(&ticket), lives, "{means:?}: {script}");
    };
    for means in all_means() {
        check(means, "UPDATE t SET a = 5 WHERE id = 3", true);
        check(means, "UPDATE t SET a = 5 WHERE id = 2", false);
        check(means, "DELETE FROM t WHERE id > 2", true);
        check(means, "DELETE FROM t WHERE id > 1", false);
        check(means, "DELETE FROM t", false);
        check(means, "INSERT INTO t VALUES (4, 4)", true);
        check(means, "UPDATE t SET id = 9 WHERE id = 2", false);
        check(means, "UPDATE t SET id = id + 10; UPDATE t SET id = 2 WHERE id = 13", false);
        check(means, "INSERT INTO u VALUES (2)", true);
        check(means, "BEGIN; UPDATE t SET a = 5 WHERE id = 2; ROLLBACK", true);
        check(means, "BEGIN; UPDATE t SET a = 0; UPDATE t SET a = 2 WHERE id = 3; COMMIT", false);
        check(means, "BEGIN; CREATE TABLE v (a); COMMIT", false);
    }
    check(Means::Tables, "UPDATE t SET a = 5 WHERE id = 3", false);
    check(Means::Tables, "INSERT INTO u VALUES (2)", true);
}

/// Virtual tables write ordinary ones with statements of their own, some of them only when the
/// transaction ends.
#[cfg(forebay_preupdate)]
#[test]
fn virtual_tables() {
    use crate::invalidate::WriteSet;

    let schema = "CREATE VIRTUAL TABLE ft USING fts5 (body);
                  CREATE VIRTUAL TABLE rt USING rtree (id, low, high);
                  CREATE TABLE t (a); INSERT INTO ft VALUES ('some words');
                  INSERT INTO rt VALUES (1, 2, 3);";
    let check = |script: &str, expect: &[&str]| {
        let mut bed = Bed::new(Means::Hook);
        bed.script(schema).unwrap();
        bed.tap();
        bed.script(script).unwrap();
        let tables = bed.take().into_iter().map(|change| match change {
            Recorded::Row { table, .. } | Recorded::Whole(table) => table,
        });
        let tables: std::collections::BTreeSet<_> = tables.collect();
        let expect = expect.iter().map(|table| (*table).to_owned()).collect();
        assert_eq!(tables, expect, "{script}");
        assert_eq!((bed.gaps)(), 0, "{script}");
    };
    let fts = ["ft_content", "ft_data", "ft_docsize", "ft_idx"];
    check("INSERT INTO ft VALUES ('more words')", &fts);
    check("BEGIN; INSERT INTO ft VALUES ('more words'); COMMIT", &fts);
    check("INSERT INTO t SELECT value FROM json_each('[1, 2]')", &["t"]);
    check("INSERT INTO rt VALUES (2, 3, 4)", &["rt_node", "rt_rowid"]);

    // Whoever maps pages to tables has to know who the new pages belong to.
    let mut bed = Bed::new(Means::Hook);
    bed.script(schema).unwrap();
    bed.run("BEGIN").unwrap();
    bed.run("INSERT INTO ft VALUES ('more words')").unwrap();
    let mut writes = WriteSet::tables(["ft"]);
    bed.connection.hooked.control().capture().widen(&mut writes);
    assert_eq!(writes, WriteSet::tables(["ft", "ft_content", "ft_docsize"]));
}

/// SQLite counts more rows than it told: the tables of the statement have changed as a whole, and
/// everything when it may write others.
#[test]
fn what_was_not_told() {
    use crate::backend::sqlite::capture::Captured;
    use crate::backend::sqlite::footprint::{Footprint, Whole, Written};
    use crate::invalidate::WriteSet;

    for means in all_means() {
        let bed = Bed::new(means);
        bed.tap();
        let capture = bed.connection.hooked.control().capture();
        let table = |name: &str, is_cleared: bool| Written {
            name: name.into(),
            whole: is_cleared.then_some(Whole::Cleared),
            select: Some("SELECT * FROM t WHERE rowid = ?1".into()),
        };
        let check = |cleared: Option<bool>, told: i64, counted: i64, gap: bool, whole: bool| {
            let tables = cleared.map(|cleared| table("t", cleared)).into_iter().collect();
            let footprint = std::sync::Arc::new(Footprint { tables, ..Footprint::default() });
            capture.begin(cleared.map(|_| &footprint), 100);
            (0..told).for_each(|row| capture.on_rowid(Some("main"), Some("t"), row));
            let ended = capture.end(100 + counted);
            let what = format!("{means:?}: {cleared:?}, {told} of {counted}");
            assert_eq!(ended == Captured::Gap, gap, "{what}");
            let found = bed.take().contains(&Recorded::Whole("t".to_owned()));
            assert_eq!(found, whole, "{what}");
        };
        check(Some(false), 2, 2, false, false);
        check(Some(false), 3, 2, false, false);
        check(Some(false), 1, 2, true, true);
        check(Some(true), 0, 2, false, true);
        let mut writes = WriteSet::none();
        check(None, 0, 0, false, false);
        capture.widen(&mut writes);
        assert_eq!(writes, WriteSet::none());
        // What COMMIT writes for a virtual table is only known by the hook.
        check(None, 0, 2, means == Means::Hook, false);
        capture.widen(&mut writes);
        assert_eq!(writes == WriteSet::Everything, means == Means::Hook);
        // A callback that was not told which table it is about.
        capture.clear();
        capture.begin(None, 0);
        capture.on_rowid(Some("main"), None, 1);
        capture.end(1);
        capture.widen(&mut writes);
        assert_eq!(writes, WriteSet::Everything);
    }
}
