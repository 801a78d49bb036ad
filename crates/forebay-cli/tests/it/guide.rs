//! The examples of README.md and the guide that ask a running service, and those that others than
//! this program read. Where the program that runs one is missing, that is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::clients::{node_script, python_script, show};
use crate::process::{Service, stderr, stdout};

/// Where the service listens in the guide.
const SHOWN: &str = "127.0.0.1:8432";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The examples of one language in README.md and the guide, with their pages.
fn examples(language: &str) -> Vec<(String, String)> {
    let guide = fs::read_dir(root().join("docs/guide")).unwrap();
    let pages = guide.map(|entry| entry.unwrap().path()).chain([root().join("README.md")]);
    let begin = format!("```{language}\n");
    let mut found = Vec::new();
    for path in pages.filter(|path| path.extension().is_some_and(|kind| kind == "md")) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let examples = text.split(&begin).skip(1).filter_map(|rest| rest.split("```").next());
        found.extend(examples.map(|example| (name.clone(), example.to_owned())));
    }
    found
}

/// A service of a database with the users that examples ask for.
fn service(folder: &Path) -> Service {
    let users = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
                 INSERT INTO users VALUES (1, 'Grace'), (7, 'Ada')";
    let file = Connection::open(folder.join("app.db")).unwrap();
    file.execute_batch(users).unwrap();
    Service::start(folder, &["app.db"])
}

#[test]
fn requests_of_the_guide_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    // One of them listens for ever.
    let curl =
        "curl() { command curl --silent --fail-with-body --max-time 3 \"$@\" || [ $? = 28 ]; }";
    let mut tried = 0;
    for (page, example) in examples("sh") {
        for line in example.replace("\\\n", " ").lines().filter(|it| it.starts_with("curl ")) {
            let line = line.replace(SHOWN, &service.address.to_string());
            let script = format!("{curl}\n{line}");
            let Ok(output) = Command::new("sh").args(["-c", &script]).output() else {
                show("skipped: sh is missing");
                return;
            };
            if output.status.code() == Some(127) {
                show("skipped: curl is missing");
                return;
            }
            let answer = stdout(&output);
            assert!(output.status.success(), "{page}: {line}\n{answer}\n{}", stderr(&output));
            assert!(answer.contains('{'), "{page}: {line}\n{answer}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn clients_of_the_guide_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let here = |example: &str| example.replace(SHOWN, &service.address.to_string());
    let ran = |mut command: Command, page: &str| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{page}: {}\n{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    for (number, (page, example)) in examples("js").into_iter().enumerate() {
        // Packages are looked for beside the script.
        let script = format!("guide-{number}.mjs");
        let installed = root().join("target/clients/node");
        if installed.is_dir() {
            fs::write(installed.join(&script), here(&example)).unwrap();
        }
        if let Some(command) = node_script(&script) {
            ran(command, &page);
        }
    }
    for (page, example) in examples("python") {
        let Some(python) = python_script("guide.py") else { continue };
        let ask = "print(engine.connect().exec_driver_sql('SELECT name FROM users').all())";
        let script = folder.path().join("guide.py");
        fs::write(&script, format!("{}{ask}\n", here(&example))).unwrap();
        let mut command = Command::new(python.get_program());
        command.arg(script);
        assert!(ran(command, &page).contains("Ada"), "{page}");
    }
}

#[test]
fn json_and_sql_of_the_guide_are_read() {
    let json = examples("json");
    assert!(json.len() >= 3);
    for (page, example) in json {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&example);
        assert!(read.is_ok(), "{page}: {read:?}");
    }
    let tables = "CREATE TABLE Track (TrackId, Name, Composer, UnitPrice, AlbumId);
                  CREATE TABLE posts (id, author, title)";
    let file = Connection::open_in_memory().unwrap();
    file.execute_batch(tables).unwrap();
    // Those of the other pages are PostgreSQL's: see `postgres`.
    let is_here = |page: &str| ["advise.md", "loading.md"].contains(&page);
    let sql: Vec<_> = examples("sql").into_iter().filter(|(page, _)| is_here(page)).collect();
    assert!(sql.len() >= 2);
    for (page, example) in sql {
        let example = example.replace("(:keys)", "(1, 2)");
        let read = file.prepare(example.split(";\n").next().unwrap());
        assert!(read.is_ok(), "{page}: {read:?}");
    }
}
