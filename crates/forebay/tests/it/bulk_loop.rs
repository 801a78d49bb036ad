//! Every bulk operation beside the loop of single statements that it stands for, on two tables that
//! are alike: what they come to, their counts, ids and errors, for random rows. It is the same for
//! both databases.

use std::collections::HashSet;

use fastrand::Rng;
use forebay::{Conflict, Db, Error, Row, Transaction, Value};
use serde_json::{Map, json};

/// The two tables, for either database, where the type of bytes has its own name.
pub(crate) fn schema(bytes: &str) -> String {
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id INTEGER PRIMARY KEY, k TEXT UNIQUE, n INTEGER NOT NULL \
             DEFAULT 7 CHECK (n < 50), x {bytes}, f FLOAT);
             CREATE TABLE {name}_child (id INTEGER PRIMARY KEY, of INTEGER REFERENCES {name} \
             ON DELETE CASCADE);"
        )
    };
    table("one") + &table("two")
}

type Fields = Map<String, serde_json::Value>;

/// A loop of statements: for each row a text and its parameters.
struct Loop {
    statements: Vec<(String, Vec<Value>)>,
}

/// What came of either way.
#[derive(Debug, PartialEq)]
struct Came {
    affected: u64,
    ids: Vec<i64>,
}

pub(crate) struct Test {
    pub(crate) db: Db,
    pub(crate) rng: Rng,
    /// How the database writes the parameter with a number.
    pub(crate) mark: char,
    /// Errors name the row.
    pub(crate) is_by_row: bool,
}

impl Test {
    /// Runs so many random operations.
    pub(crate) async fn run(&mut self, steps: usize) {
        let (mut failed, mut done) = (0, 0);
        for step in 0..steps {
            match self.step().await {
                true => done += 1,
                false => failed += 1,
            }
            let [one, two] = [self.table("one").await, self.table("two").await];
            assert_eq!(one, two, "after step {step}");
        }
        println!("{done} operations as their loops, {failed} failed as they did");
        assert!(done > steps / 4 && failed > steps / 50, "{done} done, {failed} failed");
    }

    async fn table(&self, name: &str) -> Vec<Vec<Value>> {
        let mut all = Vec::new();
        for sql in [
            format!("SELECT * FROM {name} ORDER BY id"),
            format!("SELECT * FROM {name}_child ORDER BY id"),
        ] {
            let rows: Vec<Row> = self.db.query(&sql).all().await.unwrap();
            all.extend(rows.iter().map(|row| row.values().to_vec()));
        }
        all
    }

    /// A row with these columns.
    fn row(&mut self, columns: &[&str]) -> Fields {
        let rng = &mut self.rng;
        let field = |column: &&str| {
            let value = match *column {
                "id" => json!(rng.i32(0..40)),
                "k" if rng.u8(..8) == 0 => json!(null),
                "k" => json!(
                    ["a", "b'", "c\"", "ä{1,2}", "\\", "NULL", ""][rng.usize(..7)]
                        .repeat(rng.usize(1..4))
                ),
                "n" if rng.u8(..60) == 0 => json!(null),
                "n" => json!(rng.i32(0..51)),
                "f" => json!(rng.f64() * 1e20),
                _ => json!(null),
            };
            ((*column).to_owned(), value)
        };
        columns.iter().map(field).collect()
    }

    fn rows(&mut self, columns: &[&str]) -> Vec<Fields> {
        let count = self.rng.usize(..9);
        (0..count).map(|_| self.row(columns)).collect()
    }

