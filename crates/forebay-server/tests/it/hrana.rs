//! Requests of the protocol, one after another on a stream, with what they must be answered.

use std::time::Duration;

use forebay_server::Options;
use serde_json::{Value, json};

use crate::client::Client;
use crate::pattern::assert_matches;
use crate::service::Service;

/// A stream, as a client keeps it.
struct Stream {
    client: Client,
    baton: Value,
}

impl Stream {
    async fn open(service: &Service) -> Stream {
        Stream { client: service.client().await, baton: Value::Null }
    }

    /// Sends a pipeline; the results, which may be failures.
    async fn send(&mut self, requests: Value) -> Value {
        let body = json!({ "baton": self.baton, "requests": requests });
        let reply = self.client.post("/v3/pipeline", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let mut json = reply.json();
        assert_eq!(json["base_url"], Value::Null);
        self.baton = json["baton"].take();
        json["results"].take()
    }

    /// One request and the pattern of its response.
    async fn check(&mut self, request: Value, pattern: Value) {
        let results = self.send(json!([request])).await;
        assert_matches(&results, &json!([pattern]));
    }

    /// One statement, and the pattern of its result.
    async fn execute(&mut self, sql: &str, pattern: Value) {
        let request = json!({ "type": "execute", "stmt": { "sql": sql } });
        let response = json!({ "type": "execute", "result": pattern });
        self.check(request, json!({ "type": "ok", "response": response })).await;
    }
}

#[allow(clippy::needless_pass_by_value, reason = "json! is built in place")]
fn ok(response: Value) -> Value {
    json!({ "type": "ok", "response": response })
}

fn error(code: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "code": code, "message": message } })
}

fn integer(n: i64) -> Value {
    json!({ "type": "integer", "value": n.to_string() })
}

#[tokio::test]
async fn values_make_the_round_trip() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    for (value, kind) in [
        (json!({ "type": "null" }), "null"),
        (integer(0), "integer"),
        (integer(i64::MIN), "integer"),
        (integer(i64::MAX), "integer"),
        (integer(9_007_199_254_740_993), "integer"),
        (json!({ "type": "float", "value": 1.5 }), "real"),
        (json!({ "type": "float", "value": 1.0 }), "real"),
        (json!({ "type": "float", "value": 5e-324 }), "real"),
        (json!({ "type": "text", "value": "" }), "text"),
        (json!({ "type": "text", "value": "a\u{0}b \u{1F600} \"\\\n" }), "text"),
        (json!({ "type": "blob", "base64": "" }), "blob"),
        (json!({ "type": "blob", "base64": "AAH+/w" }), "blob"),
    ] {
        let stmt = json!({ "sql": "SELECT ?1 AS v, typeof(?1)", "args": [value] });
        let row = json!([value, { "type": "text", "value": kind }]);
        let result = json!({ "cols": [{ "name": "v" }, "*"], "rows": [row] });
        let response = json!({ "type": "execute", "result": result });
        stream.check(json!({ "type": "execute", "stmt": stmt }), ok(response)).await;
    }
    // Infinity has no JSON of its own; this reads as infinity, where `null` would not.
    let body = json!({ "requests": [{ "type": "execute", "stmt": { "sql": "SELECT 9e999" } }] });
    let reply = service.post("/v2/pipeline", &body).await;
    assert!(reply.text().contains(r#"{"type":"float","value":1e999}"#), "{}", reply.text());
}

#[tokio::test]
async fn statements() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    let create = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)";
    stream.execute(create, json!({ "cols": [], "rows": [], "affected_row_count": 0 })).await;
    let insert = "INSERT INTO t(name) VALUES ('a'), ('b')";
    let result = json!({ "affected_row_count": 2, "last_insert_rowid": "2", "rows": [] });
    stream.execute(insert, result).await;
    let result = json!({
        "cols": [
            { "name": "id", "decltype": "INTEGER" },
            { "name": "upper(name)", "decltype": null },
        ],
        "rows": [[integer(1), { "type": "text", "value": "A" }]],
        "affected_row_count": 0,
        "replication_index": null,
        "rows_read": 1,
        "rows_written": 0,
        "query_duration_ms": "*",
    });
    stream.execute("SELECT id, upper(name) FROM t WHERE id = 1", result).await;
    stream.execute("SELECT id FROM t WHERE id = 9", json!({ "rows": [], "cols": ["*"] })).await;

    for (stmt, pattern) in [
        (json!({ "sql": "SELECT id FROM t", "want_rows": false }), json!({ "rows": [] })),
        (
            json!({ "sql": "SELECT ?, ?", "args": [integer(1), integer(2)], "named_args": null }),
            json!({ "rows": [[integer(1), integer(2)]] }),
        ),
        (
            json!({ "sql": "SELECT :a, @b, $c", "named_args": [
                { "name": "b", "value": integer(2) },
                { "name": ":a", "value": integer(1) },
                { "name": "$c", "value": integer(3) },
            ] }),
            json!({ "rows": [[integer(1), integer(2), integer(3)]] }),
        ),
    ] {
        let response = json!({ "type": "execute", "result": pattern });
        stream.check(json!({ "type": "execute", "stmt": stmt }), ok(response)).await;
    }
    for (stmt, pattern) in [
        (json!({ "sql": "SELEC 1" }), error("*", "*syntax error*")),
        (json!({ "sql": "SELECT 1; SELECT 2" }), error("*", "*")),
        (json!({ "sql": "" }), error("*", "*")),
        (json!({ "sql": "SELECT * FROM missing" }), error("*", "*no such table: missing*")),
        (json!({ "sql": "SELECT ?" }), error("*", "*")),
        (json!({ "sql": "SELECT 1", "args": [integer(1)] }), error("*", "*")),
        (
            json!({ "sql": "INSERT INTO t(name) VALUES ('a')" }),
            error("SQLITE_CONSTRAINT", "*UNIQUE constraint failed: t.name*"),
        ),
        (
            json!({ "sql": "INSERT INTO t(name) VALUES (NULL)" }),
            error("SQLITE_CONSTRAINT", "*NOT NULL constraint failed: t.name*"),
        ),
        (json!({}), error("SQL_MISSING", "*")),
        (json!({ "sql": "SELECT 1", "sql_id": 1 }), error("SQL_AMBIGUOUS", "*")),
        (json!({ "sql_id": 1 }), error("SQL_NOT_FOUND", "*")),
    ] {
        stream.check(json!({ "type": "execute", "stmt": stmt }), pattern).await;
    }
    // The stream is as good as before.
    stream.execute("SELECT count(*) FROM t", json!({ "rows": [[integer(2)]] })).await;
}

