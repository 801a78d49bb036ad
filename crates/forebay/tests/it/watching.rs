//! Statistics of statements, kept over restarts, and the slow log.

use std::path::Path;
use std::time::{Duration, SystemTime};

use forebay::{Db, FingerprintStats, PlanChange, SavedStatistics, SlowLog, SlowStatement};

use crate::place::Place;

/// By which every statement that reaches the database is slow.
const AT_ONCE: Duration = Duration::from_nanos(1);

const SCRIPT: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);
     WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     INSERT INTO t (a, b) SELECT i % 50, 'text ' || i FROM n;";

fn of(db: &Db, statement: &str) -> FingerprintStats {
    let all = db.stats().fingerprints;
    let known: Vec<String> = all.iter().map(|it| it.statement.clone()).collect();
    let found = all.into_iter().find(|it| it.statement == statement);
    found.unwrap_or_else(|| panic!("{statement} is not in {known:?}"))
}

/// The slow log once it has what is looked for.
async fn slow(db: &Db, is_there: impl Fn(&SlowLog) -> bool) -> SlowLog {
    for _ in 0..2_000 {
        let log = db.slow();
        if is_there(&log) {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it is not in {:#?}", db.slow());
}

async fn slow_statement(db: &Db, statement: &str) -> SlowStatement {
    let is_it = |it: &&SlowStatement| it.statement == statement;
    let log = slow(db, |log| log.statements.iter().any(|it| is_it(&it))).await;
    log.statements.iter().find(is_it).unwrap().clone()
}

#[tokio::test]
async fn what_is_counted_of_a_statement() {
    let place = Place::new();
    let db = place.open(SCRIPT).await;
    let before = SystemTime::now() - Duration::from_secs(1);
    for a in 0..10 {
        let sql = "SELECT id, b FROM t WHERE a = ? /*route='%2Ft',controller='c'*/";
        let rows = db.query(sql).bind(a).fetch().await.unwrap().rows;
        assert_eq!(rows.len(), 10);
        // From memory.
        assert!(db.query(sql).bind(a).fetch().await.unwrap().cached);
    }
    db.execute("UPDATE t SET b = 'x' WHERE a = 3").await.unwrap();
    assert!(db.query("SELECT nothing FROM t WHERE a = 3").fetch().await.is_err());
    let read = of(&db, "select id, b from t where a = ?");
    assert_eq!((read.calls, read.hits, read.misses, read.rows), (20, 10, 10, 100));
    assert!(read.bytes_read > 700 && read.bytes_read < 100_000, "{}", read.bytes_read);
    let time = &read.time;
    assert_eq!((time.count, time.total), (10, read.origin_time));
    assert!(time.p50 > Duration::ZERO && time.p50 <= time.p95 && time.p95 <= time.p99);
    assert!(time.p99 <= time.max && time.max <= time.total && time.mean().unwrap() <= time.max);
    assert_eq!(time.buckets.iter().sum::<u64>(), 10);
    assert!(read.first_seen.unwrap() >= before && read.last_seen >= read.first_seen);
    assert_eq!(read.caller.as_deref(), Some("route=/t controller=c"));
    assert_eq!(read.sample.as_deref(), Some("SELECT id, b FROM t WHERE a = ?"));
    for window in [&read.minute, &read.hour] {
        assert_eq!((window.calls, window.hits, window.rows, window.errors), (20, 10, 100, 0));
        assert_eq!((window.time, window.bytes), (read.origin_time, read.bytes_read));
        assert!(window.max >= read.time.max && window.span <= Duration::from_secs(3_600));
        assert!(window.p50 > Duration::ZERO && window.p50 <= window.p95);
        assert!(window.p95 <= window.p99 && window.p99 <= window.max);
    }
    let write = of(&db, "update t set b = ? where a = ?");
    assert_eq!((write.calls, write.rows, write.time.count), (1, 10, 1));
    assert_eq!(write.sample, None, "it has literals");
    assert!(db.stats().watch.since.unwrap() >= before);
}

#[tokio::test]
async fn hits_are_timed_now_and_then() {
    let place = Place::new();
    let db = place.open(SCRIPT).await;
    for _ in 0..1_000 {
        db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap();
    }
    let read = of(&db, "select count(*) from t");
    assert_eq!(read.hits, 999);
    assert!((5..20).contains(&read.hit_time.count), "{:?}", read.hit_time);
    assert!(read.hit_time.p50 > Duration::ZERO);
}

#[tokio::test]
async fn every_way_to_the_database_is_counted_and_can_be_slow() {
    let place = Place::new();
    let db = place.builder().slow_after(AT_ONCE).open().await.unwrap();
    db.execute_batch(SCRIPT).await.unwrap();
    db.query("SELECT a FROM t").fetch().await.unwrap();
    db.query("SELECT a, random() FROM t").fetch().await.unwrap();
    db.execute("UPDATE t SET a = 1 WHERE id = 1").await.unwrap();
    db.transaction(|tx| async move {
        tx.query("SELECT id FROM t").fetch().await?;
        tx.execute("DELETE FROM t WHERE id = 2").await
    })
    .await
    .unwrap();
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("INSERT INTO t (a) VALUES (1)").await.unwrap();
    session.execute("COMMIT").await.unwrap();
    let stream = db.query("SELECT id, b FROM t WHERE a < 40").stream::<(i64, Option<String>)>();
    let mut rows = stream.await.unwrap();
    let mut streamed = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        streamed += 1;
    }
    db.bulk("t").columns(["id", "a"]).insert([(1_000, 7), (1_001, 8)]).await.unwrap();
    for (statement, count) in [
        ("select a from t", 500),
        ("select a, random() from t", 500),
        ("update t set a = ? where id = ?", 1),
        ("select id from t", 500),
        ("delete from t where id = ?", 1),
        ("begin", 0),
        ("insert into t(a) values (?)", 1),
        ("commit", 0),
        ("select id, b from t where a < ?", streamed),
        ("insert into \"t\"(\"id\", \"a\") values (?, ?)", 2),
    ] {
        let slow = slow_statement(&db, statement).await;
        assert_eq!((slow.why, slow.rows, slow.failed), ("absolute", count, false), "{statement}");
        assert!(slow.time > Duration::ZERO && slow.params.is_none());
        let stats = of(&db, statement);
        assert_eq!((stats.time.count, stats.rows), (1, count), "{statement}");
        assert_eq!(stats.id, slow.fingerprint);
    }
    let scan = slow_statement(&db, "select a from t").await;
    assert_eq!(scan.plan_lines, ["SCAN t"]);
    assert_eq!(of(&db, "select a from t").plan, scan.plan);
    // So many steps that they are seen, since they are counted in thousands.
    db.query("SELECT count(*) FROM t x, t y").fetch().await.unwrap();
    let long = slow_statement(&db, "select count(*) from t x, t y").await;
    assert!(long.vm_steps.unwrap() >= 100_000, "{long:?}");
    assert!(db.stats().watch.slow_absolute >= 11);
}

#[tokio::test]
async fn parameters_show_only_where_they_may() {
    let (plain, open) = (Place::new(), Place::new());
    for (place, shows) in [(&plain, false), (&open, true)] {
        let builder = place.builder().slow_after(AT_ONCE).slow_parameters(shows);
        let log = place.path().with_extension("jsonl");
        let db = builder.slow_log(&log).open().await.unwrap();
        db.execute_batch(SCRIPT).await.unwrap();
        let id = "5bd66ef5095369c7b0d1f8f4bd33716a";
        let sql = format!(
            "SELECT id FROM t WHERE b = ?1 AND b <> 'secret' \
             /*action='show',traceparent='00-{id}-c532cb4098ac3dd2-01'*/"
        );
        db.query(&sql).bind("private").fetch().await.unwrap();
        let slow = slow_statement(&db, "select id from t where b = ? and b <> ?").await;
        assert_eq!(slow.params.is_some_and(|it| it.contains("private")), shows);
        assert_eq!(slow.caller.as_deref(), Some("action=show"));
        assert_eq!(slow.trace.as_deref(), Some(id));
        db.close().await;
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.contains("private"), shows, "{text}");
        assert!(!text.contains("secret"), "{text}");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let line = lines.iter().find(|line| line["trace"] == id).unwrap();
        assert_eq!((&line["event"], &line["plan_lines"][0]), (&"slow".into(), &"SCAN t".into()));
    }
}

#[tokio::test]
async fn a_statement_that_is_always_slow_is_told_so_often() {
    let place = Place::new();
    let db = place.builder().slow_after(AT_ONCE).open().await.unwrap();
    db.execute_batch(SCRIPT).await.unwrap();
    for _ in 0..50 {
        db.query("SELECT a FROM t WHERE id = 7").no_cache().fetch().await.unwrap();
    }
    slow_statement(&db, "select a from t where id = ?").await;
    db.close().await;
    let watch = db.stats().watch;
    assert_eq!(watch.slow_absolute, 50);
    let told = db.slow().statements.len() as u64;
    // Six a minute: two minutes, if one ended meanwhile.
    assert!((6..=12).contains(&told), "{told}");
    assert_eq!(watch.slow_left_out, 50 - told);
}

#[tokio::test]
async fn a_plan_that_changes_is_told() {
    let place = Place::new();
    let db = place.builder().slow_log(place.path().with_extension("log")).open().await.unwrap();
    db.execute_batch(SCRIPT).await.unwrap();
    db.execute("CREATE INDEX t_a ON t (a)").await.unwrap();
    let statement = "select id from t where a = ?";
    let run = async |times: usize| {
        for _ in 0..times {
            db.query("SELECT id FROM t WHERE a = ?").bind(5).no_cache().fetch().await.unwrap();
        }
    };
    run(32).await;
    for _ in 0..2_000 {
        if of(&db, statement).plan.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = of(&db, statement).plan.unwrap();
    db.execute("DROP INDEX t_a").await.unwrap();
    run(32).await;
    let log = slow(&db, |log| !log.plan_changes.is_empty()).await;
    let [change] = &log.plan_changes[..] else { panic!("{log:?}") };
    let PlanChange { before_lines, after_lines, .. } = change;
    assert_eq!((&*change.statement, change.before), (statement, before));
    assert!(before_lines[0].starts_with("SEARCH t USING"), "{before_lines:?}");
    assert_eq!(after_lines, &["SCAN t"]);
    assert_eq!(db.stats().watch.plan_changes, 1);
    db.close().await;
    let text = std::fs::read_to_string(place.path().with_extension("log")).unwrap();
    assert!(text.contains("\"event\":\"plan_changed\""), "{text}");
}

/// Its time is that of whoever had the lock, and it has no plan.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waits_for_the_lock_is_told_as_that() {
    let place = Place::new();
    let limit = Duration::from_millis(20);
    let db = place.builder().slow_after(limit).open().await.unwrap();
    db.execute_batch(SCRIPT).await.unwrap();
    let bare = place.bare();
    bare.execute_batch("BEGIN IMMEDIATE").unwrap();
    let session = db.session();
    let waits = async { session.execute("BEGIN IMMEDIATE").await.unwrap() };
    let gives_back = async {
        tokio::time::sleep(3 * limit).await;
        bare.execute_batch("ROLLBACK").unwrap();
    };
    tokio::join!(waits, gives_back);
    let told = slow_statement(&db, "begin immediate").await;
    assert_eq!((told.why, told.plan), ("lock", None));
    assert!(told.time >= limit, "{told:?}");
    session.execute("ROLLBACK").await.unwrap();
    let watch = db.stats().watch;
    assert_eq!((watch.slow_lock, watch.slow_absolute, watch.slow_relative), (1, 0, 0));
}

#[tokio::test]
async fn without_a_limit_nothing_is_slow() {
    let place = Place::new();
    let db = place.builder().slow_after(None).open().await.unwrap();
    let long = "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
                SELECT count(*) FROM n";
    db.query(long).fetch().await.unwrap();
    db.close().await;
    let watch = db.stats().watch;
    assert_eq!((watch.slow_absolute, watch.slow_relative), (0, 0));
    assert!(db.slow().statements.is_empty());
}

#[tokio::test]
async fn a_log_that_cannot_be_written_fails_no_statement() {
    let place = Place::new();
    let nowhere = place.path().with_file_name("missing").join("slow.jsonl");
    let db = place.builder().slow_after(AT_ONCE).slow_log(&nowhere).open().await.unwrap();
    db.execute_batch(SCRIPT).await.unwrap();
    db.query("SELECT a FROM t").fetch().await.unwrap();
    slow_statement(&db, "select a from t").await;
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn statistics_go_on_after_a_restart() {
    let place = Place::new();
    let file = place.path().with_extension("stats");
    let open = async |keeps| {
        let builder = place.builder().statistics_file(&file).keep_samples(keeps);
        builder.open().await.unwrap()
    };
    let run = async |db: &Db| {
        for id in 1..=5 {
            db.query("SELECT a FROM t WHERE id = ?").named("one").bind(id).fetch().await.unwrap();
            db.query("SELECT b FROM t WHERE b = 'secret'").no_cache().fetch().await.unwrap();
        }
    };
    let db = open(false).await;
    db.execute_batch(SCRIPT).await.unwrap();
    run(&db).await;
    db.close().await;
    let first = of(&db, "select a from t where id = ?");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("secret"), "{text}");

    let db = open(true).await;
    let restored = of(&db, "select a from t where id = ?");
    assert_eq!((restored.calls, restored.misses, restored.rows), (5, 5, 5));
    assert_eq!((&restored.time, restored.name.as_deref()), (&first.time, Some("one")));
    assert_eq!((restored.first_seen, restored.minute.calls), (first.first_seen, 0));
    run(&db).await;
    let both = of(&db, "select a from t where id = ?");
    assert_eq!((both.calls, both.time.count, both.minute.calls), (10, 10, 5));
    db.close().await;

    let saved = SavedStatistics::read(&file).unwrap();
    let of = |statement: &str| {
        saved.statements.iter().find(|it| it.statement == statement).unwrap().clone()
    };
    let (one, secret) = (of("select a from t where id = ?"), of("select b from t where b = ?"));
    assert_eq!((one.calls, one.rows, one.time), (10, 10, both.time));
    assert_eq!(one.sample.as_deref(), Some("SELECT a FROM t WHERE id = ?"));
    assert_eq!(secret.sample.as_deref(), Some("SELECT b FROM t WHERE b = 'secret'"));
    assert!(saved.since <= saved.saved && one.first_seen <= one.last_seen);
}

#[tokio::test]
async fn a_damaged_file_of_statistics_is_set_aside() {
    let place = Place::new();
    let file = place.path().with_extension("stats");
    assert!(SavedStatistics::read(&file).unwrap_err().to_string().contains("there is no file"));
    for content in
        [&b""[..], b"\xff\xfe", b"{\"forebay_statistics\":1", b"{\"forebay_statistics\":9}\n"]
    {
        std::fs::write(&file, content).unwrap();
        assert!(SavedStatistics::read(&file).is_err());
        let db = place.builder().statistics_file(&file).open().await.unwrap();
        db.query("SELECT 1").fetch().await.unwrap();
        db.close().await;
        assert_eq!(std::fs::read(file.with_extension("stats.damaged")).unwrap(), content);
        assert_eq!(SavedStatistics::read(&file).unwrap().statements.len(), 1);
    }
    // A folder in its place: neither read nor written, and no error.
    let folder = place.path().with_extension("folder");
    std::fs::create_dir(&folder).unwrap();
    let db = place.builder().statistics_file(&folder).open().await.unwrap();
    db.query("SELECT 1").fetch().await.unwrap();
    db.close().await;
    assert!(leftovers(&folder).is_empty());
}

/// Files beside this one that were not finished.
fn leftovers(path: &Path) -> Vec<std::ffi::OsString> {
    let names =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|it| it.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".part")).collect()
}
