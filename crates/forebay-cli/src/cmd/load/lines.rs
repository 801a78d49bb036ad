//! The file into batches of rows, on a thread of its own. At most a few batches are in memory,
//! and the first rows from which the kinds of the columns are found out.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use forebay::Value;
use tokio::sync::mpsc;

use super::kind::{Guess, Kind};
use super::reject::Reject;

/// Rows from which kinds are found out.
const SAMPLE_ROWS: usize = 1_000;

/// Batches on their way at most.
const BATCHES_MAX: usize = 2;

/// The longest line of JSON.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// How the file is to be read.
pub(super) struct Format {
    pub(super) is_json: bool,
    /// The columns, where they are named on the command line.
    pub(super) columns: Vec<String>,
    pub(super) has_header: bool,
    pub(super) delimiter: u8,
    pub(super) null: String,
    pub(super) kinds: HashMap<String, Kind>,
    pub(super) batch: usize,
}

/// Rows with the lines on which they begin.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) columns: Arc<[String]>,
    pub(super) lines: Vec<u64>,
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) rejects: Vec<Reject>,
}

/// A row before the kinds of its fields are known; `None` is NULL.
type Fields = Vec<Option<String>>;

type Object = serde_json::Map<String, serde_json::Value>;

/// Reads `input` on a thread of its own, and counts its bytes in `read`. The thread ends with the
/// input, or when nobody takes batches any more.
pub(super) fn read(
    input: impl Read + Send + 'static,
    format: Format,
    read: Arc<AtomicU64>,
) -> mpsc::Receiver<Result<Batch>> {
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    let input = Counted { input, read };
    std::thread::spawn(move || {
        let send = |batch| sender.blocking_send(Ok(batch)).map_err(|_| anyhow!("nobody reads"));
        let done =
            if format.is_json { json(input, &format, send) } else { csv(input, &format, send) };
        if let Err(error) = done {
            // Whoever has stopped reading wants no error.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.input.read(into)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

fn csv(input: impl Read, format: &Format, mut send: impl FnMut(Batch) -> Result<()>) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(format.has_header)
        .delimiter(format.delimiter)
        .flexible(true)
        .from_reader(input);
    let columns: Arc<[String]> = match format.columns.is_empty() {
        true => reader.headers().context("cannot read the header")?.iter().map(trimmed).collect(),
        false => format.columns.clone().into(),
    };
    if columns.iter().all(|name| name.is_empty()) {
        bail!("the file has no header; name the columns with --no-header --columns");
    }
    let mut record = csv::StringRecord::new();
    let mut next = || -> Option<(u64, Result<Fields, String>)> {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                let field = |field: &str| (field != format.null).then(|| field.to_owned());
                let fields: Fields = record.iter().map(field).collect();
                let (has, wants) = (fields.len(), columns.len());
                let fields = match has == wants {
                    true => Ok(fields),
                    false => {
                        Err(format!("the row has {has} fields, and there are {wants} columns"))
                    }
                };
                Some((line, fields))
            }
            Err(error) if error.is_io_error() => Some((line, Err(error.to_string()))),
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                Some((line, Err("the row is not valid UTF-8".to_owned())))
            }
        }
    };
    // The kinds are found out from rows that are kept until then.
    let mut sample = VecDeque::new();
    let mut guesses = vec![Guess::Nothing; columns.len()];
    while sample.len() < SAMPLE_ROWS
        && let Some(row) = next()
    {
        if let Ok(fields) = &row.1 {
            for (guess, field) in guesses.iter_mut().zip(fields) {
                *guess = field.as_ref().map_or(*guess, |field| guess.after(field));
            }
        }
        sample.push_back(row);
    }
    let kinds: Vec<Option<Kind>> =
        columns.iter().map(|name| format.kinds.get(name).copied()).collect();
    let rows = std::iter::from_fn(|| sample.pop_front().or_else(&mut next));
    let values = rows.map(|(line, fields)| {
        let values = fields.and_then(|fields| {
            let of_kind = |(index, field): (usize, Option<String>)| match (field, kinds[index]) {
                (None, _) => Ok(Value::Null),
                (Some(field), None) => Ok(guesses[index].value(&field)),
                (Some(field), Some(kind)) => {
                    kind.value(&field).map_err(|why| format!("column {:?} {why}", columns[index]))
                }
            };
            fields.into_iter().enumerate().map(of_kind).collect()
        });
        (line, values)
    });
    batches(values, &columns, format.batch, &mut send)
}

