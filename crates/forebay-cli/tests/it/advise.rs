//! `forebay advise`: what it says, that it changes nothing unasked, and what it does when asked.

use std::time::Duration;

use serde_json::Value;

use crate::process::{ended, run, run_with_input, stdout};

const SCRIPT: &str = "
    CREATE TABLE job (id INTEGER PRIMARY KEY, owner TEXT, state TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO job SELECT i, 'owner ' || (i % 400), 'done' FROM n;";

const QUERIES: &str = "-- calls: 500\nSELECT * FROM job WHERE owner = 'owner 5';";

#[test]
fn says_what_helps_and_does_it_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(SCRIPT).unwrap();
    std::fs::write(folder.path().join("queries.sql"), QUERIES).unwrap();
    let before = std::fs::read(&path).unwrap();
    let page = run(folder.path(), &["advise", "app.db", "--queries", "queries.sql"]);
    ended(&page, 0, "");
    let said = stdout(&page);
    assert!(said.starts_with("1 finding: 1 statement looked at, "), "{said}");
    assert!(
        said.contains("CREATE INDEX IF NOT EXISTS \"job_owner\" ON \"job\" (\"owner\");"),
        "{said}"
    );
    assert!(said.contains("now: SEARCH job USING INDEX job_owner (owner=?)"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let json =
        run_with_input(folder.path(), &["advise", "app.db", "--queries", "-", "--json"], QUERIES);
    ended(&json, 0, "");
    let said: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let effect = &said["findings"][0]["effects"][0];
    assert_eq!(
        (&said["findings"][0]["kind"], &effect["calls"]),
        (&"add index".into(), &500.into())
    );
    assert!(effect["before"]["work"].as_f64() > effect["after"]["work"].as_f64(), "{said}");
    // Nobody can be asked, so that nothing is done.
    let apply = ["advise", "app.db", "--queries", "queries.sql", "--apply"];
    ended(&run(folder.path(), &apply), 1, "nothing was changed");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let done = run(folder.path(), &[&apply[..], &["--yes"]].concat());
    ended(&done, 0, "");
    assert!(stdout(&done).ends_with("DROP INDEX IF EXISTS \"job_owner\";\n"), "{done:?}");
    let again = run(folder.path(), &["advise", "app.db", "--queries", "queries.sql"]);
    ended(&again, 0, "");
    assert!(stdout(&again).starts_with("nothing to be done: 1 statement looked at"), "{again:?}");
}

/// What an application has counted is a workload.
#[tokio::test]
async fn saved_statistics_and_a_slow_log_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(SCRIPT).unwrap();
    let file = |name: &str| folder.path().join(name);
    let db = forebay::Builder::new(format!("sqlite:{}", path.display()))
        .statistics_file(file("app.statistics"))
        .slow_after(Duration::from_nanos(1))
        .slow_log(file("slow.jsonl"))
        .open()
        .await
        .unwrap();
    for n in 0..20 {
        let sql = "SELECT * FROM job WHERE owner = ?";
        db.query(sql).bind(format!("owner {n}")).fetch().await.unwrap();
        db.query("SELECT count(*) FROM job WHERE id IN (1, 2)").fetch().await.unwrap();
    }
    db.close().await;
    for source in ["--statistics=app.statistics", "--log=slow.jsonl"] {
        let page = run(folder.path(), &["advise", "app.db", source]);
        ended(&page, 0, "");
        let said = stdout(&page);
        assert!(said.contains("ON \"job\" (\"owner\");"), "{source}: {said}");
        assert!(said.starts_with("1 finding: "), "{source}: {said}");
    }
    ended(&run(folder.path(), &["advise", "app.db", "--statistics=slow.jsonl"]), 1, "slow.jsonl");
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let check = |args: &[&str], code: i32, says: &str| {
        let mut all = vec!["advise"];
        all.extend(args);
        ended(&run(folder.path(), &all), code, says);
    };
    std::fs::write(folder.path().join("text.db"), "not a database, but long enough".repeat(200))
        .unwrap();
    std::fs::write(folder.path().join("queries.sql"), QUERIES).unwrap();
    std::fs::write(folder.path().join("blank.sql"), "-- nothing\n;").unwrap();
    check(&["missing.db", "--queries", "queries.sql"], 1, "missing.db");
    check(&["text.db", "--queries", "queries.sql"], 1, "not a database");
    check(&["text.db", "--queries", "missing.sql"], 1, "missing.sql");
    check(&["text.db", "--queries", "blank.sql"], 2, "no statements");
    check(&["text.db", "--log", "queries.sql"], 2, "slow log");
    check(&["text.db"], 2, "--queries");
    check(&["postgres://localhost/x", "--queries", "queries.sql"], 2, "names no user");
}
