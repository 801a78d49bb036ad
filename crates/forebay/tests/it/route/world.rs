//! Two logical tables over three members each, and the same rows in one database, which every
//! answer is compared with.

use std::path::Path;

use fastrand::Rng;
use forebay::{Builder, Db, Routed, RoutedBuilder, Value, open_routed};
use rusqlite::Connection;
use tempfile::TempDir;

/// Flights, split by a date as text that is never NULL, and events, split by a number that may be
/// anything. `carriers` is in the live database only.
const FLIGHTS: &str = "
    CREATE TABLE flights (
        id INTEGER PRIMARY KEY, day TEXT NOT NULL, carrier TEXT COLLATE NOCASE, origin TEXT,
        dist INTEGER, delay REAL, note, twice INT GENERATED ALWAYS AS (dist * 2));";
const EVENTS: &str = "
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, at INTEGER, kind TEXT, size NUMERIC, what BLOB,
        tag TEXT COLLATE RTRIM);";
const CARRIERS: &str = "
    CREATE TABLE carriers (code TEXT COLLATE NOCASE PRIMARY KEY, name TEXT);
    INSERT INTO carriers VALUES ('aa', 'Alpha'), ('BB', 'Beta'), ('cc', 'Gamma');
    CREATE VIEW late AS SELECT id, day, carrier, delay FROM flights WHERE delay > 10;";

pub(super) struct World {
    _dir: TempDir,
    pub(super) flights: Routed,
    pub(super) events: Routed,
    /// Everything in one database.
    pub(super) merged: Connection,
}

pub(super) async fn open(dir: &Path, name: &str, script: &str) -> Db {
    let db = Builder::new(format!("sqlite:{}", dir.join(name).display()));
    let db = db.min_idle(0).open().await.unwrap();
    db.execute_batch(script).await.unwrap();
    db
}

impl World {
    pub(super) async fn new(rng: &mut Rng, rows: usize) -> World {
        let dir = tempfile::tempdir().unwrap();
        let merged = Connection::open_in_memory().unwrap();
        let both = format!("{FLIGHTS}{EVENTS}");
        merged.execute_batch(&format!("{both}{CARRIERS}")).unwrap();
        let live = open(dir.path(), "live.db", &format!("{both}{CARRIERS}")).await;
        let new = open(dir.path(), "new.db", &both).await;
        let old = open(dir.path(), "old.db", &both).await;
        let (mut flights, mut events) = (Vec::new(), Vec::new());
        for id in 1..=rows as i64 {
            flights.push(flight(rng, id));
            events.push(event(rng, id));
        }
        let member = |at: usize| [&old, &new, &live][at];
        for (at, db) in [&old, &new, &live].into_iter().enumerate() {
            let of_flights: Vec<&Vec<Value>> =
                flights.iter().filter(|row| of_day(&row[1]) == at).collect();
            fill(db, "flights (id, day, carrier, origin, dist, delay, note)", &of_flights).await;
            let of_events: Vec<&Vec<Value>> =
                events.iter().filter(|row| of_number(&row[1]) == at).collect();
            fill(db, "events", &of_events).await;
        }
        // Rows outside the range of their member are not part of the table.
        member(0).execute("INSERT INTO flights (id, day) VALUES (-1, '2024-05-05')").await.unwrap();
        member(2).execute("INSERT INTO flights (id, day) VALUES (-2, '2021-01-01')").await.unwrap();
        member(1).execute("INSERT INTO events (id, at) VALUES (-1, NULL), (-2, 99)").await.unwrap();
        // Neither are those in no range.
        let begins = rng.bool();
        if begins {
            let is_late = |row: &Vec<Value>| text(&row[1]) >= "2022-05-01";
            flights.retain(is_late);
            events.retain(|row| match &row[1] {
                Value::Integer(n) => *n >= 3,
                Value::Real(x) => *x >= 3.0,
                _ => true,
            });
        }
        for (table, rows) in [
            ("flights (id, day, carrier, origin, dist, delay, note)", &flights),
            ("events", &events),
        ] {
            let places = vec!["?"; rows.first().map_or(1, Vec::len)].join(", ");
            if rows.is_empty() {
                continue;
            }
            let mut insert =
                merged.prepare(&format!("INSERT INTO {table} VALUES ({places})")).unwrap();
            for row in rows {
                insert.execute(rusqlite::params_from_iter(row)).unwrap();
            }
        }
        let (flights, events) = builders(&live, &new, &old, begins);
        World {
            _dir: dir,
            flights: flights.open().await.unwrap(),
            events: events.open().await.unwrap(),
            merged,
        }
    }
}

