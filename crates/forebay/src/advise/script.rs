//! Workloads from files: statements separated by `;`, or the lines of a slow log. It reads texts
//! and opens nothing.

use std::collections::HashMap;
use std::time::Duration;

use super::workload::{Workload, WorkloadQuery};
use crate::error::{Error, Result};
use crate::json::{Next, Scan};
use crate::sql::{Dialect, Fingerprint, statements};

/// What stands before the number of calls in a comment.
const CALLS: &str = "calls:";

impl Workload {
    /// Reads statements separated by `;`. A comment `-- calls: 1000` before a statement says how
    /// often it is run; without it, once. The same text again adds to its calls.
    pub fn from_sql(text: &str) -> Result<Workload> {
        let mut workload = Workload::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (sql, comments) in statements(text) {
            let calls = match comments.iter().rev().find_map(|comment| calls(comment)) {
                Some(Ok(calls)) => calls,
                Some(Err(word)) => {
                    return Err(Error::usage(format!(
                        "`calls: {word}` is no number of calls; write it as in `-- calls: 1000`"
                    )));
                }
                None => 1,
            };
            let at = *known.entry(sql.to_owned()).or_insert(workload.queries.len());
            match workload.queries.get_mut(at) {
                Some(query) => query.calls = query.calls.saturating_add(calls),
                None => workload.queries.push(WorkloadQuery::new(sql).calls(calls)),
            }
        }
        Ok(workload)
    }

    /// Reads the lines of a slow log, one JSON object each: `statement` or `sql` is the text,
    /// `time_ms` how long it took. Statements of one fingerprint count as one; the slowest text
    /// stands for them. Lines that cannot be read are counted in the second part.
    pub fn from_log(text: &str) -> (Workload, usize) {
        let mut workload = Workload::new();
        let mut known: HashMap<u64, (usize, Duration, Duration)> = HashMap::new();
        let mut unread = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (sql, time) = match entry(line) {
                Some(Entry::Statement(sql, time)) => (sql, time),
                Some(Entry::Other) => continue,
                None => {
                    unread += 1;
                    continue;
                }
            };
            let id = Fingerprint::new(&sql, Dialect::Sqlite).id();
            let next = workload.queries.len();
            let (at, total, worst) =
                known.entry(id).or_insert((next, Duration::ZERO, Duration::ZERO));
            if *at == next {
                workload.queries.push(WorkloadQuery::new(sql.clone()).calls(0));
            }
            let query = &mut workload.queries[*at];
            query.calls += 1;
            *total += time;
            query.mean = Some(*total / u32::try_from(query.calls).unwrap_or(u32::MAX));
            if time > *worst {
                (*worst, query.text) = (time, sql);
            }
        }
        (workload, unread)
    }
}

/// The number of calls that a comment names; the word, if it is none.
fn calls(comment: &str) -> Option<Result<u64, String>> {
    let at = comment.to_ascii_lowercase().find(CALLS)?;
    let rest = comment.get(at + CALLS.len()..)?;
    let word: String = rest.trim_start().chars().take_while(|c| !c.is_whitespace()).collect();
    let digits = word.trim_end_matches("*/").replace(['_', ','], "");
    Some(digits.parse().map_err(|_| word))
}

/// A line of a slow log.
enum Entry {
    /// The text and the time.
    Statement(String, Duration),
    /// Something else that is told there, such as another plan.
    Other,
}

fn entry(line: &str) -> Option<Entry> {
    let mut scan = Scan::new(line);
    scan.enter().ok()?;
    let (mut text, mut sample, mut time) = (None, None, 0.0f64);
    let mut is_first = true;
    while scan.item(is_first, b'}').ok()? {
        is_first = false;
        let key = scan.key().ok()?;
        let is_text = scan.next().ok()? == Next::Text;
        match &*key {
            "statement" | "sql" if is_text => text = Some(scan.text().ok()?.into_owned()),
            "sample" if is_text => sample = Some(scan.text().ok()?.into_owned()),
            "event" if is_text => {
                if scan.text().ok()? != "slow" {
                    return Some(Entry::Other);
                }
            }
            "time_ms" | "duration_ms" => {
                time = scan.raw().ok()?.trim().parse().unwrap_or(0.0);
            }
            "micros" => time = scan.raw().ok()?.trim().parse().unwrap_or(0.0) / 1e3,
            _ => {
                scan.raw().ok()?;
            }
        }
    }
    let time = Duration::try_from_secs_f64(time / 1e3).unwrap_or_default();
    Some(Entry::Statement(sample.or(text)?, time))
}
