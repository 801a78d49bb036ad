//! The second process that writes: this program once more, told what to do line by line, killed
//! now and then and started again. What it does is acknowledged before anything else happens.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use forebay::Value;
use serde_json::json;

use crate::domain::Statement;

/// The argument that makes this program the second process.
pub(crate) const SECOND: &str = "second-process";

/// The other process, as the first sees it.
pub(crate) struct Second {
    path: PathBuf,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Second {
    pub(crate) fn new(path: PathBuf) -> Second {
        Second { path, running: None }
    }

    /// Whether the statement succeeded.
    pub(crate) fn run(&mut self, statement: &Statement) -> Result<bool> {
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(Running::start(&self.path)?),
        };
        let params: Vec<_> = statement.params.iter().map(to_json).collect();
        writeln!(running.input, "{}", json!([statement.sql, params]))?;
        running.input.flush()?;
        let mut line = String::new();
        running.output.read_line(&mut line)?;
        match line.trim() {
            "done" => Ok(true),
            "failed" => Ok(false),
            other => bail!("the second process said {other:?}"),
        }
    }

    /// Ends it with SIGKILL, whatever it is at. It is started again when it is needed.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself; gone is gone.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    fn start(path: &Path) -> Result<Running> {
        let program = std::env::current_exe().context("cannot tell where this program lies")?;
        let mut child = Command::new(program)
            .arg(SECOND)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the second process")?;
        let input = child.stdin.take().context("the second process has no input")?;
        let output = child.stdout.take().context("the second process has no output")?;
        Ok(Running { child, input, output: BufReader::new(output) })
    }
}

/// What the second process does: statements as they come, until its input ends.
pub(crate) fn second_process(path: &Path) -> Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF")?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: serde_json::Value = serde_json::from_str(&line?)?;
        let sql = asked[0].as_str().context("no statement")?;
        let params = asked[1].as_array().context("no parameters")?;
        let done = carry_out(&connection, sql, params);
        writeln!(output, "{}", if done.is_ok() { "done" } else { "failed" })?;
        output.flush()?;
    }
    Ok(())
}

fn carry_out(
    connection: &rusqlite::Connection,
    sql: &str,
    params: &[serde_json::Value],
) -> Result<()> {
    if params.is_empty() {
        return Ok(connection.execute_batch(sql)?);
    }
    let mut statement = connection.prepare(sql)?;
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, from_json(value)?)?;
    }
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// A value with its storage class. JSON alone would lose the sign of zero and blobs.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => json!(null),
        Value::Integer(n) => json!({ "integer": n }),
        Value::Real(x) => json!({ "real": x.to_bits() }),
        Value::Text(text) => json!({ "text": text.as_str() }),
        Value::Blob(blob) => json!({ "blob": blob }),
    }
}

fn from_json(value: &serde_json::Value) -> Result<rusqlite::types::Value> {
    use rusqlite::types::Value as Bound;
    if value.is_null() {
        return Ok(Bound::Null);
    }
    if let Some(n) = value["integer"].as_i64() {
        return Ok(Bound::Integer(n));
    }
    if let Some(bits) = value["real"].as_u64() {
        return Ok(Bound::Real(f64::from_bits(bits)));
    }
    if let Some(text) = value["text"].as_str() {
        return Ok(Bound::Text(text.to_owned()));
    }
    let bytes = value["blob"].as_array().context("a parameter of no known class")?;
    let byte = |byte: &serde_json::Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
    Ok(Bound::Blob(bytes.iter().filter_map(byte).collect()))
}
