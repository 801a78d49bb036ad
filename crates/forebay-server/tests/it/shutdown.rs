//! Stopping: what is in work is answered, what is open is rolled back, and it ends in time.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::Service;

/// A read that takes a while but ends.
const SLOW: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) \
                    SELECT count(*) FROM n";

async fn until_in_work(service: &Service) {
    while service.get("/health").await.json()["requests_in_work"] != 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_work_is_answered() {
    let mut service = Service::start().await;
    let mut client = service.client().await;
    let mut idle = service.client().await;
    assert_eq!(idle.get("/health").await.status, 200);
    let work = tokio::spawn(async move { client.post("/v1/query", &json!({ "sql": SLOW })).await });
    until_in_work(&service).await;
    let address = service.address;
    service.stop();
    let reply = work.await.unwrap();
    assert_eq!((reply.status, reply.json()["rows"].clone()), (200, json!([[3_000_000]])));
    let _folder = tokio::time::timeout(Duration::from_secs(10), service.ended()).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    assert!(idle.try_send("GET", "/health", &[], "").await.is_err());
}

/// Whoever sends requests here learns that it will end before it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_ends_before_the_service_does() {
    let grace = Duration::from_millis(700);
    let mut service = Service::with(|options| options.drain_grace = grace).await;
    let mut kept = service.client().await;
    assert_eq!(kept.get("/health/ready").await.status, 200);
    let (address, started) = (service.address, Instant::now());
    service.stop();
    while service.get("/health/ready").await.status == 200 {
        assert!(started.elapsed() < grace, "it stays ready");
    }
    let reply = service.get("/health/ready").await;
    assert_eq!((reply.status, reply.json()), (503, json!({ "status": "stopping" })));
    assert_eq!(service.get("/health").await.json()["status"], "stopping");
    assert_eq!(service.get("/health/live").await.status, 200);
    // Until then everybody is served, on old connections and on new ones.
    service.query("SELECT 1").await;
    assert_eq!(kept.post("/v1/query", &json!({ "sql": "SELECT 2" })).await.status, 200);
    let _folder = service.ended().await;
    assert!(started.elapsed() >= grace);
    assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    assert!(kept.try_send("GET", "/health", &[], "").await.is_err());
}

/// A cursor that is being read is read to its end; a stream that lies idle is rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_do_not_hold_it_up() {
    let mut service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    let begun = json!({ "requests": [
        { "type": "execute", "stmt": { "sql": "BEGIN IMMEDIATE" } },
        { "type": "execute", "stmt": { "sql": "INSERT INTO t VALUES (1)" } },
    ] });
    assert_eq!(service.post("/v3/pipeline", &begun).await.status, 200);
    let mut reader = service.client().await;
    let rows = "SELECT i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                LIMIT 300000) SELECT i FROM n)";
    let body = json!({ "batch": { "steps": [{ "stmt": { "sql": rows } }] } });
    let read = tokio::spawn(async move { reader.post("/v3/cursor", &body).await });
    until_in_work(&service).await;
    let started = Instant::now();
    service.stop();
    assert_eq!(read.await.unwrap().lines().len(), 300_000 + 3);
    let folder = service.ended().await;
    assert!(started.elapsed() < Duration::from_secs(20));
    let db = forebay::open(folder.path().join("test.db").to_str().unwrap()).await.unwrap();
    assert_eq!(db.query("SELECT count(*) FROM t").one::<i64>().await.unwrap(), 0);
    db.close().await;
}

#[tokio::test]
async fn acknowledged_writes_are_kept_and_open_transactions_are_not() {
    let mut service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    service.query("INSERT INTO t VALUES (1)").await;
    let body = json!({ "requests": [
        { "type": "execute", "stmt": { "sql": "BEGIN" } },
        { "type": "execute", "stmt": { "sql": "INSERT INTO t VALUES (2)" } },
    ] });
    assert_eq!(service.post("/v3/pipeline", &body).await.status, 200);
    service.stop();
    let path = service.path();
    let started = Instant::now();
    let _folder = service.ended().await;
    assert!(started.elapsed() < Duration::from_secs(5));
    let db = forebay::open(path.to_str().unwrap()).await.unwrap();
    assert_eq!(db.query("SELECT x FROM t").all::<i64>().await.unwrap(), [1]);
    db.close().await;
}

#[tokio::test]
async fn stopping_is_bounded() {
    for sent in [
        // Half a head, half a body, and a client that reads no answer.
        "GET /health HTTP/1.1\r\n".to_owned(),
        post("/v1/query", "{").replace("content-length: 1", "content-length: 100"),
        post(
            "/v3/cursor",
            &json!({ "batch": { "steps": [{ "stmt": { "sql":
            "SELECT hex(zeroblob(1000)) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
             SELECT i + 1 FROM n LIMIT 10000000) SELECT i FROM n)"
        } }] } })
            .to_string(),
        ),
    ] {
        let limit = Duration::from_millis(300);
        let mut service = Service::with(|options| options.drain_timeout = limit).await;
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.stop();
        let started = Instant::now();
        let folder = tokio::time::timeout(Duration::from_secs(5), service.ended()).await;
        let folder = folder.expect("the service ends");
        assert!(started.elapsed() >= limit / 2, "{sent}");
        // Nothing holds the file any more.
        let path = folder.path().join("test.db");
        forebay::open(path.to_str().unwrap()).await.unwrap().close().await;
        drop(stream);
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_statement() {
    let service = Service::start().await;
    let forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                   SELECT count(*) FROM n";
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let body = json!({ "sql": forever }).to_string();
    stream.write_all(post("/v1/query", &body).as_bytes()).await.unwrap();
    until_in_work(&service).await;
    drop(stream);
    let started = Instant::now();
    loop {
        let health = service.get("/health").await.json();
        if health["requests_in_work"] == 0 && health["pools"]["reader"]["in_use"] == 0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{health}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn options_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = forebay::open(path.to_str().unwrap()).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = forebay_server::Options::default();
    options.requests_max = 0;
    let error = forebay_server::run(db, options, listener, std::future::pending::<()>()).await;
    let error = error.unwrap_err();
    assert!(error.is_options() && error.to_string().contains("requests_max"), "{error}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let requests: String = (0..20)
        .map(|n| post("/v1/query", &json!({ "sql": format!("SELECT {n} AS n") }).to_string()))
        .collect();
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream
        .write_all(b"GET /v2 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let answers: Vec<usize> =
        (0..20).map(|n| text.find(&format!("\"rows\":[[{n}]]")).unwrap()).collect();
    assert!(answers.is_sorted());
}
