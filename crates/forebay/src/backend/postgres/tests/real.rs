//! Statements on a real server.

use std::time::{Duration, Instant};

use super::super::{Config, Connection, Status};
use super::server::{Server, read, request, run, scalar, until};
use crate::backend::{Effect, Limits};
use crate::error::Error;
use crate::value::Value;

const LIMITS: Limits = Limits { rows_max: 100, bytes_max: 100_000 };
const TRUST: &str = "local all all trust\nhost all all 127.0.0.1/32 trust\n\
                     host replication all 127.0.0.1/32 trust\n";

fn int(n: i64) -> Value {
    Value::Integer(n)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_for_all_that_leaves_it_whole() {
    let Some(server) = Server::start(TRUST, "") else { return };
    let connection = server.open().await;
    values_and_effects(&connection).await;
    failures(&connection).await;
    wrong_calls(&connection).await;
    transactions(&connection).await;
    scripts(&connection).await;
    copies(&connection).await;
    limits(&connection).await;
    plans(&connection).await;
    settings(&connection).await;
    assert!(connection.is_at_rest());
    pipelines(&server).await;
    evictions(&server).await;
    streams(&server).await;
    sockets(&server).await;
    replication(&server).await;
    endings(&server).await;
    kills(&server).await;
}

async fn values_and_effects(connection: &Connection) {
    for (sql, values, rows, affected, effect) in [
        (
            "CREATE TABLE t (id int8 PRIMARY KEY, name text NOT NULL, n int8 CHECK (n < 1000))",
            vec![],
            0,
            0,
            Effect::Schema,
        ),
        (
            "INSERT INTO t VALUES ($1, $2, $3)",
            vec![int(1), "one".into(), Value::Null],
            0,
            1,
            Effect::Write,
        ),
        (
            "INSERT INTO t VALUES ($1, $2, $3)",
            vec![int(2), "two".into(), int(7)],
            0,
            1,
            Effect::Write,
        ),
        ("INSERT INTO t VALUES (3, 'three', 3) RETURNING id", vec![], 1, 1, Effect::Write),
        ("SELECT * FROM t WHERE id = $1", vec![int(2)], 1, 0, Effect::Read),
        ("SELECT * FROM t ORDER BY id", vec![], 3, 0, Effect::Read),
        ("SELECT * FROM t WHERE false", vec![], 0, 0, Effect::Read),
        ("UPDATE t SET n = 5", vec![], 0, 3, Effect::Write),
        ("DELETE FROM t WHERE id = 3", vec![], 0, 1, Effect::Write),
        ("CREATE TABLE u AS SELECT * FROM t", vec![], 0, 2, Effect::Schema),
        ("SELECT FROM t", vec![], 0, 0, Effect::Read),
        ("", vec![], 0, 0, Effect::Read),
        ("SET statement_timeout = 0", vec![], 0, 0, Effect::Session),
        ("SHOW statement_timeout", vec![], 1, 0, Effect::Read),
    ] {
        let run = run(connection, sql, &values).await;
        let answer = run.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let found = (answer.rows.len(), answer.rows_affected, answer.effect);
        assert_eq!(found, (rows, affected, effect), "{sql}");
        assert_eq!(connection.status(), Status::Idle);
    }
    let rows = run(connection, "SELECT id, name, n FROM t ORDER BY id", &[]).await.unwrap().rows;
    assert_eq!(rows.values(0), [int(1), "one".into(), int(5)]);
    let names: Vec<_> = rows.columns().iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["id", "name", "n"]);
    let described =
        connection.describe("SELECT n, name FROM t WHERE id = $1".into(), None).await.unwrap();
    assert_eq!(&*described.parameters, &[20][..]);
    assert_eq!(described.columns[0].declared.as_deref(), Some("int8"));
    connection.describe("DELETE FROM t".into(), None).await.unwrap();
}

