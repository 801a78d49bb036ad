//! An index that might help, as plain data, and its SQL.

use std::collections::BTreeSet;

use crate::sql::{Collation, quoted};

/// The longest name that is given to an index.
const NAME_MAX: usize = 60;

/// An index that might help.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) table: String,
    pub(super) keys: Vec<Part>,
    /// Only rows for which this is true are in it.
    pub(super) condition: Option<String>,
}

/// One key of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// A column or an expression, as SQL.
    pub(super) sql: String,
    /// The place of the column in CREATE TABLE; `None` for an expression.
    pub(super) column: Option<u16>,
    /// Given by COLLATE; otherwise that of the column.
    pub(super) collation: Option<Collation>,
    pub(super) is_descending: bool,
}

impl Candidate {
    /// CREATE INDEX under this name.
    pub(super) fn create(&self, name: &str) -> String {
        format!("CREATE INDEX {}", self.body(name))
    }

    /// The same, if there is none of this name.
    pub(super) fn create_if_missing(&self, name: &str) -> String {
        format!("CREATE INDEX IF NOT EXISTS {}", self.body(name))
    }

    fn body(&self, name: &str) -> String {
        let keys: Vec<String> = self.keys.iter().map(Part::text).collect();
        let condition = self.condition.as_ref().map(|it| format!(" WHERE {it}"));
        format!(
            "{} ON {} ({}){}",
            quoted(name),
            quoted(&self.table),
            keys.join(", "),
            condition.unwrap_or_default()
        )
    }

    /// Whether this one finds whatever `other` finds, in the same order.
    pub(super) fn covers(&self, other: &Candidate) -> bool {
        self.table == other.table
            && self.condition == other.condition
            && self.keys.len() > other.keys.len()
            && self.keys.starts_with(&other.keys)
    }

    /// Whether this one is the same but for keys that it lacks.
    pub(super) fn is_within(&self, other: &Candidate) -> bool {
        let mut rest = other.keys.iter();
        let is_part = self.keys.iter().all(|key| rest.any(|it| it == key));
        self.table == other.table
            && (self.condition == other.condition || other.condition.is_none())
            && is_part
            && (self.keys.len() < other.keys.len()
                || (self.keys.len() == other.keys.len() && self.condition != other.condition))
    }

    /// A name that says what it holds, and is none of `taken`, in lower case.
    pub(super) fn name(&self, taken: &BTreeSet<String>) -> String {
        let mut name = word(&self.table);
        for key in &self.keys {
            name.push('_');
            name.push_str(&word(&key.sql));
            if let Some(collation) = key.collation {
                name.push('_');
                name.push_str(&word(collation.clause()).replace("collate_", ""));
            }
        }
        if self.condition.is_some() {
            name.push_str("_partial");
        }
        if name.len() > NAME_MAX {
            let end = (0..=NAME_MAX).rev().find(|end| name.is_char_boundary(*end));
            name.truncate(end.unwrap_or(0));
        }
        let name = name.trim_end_matches('_').to_owned();
        let is_free = |name: &str| !taken.contains(&name.to_ascii_lowercase());
        if is_free(&name) {
            return name;
        }
        let mut numbered = (2u32..).map(|n| format!("{name}_{n}"));
        numbered.find(|name| is_free(name)).unwrap_or(name)
    }
}

impl Part {
    fn text(&self) -> String {
        let collation = self.collation.map(|it| format!(" {}", it.clause()));
        let descending = if self.is_descending { " DESC" } else { "" };
        let is_call = self.sql.starts_with(|first: char| first.is_ascii_alphabetic());
        let sql = match self.column {
            None if !is_call => format!("({})", self.sql),
            _ => self.sql.clone(),
        };
        format!("{sql}{}{descending}", collation.unwrap_or_default())
    }
}

/// The letters and digits of a text, joined by `_`.
fn word(text: &str) -> String {
    let mut word = String::new();
    for next in text.chars() {
        if next.is_alphanumeric() {
            word.extend(next.to_lowercase());
        } else if !word.is_empty() && !word.ends_with('_') {
            word.push('_');
        }
    }
    word.trim_end_matches('_').to_owned()
}
