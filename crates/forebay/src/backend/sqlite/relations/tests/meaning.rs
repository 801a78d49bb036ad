//! A changed row that meets the conjuncts of no occurrence, before or after, does not change the
//! answer: random databases, random queries, random changes, judged by SQLite.

use fastrand::Rng;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::super::Relations;
use super::query::{Queries, SCHEMA, TABLES, VALUES};
use crate::sql::{
    Bound, Collation, Occurrence, Operand, Relation, Schema, Test, Understood, occurrences,
};
use crate::value::Value;

/// How many queries the test suite tries, and how many a long run.
const SHORT: usize = 600;
const LONG: usize = 300_000;

/// Changes that are tried on each query.
const CHANGES: usize = 12;

#[test]
fn what_meets_no_conjunct_does_not_matter() {
    let run = compare(SHORT, 1);
    // The test is worth something only if most queries are understood, and if there are changes
    // on both sides.
    assert!(run.understood * 10 > run.queries * 9, "{run:?}");
    assert!(run.irrelevant * 10 > run.changes, "{run:?}");
    assert!(run.changed * 10 > run.changes, "{run:?}");
    assert!(run.pages > SHORT / 100, "{run:?}");
}

#[test]
#[ignore = "runs for some minutes"]
fn what_meets_no_conjunct_does_not_matter_at_length() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    println!("{:?}", compare(LONG, seed));
}

#[derive(Debug, Default)]
struct Run {
    /// That SQLite takes.
    queries: usize,
    understood: usize,
    /// With a bound on their last row.
    pages: usize,
    changes: usize,
    /// That met no conjunct.
    irrelevant: usize,
    /// That changed the answer.
    changed: usize,
}

fn compare(count: usize, seed: u64) -> Run {
    let mut rng = Rng::with_seed(seed);
    let mut run = Run::default();
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    while run.queries < count {
        if run.queries.is_multiple_of(4) {
            refill(&connection, &mut rng);
        }
        let (sql, is_ordered) = Queries::new(&mut rng).query();
        let bound: Vec<Stored> = (0..32).map(|_| value(&mut rng)).collect();
        let Some(mut asked) = Asked::new(&connection, &sql, is_ordered, bound) else { continue };
        if asked.answer.is_empty() && rng.u8(..4) > 0 {
            // Few changes would show in it.
            continue;
        }
        run.queries += 1;
        if let Ok(understood) = &asked.understood {
            run.understood += 1;
            run.pages += usize::from(understood.occurrences.iter().any(|it| it.top.is_some()));
            asked.check(&mut rng, &mut run);
        }
    }
    run
}

fn value(rng: &mut Rng) -> Stored {
    match rng.u8(..16) {
        0 => Stored::Null,
        1 => Stored::Text("a".into()),
        2 => Stored::Text("A".into()),
        3 => Stored::Text("a ".into()),
        4 => Stored::Text("1".into()),
        5 => Stored::Real(1.0),
        6 => Stored::Blob(vec![0x61]),
        _ => Stored::Integer(rng.i64(..4)),
    }
}

fn refill(connection: &Connection, rng: &mut Rng) {
    for table in TABLES {
        connection.execute(&format!("DELETE FROM {}", table.0), []).unwrap();
        for _ in 0..rng.usize(2..9) {
            insert(connection, rng, table);
        }
    }
}

/// Inserts a row, unless it violates a constraint, and returns its key.
fn insert(
    connection: &Connection,
    rng: &mut Rng,
    (table, key, columns): (&str, &str, &[&str]),
) -> Option<Stored> {
    let values: Vec<&str> = columns.iter().map(|column| literal(rng, column)).collect();
    let (names, values) = (columns.join(", "), values.join(", "));
    let sql = format!("INSERT INTO {table}({names}) VALUES ({values}) RETURNING {key}");
    connection.query_row(&sql, [], |row| row.get(0)).ok()
}

fn literal(rng: &mut Rng, column: &str) -> &'static str {
    if column == "id" {
        return ["1", "2", "3", "4", "5", "6", "7", "8", "9"][rng.usize(..9)];
    }
    VALUES[rng.usize(..VALUES.len())]
}

