//! The figures, as a table or as JSON.

use serde_json::{Value, json};

use crate::contender::Fault;

/// The contender that the others are put in relation to.
const REFERENCE: &str = "rusqlite";

/// What one contender took in each round, in ns per read.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) nanos: Vec<f64>,
}

/// One table: so many tasks at once.
pub(crate) struct Table {
    pub(crate) tasks: usize,
    pub(crate) rows: Vec<Figures>,
}

pub(crate) struct Report<'a> {
    versions: Vec<(&'a str, &'a str)>,
    tables: Vec<Table>,
}

/// What stands in one line.
struct Line {
    name: &'static str,
    median: f64,
    min: f64,
    max: f64,
    ratio: f64,
}

impl Figures {
    pub(crate) fn new(name: &'static str) -> Figures {
        Figures { name, nanos: Vec::new() }
    }
}

impl Table {
    fn lines(&self) -> Vec<Line> {
        let reference = self.rows.iter().find(|row| row.name == REFERENCE);
        let line = |row: &Figures| {
            let ratios = reference
                .map(|reference| row.nanos.iter().zip(&reference.nanos).map(|(a, b)| a / b))
                .into_iter()
                .flatten()
                .collect();
            Line {
                name: row.name,
                median: median(row.nanos.clone()),
                min: row.nanos.iter().copied().fold(f64::INFINITY, f64::min),
                max: row.nanos.iter().copied().fold(0.0, f64::max),
                ratio: median(ratios),
            }
        };
        self.rows.iter().map(line).collect()
    }
}

impl<'a> Report<'a> {
    pub(crate) fn new(lock: &'a str, peers: &[&'a str], tables: Vec<Table>) -> Report<'a> {
        let always = ["forebay", "rusqlite", "libsqlite3-sys", "tokio"];
        let mut versions: Vec<_> = always
            .iter()
            .chain(peers)
            .filter_map(|name| Some((*name, locked(lock, name)?)))
            .collect();
        versions.push(("SQLite", ::rusqlite::version()));
        Report { versions, tables }
    }

    pub(crate) fn print(&self, json: bool) -> Result<(), Fault> {
        if json {
            println!("{}", serde_json::to_string_pretty(&self.to_json())?);
        } else {
            self.print_tables();
        }
        Ok(())
    }

    fn print_tables(&self) {
        for (name, version) in &self.versions {
            println!("{name} {version}");
        }
        for table in &self.tables {
            let rounds = table.rows.first().map_or(0, |row| row.nanos.len());
            println!("\n{} task(s) at once, ns per read, {rounds} rounds", table.tasks);
            println!("{:32} {:>10} {:>10} {:>10} {:>12}", "", "median", "min", "max", "x rusqlite");
            for line in table.lines() {
                println!(
                    "{:32} {:>10.0} {:>10.0} {:>10.0} {:>12.2}",
                    line.name, line.median, line.min, line.max, line.ratio
                );
            }
        }
    }

    fn to_json(&self) -> Value {
        let versions: serde_json::Map<String, Value> = self
            .versions
            .iter()
            .map(|(name, version)| (name.to_string(), json!(version)))
            .collect();
        let tables: Vec<Value> = self
            .tables
            .iter()
            .map(|table| {
                let lines: Vec<Value> = table
                    .lines()
                    .iter()
                    .zip(&table.rows)
                    .map(|(line, row)| {
                        json!({
                            "name": line.name,
                            "median_ns": line.median,
                            "min_ns": line.min,
                            "max_ns": line.max,
                            "ratio_to_rusqlite": line.ratio,
                            "rounds_ns": row.nanos,
                        })
                    })
                    .collect();
                json!({ "tasks": table.tasks, "contenders": lines })
            })
            .collect();
        json!({ "versions": versions, "tables": tables })
    }
}

/// The version of a package in a Cargo.lock.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split_once('"').map(|(version, _)| version)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}
