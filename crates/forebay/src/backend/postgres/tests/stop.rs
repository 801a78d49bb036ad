//! Stopping statements on a real server: those that nobody wants and those that are late, and never
//! another one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::fake::{Fake, answered, error, ready};
use super::server::{Server, read, request, run, scalar, until};
use crate::backend::Limits;
use crate::value::Value;

const LIMITS: Limits = Limits { rows_max: 100, bytes_max: 100_000 };
const TRUST: &str = "host all all 127.0.0.1/32 trust\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_to_be_stopped_is() {
    let Some(server) = Server::start(TRUST, "") else { return };
    dropped(&server).await;
    late(&server).await;
    queued(&server).await;
    neighbours(&server, false).await;
    neighbours(&server, true).await;
    races(&server).await;
}

async fn dropped(server: &Server) {
    let (connection, other) = (server.open().await, server.open().await);
    let process = connection.process().unwrap();
    let sleeps = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {process} AND wait_event = 'PgSleep'"
    );
    let task = tokio::spawn({
        let connection = connection.clone();
        async move { run(&connection, "SELECT pg_sleep(600)", &[]).await.is_ok() }
    });
    until(&other, &sleeps, &Value::Integer(1)).await;
    assert!(!connection.is_at_rest());
    task.abort();
    until(&other, &sleeps, &Value::Integer(0)).await;
    assert_eq!(scalar(&connection, "SELECT 1::int8").await, Value::Integer(1));
    assert!(connection.is_at_rest());
}

async fn late(server: &Server) {
    let connection = server.open().await;
    run(&connection, "CREATE TABLE w (a int8)", &[]).await.unwrap();
    for sql in ["SELECT pg_sleep(600)", "INSERT INTO w SELECT 1 FROM pg_sleep(600)"] {
        let mut slow = request(sql, &[], false);
        slow.deadline = Some(Instant::now() + Duration::from_millis(400));
        let error = connection.run(slow, LIMITS).await.err().unwrap();
        assert!(error.is_timeout() && error.code() == Some("57014"), "{error}");
    }
    let mut script = Some(Instant::now() + Duration::from_millis(400));
    let error = connection.run_script("SELECT pg_sleep(600)".into(), script.take()).await;
    assert!(error.err().unwrap().is_timeout());
    assert_eq!(scalar(&connection, "SELECT count(*) FROM w").await, Value::Integer(0));
    // In a transaction, the transaction is lost with it.
    run(&connection, "BEGIN", &[]).await.unwrap();
    let mut slow = request("SELECT pg_sleep(600)", &[], false);
    slow.deadline = Some(Instant::now() + Duration::from_millis(400));
    assert!(connection.run(slow, LIMITS).await.err().unwrap().is_timeout());
    assert!(run(&connection, "COMMIT", &[]).await.is_ok());
}

