//! The figures, as tables for people and as the outcome that all comparisons have in common.

use outcome::{Outcome, locked, median};

use crate::forebay::{CACHED, UNCACHED};

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

    pub(crate) fn print(&self) {
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

    /// Forebay from its cache and past it, each beside everybody else.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (name, version) in &self.versions {
            outcome.version(name, version);
        }
        for table in &self.tables {
            let is_ours = |name: &str| name == CACHED || name == UNCACHED;
            let side = |row: &Figures| (row.name, row.nanos.clone());
            let (ours, peers): (Vec<_>, Vec<_>) =
                table.rows.iter().map(side).partition(|(name, _)| is_ours(name));
            let peers: Vec<_> = peers.iter().map(|(name, all)| (*name, all.as_slice())).collect();
            for (name, rounds) in &ours {
                let whence = if *name == CACHED { "again" } else { "past the cache" };
                let operation = format!("point read {whence}, {} task(s)", table.tasks);
                outcome.operation(&operation, (name, rounds), &peers);
            }
        }
        outcome
    }
}
