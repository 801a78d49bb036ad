//! What comes of a statement, as plain data: its outcome, its description, its explanation.

use std::fmt;

use crate::row::{Column, Rows};

/// All that a statement brought about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rows; none for a statement without any.
    pub rows: Rows,
    /// Rows inserted, updated or deleted by the statement itself.
    pub rows_affected: u64,
    /// For a write, the rowid of the last row that was inserted by it or, in a transaction or
    /// session, before it; none if there was none. As in SQLite, rows that triggers insert and
    /// tables without rowid do not count.
    pub last_insert_id: Option<i64>,
    /// Whether it was answered from the cache.
    pub cached: bool,
}

impl Outcome {
    #[inline]
    pub(crate) fn from_cache(rows: Rows) -> Outcome {
        Outcome { rows, rows_affected: 0, last_insert_id: None, cached: true }
    }
}

/// What a statement takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Describe {
    /// The parameters in order, with their name (`:id`, `?1`) where they have one.
    pub params: Vec<Option<String>>,
    /// The columns of the answer.
    pub columns: Vec<Column>,
    /// Whether it is an EXPLAIN.
    pub is_explain: bool,
    /// Whether it writes nothing to the database.
    pub is_readonly: bool,
}

/// Whether a statement is cached and why, what it reads, and its query plan.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The normalised text: literals and comments removed.
    pub statement: String,
    /// The stable id of the normalised text.
    pub fingerprint: u64,
    /// `read`, `write`, `schema`, `maintain`, `session` or `transaction`.
    pub effect: &'static str,
    /// Whether the statement's answers may be cached. Whether this database's cache is on is
    /// said by `freshness`.
    pub cacheable: bool,
    /// Each rule that stops it from being cached, in words; empty when `cacheable`.
    pub reasons: Vec<String>,
    /// The tables and views that an answer depends on, through views, CTEs and subqueries.
    pub reads: Vec<String>,
    /// Per occurrence of a table, which rows and columns an answer rests on: a write that changes
    /// none of them leaves it in the cache. Empty when nothing is cached.
    pub rests_on: Vec<String>,
    /// The tables it may write, triggers and cascades included.
    pub writes: Vec<String>,
    /// Which answers a write drops from the cache, per table. Empty for a read.
    pub drops: Vec<String>,
    /// What distinguishes one cached answer from another.
    pub key: Vec<String>,
    /// How changes are noticed on this database.
    pub freshness: String,
    /// The switch in force for the statement, and what has set it. Empty when `cacheable` is
    /// false.
    pub switch: String,
    /// The words in force by which its answers may be kept otherwise than exactly, and what they
    /// come to. Empty if nobody has said any.
    pub policy: String,
    /// The rule that acts on it ([`crate::Rule`]), and what it does. Empty if there is none.
    pub rule: String,
    /// Whether it is run together with others of its text at once, and why not. Empty unless
    /// `coalesce` was said.
    pub coalesces: String,
    /// Whether keeping its answers pays, with the numbers. Empty when `cacheable` is false, and
    /// before the statement has run through this handle.
    pub worth: String,
    /// The database's query plan, one step a line, indented by depth.
    pub plan: Vec<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "statement    {}", self.statement)?;
        writeln!(f, "fingerprint  {:016x}", self.fingerprint)?;
        writeln!(f, "effect       {}", self.effect)?;
        writeln!(f, "cacheable    {}", if self.cacheable { "yes" } else { "no" })?;
        list(f, "because", &self.reasons)?;
        list(f, "reads", &self.reads)?;
        list(f, "rests on", &self.rests_on)?;
        list(f, "writes", &self.writes)?;
        list(f, "drops", &self.drops)?;
        list(f, "key", &self.key)?;
        writeln!(f, "freshness    {}", self.freshness)?;
        if self.cacheable {
            writeln!(f, "switch       {}", self.switch)?;
        }
        if !self.rule.is_empty() {
            writeln!(f, "rule         {}", self.rule)?;
        }
        if !self.policy.is_empty() {
            writeln!(f, "policy       {}", self.policy)?;
        }
        if !self.coalesces.is_empty() {
            writeln!(f, "coalesces    {}", self.coalesces)?;
        }
        if !self.worth.is_empty() {
            writeln!(f, "worth it     {}", self.worth)?;
        }
        list(f, "plan", &self.plan)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    for (index, line) in lines.iter().enumerate() {
        writeln!(f, "{:<13}{line}", if index == 0 { title } else { "" })?;
    }
    Ok(())
}
