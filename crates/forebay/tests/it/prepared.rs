use std::task::{Context, Poll, Waker};

use forebay::{Db, Outcome, Prepared, Query, Result, Value};

use crate::place::Place;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, karma INT DEFAULT 0);
    CREATE TABLE guests (id INTEGER PRIMARY KEY, name TEXT);
    CREATE VIEW people AS SELECT id, name FROM users;
    INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Grace'), (3, '1');
    INSERT INTO guests VALUES (1, 'Edsger');
";

/// A parameter, with its name if it has one.
type Param = (&'static str, Value);

async fn ask(mut query: Query<'_>, params: &[Param]) -> Result<Outcome> {
    for (name, value) in params {
        query = match *name {
            "" => query.bind(value),
            name => query.bind_named(name, value),
        };
    }
    query.fetch().await
}

/// What a prepared statement says, which must be what its text says to the database itself.
async fn truth(db: &Db, statement: &Prepared, params: &[Param]) -> Result<Outcome> {
    let asked = ask(statement.query(), params).await;
    let truth = ask(db.query(statement.sql()).no_cache(), params).await;
    match (&asked, &truth) {
        (Ok(asked), Ok(truth)) => assert_eq!(asked.rows, truth.rows, "{statement:?}"),
        (Err(asked), Err(truth)) => assert_eq!(asked.to_string(), truth.to_string()),
        _ => panic!("{statement:?} with {params:?}: {asked:?} and {truth:?}"),
    }
    asked
}

#[tokio::test]
async fn it_answers_as_its_text_does_and_out_of_the_same_cache() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let by_name = "SELECT id FROM users WHERE name = :name";
    let cases: &[(&str, Vec<Param>)] = &[
        ("SELECT count(*) FROM users", vec![]),
        ("SELECT name FROM users WHERE id = ?", vec![("", 1.into())]),
        ("SELECT name FROM users WHERE id = ?", vec![("", 2.into())]),
        ("SELECT typeof(?), name FROM users WHERE id = 1", vec![("", 1.into())]),
        ("SELECT typeof(?), name FROM users WHERE id = 1", vec![("", 1.0.into())]),
        ("SELECT typeof(?), name FROM users WHERE id = 1", vec![("", "1".into())]),
        ("SELECT typeof(?), name FROM users WHERE id = 1", vec![("", b"1".into())]),
        ("SELECT typeof(?), name FROM users WHERE id = 1", vec![("", ().into())]),
        (by_name, vec![("name", "Ada".into())]),
        (by_name, vec![("name", "Nobody".into())]),
        ("SELECT ?1 || ?2 FROM users LIMIT 1", vec![("", "ab".into()), ("", "c".into())]),
        ("SELECT ?1 || ?2 FROM users LIMIT 1", vec![("", "a".into()), ("", "bc".into())]),
    ];
    let text_first = |turn: usize| turn.is_multiple_of(2);
    for (turn, (sql, params)) in cases.iter().enumerate() {
        let statement = db.prepare(&format!("  {sql}\n"));
        assert_eq!(statement.sql(), *sql);
        let first = if text_first(turn) { db.query(sql) } else { statement.query() };
        assert!(!ask(first, params).await.unwrap().cached, "{sql} {params:?} is asked for first");
        let second = if text_first(turn) { statement.query() } else { db.query(sql) };
        assert!(ask(second, params).await.unwrap().cached, "{sql} {params:?} is kept already");
        assert!(truth(&db, &statement, params).await.unwrap().cached);
    }
    let statement = db.prepare("SELECT name FROM users WHERE id = ?").clone();
    let name: String = statement.query().bind(1).scalar().await.unwrap();
    let (one,): (String,) = statement.query().bind(1).one().await.unwrap();
    let shared = statement.query().bind(1).shared::<(String,)>().await.unwrap();
    assert_eq!((&*name, &*one, &*shared[0].0), ("Ada", "Ada", "Ada"));
    assert!(statement.query().bind(9).optional::<(String,)>().await.unwrap().is_none());
    assert!(statement.query().bind(9).one::<(String,)>().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_write_drops_its_answers() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let read = db.prepare("SELECT name FROM users WHERE id = ?");
    let write = db.prepare("UPDATE users SET name = ? WHERE id = ?");
    for id in [1, 2] {
        truth(&db, &read, &[("", id.into())]).await.unwrap();
    }
    for name in ["Ada L.", "Countess"] {
        let written = write.execute().bind(name).bind(1).await.unwrap();
        assert_eq!(written.rows_affected, 1);
        assert!(!truth(&db, &read, &[("", 1.into())]).await.unwrap().cached);
        assert!(truth(&db, &read, &[("", 2.into())]).await.unwrap().cached, "another key stays");
        let said: String = read.query().bind(1).scalar().await.unwrap();
        assert_eq!(said, name);
    }
    place.bare().execute("UPDATE users SET name = 'of others' WHERE id = 2", []).unwrap();
    let said: String = read.query().bind(2).scalar().await.unwrap();
    assert_eq!(said, "of others");
}

/// Each change of the schema, by this handle or by another connection, gives the texts another
/// meaning. What they said before may not be said again, nor may what they rest on be forgotten.
#[tokio::test]
async fn nothing_of_a_text_outlives_a_changed_schema() {
    for by_others in [false, true] {
        let place = Place::new();
        let db = place.open(SCHEMA).await;
        let run = async |script: &str| match by_others {
            true => place.bare().execute_batch(script).unwrap(),
            false => db.execute_batch(script).await.unwrap(),
        };
        let everything = db.prepare("SELECT * FROM users WHERE id = ?");
        let person = db.prepare("SELECT name FROM people WHERE id = ?");
        let later = db.prepare("SELECT name FROM later WHERE id = ?");
        let statements = [everything, person, later];
        for change in [
            "ALTER TABLE users ADD COLUMN email TEXT DEFAULT 'none'",
            "DROP VIEW people; CREATE VIEW people AS SELECT id, upper(name) AS name FROM guests",
            "CREATE TABLE later (id INTEGER PRIMARY KEY, name TEXT);
             INSERT INTO later VALUES (1, 'soon')",
            "ALTER TABLE users RENAME COLUMN email TO mail",
            "DROP TABLE later; CREATE VIEW later AS SELECT 1 AS id, random() AS name",
            "DROP VIEW later",
            "DROP VIEW people; CREATE TABLE people (id INT, name TEXT COLLATE NOCASE);
             INSERT INTO people VALUES (1, 'a table')",
        ] {
            for statement in &statements {
                let _ = statement.query().bind(1).fetch().await;
                let _ = statement.query().bind(1).fetch().await;
            }
            run(change).await;
            for statement in &statements {
                if change.contains("random()") && statement.sql().contains("later") {
                    let asked = statement.query().bind(1).fetch().await.unwrap();
                    let again = statement.query().bind(1).fetch().await.unwrap();
                    assert!(!asked.cached && !again.cached, "it is not to be kept any more");
                    continue;
                }
                let _ = truth(&db, statement, &[("", 1.into())]).await;
            }
            // What a text rests on now is what counts from now on.
            for table in ["users", "guests"] {
                for statement in &statements {
                    let _ = statement.query().bind(1).fetch().await;
                }
                run(&format!("UPDATE {table} SET name = name || '!'")).await;
                for statement in statements.iter().filter(|it| !it.sql().contains("later")) {
                    let _ = truth(&db, statement, &[("", 1.into())]).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn wrong_parameters_and_texts_fail_as_without_it() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let point = "SELECT name FROM users WHERE id = ?";
    for (sql, params) in [
        (point, vec![]),
        (point, vec![("", 1.into()), ("", 2.into())]),
        (point, vec![("id", 1.into())]),
        ("SELECT name FROM users WHERE id = :id", vec![("ID", 1.into())]),
        ("SELECT nothing FROM users", vec![]),
        ("SELECT 1; SELECT 2", vec![]),
        ("PRAGMA cache_size = 1", vec![]),
        ("BEGIN", vec![]),
        ("", vec![]),
    ] {
        let statement = db.prepare(sql);
        truth(&db, &statement, &[("", 1.into())]).await.ok();
        let failed = truth(&db, &statement, &params).await.map(|outcome| outcome.rows);
        assert!(failed.is_err(), "{sql:?} with {params:?}: {failed:?}");
    }
    let statement = db.prepare(point);
    let failed = statement.query().bind(u64::MAX).scalar::<String>().await.unwrap_err();
    assert!(failed.is_usage(), "{failed}");
    let name: String = statement.query().bind(1).scalar().await.unwrap();
    assert_eq!(name, "Ada", "a failure leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_serves_many_tasks_and_outlives_its_handle() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let (read, write) = (
        db.prepare("SELECT karma FROM users WHERE id = ?"),
        db.prepare("UPDATE users SET karma = karma + 1 WHERE id = ?"),
    );
    drop(db);
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (read, write) = (read.clone(), write.clone());
            tokio::spawn(async move {
                let mut last = 0;
                for _ in 0..50 {
                    write.execute().bind(1 + task % 2).await.unwrap();
                    let karma: i64 = read.query().bind(1 + task % 2).scalar().await.unwrap();
                    assert!(karma > last, "{karma} after {last}");
                    last = karma;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let karma: i64 = read.query().bind(1).scalar().await.unwrap();
    assert_eq!(karma, 100);
}

/// What `hit` takes from the heap, once it has been asked for before.
async fn allocations(hit: impl AsyncFn() -> Result<()>) -> u64 {
    for _ in 0..2 {
        hit().await.unwrap();
    }
    let mut hit = std::pin::pin!(hit());
    let mut context = Context::from_waker(Waker::noop());
    let counted = allocation_counter::measure(|| {
        assert!(matches!(hit.as_mut().poll(&mut context), Poll::Ready(Ok(()))), "it waits");
    });
    counted.count_total
}

#[tokio::test]
async fn a_hit_takes_nothing_from_the_heap_but_what_was_asked_for() {
    let place = Place::new();
    let db = place.builder().audit_one_in(0).worth_it(false).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let by_id = "SELECT id, karma FROM users WHERE id = ? AND id < ? AND karma >= ?";
    let by_name = "SELECT id, karma FROM users WHERE name = ?";
    let (id, name) = (&db.prepare(by_id), &db.prepare(by_name));
    type Row = (i64, i64);
    let counts = [
        allocations(async || id.query().bind(1).bind(9).bind(0).one::<Row>().await.map(drop)).await,
        allocations(async || id.query().bind(1).bind(9).bind(0).shared::<Row>().await.map(drop))
            .await,
        allocations(async || db.query(by_id).bind(1).bind(9).bind(0).fetch().await.map(drop)).await,
        allocations(async || name.query().bind("Ada").optional::<Row>().await.map(drop)).await,
        allocations(async || name.query().bind("Ada").shared::<Row>().await.map(drop)).await,
        allocations(async || db.query(by_name).bind("Grace").scalar::<i64>().await.map(drop)).await,
        allocations(async || {
            let name = "a name of more than twenty-four bytes";
            db.query(by_name).bind(name).fetch().await.map(drop)
        })
        .await,
    ];
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 1]);
    assert!(db.stats().cache.hits >= counts.len() as u64);
}
