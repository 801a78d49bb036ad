//! Workloads from the log of a server that tells durations (`log_min_duration_statement`): in the
//! plain form, as CSV, or as JSON. It reads texts and opens nothing.

use std::collections::HashMap;
use std::time::Duration;

use crate::advise::workload::{Workload, WorkloadQuery};
use crate::error::{Error, Result};
use crate::json::{Malformed, Next, Scan};
use crate::value::Value;

/// Sets of parameters that are kept of one statement.
const SETS_MAX: usize = 8;

/// Columns of the message and of what stands under it in the CSV form.
const CSV_MESSAGE: usize = 13;
const CSV_DETAIL: usize = 14;

/// One message, with what stands under it.
#[derive(Debug, Default)]
struct Message {
    text: String,
    detail: String,
}

impl Workload {
    /// Reads a PostgreSQL server's log with durations, in whichever of its three forms. Messages of
    /// other kinds are passed over; a log without any duration is an error that says what to set.
    /// Cost: a pass over the text.
    pub fn from_postgres_log(text: &str) -> Result<Workload> {
        let first = text.trim_start();
        let messages = if first.starts_with('{') {
            text.lines().filter_map(|line| of_json(line).ok()).collect()
        } else if first.split('\n').next().is_some_and(is_csv) {
            of_csv(text)
        } else {
            of_lines(text)
        };
        let mut known: HashMap<String, (usize, Duration)> = HashMap::new();
        let mut workload = Workload::new();
        for message in &messages {
            let Some((time, sql)) = duration(&message.text) else { continue };
            let set = parameters(&message.detail);
            let next = (workload.queries.len(), Duration::ZERO);
            let (at, total) = known.entry(sql.to_owned()).or_insert(next);
            if *at == workload.queries.len() {
                workload.queries.push(WorkloadQuery::new(sql).calls(0));
            }
            let query = &mut workload.queries[*at];
            *total = total.saturating_add(time);
            query.calls += 1;
            query.mean = Some(*total / u32::try_from(query.calls).unwrap_or(u32::MAX));
            if !set.is_empty() && query.params.len() < SETS_MAX && !query.params.contains(&set) {
                query.params.push(set);
            }
        }
        match workload.queries.is_empty() {
            false => Ok(workload),
            true => Err(Error::usage(
                "there is no statement with its duration in the log: set \
                 log_min_duration_statement = 0 for a while (or log_min_duration_sample with \
                 log_statement_sample_rate), and take the log of that time",
            )),
        }
    }
}

/// `duration: 1.234 ms  statement: SELECT …`, or `execute name: SELECT …`: seconds, and text.
fn duration(message: &str) -> Option<(Duration, &str)> {
    let rest = message.trim_start().strip_prefix("duration: ")?;
    let (number, rest) = rest.split_once(" ms")?;
    let millis: f64 = number.parse().ok()?;
    let time = Duration::try_from_secs_f64(millis / 1_000.0).ok()?;
    let rest = rest.trim_start();
    let is_run = rest.starts_with("statement: ") || rest.starts_with("execute ");
    let (_, sql) = rest.split_once(": ").filter(|_| is_run)?;
    let sql = sql.trim().trim_end_matches(';');
    let word = sql.split(|c: char| !c.is_ascii_alphabetic()).next()?.to_ascii_lowercase();
    let verbs = ["select", "with", "values", "insert", "update", "delete", "merge"];
    (verbs.contains(&&*word) || sql.starts_with(['(', '/', '-'])).then_some((time, sql))
}

/// `parameters: $1 = '5', $2 = NULL`, with or without a word before it.
fn parameters(detail: &str) -> Vec<Value> {
    let Some(at) = detail.to_ascii_lowercase().find("parameters: ") else { return Vec::new() };
    let mut rest = &detail[at + "parameters: ".len()..];
    let mut set = Vec::new();
    while let Some((_, behind)) = rest.split_once(" = ") {
        if let Some(text) = behind.strip_prefix('\'') {
            let Some((value, end)) = quoted(text) else { break };
            set.push(value);
            rest = &text[end..];
        } else {
            set.push(Value::Null);
            rest = behind.get(4..).unwrap_or_default();
        }
    }
    set
}

/// The value of a text in quotes, which begins behind the first of them, and where it ends.
fn quoted(text: &str) -> Option<(Value, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('\'', Some((_, '\''))) => {
                chars.next();
                value.push('\'');
            }
            ('\'', _) => {
                let number = value.parse().ok().filter(|n: &i64| n.to_string() == value);
                let value = number.map_or_else(|| Value::Text((&*value).into()), Value::Integer);
                return Some((value, at + 1));
            }
            (c, _) => value.push(c),
        }
    }
    None
}

fn of_json(line: &str) -> Result<Message, Malformed> {
    let mut message = Message::default();
    let mut scan = Scan::new(line);
    scan.enter()?;
    let mut is_first = true;
    while scan.item(is_first, b'}')? {
        is_first = false;
        let key = scan.key()?;
        let is_text = scan.next()? == Next::Text;
        match &*key {
            "message" if is_text => message.text = scan.text()?.into_owned(),
            "detail" if is_text => message.detail = scan.text()?.into_owned(),
            _ => drop(scan.raw()?),
        }
    }
    Ok(message)
}

/// Whether the fourth field is a process, and a message follows, perhaps with more lines.
fn is_csv(line: &str) -> bool {
    let fields: Vec<&str> = line.split(',').collect();
    fields.len() > CSV_MESSAGE && fields[3].parse::<u32>().is_ok()
}

fn of_csv(text: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => {
                // A doubled quote closes and opens again, with the quote itself between.
                if !is_quoted && !field.is_empty() {
                    field.push('"');
                }
                is_quoted = !is_quoted;
            }
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            '\n' if !is_quoted => {
                fields.push(std::mem::take(&mut field));
                let mut take = |at| fields.get_mut(at).map(std::mem::take).unwrap_or_default();
                messages.push(Message { text: take(CSV_MESSAGE), detail: take(CSV_DETAIL) });
                fields.clear();
            }
            c => field.push(c),
        }
    }
    messages
}

/// The plain form: what goes on in the next line is indented by a tab. What stands before the kind
/// of a message is up to the server's settings.
fn of_lines(text: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut is_detail = false;
    for line in text.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            let Some(message) = messages.last_mut() else { continue };
            let part = if is_detail { &mut message.detail } else { &mut message.text };
            part.push('\n');
            part.push_str(more);
        } else if let Some((_, text)) = line.split_once("LOG:  ") {
            messages.push(Message { text: text.to_owned(), detail: String::new() });
            is_detail = false;
        } else if let Some((_, text)) = line.split_once("DETAIL:  ") {
            is_detail = true;
            if let Some(message) = messages.last_mut() {
                text.clone_into(&mut message.detail);
            }
        } else {
            // Of another kind; what is indented below belongs to it.
            messages.push(Message::default());
            is_detail = false;
        }
    }
    messages
}