#[tokio::test]
async fn every_request_of_a_pipeline_is_answered() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    let requests = json!([
        { "type": "execute", "stmt": { "sql": "CREATE TABLE t(x)" } },
        { "type": "execute", "stmt": { "sql": "nonsense" } },
        { "type": "store_sql", "sql_id": 7, "sql": "INSERT INTO t VALUES (?)" },
        { "type": "store_sql", "sql_id": 7, "sql": "SELECT 1" },
        { "type": "execute", "stmt": { "sql_id": 7, "args": [integer(5)] } },
        { "type": "describe", "sql_id": 7 },
        { "type": "close_sql", "sql_id": 7 },
        { "type": "close_sql", "sql_id": 7 },
        { "type": "execute", "stmt": { "sql_id": 7, "args": [integer(5)] } },
        { "type": "sequence", "sql": "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);" },
        { "type": "sequence", "sql": "INSERT INTO t VALUES (3); nonsense; DELETE FROM t" },
        { "type": "get_autocommit" },
        { "type": "execute", "stmt": { "sql": "SELECT group_concat(x) FROM t" } },
        { "type": "close" },
        { "type": "execute", "stmt": { "sql": "SELECT 1" } },
        { "type": "close" },
    ]);
    let closed = error("STREAM_CLOSED", "*");
    let pattern = json!([
        ok(json!({ "type": "execute" })),
        error("*", "*syntax error*"),
        ok(json!({ "type": "store_sql" })),
        error("SQL_EXISTS", "*"),
        ok(json!({ "type": "execute", "result": { "affected_row_count": 1 } })),
        ok(json!({ "type": "describe", "result": { "is_readonly": false } })),
        ok(json!({ "type": "close_sql" })),
        ok(json!({ "type": "close_sql" })),
        error("SQL_NOT_FOUND", "*"),
        ok(json!({ "type": "sequence" })),
        error("*", "*syntax error*"),
        ok(json!({ "type": "get_autocommit", "is_autocommit": true })),
        ok(json!({ "type": "execute", "result":
            { "rows": [[{ "type": "text", "value": "5,1,2,3" }]] } })),
        ok(json!({ "type": "close" })),
        closed,
        closed,
    ]);
    let results = stream.send(requests).await;
    assert_matches(&results, &pattern);
    assert_eq!(stream.baton, Value::Null);
}

