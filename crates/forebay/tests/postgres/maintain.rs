//! Maintenance of servers: each task, exactness of the cache, and who is at work.

use std::time::Duration;

use forebay::{
    MaintenanceOutcome, MaintenancePlan, MaintenanceRun, MaintenanceTask, Retention, Schedule,
    UnusedIndexRemoval,
};

use crate::place::{on_each, until};

const DAY: Duration = Duration::from_secs(86_400);

#[track_caller]
fn assert_run(run: &MaintenanceRun, outcome: MaintenanceOutcome, says: &str) {
    assert_eq!(run.outcome, outcome, "{run:?}");
    assert!(run.said.join("\n").contains(says), "expected {says:?} in {:?}", run.said);
}

const SCRIPT: &str = "
    CREATE TABLE t (id int PRIMARY KEY, at timestamptz, plain timestamp, day date, ms bigint,
        v text) WITH (autovacuum_enabled = off);
    INSERT INTO t SELECT i, now() - i * interval '1 hour', now() - i * interval '1 hour',
        (now() - i * interval '1 hour')::date,
        (extract(epoch FROM now()) - i * 3600) * 1000, 'row ' || i
    FROM generate_series(0, 999) i;
    CREATE INDEX t_at ON t (at); CREATE INDEX t_v ON t (v);";

#[test]
fn tasks() {
    on_each("tasks", async |place| {
        let db = place.builder().sole_writer(true).open().await.unwrap();
        db.execute_batch(SCRIPT).await.unwrap();
        use MaintenanceOutcome::{Done, Failed, Skipped};
        let count = async || -> i64 { db.query("SELECT count(*) FROM t").scalar().await.unwrap() };
        let run = async |task: MaintenanceTask| db.maintain_now(&task).await.unwrap();
        // Rows that are too old, by each type of column, beside the cache.
        let rule = |column: &str, days: u32| {
            let rule = Retention::new("public.t", column, DAY * days);
            MaintenanceTask::retain(rule.batch(37).pause(Duration::ZERO))
        };
        let dry = db.maintain_dry_run(&rule("at", 30)).await.unwrap();
        assert_run(&dry, Done, "would delete 2");
        for (column, days, left) in [("at", 30, 720), ("plain", 20, 480), ("ms", 10, 240)] {
            assert!(count().await > left && count().await > left);
            assert_run(&run(rule(column, days)).await, Done, "deleted 2");
            let now = count().await;
            assert!((left..=left + 1).contains(&now), "{column}: {now}");
            assert_eq!(now.to_string(), place.psql("SELECT count(*) FROM t"));
        }
        assert_run(&run(rule("day", 5)).await, Done, "deleted ");
        assert_run(&run(rule("v", 5)).await, Failed, "none of an instant");
        assert_run(&run(rule("none", 5)).await, Failed, "no table called public.t with");
        let only = Retention::new("t", "at", DAY).only("id % 2 = 0");
        assert_run(&run(MaintenanceTask::retain(only)).await, Done, "deleted");
        assert_eq!(count().await.to_string(), place.psql("SELECT count(*) FROM t"));
        // Dead rows and statistics. What the server counts comes a little late.
        let dead = "SELECT n_dead_tup > 500 FROM pg_stat_user_tables WHERE relname = 't'";
        until("the rows are known to be dead", || place.psql(dead) == "t").await;
        assert_run(&run(MaintenanceTask::vacuum()).await, Done, "VACUUM (ANALYZE) public.t");
        until("they are gone", || place.psql(dead) == "f").await;
        place.psql("INSERT INTO t SELECT i FROM generate_series(2000, 4000) i");
        let stale =
            "SELECT n_mod_since_analyze > 1000 FROM pg_stat_user_tables WHERE relname = 't'";
        until("the statistics are known to be stale", || place.psql(stale) == "t").await;
        assert_run(&run(MaintenanceTask::optimize()).await, Done, "ANALYZE public.t");
        until("they are not any more", || place.psql(stale) == "f").await;
        assert_run(&run(MaintenanceTask::analyze()).await, Done, "ANALYZE");
        // Indexes.
        let none = Vec::<String>::new();
        assert_run(&run(MaintenanceTask::reindex(none.clone())).await, Done, "no index is invalid");
        let named = MaintenanceTask::reindex(["t_at"]);
        assert_run(&run(named).await, Done, "REINDEX INDEX CONCURRENTLY public.t_at");
        place.psql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_v'::regclass");
        assert_run(&run(MaintenanceTask::reindex(none)).await, Done, "public.t_v");
        assert_eq!(place.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
        let removal = UnusedIndexRemoval::approved(["t_v"]).watched_for(Duration::ZERO);
        let dropped = run(MaintenanceTask::drop_indexes(removal)).await;
        assert_run(&dropped, Skipped, "");
        assert_eq!(place.psql("SELECT count(*) FROM pg_class WHERE relname = 't_v'"), "1");
        assert_run(&run(MaintenanceTask::health()).await, Done, "score");
        let daily = Schedule::cron("@daily").unwrap();
        let plan = MaintenancePlan::new().task(MaintenanceTask::checkpoint(), daily);
        assert!(db.maintain(plan).unwrap_err().message().contains("by itself"));
        db.close().await;
    });
}

#[test]
fn one_of_two_is_at_work() {
    on_each("one_of_two_is_at_work", async |place| {
        let plan = || {
            let task = MaintenanceTask::call("nothing", |_| async { Ok("done".to_owned()) });
            MaintenancePlan::new().task(task, "every 1s".parse().unwrap()).keep_table(true)
        };
        let one = place.builder().open().await.unwrap();
        let two = place.builder().open().await.unwrap();
        let first = one.maintain(plan()).unwrap();
        until("the first is at work", || first.is_leading()).await;
        let second = two.maintain(plan()).unwrap();
        until("it has run", || !first.history().is_empty()).await;
        until("the second has looked", || !second.status().is_empty()).await;
        assert!(!second.is_leading());
        // Its session ends as that of a process that is killed does.
        place.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        until("one of them goes on", || second.is_leading() || first.is_leading()).await;
        until("and only one", || second.is_leading() != first.is_leading()).await;
        first.stop().await;
        until("the second goes on", || second.is_leading()).await;
        until("and runs", || place.psql("SELECT count(*) > 1 FROM forebay_maintenance") == "t")
            .await;
        second.stop().await;
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database())";
        until("nothing stays locked", || place.psql(locks) == "0").await;
        assert!(second.history().iter().any(|run| run.outcome == MaintenanceOutcome::Done));
        one.close().await;
        two.close().await;
    });
}
