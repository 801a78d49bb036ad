//! Maintenance on real files: what each task does and leaves, that the cache stays exact, who is at
//! work among several, and processes that are killed in the middle of it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use forebay::{
    AlertKind, Db, MaintenanceOutcome, MaintenancePlan, MaintenanceRun, MaintenanceTask, Retention,
    Schedule, TimeUnit, UnusedIndexRemoval,
};

use crate::fault::in_mounts;
use crate::place::{Place, ask, assert_alive, child, child_path, truth};

/// How long something may take to happen.
const WAIT: Duration = Duration::from_secs(30);

const DAY: Duration = Duration::from_secs(86_400);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT, "not within {WAIT:?}: {what}");
        tokio::time::sleep(ms(10)).await;
    }
}

#[track_caller]
fn assert_run(run: &MaintenanceRun, outcome: MaintenanceOutcome, says: &str) {
    assert_eq!(run.outcome, outcome, "{run:?}");
    assert!(run.said.join("\n").contains(says), "expected {says:?} in {:?}", run.said);
}

/// So many rows, one an hour, the last of them now.
fn rows(table: &str, count: u64, at: &str) -> String {
    format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY, at, v TEXT);
         INSERT INTO {table} WITH RECURSIVE n(i) AS (
             SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {count})
         SELECT i, {at}, 'some text of row ' || i FROM n;
         CREATE INDEX {table}_at ON {table} (at);"
    )
    .replace("$AGO", &format!("(({count} - i) * 3600)"))
}

const TEXT: &str = "datetime('now', '-' || $AGO || ' seconds')";
const SECONDS: &str = "unixepoch('now') - $AGO";
const MILLIS: &str = "(unixepoch('now') - $AGO) * 1000";

/// What of a table is in the cache stays what the file has, before and after `work`.
async fn stays_exact(db: &Db, place: &Place, table: &str, work: impl AsyncFnOnce()) {
    let sql = format!("SELECT count(*), min(id), max(id) FROM {table}");
    ask(db, &sql).await;
    assert!(ask(db, &sql).await.1, "it is in the cache");
    work().await;
    let bare = place.bare();
    let row: (i64, i64, i64) =
        bare.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let seen: (i64, i64, i64) = db.query(&sql).one().await.unwrap();
    assert_eq!(seen, row, "{table}");
    assert_eq!(ask(db, &sql).await.0, truth(db, &sql).await);
}

#[tokio::test]
async fn rows_that_are_too_old_are_deleted_in_batches() {
    for (at, unit) in [
        (TEXT, TimeUnit::Text),
        ("strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || $AGO || ' seconds')", TimeUnit::Text),
        (SECONDS, TimeUnit::Seconds),
        (MILLIS, TimeUnit::Millis),
    ] {
        let place = Place::new();
        let db = place.open(&rows("t", 500, at)).await;
        // What is no instant is kept.
        db.execute_batch("INSERT INTO t VALUES (-1, NULL, ''), (-2, '', ''), (-3, x'00', '')")
            .await
            .unwrap();
        if unit != TimeUnit::Text {
            // It would be the newest, by which the column is judged.
            db.execute("DELETE FROM t WHERE id IN (-2, -3)").await.unwrap();
        } else {
            db.execute("DELETE FROM t WHERE id = -3").await.unwrap();
        }
        let kept: i64 = db.query("SELECT count(*) FROM t WHERE id < 0").scalar().await.unwrap();
        let rule = Retention::new("T", "At", DAY * 10).batch(50).pause(Duration::ZERO);
        let task = MaintenanceTask::retain(rule.clone());
        let dry = db.maintain_dry_run(&task).await.unwrap();
        assert_run(&dry, MaintenanceOutcome::Done, "would delete 2");
        assert!(dry.is_dry_run);
        stays_exact(&db, &place, "t", async || {
            let run = db.maintain_now(&task).await.unwrap();
            assert_run(&run, MaintenanceOutcome::Done, "batches");
        })
        .await;
        let left: i64 = db.query("SELECT count(*) FROM t WHERE id > 0").scalar().await.unwrap();
        // With a `T` the rows of the last day are kept, too.
        assert!((240..=242).contains(&left) || (at.contains('T') && left < 266), "{at}: {left}");
        let after: i64 = db.query("SELECT count(*) FROM t WHERE id < 0").scalar().await.unwrap();
        assert_eq!(after, kept, "{at}");
        let again = db.maintain_now(&task).await.unwrap();
        assert_run(&again, MaintenanceOutcome::Done, "deleted 0 rows");
        // Taken for something else, all of them would be old.
        let wrong = if unit == TimeUnit::Text { TimeUnit::Seconds } else { TimeUnit::Text };
        let run = db.maintain_now(&MaintenanceTask::retain(rule.unit(wrong))).await.unwrap();
        assert_run(&run, MaintenanceOutcome::Failed, "nothing was done");
        assert_alive(&db).await;
    }
}

