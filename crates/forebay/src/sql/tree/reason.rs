//! Why a statement is not served from the cache, as its tree and the catalogue tell: one case per
//! rule, each with what it was found at.

use std::fmt;

use crate::sql::Bypass;

/// A rule that makes a statement uncacheable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The tree is not of a form that is known.
    NotUnderstood(&'static str),
    /// A kind of node that nobody has judged.
    Node(String),
    /// It is not one query.
    Several,
    /// It writes.
    Write,
    /// FOR UPDATE and the like.
    Lock,
    /// TABLESAMPLE.
    Sample,
    /// A column such as `ctid` or `xmin`.
    SystemColumn,
    /// A table of the server's own.
    SystemTable(String),
    /// A table or view of one session.
    Temporary(String),
    /// Its changes are not in the stream, and why that is.
    NotStreamed(String, &'static str),
    /// A materialized view.
    Materialized(String),
    /// A sequence, or what else is read like a table.
    Kind(String),
    /// Which rows there are depends on who asks.
    RowSecurity(String),
    /// Its rows may be in tables that inherit from it.
    Inherited(String),
    /// A relation, function, operator, collation or type that is not in the catalogue.
    Gone(u32),
    /// A function that is not known to answer by its arguments alone.
    Function(String),
    /// CURRENT_USER, CURRENT_TIMESTAMP and the like.
    Session,
    /// A literal that may stand for the time at which the statement was parsed.
    Clock,
    /// A type whose values are shown or compared by code that nobody has judged.
    Type(u32),
    /// A parameter that is not one of the statement, or of two types.
    Parameter,
}

impl Reason {
    /// The rule that it counts under.
    pub(crate) fn rule(&self) -> Bypass {
        match self {
            Reason::Write | Reason::Lock => Bypass::Write,
            Reason::SystemColumn | Reason::SystemTable(_) => Bypass::SystemTable,
            Reason::Temporary(_) => Bypass::OtherDatabase,
            Reason::NotStreamed(..)
            | Reason::Materialized(_)
            | Reason::Kind(_)
            | Reason::Inherited(_) => Bypass::VirtualTable,
            Reason::Sample
            | Reason::RowSecurity(_)
            | Reason::Function(_)
            | Reason::Session
            | Reason::Clock
            | Reason::Type(_) => Bypass::Function,
            Reason::NotUnderstood(_)
            | Reason::Node(_)
            | Reason::Several
            | Reason::Gone(_)
            | Reason::Parameter => Bypass::Unknown,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotUnderstood(why) => write!(f, "its analysis is not understood: {why}"),
            Reason::Node(name) => write!(f, "it has a node that is not judged: {name}"),
            Reason::Several => f.write_str("it is not a single query"),
            Reason::Write => f.write_str("it writes"),
            Reason::Lock => f.write_str("it locks rows"),
            Reason::Sample => f.write_str("it takes a sample"),
            Reason::SystemColumn => f.write_str("it reads a system column"),
            Reason::SystemTable(name) => write!(f, "it reads the system table {name}"),
            Reason::Temporary(name) => {
                write!(f, "it reads {name}, which is temporary: each session has its own")
            }
            Reason::NotStreamed(name, why) => {
                write!(f, "it reads {name}, whose changes the server does not tell: {why}")
            }
            Reason::Materialized(name) => write!(
                f,
                "it reads {name}, a materialized view, of which only a REFRESH is told; read the \
                 tables that it is made of"
            ),
            Reason::Kind(name) => write!(f, "it reads {name}, which is not an ordinary table"),
            Reason::RowSecurity(name) => write!(
                f,
                "it reads {name}, which has row security: which rows there are depends on who asks"
            ),
            Reason::Inherited(name) => {
                write!(f, "it reads {name}, from which other tables inherit; read ONLY {name}")
            }
            Reason::Gone(oid) => write!(f, "object {oid} is not in the catalogue"),
            Reason::Function(name) => {
                write!(f, "it calls {name}, which may answer differently each time")
            }
            Reason::Session => f.write_str("it asks for the time or for the current user"),
            Reason::Clock => {
                f.write_str("it has a literal of a date or time that may mean now; use a parameter")
            }
            Reason::Type(oid) => write!(f, "it has values of type {oid}, which is not judged"),
            Reason::Parameter => f.write_str("it has a parameter that is not understood"),
        }
    }
}