/// What waits behind a slow one has its own time limit, and may go without having begun.
async fn queued(server: &Server) {
    let connection = server.open().await;
    for is_repeatable in [true, false] {
        let slow = tokio::spawn({
            let connection = connection.clone();
            async move {
                let mut slow = request("SELECT pg_sleep(600)", &[], true);
                slow.deadline = Some(Instant::now() + Duration::from_secs(2));
                connection.run(slow, LIMITS).await.err().unwrap().is_timeout()
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        let mut quick = request("SELECT 1::int8", &[], is_repeatable);
        quick.deadline = Some(begun + Duration::from_millis(100));
        let gone =
            connection.run(request("SELECT 3::int8", &[], is_repeatable), LIMITS).now_or_never();
        assert!(gone.is_none());
        let error = connection.run(quick, LIMITS).await.err().unwrap();
        assert!(error.is_timeout() && begun.elapsed() < Duration::from_millis(1_900), "{error}");
        assert!(slow.await.unwrap());
        assert_eq!(scalar(&connection, "SELECT 2::int8").await, Value::Integer(2));
    }
}

/// A sleeping one is dropped, and the one behind it must not notice.
async fn neighbours(server: &Server, is_repeatable: bool) {
    let connection = server.open().await;
    let begun = Instant::now();
    for n in 0..500_i64 {
        let slow = connection.run(request("SELECT pg_sleep(600)", &[], is_repeatable), LIMITS);
        let mut slow = Box::pin(slow);
        // Sent, then dropped after a time that differs.
        assert!(
            tokio::time::timeout(Duration::from_micros((n as u64 % 10) * 300), &mut slow)
                .await
                .is_err()
        );
        let behind =
            connection.run(request("SELECT $1::int8", &[Value::Integer(n)], is_repeatable), LIMITS);
        let mut behind = Box::pin(behind);
        assert!(behind.as_mut().now_or_never().is_none());
        drop(slow);
        let rows = behind.await.unwrap_or_else(|error| panic!("{n}: {error}")).rows;
        assert_eq!(rows.values(0), [Value::Integer(n)]);
    }
    println!("500 neighbours, repeatable {is_repeatable}: {:?}", begun.elapsed());
    assert!(connection.is_at_rest());
}

/// Statements that end at about the time when they are stopped, many callers at once.
async fn races(server: &Server) {
    let connection = server.open().await;
    let tasks = (0..8_u64).map(|task| {
        let connection = connection.clone();
        tokio::spawn(async move {
            for n in 0..60_u64 {
                let sql: Arc<str> = format!("SELECT pg_sleep(0.00{})", n % 7).into();
                let slow = connection.run(request(&sql, &[], true), LIMITS);
                let patience = Duration::from_micros((n * 7 + task) % 11 * 700);
                let ended = tokio::time::timeout(patience, slow).await;
                assert!(ended.is_err() || ended.unwrap().is_ok(), "{sql}");
                let n = i64::try_from(n).unwrap();
                let rows = read(&connection, "SELECT $1::int8", &[Value::Integer(n)]).await;
                assert_eq!(rows.unwrap().rows.values(0), [Value::Integer(n)]);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(connection.ping(None).await.unwrap(), super::super::Status::Idle);
    assert!(connection.is_at_rest());
}

/// While a request to cancel is on its way, nothing is written, however the statement ends.
#[tokio::test]
async fn nothing_follows_before_the_signal_was_sent() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let slow = tokio::spawn({
        let connection = connection.clone();
        async move { run(&connection, "a", &[]).await.is_ok() }
    });
    client.prepared().await;
    client.request().await;
    slow.abort();
    let mut stop = fake.accept().await;
    let greeting = stop.greeting().await;
    assert_eq!(greeting, [&80_877_102_u32.to_be_bytes()[..], &[0, 0, 0, 7, 0, 0, 0, 9]].concat());
    let next = tokio::spawn(async move { run(&connection, "a", &[]).await });
    client.send(&answered(b"1")).await;
    let early =
        tokio::time::timeout(Duration::from_millis(300), client.stream.peek(&mut [0])).await;
    assert!(early.is_err(), "something was written while the signal was on its way");
    drop(stop);
    assert_eq!(client.request().await, "BES");
    client.send(&answered(b"2")).await;
    assert_eq!(next.await.unwrap().unwrap().rows.values(0), [Value::Integer(2)]);
}

/// One that reads and was hit by the stopping of its neighbour runs again; one that was stopped by
/// somebody else does not.
#[tokio::test]
async fn a_neighbour_that_was_hit_runs_again() {
    for is_hit in [true, false] {
        let fake = Fake::new().await;
        let (connection, mut client) = fake.pair().await;
        let asked = |connection: &super::super::Connection| {
            let connection = connection.clone();
            tokio::spawn(async move { read(&connection, "a", &[]).await })
        };
        let slow = asked(&connection);
        client.prepared().await;
        assert_eq!(client.request().await, "BES");
        let behind = asked(&connection);
        assert_eq!(client.request().await, "BES");
        let stopped = [error("ERROR", "57014"), ready()].concat();
        if is_hit {
            slow.abort();
            let mut stop = fake.accept().await;
            stop.greeting().await;
            client.send(&[answered(b"1"), stopped].concat()).await;
            drop(stop);
            assert_eq!(client.request().await, "BES");
            client.send(&answered(b"2")).await;
            assert_eq!(behind.await.unwrap().unwrap().rows.values(0), [Value::Integer(2)]);
        } else {
            client.send(&[answered(b"1"), stopped].concat()).await;
            assert!(slow.await.unwrap().is_ok());
            assert!(behind.await.unwrap().err().unwrap().is_cancelled());
        }
        assert!(connection.is_at_rest());
    }
}

/// A request to cancel that is lost is sent again, and in the end the connection is given up.
#[tokio::test]
async fn a_server_that_does_not_stop() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let begun = Instant::now();
    let slow = tokio::spawn(async move {
        let mut slow = request("a", &[], false);
        slow.deadline = Some(begun + Duration::from_millis(50));
        connection.run(slow, LIMITS).await.err().unwrap()
    });
    client.prepared().await;
    client.request().await;
    let mut asked = 0;
    while !slow.is_finished() {
        match tokio::time::timeout(Duration::from_secs(1), fake.accept()).await {
            Ok(mut stop) => {
                stop.greeting().await;
                asked += 1;
            }
            Err(_) => break,
        }
    }
    let error = slow.await.unwrap();
    assert!(error.is_outcome_unknown(), "{error}");
    assert!(asked >= 2, "{asked}");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(15), "{took:?}");
}
