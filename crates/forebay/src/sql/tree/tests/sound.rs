//! The rule itself, against real servers: random tables, random queries, random changes of rows.
//! A change after which the dependency index takes an answer for valid is made, and the answer
//! has to be the same.

use std::collections::HashMap;
use std::sync::Arc;

use fastrand::Rng;

use super::super::{Analysis, Catalogue, Outcome, Reading, Row, Used};
use super::random::{Query, query};
use super::rows::{Change, Image, Rows, SCHEMA, TABLES, Ty};
use super::server::{Session, on_servers};
use crate::invalidate::{
    Author, Authors, Basis, Bindings, Changes, ColumnSet, Index, Op, RowChange, Scalar, Ticket,
};
use crate::value::Value;

/// Queries of the test suite, and changes tried with each.
const SHORT: usize = 200;
const CHANGES: usize = 40;

/// Queries between new contents of the tables.
const QUERIES_OF_ROWS: usize = 20;

/// Queries of a long run, unless `FOREBAY_TEST_QUERIES` says otherwise.
const LONG: usize = 20_000;

/// The partitioned table, and the column that says where a row is.
const PARTITIONED: usize = 3;
const PARTITIONED_BY: usize = 1;

#[test]
fn what_does_not_matter_changes_nothing() {
    on_servers("sound", SCHEMA, |session| run(session, SHORT, 1));
}

#[test]
#[ignore = "runs for many minutes"]
fn what_does_not_matter_changes_nothing_at_length() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let count = number("FOREBAY_TEST_QUERIES").map_or(LONG, |count| count as usize);
    let seed = number("FOREBAY_TEST_SEED").unwrap_or(2);
    on_servers("sound", SCHEMA, |session| run(session, count, seed));
}

#[derive(Debug, Default)]
struct Tally {
    queries: usize,
    /// The generator makes some that the server does not take.
    invalid: usize,
    refused: usize,
    /// Changes that do not matter, which have been made.
    kept: usize,
    /// Of these, those of a table that the query reads.
    kept_of_table: usize,
    /// Changes that matter, by what is said here; and of these those with which the answer is the
    /// same all the same.
    dropped: usize,
    needless: usize,
}

fn run(session: &mut Session, queries: usize, seed: u64) {
    let mut trial = Trial {
        catalogue: Catalogue::default(),
        oids: oids(session),
        index: Arc::new(Index::new()),
        rows: Rows::random(&mut Rng::with_seed(seed)),
        tally: Tally::default(),
        rng: Rng::with_seed(seed),
        session,
    };
    for number in 0..queries {
        if number % QUERIES_OF_ROWS == 0 {
            trial.rows = Rows::random(&mut trial.rng);
            let sql = trial.rows.sql();
            trial.session.run(&format!("BEGIN;\n{sql};\nCOMMIT"));
        }
        let query = query(&mut trial.rng);
        trial.attempt(&query);
    }
    let tally = trial.tally;
    println!("version {}, seed {seed}: {tally:?}", session.version);
    assert!(tally.queries > queries / 2, "{tally:?}");
    assert_eq!(tally.refused, 0, "{tally:?}");
    assert!(tally.kept_of_table > queries, "{tally:?}");
    assert!(tally.dropped > tally.needless, "{tally:?}");
}

/// The tables by their oids in decimal.
fn oids(session: &mut Session) -> HashMap<String, usize> {
    let oid = |(at, table): (usize, &super::rows::TableOf)| {
        let rows = session.rows(&format!("SELECT '{}'::regclass::oid", table.name));
        (rows[0][0].clone().unwrap(), at)
    };
    TABLES.iter().enumerate().map(oid).collect()
}

struct Trial<'s> {
    session: &'s mut Session,
    catalogue: Catalogue,
    oids: HashMap<String, usize>,
    index: Arc<Index>,
    rows: Rows,
    tally: Tally,
    rng: Rng,
}

/// A query that has been answered.
struct Answered {
    basis: Basis,
    meanings: Vec<Value>,
    answer: Vec<Row>,
}

