//! From messages to committed transactions, each with what it changed. Rows are noted as they
//! come and not kept, so a transaction takes no more memory than what is noted of it. It applies
//! nothing.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::catalogue::{Catalogue, name};
use super::ended::Ended;
use super::message::{Description, Message, Old};
use super::relation::{Meaning, Relation};
use super::row::Row;
use super::tuple::Tuple;
use crate::invalidate::Lsn;
use crate::invalidate::{Changes, Op, RowChange};

/// What the triggers of `forebay setup` write on a change of the schema.
pub(crate) const DDL: &str = "forebay_ddl";

/// Its content, when a partition may have been attached or detached.
const ALTER_TABLE: &[u8] = b"ALTER TABLE";

/// What they write on REFRESH MATERIALIZED VIEW; the content is the number of the view.
pub(crate) const REFRESH: &str = "forebay_refresh";

/// Tables kept of one stream.
const RELATIONS_MAX: usize = 100_000;

/// What is noted of a transaction. It is told every row in turn.
pub(crate) trait Record {
    fn record(&mut self, table: &str, change: &dyn RowChange);
    /// Something of `table` has changed.
    fn record_unknown(&mut self, table: &str);
}

impl Record for Changes {
    fn record(&mut self, table: &str, change: &dyn RowChange) {
        Changes::record(self, table, change);
    }

    fn record_unknown(&mut self, table: &str) {
        Changes::record_unknown(self, table);
    }
}

/// A committed transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Committed<R> {
    /// Its number, without the epoch.
    pub(crate) xid: u32,
    /// Where its commit stands.
    pub(crate) commit: Lsn,
    /// Where the record of the commit ends.
    pub(crate) end: Lsn,
    pub(crate) extent: Extent<R>,
    /// Whether it changed the schema: what is known of the catalogue is void.
    pub(crate) is_ddl: bool,
    /// Whether a table was altered, which may be a partition of another one since.
    pub(crate) alters_table: bool,
}

/// What a transaction has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Extent<R> {
    /// What was noted.
    Noted(R),
    /// Anything.
    Everything,
}

/// Puts messages together to transactions.
pub(super) struct Assembler<R> {
    relations: HashMap<u32, Relation, RandomState>,
    /// None when it is not known how the tables look.
    catalogue: Option<Catalogue>,
    open: Option<Open<R>>,
}

/// The transaction whose messages are coming.
struct Open<R> {
    xid: u32,
    commit: Lsn,
    extent: Extent<R>,
    is_ddl: bool,
    alters_table: bool,
}

impl<R: Record> Assembler<R> {
    pub(super) fn new() -> Assembler<R> {
        Assembler { relations: HashMap::default(), catalogue: None, open: None }
    }

    /// Takes the next message; a transaction, when it was its last.
    pub(super) fn take(
        &mut self,
        message: Message<'_>,
        record: impl FnOnce() -> R,
    ) -> Result<Option<Committed<R>>, Ended> {
        match message {
            Message::Begin { commit, xid } => self.begin(commit, xid, record())?,
            Message::Commit { commit, end } => return self.commit(commit, end).map(Some),
            Message::Origin | Message::Type => {}
            Message::Relation(described) => self.describe(&described)?,
            Message::Insert { relation, new } => {
                self.change(relation, Op::Insert, &Old::None, Some(&new))?;
            }
            Message::Update { relation, old, new } => {
                self.change(relation, Op::Update, &old, Some(&new))?;
            }
            Message::Delete { relation, old } => {
                self.change(relation, Op::Delete, &old, None)?;
            }
            Message::Truncate { relations, .. } => {
                relations.iter().try_for_each(|relation| self.truncate(*relation))?;
            }
            Message::Note { is_transactional: true, prefix, content } => {
                self.note(prefix, content)?;
            }
            // It comes between transactions, and none of ours is like this.
            Message::Note { is_transactional: false, .. } => {}
        }
        Ok(None)
    }

    /// Whether it is known how the tables look.
    #[cfg(test)]
    pub(super) fn has_catalogue(&self) -> bool {
        self.catalogue.is_some()
    }

