//! The way from the text of a tree to what the cache needs. The caller asks, fetches what is
//! missing in the catalogue, and asks again, at most as often as views are nested.

use std::collections::BTreeSet;

use super::binding::Parameters;
use super::build::{Builder, address, only_query};
use super::catalogue::{Catalogue, Needs};
use super::datum::ByteOrder;
use super::determined::determined;
use super::fact::FactReader;
use super::node::{Node, Record};
use super::reason::Reason;
use super::settle::{Reading, readings};
use super::survey::{Survey, survey};
use super::top::wish;
use crate::sql::Determined;

/// What is known after a look at a statement.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// These objects are to be asked for first.
    Incomplete(Needs),
    /// It is not to be served from the cache.
    Refused(Vec<Reason>),
    Cacheable(Analysis),
}

/// What the answers of a statement rest on.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// Every occurrence of every table, views expanded.
    pub(crate) readings: Vec<Reading>,
    pub(crate) parameters: Parameters,
    /// It rests on `TimeZone`, `DateStyle` and their like as well, which have to be the same for
    /// everybody who shares the cache.
    pub(crate) rests_on_settings: bool,
    /// What two right answers must agree on.
    pub(crate) determined: Option<Determined>,
}

/// The tree of a statement, read.
#[derive(Debug)]
pub(crate) struct Statement {
    tree: Node,
    sql: Box<str>,
    order: ByteOrder,
}

impl ByteOrder {
    /// The byte order of a server, from the tree of `SELECT 1`.
    pub(crate) fn told_by(tree: &str) -> Option<ByteOrder> {
        let tree = Node::parse(tree).ok()?;
        let target = only_query(&tree).ok()?.list("targetList").first()?.record()?;
        let Node::Datum(bytes) = target.field("expr").named("CONST")?.field("constvalue") else {
            return None;
        };
        match bytes.as_slice() {
            [1, 0, 0, 0, 0, 0, 0, 0] => Some(ByteOrder::Little),
            [0, 0, 0, 0, 0, 0, 0, 1] => Some(ByteOrder::Big),
            _ => None,
        }
    }
}

impl Statement {
    /// Reads the `prosqlbody` of a function whose body is `BEGIN ATOMIC sql; END`.
    pub(crate) fn read(tree: &str, sql: &str, order: ByteOrder) -> Result<Statement, Reason> {
        let tree = Node::parse(tree).map_err(|fault| Reason::NotUnderstood(fault.0))?;
        Ok(Statement { tree, sql: sql.into(), order })
    }

    /// Judges it by what the catalogue holds. Cost: some passes over the tree and those of the
    /// views that it reads.
    pub(crate) fn analyse(&self, catalogue: &Catalogue) -> Outcome {
        let found = survey(&self.tree, &self.sql, catalogue);
        if !found.reasons.is_empty() {
            return Outcome::Refused(found.reasons);
        }
        if !found.needs.is_empty() {
            return Outcome::Incomplete(found.needs);
        }
        match self.settle(found, catalogue) {
            Ok(analysis) => Outcome::Cacheable(analysis),
            Err(reason) => Outcome::Refused(vec![reason]),
        }
    }

    pub(super) fn tree(&self) -> &Node {
        &self.tree
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn order(&self) -> ByteOrder {
        self.order
    }

    fn settle(&self, found: Survey, catalogue: &Catalogue) -> Result<Analysis, Reason> {
        let mut builder = Builder::new(catalogue);
        let block = builder.statement(only_query(&self.tree)?)?;
        let seen = builder.tables;
        let views = found
            .relations
            .iter()
            .filter_map(|oid| catalogue.relations.get(oid)?.as_ref()?.view.as_ref()?.as_ref().ok());
        let trees: Vec<&Node> = std::iter::once(&self.tree).chain(views).collect();
        // The builder follows what it knows; this looks everywhere.
        if !trees.iter().all(|tree| are_seen(tree, &seen)) {
            return Err(Reason::NotUnderstood("a table stands where none was looked for"));
        }
        let reader = FactReader { catalogue, order: self.order, of_time: false };
        let page = wish(&block, reader);
        Ok(Analysis {
            readings: readings(&block, reader),
            determined: determined(trees.into_iter(), block.query, page.as_ref()),
            parameters: found.parameters,
            rests_on_settings: found.rests_on_settings,
        })
    }
}

/// Whether every entry of a table in a tree is among these.
pub(super) fn are_seen(node: &Node, seen: &BTreeSet<usize>) -> bool {
    let is_seen = |record: &Record| {
        record.name != "RANGETBLENTRY"
            || record.number("rtekind") != Some(0)
            || seen.contains(&address(record))
    };
    match node {
        Node::Record(record) => {
            is_seen(record) && record.fields.iter().all(|(_, value)| are_seen(value, seen))
        }
        Node::List(members) => members.iter().all(|member| are_seen(member, seen)),
        Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => true,
    }
}