impl Trial<'_> {
    fn attempt(&mut self, query: &Query) {
        let types: Vec<&str> = query.parameters.iter().map(|(ty, _)| ty.sql()).collect();
        let types = types.join(", ");
        let analysis = match self.session.analyse(&mut self.catalogue, &query.sql, &types) {
            Err(_) => return self.tally.invalid += 1,
            Ok(Outcome::Cacheable(analysis)) => analysis,
            Ok(_) => return self.tally.refused += 1,
        };
        let execute = prepare(self.session, query, &types);
        let Ok(answer) = self.session.try_rows(&execute) else { return self.tally.invalid += 1 };
        self.tally.queries += 1;
        let values: Vec<&Value> = query.parameters.iter().map(|(_, value)| value).collect();
        let meanings = analysis.parameters.meanings(&values).unwrap();
        let basis = basis(&analysis);
        let answered = Answered { basis, meanings, answer };
        self.index.flush();
        self.rouse(&answered);
        let read = analysis.readings.iter().map(|it| self.oids[&*it.occurrence.table]);
        let read: Vec<usize> = read.collect();
        for _ in 0..CHANGES {
            // Seldom one of a table that the query does not read, of which little can go wrong.
            let table = match read.as_slice() {
                [] => self.rng.usize(..TABLES.len()),
                _ if self.rng.u8(..20) == 0 => self.rng.usize(..TABLES.len()),
                read => read[self.rng.usize(..read.len())],
            };
            if let Some(change) = self.rows.change(table, &mut self.rng) {
                self.check(query, &analysis, &answered, &change, &execute);
            }
        }
    }

    fn check(
        &mut self,
        query: &Query,
        analysis: &Analysis,
        answered: &Answered,
        change: &Change,
        execute: &str,
    ) {
        let ticket = self.ticket(answered);
        self.apply(change);
        let is_valid = self.index.is_valid(&ticket);
        if !is_valid && self.rng.u8(..8) > 0 {
            return;
        }
        // One that takes too long says nothing.
        let Ok(after) = self.session.try_within(&change.sql, execute) else { return };
        let is_same = sorted(&after) == sorted(&answered.answer);
        if !is_valid {
            self.tally.dropped += 1;
            self.tally.needless += usize::from(is_same);
            return;
        }
        self.tally.kept += 1;
        let is_read = |reading: &Reading| self.oids[&*reading.occurrence.table] == change.table;
        self.tally.kept_of_table += usize::from(analysis.readings.iter().any(is_read));
        assert!(
            is_same,
            "version {}\n{}\nwith {:?}\n{}\n{change:?}\nbefore {:?}\nafter {after:?}\n{:?}",
            self.session.version,
            query.sql,
            query.parameters,
            self.rows.sql(),
            answered.answer,
            analysis.readings,
        );
    }

    /// Changes that nothing comes of, so that partners are worth being asked.
    fn rouse(&self, answered: &Answered) {
        drop(self.ticket(answered));
        for table in 0..TABLES.len() {
            let new = self.rows.0[table].first().cloned();
            self.apply(&Change { table, old: None, new, sql: String::new() });
        }
    }

    fn ticket(&self, answered: &Answered) -> Ticket {
        let values: Vec<&Value> = answered.meanings.iter().collect();
        let mut draft = self.index.draft(&answered.basis, Bindings(&values));
        draft.settle(&self.index, |awaited| {
            let partner = answered.basis.partner(awaited.need).unwrap();
            let table = self.oids[&*partner.table];
            let position = |name: &str| {
                let columns = TABLES[table].columns.iter();
                let is_named = |it: &Option<(&str, Ty, bool)>| it.is_some_and(|it| it.0 == name);
                columns.clone().position(is_named).unwrap()
            };
            let meets = |row: &&Image| {
                let filters = partner.filters.iter().zip(&awaited.operands);
                filters.clone().all(|((name, conjunct), values)| {
                    let at = position(name);
                    assert_eq!(at, usize::from(conjunct.column));
                    row[at] != Value::Null && values.contains(&row[at])
                })
            };
            let value = position(&partner.value);
            let rows = self.rows.0[table].iter().filter(meets);
            Some(rows.map(|row| row[value].clone()).collect())
        });
        let last: Option<Vec<Value>> = answered.answer.last().map(|row| {
            let value = |field: &Option<String>| match field {
                None => Value::Null,
                Some(text) => match text.parse() {
                    Ok(n) => Value::Integer(n),
                    Err(_) => Value::from(text.as_str()),
                },
            };
            row.iter().map(value).collect()
        });
        draft.close(&self.index, answered.answer.len(), |at| last.as_ref().map(|row| &row[at]))
    }

    fn apply(&self, change: &Change) {
        let mut changes = Changes::new(self.index.clone());
        let oid = self.oids.iter().find(|(_, table)| **table == change.table);
        let oid = oid.map(|(oid, _)| oid.as_str()).unwrap();
        match (&change.old, &change.new) {
            // A row that moves to another partition is deleted and inserted.
            (Some(old), Some(new))
                if change.table == PARTITIONED && old[PARTITIONED_BY] != new[PARTITIONED_BY] =>
            {
                changes.record(oid, &Told { old: Some(old), new: None });
                changes.record(oid, &Told { old: None, new: Some(new) });
            }
            (old, new) => changes.record(oid, &Told { old: old.as_ref(), new: new.as_ref() }),
        }
        self.index.apply_changes(&changes, &Authors::all(Author::UNKNOWN));
    }
}

/// Prepares a query; answers the statement that runs it.
fn prepare(session: &mut Session, query: &Query, types: &str) -> String {
    let list = |inner: &str| {
        if inner.is_empty() { String::new() } else { format!("({inner})") }
    };
    let literals = query.parameters.iter().map(|(ty, value)| ty.literal(value));
    let literals = literals.collect::<Vec<_>>().join(", ");
    session.run(&format!("DEALLOCATE ALL;\nPREPARE q{} AS {}", list(types), query.sql));
    format!("EXECUTE q{}", list(&literals))
}

fn basis(analysis: &Analysis) -> Basis {
    Basis::new(analysis.readings.iter().map(|reading| {
        let columns = match &reading.used {
            Used::All => ColumnSet::ALL,
            Used::These(columns) => columns.iter().copied().collect(),
        };
        (reading.occurrence.clone(), columns)
    }))
}

fn sorted(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort();
    rows
}

/// A change as the stream tells it. What it does not tell, such as a generated column, lies beyond
/// the width, so that nothing is taken for changed because it is not known.
struct Told<'a> {
    old: Option<&'a Image>,
    new: Option<&'a Image>,
}

impl RowChange for Told<'_> {
    fn op(&self) -> Op {
        match (self.old, self.new) {
            (None, _) => Op::Insert,
            (_, None) => Op::Delete,
            _ => Op::Update,
        }
    }

    fn width(&self) -> u16 {
        self.old.or(self.new).map_or(0, |image| image.len() as u16)
    }

    fn before(&self, column: u16) -> Scalar<'_> {
        scalar(self.old, column)
    }

    fn after(&self, column: u16) -> Scalar<'_> {
        scalar(self.new, column)
    }

    fn is_moved(&self) -> bool {
        false
    }
}

fn scalar(image: Option<&Image>, column: u16) -> Scalar<'_> {
    image.and_then(|image| image.get(usize::from(column))).map_or(Scalar::Unknown, Scalar::from)
}
