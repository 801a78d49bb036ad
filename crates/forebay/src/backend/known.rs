//! What is known of a statement, whatever database analysed it: what it does, what its answers
//! rest on, and every rule that keeps them out of the cache.

use std::sync::Arc;

use super::effect::Effect;
use crate::error::Error;
use crate::invalidate::Basis;
use crate::row::Column;
use crate::sql::{Bypass, Determined};

/// What is known of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) effect: Effect,
    /// What its answers rest on.
    pub(crate) basis: Basis,
    /// The same in words, per occurrence of a table.
    pub(crate) rests_on: Vec<String>,
    /// What two right answers must agree on.
    pub(crate) determined: Option<Determined>,
    pub(crate) read_tables: Vec<Box<str>>,
    pub(crate) write_tables: Vec<Box<str>>,
    /// What it drops from the cache, in words, when it writes.
    pub(crate) drops: Vec<String>,
    /// Rules that keep answers out of the cache, none for a cacheable read.
    pub(crate) bypasses: Vec<Bypass>,
    /// Functions that stopped it, for `explain`.
    pub(crate) functions: Vec<Box<str>>,
    /// Why answers are not kept, in words, where more is known than the rules.
    pub(crate) reasons: Vec<String>,
    pub(crate) columns: Arc<[Column]>,
    /// What it asks of its own connection, which on a shared one is what some other caller did.
    pub(crate) asks: Vec<&'static str>,
    pub(crate) is_explain: bool,
    pub(crate) is_readonly: bool,
}

/// What a statement takes and gives.
pub(crate) struct Described {
    /// The parameters in order, with their names where they have one.
    pub(crate) params: Vec<Option<String>>,
    pub(crate) known: Known,
}

impl Known {
    /// A statement of which no more is known than its effect and its columns.
    pub(crate) fn of(effect: Effect, columns: Arc<[Column]>) -> Known {
        Known {
            effect,
            basis: Basis::default(),
            rests_on: Vec::new(),
            determined: None,
            read_tables: Vec::new(),
            write_tables: Vec::new(),
            drops: Vec::new(),
            bypasses: Vec::new(),
            functions: Vec::new(),
            reasons: Vec::new(),
            columns,
            asks: Vec::new(),
            is_explain: false,
            is_readonly: false,
        }
    }

    /// The error for a statement that needs a connection of its own.
    pub(crate) fn refusal(&self) -> Error {
        Error::usage(match self.effect {
            Effect::Transaction => {
                "transactions do not begin or end with a statement of their own here, because \
                 connections are shared: use `transaction`, or a `session`"
            }
            _ => {
                "the statement changes the connection (a setting, TEMP objects, ATTACH, LISTEN), \
                 and connections are shared: use a `session`, or the builder's settings"
            }
        })
    }

    /// Whether it asks what its own connection did before, which on a shared one is what some
    /// other caller did.
    pub(crate) fn asks_its_connection(&self) -> bool {
        !self.asks.is_empty()
    }

    /// Whether answers may be kept.
    pub(crate) fn is_cacheable(&self) -> bool {
        self.bypasses.is_empty()
    }

    /// Bytes that it takes beside itself, about: what grows with the schema and the text is
    /// counted.
    pub(crate) fn heap_size(&self) -> usize {
        /// What the heap adds to a name.
        const BLOCK: usize = 16;
        let named = |names: &[Box<str>]| {
            names.iter().map(|name| size_of::<Box<str>>() + BLOCK + name.len()).sum::<usize>()
        };
        let lines = |lines: &[String]| {
            lines.iter().map(|line| size_of::<String>() + BLOCK + line.capacity()).sum::<usize>()
        };
        let column = |column: &Column| {
            let declared = column.declared.as_ref().map_or(0, |declared| BLOCK + declared.len());
            size_of::<Column>() + BLOCK + column.name.len() + declared
        };
        self.columns.iter().map(column).sum::<usize>()
            + named(&self.read_tables)
            + named(&self.write_tables)
            + named(&self.functions)
            + lines(&self.rests_on)
            + lines(&self.drops)
            + lines(&self.reasons)
            + self.basis.size()
    }
}
