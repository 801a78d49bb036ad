//! The database that is read, filled through the service, and the servers over it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Fault;
use crate::line::Line;
use crate::options::{Ground, Options};
use crate::process::Process;
use crate::question::{Door, FIRST_ID, IDS, email, post};

/// A table of rows that all have the same length.
const CREATE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, \
    email TEXT NOT NULL, bio TEXT NOT NULL, visits INTEGER NOT NULL)";

/// How an answer of the plain door ends that is from memory.
const FROM_MEMORY: &[u8] = br#""cached":true}"#;

/// Times that all rows are asked for.
const PASSES_MAX: usize = 100;

pub(crate) struct Stage {
    folder: TempDir,
    forebay: PathBuf,
}

impl Stage {
    /// Makes the database, and checks what both doors answer of every row, first from the database
    /// and then from memory. One answer of each door is kept for the bare server.
    pub(crate) async fn set(options: &Options) -> Result<Stage, Fault> {
        let stage = Stage { folder: tempfile::tempdir()?, forebay: options.forebay.clone() };
        let server = stage.forebay(Ground::Shared, &[])?;
        let mut line = Line::to(server.address).await?;
        execute(&mut line, CREATE).await?;
        execute(&mut line, &fill()).await?;
        check(&mut line, Door::Plain).await?;
        warm(&server).await?;
        for door in [Door::Plain, Door::Hrana] {
            let sample = check(&mut line, door).await?;
            fs::write(stage.sample(door), sample)?;
        }
        Ok(stage)
    }

    /// `forebay serve`, with its defaults but for what is said.
    pub(crate) fn forebay(&self, ground: Ground, more: &[&str]) -> Result<Process, Fault> {
        let url = format!("sqlite:{}", self.database().display());
        let mut args = vec!["serve", &url, "--listen", "127.0.0.1:0"];
        args.extend(more);
        Process::start(ground, &self.forebay, &args)
    }

    /// The bare handler of axum.
    pub(crate) fn bare(&self, ground: Ground) -> Result<Process, Fault> {
        let [plain, hrana] = [Door::Plain, Door::Hrana].map(|door| self.sample(door));
        let [plain, hrana] = [plain, hrana].map(|path| path.display().to_string());
        let own = std::env::current_exe()?;
        Process::start(ground, &own, &[crate::bare::WORD, &plain, &hrana])
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("bench.db")
    }

    fn sample(&self, door: Door) -> PathBuf {
        self.folder.path().join(format!("{door:?}"))
    }
}

/// Asks until every row is answered from memory. While nothing is in memory yet, a service may
/// decide that keeping does not pay; it tries again after a second.
pub(crate) async fn warm(server: &Process) -> Result<(), Fault> {
    let mut line = Line::to(server.address).await?;
    for _ in 0..PASSES_MAX {
        let mut misses = 0;
        for id in FIRST_ID..FIRST_ID + IDS {
            let answer = line.ask(&Door::Plain.request(id)).await?;
            misses += usize::from(!answer.body.ends_with(FROM_MEMORY));
        }
        if misses == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err("not all answers come from memory".into())
}

/// Asks for every row; gives the last answer.
pub(crate) async fn check(line: &mut Line, door: Door) -> Result<Vec<u8>, Fault> {
    let mut last = Vec::new();
    for id in FIRST_ID..FIRST_ID + IDS {
        let answer = line.ask(&door.request(id)).await?;
        let text = String::from_utf8_lossy(answer.body);
        if answer.status != 200 || text.matches(&email(id)).count() != 1 {
            return Err(format!("{door:?}, row {id}: {} {text}", answer.status).into());
        }
        last = answer.body.to_vec();
    }
    Ok(last)
}

/// Runs a statement over the plain door.
pub(crate) async fn execute(line: &mut Line, sql: &str) -> Result<Value, Fault> {
    let answer = line.ask(&post("/v1/query", &json!({ "sql": sql }).to_string())).await?;
    if answer.status != 200 {
        return Err(String::from_utf8_lossy(answer.body).into_owned().into());
    }
    Ok(serde_json::from_slice(answer.body)?)
}

fn fill() -> String {
    let last = FIRST_ID + IDS - 1;
    format!(
        "WITH RECURSIVE n (id) AS (SELECT {FIRST_ID} UNION ALL SELECT id + 1 FROM n WHERE id < \
         {last}) INSERT INTO users SELECT id, 'User ' || id, \
         'user' || id || '@mail.example.com', printf('%.*c', 100, 'b'), 1000000 FROM n"
    )
}
