//! SQLite: a file for advisors, a copy in memory for measuring. The unit of work is the VM step.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus, params_from_iter};

use crate::case::{Cell, Index, Query};
use crate::clock;
use crate::data::{Made, Make};
use crate::engine::{Cost, Engine, Fared, Result};

/// A query that takes more steps counts as if it took so many.
const STEPS_MAX: u64 = 60_000_000;

/// Steps between two looks at how many there were.
const LOOK: i32 = 100_000;

/// Queries with fewer steps are as good as free.
const STEPS_MIN: f64 = 300.0;

/// Rows by which is measured what an entry costs, and how often.
const ENTRY_ROWS: usize = 50_000;
const ENTRY_ROUNDS: usize = 3;

/// Scans by which is measured what a step takes: the clock of a thread goes on a few times in a
/// hundredth of a second.
const ENTRY_SCANS: usize = 40;

pub struct Sqlite {
    memory: Connection,
    is_analysed: bool,
    /// VM steps that one entry costs, at least and at most.
    entry: (f64, f64),
    built: Vec<String>,
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(n) => Value::Integer(*n),
        Cell::Text(text) => Value::Text(text.clone()),
    }
}

/// The statements that make the tables.
pub fn tables(made: &Made) -> Vec<String> {
    let table = |table: &crate::data::Table| {
        let columns = table.columns.iter().map(|(name, make)| match make {
            Make::Serial => format!("{name} INTEGER PRIMARY KEY"),
            Make::Email | Make::Title | Make::Code(_) | Make::Note(_) | Make::Pick(_) => {
                format!("{name} TEXT NOT NULL")
            }
            Make::Parent(parent, _) => format!("{name} BIGINT NOT NULL REFERENCES {parent}"),
            Make::Seldom(_) => format!("{name} BIGINT"),
            _ => format!("{name} BIGINT NOT NULL"),
        });
        format!("CREATE TABLE {} ({})", table.name, columns.collect::<Vec<_>>().join(", "))
    };
    made.schema.tables.iter().map(table).collect()
}

/// Makes the file.
pub fn make(made: &Made, path: &Path, is_analysed: bool) -> Result<()> {
    let mut db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "off")?;
    let change = db.transaction()?;
    for (sql, table) in tables(made).iter().zip(&made.schema.tables) {
        change.execute(&sql.replace("BIGINT", "INTEGER"), [])?;
        let marks = vec!["?"; table.columns.len()].join(", ");
        let mut insert = change.prepare(&format!("INSERT INTO {} VALUES ({marks})", table.name))?;
        for row in 0..table.rows {
            let cells = table.columns.iter().map(|it| &made.cells(table.name, it.0)[row]);
            insert.execute(params_from_iter(cells.map(value)))?;
        }
    }
    for ddl in made.schema.existing {
        change.execute(ddl, [])?;
    }
    change.commit()?;
    if is_analysed {
        db.execute_batch("ANALYZE")?;
    }
    Ok(())
}

impl Sqlite {
    pub fn open(path: &PathBuf, is_analysed: bool) -> Result<Sqlite> {
        let mut memory = Connection::open_in_memory()?;
        memory.restore("main", path, None::<fn(rusqlite::backup::Progress)>)?;
        let entry = entry()?;
        Ok(Sqlite { memory, is_analysed, entry, built: Vec::new() })
    }
}

/// What an entry costs, as VM steps of a scan that take the same time: in memory, and in a
/// file with
/// a log. Rows in random order go into a table with three indexes and into one without.
fn entry() -> Result<(f64, f64)> {
    let memory = Connection::open_in_memory()?;
    let folder = tempfile::tempdir()?;
    let file = Connection::open(folder.path().join("entry.db"))?;
    file.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = normal")?;
    let least = entry_time(&memory, ENTRY_ROWS)?;
    let most = entry_time(&file, 100)?;
    let mut scan = memory.prepare("SELECT count(*) FROM t WHERE a + b > c")?;
    let mut steps = 0.0;
    let start = clock::of_thread()?;
    for _ in 0..ENTRY_SCANS {
        scan.reset_status(StatementStatus::VmStep);
        scan.query_row([], |_| Ok(()))?;
        steps += f64::from(scan.get_status(StatementStatus::VmStep));
    }
    let step = (clock::of_thread()? - start) / steps;
    Ok((least / step, (most / step).max(least / step)))
}

