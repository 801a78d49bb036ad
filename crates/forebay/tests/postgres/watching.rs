//! What is counted of statements, and the slow log with the server's plans.

use std::time::Duration;

use forebay::{Db, SlowLog, SlowStatement};

use crate::place::{on_each, until};

/// By which every statement that reaches the server is slow.
const AT_ONCE: Duration = Duration::from_nanos(1);

const SCRIPT: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);
    INSERT INTO t SELECT i, i % 50, 'text ' || i FROM generate_series(1, 5000) i;
    CREATE INDEX t_b ON t (b);
    ANALYZE t";

async fn slow(db: &Db, what: &str, is_there: impl Fn(&SlowLog) -> bool) -> SlowLog {
    until(what, || is_there(&db.slow())).await;
    db.slow()
}

async fn slow_statement(db: &Db, statement: &str) -> SlowStatement {
    let is_it = |it: &&SlowStatement| it.statement == statement;
    let log = slow(db, statement, |log| log.statements.iter().any(|it| is_it(&it))).await;
    log.statements.iter().find(is_it).unwrap().clone()
}

#[test]
fn slow_statements_have_plans_without_values() {
    on_each("slow_statements_have_plans_without_values", async |place| {
        let db = place.builder().slow_after(AT_ONCE).open().await.unwrap();
        db.execute_batch(SCRIPT).await.unwrap();
        let by_text = "SELECT id FROM t WHERE b = $1";
        db.query(by_text).bind("private").fetch().await.unwrap();
        let slow = slow_statement(&db, "select id from t where b = ?").await;
        let plan = slow.plan_lines.join("\n");
        assert!(plan.contains("using t_b") || plan.contains("on t_b"), "{plan}");
        assert!(plan.contains("Cond: (b = ?::text)") && !plan.contains("private"), "{plan}");
        assert_eq!((slow.params, slow.rows), (None, 0));

        db.execute("UPDATE t SET a = 1 WHERE id = 7").await.unwrap();
        let write = slow_statement(&db, "update t set a = ? where id = ?").await;
        assert_eq!(write.rows, 1);
        assert!(write.plan_lines[0].starts_with("Update on t"), "{:?}", write.plan_lines);
        db.transaction(|tx| async move {
            tx.execute("DELETE FROM t WHERE id = 8").await?;
            tx.query("SELECT id, a FROM t WHERE id = $1").bind(9).fetch().await
        })
        .await
        .unwrap();
        let read = slow_statement(&db, "select id, a from t where id = ?").await;
        assert!(read.plan_lines.join("\n").contains("t_pkey"), "{:?}", read.plan_lines);
        // What its EXPLAIN would have deleted is still there.
        assert_eq!(place.psql("SELECT count(*) FROM t"), "4999");
        slow_statement(&db, "delete from t where id = ?").await;
        assert_eq!(place.psql("SELECT count(*) FROM t"), "4999");
        let mut stream = db.query("SELECT b FROM t").stream::<String>().await.unwrap();
        while let Some(row) = stream.next().await {
            row.unwrap();
        }
        let streamed = slow_statement(&db, "select b from t").await;
        assert_eq!(
            (streamed.rows, &*streamed.plan_lines),
            (4_999, &["Seq Scan on t".to_owned()][..])
        );
        // Nothing is left open by those who looked at plans.
        place.until_no_session("state <> 'idle'").await;
    });
}

#[test]
fn a_plan_that_changes_is_told_at_a_server() {
    on_each("a_plan_that_changes_is_told_at_a_server", async |place| {
        let db = place.builder().slow_after(AT_ONCE).open().await.unwrap();
        db.execute_batch(SCRIPT).await.unwrap();
        let run = async || {
            let query = db.query("SELECT id FROM t WHERE b = $1").bind("text 77").no_cache();
            assert_eq!(query.scalar::<i32>().await.unwrap(), 77);
        };
        run().await;
        slow_statement(&db, "select id from t where b = ?").await;
        db.execute("DROP INDEX t_b").await.unwrap();
        run().await;
        let log = slow(&db, "the change", |log| !log.plan_changes.is_empty()).await;
        let change = &log.plan_changes[0];
        assert!(change.before_lines.join(" ").contains("t_b"), "{change:?}");
        assert!(change.after_lines[0].contains("Seq Scan on t"), "{change:?}");
    });
}

#[test]
fn times_and_rows_are_counted_on_each_way() {
    on_each("times_and_rows_are_counted_on_each_way", async |place| {
        let db = place.open(SCRIPT).await;
        for id in 1..=40 {
            let read = db.query("SELECT a, b FROM t WHERE id = $1").bind(id).no_cache();
            assert_eq!(read.fetch().await.unwrap().rows.len(), 1);
            let shared = db.query("SELECT b FROM t WHERE id = $1").bind(id).no_cache().coalesce();
            shared.fetch().await.unwrap();
        }
        db.bulk("t").columns(["id", "a"]).insert([(9_001, 1), (9_002, 2)]).await.unwrap();
        let all = db.stats().fingerprints;
        for (statement, count, rows) in
            [("select a, b from t where id = ?", 40, 40), ("select b from t where id = ?", 40, 40)]
        {
            let found = all.iter().find(|it| it.statement == statement).unwrap();
            assert_eq!((found.time.count, found.rows), (count, rows), "{statement}");
            assert!(found.time.p50 > Duration::ZERO && found.bytes_read > 0);
        }
        let copied = all.iter().find(|it| it.statement.starts_with("copy")).unwrap();
        assert_eq!((copied.rows, copied.time.count), (2, 1));
    });
}
