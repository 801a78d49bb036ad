//! SQLite: each writer has a file of its own, in WAL mode with `synchronous=NORMAL`.

use std::time::Instant;

use forebay::Db;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::row::{Call, ROWS, SINGLE, calls};
use crate::{Fault, Times, diesel};

const SCHEMA: &str = "CREATE TABLE calls (id INTEGER PRIMARY KEY, model TEXT NOT NULL, \
                      prompt TEXT, tokens INT, cost REAL); CREATE INDEX by_model ON calls (model)";
const INSERT: &str =
    "INSERT INTO calls (id, model, prompt, tokens, cost) VALUES (?1, ?2, ?3, ?4, ?5)";
const UPDATE: &str = "UPDATE calls SET cost = ?2 WHERE id = ?1";

pub async fn run(rounds: usize, times: &mut Times) -> Result<(), Fault> {
    let (many, few) = (calls(ROWS), calls(SINGLE));
    for _ in 0..rounds {
        by_hand(&many, times)?;
        let folder = TempDir::new()?;
        diesel::sqlite(&folder.path().join("diesel.db"), SCHEMA, &many, times)?;
        let db = forebay::open(&format!("sqlite:{}/app.db", folder.path().display())).await?;
        db.execute_batch(SCHEMA).await?;
        let began = Instant::now();
        db.bulk("calls").insert(&many).await?;
        times.add("forebay insert", ROWS, began.elapsed());
        check(&db, ROWS).await?;
        let costs = || (0..ROWS as i64).map(|id| (id, 1.0));
        let began = Instant::now();
        db.bulk("calls").columns(["id", "cost"]).update("id", costs()).await?;
        times.add("forebay update", ROWS, began.elapsed());
        let began = Instant::now();
        for (id, cost) in costs().take(SINGLE) {
            db.execute(UPDATE).bind(id).bind(cost).await?;
        }
        times.add("forebay update one by one", SINGLE, began.elapsed());
        db.execute("DELETE FROM calls").await?;
        let began = Instant::now();
        for call in &few {
            let insert = db.execute(INSERT).bind(call.id).bind(&call.model).bind(&call.prompt);
            insert.bind(call.tokens).bind(call.cost).await?;
        }
        times.add("forebay one by one", SINGLE, began.elapsed());
        check(&db, SINGLE).await?;
    }
    Ok(())
}

fn by_hand(many: &[Call], times: &mut Times) -> Result<(), Fault> {
    let folder = TempDir::new()?;
    let mut bare = Connection::open(folder.path().join("app.db"))?;
    bare.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")?;
    bare.execute_batch(SCHEMA)?;
    let began = Instant::now();
    let transaction = bare.transaction()?;
    {
        let mut insert = transaction.prepare(INSERT)?;
        for call in many {
            let Call { id, model, prompt, tokens, cost } = call;
            insert.execute(params![id, model, prompt, tokens, cost])?;
        }
    }
    transaction.commit()?;
    times.add("rusqlite prepared, one transaction", many.len(), began.elapsed());
    Ok(())
}

async fn check(db: &Db, rows: usize) -> Result<(), Fault> {
    let found: usize = db.query("SELECT count(*) FROM calls").no_cache().scalar().await?;
    if found == rows { Ok(()) } else { Err(format!("{found} rows, not {rows}").into()) }
}