/// The seconds that an entry takes, with so many rows in a transaction: the least of some rounds.
fn entry_time(db: &Connection, together: usize) -> Result<f64> {
    let mut least = [f64::MAX; 2];
    for _ in 0..ENTRY_ROUNDS {
        for (place, indexes) in [0, 3].into_iter().enumerate() {
            db.execute_batch(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)",
            )?;
            for name in ["a", "b", "c"].iter().take(indexes) {
                db.execute_batch(&format!("CREATE INDEX t_{name} ON t ({name})"))?;
            }
            let mut insert = db.prepare("INSERT INTO t (a, b, c) VALUES (?, ?, ?)")?;
            let mut rng = fastrand::Rng::with_seed(7);
            let start = clock::of_thread()?;
            for _ in 0..ENTRY_ROWS / together {
                db.execute_batch("BEGIN")?;
                for _ in 0..together {
                    insert.execute([rng.i64(..), rng.i64(..), rng.i64(..)])?;
                }
                db.execute_batch("COMMIT")?;
            }
            least[place] = least[place].min(clock::of_thread()? - start);
        }
    }
    Ok((least[1] - least[0]) / (3 * ENTRY_ROWS) as f64)
}

impl Engine for Sqlite {
    fn cost(&mut self, query: &Query) -> Result<Cost> {
        let mut work = 0.0;
        let none = vec![Vec::new()];
        for set in if query.params.is_empty() { &none } else { &query.params } {
            let mut seen = 0;
            self.memory.progress_handler(
                LOOK,
                Some(move || {
                    seen += LOOK as u64;
                    seen > STEPS_MAX
                }),
            )?;
            let mut statement = self.memory.prepare(&query.text)?;
            statement.reset_status(StatementStatus::VmStep);
            let mut rows = statement.query(params_from_iter(set.iter().map(value)))?;
            let end = loop {
                match rows.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            drop(rows);
            work += match end {
                Ok(()) => f64::from(statement.get_status(StatementStatus::VmStep)),
                Err(rusqlite::Error::SqliteFailure(error, _))
                    if error.code == rusqlite::ErrorCode::OperationInterrupted =>
                {
                    STEPS_MAX as f64
                }
                Err(error) => return Err(error.into()),
            };
        }
        self.memory.progress_handler(0, None::<fn() -> bool>)?;
        Ok(Cost { work, blocks: 0.0, has_used: true })
    }

    fn build(&mut self, ddl: &[String]) -> Result<Vec<(String, String)>> {
        let mut refused = Vec::new();
        self.memory.execute_batch("BEGIN")?;
        for sql in ddl {
            match self.memory.execute_batch(sql) {
                Ok(()) => self.built.push(sql.clone()),
                Err(error) => refused.push((sql.clone(), error.to_string())),
            }
        }
        if self.is_analysed {
            let mut tables: Vec<_> =
                ddl.iter().filter_map(|it| Some(Index::read(it)?.table)).collect();
            tables.sort();
            tables.dedup();
            for table in tables {
                self.memory.execute_batch(&format!("ANALYZE {table}"))?;
            }
        }
        Ok(refused)
    }

    fn undo(&mut self) -> Result<()> {
        self.memory.execute_batch("ROLLBACK")?;
        if self.is_analysed {
            self.memory.execute_batch("ANALYZE sqlite_schema")?;
        }
        self.built.clear();
        Ok(())
    }

    fn entry(&self) -> (f64, f64) {
        self.entry
    }

    fn fared(&self, before: Cost, after: Cost) -> Fared {
        if after.work > before.work * 1.1 && after.work > STEPS_MIN {
            Fared::Worse
        } else if after.work <= before.work * 0.8 && before.work > STEPS_MIN {
            Fared::Better
        } else {
            Fared::Same
        }
    }
}
