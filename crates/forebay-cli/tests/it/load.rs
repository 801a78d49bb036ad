//! `forebay load`: what becomes of files, rows that cannot be loaded, and what is left then.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::process::{ended, run, run_with_input, stdout};

fn database(folder: &Path) -> Connection {
    let bare = Connection::open(folder.join("app.db")).unwrap();
    bare.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, v, j TEXT);
         CREATE TABLE any (a, b);",
    )
    .unwrap();
    bare
}

/// The rows of a table as SQLite writes them out.
fn rows(bare: &Connection, table: &str) -> Vec<String> {
    let columns = match table {
        "t" => "quote(id), quote(name), quote(v), quote(j)",
        _ => "quote(a), quote(b)",
    };
    let sql = format!("SELECT concat_ws(' ', {columns}) FROM {table} ORDER BY rowid");
    let mut statement = bare.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn files_of_both_kinds_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let bare = database(folder.path());
    let check = |table: &str, args: &[&str], input: &str, expect: &[&str]| {
        bare.execute_batch(&format!("DELETE FROM {table}")).unwrap();
        let args = [&["load", "app.db", table, "-"], args].concat();
        let output = run_with_input(folder.path(), &args, input);
        ended(&output, 0, "");
        assert!(stdout(&output).contains(&format!("loaded {} rows", expect.len())));
        assert_eq!(rows(&bare, table), expect, "{args:?}");
    };
    check(
        "any",
        &[],
        "a,b\n1,x\n2.5,\"y, \"\"z\"\"\"\n,\n",
        &["1 'x'", "2.5 'y, \"z\"'", "NULL NULL"],
    );
    check("any", &[], "a,b\n007,1.50\n1,2\n", &["'007' '1.50'", "'1' '2'"]);
    check("any", &["--type", "a=text"], "a,b\n1,1\n", &["'1' 1"]);
    check("any", &["--type", "a=bytes"], "a,b\n00ff,true\n", &["X'00FF' 'true'"]);
    check("any", &["--null", "-"], "a,b\n-,\n", &["NULL ''"]);
    check("any", &["--delimiter", "\\t"], "b\ta\nx\t1\n", &["1 'x'"]);
    check("any", &["--no-header", "--columns", "b,a"], "1,2\n", &["2 1"]);
    check("any", &[], "a,b\r\n\"two\nlines\",1\r\n", &["'two\nlines' 1"]);
    check("any", &[], "a,b\n", &[]);
    let lines = "{\"id\": 1, \"name\": \"x\", \"v\": 1.5, \"j\": {\"k\": [1]}}\n\n\
                 {\"name\": \"y\", \"id\": 2, \"v\": null, \"j\": [true]}\n";
    let expect = ["1 'x' 1.5 '{\"k\":[1]}'", "2 'y' NULL '[true]'"];
    check("t", &["--format", "jsonl"], lines, &expect);
    let expect = ["1 'x' NULL NULL", "2 'y' NULL NULL"];
    check("t", &["--format", "jsonl", "--columns", "id,name"], lines, &expect);
    // Many batches, from a file, with progress and as JSON.
    let many: String = (0..5_000).map(|n| format!("{n},n{n}\n")).collect();
    std::fs::write(folder.path().join("many.csv"), format!("id,name\n{many}")).unwrap();
    bare.execute_batch("DELETE FROM t").unwrap();
    let args = ["load", "app.db", "t", "many.csv", "--batch", "700", "--progress", "--json"];
    let output = run(folder.path(), &args);
    ended(&output, 0, "700 rows");
    let said: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(said, json!({"table": "t", "rows": 5000, "rejected": 0, "dry_run": false}));
    assert_eq!(rows(&bare, "t").len(), 5_000);
}

#[test]
fn a_row_that_cannot_be_loaded_stops_the_load_or_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let bare = database(folder.path());
    let file = "id,name\n1,a\n2,b\nx,c\n4,\n1,e\n6,f,g\n7,h\n";
    let lines = [4, 5, 6, 7];
    let load = |args: &[&str], input: &str| {
        run_with_input(folder.path(), &[&["load", "app.db", "t"], args].concat(), input)
    };
    ended(&load(&[], file), 1, "line 7: the row has 3 fields");
    ended(&load(&[], &file.replace(",g", "")), 1, "line 4: ");
    ended(&load(&["--type", "id=integer"], &file.replace(",g", "")), 1, "column \"id\" is not");
    assert!(rows(&bare, "t").is_empty());
    let output = load(&["--rejects", "rejects.csv", "--dry-run"], file);
    ended(&output, 0, "");
    assert!(stdout(&output).contains("would load 3 rows"), "{}", stdout(&output));
    assert!(rows(&bare, "t").is_empty());
    let output = load(&["--rejects", "rejects.csv"], file);
    ended(&output, 0, "");
    assert!(stdout(&output).contains("loaded 3 rows into t; 4 rejected"), "{}", stdout(&output));
    assert_eq!(rows(&bare, "t"), ["1 'a' NULL NULL", "2 'b' NULL NULL", "7 'h' NULL NULL"]);
    let rejects = std::fs::read_to_string(folder.path().join("rejects.csv")).unwrap();
    let mut found: Vec<u64> = rejects
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap().0.parse().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, lines, "{rejects}");
    for reason in ["NOT NULL", "UNIQUE", "3 fields"] {
        assert!(rejects.contains(reason), "{rejects}");
    }
    let broken = "{\"id\": 10, \"name\": \"x\"}\n{\"id\": 11\n[1]\n{\"id\": 12, \"nam\": 1}\n";
    let output = load(&["--format", "jsonl", "--rejects", "rejects.csv"], broken);
    ended(&output, 0, "");
    assert!(stdout(&output).contains("loaded 1 rows into t; 3 rejected"), "{}", stdout(&output));
}

#[test]
fn wrong_arguments_are_named() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let check = |args: &[&str], code: i32, says: &str| {
        let output = run_with_input(folder.path(), &[&["load"], args].concat(), "a,b\n1,2\n");
        ended(&output, code, says);
    };
    check(&["app.db", "nothing"], 1, "there is no table");
    check(&["app.db", "t"], 1, "no column \"a\"");
    check(&["missing.db", "t"], 1, "missing.db");
    check(&["app.db", "t", "missing.csv"], 1, "missing.csv");
    check(&["app.db", "t", "--type", "a=int"], 2, "COLUMN=KIND");
    check(&["app.db", "t", "--delimiter", "ab"], 2, "--delimiter");
    check(&["app.db", "t", "--no-header"], 2, "--columns");
}
