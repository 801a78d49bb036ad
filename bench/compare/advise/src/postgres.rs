//! PostgreSQL: a database for each schema on a server of our own. The unit of work is the
//! microsecond, the least of several runs, and blocks stand beside it.

use std::io::Write;

use postgres::{Client, NoTls};
use serde_json::Value;

use crate::case::{Cell, Index, Query};
use crate::clock;
use crate::data::Made;
use crate::engine::{Cost, Engine, Fared, Result};
use crate::sqlite::tables;

/// Runs of each statement, of which the quickest counts.
const RUNS: usize = 4;

/// A statement that takes longer counts as if it took so long.
const TIME_MAX_MS: f64 = 20_000.0;

/// Microseconds that are as good as nothing.
const TIME_MIN: f64 = 150.0;

pub struct Postgres {
    client: Client,
    /// The server's, for this connection.
    process: i32,
    /// Microseconds that one entry costs, at least and at most.
    entry: (f64, f64),
    built: Vec<String>,
}

/// Makes the tables in the database that is there.
pub fn make(made: &Made, url: &str) -> Result<()> {
    let mut client = Client::connect(url, NoTls)?;
    for (sql, table) in tables(made).iter().zip(&made.schema.tables) {
        client.batch_execute(&sql.replace("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY"))?;
        let mut copy = client.copy_in(&format!("COPY {} FROM STDIN", table.name))?;
        let mut line = String::new();
        for row in 0..table.rows {
            line.clear();
            for (at, column) in table.columns.iter().enumerate() {
                line.push_str(if at == 0 { "" } else { "\t" });
                match &made.cells(table.name, column.0)[row] {
                    Cell::Null => line.push_str("\\N"),
                    Cell::Int(n) => line.push_str(&n.to_string()),
                    Cell::Text(text) => line.push_str(text),
                }
            }
            line.push('\n');
            copy.write_all(line.as_bytes())?;
        }
        copy.finish()?;
    }
    for ddl in made.schema.existing {
        client.batch_execute(ddl)?;
    }
    client.batch_execute("VACUUM ANALYZE")?;
    Ok(())
}

/// Runs a script, each statement by itself.
pub fn script(url: &str, sql: &str) -> Result<()> {
    let mut client = Client::connect(url, NoTls)?;
    for statement in sql.split(';') {
        client.batch_execute(statement)?;
    }
    Ok(client.batch_execute("VACUUM ANALYZE")?)
}

impl Postgres {
    pub fn open(url: &str) -> Result<Postgres> {
        let mut client = Client::connect(url, NoTls)?;
        client.batch_execute(&format!("SET statement_timeout = {TIME_MAX_MS}"))?;
        let process = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        let entry = entry(&mut client, process)?;
        Ok(Postgres { client, process, entry, built: Vec::new() })
    }

    fn explain(&mut self, sql: &str) -> Result<Cost> {
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}");
        let start = clock::of_process(self.process)?;
        let row = match self.client.query_one(&sql, &[]) {
            Ok(row) => row,
            Err(error) if error.code().is_some_and(|it| it.code() == "57014") => {
                return Ok(Cost { work: TIME_MAX_MS * 1_000.0, blocks: 1e9, has_used: true });
            }
            Err(error) => return Err(format!("{error:?}: {sql}").into()),
        };
        let plan: Value = row.get::<_, Json>(0).0;
        // Neighbours make a statement long, but not the processor's part of it, in which there
        // is the
        // planning.
        let had = (clock::of_process(self.process)? - start) * 1_000.0;
        let time = plan[0]["Execution Time"].as_f64().unwrap_or_default().min(had);
        let block = |name: &str| plan[0]["Plan"][name].as_f64().unwrap_or_default();
        let blocks = block("Shared Hit Blocks") + block("Shared Read Blocks");
        let temporary = block("Temp Read Blocks") + block("Temp Written Blocks");
        let has_used = plan.to_string().contains("\"Index Name\":\"built_");
        Ok(Cost { work: time * 1_000.0, blocks: blocks + temporary, has_used })
    }
}

/// JSON as the server sends it.
struct Json(Value);

impl<'a> postgres::types::FromSql<'a> for Json {
    fn from_sql(
        _: &postgres::types::Type,
        raw: &'a [u8],
    ) -> std::result::Result<Json, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Json(serde_json::from_slice(raw)?))
    }

    fn accepts(of: &postgres::types::Type) -> bool {
        *of == postgres::types::Type::JSON
    }
}