#[tokio::test]
async fn rules_of_all_shapes() {
    let place = Place::new();
    let script = format!(
        "{} CREATE TABLE k (a INT, b TEXT, at INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO k SELECT id % 7, 'b' || id, at FROM t;
         CREATE TABLE odd (rowid TEXT, \"a \"\"t\" INT);
         INSERT INTO odd SELECT 'x', at FROM t; CREATE TABLE bad (at);
         INSERT INTO bad VALUES ('30.11.2026');",
        rows("t", 100, SECONDS)
    );
    let db = place.open(&script).await;
    let count = async |table: &str| -> i64 {
        db.query(&format!("SELECT count(*) FROM {table}")).scalar().await.unwrap()
    };
    let run = async |rule: Retention| {
        db.maintain_now(&MaintenanceTask::retain(rule.batch(7).pause(Duration::ZERO))).await
    };
    run(Retention::new("k", "at", DAY * 2)).await.unwrap();
    assert!((48..=50).contains(&count("k").await));
    run(Retention::new("odd", "a \"t", DAY * 2)).await.unwrap();
    assert!((48..=50).contains(&count("odd").await));
    run(Retention::new("t", "at", DAY).only("id % 2 = 0 -- and no more")).await.unwrap();
    assert!((61..=63).contains(&count("t").await), "{}", count("t").await);
    let check = async |rule: Retention, says: &str| match run(rule).await {
        Err(error) => assert!(error.is_usage() && error.message().contains(says), "{error}"),
        Ok(run) => assert_run(&run, MaintenanceOutcome::Failed, says),
    };
    // Seconds among milliseconds: taken for these, all would be old.
    db.execute_batch(
        "CREATE TABLE mixed (at INT); INSERT INTO mixed SELECT at FROM t; INSERT INTO mixed VALUES
         (0), (unixepoch('now') * 1000), ((unixepoch('now') - 200000) * 1000)",
    )
    .await
    .unwrap();
    let before = count("mixed").await;
    run(Retention::new("mixed", "at", DAY)).await.unwrap();
    assert_eq!(count("mixed").await, before - 1);
    check(Retention::new("bad", "at", DAY), "neither a number nor a date").await;
    assert_eq!(count("bad").await, 1);
    check(Retention::new("none", "at", DAY), "no table called none").await;
    check(Retention::new("t", "none", DAY), "no column called none").await;
    check(Retention::new("t", "at", ms(1)), "a minute at least").await;
    check(Retention::new("t", "at", DAY).only("no such thing"), "after it had deleted 0").await;
}

#[tokio::test]
async fn rows_are_moved_to_an_archive() {
    let place = Place::new();
    let script = rows("t", 300, MILLIS).replace("at, v", "at INTEGER NOT NULL, v");
    let db = place.open(&script).await;
    let archive = place.path().with_file_name("old.db");
    let rule = Retention::new("t", "at", DAY * 5).batch(40).pause(Duration::ZERO);
    let task = MaintenanceTask::retain(rule.archive(archive.display().to_string()));
    let dry = db.maintain_dry_run(&task).await.unwrap();
    assert_run(&dry, MaintenanceOutcome::Done, "would move 1");
    stays_exact(&db, &place, "t", async || {
        let run = db.maintain_now(&task).await.unwrap();
        assert_run(&run, MaintenanceOutcome::Done, "steps");
    })
    .await;
    let old = forebay::open(archive.display().to_string()).await.unwrap();
    let there: i64 = old.query("SELECT count(*) FROM t").scalar().await.unwrap();
    let here: i64 = db.query("SELECT count(*) FROM t").scalar().await.unwrap();
    assert!(there + here == 300 && (119..=121).contains(&here), "{there} and {here}");
}

#[tokio::test]
async fn a_file_is_written_anew_and_the_cache_stays_exact() {
    let place = Place::new();
    let db = place.open(&rows("t", 20_000, SECONDS)).await;
    let other = place.builder().open().await.unwrap();
    let task = MaintenanceTask::vacuum();
    let run = db.maintain_now(&task).await.unwrap();
    assert_run(&run, MaintenanceOutcome::Skipped, "not worth its time");
    db.execute("DELETE FROM t WHERE id > 2000").await.unwrap();
    let size = || std::fs::metadata(place.path()).unwrap().len();
    db.maintain_now(&MaintenanceTask::checkpoint_above(0)).await.unwrap();
    let before = size();
    let dry = db.maintain_dry_run(&task).await.unwrap();
    assert_run(&dry, MaintenanceOutcome::Done, "would write");
    assert_eq!(size(), before);
    // Somebody holds an old state: the log would keep all of it.
    let reader = place.bare();
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    db.execute("UPDATE t SET v = 'changed' WHERE id = 10").await.unwrap();
    let run = db.maintain_now(&task).await.unwrap();
    assert_run(&run, MaintenanceOutcome::Skipped, "somebody holds a snapshot");
    reader.execute_batch("COMMIT").unwrap();
    let sql = "SELECT sum(id), count(*) FROM t";
    let (seen, _) = ask(&other, sql).await;
    stays_exact(&db, &place, "t", async || {
        let run = db.maintain_now(&task).await.unwrap();
        assert_run(&run, MaintenanceOutcome::Done, "the file had");
    })
    .await;
    assert!(size() < before / 4, "{} of {before}", size());
    assert_eq!(ask(&other, sql).await.0, seen);
    assert_alive(&db).await;
    assert_alive(&other).await;
    let check: String = place.bare().query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn there_is_no_space_to_write_a_file_anew() {
    let Some(path) = child_path() else {
        let place = Place::new();
        let dir = place.path().parent().unwrap().to_owned();
        let mount = format!("mount -t tmpfs -o size=8m tmpfs '{}'", dir.display());
        let test = "maintain::there_is_no_space_to_write_a_file_anew";
        in_mounts(&mount, test, &place.path());
        return;
    };
    let db = forebay::open(path.display().to_string()).await.unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t WITH RECURSIVE n(i) AS
         (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 250) SELECT i, zeroblob(10000) FROM n",
    )
    .await
    .unwrap();
    db.maintain_now(&MaintenanceTask::checkpoint_above(0)).await.unwrap();
    let filler = path.with_file_name("filler");
    std::fs::write(&filler, vec![1; 4_200_000]).unwrap();
    let task = MaintenanceTask::vacuum_when_free(0);
    let run = db.maintain_now(&task).await.unwrap();
    assert_run(&run, MaintenanceOutcome::Skipped, "and needs");
    // The rest of the disk is full, too: each task says so and leaves the database as it was.
    let mut file = std::fs::File::create(path.with_file_name("rest")).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4_096]).is_ok() {}
    let rule = Retention::new("t", "id", DAY).batch(10);
    let run = db.maintain_now(&MaintenanceTask::retain(rule)).await.unwrap();
    assert!(run.outcome != MaintenanceOutcome::Stopped, "{run:?}");
    let run = db.maintain_now(&MaintenanceTask::reindex(Vec::<String>::new())).await.unwrap();
    assert!(run.outcome != MaintenanceOutcome::Stopped, "{run:?}");
    drop(file);
    std::fs::remove_file(path.with_file_name("rest")).unwrap();
    std::fs::remove_file(&filler).unwrap();
    let run = db.maintain_now(&task).await.unwrap();
    assert_run(&run, MaintenanceOutcome::Done, "the file had");
    assert_alive(&db).await;
}

