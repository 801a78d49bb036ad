//! What is advised, with its evidence, as plain data.

use std::fmt;
use std::time::Duration;

/// What was found out about a workload.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// What is worth doing, in order of the time that it saves. Their SQL is meant to be run as a
    /// whole: each was measured together with the others.
    pub findings: Vec<Finding>,
    /// What was looked at and is not advised, with the reason.
    pub refused: Vec<Refusal>,
    /// Statements that were looked at.
    pub queries: usize,
    /// Indexes that were tried.
    pub candidates: usize,
    /// The time in which the calls of the workload were made, if it is known.
    pub period: Option<Duration>,
}

/// One thing that is worth doing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The table that it is about; empty for the database as a whole.
    pub table: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The SQL that does it, in order; none where the application has to change.
    pub apply: Vec<String>,
    /// The SQL that undoes it.
    pub undo: Vec<String>,
    /// What else has to be done, in words: none where the SQL is all.
    pub advice: Vec<String>,
    /// The statements that it helps.
    pub effects: Vec<Effect>,
    /// Bytes that it takes, or gives back.
    pub bytes: u64,
    /// What it costs those that write.
    pub write_cost: Option<WriteCost>,
    /// The time that it saves in all calls of the workload, writes deducted.
    pub saved: Duration,
    /// It was seen to help: its effects were measured, not estimated.
    pub is_proven: bool,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// An index is missing.
    AddIndex,
    /// No statement of the workload, which is complete, uses an index.
    DropUnused,
    /// Another index has the same keys.
    DropDuplicate,
    /// Another index begins with the same keys.
    DropPrefix,
    /// Texts are looked for that no ordinary index finds.
    FullTextIndex,
    /// Rows are read only to be left out.
    DeepOffset,
    /// The planner's numbers are missing or out of date.
    StaleStatistics,
}

/// What a finding means to one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Its place in the workload.
    pub query: usize,
    /// Its text.
    pub text: String,
    /// How often it is run.
    pub calls: u64,
    /// As it is now.
    pub before: Measured,
    /// With all that is advised.
    pub after: Measured,
    /// The plan as it is now, a line each step.
    pub plan_before: Vec<String>,
    /// The plan with all that is advised.
    pub plan_after: Vec<String>,
}

/// What one call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Instructions of SQLite's virtual machine; at PostgreSQL, pages that are touched.
    pub work: f64,
    /// The time of one call.
    pub time: Duration,
    /// It was ended before it was done: the cost is more than this.
    pub is_more: bool,
}

/// What an index costs those that write.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WriteCost {
    /// The time that inserting or deleting one row takes longer.
    pub per_row: Duration,
    /// The rows that the writes of the workload change in it.
    pub rows: u64,
}

/// What is not advised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// An index, as SQL, or a statement.
    pub candidate: String,
    /// Why not.
    pub reason: String,
}

impl Advice {
    /// All SQL of all findings, in an order in which it can be run.
    pub fn script(&self) -> Vec<&str> {
        self.ordered().flat_map(|finding| finding.apply.iter().map(String::as_str)).collect()
    }

    /// The SQL that undoes all of it, the last first.
    pub fn undo_script(&self) -> Vec<&str> {
        let mut undo: Vec<&str> =
            self.ordered().flat_map(|finding| finding.undo.iter().map(String::as_str)).collect();
        undo.reverse();
        undo
    }

    /// Numbers for the planner first, then what is added, then what goes.
    fn ordered(&self) -> impl Iterator<Item = &Finding> {
        let of =
            |wanted: u8| self.findings.iter().filter(move |finding| finding.kind.order() == wanted);
        of(0).chain(of(1)).chain(of(2))
    }
}

impl FindingKind {
    /// When it is to be applied.
    fn order(self) -> u8 {
        match self {
            FindingKind::StaleStatistics => 0,
            FindingKind::AddIndex | FindingKind::FullTextIndex | FindingKind::DeepOffset => 1,
            FindingKind::DropUnused | FindingKind::DropDuplicate | FindingKind::DropPrefix => 2,
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FindingKind::AddIndex => "add index",
            FindingKind::DropUnused => "drop unused index",
            FindingKind::DropDuplicate => "drop duplicate index",
            FindingKind::DropPrefix => "drop redundant index",
            FindingKind::FullTextIndex => "add full-text index",
            FindingKind::DeepOffset => "deep offset",
            FindingKind::StaleStatistics => "stale statistics",
        })
    }
}