/// With an oldest range that begins somewhere, or not.
fn builders(live: &Db, new: &Db, old: &Db, begins: bool) -> (RoutedBuilder, RoutedBuilder) {
    let flights = open_routed("flights", "day").live(live, "2024-01-01").archive(
        "new",
        new,
        "2023-01-01".."2024-01-01",
    );
    let events = open_routed("events", "at").live(live, 20).archive("new", new, 10..20);
    match begins {
        true => (
            flights.archive("old", old, "2022-05-01".."2023-01-01"),
            events.archive("old", old, 3..10),
        ),
        false => (flights.archive("old", old, .."2023-01-01"), events.archive("old", old, ..10)),
    }
}

fn text(value: &Value) -> &str {
    let Value::Text(day) = value else { unreachable!("days are texts") };
    day.as_str()
}

/// The place of the member that owns a day.
fn of_day(value: &Value) -> usize {
    usize::from(text(value) >= "2023-01-01") + usize::from(text(value) >= "2024-01-01")
}

fn of_number(value: &Value) -> usize {
    match value {
        Value::Integer(n) => usize::from(*n >= 10) + usize::from(*n >= 20),
        Value::Real(x) => usize::from(*x >= 10.0) + usize::from(*x >= 20.0),
        // Texts and bytes lie beyond every number, and NULL is the live one's.
        _ => 2,
    }
}

async fn fill(db: &Db, table: &str, rows: &[&Vec<Value>]) {
    let (table, rows) =
        (table.to_owned(), rows.iter().map(|row| (*row).clone()).collect::<Vec<_>>());
    db.transaction(|tx| async move {
        for row in rows {
            let places = vec!["?"; row.len()].join(", ");
            let sql = format!("INSERT INTO {table} VALUES ({places})");
            let mut insert = tx.execute(&sql);
            for value in row {
                insert = insert.bind(value);
            }
            insert.await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

fn flight(rng: &mut Rng, id: i64) -> Vec<Value> {
    let day = format!("202{}-{:02}-{:02}", rng.u8(2..5), rng.u8(1..13), rng.u8(1..4));
    vec![
        Value::from(id),
        Value::from(day),
        pick(rng, &["AA", "aa", "BB", "bb", "cc", "dd", ""]),
        pick(rng, &["JFK", "LGA", "EWR"]),
        if rng.u8(0..8) == 0 { Value::Null } else { Value::from(rng.i64(-3..2_000)) },
        if rng.u8(0..8) == 0 {
            Value::Null
        } else {
            Value::from(f64::from(rng.i32(-80..80)) / 4.0)
        },
        odd(rng),
    ]
}

fn event(rng: &mut Rng, id: i64) -> Vec<Value> {
    let at = match rng.u8(0..20) {
        0 => Value::Null,
        1 => Value::from("z"),
        2 => Value::from(rng.i64(0..300) as f64 / 10.0),
        _ => Value::from(rng.i64(0..30)),
    };
    vec![
        Value::from(id),
        at,
        pick(rng, &["get", "put", "del", "GET"]),
        odd(rng),
        odd(rng),
        pick(rng, &["a", "a ", "b", "b  ", ""]),
    ]
}

fn pick(rng: &mut Rng, of: &[&str]) -> Value {
    Value::from(of[rng.usize(0..of.len())])
}

/// A value of any kind, of few, so that many are equal.
fn odd(rng: &mut Rng) -> Value {
    match rng.u8(0..14) {
        0 | 1 => Value::Null,
        2 => Value::from(-0.0),
        3 => Value::from(0.0),
        4 => Value::from(1),
        5 => Value::from(1.0),
        6 => Value::from("1"),
        7 => Value::from("x"),
        8 => Value::from(&b"x"[..]),
        9 => Value::from(1_i64 << 54),
        10 => Value::from(f64::from(rng.i32(-9..9)) / 2.0),
        _ => Value::from(rng.i64(-3..4)),
    }
}
