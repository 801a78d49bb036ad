//! What is measured, shown and logged of requests.

use std::fmt::Write as _;
use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get as on_get;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{ask, get, header, request, text};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::{Requests, RouteStats};
use crate::keyed::Cache;

async fn database() -> Db {
    let db = crate::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)").await.unwrap();
    db
}

/// The route that is counted under this name.
fn route(requests: &Requests, name: &str) -> RouteStats {
    let stats = requests.stats();
    stats.routes.into_iter().find(|route| route.route == name).unwrap_or_default()
}

#[tokio::test]
async fn statements_are_counted_by_route() {
    let cache = Cache::builder("app").build().unwrap();
    let many = |db: Db| async move {
        for _ in 0..5 {
            db.query("SELECT x FROM t WHERE x = ?").bind(1).one::<(i64,)>().await.unwrap();
        }
        db.query("SELECT random()").scalar::<i64>().await.unwrap();
        db.execute("INSERT INTO t VALUES (3)").await.unwrap();
        "many"
    };
    let loads = move |State(db): State<Db>| {
        let cache = cache.clone();
        async move {
            let load = move || async move {
                db.query("SELECT x FROM t WHERE x = 2").scalar::<i64>().await
            };
            cache.get_or_load("two", load).await.unwrap().to_string()
        }
    };
    let requests = Requests::new();
    let router = Router::new()
        .route("/many/{id}", on_get(many))
        .route("/loads", on_get(loads))
        .layer(requests.clone())
        .with_state(database().await);
    let response = get(&router, "/many/7?secret=1").await;
    let timing = header(&response, "server-timing").unwrap().to_owned();
    assert!(timing.starts_with("total;dur=") && timing.contains(", db;dur="), "{timing}");
    assert!(timing.ends_with(";desc=\"7 statements, 4 from memory\""), "{timing}");
    assert!(header(&response, "x-response-time").unwrap().ends_with("ms"));
    assert_eq!(text(response).await, "many");
    get(&router, "/many/8").await;
    assert_eq!(text(get(&router, "/loads").await).await, "2");
    assert_eq!(text(get(&router, "/loads").await).await, "2");
    get(&router, "/nowhere").await;
    ask(&router, request("BREW", "/many/7", &[])).await;
    let counted = |name: &str| {
        let RouteStats { requests, statements, hits, classes, .. } = route(&requests, name);
        (requests, statements, hits, classes)
    };
    // The write does not matter to what is read, so the second time all of it is there.
    assert_eq!(counted("/many/{id}"), (3, 14, 9, [0, 2, 0, 1, 0]));
    assert_eq!(counted("/loads"), (2, 1, 0, [0, 2, 0, 0, 0]), "one load, and it is ours");
    assert_eq!(counted("other"), (1, 0, 0, [0, 0, 0, 1, 0]));
    assert!(route(&requests, "/many/{id}").database_time > Duration::ZERO);
    assert_eq!(requests.stats().in_work, 0);
}

#[tokio::test]
async fn routes_are_bounded_and_times_may_be_hidden() {
    let requests = Requests::builder().routes_max(2).server_timing(false).build();
    let mut router = Router::new();
    for path in ["/a", "/b", "/c"] {
        router = router.route(path, on_get(|| async {}));
    }
    let router = router.layer(requests.clone());
    for path in ["/a", "/b", "/c", "/c", "/a"] {
        let response = get(&router, path).await;
        assert_eq!(header(&response, "server-timing"), None);
        assert_eq!(header(&response, "x-response-time"), None);
    }
    let stats = requests.stats();
    let found: Vec<_> = stats.routes.iter().map(|it| (it.route.as_str(), it.requests)).collect();
    assert_eq!(found, [("/a", 2), ("/b", 1), ("other", 2)]);
}

/// Writes down the events of one target.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "forebay::request"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut Line(&mut line));
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn slow_requests_and_those_given_up_are_told() {
    let listener = Listener::default();
    // With one alone, the thread of another test decides whether a place in the code is heard.
    let _other = tracing::Dispatch::new(Listener::default());
    let _guard = tracing::subscriber::set_default(listener.clone());
    let clock = Clock::manual();
    let own = clock.clone();
    let takes = move |axum::extract::Path(ms): axum::extract::Path<u64>| {
        own.advance(Duration::from_millis(ms));
        async { axum::http::StatusCode::IM_A_TEAPOT }
    };
    let requests = Requests::builder().clock(clock.clone()).build();
    let router = Router::new()
        .route("/takes/{ms}", on_get(takes))
        .route("/never", on_get(std::future::pending::<()>))
        .layer(requests.clone());
    get(&router, "/takes/499").await;
    let parent = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";
    let traced = [("traceparent", parent)];
    ask(&router, request("GET", "/takes/500?password=x", &traced)).await;
    let mut asking = Box::pin(get(&router, "/never"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asking.as_mut().poll(&mut context).is_pending());
    assert_eq!(requests.stats().in_work, 1);
    clock.advance(Duration::from_secs(2));
    drop(asking);
    let lines = listener.0.lock().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, parts) in [
        (&lines[0], ["route=\"/takes/{ms}\"", "status=418", "took_ms=500.0", "statements=0"]),
        (&lines[1], ["route=\"/never\"", "status=0", "is_given_up=true", "method=\"GET\""]),
    ] {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        assert!(!line.contains("password"), "{line}");
    }
    assert!(lines[0].contains("trace=\"5bd66ef5095369c7b0d1f8f4bd33716a\""), "{}", lines[0]);
    assert!(!lines[1].contains("trace="), "{}", lines[1]);
    let counted = |name: &str| {
        let RouteStats { requests, slow, given_up, .. } = route(&requests, name);
        (requests, slow, given_up)
    };
    assert_eq!(counted("/takes/{ms}"), (2, 1, 0));
    assert_eq!(counted("/never"), (1, 1, 1));
    assert_eq!(requests.stats().in_work, 0);
    let times = route(&requests, "/takes/{ms}").times;
    let bounds: Vec<_> = times.iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(bounds, [&(Duration::from_millis(500), 2)]);
}
