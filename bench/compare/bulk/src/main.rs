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
        let mut rates = self.0[what].clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
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
    let rounds = std::env::args().nth(1).map_or(Ok(7), |rounds| rounds.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut times = Times::default();
    runtime.block_on(sqlite::run(rounds, &mut times))?;
    times.print(
        "SQLite",
        &[
            ("forebay insert", "rusqlite prepared, one transaction"),
            ("forebay insert", "diesel, many rows in one INSERT"),
            ("forebay insert", "forebay one by one"),
            ("forebay update", "forebay update one by one"),
        ],
    );
    let mut times = Times::default();
    runtime.block_on(postgres::run(rounds, &mut times))?;
    times.print(
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
