//! Traces and figures at a collector: a listener that reads what is sent as a collector does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use crate::http::Http;
use crate::process::{Service, ended, forebay, run};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const ASKER: &str = "00f067aa0ba902b7";

/// Longer than anything here takes.
const WAIT: Duration = Duration::from_secs(30);

/// A request that a collector has got.
struct Got {
    path: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

/// Listens, and hands on what comes.
fn collector(listener: TcpListener) -> Receiver<Got> {
    let (sender, receiver) = sync_channel(1_000);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever has seen enough has gone.
            if sender.send(take(stream.unwrap())).is_err() {
                return;
            }
        }
    });
    receiver
}

fn take(stream: TcpStream) -> Got {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                  Content-Length: 0\r\n\r\n";
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    Got { path, headers: lines.split_off(1), body }
}

/// Waits for spans until there are all that `is_enough` wants.
fn spans(got: &Receiver<Got>, is_enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
    let mut all: Vec<Span> = Vec::new();
    while !is_enough(&all) {
        let got = got.recv_timeout(WAIT).unwrap_or_else(|_| panic!("only {all:#?}"));
        if got.path != "/v1/traces" {
            continue;
        }
        assert!(got.headers.contains(&"api-key: s cret".to_owned()), "{:?}", got.headers);
        let request = ExportTraceServiceRequest::decode(&*got.body).unwrap();
        for resource in request.resource_spans {
            let who = resource.resource.unwrap().attributes;
            assert_eq!(text(&who, "service.name").as_deref(), Some("shop"));
            all.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    all
}

/// Waits for figures until there are those that `is_enough` wants.
fn figures(got: &Receiver<Got>, is_enough: impl Fn(&[Metric]) -> bool) -> Vec<Metric> {
    loop {
        let got = got.recv_timeout(WAIT).expect("figures come every second");
        if got.path != "/v1/metrics" {
            continue;
        }
        let request = ExportMetricsServiceRequest::decode(&*got.body).unwrap();
        let scopes = request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
        let all: Vec<Metric> = scopes.flat_map(|scope| scope.metrics).collect();
        if is_enough(&all) {
            return all;
        }
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == key)?;
    Some(match found.value.clone()?.value? {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(value) => value.to_string(),
        any_value::Value::BoolValue(value) => value.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sum of a counter over those of its series that have this label.
fn sum(metrics: &[Metric], name: &str, label: (&str, &str)) -> i64 {
    let data = metrics.iter().find(|it| it.name == name).and_then(|it| it.data.as_ref());
    let Some(metric::Data::Sum(sum)) = data else { return 0 };
    assert!(sum.is_monotonic);
    let points = sum.data_points.iter();
    let labelled = points.filter(|it| text(&it.attributes, label.0).as_deref() == Some(label.1));
    let value = |it: &number_data_point::Value| match it {
        number_data_point::Value::AsInt(value) => *value,
        number_data_point::Value::AsDouble(value) => *value as i64,
    };
    labelled.filter_map(|it| it.value.as_ref()).map(value).sum()
}

fn start(folder: &tempfile::TempDir, at: SocketAddr, more: &[&str]) -> Service {
    let mut command = forebay(folder.path());
    command.env("OTEL_SERVICE_NAME", "shop");
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{at}/"));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s%20cret");
    Service::run(command, &[&["app.db", "--set", "telemetry.metrics_every=1s"], more].concat())
}

fn is_statement(span: &Span) -> bool {
    text(&span.attributes, "db.system.name").is_some()
}

/// A request is a span of the trace that it says it belongs to, and its statements are within it.
#[test]
fn requests_and_statements_are_spans_and_figures_follow() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let got = collector(listener);
    let service = start(&folder, at, &["--slow-log", "slow.jsonl", "--slow-after", "1ms"]);
    let mut http = Http::connect(service.address).unwrap();
    let none = json!([]);
    http.query("CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT)", &none).unwrap();
    let traced = |flags: &str| format!("traceparent: 00-{TRACE}-{ASKER}-{flags}\r\n");
    let sql = "SELECT id FROM books WHERE title = ? AND id <> 4711";
    // Whoever has begun the trace does not record it: nor do we.
    http.query_with(&traced("00"), sql, &json!(["private"])).unwrap();
    http.query_with(&traced("01"), sql, &json!(["private"])).unwrap();
    let of_trace = |span: &&Span| hex(&span.trace_id) == TRACE;
    let all = spans(&got, |all| all.iter().filter(of_trace).count() >= 2);
    let ours: Vec<&Span> = all.iter().filter(of_trace).collect();
    let request = ours.iter().find(|span| !is_statement(span)).unwrap();
    let statement = ours.iter().find(|span| is_statement(span)).unwrap();
    assert_eq!(ours.len(), 2, "{ours:#?}");
    assert_eq!((request.name.as_str(), request.kind), ("POST /v1/query", 2));
    assert_eq!(hex(&request.parent_span_id), ASKER);
    let said = |span: &Span, key: &str| text(&span.attributes, key).unwrap_or_default();
    assert_eq!(said(request, "http.route"), "/v1/query");
    assert_eq!(said(request, "http.request.method"), "POST");
    assert_eq!(said(request, "http.response.status_code"), "200");
    assert_eq!((statement.name.as_str(), statement.kind), ("SELECT books", 3));
    assert_eq!(statement.parent_span_id, request.span_id);
    assert_eq!(said(statement, "db.system.name"), "sqlite");
    assert_eq!(said(statement, "forebay.cached"), "true", "the first one has kept it");
    assert_eq!(said(statement, "forebay.fingerprint").len(), 16);
    let shown = format!("{ours:?}");
    assert!(!shown.contains("private") && !shown.contains("4711"), "{shown}");
    assert!(shown.contains("title = ?"), "{shown}");

    // One that belongs to no trace begins one, which the slow log names.
    let slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
                SELECT count(*) FROM n";
    http.scalar(slow, &none).unwrap();
    let is_slow = |span: &&Span| is_statement(span) && span.name == "WITH";
    let all = spans(&got, |all| all.iter().any(|span| is_slow(&span)));
    let slow = all.iter().find(is_slow).unwrap();
    let trace = format!("\"trace\":\"{}\"", hex(&slow.trace_id));
    let log = folder.path().join("slow.jsonl");
    let is_told = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains(&trace));
    let began = std::time::Instant::now();
    while !is_told() {
        assert!(began.elapsed() < WAIT, "{trace}: {:?}", std::fs::read_to_string(&log));
        std::thread::sleep(Duration::from_millis(10));
    }

    let asked = ("forebay_http_requests_total", ("route", "/v1/query"));
    let metrics = figures(&got, |all| sum(all, asked.0, asked.1) == 4);
    let histograms = metrics.iter().filter_map(|it| match &it.data {
        Some(metric::Data::Histogram(histogram)) => Some(&histogram.data_points),
        _ => None,
    });
    let points: Vec<_> = histograms.flatten().collect();
    assert!(points.iter().any(|it| it.count > 0), "{metrics:#?}");
    for point in points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
    }
    // What was asked last is told at the end, long before the next second.
    http.query("SELECT 1", &none).unwrap();
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    figures(&got, |all| sum(all, asked.0, asked.1) == 5);
}

/// A collector that is away is told of once, costs no request anything, and is found again.
#[test]
fn a_collector_that_is_away_disturbs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let service = start(&folder, at, &["--set", "telemetry.queue=64"]);
    let mut http = Http::connect(service.address).unwrap();
    let began = std::time::Instant::now();
    let mut asked = 0;
    // Longer than three times of sending, and more than wait at most.
    while began.elapsed() < Duration::from_millis(3_500) || asked < 500 {
        assert_eq!(http.scalar("SELECT 1", &json!([])).unwrap(), 1);
        asked += 1;
    }
    let got = collector(TcpListener::bind(at).unwrap());
    spans(&got, |all| !all.is_empty());
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    let count = |part: &str| said.matches(part).count();
    assert_eq!(count("cannot be sent to the collector"), 1, "{said}");
    assert_eq!(count("takes traces and figures again"), 1, "{said}");
}

#[test]
fn what_is_wrong_is_told_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, says) in [
        ("endpoint", "localhost:4318", "telemetry.endpoint"),
        ("endpoint", "http://a:b@localhost", "telemetry.headers"),
        ("traces_one_in", "0", "from 1 to 1,000,000"),
        ("queue", "1", "telemetry.queue"),
    ] {
        let set = format!("telemetry.{key}={value}");
        let output = run(folder.path(), &["config", "check", "--set", &set]);
        ended(&output, 2, says);
    }
    let args = ["--set", "telemetry.endpoint=http://localhost", "--set", "telemetry.headers=a"];
    let output = run(folder.path(), &[&["config", "check"], &args[..]].concat());
    ended(&output, 2, "api-key=secret");
}
