//! The bot's service, beside its file.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::{Program, until};

const READER: &str = "reader";

#[test]
fn a_link_goes_all_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Program::start(READER, folder.path(), &[]);
    let bare = Connection::open(folder.path().join("reader.db")).unwrap();
    let text = |sql: &str| bare.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();

    for n in 1..=5 {
        let (id, url) = (format!("c-{n}"), format!("https://example.com/{n}"));
        let link = json!({ "correlation_id": id, "url": url });
        assert_eq!(reader.post("/requests", link.clone()).json()["id"], n);
        assert_eq!(reader.post("/requests", link).json()["id"], n, "it is there already");
    }
    let second = reader.get("/requests/by-correlation-id/c-2").json();
    assert_eq!(second, reader.get("/requests/2").json());
    assert_eq!(second["status"], "waiting");
    assert_eq!(reader.get("/requests/99").status, 404);

    // What the next read says is what the file has, whoever wrote it.
    let claimed = reader.post("/requests/claim", json!({ "most": 2 })).json();
    assert_eq!(claimed.as_array().unwrap().len(), 2);
    assert_eq!(reader.get("/requests/2").json()["status"], "running");
    bare.execute("UPDATE requests SET status = 'failed' WHERE id = 2", []).unwrap();
    assert_eq!(reader.get("/requests/2").json()["status"], "failed");
    let changes = json!([{ "id": 2, "status": "running" }, { "id": 3, "status": "failed" }]);
    assert_eq!(reader.post("/requests/status", changes).json(), 2);
    assert_eq!(
        text("SELECT group_concat(status) FROM (SELECT status FROM requests ORDER BY id)"),
        "running,running,failed,waiting,waiting"
    );
    let wrong = json!([{ "id": 4, "status": "done" }, { "id": 5, "status": "lost" }]);
    assert_eq!(reader.post("/requests/status", wrong).status, 422);
    assert_eq!(reader.get("/requests/4").json()["status"], "waiting", "all of them, or none");

    let call = |request: i64, tokens: i64| {
        let (model, cost) = ("small", 7);
        json!({ "request_id": request, "model": model, "tokens": tokens,
                "cost_micros": cost, "took_ms": 20 })
    };
    let calls: Vec<Value> = (0..1_500).map(|n| call(1 + n % 2, n)).collect();
    assert_eq!(reader.post("/calls", calls.into()).json(), 1_500);
    assert_eq!(reader.post("/calls", json!([call(1, 1), call(99, 1)])).status, 409);
    assert_eq!(text("SELECT count(*) || ':' || sum(tokens) FROM llm_calls"), "1500:1124250");

    for request in [1, 2] {
        let summary =
            json!({ "request_id": request, "title": "Weirs", "summary": "They are low." });
        assert_eq!(reader.post("/summaries", summary).status, 204);
    }
    let page = reader.get("/summaries?per_page=1").json();
    assert_eq!((&page["items"][0]["request_id"], &page["has_next"]), (&json!(2), &json!(true)));
    let next = format!("/summaries?per_page=1&after={}", page["end"].as_str().unwrap());
    assert_eq!(reader.get(&next).json()["items"][0]["request_id"], 1);
    assert_eq!(reader.get("/summaries?after=forged").status, 400);
    assert_eq!(reader.post("/summaries/read", json!([2, 77])).json(), 1);
    assert_eq!(reader.get("/summaries").json()["items"].as_array().unwrap().len(), 1);
    let found = reader.post("/summaries/fetch", json!([2, 77, 1])).json();
    assert_eq!(
        (&found[0]["is_read"], &found[1], &found[2]["is_read"]),
        (&json!(true), &Value::Null, &json!(false))
    );

    let stats = reader.get("/stats").json();
    assert_eq!(stats["requests"], json!({ "done": 2, "failed": 1, "waiting": 2 }));
    assert_eq!(
        (&stats["models"][0]["calls"], &stats["models"][0]["mean_ms"]),
        (&json!(1_500), &json!(20.0))
    );
    let deleted = reader.delete("/requests", json!([1, 99])).json();
    assert_eq!(deleted, json!({ "requests": 1, "cascaded": { "llm_calls": 750, "summaries": 1 } }));
    assert_eq!(reader.get("/requests/1").status, 404);
    assert_eq!(
        text("SELECT count(*) || ':' || (SELECT count(*) FROM summaries) FROM llm_calls"),
        "750:1"
    );
    reader.interrupt();
}

#[test]
fn health_is_looked_at_on_a_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Program::start(READER, folder.path(), &[("HEALTH_SECONDS", "1")]);
    let health = reader.get("/health").json();
    assert_eq!(health["status"], "healthy", "{health}");
    assert!(health["checks"].as_array().unwrap().iter().any(|check| check["name"] == "queue"));
    let bare = Connection::open(folder.path().join("reader.db")).unwrap();
    bare.execute_batch("DROP INDEX requests_waiting").unwrap();
    until("the missing index is reported", || {
        reader.get("/health").body.contains("requests_waiting")
    });
    let text = reader.get("/metrics").body;
    assert!(text.contains("forebay_request_seconds_bucket{route=\"/health\""), "{text}");
}
