//! `forebay serve`: how it starts, what it refuses, how it stops.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::json;

use crate::http::Http;
use crate::process::{Service, ended, run, signal, stdout, wait};

fn serve(folder: &Path, args: &[&str]) -> Output {
    run(folder, &[&["serve"], args].concat())
}

#[test]
fn serves_a_new_database_and_stops_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &[]);
    assert!(folder.path().join("forebay.db").exists(), "the default file is created");
    let mut http = Http::connect(service.address).unwrap();
    assert_eq!(http.get("/health").unwrap().status, 200);
    let create = http.query("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", &json!([]));
    assert_eq!(create.unwrap().status, 200);
    let insert = http.query("INSERT INTO t (v) VALUES (?), (?)", &json!(["a", "b"])).unwrap();
    assert_eq!(insert.status, 200, "{insert:?}");
    assert_eq!(http.scalar("SELECT count(*) FROM t", &json!([])).unwrap(), 2);
    let (code, out, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(out, "", "one line, and no more, on standard output");
}

#[test]
fn stops_on_sigint_too() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["sqlite::memory:"]);
    let (code, _, said) = service.stop("INT");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_second_signal_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::start(folder.path(), &["slow.db"]);
    let mut http = Http::connect(service.address).unwrap();
    let running = std::thread::spawn(move || {
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";
        http.query(endless, &json!([]))
    });
    std::thread::sleep(Duration::from_millis(300));
    signal(&service.child, "TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(service.child.try_wait().unwrap().is_none(), "it waits for the statement");
    let start = std::time::Instant::now();
    signal(&service.child, "TERM");
    assert_eq!(wait(&mut service.child), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(running.join().unwrap().is_err(), "the connection was cut");
}

#[test]
fn statements_in_flight_end_before_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["app.db"]);
    let mut http = Http::connect(service.address).unwrap();
    let running = std::thread::spawn(move || {
        let long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                    WHERE i < 3000000) SELECT count(*) FROM n";
        http.query(long, &json!([]))
    });
    std::thread::sleep(Duration::from_millis(150));
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    let answer = running.join().unwrap().expect("the statement was answered");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["rows"][0][0], 3_000_000);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = serve(folder.path(), &["--listen", &address]);
    ended(&output, 1, "is in use");
    ended(&output, 1, "--listen 127.0.0.1:PORT");
    assert!(!folder.path().join("forebay.db").exists(), "it leaves no trace");
}

#[test]
fn other_machines_need_a_token() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        ended(&serve(folder.path(), &["--listen", address]), 2, "--token-file");
    }
    let output = serve(folder.path(), &["--listen", "192.0.2.1:0", "--allow-anonymous"]);
    ended(&output, 1, "not an address of this machine");
}

#[test]
fn a_token_is_required_once_given() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), " s3cret\n").unwrap();
    let service = Service::start(folder.path(), &["app.db", "--token-file", "token"]);
    let status = |token: Option<&str>, path: &str| {
        let mut http = Http::connect(service.address).unwrap();
        if let Some(token) = token {
            http = http.with_token(token);
        }
        match path {
            "/v1/query" => http.query("SELECT 1", &json!([])).unwrap().status,
            path => http.get(path).unwrap().status,
        }
    };
    assert_eq!(status(None, "/health"), 200);
    assert_eq!(status(None, "/v1/query"), 401);
    assert_eq!(status(None, "/metrics"), 401);
    assert_eq!(status(Some("s3cre"), "/v1/query"), 401);
    assert_eq!(status(Some("s3cret"), "/v1/query"), 200);
    let (_, _, said) = service.stop("TERM");
    assert!(!said.contains("s3cret"), "the token is never logged: {said}");
}

#[test]
fn token_files_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let check = |content: &str, code, says: &str| {
        std::fs::write(folder.path().join("token"), content).unwrap();
        let output = serve(folder.path(), &["--token-file", "token"]);
        ended(&output, code, says);
        assert_eq!(stdout(&output), "");
    };
    check("", 1, "token is empty");
    check(" \n\t\n", 1, "token is empty");
    check("two words", 1, "visible ASCII");
    check("schlüssel", 1, "visible ASCII");
    check(&"x".repeat(100_000), 1, "larger than");
    let output = serve(folder.path(), &["--token-file", "missing"]);
    ended(&output, 1, "cannot read the token file missing");
    ended(&serve(folder.path(), &["--token-file", "."]), 1, "cannot read the token file .");
    let both = ["--token-file", "token", "--allow-anonymous"];
    ended(&serve(folder.path(), &both), 2, "cannot be used with");
}

#[cfg(unix)]
#[test]
fn a_token_that_everyone_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret").unwrap();
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
        let service = Service::start(folder.path(), &["app.db", "--token-file", "token"]);
        let (_, _, said) = service.stop("TERM");
        assert_eq!(said.contains("chmod 600"), warned, "{mode:o}: {said}");
    }
}

#[test]
fn wrong_arguments_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["--listen", "localhost"][..],
        &["--body-bytes-max", "1"],
        &["--body-bytes-max", "lots"],
        &["--statement-timeout", "5"],
        &["--statement-timeout", "0s"],
        &["--requests-max", "0"],
        &["--readers-max", "0"],
        &["--allow-origin", "*"],
        &["--no-such-flag"],
    ] {
        let output = serve(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}

#[test]
fn databases_that_cannot_be_opened_end_with_1() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::fs::write(folder.path().join("text.db"), "no database, but text\n".repeat(100)).unwrap();
    for args in
        [&["folder"][..], &["text.db"], &["no/such/folder/app.db"], &["missing.db", "--read-only"]]
    {
        let output = serve(folder.path(), &[args, &["--listen", "127.0.0.1:0"]].concat());
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        assert_eq!(stdout(&output), "", "{args:?}: it was never ready");
    }
    assert!(!folder.path().join("missing.db").exists());
}

#[test]
fn limits_reach_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["app.db", "--rows-max", "3"]);
    let mut http = Http::connect(service.address).unwrap();
    let rows = |n: u32| {
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) \
                 SELECT i FROM n"
        )
    };
    assert_eq!(http.query(&rows(3), &json!([])).unwrap().status, 200);
    assert_ne!(http.query(&rows(4), &json!([])).unwrap().status, 200);
    drop(service);

    let service = Service::start(folder.path(), &["app.db", "--read-only"]);
    let mut http = Http::connect(service.address).unwrap();
    assert_eq!(http.query("SELECT 1", &json!([])).unwrap().status, 200);
    let refused = http.query("CREATE TABLE t (a)", &json!([])).unwrap();
    assert_eq!(refused.status, 403, "{refused:?}");
}

#[test]
fn commits_of_another_process_are_seen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["app.db"]);
    let mut http = Http::connect(service.address).unwrap();
    let create = http.query("CREATE TABLE t (n INTEGER NOT NULL)", &json!([])).unwrap();
    assert_eq!(create.status, 200, "{create:?}");
    let other = rusqlite::Connection::open(folder.path().join("app.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute("INSERT INTO t VALUES (0)", []).unwrap();
    for n in 1..=300 {
        other.execute("UPDATE t SET n = ?", [n]).unwrap();
        for _ in 0..3 {
            assert_eq!(http.scalar("SELECT n FROM t", &json!([])).unwrap(), n);
        }
    }
}