#[tokio::test]
async fn small_tasks() {
    let place = Place::new();
    let bare = place.bare();
    bare.execute_batch("PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = wal").unwrap();
    drop(bare);
    let db = place.open(&rows("t", 30_000, SECONDS)).await;
    let run = async |task: MaintenanceTask| db.maintain_now(&task).await.unwrap();
    let dry = async |task: MaintenanceTask| db.maintain_dry_run(&task).await.unwrap();
    use MaintenanceOutcome::{Done, Failed, Skipped};
    // Statistics.
    assert_run(&dry(MaintenanceTask::optimize()).await, Done, "ANALYZE");
    assert!(place.bare().prepare("SELECT * FROM sqlite_stat1").is_err(), "nothing was run");
    stays_exact(&db, &place, "t", async || {
        assert_run(&run(MaintenanceTask::optimize()).await, Done, "ANALYZE");
    })
    .await;
    let known: i64 = db.query("SELECT count(*) FROM sqlite_stat1").scalar().await.unwrap();
    assert!(known > 0);
    assert_run(&run(MaintenanceTask::optimize()).await, Done, "up to date");
    assert_run(&run(MaintenanceTask::analyze()).await, Done, "ANALYZE");
    // Free pages.
    db.execute("DELETE FROM t WHERE id > 3000").await.unwrap();
    let free = async || -> i64 { db.query("PRAGMA freelist_count").scalar().await.unwrap() };
    assert!(free().await > 100);
    assert_run(&dry(MaintenanceTask::incremental_vacuum()).await, Done, "would give");
    stays_exact(&db, &place, "t", async || {
        assert_run(&run(MaintenanceTask::incremental_vacuum()).await, Done, "gave");
    })
    .await;
    assert_eq!(free().await, 0);
    // Indexes.
    stays_exact(&db, &place, "t", async || {
        assert_run(&run(MaintenanceTask::reindex(["t_at"])).await, Done, "REINDEX \"t_at\"");
    })
    .await;
    let none = Vec::<String>::new();
    assert_run(&run(MaintenanceTask::reindex(none)).await, Done, "REINDEX");
    assert_run(&run(MaintenanceTask::reindex(["none"])).await, Failed, "REINDEX \"none\" failed");
    // The log.
    let wal = || std::fs::metadata(place.path().with_file_name("app.db-wal")).unwrap().len();
    db.execute("UPDATE t SET v = v || '.'").await.unwrap();
    assert!(wal() > 100_000);
    assert_run(&run(MaintenanceTask::checkpoint()).await, Done, "no more than");
    let reader = place.bare();
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    db.execute("UPDATE t SET v = v || '.' WHERE id = 1").await.unwrap();
    let began = Instant::now();
    assert_run(&run(MaintenanceTask::checkpoint_above(0)).await, Skipped, "still reads");
    assert!(began.elapsed() < WAIT);
    reader.execute_batch("COMMIT").unwrap();
    stays_exact(&db, &place, "t", async || {
        assert_run(&run(MaintenanceTask::checkpoint_above(0)).await, Done, "emptied");
    })
    .await;
    assert_eq!(wal(), 0);
    // The cache.
    let queries = ["SELECT count(*) FROM t WHERE id < 50", "SELECT random()"];
    assert_run(&dry(MaintenanceTask::warm(queries)).await, Done, "1 of 2 queries would be");
    assert_run(&run(MaintenanceTask::warm(queries)).await, Done, "cannot be cached");
    assert!(ask(&db, queries[0]).await.1, "it was asked before");
    let write = ["DELETE FROM t"];
    assert_run(&run(MaintenanceTask::warm(write)).await, Failed, "only reads");
    // Health.
    assert_run(&run(MaintenanceTask::health()).await, Done, "score");
    // Something else.
    let call = MaintenanceTask::call("own", |db: Db| async move {
        let rows: i64 = db.query("SELECT count(*) FROM t").scalar().await?;
        Ok(format!("{rows} rows"))
    });
    assert_run(&run(call.clone()).await, Done, "3000 rows");
    assert_run(&dry(call).await, Done, "would call");
    let hangs = MaintenanceTask::call("hangs", |_| std::future::pending());
    assert_run(&run(hangs.at_most(ms(50))).await, MaintenanceOutcome::Unfinished, "its time");
    assert_alive(&db).await;
}

