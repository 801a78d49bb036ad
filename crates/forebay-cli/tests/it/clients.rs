//! Clients that nobody here wrote, against the real binary on real data: libSQL's own client in
//! Node, and in Python the DB-API client, SQLAlchemy's dialect and libsql-client. Their scripts
//! are in `tests/clients`; `./test` installs what they need into `target/clients`. A test skips,
//! and says so, where that is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::process::{Service, stderr, stdout};

#[test]
fn node_queries() {
    node("queries.mjs");
}

#[test]
fn node_batches() {
    node("batches.mjs");
}

#[test]
fn node_transactions() {
    node("transactions.mjs");
}

#[test]
fn node_errors() {
    node("errors.mjs");
}

#[test]
fn node_reads_nothing_stale_while_sqlite3_writes() {
    if has_sqlite3() {
        node("loop.mjs");
    }
}

#[test]
fn python_dbapi() {
    python("dbapi.py");
}

#[test]
fn python_sqlalchemy() {
    python("dialect.py");
}

#[test]
fn python_libsql_client() {
    python("single.py");
}

#[test]
fn prometheus_reads_the_metrics() {
    python("metrics.py");
}

#[test]
fn python_reads_nothing_stale_while_sqlite3_writes() {
    if has_sqlite3() {
        python("loop.py");
    }
}

/// The services run on the data of the music shop where it is there.
const CHINOOK: &str = "../shared/data/chinook.sqlite";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn node(script: &str) {
    if let Some(mut command) = node_script(script) {
        run(&mut command, script);
    }
}

/// Node with a script, where the packages that it needs are installed.
pub(crate) fn node_script(script: &str) -> Option<Command> {
    static COPIED: Once = Once::new();
    let installed = root().join("target/clients/node");
    if !installed.join("node_modules").is_dir() {
        skipped(script, "target/clients/node is missing; ./test installs it");
        return None;
    }
    // Modules are looked for beside the script that wants them.
    COPIED.call_once(|| {
        for entry in fs::read_dir(root().join("tests/clients/node")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "mjs") {
                fs::copy(&path, installed.join(path.file_name().unwrap())).unwrap();
            }
        }
    });
    let mut command = Command::new("node");
    command.arg(installed.join(script));
    Some(command)
}

fn python(script: &str) {
    if let Some(mut command) = python_script(script) {
        run(&mut command, script);
    }
}

/// Python with a script, where the packages that it needs are installed.
pub(crate) fn python_script(script: &str) -> Option<Command> {
    let interpreter = root().join("target/clients/python/bin/python");
    if !interpreter.exists() {
        skipped(script, "target/clients/python is missing; ./test installs it");
        return None;
    }
    let path = root().join("tests/clients/python").join(script);
    let mut command = Command::new(interpreter);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(path);
    Some(command)
}

/// Runs a script against a service of its own; it must end well and say what it has done.
fn run(command: &mut Command, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    make_database(&file, script);
    let service = Service::start(folder.path(), &[file.to_str().unwrap()]);
    let url = format!("http://{}", service.address);
    let output = command.arg(url).arg(&file).output().unwrap();
    let said = stdout(&output);
    assert!(
        output.status.success() && said.contains("passed: "),
        "{script}: {}\n{said}\n{}",
        output.status,
        stderr(&output)
    );
    show(&format!("{script} {}", said.trim_end()));
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    // What is slow or repeated here is told too, and is no fault.
    let is_advice = |line: &&str| {
        [" WARN forebay::slow: ", " WARN forebay::repeat: "].iter().any(|it| line.contains(it))
    };
    for line in said.lines().filter(|line| !is_advice(line)) {
        let is_fault = ["WARN", "ERROR", "panicked"].iter().any(|level| line.contains(level));
        assert!(!is_fault, "{script}: {said}");
    }
}

/// A copy of the music shop, or a smaller one with the tables that the scripts ask for.
fn make_database(file: &Path, script: &str) {
    let chinook = root().join(CHINOOK);
    if chinook.exists() {
        // Not a copy of the file with its permissions, which may forbid to write.
        fs::write(file, fs::read(chinook).unwrap()).unwrap();
        return;
    }
    show(&format!("{script}: {CHINOOK} is missing; a generated database takes its place"));
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute_batch(SHOP).unwrap();
}

const SHOP: &str = "
    CREATE TABLE Artist (ArtistId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(120));
    CREATE TABLE Album (
        AlbumId INTEGER NOT NULL PRIMARY KEY, Title NVARCHAR(160) NOT NULL,
        ArtistId INTEGER NOT NULL REFERENCES Artist(ArtistId));
    CREATE TABLE Track (
        TrackId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(200) NOT NULL,
        AlbumId INTEGER REFERENCES Album(AlbumId), Composer NVARCHAR(220),
        Milliseconds INTEGER NOT NULL, Bytes INTEGER, UnitPrice NUMERIC(10,2) NOT NULL);
    CREATE TABLE Invoice (
        InvoiceId INTEGER NOT NULL PRIMARY KEY, CustomerId INTEGER NOT NULL,
        InvoiceDate DATETIME NOT NULL, Total NUMERIC(10,2) NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 275)
        INSERT INTO Artist SELECT i, 'Künstler ' || (i * 7919 % 1000) FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 347)
        INSERT INTO Album SELECT i, 'Album ' || char(97 + i % 26) || i, i * 31 % 275 + 1 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3503)
        INSERT INTO Track SELECT i, 'Track ' || (i * 104729 % 5000), i % 347 + 1,
            iif(i % 4, 'Composer ' || (i % 90), NULL), i * 15485863 % 900000, i * 1000,
            iif(i % 9, 0.99, 1.99) FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 412)
        INSERT INTO Invoice SELECT i, i % 59 + 1,
            datetime('2009-01-01', '+' || (i * 4) || ' days'), i % 20 + 0.99 FROM n;
";

fn has_sqlite3() -> bool {
    let found = Command::new("sqlite3").arg("--version").output().is_ok();
    if !found {
        skipped("loop", "the sqlite3 command is missing");
    }
    found
}

fn skipped(what: &str, why: &str) {
    show(&format!("skipped {what}: {why}"));
}

#[allow(clippy::print_stdout, reason = "a test that skips must say so")]
pub(crate) fn show(text: &str) {
    println!("{text}");
}
