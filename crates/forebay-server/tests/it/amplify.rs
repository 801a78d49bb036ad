//! Small requests that ask for much: an answer stays small whatever fills it.

use serde_json::{Value, json};

use crate::service::Service;

fn store(sql: &str) -> Value {
    json!({ "type": "store_sql", "sql_id": 1, "sql": sql })
}

/// The stored text, `count` times.
fn batch(count: usize) -> Value {
    let steps = vec![json!({ "stmt": { "sql_id": 1 } }); count];
    json!({ "type": "batch", "batch": { "steps": steps } })
}

/// A statement that fails with an error as long as this name.
fn missing(bytes: usize) -> String {
    format!("SELECT * FROM \"{}\"", "x".repeat(bytes))
}

fn is_cut(message: &Value) -> bool {
    let message = message.as_str().unwrap();
    message.starts_with("no such table: xxx")
        && message.ends_with(" bytes in all)")
        && message.len() < 5_000
}

#[tokio::test]
async fn the_text_of_an_error_is_cut() {
    let service = Service::start().await;
    let requests = json!([store(&missing(1_000_000)), batch(20), { "type": "close" }]);
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    let json = reply.json();
    let errors = json["results"][1]["response"]["result"]["step_errors"].as_array().unwrap();
    assert_eq!(errors.len(), 20);
    assert!(errors.iter().all(|error| is_cut(&error["message"])), "{}", errors[0]);
    let reply = service.post("/v1/query", &json!({ "sql": missing(900_000) })).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "SQLITE_ERROR"));
    assert!(is_cut(&reply.json()["error"]["message"]), "{}", reply.text());
    // So is the text of an error that repeats the request.
    let body = json!({ "requests": [{ "type": "x".repeat(100_000) }] });
    let reply = service.post("/v3/pipeline", &body).await;
    assert_eq!(reply.code(), "REQUEST_INVALID");
    assert!(reply.text().len() < 5_000);
}