/// One query with its parameters, and its answer as it is now.
struct Asked<'c> {
    connection: &'c Connection,
    sql: String,
    is_ordered: bool,
    bound: Vec<Stored>,
    relations: Relations,
    understood: Result<Understood, String>,
    answer: Vec<Vec<Stored>>,
}

impl<'c> Asked<'c> {
    fn new(
        connection: &'c Connection,
        sql: &str,
        is_ordered: bool,
        mut bound: Vec<Stored>,
    ) -> Option<Asked<'c>> {
        let statement = connection.prepare(sql).ok()?;
        bound.truncate(statement.parameter_count());
        assert_eq!(bound.len(), statement.parameter_count(), "{sql}");
        // `:n` is a number of rows.
        if let Some(rows) = statement.parameter_index(":n").unwrap() {
            bound[rows - 1] = Stored::Integer(2);
        }
        let relations = Relations::read(connection, sql).unwrap();
        let understood = occurrences(sql, &relations).map_err(|why| why.reason().to_owned());
        let answer = answer(connection, sql, &bound, is_ordered)?;
        let sql = sql.to_owned();
        Some(Asked { connection, sql, is_ordered, bound, relations, understood, answer })
    }

    /// Changes rows and compares answers.
    fn check(&mut self, rng: &mut Rng, run: &mut Run) {
        for _ in 0..CHANGES {
            let (table, key, columns) = self.some_table(rng);
            // Some changes are inserts, which have no old row.
            let old = if rng.u8(..7) > 1 { self.some_row(rng, table, key) } else { None };
            let mattered = old.as_ref().is_some_and(|old| self.matters(table, key, old));
            let Some((new, done)) = self.change(rng, (table, key, columns), old) else { continue };
            let matters = mattered || new.is_some_and(|new| self.matters(table, key, &new));
            let answer = answer(self.connection, &self.sql, &self.bound, self.is_ordered);
            let Some(answer) = answer else { return };
            run.changes += 1;
            run.irrelevant += usize::from(!matters);
            run.changed += usize::from(answer != self.answer);
            assert!(
                matters || answer == self.answer,
                "{}\nwith {:?}\nrests on {:#?}\nbut changed from {:?}\nto {answer:?}\nby {done}",
                self.sql,
                self.bound,
                self.understood,
                self.answer,
            );
            self.answer = answer;
        }
    }

    /// Mostly one that the query reads.
    fn some_table(&self, rng: &mut Rng) -> (&'static str, &'static str, &'static [&'static str]) {
        let understood = self.understood.as_ref().unwrap();
        match rng.choice(&understood.occurrences) {
            Some(read) if rng.u8(..8) > 0 => {
                TABLES.into_iter().find(|(table, ..)| *table == &*read.table).unwrap()
            }
            _ => TABLES[rng.usize(..TABLES.len())],
        }
    }

    fn some_row(&self, rng: &mut Rng, table: &str, key: &str) -> Option<Stored> {
        let sql = format!("SELECT {key} FROM {table}");
        let rows = answer(self.connection, &sql, &[], true).unwrap();
        let rows: Vec<Stored> = rows.into_iter().flatten().collect();
        rng.choice(rows)
    }

    /// Changes or deletes the row `old`, or inserts one. Returns the key of the row as it is then,
    /// and what was done.
    fn change(
        &self,
        rng: &mut Rng,
        (table, key, columns): (&str, &str, &[&str]),
        old: Option<Stored>,
    ) -> Option<(Option<Stored>, String)> {
        let Some(old) = old else {
            let new = insert(self.connection, rng, (table, key, columns))?;
            return Some((Some(new), format!("an insert into {table}")));
        };
        if rng.u8(..5) == 0 {
            let sql = format!("DELETE FROM {table} WHERE {key} IS ?");
            self.connection.execute(&sql, [&old]).unwrap();
            return Some((None, format!("{sql} {old:?}")));
        }
        let column = columns[rng.usize(1..columns.len())];
        let sql =
            format!("UPDATE {table} SET {column} = {} WHERE {key} IS ?", literal(rng, column));
        self.connection.execute(&sql, [&old]).ok()?;
        Some((Some(old.clone()), format!("{sql} {old:?}")))
    }

    /// Whether a row meets all conjuncts of an occurrence.
    fn matters(&self, table: &str, key: &str, row: &Stored) -> bool {
        let understood = self.understood.as_ref().unwrap();
        let all = understood.occurrences.iter().filter(|it| &*it.table == table);
        all.into_iter().any(|occurrence| self.meets(occurrence, key, row))
    }

    fn meets(&self, occurrence: &Occurrence, key: &str, row: &Stored) -> bool {
        let Some(Relation::Table(table)) = self.relations.relation(&occurrence.table) else {
            panic!("{occurrence:?}")
        };
        let mut sql = format!("SELECT 1 FROM {} WHERE {key} IS ?", table.name);
        let mut values = vec![row.clone()];
        for conjunct in &occurrence.conjuncts {
            let column = &table.columns[usize::from(conjunct.column)];
            assert_eq!(column.affinity, conjunct.affinity);
            let column = collated(&column.name, conjunct.collation);
            sql += &match &conjunct.test {
                Test::Null => format!(" AND {column} IS NULL"),
                Test::OneOf(operands) => {
                    let mut arms = vec!["0".to_owned()];
                    for operand in operands {
                        arms.push(format!("{column} = ?"));
                        values.push(self.operand(operand));
                    }
                    format!(" AND ({})", arms.join(" OR "))
                }
                Test::Range { low, high } => {
                    let mut text = format!(" AND {column} IS NOT NULL");
                    for (bound, sign) in [(low, ">"), (high, "<")] {
                        if let Some(Bound { operand, inclusive }) = bound {
                            let equal = if *inclusive { "=" } else { "" };
                            text += &format!(" AND {column} {sign}{equal} ?");
                            values.push(self.operand(operand));
                        }
                    }
                    text
                }
            };
        }
        if let Some(text) = self.within_page(occurrence, &mut values) {
            sql += &text;
        }
        let mut statement = self.connection.prepare_cached(&sql).unwrap();
        statement.exists(params_from_iter(values)).unwrap()
    }

    /// The bound that a full page puts on its leading column.
    fn within_page(&self, occurrence: &Occurrence, values: &mut Vec<Stored>) -> Option<String> {
        let top = occurrence.top.as_ref()?;
        let Some(Relation::Table(table)) = self.relations.relation(&occurrence.table) else {
            panic!("{occurrence:?}")
        };
        let limit = match self.operand(&top.limit) {
            Stored::Integer(limit) => usize::try_from(limit).ok()?,
            _ => return None,
        };
        let last = self.answer.last().filter(|_| self.answer.len() == limit)?;
        let name = &table.columns[usize::from(top.column)].name;
        let column = collated(name, top.collation);
        let last = last[top.output].clone();
        // NULL comes first, and last if the order is descending.
        Some(if top.descending {
            values.extend([last.clone(), last]);
            format!(" AND (? IS NULL OR {column} >= ?)")
        } else {
            values.push(last);
            format!(" AND ({column} IS NULL OR {column} <= ?)")
        })
    }

    fn operand(&self, operand: &Operand) -> Stored {
        match operand {
            Operand::Parameter(number) => self.bound[number - 1].clone(),
            Operand::Literal(Value::Null) => Stored::Null,
            Operand::Literal(Value::Integer(n)) => Stored::Integer(*n),
            Operand::Literal(Value::Real(x)) => Stored::Real(*x),
            Operand::Literal(Value::Text(text)) => Stored::Text(text.to_string()),
            Operand::Literal(Value::Blob(blob)) => Stored::Blob(blob.to_vec()),
        }
    }
}

fn collated(column: &str, collation: Collation) -> String {
    let collation = match collation {
        Collation::Binary => "BINARY",
        Collation::Nocase => "NOCASE",
        Collation::Rtrim => "RTRIM",
    };
    format!("\"{column}\" COLLATE {collation}")
}

/// The rows of a query, sorted unless it sorts them itself; `None` if it fails.
fn answer(
    connection: &Connection,
    sql: &str,
    bound: &[Stored],
    is_ordered: bool,
) -> Option<Vec<Vec<Stored>>> {
    let mut statement = connection.prepare_cached(sql).ok()?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(bound)).ok()?;
    let mut answer = Vec::new();
    while let Some(row) = rows.next().ok()? {
        answer.push((0..columns).map(|n| row.get(n).unwrap()).collect());
    }
    if !is_ordered {
        answer.sort_by_key(|row: &Vec<Stored>| format!("{row:?}"));
    }
    Some(answer)
}