async fn failures(connection: &Connection) {
    run(connection, "CREATE TABLE c (t int8 REFERENCES t)", &[]).await.unwrap();
    type Case = (&'static str, Vec<Value>, &'static str, fn(&Error) -> bool);
    let cases: [Case; 11] = [
        ("INSERT INTO t VALUES (1, 'geheim', 0)", vec![], "23505", Error::is_unique_violation),
        ("INSERT INTO c VALUES (777)", vec![], "23503", Error::is_foreign_key_violation),
        ("INSERT INTO t VALUES (9, NULL, 0)", vec![], "23502", Error::is_not_null_violation),
        ("INSERT INTO t VALUES (9, 'geheim', 1777)", vec![], "23514", Error::is_check_violation),
        ("SELECT $1::text::int8", vec!["geheim".into()], "22P02", Error::is_usage),
        ("SELECT 1 / ($1::int8 - 777)", vec![int(777)], "22012", Error::is_usage),
        ("SELECT nothing FROM t", vec![], "42703", Error::is_usage),
        ("SELEC", vec![], "42601", Error::is_usage),
        ("SELECT 1; SELECT 2", vec![], "42601", Error::is_usage),
        ("SELECT 1 FROM missing", vec![], "42P01", Error::is_usage),
        ("DO $$ BEGIN RAISE serialization_failure; END $$", vec![], "40001", Error::is_busy),
    ];
    for (sql, values, code, expect) in cases {
        // Twice: the second time, the statement is known.
        for _ in 0..2 {
            let error = run(connection, sql, &values).await.err().expect(sql);
            assert_eq!(error.code(), Some(code), "{sql}: {error}");
            assert!(expect(&error), "{sql}: {error:?}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("geheim") && !shown.contains("777"), "{shown}");
            assert_eq!(connection.status(), Status::Idle);
        }
    }
}

async fn wrong_calls(connection: &Connection) {
    for (sql, values, expect) in [
        ("SELECT $1::int8", vec![], "1 parameters, and 0"),
        ("SELECT $1::int8", vec![int(1), int(2)], "1 parameters, and 2"),
        ("SELECT 1", vec![int(1)], "0 parameters, and 1"),
        ("SELECT '\0'", vec![], "NUL"),
    ] {
        let error = run(connection, sql, &values).await.err().expect(sql);
        assert!(error.is_usage() && error.to_string().contains(expect), "{sql:?}: {error}");
    }
    let mut named = request("SELECT $1::int8", &[], false);
    named.params.push_named(":a", int(1));
    let error = connection.run(named, LIMITS).await.err().unwrap();
    assert!(error.is_usage() && error.to_string().contains("$1"), "{error}");
    assert_eq!(scalar(connection, "SELECT 1::int8").await, int(1));
}

async fn transactions(connection: &Connection) {
    for (sql, status) in [
        ("BEGIN", Status::InTransaction),
        ("SELECT 1", Status::InTransaction),
        ("SELECT nothing", Status::Failed),
        ("SELECT 1", Status::Failed),
        ("ROLLBACK", Status::Idle),
        ("BEGIN", Status::InTransaction),
        ("INSERT INTO t VALUES (50, 'x', 0)", Status::InTransaction),
        ("COMMIT", Status::Idle),
    ] {
        let failed = run(connection, sql, &[]).await.is_err();
        assert_eq!(connection.status(), status, "{sql}");
        assert_eq!(failed, status == Status::Failed, "{sql}");
        assert_eq!(connection.is_at_rest(), status == Status::Idle, "{sql}");
    }
    // A deferred constraint fails at the commit: after the command's tag, before readiness.
    run(connection, "CREATE TABLE d (a int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)", &[])
        .await
        .unwrap();
    let error = run(connection, "INSERT INTO d VALUES (1), (1)", &[]).await.err().unwrap();
    assert!(error.is_unique_violation());
    assert_eq!(scalar(connection, "SELECT count(*) FROM d").await, int(0));
}

async fn scripts(connection: &Connection) {
    let script = "CREATE TABLE s (a int8); INSERT INTO s VALUES (1); SELECT * FROM s;";
    connection.run_script(script.into(), None).await.unwrap();
    let script = "INSERT INTO s VALUES (2); SELECT nothing; INSERT INTO s VALUES (3)";
    let error = connection.run_script(script.into(), None).await.err().unwrap();
    assert_eq!(error.code(), Some("42703"));
    assert_eq!(scalar(connection, "SELECT count(*) FROM s").await, int(1));
    let script = "SELECT 1; INSERT INTO s VALUES (4); SELECT a AS b FROM s ORDER BY a";
    let rows = connection.query_script(script.into(), None, LIMITS).await.unwrap();
    assert_eq!((rows.len(), &*rows.columns()[0].name), (2, "b"));
    assert!(connection.run_script(" ; ".into(), None).await.is_ok());
}

async fn copies(connection: &Connection) {
    for sql in [
        "COPY s FROM STDIN",
        "COPY s TO STDOUT",
        "COPY (SELECT generate_series(1, 1000000)) TO STDOUT",
    ] {
        let error = run(connection, sql, &[]).await.err().unwrap();
        assert!(error.is_usage() && error.to_string().contains("not supported"), "{error}");
        let script = format!("SELECT 1; {sql}; SELECT 2");
        let error = connection.run_script(script.into(), None).await.err().unwrap();
        assert!(error.is_usage() && error.to_string().contains("not supported"), "{error}");
        assert_eq!(scalar(connection, "SELECT 1::int8").await, int(1));
        assert_eq!(connection.status(), Status::Idle);
    }
}

async fn limits(connection: &Connection) {
    for sql in [
        "SELECT generate_series(1, 101)",
        "SELECT generate_series(1, 10000000)",
        "SELECT repeat('x', 50001) FROM generate_series(1, 2)",
        "SELECT repeat('x', 20000000)",
    ] {
        let begun = Instant::now();
        let error = connection.run(request(sql, &[], true), LIMITS).await.err().expect(sql);
        assert!(error.is_too_large(), "{error}");
        println!("{sql}: {:?}", begun.elapsed());
        assert_eq!(scalar(connection, "SELECT 1::int8").await, int(1));
    }
    let sql = "INSERT INTO s SELECT generate_series(1000, 1200) RETURNING a";
    let error = connection.run(request(sql, &[], false), LIMITS).await.err().unwrap();
    assert!(error.is_too_large());
    let count = scalar(connection, "SELECT count(*) FROM s WHERE a >= 1000").await;
    // Whether it was stopped in time is chance; that the error says so is not.
    let has_written = error.to_string().contains("has changed 201 rows");
    assert_eq!(count, int(if has_written { 201 } else { 0 }), "{error}");
}

async fn plans(connection: &Connection) {
    let sql = "SELECT * FROM u ORDER BY id LIMIT 1";
    assert_eq!(run(connection, sql, &[]).await.unwrap().rows.columns().len(), 3);
    run(connection, "ALTER TABLE u ADD COLUMN extra text DEFAULT 'e'", &[]).await.unwrap();
    let rows = run(connection, sql, &[]).await.unwrap().rows;
    assert_eq!((rows.columns().len(), &rows.values(0)[3]), (4, &Value::from("e")));
    run(connection, "BEGIN", &[]).await.unwrap();
    run(connection, "ALTER TABLE u DROP COLUMN extra", &[]).await.unwrap();
    let error = run(connection, sql, &[]).await.err().unwrap();
    assert_eq!((error.code(), connection.status()), (Some("0A000"), Status::Failed));
    run(connection, "ROLLBACK", &[]).await.unwrap();
    assert_eq!(run(connection, sql, &[]).await.unwrap().rows.columns().len(), 4);
    for forget in ["DEALLOCATE ALL", "DISCARD ALL"] {
        run(connection, forget, &[]).await.unwrap();
        assert!(run(connection, sql, &[]).await.is_ok());
        connection.run_script(format!("{forget};").into(), None).await.unwrap();
        assert!(run(connection, sql, &[]).await.is_ok());
    }
    // Behind our back, one by one.
    let script = "DO $$ DECLARE n text; BEGIN \
                  FOR n IN SELECT name FROM pg_prepared_statements LOOP \
                  EXECUTE 'DEALLOCATE ' || n; END LOOP; END $$";
    connection.run_script(script.into(), None).await.unwrap();
    assert!(run(connection, sql, &[]).await.is_ok());
}

async fn settings(connection: &Connection) {
    assert!(connection.parameter("server_version").is_some());
    assert_eq!(connection.parameter("client_encoding").as_deref(), Some("UTF8"));
    run(connection, "SET TimeZone = 'Asia/Tokyo'", &[]).await.unwrap();
    assert_eq!(connection.parameter("TimeZone").as_deref(), Some("Asia/Tokyo"));
    run(connection, "DO $$ BEGIN RAISE NOTICE 'x'; END $$", &[]).await.unwrap();
    let application = scalar(connection, "SHOW application_name").await;
    assert_eq!(application, Value::from("forebay"));
    assert_eq!(connection.ping(None).await.unwrap(), Status::Idle);
}

async fn pipelines(server: &Server) {
    let connection = server.open().await;
    let tasks = (0..50).map(|task| {
        let connection = connection.clone();
        tokio::spawn(async move {
            for n in 0..20 {
                let n = task * 20 + n;
                if n % 7 == 3 {
                    let bad = read(&connection, "SELECT 1 / ($1::int8 - $1)", &[int(n)]).await;
                    assert_eq!(bad.err().unwrap().code(), Some("22012"));
                } else {
                    let rows =
                        read(&connection, "SELECT $1::int8 * 2", &[int(n)]).await.unwrap().rows;
                    assert_eq!(rows.values(0), [int(n * 2)]);
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(connection.is_at_rest());
    let prepared = "SELECT count(*) FROM pg_prepared_statements \
                    WHERE statement LIKE 'SELECT%$1%' AND statement NOT LIKE '%prepared%'";
    // All but one of each text were closed again.
    assert_eq!(scalar(&connection, prepared).await, int(2));
    // A thousand at once, of which some write.
    run(&connection, "CREATE TABLE p (a int8)", &[]).await.unwrap();
    let all = (0..1000).map(|n| {
        let connection = connection.clone();
        tokio::spawn(async move {
            if n % 10 == 0 {
                run(&connection, "INSERT INTO p VALUES ($1)", &[int(n)]).await.unwrap();
            } else {
                read(&connection, "SELECT $1::int8", &[int(n)]).await.unwrap();
            }
        })
    });
    for task in all.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(scalar(&connection, "SELECT count(*) FROM p").await, int(100));
}

async fn evictions(server: &Server) {
    let mut config = Config::parse(&server.url()).unwrap();
    config.statement_cache = 3;
    let connection = Connection::open(&config).await.unwrap();
    let count = "SELECT count(*) FROM pg_prepared_statements";
    for n in 0..20 {
        let sql = format!("SELECT {}::int8", n % 7);
        assert_eq!(scalar(&connection, &sql).await, int(n % 7));
        let Value::Integer(known) = scalar(&connection, count).await else { panic!() };
        assert!(known <= 4, "{known}");
    }
    // Many at once over a cache that is far too small.
    let tasks = (0..30).map(|n| {
        let connection = connection.clone();
        tokio::spawn(async move {
            let sql = format!("SELECT {n}::int8");
            assert_eq!(read(&connection, &sql, &[]).await.unwrap().rows.values(0), [int(n)]);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    }
    scalar(&connection, count).await;
    let Value::Integer(known) = scalar(&connection, count).await else { panic!() };
    assert!(known <= 4, "{known}");
}

async fn streams(server: &Server) {
    let connection = server.open().await;
    let sql = "SELECT a, repeat('x', 100) FROM generate_series(1, 20000) a";
    let mut stream = connection.stream(request(sql, &[], false)).await.unwrap();
    let (mut rows, mut chunks) = (0, 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.columns().len(), 2);
        rows += chunk.len();
        chunks += 1;
    }
    assert_eq!(rows, 20_000);
    assert!(chunks > 10);
    for (sql, expect) in [("SELECT 1 WHERE false", 0), ("SELECT FROM generate_series(1, 3)", 0)] {
        let mut stream = connection.stream(request(sql, &[], false)).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().len(), expect);
        assert!(stream.next().await.is_none());
    }
    // An error after many rows comes after the rows.
    let sql = "SELECT 1 / (3000 - a) FROM generate_series(1, 5000) a";
    let mut stream = connection.stream(request(sql, &[], false)).await.unwrap();
    let mut rows = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(chunk) => rows += chunk.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Some("22012"));
    assert!((2000..3000).contains(&rows), "{rows}");
    // Dropped, it is stopped, and the connection goes on.
    let sql = "SELECT generate_series(1, 1000000000)";
    let mut stream = connection.stream(request(sql, &[], false)).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    assert_eq!(scalar(&connection, "SELECT 1::int8").await, int(1));
    // Its time limit holds while nobody reads.
    let mut late = request(sql, &[], false);
    late.deadline = Some(Instant::now() + Duration::from_millis(200));
    let mut stream = connection.stream(late).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let error = loop {
        if let Err(error) = stream.next().await.unwrap() {
            break error;
        }
    };
    assert!(error.is_timeout(), "{error}");
    assert_eq!(scalar(&connection, "SELECT 1::int8").await, int(1));
}

async fn sockets(server: &Server) {
    let config = Config::parse(&server.socket_url()).unwrap();
    let connection = Connection::open(&config).await.unwrap();
    assert_eq!(scalar(&connection, "SELECT inet_client_addr()").await, Value::Null);
    let mut late = request("SELECT pg_sleep(60)", &[], true);
    late.deadline = Some(Instant::now() + Duration::from_millis(50));
    assert!(connection.run(late, LIMITS).await.err().unwrap().is_timeout());
    assert_eq!(scalar(&connection, "SELECT 1::int8").await, int(1));
    let mut config = config;
    config.settings.push(("statement_timeout".into(), "50ms".into()));
    config.options = Some("-c work_mem=777kB".into());
    let connection = Connection::open(&config).await.unwrap();
    assert_eq!(scalar(&connection, "SHOW work_mem").await, Value::from("777kB"));
    let error = run(&connection, "SELECT pg_sleep(60)", &[]).await.err().unwrap();
    assert!(error.is_timeout(), "{error}");
}

async fn replication(server: &Server) {
    let config = Config::parse(&server.url()).unwrap().for_replication();
    let writer = server.open().await;
    run(&writer, "CREATE TABLE r (a int8 PRIMARY KEY, b text)", &[]).await.unwrap();
    run(&writer, "CREATE PUBLICATION p FOR TABLE r", &[]).await.unwrap();
    let connection = Connection::open(&config).await.unwrap();
    let identified = connection.query_script("IDENTIFY_SYSTEM".into(), None, LIMITS).await.unwrap();
    assert_eq!(identified.len(), 1);
    // Before there is a slot: an error drops those that are temporary.
    let wrong = "START_REPLICATION SLOT missing LOGICAL 0/0";
    assert!(connection.start_replication(wrong.into(), None).await.is_err());
    let sql = "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT";
    let slot = connection.query_script(sql.into(), None, LIMITS).await.unwrap();
    assert_eq!(slot.values(0)[0], Value::from("s"));
    let sql = "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1', publication_names 'p')";
    let mut stream = connection.start_replication(sql.into(), None).await.unwrap();
    assert_eq!(connection.status(), Status::Closed);
    let error = run(&connection, "SELECT 1", &[]).await.err().unwrap();
    assert!(error.is_closed(), "{error}");
    run(&writer, "INSERT INTO r SELECT n, repeat('x', 5000) FROM generate_series(1, 2000) n", &[])
        .await
        .unwrap();
    // Nobody reads for a while: the server has to wait, and goes on.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut inserts = 0;
    while inserts < 2000 {
        let message = tokio::time::timeout(Duration::from_secs(20), stream.next());
        let message = message.await.unwrap().unwrap().unwrap();
        if message.first() == Some(&b'w') && message.get(25) == Some(&b'I') {
            inserts += 1;
        }
    }
    let mut status = vec![b'r'];
    for position in [u64::MAX >> 8; 3] {
        status.extend_from_slice(&position.to_be_bytes());
    }
    status.extend_from_slice(&[0; 8]);
    // Asks for an answer.
    status.push(1);
    stream.send(status.into()).await.unwrap();
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), stream.next());
        if message.await.unwrap().unwrap().unwrap().first() == Some(&b'k') {
            break;
        }
    }
    drop(stream);
    let gone = "SELECT count(*) FROM pg_replication_slots";
    until(&writer, gone, &int(0)).await;
}

async fn endings(server: &Server) {
    let (connection, other) = (server.open().await, server.open().await);
    let process = connection.process().unwrap();
    let alive = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
    until(&other, &alive, &int(1)).await;
    drop(connection);
    until(&other, &alive, &int(0)).await;
    // Told to go while it is idle: seen without asking.
    let connection = server.open().await;
    let terminate = format!("SELECT pg_terminate_backend({})", connection.process().unwrap());
    run(&other, &terminate, &[]).await.unwrap();
    let begun = Instant::now();
    while connection.status() != Status::Closed {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!connection.is_at_rest());
    let error = run(&connection, "SELECT 1", &[]).await.err().unwrap();
    assert!(error.is_closed());
}

async fn kills(server: &Server) {
    for is_repeatable in [true, false] {
        for signal in ["-TERM", "-KILL"] {
            let connection = server.open().await;
            let process = connection.process().unwrap();
            let sleeping = tokio::spawn({
                let connection = connection.clone();
                async move {
                    connection.run(request("SELECT pg_sleep(60)", &[], is_repeatable), LIMITS).await
                }
            });
            let other = server.open().await;
            let running = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = {process} \
                 AND wait_event = 'PgSleep'"
            );
            until(&other, &running, &int(1)).await;
            let mut kill = std::process::Command::new("kill");
            assert!(kill.args([signal, &process.to_string()]).status().unwrap().success());
            let error = sleeping.await.unwrap().err().unwrap();
            let (closed, unknown) = (error.is_closed(), error.is_outcome_unknown());
            assert_eq!((closed, unknown), (is_repeatable, !is_repeatable), "{signal}: {error}");
            assert_eq!(connection.status(), Status::Closed);
            // A backend that is killed takes all others with it, before the server begins anew.
            let begun = Instant::now();
            while signal == "-KILL" && other.status() != Status::Closed {
                assert!(begun.elapsed() < Duration::from_secs(60));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(other);
            server.wait();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_said() {
    for (url, expect) in [
        ("postgres://u@127.0.0.1:1/d", "cannot reach"),
        ("postgres://u@/d?host=/nowhere", "cannot reach"),
        ("postgres://u@name.invalid/d", "cannot reach"),
    ] {
        let error = Connection::open(&Config::parse(url).unwrap()).await.err().unwrap();
        assert!(error.is_open() && error.to_string().contains(expect), "{error}");
    }
    // Somebody who listens and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut config = Config::parse(&format!("postgres://u@127.0.0.1:{port}/d")).unwrap();
    config.connect_timeout = Duration::from_millis(100);
    let error = Connection::open(&config).await.err().unwrap();
    assert!(error.is_open() && error.to_string().contains("connect_timeout"), "{error}");
}
