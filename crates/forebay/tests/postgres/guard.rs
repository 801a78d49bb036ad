use std::sync::Arc;

use cluster::{Cluster, Settings};
use forebay::{Breaker, BreakerState, Builder, Retry};

use crate::place::{ms, on_each, on_each_version, until};

#[test]
fn a_breaker_opens_while_the_server_is_away() {
    on_each_version("a_breaker_opens_while_the_server_is_away", async |version| {
        let cluster = Arc::new(Cluster::start(Settings::on(version)).unwrap());
        let breaker = Breaker::builder()
            .named("server")
            .calls_min(3)
            .failure_rate(0.5)
            .open_for(ms(100))
            .open_for_max(ms(200))
            .half_open(1)
            .build();
        let db = Builder::new(cluster.url())
            .acquire_timeout(ms(1_000))
            .breaker(&breaker)
            .open()
            .await
            .unwrap();
        db.execute_batch("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
        db.execute("INSERT INTO t VALUES (1)").await.unwrap();
        let count = || db.query("SELECT count(*) FROM t").scalar::<i64>();
        assert_eq!(count().await.unwrap(), 1);
        cluster.kill().unwrap();
        let mut tries = 0;
        let refused = loop {
            let error = count().await.unwrap_err();
            if error.is_circuit_open() {
                break error;
            }
            assert!(error.is_origin_failure() && error.is_transient(), "{error:?}");
            tries += 1;
            assert!(tries < 20, "it does not open");
        };
        assert!(refused.message().contains("`server`"), "{refused}");
        assert_eq!(breaker.stats().opened, 1);
        // Also a text that nobody has seen, of which the server would have to be asked.
        breaker.force_open();
        assert!(db.query("SELECT 2").fetch().await.unwrap_err().is_circuit_open());
        breaker.reset();
        cluster.restart().unwrap();
        let retry = Retry::new(1_000).backoff(ms(20), ms(100));
        assert_eq!(retry.run(count).await.unwrap(), 1);
        until("it is closed", || breaker.state() != BreakerState::Open).await;
        assert_eq!(retry.run(count).await.unwrap(), 1);
        db.close().await;
    });
}

#[test]
fn errors_of_statements_are_no_failures() {
    on_each("errors_of_statements_are_no_failures", async |place| {
        let script = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)";
        let db = place.open(script).await;
        let breaker = Breaker::builder().calls_min(1).failure_rate(0.0).build();
        for sql in [
            "SELEKT 1",
            "SELECT * FROM nowhere",
            "INSERT INTO t VALUES (1)",
            "SELECT 1 / 0",
            "SELECT 'x'::int",
        ] {
            let error = db.query(sql).breaker(&breaker).fetch().await.unwrap_err();
            assert!(!error.is_circuit_open() && !error.is_origin_failure(), "{sql}: {error:?}");
        }
        assert_eq!((breaker.state(), breaker.stats().failed), (BreakerState::Closed, 0));
        let slow = db.query("SELECT pg_sleep(60)").timeout(ms(50)).breaker(&breaker);
        assert!(slow.fetch().await.unwrap_err().is_timeout());
        assert_eq!(breaker.state(), BreakerState::Open);
    });
}
