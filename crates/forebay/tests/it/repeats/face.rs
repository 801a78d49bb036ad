//! Scopes, findings and assertions as an application holds them.

use forebay::{Db, MetricValue, Monitor, RepeatFinding, RepeatKind, RepeatWatch};

use super::prepared;
use crate::place::Place;

const LIST: &str = "SELECT id, user_id FROM orders WHERE id <= 8";
const USER: &str = "SELECT id, name FROM users WHERE id = ?";

/// A database with the file that it lies in.
struct Opened {
    db: Db,
    _place: Place,
}

impl std::ops::Deref for Opened {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

async fn opened() -> Opened {
    let place = prepared().await;
    Opened { db: place.builder().open().await.unwrap(), _place: place }
}

async fn loop_over(db: &Db) {
    let orders: Vec<(i64, i64)> = db.query(LIST).no_cache().all().await.unwrap();
    for (_, user) in orders {
        db.query(USER).bind(user).no_cache().fetch().await.unwrap();
    }
}

fn of(findings: &[RepeatFinding], kind: RepeatKind) -> &RepeatFinding {
    findings.iter().find(|it| it.kind == kind).unwrap()
}

#[tokio::test]
async fn a_finding_says_all_of_it() {
    let db = opened().await;
    for _ in 0..2 {
        forebay::scope("GET /orders").run(loop_over(&db)).await;
    }
    let findings = db.repeats().await;
    let found = of(&findings, RepeatKind::Proven);
    assert_eq!(found.statement, "select id, name from users where id = ?");
    assert_eq!(found.source.as_ref().unwrap().column, "orders.user_id");
    assert_eq!(found.column.as_deref(), Some("users.id"));
    assert_eq!((found.scopes, found.executions, found.most), (2, 16, 8));
    assert_eq!((found.rows, found.from_memory), (16, 0));
    assert_eq!(found.entry_points, ["GET /orders"]);
    assert!(found.caller.starts_with("crates/forebay/tests/it/repeats/face.rs:"), "{found:?}");
    assert!(found.time_lost > found.database_time / 2 && found.time_lost < found.database_time);
    assert_eq!(
        found.cure,
        "db.query(\"select id, name from users where id in (:keys)\").load_one(\"id\", keys)"
    );
    assert_eq!(findings.len(), 1, "one for the pair, however often: {findings:?}");
    let error = db.check_n_plus_one().await.unwrap_err();
    assert!(error.is_usage() && error.to_string().contains(&found.to_string()), "{error}");
}

/// What is advised for each form of statement.
#[tokio::test]
async fn cures() {
    let place = prepared().await;
    let check = async |sql: &str, expect: &str| {
        let db = place.builder().open().await.unwrap();
        forebay::scope("cures")
            .run(async {
                let users = db.query("SELECT id FROM users WHERE id < 12").all::<i64>().await;
                for user in users.unwrap() {
                    db.query(sql).bind(user).no_cache().fetch().await.unwrap();
                }
            })
            .await;
        let findings = db.repeats().await;
        let [found] = findings.as_slice() else { panic!("{sql}: {findings:?}") };
        assert!(found.cure.contains(expect), "{sql}: {}", found.cure);
    };
    check(
        "SELECT user_id, total FROM orders WHERE user_id = ?",
        "db.query(\"select user_id, total from orders where user_id in (:keys)\")\
         .load_many(\"user_id\", keys)",
    )
    .await;
    check("SELECT total FROM orders WHERE user_id = ?", "keys), with user_id selected, too").await;
    check("SELECT count(*) FROM orders WHERE user_id = ?", "GROUP BY user_id").await;
    check(
        "SELECT total FROM orders WHERE user_id = ? ORDER BY id LIMIT 1",
        "row_number() OVER (PARTITION BY user_id",
    )
    .await;
    check("SELECT bio FROM profiles WHERE user_id IN (?)", "where user_id in (:keys)\").load_one(")
        .await;
    check("SELECT bio FROM profiles WHERE ? = user_id", "ask for all keys at once").await;
    check("INSERT INTO events (note) VALUES (?)", "db.bulk(\"events\").insert(rows)").await;
    check("UPDATE orders SET month = 1 WHERE id = ?", "db.bulk(\"orders\").update(").await;
    check("DELETE FROM events WHERE id = ?", "db.bulk(\"events\").delete(").await;
}

#[tokio::test]
async fn a_scope_counts_what_runs_in_it() {
    let db = opened().await;
    let scope = forebay::scope("outer");
    let inner = scope
        .run(async {
            db.query("SELECT 1").scalar::<i64>().await.unwrap();
            let inner = forebay::scope("inner");
            inner
                .run(async {
                    db.query("SELECT 1").scalar::<i64>().await.unwrap();
                    let mut rows = db.query(LIST).stream::<(i64, i64)>().await.unwrap();
                    while rows.next().await.is_some() {}
                })
                .await;
            let task = forebay::inherit(async {
                db.query("SELECT 2").scalar::<i64>().await.unwrap();
                db.query("SELECT no_such()").fetch().await.unwrap_err();
            });
            task.await;
            db.transaction(|tx| async move {
                tx.execute("UPDATE jobs SET status = 'done' WHERE id = 1").await
            })
            .await
            .unwrap();
            inner
        })
        .await;
    let (outer, inner) = (scope.report(), inner.report());
    assert_eq!((outer.statements, outer.hits, outer.rows), (5, 1, 11));
    assert_eq!((inner.statements, inner.hits, inner.rows), (2, 1, 9));
    let [repeated] = outer.repeated.as_slice() else { panic!("{outer:?}") };
    assert_eq!(
        (repeated.statement.as_str(), repeated.executions, repeated.hits),
        ("select ?", 3, 1)
    );
    assert!(outer.database_time > inner.database_time);
    scope.at_most(5).unwrap();
    let error = scope.at_most(4).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("3 times"), "{error}");
    scope.assert_at_most(5);
    db.assert_no_n_plus_one().await;
}