/// Microseconds that an entry costs: without a log, and with one.
fn entry(client: &mut Client, process: i32) -> Result<(f64, f64)> {
    let least = entry_time(client, process, "TEMP TABLE")?;
    let most = entry_time(client, process, "TABLE")?;
    Ok((least, most.max(least)))
}

/// The same for one kind of table: 40,000 rows in random order, the least of some rounds.
fn entry_time(client: &mut Client, process: i32, kind: &str) -> Result<f64> {
    const ROUNDS: usize = 3;
    let mut least = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        for (place, indexes) in [0, 3].into_iter().enumerate() {
            client.batch_execute(&format!(
                "CREATE {kind} entry_cost (a bigint, b bigint, c bigint)"
            ))?;
            for name in ["a", "b", "c"].iter().take(indexes) {
                client.batch_execute(&format!("CREATE INDEX ON entry_cost ({name})"))?;
            }
            let start = clock::of_process(process)?;
            client.batch_execute(
                "INSERT INTO entry_cost SELECT hashint8(n), hashint8(n + 1), hashint8(n * 2)
                 FROM generate_series(1, 40000) n",
            )?;
            least[place] = least[place].min((clock::of_process(process)? - start) * 1e6);
            client.batch_execute("DROP TABLE entry_cost")?;
        }
    }
    Ok((least[1] - least[0]) / 120_000.0)
}

impl Engine for Postgres {
    fn cost(&mut self, query: &Query) -> Result<Cost> {
        let mut sum = Cost::default();
        for sql in query.literal() {
            let mut best = self.explain(&sql)?;
            for _ in 1..RUNS {
                if best.work > 1_500_000.0 {
                    break;
                }
                let again = self.explain(&sql)?;
                best.work = best.work.min(again.work);
                best.blocks = best.blocks.min(again.blocks);
            }
            sum.work += best.work;
            sum.blocks += best.blocks;
            sum.has_used |= best.has_used;
        }
        Ok(sum)
    }

    fn build(&mut self, ddl: &[String]) -> Result<Vec<(String, String)>> {
        let mut refused = Vec::new();
        self.client.batch_execute("SET statement_timeout = 0")?;
        for (n, sql) in ddl.iter().enumerate() {
            let Some(index) = Index::read(sql) else {
                refused.push((sql.clone(), "not understood".into()));
                continue;
            };
            let name = format!("built_{n}");
            let on = sql.to_ascii_lowercase().find(" on ").unwrap_or_default();
            let unique = if index.is_unique { "UNIQUE " } else { "" };
            match self.client.batch_execute(&format!("CREATE {unique}INDEX {name}{}", &sql[on..])) {
                Ok(()) => self.built.push(name),
                Err(error) => refused.push((sql.clone(), format!("{error:?}"))),
            }
            // Of columns there are numbers already; new ones would move other plans.
            if index.keys.iter().any(|key| key.contains('(')) {
                self.client.batch_execute(&format!("ANALYZE {}", index.table))?;
            }
        }
        self.client.batch_execute(&format!("SET statement_timeout = {TIME_MAX_MS}"))?;
        Ok(refused)
    }

    fn undo(&mut self) -> Result<()> {
        for name in std::mem::take(&mut self.built) {
            self.client.batch_execute(&format!("DROP INDEX {name}"))?;
        }
        Ok(())
    }

    fn entry(&self) -> (f64, f64) {
        self.entry
    }

    /// Time and blocks have to agree, unless the time is less than half.
    fn fared(&self, before: Cost, after: Cost) -> Fared {
        if !after.has_used && !before.has_used {
            return Fared::Same;
        }
        let is_small = (after.work - before.work).abs() < TIME_MIN;
        let time = if is_small { 1.0 } else { after.work / before.work.max(1.0) };
        let blocks = after.blocks / before.blocks.max(1.0);
        if time <= 0.5 || (time <= 0.8 && blocks <= 1.0) {
            Fared::Better
        } else if time > 1.1 && after.work - before.work > TIME_MIN && (blocks > 1.1 || time > 1.4)
        {
            Fared::Worse
        } else if time <= 0.8 || (time <= 0.9 && blocks <= 0.5) {
            Fared::Unclear
        } else {
            Fared::Same
        }
    }
}
