//! What Forebay makes of a statement, in words.

use std::fmt;

/// Whether a statement is cached and why, what it reads, and its query plan.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The normalised text: literals and comments removed.
    pub statement: String,
    /// The stable id of the normalised text.
    pub fingerprint: u64,
    /// `read`, `write`, `schema`, `session` or `transaction`.
    pub effect: &'static str,
    /// Whether answers are cached.
    pub cacheable: bool,
    /// Each rule that stops it from being cached, in words; empty when `cacheable`.
    pub reasons: Vec<String>,
    /// The tables an answer depends on.
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
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