/// What memory answers takes no round trip, and nobody is alarmed.
#[tokio::test]
async fn answers_from_memory_are_no_alarm() {
    let db = opened().await;
    let work = async || {
        let users: Vec<i64> =
            db.query("SELECT user_id FROM orders WHERE id <= 8").all().await.unwrap();
        for user in users {
            db.query(USER).bind(user).fetch().await.unwrap();
        }
    };
    work().await;
    forebay::scope("warm").run(work()).await;
    let findings = db.repeats().await;
    let found = of(&findings, RepeatKind::Proven);
    assert_eq!((found.executions, found.from_memory), (8, 8));
    assert!(found.is_from_memory() && found.time_lost.is_zero());
    db.check_n_plus_one().await.unwrap();
}

#[tokio::test]
async fn what_is_watched() {
    let place = prepared().await;
    let check = async |watch, is_scoped: bool, expect: usize| {
        let db = place.builder().watch_repeats(watch).open().await.unwrap();
        // A pause ends the scope that a task has by itself, so that there may have to be some.
        for _ in 0..if watch == RepeatWatch::All { 100 } else { 1 } {
            match is_scoped {
                true => forebay::scope("watched").run(loop_over(&db)).await,
                false => loop_over(&db).await,
            }
            if db.repeats().await.len() == expect {
                return;
            }
        }
        panic!("{watch:?}, {is_scoped}: {:?}", db.repeats().await);
    };
    check(RepeatWatch::Off, true, 0).await;
    check(RepeatWatch::Scopes, false, 0).await;
    check(RepeatWatch::Scopes, true, 1).await;
    check(RepeatWatch::All, false, 1).await;
}

#[tokio::test]
async fn a_threshold_of_ones_own() {
    let place = prepared().await;
    let check = async |threshold: u32, times: i64, expect: &[RepeatKind]| {
        let db = place.builder().repeat_threshold(threshold).open().await.unwrap();
        forebay::scope("threshold")
            .run(async {
                for user in 0..times {
                    db.query(USER).bind(user * 7 + 1).no_cache().fetch().await.unwrap();
                }
            })
            .await;
        let kinds: Vec<RepeatKind> = db.repeats().await.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, expect, "{threshold} and {times}");
    };
    check(5, 4, &[]).await;
    check(5, 5, &[RepeatKind::Likely]).await;
    check(10, 9, &[]).await;
    check(10, 10, &[RepeatKind::Likely]).await;
    for threshold in [0, 1, 1_001] {
        let error = place.builder().repeat_threshold(threshold).open().await.unwrap_err();
        assert!(error.is_usage(), "{error}");
    }
}

/// No value of a parameter, a literal or a row is shown.
#[tokio::test]
async fn no_value_is_shown() {
    let db = opened().await;
    forebay::scope("secret")
        .run(async {
            let codes: Vec<String> =
                db.query("SELECT code FROM countries LIMIT 10").all().await.unwrap();
            for code in &codes {
                let sql = format!("SELECT name FROM cities WHERE country = '{code}'");
                db.query(&sql).no_cache().fetch().await.unwrap();
            }
        })
        .await;
    let findings = db.repeats().await;
    let found = of(&findings, RepeatKind::Proven);
    let shown = format!("{found:?}\n{found}");
    assert!(!shown.contains("AZ") && !shown.contains("LIMIT 10"), "{shown}");
    assert!(found.cure.contains("where country in (:keys)"), "{shown}");
}

/// A new key in the schema, and one that is gone.
#[tokio::test]
async fn the_schema_is_read_as_it_is_now() {
    let db = opened().await;
    db.execute_batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INT)").await.unwrap();
    let work = async |sql: &str| {
        forebay::scope("schema")
            .run(async {
                let users = db.query("SELECT id FROM users LIMIT 20").no_cache().all::<i64>().await;
                for user in users.unwrap() {
                    db.query(sql).bind(user).no_cache().fetch().await.unwrap();
                }
            })
            .await;
        db.repeats().await
    };
    let findings = work("SELECT id, owner FROM notes WHERE owner = ?").await;
    assert!(findings.is_empty(), "without a key, and without a row: {findings:?}");
    db.execute_batch(
        "DROP TABLE notes;
         CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INT REFERENCES users);",
    )
    .await
    .unwrap();
    let findings = work("SELECT owner FROM notes WHERE owner = ?").await;
    assert_eq!(of(&findings, RepeatKind::Proven).column.as_deref(), Some("notes.owner"));
}

#[tokio::test]
async fn metrics_count_findings() {
    let db = opened().await;
    forebay::scope("metrics").run(loop_over(&db)).await;
    db.repeats().await;
    let metrics = Monitor::new().db("app", &db).metrics();
    let value = |name: &str, kind: &str| {
        let metric = metrics.iter().find(|it| it.name == name).unwrap();
        let has = |(label, value): &(_, String)| *label == "kind" && value == kind;
        let mut series = metric.series.iter().filter(|it| {
            kind.is_empty()
                || it.labels.iter().any(|(label, value)| has(&(*label, value.to_string())))
        });
        series.next().unwrap().value.clone()
    };
    assert_eq!(value("forebay_repeats_found", "proven"), MetricValue::Number(1.0));
    assert_eq!(value("forebay_repeats_found", "likely"), MetricValue::Number(0.0));
    assert_eq!(value("forebay_repeats_executions", "proven"), MetricValue::Number(8.0));
    assert_eq!(value("forebay_scopes_total", ""), MetricValue::Count(1));
}