#[tokio::test]
async fn describe() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    stream.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)", json!({})).await;
    for (sql, pattern) in [
        (
            "SELECT id, name || 'x' AS n FROM t WHERE id = :id AND name = ?",
            json!({
                "params": [{ "name": ":id" }, { "name": null }],
                "cols": [
                    { "name": "id", "decltype": "INTEGER" },
                    { "name": "n", "decltype": null },
                ],
                "is_explain": false,
                "is_readonly": true,
            }),
        ),
        ("DELETE FROM t", json!({ "params": [], "cols": [], "is_readonly": false })),
        ("EXPLAIN SELECT 1", json!({ "is_explain": true })),
    ] {
        let response = json!({ "type": "describe", "result": pattern });
        stream.check(json!({ "type": "describe", "sql": sql }), ok(response)).await;
    }
    stream.check(json!({ "type": "describe", "sql": "nonsense" }), error("*", "*syntax*")).await;
}

#[tokio::test]
async fn a_transaction_sees_what_it_has_created() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    stream.execute("BEGIN", json!({})).await;
    stream.execute("CREATE TABLE fresh(x TEXT)", json!({})).await;
    let result = json!({ "cols": [{ "name": "x", "decltype": "TEXT" }] });
    let response = ok(json!({ "type": "describe", "result": result }));
    stream.check(json!({ "type": "describe", "sql": "SELECT x FROM fresh" }), response).await;
    stream.execute("ROLLBACK", json!({})).await;
    let missing = error("*", "*no such table*");
    stream.check(json!({ "type": "describe", "sql": "SELECT x FROM fresh" }), missing).await;
}

#[tokio::test]
async fn batches_follow_their_conditions() {
    let service = Service::start().await;
    let mut stream = Stream::open(&service).await;
    stream.execute("CREATE TABLE t(x UNIQUE)", json!({})).await;
    let step =
        |sql: &str, condition: Value| json!({ "stmt": { "sql": sql }, "condition": condition });
    let is_ok = |step: usize| json!({ "type": "ok", "step": step });
    let not = |cond: Value| json!({ "type": "not", "cond": cond });
    // The shape that clients give to a transaction in one round trip.
    let transaction = |middle: &str| {
        json!({ "steps": [
            step("BEGIN IMMEDIATE", Value::Null),
            step("INSERT INTO t VALUES (1)", is_ok(0)),
            step(middle, is_ok(1)),
            step("COMMIT", is_ok(2)),
            step("ROLLBACK", not(is_ok(3))),
        ] })
    };
    let done = json!({ "affected_row_count": "*" });
    for (batch, pattern) in [
        (
            transaction("nonsense"),
            json!({
                "step_results": [done, done, null, null, done],
                "step_errors": [null, null, { "message": "*syntax error*" }, null, null],
            }),
        ),
        (
            transaction("INSERT INTO t VALUES (2)"),
            json!({
                "step_results": [done, done, done, done, null],
                "step_errors": [null, null, null, null, null],
            }),
        ),
        (
            json!({ "steps": [
                step("INSERT INTO t VALUES (1)", Value::Null),
                step("SELECT 'after an error'", json!({ "type": "error", "step": 0 })),
                step("SELECT 'after a skip'", json!({ "type": "error", "step": 2 - 1 })),
                step("SELECT 'outside'", json!({ "type": "is_autocommit" })),
                step("BEGIN", json!({ "type": "and", "conds": [not(is_ok(0)), is_ok(1)] })),
                step("SELECT 'outside'", json!({ "type": "is_autocommit" })),
                step("SELECT 'either'", json!({ "type": "or", "conds": [is_ok(0), is_ok(4)] })),
                step("ROLLBACK", is_ok(4)),
            ] }),
            json!({
                "step_results": [null, done, null, done, done, null, done, done],
                "step_errors": [
                    { "code": "SQLITE_CONSTRAINT" }, null, null, null, null, null, null, null,
                ],
            }),
        ),
        (json!({ "steps": [] }), json!({ "step_results": [], "step_errors": [] })),
    ] {
        let response = ok(json!({ "type": "batch", "result": pattern }));
        stream.check(json!({ "type": "batch", "batch": batch }), response).await;
    }
    let ahead = json!({ "steps": [step("SELECT 1", is_ok(0))] });
    let wrong = error("BATCH_COND_INVALID", "*step 0*");
    stream.check(json!({ "type": "batch", "batch": ahead }), wrong).await;
    let rows = json!({ "rows": [[{ "type": "text", "value": "1,2" }]] });
    stream.execute("SELECT group_concat(x) FROM t", rows).await;
}