    async fn step(&mut self) -> bool {
        let chunk = self.rng.usize(1..6);
        let columns: &[&str] =
            [&["id", "k", "n"][..], &["n", "id"], &["k", "id", "f"], &["id", "k", "n", "f", "x"]]
                [self.rng.usize(..4)];
        let key = if self.rng.bool() { "id" } else { "k" };
        let key = if columns.contains(&key) { key } else { "id" };
        let ids: Vec<i64> = (0..self.rng.usize(..8)).map(|_| self.rng.i64(0..45)).collect();
        let db = self.db.clone();
        let bulk = || db.bulk("one").chunk_rows(chunk);
        match self.rng.u8(..12) {
            0..3 => {
                let rows = self.rows(columns);
                let done = bulk().insert(rows.clone()).await.map(|done| done.affected);
                let each = self.statements(&rows, |_| String::new());
                self.compare(done.map(only), each, false).await
            }
            3 => {
                let rows = self.rows(columns);
                let ids = bulk().insert_returning::<i64, _>(rows.clone()).await;
                let each = self.statements(&rows, |_| " RETURNING id".to_owned());
                let done = ids.map(|ids| Came { affected: ids.len() as u64, ids });
                self.compare(done, each, true).await
            }
            4..6 => {
                let rows = self.rows(columns);
                let done = bulk().update(key, rows.clone()).await.map(|done| done.affected);
                if let Some(error) = twins(&done, &rows, key, chunk) {
                    return error;
                }
                let each = self.updates(&rows, key);
                self.compare(done.map(only), each, false).await
            }
            6..9 => self.upsert(columns, key, chunk).await,
            9 => {
                let child: Vec<_> = ids.iter().map(|id| json!({"of": id % 20})).collect();
                let done = db.bulk("one_child").chunk_rows(chunk).insert(&child).await;
                let insert = format!("INSERT INTO two_child (of) VALUES ({}1)", self.mark);
                let each = ids.iter().map(|id| (insert.clone(), vec![(id % 20).into()])).collect();
                self.compare(done.map(|done| only(done.affected)), Loop { statements: each }, false)
                    .await
            }
            10 => {
                let values = self.row(&["n", "f"]);
                let done = bulk().set("id", ids.clone(), &values).await;
                let mut distinct: Vec<i64> = Vec::new();
                for chunk in ids.chunks(chunk) {
                    let mut seen = HashSet::new();
                    distinct.extend(chunk.iter().copied().filter(|id| seen.insert(*id)));
                }
                let rows: Vec<Fields> = distinct
                    .iter()
                    .map(|id| {
                        let mut row = values.clone();
                        row.insert("id".to_owned(), json!(id));
                        row
                    })
                    .collect();
                let each = self.updates(&rows, "id");
                self.compare(done.map(only), each, false).await
            }
            _ => {
                let children = async |table: &str| -> u64 {
                    let sql = format!("SELECT count(*) FROM {table}_child");
                    db.query(&sql).scalar().await.unwrap()
                };
                let before = children("one").await;
                let done = bulk().delete("id", ids.clone()).await;
                if let Ok(done) = &done {
                    let gone = before - children("one").await;
                    let told = done.cascaded.as_ref().expect("it can be told");
                    assert_eq!(told.values().sum::<u64>(), gone, "{told:?}");
                    assert!(gone == 0 || told.keys().eq(["one_child"]), "{told:?}");
                }
                let delete = format!("DELETE FROM two WHERE id = {}1", self.mark);
                let each = ids.iter().map(|id| (delete.clone(), vec![(*id).into()])).collect();
                self.compare(done.map(|done| only(done.rows)), Loop { statements: each }, false)
                    .await
            }
        }
    }

    async fn upsert(&mut self, columns: &[&str], key: &str, chunk: usize) -> bool {
        let rows = self.rows(columns);
        let other = columns.iter().find(|column| **column != key).unwrap();
        let (conflict, says) = match self.rng.u8(..4) {
            0 => (Conflict::on(key).do_nothing(), "DO NOTHING".to_owned()),
            1 => {
                (Conflict::on(key).set("n", "one.n + 1"), "DO UPDATE SET n = two.n + 1".to_owned())
            }
            2 => {
                let set = format!("DO UPDATE SET {other} = excluded.{other}");
                (Conflict::on(key).replace(*other), set)
            }
            _ => {
                let rest = columns.iter().filter(|column| **column != key);
                let set = rest.map(|column| format!("{column} = excluded.{column}"));
                let set = set.collect::<Vec<_>>().join(", ");
                (Conflict::on(key), format!("DO UPDATE SET {set}"))
            }
        };
        let does_nothing = says == "DO NOTHING";
        let bulk = self.db.bulk("one").chunk_rows(chunk);
        let done = bulk.upsert(conflict, rows.clone()).await.map(|done| done.affected);
        if !does_nothing && let Some(error) = twins(&done, &rows, key, chunk) {
            return error;
        }
        let each = self.statements(&rows, |_| format!(" ON CONFLICT ({key}) {says}"));
        self.compare(done.map(only), each, false).await
    }

