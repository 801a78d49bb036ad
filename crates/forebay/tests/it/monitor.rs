//! What is shown of an application: metrics under the names of the guide, and health.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forebay::{
    Breaker, Bulkhead, Cache, Db, Limiter, Metric, MetricValue, Monitor, Quota, Retry, TimeLimit,
};

async fn database() -> Db {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").await.unwrap();
    for sql in ["SELECT random()", "SELECT x FROM t", "SELECT x FROM t"] {
        db.query(sql).scalar::<i64>().await.unwrap();
    }
    db.execute("INSERT INTO t VALUES (2)").await.unwrap();
    db.query("SELECT x FROM t").named("all").all::<(i64,)>().await.unwrap();
    db
}

async fn loaded(cache: &Cache) {
    cache.get_or_load("a", || async { Ok::<_, std::io::Error>(7) }).await.unwrap();
    cache.get::<i32>("a").await.unwrap();
}

fn guarded(monitor: Monitor) -> Monitor {
    monitor
        .breaker("b", &Breaker::builder().build())
        .limiter("l", &Limiter::new(Quota::per_second(1)))
        .bulkhead("h", &Bulkhead::new(1, 1))
        .retry("r", &Retry::new(1))
        .time_limit("t", &TimeLimit::new(Duration::from_secs(1)))
}