#[tokio::test]
async fn indexes_are_dropped_only_if_named_and_unused() {
    let place = Place::new();
    let db = place
        .open(
            "CREATE TABLE t (a INT, b INT, c INT UNIQUE); CREATE INDEX t_a ON t (a);
             CREATE INDEX t_b ON t (b); CREATE INDEX t_ab ON t (a, b);
             INSERT INTO t VALUES (1, 2, 3)",
        )
        .await;
    db.query("SELECT c FROM t WHERE b = ?").bind(2).fetch().await.unwrap();
    let names = ["t_a", "t_b", "sqlite_autoindex_t_1", "none"];
    let removal = UnusedIndexRemoval::approved(names);
    let task = MaintenanceTask::drop_indexes(removal.clone());
    let run = db.maintain_now(&task).await.unwrap();
    assert_run(&run, MaintenanceOutcome::Skipped, "14 are needed");
    let task = MaintenanceTask::drop_indexes(removal.watched_for(Duration::ZERO));
    let dry = db.maintain_dry_run(&task).await.unwrap();
    assert_run(&dry, MaintenanceOutcome::Done, "DROP INDEX \"t_a\"");
    let run = db.maintain_now(&task).await.unwrap();
    for says in [
        "DROP INDEX \"t_a\"",
        "undone by: CREATE INDEX t_a",
        "t_b is kept: it is used by select",
        "sqlite_autoindex_t_1 is kept",
        "no index called none",
    ] {
        assert_run(&run, MaintenanceOutcome::Done, says);
    }
    let left: Vec<String> = db
        .query("SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name")
        .all()
        .await
        .unwrap();
    assert_eq!(left, ["sqlite_autoindex_t_1", "t_ab", "t_b"], "and no other");
}

