//! Requests that are made to break things, as bytes on a socket: what a client library would not
//! send. Each is refused or answered as harmless, its connection ends where its bytes can be read
//! in two ways, and others are served meanwhile.

use std::time::Duration;

use forebay_server::Token;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pattern::assert_matches;
use crate::service::Service;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

const HOST: &str = "host: localhost\r\n";
const JSON: &str = "content-type: application/json\r\n";

/// Sends bytes and reads until the service closes the connection.
async fn talk(service: &Service, sent: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    // It may be refused before all of it is sent.
    let _ = stream.write_all(sent.as_ref()).await;
    until_closed(&mut stream).await
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut chunk = [0; 4_096];
        // A reset is an end as well: what was sent beyond is thrown away.
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..count]);
        }
    };
    let closed = tokio::time::timeout(PATIENCE, reading).await;
    assert!(closed.is_ok(), "still open after {}", String::from_utf8_lossy(&bytes));
    String::from_utf8(bytes).unwrap()
}

/// The statuses of the answers in what was read.
fn statuses(text: &str) -> Vec<u16> {
    let starts = text.split("HTTP/1.1 ").skip(1);
    starts.map(|rest| rest[..3].parse().unwrap()).collect()
}

#[tokio::test]
async fn a_body_has_one_end() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    let insert = json!({ "sql": "INSERT INTO t VALUES ('smuggled')" }).to_string();
    // A request that one of two readers takes for a body.
    let inner =
        format!("POST /v1/query HTTP/1.1\r\n{HOST}{JSON}content-length: {}\r\n\r\n", insert.len());
    let inner = format!("{inner}{insert}");
    let (whole, query) = (inner.len(), r#"{"sql":"SELECT 1"}"#);
    let chunked = format!("{:x}\r\n{query}\r\n0\r\n\r\n", query.len());
    for (headers, body, expect) in [
        // Both, in either order: the chunks count, and the connection ends.
        (format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", whole + 5), &chunked, 200),
        (format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", whole + 5), &chunked, 200),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n".into(), &chunked, 200),
        // Encodings that are none, or not the last one.
        ("transfer-encoding: xchunked\r\n".into(), &chunked, 400),
        ("transfer-encoding: chunked, identity\r\n".into(), &chunked, 400),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".into(), &chunked, 400),
        ("transfer-encoding: identity\r\ncontent-length: 5\r\n".into(), &chunked, 400),
        ("transfer-encoding : chunked\r\n".into(), &chunked, 400),
        ("transfer-encoding\x0b: chunked\r\n".into(), &chunked, 400),
        ("x: y\r\n transfer-encoding: chunked\r\n".into(), &chunked, 400),
        // Lengths that are none, or differ.
        ("content-length: 5\r\ncontent-length: 6\r\n".into(), &chunked, 400),
        ("content-length: 5, 6\r\n".into(), &chunked, 400),
        ("content-length: +5\r\n".into(), &chunked, 400),
        ("content-length: -1\r\n".into(), &chunked, 400),
        ("content-length: 0x5\r\n".into(), &chunked, 400),
        ("content-length: 99999999999999999999999\r\n".into(), &chunked, 400),
    ] {
        let sent = format!("POST /v1/query HTTP/1.1\r\n{HOST}{JSON}{headers}\r\n{body}{inner}");
        let text = talk(&service, sent).await;
        assert_eq!(statuses(&text), [expect], "{headers}: {text}");
    }
    // Chunks that cannot be read, or that would be larger than can be counted.
    for chunks in ["xyz\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "5\nhello\n0\n\n", "5 5\r\nhello"]
    {
        let head = format!("POST /v1/query HTTP/1.1\r\n{HOST}{JSON}transfer-encoding: chunked");
        let text = talk(&service, format!("{head}\r\n\r\n{chunks}{inner}")).await;
        assert_eq!(statuses(&text), [400], "{chunks:?}: {text}");
    }
    // A body where none is wanted is not the next request.
    let get = format!("GET /v2 HTTP/1.1\r\n{HOST}content-length: {whole}\r\n\r\n{inner}");
    let last = format!("GET /v2 HTTP/1.1\r\n{HOST}connection: close\r\n\r\n");
    let found = statuses(&talk(&service, format!("{get}{last}")).await);
    assert!(found == [200, 200] || found == [200], "{found:?}");
    // An older version knows no chunks.
    let old = format!("POST /v1/query HTTP/1.0\r\n{HOST}{JSON}transfer-encoding: chunked\r\n\r\n");
    assert_eq!(statuses(&talk(&service, format!("{old}{chunked}{inner}")).await), [400]);
    let rows = service.query("SELECT count(*) FROM t").await;
    assert_matches(&rows, &json!({ "rows": [[0]] }));
}

#[tokio::test]
async fn heads_that_are_none_are_refused() {
    let service = Service::start().await;
    let (long, many) = ("x".repeat(100_000), "x: y\r\n".repeat(2_000));
    for (sent, expect) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), &[400][..]),
        // What a client says that wants TLS, and one that knows HTTP/2.
        ("\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03\r\n\r\n".to_owned(), &[400]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        (format!("GET /v2 HTTP/3.0\r\n{HOST}\r\n"), &[400]),
        (format!("GET /v2\r\n{HOST}\r\n"), &[400]),
        (format!("GET\t/v2 HTTP/1.1\r\n{HOST}\r\n"), &[400]),
        (format!("GET /{long} HTTP/1.1\r\n{HOST}\r\n"), &[431]),
        (format!("GET /v2 HTTP/1.1\r\n{HOST}x: {long}\r\n\r\n"), &[431]),
        (format!("GET /v2 HTTP/1.1\r\n{HOST}{many}\r\n"), &[431]),
        // Line breaks and other bytes that begin a header where none may be.
        (format!("GET /v2 HTTP/1.1\r\n{HOST}x: a\rset-cookie: b\r\n\r\n"), &[400]),
        (format!("GET /v2 HTTP/1.1\r\n{HOST}x: a\0b\r\n\r\n"), &[400]),
        (format!("GET /v2 HTTP/1.1\r\n{HOST}x y: a\r\n\r\n"), &[400]),
        (format!("GET /v2 HTTP/1.1\r\n{HOST}: a\r\n\r\n"), &[400]),
        // Whom it is addressed to, twice or not at all.
        (format!("GET /v2 HTTP/1.1\r\n{HOST}{HOST}connection: close\r\n\r\n"), &[403]),
        ("GET /v2 HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), &[403]),
        ("GET /v2 HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n".to_owned(), &[403]),
        (format!("GET http://evil.example/v2 HTTP/1.1\r\n{HOST}connection: close\r\n\r\n"), &[403]),
    ] {
        let text = talk(&service, sent.clone()).await;
        assert_eq!(statuses(&text), expect, "{sent:.60}: {text:.200}");
        assert!(!text.contains("set-cookie"), "{text}");
    }
    service.query("SELECT 1").await;
}

#[tokio::test]
async fn paths_lead_nowhere_but_to_routes() {
    let service = Service::start().await;
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/../../etc/passwd",
        "/....//....//etc/passwd",
        "/v1/query/..%5c..%5cwindows",
        "//etc/passwd",
        "/health/../v2/..;/etc/passwd",
        "/%00",
        "/v2%00.html",
        "/v2%0d%0aset-cookie:%20a=b",
        "/api/v1/admin/../../../etc/passwd",
        "/api/v1/admin/..%2f..%2fconfig",
        "/HEALTH",
        "/health/",
        "file:///etc/passwd",
        "*",
    ] {
        let text =
            talk(&service, format!("GET {path} HTTP/1.1\r\n{HOST}connection: close\r\n\r\n")).await;
        // Targets that are no paths are refused for what they are.
        let status = statuses(&text);
        assert!([[400], [403], [404]].iter().any(|it| status == *it), "{path}: {text}");
        assert!(!text.contains("root:") && !text.contains("set-cookie"), "{path}: {text}");
    }
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let service = Service::with(|options| options.body_bytes_max = 1 << 20).await;
    let deep = |open: &str, count: usize| open.repeat(count).into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    for body in [
        deep("[", 500_000),
        deep("{\"sql\":", 100_000),
        [text("{\"sql\":\"SELECT 1\",\"params\":"), deep("[", 200_000)].concat(),
        text("{\"sql\":\"SELECT 1\",\"sql\":\"SELECT 2\"}"),
        text("{\"sql\":\"\\ud800\"}"),
        text("{\"sql\":1e999999}"),
        vec![0xff; 1_000],
        // Nothing is unpacked here, so nothing can grow by that.
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
    ] {
        for path in ["/v1/query", "/v1/execute", "/v2/pipeline", "/v3/pipeline", "/v3/cursor"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\n{HOST}{JSON}connection: close\r\n\
                 content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let text = talk(&service, [head.as_bytes(), &body].concat()).await;
            assert_eq!(statuses(&text), [400], "{path}: {text}");
        }
    }
    // One that is too large is refused before it is sent.
    let head = format!(
        "POST /v1/query HTTP/1.1\r\n{HOST}{JSON}expect: 100-continue\r\n\
         content-length: 1000000000\r\n\r\n"
    );
    let text = talk(&service, head).await;
    assert_eq!(statuses(&text), [413], "{text}");
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_in_whatever_they_say() {
    let service = Service::with(|options| {
        options.allow_origins = vec!["https://app.example.com".into()];
    })
    .await;
    let ask = async |method: &str, path: &str, headers: &str| {
        let body = r#"{"sql":"SELECT 1"}"#;
        let body = if method == "POST" { body } else { "" };
        let sent = format!(
            "{method} {path} HTTP/1.1\r\n{HOST}{JSON}{headers}connection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let text = talk(&service, sent).await;
        assert!(text.contains("cross-origin-resource-policy: same-origin"), "{text}");
        assert!(text.contains("x-frame-options: DENY"), "{text}");
        statuses(&text)[0]
    };
    let app = "origin: https://app.example.com\r\nsec-fetch-site: cross-site\r\n";
    let link = "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\n\
                sec-fetch-dest: document\r\n";
    let frame = link.replace("document", "iframe");
    let image = "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n";
    for (method, path, headers, expect) in [
        ("POST", "/v1/query", app, 200),
        ("POST", "/v1/query", image, 403),
        ("POST", "/v1/query", link, 403),
        ("POST", "/v1/query", "sec-fetch-site: same-site\r\n", 403),
        ("GET", "/metrics", image, 403),
        ("GET", "/metrics", &frame, 403),
        ("GET", "/health", image, 403),
        ("GET", "/health", link, 200),
        ("GET", "/health", "sec-fetch-site: none\r\n", 200),
        ("GET", "/health", "origin: null\r\n", 403),
        ("GET", "/health", "origin: https://app.example.com.evil.example\r\n", 403),
        ("GET", "/health", "origin: http://localhost.evil.example\r\n", 403),
        ("GET", "/api/v1/admin/pools", image, 403),
    ] {
        assert_eq!(ask(method, path, headers).await, expect, "{method} {path} {headers}");
    }
}

#[tokio::test]
async fn a_second_token_does_not_help() {
    let service = Service::with(|options| options.token = Some(Token::new("secret"))).await;
    let (right, wrong) = ("authorization: Bearer secret\r\n", "authorization: Bearer x\r\n");
    let none = "authorization: Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.\r\n";
    let long = format!("authorization: Bearer {}\r\n", "x".repeat(30_000));
    for (headers, expect) in [
        (right.to_owned(), 200),
        (format!("{right}{wrong}"), 401),
        (format!("{wrong}{right}"), 401),
        (format!("{right}{right}"), 401),
        (none.to_owned(), 401),
        (long, 401),
        ("authorization: Bearer secret, Bearer x\r\n".to_owned(), 401),
        ("authorization: Bearer s\u{e9}cret\r\n".to_owned(), 401),
        ("proxy-authorization: Bearer secret\r\n".to_owned(), 401),
    ] {
        for path in ["/v2", "/metrics", "/v2?token=secret", "/v2?authorization=Bearer%20secret"] {
            let sent = format!("GET {path} HTTP/1.1\r\n{HOST}{headers}connection: close\r\n\r\n");
            assert_eq!(statuses(&talk(&service, sent).await), [expect], "{path} {headers:.80}");
        }
    }
}

/// One byte now and then is no progress: a head and a body have their time as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trickled_requests_are_cut_and_others_are_served() {
    // Long enough for those who do not trickle, on a machine that is busy.
    let limit = Duration::from_secs(2);
    let service = Service::with(|options| {
        options.header_read_timeout = limit;
        options.body_read_timeout = limit;
    })
    .await;
    let head = format!("GET /v2 HTTP/1.1\r\n{HOST}x: ");
    let body = format!(
        "POST /v1/query HTTP/1.1\r\n{HOST}{JSON}content-length: 1000000\r\n\r\n{{\"sql\":\""
    );
    let chunks =
        format!("POST /v1/query HTTP/1.1\r\n{HOST}{JSON}transfer-encoding: chunked\r\n\r\n");
    let mut trickles = tokio::task::JoinSet::new();
    let sent = [(head, "y", 0), (body, " ", 408), (chunks, "1\r\n \r\n", 408)];
    for (begin, more, expect) in sent.iter().cycle().take(60).cloned() {
        let address = service.address;
        trickles.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begin.as_bytes()).await.unwrap();
            let (mut reading, mut writing) = stream.into_split();
            let writing = tokio::spawn(async move {
                while writing.write_all(more.as_bytes()).await.is_ok() {
                    tokio::time::sleep(limit / 20).await;
                }
            });
            let mut bytes = Vec::new();
            let read = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut bytes)).await;
            writing.abort();
            assert!(read.is_ok(), "a trickle of {more:?} goes on");
            let found = statuses(&String::from_utf8(bytes).unwrap());
            // What is sent after the answer resets the connection, which may swallow the answer.
            assert!(found.iter().all(|status| *status == expect), "{more:?}: {found:?}");
        });
    }
    for _ in 0..20 {
        service.query("SELECT 1").await;
    }
    while let Some(ended) = trickles.join_next().await {
        ended.unwrap();
    }
}

