//! What Forebay makes of a statement, in words.

use std::fmt;

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
    /// The tables it may write, triggers and cascades included.
    pub writes: Vec<String>,
    /// What distinguishes one cached answer from another.
    pub key: Vec<String>,
    /// How changes are noticed on this database.
    pub freshness: String,
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
        list(f, "writes", &self.writes)?;
        list(f, "key", &self.key)?;
        writeln!(f, "freshness    {}", self.freshness)?;
        list(f, "plan", &self.plan)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    for (index, line) in lines.iter().enumerate() {
        writeln!(f, "{:<13}{line}", if index == 0 { title } else { "" })?;
    }
    Ok(())
}
