//! README.md shows an application; this is whether it is the one that is compiled here, and whether
//! it does what is said of it.

use std::process::Command;

use rusqlite::Connection;
use serde_json::json;

use crate::program::{Program, until};

const LINES_MAX: usize = 30;

const README: &str = include_str!("../../../README.md");

/// What of it is shown, without the comment before.
fn shown() -> &'static str {
    include_str!("../../walk/main.rs").split_once("README.md shows what follows.\n").unwrap().1
}

#[test]
fn readme_shows_the_walk() {
    let lines = shown().lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= LINES_MAX, "{lines} lines, at most {LINES_MAX}");
    assert!(README.contains(&format!("```rust\n{}```\n", shown())), "README.md shows another one");
}

/// It has a fixed port, as it is read, so it is asked on that one if nobody else has it.
#[test]
fn the_walk_does_what_readme_says() {
    if std::net::TcpListener::bind("127.0.0.1:3000").is_err() {
        println!("skipped: port 3000 is taken");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_walk"));
    let child = command.current_dir(folder.path()).spawn().unwrap();
    let walk = Program::at(child, "127.0.0.1:3000");
    until("it listens", || std::net::TcpStream::connect("127.0.0.1:3000").is_ok());

    assert_eq!(walk.get("/users").json(), json!([]));
    assert_eq!(walk.post("/users", json!("Ada")).status, 200);
    assert_eq!(walk.get("/users").json(), json!([[1, "Ada"]]));
    let bare = Connection::open(folder.path().join("app.db")).unwrap();
    bare.execute("UPDATE users SET name = 'Grace'", []).unwrap();
    let answer = walk.get("/users");
    assert_eq!(answer.json(), json!([[1, "Grace"]]));
    assert!(answer.header("server-timing").is_some());
    assert!(walk.get("/users").json() == answer.json());

    assert_eq!(walk.get("/health").json()["status"], "healthy");
    let metrics = walk.get("/metrics").body;
    assert!(metrics.contains("\nforebay_cache_hits_total{db=\"app\"} 1\n"), "{metrics}");
    until("the limit refuses", || walk.get("/users").status == 429);
    assert!(walk.get("/users").header("retry-after").is_some());
}
