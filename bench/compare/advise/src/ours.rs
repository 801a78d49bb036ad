//! Forebay's own advice, as somebody asks for it on the command line.

use std::io::Write;
use std::process::Command;

use serde_json::Value;

use crate::case::Query;
use crate::engine::Result;

/// Asks `forebay advise` about a database.
pub fn advise(
    url: &str,
    queries: &[Query],
    writes: &[Query],
    more: &[&str],
) -> Result<Vec<String>> {
    let command = std::env::var("FOREBAY").unwrap_or_else(|_| "forebay".into());
    let mut file = tempfile::NamedTempFile::with_suffix(".sql")?;
    for query in queries.iter().chain(writes) {
        let texts = query.literal();
        let calls = (query.calls / texts.len() as u64).max(1);
        for text in texts {
            writeln!(file, "-- calls: {calls}\n{text};")?;
        }
    }
    let output = Command::new(command)
        .args(["advise", url, "--json", "--queries"])
        .arg(file.path())
        .args(more)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let advice: Value = serde_json::from_str(&text)
        .map_err(|error| format!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    if let Ok(folder) = std::env::var("FOREBAY_ADVICE") {
        let name = format!("{folder}/{:016x}.json", fastrand::u64(..));
        std::fs::write(name, &*text)?;
    }
    let mut found = Vec::new();
    indexes(&advice["findings"], &mut found);
    found.dedup();
    Ok(found)
}

/// All CREATE INDEX within a value.
fn indexes(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("CREATE INDEX") => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|it| indexes(it, found)),
        Value::Object(all) => {
            // Undoing an advice to drop one is none to make it.
            all.iter().filter(|it| it.0 != "undo").for_each(|it| indexes(it.1, found));
        }
        _ => {}
    }
}
