//! The columns of the tables: which there are, what they show, and what they sort by.

use std::cmp::Ordering;

use super::reading::{Counts, Kind, Session, Statement};
use crate::quantity::{brief_time, grouped};

/// A column of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Share,
    Time,
    Calls,
    Mean,
    P50,
    P99,
    Max,
    Hits,
    Rows,
    Errors,
    Reason,
    Text,
}

/// A statement in the window that is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) statement: &'a Statement,
    pub(super) counts: Counts,
    /// Of the time of all.
    pub(super) share: f64,
    pub(super) kind: Kind,
}

impl Column {
    /// Those of a kind. What is known since counting began only is left out of what came lately.
    pub(super) fn of(kind: Kind, is_lately: bool) -> &'static [Column] {
        use Column::{Calls, Errors, Hits, Max, Mean, P50, P99, Reason, Rows, Share, Text, Time};
        match (kind, is_lately) {
            (Kind::Service, false) => {
                &[Share, Time, Calls, Mean, P50, P99, Hits, Errors, Reason, Text]
            }
            (Kind::Service, true) => &[Share, Time, Calls, Mean, Hits, Errors, Reason, Text],
            (Kind::Server, false) => &[Share, Time, Calls, Mean, Max, Hits, Rows, Text],
            (Kind::Server, true) => &[Share, Time, Calls, Mean, Hits, Rows, Text],
            (Kind::Saved, _) => &[Share, Time, Calls, Mean, P50, P99, Max, Hits, Errors, Text],
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Column::Share => "load",
            Column::Time => "time",
            Column::Calls => "calls",
            Column::Mean => "mean",
            Column::P50 => "p50",
            Column::P99 => "p99",
            Column::Max => "max",
            Column::Hits => "hits",
            Column::Rows => "rows",
            Column::Errors => "errors",
            Column::Reason => "not cached",
            Column::Text => "statement",
        }
    }

    pub(super) fn width(self) -> usize {
        match self {
            Column::Share | Column::Hits => 5,
            Column::Time
            | Column::Mean
            | Column::P50
            | Column::P99
            | Column::Max
            | Column::Errors => 7,
            Column::Calls | Column::Rows => 11,
            Column::Reason => 18,
            Column::Text => 0,
        }
    }

    /// Which columns give way first where there is little room: the greatest.
    pub(super) fn gives_way(self) -> u8 {
        match self {
            Column::Text | Column::Time => 0,
            Column::Calls => 1,
            Column::Hits => 2,
            Column::P99 => 3,
            Column::Mean => 4,
            Column::P50 => 5,
            Column::Share => 6,
            Column::Max => 7,
            Column::Errors => 8,
            Column::Rows => 9,
            Column::Reason => 10,
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Column::Reason | Column::Text)
    }

    pub(super) fn show(self, row: &Row<'_>) -> String {
        let (it, counts) = (row.statement, &row.counts);
        let millis = |ms: Option<f64>| ms.map_or("-".to_owned(), brief_ms);
        match self {
            Column::Share => percent(Some(row.share)),
            Column::Time => brief_ms(counts.time_ms),
            Column::Calls => grouped(counts.calls),
            Column::Mean => millis(counts.mean_ms(row.kind)),
            Column::P50 => millis(it.p50_ms),
            Column::P99 => millis(it.p99_ms),
            Column::Max => millis(it.max_ms),
            Column::Hits => percent(counts.hit_ratio()),
            Column::Rows => grouped(counts.rows),
            Column::Errors => grouped(counts.errors),
            Column::Reason => it.reason.clone(),
            Column::Text => it.text.clone(),
        }
    }

    /// Which comes first: of numbers the greater one, of texts the lesser.
    pub(super) fn order(self, a: &Row<'_>, b: &Row<'_>) -> Ordering {
        let number = |row: &Row<'_>| match self {
            Column::Share | Column::Time => row.counts.time_ms,
            Column::Calls => row.counts.calls as f64,
            Column::Mean => row.counts.mean_ms(row.kind).unwrap_or(-1.0),
            Column::P50 => row.statement.p50_ms.unwrap_or(-1.0),
            Column::P99 => row.statement.p99_ms.unwrap_or(-1.0),
            Column::Max => row.statement.max_ms.unwrap_or(-1.0),
            Column::Hits => row.counts.hit_ratio().unwrap_or(-1.0),
            Column::Rows => row.counts.rows as f64,
            Column::Errors => row.counts.errors as f64,
            Column::Reason | Column::Text => 0.0,
        };
        let text = |row: &Row<'_>| match self {
            Column::Reason => row.statement.reason.clone(),
            Column::Text => row.statement.text.clone(),
            _ => String::new(),
        };
        let by_number = number(b).total_cmp(&number(a));
        by_number.then_with(|| text(a).cmp(&text(b))).then_with(|| {
            // What is equal does not jump about.
            a.statement.id.cmp(&b.statement.id)
        })
    }
}

/// The cells of a session, and what stands above them.
pub(super) const SESSION: [(&str, usize); 5] =
    [("process", 8), ("who", 24), ("state", 20), ("for", 7), ("waits for", 20)];

pub(super) fn session(it: &Session) -> [String; 5] {
    [
        it.id.to_string(),
        it.who.clone(),
        it.state.clone(),
        brief_ms(it.seconds * 1e3),
        it.wait.clone(),
    ]
}

pub(super) fn brief_ms(ms: f64) -> String {
    if !ms.is_finite() || ms <= 0.0 {
        return "0".to_owned();
    }
    let seconds = ms / 1e3;
    match seconds {
        s if s >= 172_800.0 => format!("{:.0} d", s / 86_400.0),
        s if s >= 7_200.0 => format!("{:.0} h", s / 3_600.0),
        s if s >= 120.0 => format!("{:.0} min", s / 60.0),
        s => brief_time(std::time::Duration::from_secs_f64(s)),
    }
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}