/// Each series as `name{label="word"}`, with its value.
fn series(metrics: &[Metric]) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for metric in metrics {
        for series in &metric.series {
            let mut put = |ending: &str, more: &[(&str, String)], value: f64| {
                let labels = series.labels.iter().chain(more);
                let labels: Vec<String> =
                    labels.map(|(label, word)| format!("{label}={word:?}")).collect();
                let name = format!("{}{ending}{{{}}}", metric.name, labels.join(","));
                assert_eq!(all.insert(name.clone(), value), None, "{name} is there twice");
            };
            match &series.value {
                MetricValue::Count(count) => put("", &[], *count as f64),
                MetricValue::Number(number) => put("", &[], *number),
                MetricValue::Histogram(histogram) => {
                    let mut below = 0;
                    for (bound, count) in &histogram.buckets {
                        below += count;
                        let bound = bound.to_string().replace("inf", "+Inf");
                        put("_bucket", &[("le", bound)], below as f64);
                    }
                    assert_eq!(below, histogram.count);
                    put("_count", &[], histogram.count as f64);
                    put("_sum", &[], histogram.sum);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    all
}

#[tokio::test]
async fn numbers_are_those_of_the_parts() {
    let (here, there) =
        (Cache::builder("a").build().unwrap(), Cache::builder("b").build().unwrap());
    let db = database().await;
    let monitor = Monitor::new()
        .db("", &db)
        .db("beside", &database().await)
        .cache("here", &there)
        .cache("there", &there)
        // In place of the one before.
        .cache("here", &here);
    loaded(&here).await;
    let all = series(&monitor.metrics());
    let stats = db.stats();
    for (name, expect) in [
        ("forebay_keyed_hits_total{cache=\"here\"}", 1.0),
        ("forebay_keyed_hits_total{cache=\"there\"}", 0.0),
        ("forebay_keyed_loads_total{cache=\"here\"}", 1.0),
        ("forebay_keyed_load_seconds_count{cache=\"here\"}", 1.0),
        ("forebay_keyed_load_seconds_bucket{cache=\"here\",le=\"+Inf\"}", 1.0),
        ("forebay_keyed_drops_total{cache=\"here\",cause=\"capacity\"}", 0.0),
        ("forebay_keyed_bytes{cache=\"here\"}", here.stats().bytes as f64),
        ("forebay_cache_hits_total{}", stats.cache.hits as f64),
        ("forebay_cache_hits_total{db=\"beside\"}", 1.0),
        ("forebay_pool_max{db=\"beside\",pool=\"writer\"}", 1.0),
    ] {
        assert_eq!(all.get(name), Some(&expect), "{name} in {all:#?}");
    }
    assert_eq!(stats.cache.hits, 1);
    assert!(all["forebay_keyed_load_seconds_sum{cache=\"here\"}"] > 0.0);
    assert!(all.keys().all(|name| !name.contains("SELECT") && !name.contains("there twice")));
    let shown = |monitor: Monitor| {
        let all = series(&monitor.metrics()).into_keys();
        all.filter(|name| name.starts_with("forebay_statement_calls_total{")).count()
    };
    assert_eq!(shown(Monitor::new().db("", &db).statements_shown(2)), 2);
    assert!(shown(Monitor::new().db("", &db)) > 2);
}

/// As the guide writes it: its name, and its labels without their values.
fn written(metrics: &[Metric]) -> BTreeSet<String> {
    let names = metrics.iter().flat_map(|metric| {
        metric.series.iter().map(|series| {
            let labels: Vec<&str> = series.labels.iter().map(|(label, _)| *label).collect();
            match labels.is_empty() {
                true => metric.name.to_owned(),
                false => format!("{}{{{}}}", metric.name, labels.join(",")),
            }
        })
    });
    names.collect()
}

#[cfg(all(feature = "disk", feature = "http", feature = "redis"))]
#[tokio::test]
async fn the_guide_names_every_metric_and_its_labels() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/metrics.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    // Those of the service, and of a PostgreSQL server, are looked for in their own tests.
    let elsewhere = ["forebay_http_", "forebay_streams_", "forebay_replication_"];
    let documented: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `forebay_")?.split('`').next())
        .map(|name| format!("forebay_{name}"))
        .filter(|name| !elsewhere.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let disk = forebay::Disk::builder(folder.path().join("cache")).open().await.unwrap();
    let redis = forebay::Redis::connect("redis://127.0.0.1:1").await.unwrap();
    let cache = Cache::builder("app").disk(disk.clone()).redis(redis.clone()).build().unwrap();
    let monitor = Monitor::new()
        .db("", &database().await)
        .cache("c", &cache)
        .disk("d", &disk)
        .redis("r", &redis);
    let monitor = answered(monitor).await;
    assert_eq!(written(&guarded(monitor).metrics()), documented);
}

/// Layers that have been asked something.
#[cfg(feature = "http")]
async fn answered(monitor: Monitor) -> Monitor {
    use axum::{Router, body::Body, extract::Request};
    use forebay::http::{RateLimit, Requests, ResponseCache};
    use tower_service::Service as _;

    let limit = RateLimit::builder(Quota::per_second(1)).build().unwrap();
    let (requests, responses) = (Requests::new(), ResponseCache::builder().build().unwrap());
    let app: Router = Router::new().layer(responses.clone()).layer(limit.clone());
    let mut app = app.layer(requests.clone());
    let asked: Request = Request::builder().uri("/").body(Body::empty()).unwrap();
    app.call(asked).await.unwrap();
    monitor.requests("s", &requests).rate_limit("l", &limit).responses("k", &responses)
}

#[cfg(all(feature = "disk", feature = "redis"))]
#[tokio::test]
async fn parts_that_are_not_well_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let disk = forebay::Disk::builder(folder.path().join("cache")).open().await.unwrap();
    let redis = forebay::Redis::connect("redis://:secret@127.0.0.1:1").await.unwrap();
    let breaker = Breaker::builder().build();
    let monitor = Monitor::new()
        .db("", &database().await)
        .cache("c", &Cache::builder("app").build().unwrap())
        .disk("d", &disk)
        .redis("r", &redis)
        .breaker("b", &breaker);
    let health = || {
        let health = monitor.health().into_iter();
        health.map(|part| (part.part, part.is_well, part.word)).collect::<Vec<_>>()
    };
    let away = ("redis", false, "away");
    assert_eq!(health(), [("disk", true, "working"), away, ("breaker", true, "closed")]);
    breaker.force_open();
    disk.close().await;
    assert_eq!(health(), [("disk", false, "closed"), away, ("breaker", false, "forced_open")]);
    let why = monitor.health()[1].why.clone().unwrap();
    assert!(!why.is_empty() && !why.contains("secret"), "{why}");
}

#[cfg(feature = "metrics")]
mod recorder {
    //! What the recorder of the `metrics` crate is given.

    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };

    use super::*;

    /// Keeps what it is given under the name of each series.
    #[derive(Default)]
    struct Shelf {
        values: Arc<Mutex<BTreeMap<String, f64>>>,
        described: Mutex<BTreeSet<String>>,
    }

    struct Slot {
        name: String,
        values: Arc<Mutex<BTreeMap<String, f64>>>,
    }

    impl Slot {
        fn put(&self, value: f64) {
            self.values.lock().unwrap().insert(self.name.clone(), value);
        }
    }

    impl CounterFn for Slot {
        fn increment(&self, _: u64) {
            panic!("{} is not handed on as an absolute value", self.name);
        }

        fn absolute(&self, value: u64) {
            self.put(value as f64);
        }
    }

    impl GaugeFn for Slot {
        fn increment(&self, _: f64) {
            panic!("{} is not handed on as an absolute value", self.name);
        }

        fn decrement(&self, _: f64) {
            panic!("{} is not handed on as an absolute value", self.name);
        }

        fn set(&self, value: f64) {
            self.put(value);
        }
    }

    impl Shelf {
        fn slot(&self, key: &Key) -> Arc<Slot> {
            let labels = key.labels().map(|label| format!("{}={:?}", label.key(), label.value()));
            let labels: Vec<String> = labels.collect();
            let name = format!("{}{{{}}}", key.name(), labels.join(","));
            Arc::new(Slot { name, values: self.values.clone() })
        }
    }

    impl Recorder for Shelf {
        fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.described.lock().unwrap().insert(name.as_str().to_owned());
        }

        fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.described.lock().unwrap().insert(name.as_str().to_owned());
        }

        fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            panic!("{name:?}: its values are in buckets already");
        }

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.slot(key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.slot(key))
        }

        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            panic!("{key:?}: its values are in buckets already");
        }
    }

    #[tokio::test]
    async fn it_is_given_every_number() {
        let cache = Cache::builder("app").build().unwrap();
        loaded(&cache).await;
        let monitor = Monitor::new().db("main", &database().await).cache("c", &cache);
        let monitor = guarded(monitor);
        let shelf = Shelf::default();
        metrics::with_local_recorder(&shelf, || {
            monitor.record();
            monitor.record();
        });
        let (metrics, values) = (monitor.metrics(), shelf.values.lock().unwrap());
        assert_eq!(*values, series(&metrics));
        let described = shelf.described.lock().unwrap();
        for metric in &metrics {
            let bucket = format!("{}_bucket", metric.name);
            assert!(described.contains(metric.name) || described.contains(&bucket));
        }
    }
}

