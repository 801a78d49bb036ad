//! What was given: values as they stand in a file, in variables and on the command line, each with
//! where it comes from. It knows no settings.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Profile(&'static str),
    /// Lines count from 1.
    File(Arc<Path>, usize),
    Variable(String),
    /// As it was typed, without its value.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Profile(name) => write!(f, "profile {name}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// Of a variable or a flag, where everything is text.
    Text(String),
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Raw>),
    /// A table, whose keys are given beside it.
    Table,
    /// Something that no setting is.
    Other(String),
}

impl Raw {
    /// The text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) | Raw::String(text) => Some(text),
            _ => None,
        }
    }
}

/// For messages.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Text(text) | Raw::Other(text) => f.write_str(text),
            Raw::String(text) => write!(f, "{text:?}"),
            Raw::Integer(value) => value.fmt(f),
            Raw::Float(value) => value.fmt(f),
            Raw::Boolean(value) => value.fmt(f),
            Raw::List(all) => {
                let all: Vec<String> = all.iter().map(Raw::to_string).collect();
                write!(f, "[{}]", all.join(", "))
            }
            Raw::Table => f.write_str("a table"),
        }
    }
}

/// One value under its key, such as `pool.max_size`, `cache.reports.ttl` or `rule[0].tables`.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) key: String,
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

impl Given {
    /// Of a variable or a flag.
    pub(crate) fn text(key: impl Into<String>, text: impl Into<String>, origin: Origin) -> Given {
        Given { key: key.into(), raw: Raw::Text(text.into()), origin }
    }
}