#[tokio::test]
async fn transactions_span_requests_and_keep_apart() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    let count = "SELECT count(*) FROM t";
    let counted = |n: i64| json!({ "rows": [[integer(n)]] });
    let autocommit = |is: bool| ok(json!({ "type": "get_autocommit", "is_autocommit": is }));
    let mut one = Stream::open(&service).await;
    let mut two = Stream::open(&service).await;
    one.execute("BEGIN", json!({})).await;
    one.check(json!({ "type": "get_autocommit" }), autocommit(false)).await;
    one.execute("INSERT INTO t VALUES (1)", json!({ "affected_row_count": 1 })).await;
    one.execute(count, counted(1)).await;
    two.execute(count, counted(0)).await;
    one.execute("COMMIT", json!({})).await;
    one.check(json!({ "type": "get_autocommit" }), autocommit(true)).await;
    two.execute(count, counted(1)).await;
    // A stream that is closed in the middle of a transaction takes it back.
    two.execute("BEGIN IMMEDIATE", json!({})).await;
    two.execute("INSERT INTO t VALUES (2)", json!({})).await;
    two.execute("SAVEPOINT s", json!({})).await;
    two.execute("INSERT INTO t VALUES (3)", json!({})).await;
    two.execute("ROLLBACK TO s", json!({})).await;
    two.execute(count, counted(2)).await;
    two.check(json!({ "type": "close" }), ok(json!({ "type": "close" }))).await;
    one.execute(count, counted(1)).await;
    // The lock is free again.
    one.execute("INSERT INTO t VALUES (4)", json!({ "affected_row_count": 1 })).await;
}

#[tokio::test]
async fn a_baton_is_good_for_one_request() {
    let service = Service::start().await;
    let body =
        |baton: &Value| json!({ "baton": baton, "requests": [{ "type": "get_autocommit" }] });
    let open = service.post("/v3/pipeline", &body(&Value::Null)).await.json();
    let first = open["baton"].clone();
    let second = service.post("/v3/pipeline", &body(&first)).await.json()["baton"].clone();
    assert_ne!(first, second);
    for (baton, code) in [
        (first.clone(), "BATON_REUSED"),
        (json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "BATON_INVALID"),
        (json!("nonsense"), "BATON_INVALID"),
        (json!(""), "BATON_INVALID"),
    ] {
        for path in ["/v2/pipeline", "/v3/pipeline"] {
            let reply = service.post(path, &body(&baton)).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, code), "{baton}");
            assert!(reply.json()["message"].is_string());
        }
        let cursor = json!({ "baton": baton, "batch": { "steps": [] } });
        assert_eq!(service.post("/v3/cursor", &cursor).await.code(), code);
    }
    // Wrong batons did the stream no harm.
    let reply = service.post("/v3/pipeline", &body(&second)).await;
    assert_eq!(reply.status, 200);
    let close = json!({ "baton": reply.json()["baton"], "requests": [{ "type": "close" }] });
    assert_eq!(service.post("/v3/pipeline", &close).await.json()["baton"], Value::Null);
    let reply = service.post("/v3/pipeline", &body(&reply.json()["baton"])).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "BATON_INVALID"));
}