fn trimmed(name: &str) -> String {
    name.trim().trim_start_matches('\u{feff}').to_owned()
}

fn json(
    input: impl Read,
    format: &Format,
    mut send: impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let mut input = BufReader::new(input);
    let mut columns: Vec<String> = format.columns.clone();
    let (mut line, mut text) = (0, String::new());
    let mut failed = None;
    let mut next = || -> Option<(u64, Result<Object, String>)> {
        loop {
            text.clear();
            line += 1;
            match input.by_ref().take(LINE_BYTES_MAX).read_line(&mut text) {
                Ok(0) => return None,
                Ok(_) if text.trim().is_empty() => {}
                Ok(_) => {
                    let object = serde_json::from_str(&text);
                    return Some((
                        line,
                        object.map_err(|_| "the line is no JSON object".to_owned()),
                    ));
                }
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Some((line, Err("the line is not valid UTF-8".to_owned())));
                }
                Err(error) => {
                    failed = Some(error);
                    return None;
                }
            }
        }
    };
    let mut first = next();
    if columns.is_empty()
        && let Some((_, Ok(object))) = &first
    {
        columns = object.keys().cloned().collect();
    }
    let names: Arc<[String]> = columns.into();
    let is_chosen = !format.columns.is_empty();
    let rows = std::iter::from_fn(|| first.take().or_else(&mut next));
    let values = rows.map(|(line, object)| {
        let values = object.and_then(|object| fields(object, &names, is_chosen, &format.kinds));
        (line, values)
    });
    batches(values, &names, format.batch, &mut send)?;
    match failed {
        Some(error) => Err(error).context("cannot read the file"),
        None => Ok(()),
    }
}

fn fields(
    mut object: Object,
    names: &[String],
    is_chosen: bool,
    kinds: &HashMap<String, Kind>,
) -> Result<Vec<Value>, String> {
    if !is_chosen && let Some(other) = object.keys().find(|key| !names.contains(key)) {
        return Err(format!("column {other:?} is not in the first row; see --columns"));
    }
    let value = |name: &String| {
        let field = object.remove(name);
        let field = field.ok_or_else(|| format!("column {name:?} is missing, and null is not"))?;
        let text = match field {
            serde_json::Value::String(text) => text,
            field => match (serde_json::from_value::<Value>(field.clone()), kinds.get(name)) {
                (Ok(Value::Null), _) => return Ok(Value::Null),
                (Ok(value), None) if !field.is_array() => return Ok(value),
                _ => field.to_string(),
            },
        };
        match kinds.get(name) {
            Some(kind) => kind.value(&text).map_err(|why| format!("column {name:?} {why}")),
            None => Ok(text.into()),
        }
    };
    names.iter().map(value).collect()
}

/// Sends rows on in batches.
fn batches(
    rows: impl Iterator<Item = (u64, Result<Vec<Value>, String>)>,
    columns: &Arc<[String]>,
    rows_max: usize,
    send: &mut impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let new = || Batch { columns: columns.clone(), ..Batch::default() };
    let mut batch = new();
    for (line, row) in rows {
        match row {
            Ok(row) => {
                batch.lines.push(line);
                batch.rows.push(row);
            }
            Err(reason) => batch.rejects.push(Reject { line, reason }),
        }
        if batch.rows.len() + batch.rejects.len() >= rows_max {
            send(std::mem::replace(&mut batch, new()))?;
        }
    }
    send(batch)
}