/// Of whoever opens connections and says nothing, each is closed after its time, and those that
/// wait get their turn.
#[tokio::test]
async fn idle_connections_give_way() {
    let service = Service::with(|options| {
        options.connections_max = 10;
        options.header_read_timeout = Duration::from_millis(300);
    })
    .await;
    let mut idle = Vec::new();
    for n in 0..30 {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        if n % 2 == 0 {
            let asked = format!("GET /health/live HTTP/1.1\r\n{HOST}\r\n");
            stream.write_all(asked.as_bytes()).await.unwrap();
        }
        idle.push(stream);
    }
    let asked = tokio::time::timeout(PATIENCE, service.query("SELECT 1")).await;
    asked.expect("a connection becomes free");
    for stream in &mut idle {
        until_closed(stream).await;
    }
}

/// Requests that nobody waits for: a client that is gone is noticed at once, and one that has sent
/// the next request before it went when its statement has had its time.
#[tokio::test]
async fn requests_that_are_given_up_leave_nothing_behind() {
    let service = Service::with(|options| {
        options.statement_timeout = Duration::from_secs(2);
    })
    .await;
    service.query("CREATE TABLE t(x)").await;
    let slow = json!({ "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                               SELECT count(*) FROM n" });
    let slow = slow.to_string();
    let one = format!(
        "POST /v1/query HTTP/1.1\r\n{HOST}{JSON}content-length: {}\r\n\r\n{slow}",
        slow.len()
    );
    for row in [1, 5] {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(service.address).await.unwrap();
            stream.write_all(one.repeat(row).as_bytes()).await.unwrap();
        }
        let started = std::time::Instant::now();
        loop {
            let health = service.get("/health").await.json();
            if health["requests_in_work"] == 0 && health["pools"]["reader"]["in_use"] == 0 {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{row} in a row: {health}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        service.query("INSERT INTO t VALUES (1)").await;
    }
}