#[tokio::test]
async fn an_idle_stream_expires_and_is_rolled_back() {
    let service = Service::with(|options: &mut Options| {
        options.stream_idle_timeout = Duration::from_millis(800);
    })
    .await;
    service.query("CREATE TABLE t(x)").await;
    let mut stream = Stream::open(&service).await;
    stream.execute("BEGIN IMMEDIATE", json!({})).await;
    stream.execute("INSERT INTO t VALUES (1)", json!({})).await;
    tokio::time::sleep(Duration::from_millis(450)).await;
    // Each request begins the time anew.
    stream.execute("SELECT 1", json!({})).await;
    tokio::time::sleep(Duration::from_millis(450)).await;
    stream.execute("SELECT 1", json!({})).await;
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    // Nobody asked, and still the lock is free.
    service.query("INSERT INTO t VALUES (2)").await;
    let body = json!({ "baton": stream.baton, "requests": [{ "type": "get_autocommit" }] });
    for _ in 0..2 {
        let reply = service.post("/v3/pipeline", &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "STREAM_EXPIRED"));
    }
    assert_matches(&service.query("SELECT x FROM t").await, &json!({ "rows": [[2]] }));
    assert_matches(&service.get("/health").await.json(), &json!({ "streams_open": 0 }));
}

#[tokio::test]
async fn version_1_needs_no_stream() {
    let service = Service::start().await;
    let steps = json!([
        { "stmt": { "sql": "CREATE TABLE t(x UNIQUE)" } },
        { "stmt": { "sql": "INSERT INTO t VALUES (?)", "args": [integer(7)] } },
        { "stmt": { "sql": "INSERT INTO t VALUES (7)" } },
    ]);
    let reply = service.post("/v1/batch", &json!({ "batch": { "steps": steps } })).await;
    let errors = json!([null, null, { "code": "SQLITE_CONSTRAINT" }]);
    assert_matches(&reply.json(), &json!({ "result": { "step_errors": errors } }));
    for (sql, status, pattern) in [
        ("SELECT x FROM t", 200, json!({ "result": { "rows": [[integer(7)]] } })),
        ("INSERT INTO t VALUES (7)", 409, json!({ "code": "SQLITE_CONSTRAINT", "message": "*" })),
        ("nonsense", 400, json!({ "message": "*syntax error*" })),
        ("BEGIN", 200, json!({})),
    ] {
        let reply = service.post("/v1/execute", &json!({ "stmt": { "sql": sql } })).await;
        assert_eq!(reply.status, status, "{sql}: {}", reply.text());
        assert_matches(&reply.json(), &pattern);
    }
    // A transaction that was left open has ended with its request.
    service.query("INSERT INTO t VALUES (8)").await;
}

#[tokio::test]
async fn versions_are_told_apart() {
    let service = Service::start().await;
    for (path, status) in
        [("/v2", 200), ("/v3", 200), ("/v3-protobuf", 404), ("/v4", 404), ("/v2/pipeline", 405)]
    {
        let reply = service.get(path).await;
        assert_eq!(reply.status, status, "{path}");
    }
    let reply = service.post("/v3-protobuf/pipeline", &json!({})).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "ROUTE_UNKNOWN"));
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let reply = service.client().await.send("GET", "/", &upgrade, "").await;
    assert_eq!((reply.status, reply.code().as_str()), (501, "WEBSOCKET_UNSUPPORTED"));
}

#[tokio::test]
async fn what_is_no_request_is_refused_whole() {
    let service = Service::start().await;
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "requests": null }),
        json!({ "requests": [{ "type": "fly" }] }),
        json!({ "requests": [{ "type": "execute" }] }),
        json!({ "requests": [{ "type": "execute", "stmt": { "sql": 5 } }] }),
        json!({ "requests": [{ "type": "execute", "stmt": { "sql": "SELECT 1", "args": [{}] } }] }),
        json!({ "requests": [{ "type": "store_sql", "sql_id": 1e10, "sql": "" }] }),
        json!({ "baton": 5, "requests": [] }),
    ] {
        let reply = service.post("/v3/pipeline", &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "REQUEST_INVALID"), "{body}");
    }
    let headers = [("content-type", "application/json")];
    for body in [
        &b"{"[..],
        b"\xff\xfe",
        b"{\"requests\":[]}x",
        b"{\"requests\":[{\"type\":\"sequence\",\"sql\":\"\xff\"}]}",
        &[b"[".repeat(10_000), b"]".repeat(10_000)].concat(),
    ] {
        let body = body.to_vec();
        let reply = service.client().await.send("POST", "/v3/pipeline", &headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "REQUEST_INVALID"));
    }
    let extra = json!({ "requests": [{ "type": "close", "new": 1 }], "other": {} });
    assert_eq!(service.post("/v3/pipeline", &extra).await.status, 200);
}
