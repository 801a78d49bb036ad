//! Triggers of users, and which of them write nothing but the row that is written anyway: such a
//! trigger adds no table to those that a statement may write. It judges by what the catalogue tells
//! of the table and of the function, and of all others by a name that the function uses.
//!
//! Why a name says enough: where no function and no operator of a user has it, every search path
//! leads to those of the server. A column is read and assigned by its type, and casts of the types
//! of the server take a superuser to install, who is trusted; a column of another type is not.

use std::collections::BTreeSet;

use super::question::{Texts, unhex};
use super::stamp;

/// `pg_trigger.tgtype`.
const ROW: u32 = 1;
const BEFORE: u32 = 2;
const INSTEAD: u32 = 64;

/// Trigger functions that come with the server, or with an extension of it, and change the row at
/// most.
const NATIVE: &[&str] = &[
    "suppress_redundant_updates_trigger",
    "tsvector_update_trigger_byid",
    "tsvector_update_trigger_bycolumn",
    "$libdir/moddatetime moddatetime",
];

/// The triggers of a table, and what they are judged by.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    triggers: Vec<Trigger>,
    /// Columns whose type came with the server.
    plain_columns: BTreeSet<String>,
    /// Of the names that are looked for, those that a function or an operator of a user has.
    taken: BTreeSet<String>,
}

#[derive(Debug)]
struct Trigger {
    name: String,
    when: u32,
    code: Code,
}

#[derive(Debug)]
enum Code {
    /// The body of a PL/pgSQL function without settings of its own but for `search_path`.
    Body(String),
    Native(String),
    Other,
}

impl Triggers {
    /// Reads the columns of a row from `first` on; they may be missing.
    pub(super) fn read(row: &Texts<'_>, first: usize) -> Option<Triggers> {
        let words = |column| row.text(column).unwrap_or_default().split_ascii_whitespace();
        let triggers = row.text(first).unwrap_or_default().lines().map(Trigger::read);
        Some(Triggers {
            triggers: triggers.collect::<Option<_>>()?,
            plain_columns: words(first + 1).map(unhex).collect::<Option<_>>()?,
            taken: words(first + 2).map(str::to_owned).collect(),
        })
    }

    /// A trigger that may write something else than the row, in words.
    pub(super) fn snag(&self) -> Option<String> {
        let trigger = self.triggers.iter().find(|trigger| !self.only_stamps(trigger))?;
        Some(format!("the trigger {}", trigger.name))
    }

    /// The columns that they may assign to, and perhaps more; `None` if that is not known.
    pub(super) fn stamped(&self) -> Option<BTreeSet<String>> {
        let columns = |trigger: &Trigger| match &trigger.code {
            Code::Body(body) => stamp::read(body).map(|it| it.columns),
            Code::Native(_) | Code::Other => None,
        };
        let all: Option<Vec<BTreeSet<String>>> = self.triggers.iter().map(columns).collect();
        Some(all?.into_iter().flatten().collect())
    }

    fn only_stamps(&self, trigger: &Trigger) -> bool {
        match &trigger.code {
            Code::Native(code) => NATIVE.contains(&code.as_str()),
            Code::Body(body) => {
                trigger.when & (ROW | BEFORE | INSTEAD) == ROW | BEFORE
                    && stamp::read(body).is_some_and(|it| {
                        it.columns.is_subset(&self.plain_columns)
                            && !it.names.iter().any(|name| self.taken.contains(*name))
                    })
            }
            Code::Other => false,
        }
    }
}

impl Trigger {
    fn read(line: &str) -> Option<Trigger> {
        let mut words = line.split(' ');
        let (name, when) = (unhex(words.next()?)?, words.next()?.parse().ok()?);
        let (kind, code) = (words.next()?, unhex(words.next()?)?);
        let code = match kind {
            "p" => Code::Body(code),
            "n" => Code::Native(code),
            _ => Code::Other,
        };
        Some(Trigger { name, when, code })
    }
}

/// The names that are looked for among those of users, as a list of literals.
fn literals(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(",")
}

/// Puts the lists of names into a question.
pub(super) fn with_names(sql: &str) -> String {
    sql.replace("$FUNCTIONS", &literals(stamp::FUNCTIONS))
        .replace("$OPERATORS", &literals(stamp::OPERATORS))
}
