//! What is known of a statement: what its words tell, and what the server's analysis of it adds.

use std::ops::Deref;

use crate::backend::{Effect, Known};
use crate::invalidate::{Basis, Bindings, Extent, WriteSet};
use crate::sql::tree::Parameters;
use crate::sql::{self, Bypass, Command, asks_its_session, is_explain};
use crate::value::Value;

/// What is known of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub(crate) known: Known,
    /// The number of the schema that it was found out under; `None` if it is to be found out anew
    /// as soon as the schema has one.
    pub(crate) schema: Option<u64>,
    /// The tables that it may change.
    writes: WriteSet,
    /// The rows of one of them that it may change, and the others.
    target: Option<(Basis, WriteSet)>,
    /// It leaves nothing behind in its session, which is proven.
    pub(crate) is_clean: bool,
    pub(super) parameters: Parameters,
}

impl Analysis {
    /// Only what its words tell.
    pub(super) fn by_words(sql: &str, schema: Option<u64>) -> Analysis {
        Analysis {
            known: known(sql),
            schema,
            writes: WriteSet::Everything,
            target: None,
            is_clean: false,
            parameters: Parameters::default(),
        }
    }

    /// Its answers are not kept for this reason.
    pub(super) fn refuse(mut self, rule: Bypass, reason: String) -> Analysis {
        self.known.bypasses = vec![rule];
        self.known.reasons = vec![reason];
        self
    }

    /// The same for a reason that may be gone when it is run again: it is to be found out anew.
    pub(super) fn not_yet(self, reason: String) -> Analysis {
        Analysis { schema: None, ..self.refuse(Bypass::Unknown, reason) }
    }

    /// The bound values as conditions on them are evaluated here; `None` when it is not certain
    /// what they mean to the server.
    pub(crate) fn meanings(&self, values: &[&Value]) -> Option<Vec<Value>> {
        self.parameters.meanings(values)
    }

    /// The same, which may change these tables and no others.
    pub(super) fn changing(self, writes: WriteSet) -> Analysis {
        Analysis { writes, ..self }
    }

    /// The same, which changes those rows only of a table, and tables `beside` it.
    pub(super) fn changing_rows(self, of: Basis, beside: WriteSet) -> Analysis {
        Analysis { target: Some((of, beside)), ..self }
    }

    /// What it may change, run with these parameters.
    pub(crate) fn extent(&self, values: &[&Value]) -> Extent {
        let rows = self.target.as_ref().and_then(|(target, beside)| {
            let meanings = self.meanings(values)?;
            let meanings: Vec<&Value> = meanings.iter().collect();
            Extent::of_rows(target, Bindings(&meanings), beside)
        });
        rows.unwrap_or_else(|| self.widest())
    }

    /// What it may change, whatever it is run with.
    pub(crate) fn widest(&self) -> Extent {
        Extent::of(self.writes.clone())
    }

    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        let target = self.target.as_ref().map_or(0, |(target, _)| target.size());
        size_of::<Analysis>() + self.known.heap_size() + target + 64 * self.parameters.len()
    }
}

impl Deref for Analysis {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

/// What is known of a text before the server has seen it.
pub(crate) fn known(sql: &str) -> Known {
    let command = Command::of(sql);
    let effect = match command {
        Command::Read => Effect::Read,
        Command::Write => Effect::Write,
        Command::Schema => Effect::Schema,
        Command::Maintain => Effect::Maintain,
        Command::Session => Effect::Session,
        Command::Transaction => Effect::Transaction,
    };
    let mut known = Known::of(effect, [].into());
    known.is_explain = is_explain(sql);
    known.bypasses = vec![match effect {
        Effect::Read if known.is_explain => Bypass::Pragma,
        Effect::Read => Bypass::CacheOff,
        _ => Bypass::Write,
    }];
    known.is_readonly = effect == Effect::Read;
    known.asks = asks_its_session(sql);
    known
}

/// Whether a text is COMMIT or END.
pub(crate) fn is_commit(sql: &str) -> bool {
    sql::is_commit(sql)
}

/// Whether a statement may leave something in its session, as far as its words tell. A function
/// that a query calls may, too.
pub(crate) fn may_change_session(known: &Known, sql: &str) -> bool {
    known.effect == Effect::Session || sql::runs_block(sql)
}