    /// From now on the tables are as `catalogue` says; without one, it is not known.
    pub(super) fn adopt(&mut self, catalogue: Option<Catalogue>) {
        self.catalogue = catalogue;
        let catalogue = self.catalogue.as_ref();
        self.relations.values_mut().for_each(|relation| relation.resolve(catalogue));
    }

    fn begin(&mut self, commit: Lsn, xid: u32, record: R) -> Result<(), Ended> {
        if self.open.is_some() {
            return Err(Ended::Disordered("a transaction begins inside another"));
        }
        let extent = Extent::Noted(record);
        self.open = Some(Open { xid, commit, extent, is_ddl: false, alters_table: false });
        Ok(())
    }

    fn commit(&mut self, commit: Lsn, end: Lsn) -> Result<Committed<R>, Ended> {
        let open = self.open.take().ok_or(Ended::Disordered("a commit without a transaction"))?;
        if open.commit != commit || end <= commit {
            return Err(Ended::Disordered("a commit of another transaction"));
        }
        let Open { xid, commit, extent, is_ddl, alters_table } = open;
        Ok(Committed { xid, commit, end, extent, is_ddl, alters_table })
    }

    fn describe(&mut self, described: &Description<'_>) -> Result<(), Ended> {
        let relation = Relation::new(described, self.catalogue.as_ref());
        self.relations.insert(described.oid, relation);
        if self.relations.len() > RELATIONS_MAX {
            return Err(Ended::TooManyRelations);
        }
        Ok(())
    }

    fn change<'b>(
        &mut self,
        oid: u32,
        op: Op,
        old: &Old<'b>,
        new: Option<&Tuple<'b>>,
    ) -> Result<(), Ended> {
        let open = self.open.as_mut().ok_or(OUTSIDE)?;
        let relation = self.relations.get(&oid).ok_or(Ended::UnknownRelation(oid))?;
        let image = match old {
            Old::Key(tuple) | Old::Full(tuple) => Some(tuple),
            Old::None => None,
        };
        if image.into_iter().chain(new).any(|tuple| tuple.0.len() != relation.width()) {
            return Err(Ended::Misfit(oid));
        }
        match (&mut open.extent, &relation.meaning) {
            (Extent::Everything, _) => {}
            (Extent::Noted(record), Meaning::Rows(mapping)) => {
                record.record(&mapping.table, &Row { relation, mapping, old, new, op });
            }
            (Extent::Noted(record), Meaning::Whole(table)) => record.record_unknown(table),
            (extent, Meaning::Anything) => *extent = Extent::Everything,
        }
        Ok(())
    }

    fn truncate(&mut self, oid: u32) -> Result<(), Ended> {
        let open = self.open.as_mut().ok_or(OUTSIDE)?;
        let relation = self.relations.get(&oid).ok_or(Ended::UnknownRelation(oid))?;
        match (&mut open.extent, &relation.meaning) {
            (Extent::Everything, _) => {}
            (Extent::Noted(record), Meaning::Rows(mapping)) => {
                record.record_unknown(&mapping.table);
            }
            (Extent::Noted(record), Meaning::Whole(table)) => record.record_unknown(table),
            (extent, Meaning::Anything) => *extent = Extent::Everything,
        }
        Ok(())
    }

    fn note(&mut self, prefix: &[u8], content: &[u8]) -> Result<(), Ended> {
        let open = self.open.as_mut().ok_or(OUTSIDE)?;
        let view = match prefix {
            _ if prefix == DDL.as_bytes() => None,
            _ if prefix == REFRESH.as_bytes() => number(content),
            _ => return Ok(()),
        };
        match (view, &mut open.extent) {
            (Some(view), Extent::Noted(record)) => record.record_unknown(&name(view)),
            (Some(_), Extent::Everything) => {}
            (None, extent) => {
                *extent = Extent::Everything;
                open.is_ddl = true;
                open.alters_table |= content == ALTER_TABLE;
                self.adopt(None);
            }
        }
        Ok(())
    }
}

const OUTSIDE: Ended = Ended::Disordered("a change outside a transaction");

/// The number of a table, in plain digits.
fn number(content: &[u8]) -> Option<u32> {
    std::str::from_utf8(content).ok()?.parse().ok()
}
