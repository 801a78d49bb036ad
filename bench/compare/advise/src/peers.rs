//! Other advisors, as they are called by those who use them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use postgres::{Client, NoTls};

use crate::case::Query;
use crate::engine::Result;

fn distinct(advised: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for ddl in advised {
        let body = |it: &str| it.split_once(" ON ").map(|it| it.1.to_owned());
        if !all.iter().any(|it| body(it) == body(&ddl)) {
            all.push(ddl);
        }
    }
    all
}

/// SQLite's `.expert` of the shell that is installed, each query on its own.
pub fn expert(file: &Path, queries: &[Query], sample: Option<u32>) -> Result<Vec<String>> {
    let option = sample.map_or(String::new(), |percent| format!(" --sample {percent}"));
    let mut shell = Command::new("sqlite3")
        .arg("-readonly")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut script = String::new();
    for query in queries {
        script.push_str(&format!(".expert{option}\n{};\n", query.literal()[0]));
    }
    let mut input = shell.stdin.take().ok_or("the shell has no input")?;
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = shell.wait_with_output()?;
    writer.join().map_err(|_| "the writer fell over")??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|it| it.starts_with("CREATE INDEX"));
    Ok(distinct(lines.map(|it| it.trim_end_matches(';').to_owned())))
}

/// Dexter, from a folder with its source, over HypoPG.
pub fn dexter(home: &str, url: &str, queries: &[Query]) -> Result<Vec<String>> {
    let mut file = tempfile::NamedTempFile::with_suffix(".sql")?;
    for query in queries {
        for text in query.literal() {
            writeln!(file, "{text};")?;
        }
    }
    let output = Command::new("ruby")
        .arg(format!("-I{home}/lib"))
        .arg(format!("{home}/exe/dexter"))
        .args(["--dbname", url, "--input-format", "sql"])
        .arg(file.path())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let found = text.lines().filter_map(|it| it.split_once("Index found: ")).map(|it| it.1);
    Ok(distinct(found.map(|it| format!("CREATE INDEX d ON {it}"))))
}

/// Extend, from a checkout of hyrise/index_selection_evaluation, over HypoPG. `python` needs
/// psycopg2; the indexes may take so many megabytes.
pub fn extend(
    (python, home): (&str, &str),
    url: &str,
    queries: &[Query],
    megabytes: &str,
) -> Result<Vec<String>> {
    let mut script = tempfile::NamedTempFile::with_suffix(".py")?;
    script.write_all(include_bytes!("../extend.py"))?;
    let mut file = tempfile::NamedTempFile::with_suffix(".sql")?;
    for query in queries {
        let texts = query.literal();
        let calls = (query.calls / texts.len() as u64).max(1);
        for text in texts {
            writeln!(file, "-- calls: {calls}\n{text};")?;
        }
    }
    let output = Command::new(python)
        .arg(script.path())
        .args([home, url])
        .arg(file.path())
        .arg(megabytes)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let lines = text.lines().filter(|it| it.starts_with("CREATE INDEX"));
    Ok(distinct(lines.map(str::to_owned)))
}

/// Supabase's index_advisor, from its file, over HypoPG.
pub fn index_advisor(sql: &str, url: &str, queries: &[Query]) -> Result<Vec<String>> {
    let mut client = Client::connect(url, NoTls)?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS hypopg")?;
    client.batch_execute(&std::fs::read_to_string(sql)?)?;
    let mut all = Vec::new();
    for query in queries {
        let row = client
            .query_one("SELECT index_statements FROM index_advisor($1)", &[&query.numbered()])?;
        all.extend(row.get::<_, Option<Vec<String>>>(0).unwrap_or_default());
    }
    client.batch_execute("DROP FUNCTION index_advisor(text)")?;
    Ok(distinct(all.into_iter()))
}