    fn statements(&self, rows: &[Fields], end: impl Fn(&Fields) -> String) -> Loop {
        let each = |row: &Fields| {
            let names: Vec<&str> = row.keys().map(String::as_str).collect();
            let marks: Vec<String> =
                (1..=names.len()).map(|n| format!("{}{n}", self.mark)).collect();
            let (names, marks) = (names.join(", "), marks.join(", "));
            let sql = format!("INSERT INTO two ({names}) VALUES ({marks}){}", end(row));
            (sql, row.values().map(value).collect())
        };
        Loop { statements: rows.iter().map(each).collect() }
    }

    fn updates(&self, rows: &[Fields], key: &str) -> Loop {
        let each = |row: &Fields| {
            let named: Vec<String> = row
                .keys()
                .enumerate()
                .map(|(index, name)| format!("{name} = {}{}", self.mark, index + 1))
                .collect();
            let (matched, set): (Vec<_>, Vec<_>) =
                named.into_iter().partition(|set| set.starts_with(&format!("{key} = ")));
            let sql = format!("UPDATE two SET {} WHERE {}", set.join(", "), matched.join(" AND "));
            (sql, row.values().map(value).collect())
        };
        Loop { statements: rows.iter().map(each).collect() }
    }

    /// Runs the loop and holds what came of it against what came of the operation.
    async fn compare(&self, done: Result<Came, Error>, each: Loop, returns: bool) -> bool {
        let shown = format!("{:?}", each.statements);
        let failing = std::sync::atomic::AtomicUsize::new(0);
        let at = &failing;
        let looped = self
            .db
            .transaction(|tx: Transaction| async move {
                let mut came = Came { affected: 0, ids: Vec::new() };
                for (index, (sql, params)) in each.statements.into_iter().enumerate() {
                    at.store(index, std::sync::atomic::Ordering::Relaxed);
                    let query =
                        params.iter().fold(tx.query(&sql), |query, param| query.bind(param));
                    if returns {
                        came.ids.push(query.scalar().await?);
                        came.affected += 1;
                    } else {
                        came.affected += query.fetch().await?.rows_affected;
                    }
                }
                Ok(came)
            })
            .await;
        match (done, looped) {
            (Ok(done), Ok(looped)) => {
                assert_eq!(done, looped, "{shown}");
                true
            }
            (Err(done), Err(looped)) => {
                assert!(done.is_constraint_violation(), "{done} {shown}");
                assert!(looped.is_constraint_violation(), "{looped} {shown}");
                if self.is_by_row {
                    assert_eq!(done.code(), looped.code(), "{done} {looped} {shown}");
                    let at = failing.load(std::sync::atomic::Ordering::Relaxed) as u64;
                    assert_eq!(done.row(), Some(at), "{done} {shown}");
                }
                false
            }
            (done, looped) => panic!("{done:?} but {looped:?} of {shown}"),
        }
    }
}

fn only(affected: u64) -> Came {
    Came { affected, ids: Vec::new() }
}

/// Whether it failed because of two rows with one key, which there must be then.
fn twins(done: &Result<u64, Error>, rows: &[Fields], key: &str, chunk: usize) -> Option<bool> {
    let has_twins = rows.chunks(chunk).any(|rows| {
        let mut seen = HashSet::new();
        let mut keys = rows.iter().map(|row| &row[key]).filter(|value| !value.is_null());
        keys.any(|value| !seen.insert(value.to_string()))
    });
    match done {
        Err(error) if error.is_usage() => {
            assert!(has_twins, "{error}");
            Some(false)
        }
        // One that comes before them may have failed.
        Err(_) => None,
        Ok(_) => {
            assert!(!has_twins, "{rows:?}");
            None
        }
    }
}

fn value(field: &serde_json::Value) -> Value {
    serde_json::from_value(field.clone()).unwrap()
}
