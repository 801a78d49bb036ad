//! Maintenance through the admin API: what is shown, who may have a task run, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use forebay::{Maintenance, MaintenancePlan, MaintenanceTask};
use forebay_server::Token;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::client::Reply;
use crate::pattern::assert_matches;
use crate::service::Service;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Longer than anything here takes.
const WAIT: Duration = Duration::from_secs(30);

/// A service that shows this plan.
async fn service(maintenance: Option<Maintenance>) -> Service {
    Service::with(|options| {
        options.maintenance = maintenance;
        options.admin.reader_token = Some(Token::new("look"));
        options.admin.admin_token = Some(Token::new("change"));
    })
    .await
}

/// A plan with a task that waits until it is told to end.
async fn plan(told: Arc<Notify>) -> Maintenance {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    let waits = move |_| {
        let told = told.clone();
        async move {
            told.notified().await;
            Ok("was told".to_owned())
        }
    };
    let hourly = || "every 3600s".parse().unwrap();
    let plan = MaintenancePlan::new()
        .task(MaintenanceTask::optimize(), hourly())
        .task(MaintenanceTask::call("waits", waits), hourly());
    let maintenance = db.maintain(plan).unwrap();
    let ready = async {
        while !maintenance.is_leading() || maintenance.status().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT, ready).await.unwrap();
    maintenance
}

async fn ask(service: &Service, token: &str, body: Option<Value>) -> Reply {
    let token = format!("Bearer {token}");
    let auth = ("authorization", token.as_str());
    let mut client = service.client().await;
    let path = "/api/v1/admin/maintenance";
    match body {
        Some(body) => {
            let run = format!("{path}/run");
            client.send("POST", &run, &[JSON, auth], body.to_string()).await
        }
        None => client.send("GET", path, &[auth], "").await,
    }
}

#[tokio::test]
async fn tasks_are_shown_and_run_by_admins() {
    let told = Arc::new(Notify::new());
    let service = service(Some(plan(told.clone()).await)).await;
    let task = json!({ "task": "optimize", "schedule": "every 3600s", "running_since": null,
        "next": "*", "last": null });
    let shown = ask(&service, "look", None).await.json();
    assert_matches(
        &shown,
        &json!({ "databases": { "main": { "is_leading": true, "known": 0, "runs": [],
            "tasks": [task, { "task": "waits", "last": null }] } } }),
    );
    let run = json!({ "task": "optimize" });
    let refused = ask(&service, "look", Some(run.clone())).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "ROLE_DENIED"));
    let done = ask(&service, "change", Some(run)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let outcome = json!({ "db": "main", "task": "optimize", "run": { "outcome": "done" } });
    assert_matches(&done.json(), &outcome);
    let main = ask(&service, "look", None).await.json()["databases"]["main"].take();
    assert_matches(&main["runs"], &json!([{ "task": "optimize", "took_ms": "*", "began": "*" }]));
    assert_eq!(main["known"], 1);

    // One that takes its time is shown as running, and is not begun twice.
    let waits = || Some(json!({ "task": "waits", "db": "main" }));
    let first = ask(&service, "change", waits());
    let second = async {
        let is_running = async || {
            let shown = ask(&service, "look", None).await.json();
            shown["databases"]["main"]["tasks"][1]["running_since"].is_number()
        };
        while !is_running().await {}
        let refused = ask(&service, "change", waits()).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "TASK_REFUSED"));
        told.notify_one();
    };
    let both = async { tokio::join!(first, second).0 };
    let done = tokio::time::timeout(WAIT, both).await.unwrap();
    let run = json!({ "outcome": "done", "said": ["was told"] });
    assert_matches(&done.json(), &json!({ "task": "waits", "run": run }));
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let service_with = service(Some(plan(Arc::default()).await)).await;
    for (body, status, code) in [
        (json!({ "task": "vacuum" }), 404, "TASK_UNKNOWN"),
        (json!({ "task": "optimize", "db": "other" }), 404, "MAINTENANCE_UNKNOWN"),
        (json!({ "task": 1 }), 400, "REQUEST_INVALID"),
        (json!({ "task": "optimize", "sql": "VACUUM" }), 400, "REQUEST_INVALID"),
        (json!({}), 400, "REQUEST_INVALID"),
    ] {
        let refused = ask(&service_with, "change", Some(body.clone())).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{body}");
    }
    let without = service(None).await;
    assert_eq!(ask(&without, "look", None).await.json(), json!({ "databases": {} }));
    let refused = ask(&without, "change", Some(json!({ "task": "optimize" }))).await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "MAINTENANCE_UNKNOWN"));
}
