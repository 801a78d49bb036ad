//! Which statements of a workload can be looked at: those that read or write rows, can be run on
//! the copy, and whose parameters have values. The others are named with the reason.

use std::cmp::Reverse;
use std::time::Duration;

use super::study::Study;
use crate::advise::workload::WorkloadQuery;
use crate::backend::sqlite::Trial;
use crate::sql::{Dialect, Operand, Sift, Sought, is_about_rows, word_before_parameter};
use crate::value::Value;

/// Calls of one statement that are tried.
const SAMPLES_MAX: usize = 3;

/// The longest text of a statement that is shown.
const SHOWN_MAX: usize = 200;

/// What is put for the parameter of a LIMIT that has no value.
const PAGE: i64 = 20;

/// A statement that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    /// Its place in the workload.
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) samples: Vec<Vec<Value>>,
    pub(super) calls: u64,
    pub(super) is_read: bool,
    /// It cannot be run, for want of values, or since its row is there already; it counts as a
    /// write of one row.
    pub(super) is_only_counted: bool,
    pub(super) sought: Sought,
    /// Rows that one call changes.
    pub(super) rows: f64,
}

impl Looked {
    /// The tables that it reads or writes, in lower case.
    pub(super) fn touches(&self, table: &str) -> bool {
        let reads = self.sought.uses.iter().any(|it| it.table.eq_ignore_ascii_case(table));
        let writes = self.sought.change.as_ref();
        reads || writes.is_some_and(|it| it.table().eq_ignore_ascii_case(table))
    }
}

/// A text as it is shown.
pub(super) fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Study<'_> {
    /// Looks at the heaviest statements first.
    pub(super) fn admit(&mut self) {
        let mut order: Vec<usize> = (0..self.workload.queries.len()).collect();
        order.sort_by_key(|at| Reverse(weight(&self.workload.queries[*at])));
        let max = self.options.queries_max;
        if order.len() > max {
            let left = order.len() - max;
            self.left_out += left;
            self.refuse(
                format!("{left} statements"),
                format!("only the {max} heaviest are looked at"),
            );
            order.truncate(max);
        }
        for at in order {
            if self.is_over() {
                return;
            }
            let query = &self.workload.queries[at];
            match look(&self.trial, at, query) {
                Ok(looked) => self.queries.push(looked),
                Err(reason) => {
                    self.left_out += 1;
                    self.refuse(shown(&query.text), reason);
                }
            }
        }
    }
}

/// What all its calls take, as far as that is known.
fn weight(query: &WorkloadQuery) -> (Duration, u64) {
    let calls = u32::try_from(query.calls).unwrap_or(u32::MAX);
    (query.mean.unwrap_or_default().saturating_mul(calls), query.calls)
}

fn look(trial: &Trial, number: usize, query: &WorkloadQuery) -> Result<Looked, String> {
    let text = query.text.trim().trim_end_matches(';').trim().to_owned();
    if !is_about_rows(&text, Dialect::Sqlite) {
        return Err("it neither reads nor writes rows of a table".to_owned());
    }
    let (count, is_read) = trial.look_at(&text).map_err(|error| error.message().to_owned())?;
    let sought = trial.sought(&text);
    let (sought, reason) = match sought {
        Ok(sought) => (sought, None),
        Err(why) => (Sought::default(), Some(why.reason().to_owned())),
    };
    let mut samples: Vec<Vec<Value>> =
        query.params.iter().filter(|it| it.len() == count).take(SAMPLES_MAX).cloned().collect();
    if samples.is_empty() {
        samples = draw(trial, &text, count, &sought);
    }
    let mut looked = Looked {
        number,
        text,
        samples,
        calls: query.calls,
        is_read,
        is_only_counted: false,
        sought,
        rows: 0.0,
    };
    if looked.samples.is_empty() {
        if is_read || looked.sought.change.is_none() {
            let why = reason.unwrap_or_else(|| {
                "its parameters have no values, and none could be drawn for all of them".to_owned()
            });
            return Err(why);
        }
        (looked.is_only_counted, looked.rows) = (true, 1.0);
        return Ok(looked);
    }
    let mut rows = 0.0;
    for sample in &looked.samples {
        match trial.run(&looked.text, sample) {
            Ok(ran) => rows += ran.rows as f64,
            // What was written once can often not be written again, since the row is there.
            Err(_) if !is_read && looked.sought.change.is_some() => {
                (looked.is_only_counted, looked.rows) = (true, 1.0);
                return Ok(looked);
            }
            Err(error) => return Err(error.message().to_owned()),
        }
    }
    looked.rows = if is_read { 0.0 } else { rows / looked.samples.len() as f64 };
    Ok(looked)
}

/// Values for the parameters, from the columns that they are compared with.
fn draw(trial: &Trial, text: &str, count: usize, sought: &Sought) -> Vec<Vec<Value>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut drawn: Vec<Vec<Value>> = Vec::new();
    for number in 1..=count {
        let mut values = compared(sought, number)
            .and_then(|(table, key)| trial.values(table, key, SAMPLES_MAX).ok())
            .unwrap_or_default();
        if values.is_empty() {
            values = match word_before_parameter(text, number).as_deref() {
                Some("limit") => vec![Value::Integer(PAGE)],
                Some("offset") => vec![Value::Integer(0)],
                _ => return Vec::new(),
            };
        }
        drawn.push(values);
    }
    let calls = drawn.iter().map(Vec::len).max().unwrap_or(0);
    (0..calls)
        .map(|call| drawn.iter().map(|values| values[call % values.len()].clone()).collect())
        .collect()
}

/// The table and the key that a parameter is compared with.
fn compared(sought: &Sought, number: usize) -> Option<(&str, &str)> {
    let wanted = Operand::Parameter(number);
    let uses = sought.uses.iter();
    let mut all = uses.flat_map(|it| {
        let choices = it.choices.iter().flatten().flatten();
        it.terms.iter().chain(choices).map(move |term| (&*it.table, term))
    });
    all.find_map(|(table, term)| {
        let key = term.key.as_ref()?;
        let is_meant = matches!(&term.sift, Sift::Equal(Some(it)) | Sift::Range(Some(it))
            if *it == wanted);
        is_meant.then_some((table, key.sql.as_str()))
    })
}