mod traced {
    //! What a load looks like to who traces.

    use std::fmt::{self, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Writes down all that it is told, one line for each span.
    #[derive(Clone, Default)]
    struct Listener(Arc<Mutex<Vec<String>>>);

    struct Line<'a>(&'a mut String);

    impl Visit for Line<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            write!(self.0, " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Listener {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let mut lines = self.0.lock().unwrap();
            let mut line = span.metadata().name().to_owned();
            span.record(&mut Line(&mut line));
            lines.push(line);
            Id::from_u64(lines.len() as u64)
        }

        fn record(&self, span: &Id, values: &Record<'_>) {
            let at = usize::try_from(span.into_u64()).unwrap() - 1;
            values.record(&mut Line(&mut self.0.lock().unwrap()[at]));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = "event".to_owned();
            event.record(&mut Line(&mut line));
            self.0.lock().unwrap().push(line);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn loads_have_spans_without_keys_and_values() {
        let listener = Listener::default();
        // With one alone, the thread of another test, which has none, decides whether a place in
        // the code is listened to.
        let _other = tracing::Dispatch::new(Listener::default());
        let guard = tracing::subscriber::set_default(listener.clone());
        let cache = Cache::builder("app").build().unwrap();
        let load = |value: Result<&'static str, &'static str>| {
            cache.get_or_load("secret key", move || async move { value.map(str::to_owned) })
        };
        load(Err("refused")).await.unwrap_err();
        load(Ok("secret value")).await.unwrap();
        load(Ok("not run")).await.unwrap();
        let here = cache.blocking().get_or_load("secret too", || Ok::<_, std::io::Error>(1));
        assert_eq!(*here.unwrap(), 1);
        let keys = ["secret a", "secret b"];
        let many = cache.get_or_load_many(&keys, |missing| async move {
            let found = missing.into_iter().map(|key| (key, 2_u32));
            Ok::<_, std::io::Error>(found.collect::<Vec<_>>())
        });
        assert_eq!(many.await.unwrap().len(), 2);
        drop(guard);
        let lines = listener.0.lock().unwrap();
        let spans = lines.iter().filter(|line| line.starts_with("forebay.load"));
        let spans: Vec<&str> = spans.map(String::as_str).collect();
        let span = |keys: u32, outcome: &str| {
            format!("forebay.load cache=\"app\" keys={keys} behind=false outcome=\"{outcome}\"")
        };
        let expect = [span(1, "failed"), span(1, "loaded"), span(1, "loaded"), span(2, "loaded")];
        assert_eq!(spans, expect);
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:#?}");
    }
}