#[tokio::test]
async fn plans_that_are_not_in_order() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a)").await;
    let check = |plan: MaintenancePlan, says: &str| {
        let error = db.maintain(plan).unwrap_err();
        assert!(error.is_usage() && error.message().contains(says), "{error}");
    };
    let daily = || Schedule::cron("@daily").unwrap();
    let plan = || MaintenancePlan::new().task(MaintenanceTask::health(), daily());
    check(MaintenancePlan::new(), "1 to 100 tasks");
    check(plan().task(MaintenanceTask::health(), daily()), "two tasks are called health");
    check(plan().history(0), "runs are remembered");
    check(plan().task(MaintenanceTask::warm(Vec::<String>::new()), daily()), "queries");
    check(plan().task(MaintenanceTask::optimize().named(""), daily()), "name of a task");
    check(plan().task(MaintenanceTask::vacuum_when_free(101), daily()), "0 to 100");
}

const X: &str = "CREATE TABLE IF NOT EXISTS x (a)";

/// A plan that counts how often it runs, every second.
fn counting(counted: &Arc<Mutex<Vec<String>>>, name: &'static str) -> MaintenancePlan {
    let counted = counted.clone();
    let task = MaintenanceTask::call("count", move |_| {
        counted.lock().unwrap().push(name.to_owned());
        async { Ok(String::new()) }
    });
    MaintenancePlan::new().task(task, "every 1s".parse().unwrap())
}

