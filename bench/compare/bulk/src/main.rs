//! Bulk writes beside what is written by hand: at SQLite rusqlite with one prepared statement in
//! one transaction, Diesel, and a commit for each row; at PostgreSQL a bare binary COPY, sqlx,
//! Diesel and SeaORM with many rows in one INSERT, and a commit for each row. Rounds are
//! interleaved, and the median of each counts. What was written is checked after each round.

mod diesel;
mod postgres;
mod row;
mod sea;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use outcome::{Options, Outcome, median};

pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Times by the name of what was measured.
#[derive(Default)]
pub struct Times(BTreeMap<&'static str, Vec<f64>>);

impl Times {
    /// So many rows were written in this time.
    pub fn add(&mut self, what: &'static str, rows: usize, spent: Duration) {
        self.0.entry(what).or_default().push(rows as f64 / spent.as_secs_f64());
    }

    fn median(&self, what: &str) -> f64 {
        median(self.0[what].clone())
    }

    /// Nanoseconds for a row in each round.
    fn nanos(&self, what: &str) -> Vec<f64> {
        self.0[what].iter().map(|rate| 1e9 / rate).collect()
    }

    /// Forebay beside all others that write as many rows in one transaction.
    fn tell(&self, outcome: &mut Outcome, operation: &str, ours: &str) {
        let peers: Vec<(&str, Vec<f64>)> = self
            .0
            .keys()
            .filter(|name| !name.starts_with("forebay"))
            .map(|name| (*name, self.nanos(name)))
            .collect();
        let peers: Vec<_> = peers.iter().map(|(name, all)| (*name, all.as_slice())).collect();
        outcome.operation(operation, (ours, &self.nanos(ours)), &peers);
    }

    /// Prints the rows a second of each, and how often they are those of `beside`.
    fn print(&self, title: &str, beside: &[(&str, &str)]) {
        println!("{title}");
        for what in self.0.keys() {
            println!("  {what:34} {:>12.0} rows/s", self.median(what));
        }
        for (what, than) in beside {
            let times = self.median(what) / self.median(than);
            println!("  {what} / {than}: {times:.2}");
        }
    }
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(7)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut sqlite = Times::default();
    runtime.block_on(sqlite::run(options.rounds, &mut sqlite))?;
    let mut postgres = Times::default();
    let version = runtime.block_on(postgres::run(options.rounds, &mut postgres))?;
    if options.json {
        let mut outcome = Outcome::default();
        outcome.version("PostgreSQL", &version);
        let lock = include_str!("../Cargo.lock");
        let peers = ["forebay", "rusqlite", "tokio-postgres", "sqlx", "diesel", "sea-orm"];
        outcome.locked(lock, &peers);
        sqlite.tell(&mut outcome, "insert of 100,000 rows", "forebay insert");
        postgres.tell(&mut outcome, "PostgreSQL: insert of 100,000 rows", "forebay insert");
        outcome.print();
        return Ok(());
    }
    sqlite.print(
        "SQLite",
        &[
            ("forebay insert", "rusqlite prepared, one transaction"),
            ("forebay insert", "diesel, many rows in one INSERT"),
            ("forebay insert", "forebay one by one"),
            ("forebay update", "forebay update one by one"),
        ],
    );
    println!("PostgreSQL {version}");
    postgres.print(
        "PostgreSQL",
        &[
            ("forebay insert", "binary COPY"),
            ("forebay insert", "sqlx, many rows in one INSERT"),
            ("forebay insert", "diesel, many rows in one INSERT"),
            ("forebay insert", "sea-orm, many rows in one INSERT"),
            ("forebay insert", "forebay one by one"),
            ("forebay upsert", "binary COPY"),
            ("forebay update", "forebay update one by one"),
        ],
    );
    Ok(())
}
