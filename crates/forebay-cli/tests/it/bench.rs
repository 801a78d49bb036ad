//! `forebay bench` against a real service, and against servers that misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::Value;

use crate::process::{Service, ended, run, stdout};

/// A server that gives every connection to this; it lives as long as the test's process.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = std::sync::Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads one request without a body; false at the end of the connection.
fn read_head(stream: &mut TcpStream) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn bench(args: &[&str]) -> std::process::Output {
    bench_for("300ms", args)
}

fn bench_for(time: &str, args: &[&str]) -> std::process::Output {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &[&["bench", "--duration", time, "--warm-up", "0s"], args].concat())
}

#[test]
fn endpoints_are_measured_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &[]);
    let live = format!("http://{}/health/live", service.address);
    let health = format!("http://{}/health", service.address);
    let missing = format!("http://{}/nothing-here", service.address);

    let counted = ["--requests", "40", "--users", "4", "--target", "max=60s", "--json"];
    let output = bench_for("60s", &[&[live.as_str(), &health], counted.as_slice()].concat());
    ended(&output, 0, "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["pass"], true, "{report}");
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(report["all"]["answers"], 40, "{report}");
    for endpoint in report["endpoints"].as_array().unwrap() {
        assert!(endpoint["answers"].as_u64().unwrap() >= 10, "they take turns: {report}");
        assert_eq!(endpoint["errors"], 0, "{report}");
        let ms = |name: &str| endpoint["ms"][name].as_f64().unwrap();
        assert!(ms("min") > 0.0 && ms("min") <= ms("p50") && ms("p50") <= ms("max"), "{report}");
    }

    // The last ones are not answered as they should be, and say so.
    let counted = ["--users", "1", "--requests", "10", "--target", "errors=10%"];
    let output = bench_for("60s", &[&[live.as_str(), &missing], counted.as_slice()].concat());
    ended(&output, 6, "");
    let text = stdout(&output);
    for part in ["5 errors of", "status 404", "PASS  errors=10%", "FAIL  errors=10%", "10 requests"]
    {
        assert!(text.contains(part), "expected {part:?} in:\n{text}");
    }
    let output = bench(&[&live, "--target", "rate=1000000000"]);
    ended(&output, 6, "");
    assert!(stdout(&output).contains("FAIL  rate=1000000000: "), "{}", stdout(&output));
}

#[test]
fn requests_fall_due_at_a_rate() {
    // Whoever waits while an answer takes 50 ms has waited that long, whenever it was sent.
    let address = server(|mut stream| {
        while read_head(&mut stream) {
            std::thread::sleep(std::time::Duration::from_millis(50));
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    });
    let url = format!("http://{address}/");
    let output = bench(&[&url, "--users", "1", "--rate", "100", "--json"]);
    ended(&output, 0, "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["all"]["answers"], 30, "those that were due in 300 ms: {report}");
    let ms = &report["all"]["ms"];
    assert!(ms["max"].as_f64().unwrap() > 900.0, "the last waits for all others: {report}");
    assert_eq!(report["pass"], Value::Null, "nothing was asked for: {report}");
}

#[test]
fn servers_that_misbehave_are_errors_with_reasons() {
    let check = |address: SocketAddr, args: &[&str], code, says: &str| {
        let url = format!("http://{address}/");
        let time = if args.contains(&"--requests") { "60s" } else { "300ms" };
        let output = bench_for(
            time,
            &[&[url.as_str(), "--users", "2", "--timeout", "200ms"], args].concat(),
        );
        let text = format!("{}{}", stdout(&output), crate::process::stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(says), "expected {says:?} in:\n{text}");
    };
    let silent = server(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    check(silent, &[], 1, "no answer within 200ms");
    check(silent, &["--target", "p95=1s"], 6, "FAIL  p95=1s");
    check(server(drop), &[], 1, "the connection broke");
    let short = server(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
    });
    check(short, &[], 1, "the connection broke");
    // One that closes after each answer is slow, and in order.
    let closing = server(|mut stream| {
        read_head(&mut stream);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        let _ = stream.write_all(head);
    });
    check(closing, &["--requests", "20", "--target", "errors=0%"], 0, "20 requests");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(nobody, &["--requests", "3"], 1, "cannot connect");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let check = |args: &[&str], says: &str| ended(&bench(args), 2, says);
    check(&["localhost:80"], "expected http:// or https://");
    check(&["http://a:b@localhost/"], "--header");
    check(&["http://localhost/", "--target", "p12=1s"], "none of mean");
    check(&["http://localhost/", "--method", "G T"], "no method of HTTP");
    check(&["http://localhost/", "-H", "x"], "no colon");
    check(&["http://localhost/", "--users", "0"], "0 is not in 1..=10000");
    check(&["http://localhost/", "--timeout", "0s"], "longer than 0");
    check(&[], "URL");
}