#[tokio::test]
async fn one_of_two_is_at_work_and_the_other_goes_on() {
    let place = Place::new();
    let (one, two) = (place.open(X).await, place.open(X).await);
    let counted = Arc::new(Mutex::new(Vec::new()));
    let first = one.maintain(counting(&counted, "first").keep_table(true)).unwrap();
    until("the first is at work", || first.is_leading()).await;
    let second = two.maintain(counting(&counted, "second").keep_table(true)).unwrap();
    until("it runs", || counted.lock().unwrap().len() > 1).await;
    assert!(!second.is_leading());
    assert!(counted.lock().unwrap().iter().all(|name| name == "first"));
    let error = second.run_now("count").await.unwrap_err();
    assert!(error.message().contains("another does"), "{error}");
    let run = first.run_now("count").await;
    assert!(run.is_ok() || run.unwrap_err().message().contains("is running"));
    assert!(first.run_now("none").await.unwrap_err().message().contains("no task called none"));
    let status = first.status();
    assert_eq!((status[0].task.as_str(), status[0].schedule.as_str()), ("count", "every 1s"));
    assert!(status[0].to_json().contains("\"task\":\"count\""));
    first.stop().await;
    first.stop().await;
    assert!(!first.is_leading() && first.run_now("count").await.is_err());
    let by_first = counted.lock().unwrap().len();
    until("the other goes on", || second.is_leading()).await;
    until("and runs", || counted.lock().unwrap().len() > by_first).await;
    assert_eq!(counted.lock().unwrap().last().unwrap(), "second");
    // What the first has done is in the table.
    until("both are in it", || second.history().len() > by_first).await;
    assert!(second.history().iter().all(|run| run.outcome == MaintenanceOutcome::Done));
    drop(second);
    assert_alive(&one).await;
}

#[tokio::test]
async fn what_runs_ends_cleanly_and_what_hangs_is_stopped() {
    let place = Place::new();
    let db = place.open(&rows("t", 3_000, SECONDS)).await;
    let slow = Retention::new("t", "at", DAY).batch(10).pause(Duration::from_secs(60));
    let plan =
        MaintenancePlan::new().task(MaintenanceTask::retain(slow), "every 1s".parse().unwrap());
    let maintenance = db.maintain(plan).unwrap();
    let status = || maintenance.status();
    until("it runs", || status().iter().any(|it| it.running_since.is_some())).await;
    until("a batch is done", || truth_of(&place) < 3_000).await;
    let began = Instant::now();
    maintenance.stop().await;
    assert!(began.elapsed() < Duration::from_secs(9), "it did not rest to its end");
    let history = maintenance.history();
    assert_run(&history[0], MaintenanceOutcome::Stopped, "deleted 10 rows");
    let left: i64 = db.query("SELECT count(*) FROM t").scalar().await.unwrap();
    assert_eq!(left, 2_990, "the batch is whole");
    // A statement that does not end.
    let endless = MaintenanceTask::call("endless", |db: Db| async move {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT count(*) FROM n";
        db.query(sql).no_cache().scalar::<i64>().await.map(|n| n.to_string())
    });
    let again = db
        .maintain(
            MaintenancePlan::new().task(endless, "every 1s".parse().unwrap()).stop_within(ms(50)),
        )
        .unwrap();
    until("one hangs", || again.status().iter().any(|it| it.running_since.is_some())).await;
    again.stop().await;
    let ended: Vec<_> = again.history().iter().map(|run| run.outcome).collect();
    assert!(ended.contains(&MaintenanceOutcome::Stopped), "{:?}", again.history());
    assert_alive(&db).await;
}

async fn panics(_: Db) -> forebay::Result<String> {
    panic!("on purpose")
}

