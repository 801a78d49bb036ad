//! Asking a read of Forebay and of the database, and comparing.

use std::time::Duration;

use anyhow::Result;
use cluster::SqlError;
use forebay::{Db, Freshness};

use crate::answer::{Answer, are_alike, ours, theirs};
use crate::bare::Bare;
use crate::domain::literal;
use crate::read::Read;

/// The longest a read may take; it is a failure then.
const READ_MAX: Duration = Duration::from_secs(20);

/// Rows of an answer from which on a read is given up.
const ROWS_MAX: usize = 1_500;

/// How fresh an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Followed,
    Strict,
}

/// What the database says to a read, as long as nothing is written.
pub(crate) type Truth = Result<Answer, SqlError>;

/// A read that was answered in another way than the database does.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) read: Read,
    pub(crate) what: String,
    pub(crate) was_cached: bool,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

/// What came of a question.
pub(crate) enum Asked {
    Right {
        is_cached: bool,
        is_long: bool,
    },
    /// Both refuse.
    Refused,
    /// Forebay refuses it without having asked the server, or the server refuses what is prepared.
    Unasked(String),
    Wrong(Box<Difference>),
}

/// Asks both. What the database says is asked for once, and kept in `truth`.
pub(crate) async fn ask(
    db: &Db,
    bare: &mut Bare,
    read: &Read,
    truth: &mut Option<Truth>,
    how: How,
) -> Result<Asked> {
    let statement = &read.statement;
    let mut query = db.query(&statement.sql).timeout(READ_MAX);
    for value in &statement.params {
        query = query.bind(value.clone());
    }
    if how == How::Strict {
        query = query.freshness(Freshness::Strict);
    }
    let outcome = query.fetch().await;
    if truth.is_none() || read.compare.is_volatile {
        *truth = Some(bare.ask(&statement.written_out())?);
    }
    let Some(truth) = truth.as_ref() else { anyhow::bail!("the truth was not asked for") };
    Ok(match (outcome, truth) {
        (Ok(outcome), Ok(answer)) => {
            let mine = ours(&outcome.rows);
            let right = theirs(answer.clone(), &outcome.rows);
            if read.compare.is_volatile && outcome.cached {
                return Ok(wrong(read, "a volatile answer is cached", true, &mine, &right));
            }
            if !are_alike(read.compare, &mine, &right) {
                return Ok(wrong(read, "the answers differ", outcome.cached, &mine, &right));
            }
            Asked::Right { is_cached: outcome.cached, is_long: mine.len() > ROWS_MAX }
        }
        (Err(_), Err(_)) => Asked::Refused,
        (Ok(outcome), Err(refusal)) => {
            let mine = ours(&outcome.rows);
            Asked::Wrong(Box::new(Difference {
                read: read.clone(),
                what: "the database refuses it".to_owned(),
                was_cached: outcome.cached,
                ours: shown(&mine),
                theirs: refusal.to_string(),
            }))
        }
        // The connection was ended under it, on purpose: nothing was answered.
        (Err(error), Ok(_)) if error.is_outcome_unknown() || error.is_closed() => Asked::Refused,
        (Err(error), Ok(_)) if error.is_usage() => {
            let text = error.to_string();
            Asked::Unasked(text.chars().take(50).collect())
        }
        (Err(error), Ok(answer)) => Asked::Wrong(Box::new(Difference {
            read: read.clone(),
            what: "Forebay refuses it".to_owned(),
            was_cached: false,
            ours: format!("{error}"),
            theirs: shown(answer),
        })),
    })
}

fn wrong(read: &Read, what: &str, was_cached: bool, ours: &Answer, theirs: &Answer) -> Asked {
    Asked::Wrong(Box::new(Difference {
        read: read.clone(),
        what: what.to_owned(),
        was_cached,
        ours: shown(ours),
        theirs: shown(theirs),
    }))
}

/// An answer for people, sorted, and cut off where it is long.
fn shown(answer: &Answer) -> String {
    const LINES_MAX: usize = 30;
    const CELL_MAX: usize = 60;
    let cell = |cell: &Option<String>| match cell {
        None => "NULL".to_owned(),
        Some(text) => text.chars().take(CELL_MAX).collect(),
    };
    let mut lines: Vec<String> = answer
        .iter()
        .map(|row| format!("  {}", row.iter().map(cell).collect::<Vec<_>>().join(" | ")))
        .collect();
    lines.sort();
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    format!("{} rows\n{}", answer.len(), lines.join("\n"))
}

impl Difference {
    pub(crate) fn described(&self) -> String {
        let params: Vec<String> = self.read.statement.params.iter().map(literal).collect();
        format!(
            "-- {}{}\n{};\n-- parameters: {}\n-- Forebay: {}\n-- the database: {}\n",
            self.what,
            if self.was_cached { ", from the cache" } else { "" },
            self.read.statement.sql,
            params.join(", "),
            self.ours.replace('\n', "\n-- "),
            self.theirs.replace('\n', "\n-- ")
        )
    }
}
