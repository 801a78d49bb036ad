//! What an application has written to its file of statistics.

use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;
use forebay::{SavedStatement, SavedStatistics};

use super::clean::clean;
use super::column::brief_ms;
use super::reading::{Counts, Kind, Reading, Statement};

/// Reads the file, on this thread.
pub(super) fn look(path: &Path) -> Result<Reading> {
    let saved = SavedStatistics::read(path)?;
    let mut reading = Reading::new(Kind::Saved);
    let ago = |at: SystemTime| {
        let since = SystemTime::now().duration_since(at).unwrap_or_default();
        brief_ms(since.as_secs_f64() * 1e3)
    };
    reading.notes.push(format!(
        "counted from {} ago on, written {} ago; an application writes it once a minute and when \
         it closes",
        ago(saved.since),
        ago(saved.saved)
    ));
    reading.known = saved.statements.len();
    reading.statements = saved.statements.iter().map(statement).collect();
    Ok(reading)
}

fn statement(it: &SavedStatement) -> Statement {
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let is_timed = it.time.count > 0;
    let mut details = vec![("waited for a connection".to_owned(), brief_ms(ms(it.pool_wait)))];
    for (name, text) in [("name", &it.name), ("asked by", &it.caller), ("sample", &it.sample)] {
        details.extend(text.as_ref().map(|text| (name.to_owned(), clean(text))));
    }
    Statement {
        id: format!("{:016x}", it.fingerprint),
        text: match it.fingerprint {
            0 => "(all others)".to_owned(),
            _ => clean(&it.statement),
        },
        counts: Counts {
            calls: it.calls,
            errors: it.errors,
            hits: it.hits,
            asked: it.calls,
            rows: it.rows,
            time_ms: ms(it.time.total),
        },
        p50_ms: is_timed.then(|| ms(it.time.p50)),
        p99_ms: is_timed.then(|| ms(it.time.p99)),
        max_ms: is_timed.then(|| ms(it.time.max)),
        reason: String::new(),
        details,
    }
}