#[tokio::test]
async fn changes_of_health_are_told_once() {
    let place = Place::new();
    let script = "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p);
        INSERT INTO p WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
            SELECT i FROM n; INSERT INTO c SELECT id FROM p;";
    let db = place.open(script).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let plan = MaintenancePlan::new()
        .database("app")
        .task(MaintenanceTask::health(), "@yearly".parse().unwrap())
        .task(MaintenanceTask::call("panics", panics), "@yearly".parse().unwrap())
        .on_alert(move |alert| telling.lock().unwrap().push(alert.clone()));
    let maintenance = db.maintain(plan).unwrap();
    until("it is at work", || maintenance.is_leading()).await;
    for _ in 0..2 {
        maintenance.run_now("health").await.unwrap();
    }
    let of = |kind: AlertKind| {
        let told = told.lock().unwrap();
        let of_key = told.iter().filter(|it| it.check.as_deref() == Some("foreign_key_indexes"));
        of_key.filter(|it| it.kind == kind).count()
    };
    assert_eq!((of(AlertKind::Worse), of(AlertKind::Recovered)), (1, 0));
    db.execute("CREATE INDEX c_p ON c (p)").await.unwrap();
    for _ in 0..2 {
        maintenance.run_now("health").await.unwrap();
    }
    assert_eq!((of(AlertKind::Worse), of(AlertKind::Recovered)), (1, 1));
    let run = maintenance.run_now("panics").await.unwrap();
    assert_run(&run, MaintenanceOutcome::Failed, "it panicked");
    assert_eq!(told.lock().unwrap().last().unwrap().kind, AlertKind::Failed);
    assert!(told.lock().unwrap().iter().all(|alert| alert.database == "app"));
    assert_eq!(maintenance.history().len(), 5);
    db.close().await;
    maintenance.stop().await;
}

#[tokio::test]
async fn kill_in_the_middle_of_a_batch() {
    if let Some(path) = child_path() {
        let db = forebay::open(path.display().to_string()).await.unwrap();
        let rule = Retention::new("t", "at", DAY).batch(20).pause(ms(1));
        let plan = MaintenancePlan::new()
            .task(MaintenanceTask::retain(rule), "every 1s".parse().unwrap())
            .keep_table(true);
        let _maintenance = db.maintain(plan).unwrap();
        println!("ready");
        std::future::pending::<()>().await;
    }
    let place = Place::new();
    let db = place.open(&rows("t", 40_000, SECONDS)).await;
    let count = async || -> i64 { db.query("SELECT count(*) FROM t").scalar().await.unwrap() };
    let test = "maintain::kill_in_the_middle_of_a_batch";
    let mut child = child(&[], test, &place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while count().await == 40_000 {
        assert!(began.elapsed() < WAIT, "nothing was deleted");
        tokio::time::sleep(ms(5)).await;
    }
    // Nobody else is at work meanwhile.
    let rule = Retention::new("t", "at", DAY).batch(100).pause(Duration::ZERO);
    let plan = MaintenancePlan::new()
        .task(MaintenanceTask::retain(rule), "@yearly".parse().unwrap())
        .keep_table(true);
    let maintenance = db.maintain(plan).unwrap();
    until("it has looked", || !maintenance.status().is_empty()).await;
    assert!(!maintenance.is_leading(), "the other one holds the lock");
    child.kill().unwrap();
    child.wait().unwrap();
    let left = count().await;
    assert!(left < 40_000 && (40_000 - left) % 20 == 0, "whole batches: {left}");
    assert_eq!(count().await, truth_of(&place), "and the cache has noticed them");
    until("the lock is free", || maintenance.is_leading()).await;
    assert_run(&maintenance.history()[0], MaintenanceOutcome::Stopped, "the process ended");
    maintenance.run_now("retain t").await.unwrap();
    let left = count().await;
    assert!((24..=25).contains(&left), "{left}");
    assert_eq!(left, truth_of(&place));
    maintenance.stop().await;
}

fn truth_of(place: &Place) -> i64 {
    place.bare().query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}
