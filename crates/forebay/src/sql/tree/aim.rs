//! Which rows of a table that is spread over several databases a statement writes: what it inserts
//! into the column by which they are told apart, or what its conditions say of it, and whether it
//! looks at anything but the rows themselves. Where they go is decided elsewhere.

use super::analysis::Statement;
use super::block::Table;
use super::build::only_query;
use super::catalogue::{Catalogue, FIRST_OF_USERS, Needs};
use super::fact::FactReader;
use super::kind::Kind;
use super::mention::{Mention, mentions};
use super::node::{Node, Record};
use super::settle::reading;
use super::target::before;
use super::used::Used;
use crate::sql::{Occurrence, Operand};

/// What is known after a look at a statement that writes.
#[derive(Debug)]
pub(crate) enum Aiming {
    /// These objects are to be asked for first.
    Incomplete(Needs),
    /// It writes none of the tables that are spread, and reads none by its own text.
    Elsewhere,
    Refused(&'static str),
    Known(Aim),
}

/// The rows that a statement writes of one table.
#[derive(Debug)]
pub(crate) enum Aim {
    /// The values of the column, row by row; `None` for what is neither a literal nor a parameter.
    Insert { values: Vec<Option<Operand>>, is_plain: bool },
    /// Of an UPDATE or DELETE.
    Target {
        occurrence: Occurrence,
        table: u32,
        /// What the column is set to, if it is set; `None` within for an expression.
        set: Option<Option<Operand>>,
        /// It has neither RETURNING nor anything else that only one database can be asked.
        is_plain: bool,
    },
}

/// A table that is spread, and the column that tells its rows apart, by its attribute number minus
/// one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) table: u32,
    pub(crate) column: u16,
}

const QUERIES: &str = "it has a subquery, a WITH clause or another table beside the one that it \
     writes, and each member knows only its own rows: read what it needs first, and write that";

impl Statement {
    /// Judges an INSERT, UPDATE or DELETE. Cost: some passes over the tree.
    pub(crate) fn aiming(&self, spread: &[Spread], catalogue: &Catalogue) -> Aiming {
        let Ok(query) = only_query(self.tree()) else {
            return Aiming::Refused("it is not a single statement");
        };
        let needs = self.objects(query, catalogue);
        if !needs.is_empty() {
            return Aiming::Incomplete(needs);
        }
        let named = relations(self.tree());
        let is_spread = |oid: &u32| spread.iter().find(|it| it.table == *oid);
        let has_more = named.iter().any(|oid| {
            let known = catalogue.relations.get(oid).and_then(Option::as_ref);
            known.is_none_or(|relation| !matches!(relation.kind, b'r' | b'p'))
        });
        let written = target(query);
        match written.as_ref().and_then(is_spread) {
            None if named.iter().any(|oid| is_spread(oid).is_some()) => Aiming::Refused(
                "it writes a table that is not split, and rests on one that is: read what it \
                 needs first, and write that",
            ),
            None if has_more => Aiming::Refused(
                "it names a view, which may read what is split: read what it needs first, and \
                 write that",
            ),
            None => Aiming::Elsewhere,
            Some(spread) => match self.aim(query, *spread, catalogue) {
                Ok(aim) => Aiming::Known(aim),
                Err(why) => Aiming::Refused(why),
            },
        }
    }

    fn objects(&self, query: &Record, catalogue: &Catalogue) -> Needs {
        let mut needs = self.collations(catalogue);
        needs.relations = relations(self.tree()).into_iter().chain(target(query)).collect();
        needs.relations.retain(|oid| !catalogue.relations.contains_key(oid));
        needs
    }

    fn aim(
        &self,
        query: &Record,
        spread: Spread,
        catalogue: &Catalogue,
    ) -> Result<Aim, &'static str> {
        const ODD: &str = "its analysis is not understood";
        let relation =
            catalogue.relations.get(&spread.table).and_then(Option::as_ref).ok_or(ODD)?;
        let column = relation.column(usize::from(spread.column)).ok_or(ODD)?;
        let kind = Kind::ranged(column.type_oid).ok_or(ODD)?;
        let reader = FactReader { catalogue, order: self.order(), of_time: true };
        if query.has("cteList") || has_query(query) {
            return Err(QUERIES);
        }
        let is_plain = !query.has("returningList") && !query.has("onConflict");
        let sets = query.list("targetList").iter().filter_map(Node::record);
        let is_it = |target: &&Record| target.number("resno") == Some(i64::from(spread.column) + 1);
        let given = sets.into_iter().find(is_it);
        let constant = |node: &Node| reader.constant(node, kind);
        match query.number("commandType") {
            Some(3) => {
                let set = query.field("onConflict").record().map(|it| it.list("onConflictSet"));
                if set.unwrap_or_default().iter().filter_map(Node::record).any(|it| is_it(&it)) {
                    return Err("it sets the column that rows are split by where a row is there \
                         already, and could move that to another member");
                }
                let given = given.ok_or(
                    "the INSERT does not name the column that rows are split by; give its value",
                )?;
                let values = inserted(query, given, &constant).ok_or(
                    "the rows of an INSERT have to be written down as VALUES, since they are \
                     looked at to find their member: read them first, and insert what was read",
                )?;
                Ok(Aim::Insert { values, is_plain })
            }
            Some(2 | 4) => {
                if query.list("rtable").len() != 1 {
                    return Err(QUERIES);
                }
                if calls_users(self.tree()) {
                    return Err(
                        "it calls a function that somebody has made, which may read other \
                         rows than those that it is given",
                    );
                }
                let table = Table { oid: spread.table, relation, used: Used::All };
                let facts = before(query, &table, reader).ok_or(ODD)?;
                let about: Vec<_> = facts.iter().collect();
                let occurrence = reading(&table, &about, None).occurrence;
                let set = given.map(|given| constant(given.field("expr")));
                let set = set.filter(|_| query.number("commandType") == Some(2));
                Ok(Aim::Target { occurrence, table: spread.table, set, is_plain })
            }
            _ => Err("it is neither INSERT, UPDATE nor DELETE"),
        }
    }
}

/// The oid of the table that is written.
fn target(query: &Record) -> Option<u32> {
    let at = usize::try_from(query.number("resultRelation")?).ok()?.checked_sub(1)?;
    query.list("rtable").get(at)?.record()?.oid("relid")
}

/// The values of one column, row by row; `None` for rows that are not written down.
fn inserted(
    query: &Record,
    given: &Record,
    constant: &dyn Fn(&Node) -> Option<Operand>,
) -> Option<Vec<Option<Operand>>> {
    // What ON CONFLICT calls the row that was not inserted is no table.
    let conflict = query.field("onConflict").record();
    let excluded = conflict.and_then(|it| it.number("exclRelIndex")).filter(|it| *it > 0);
    let entries: Vec<&Record> = (1..)
        .zip(query.list("rtable"))
        .filter(|(at, _)| Some(*at) != excluded)
        .filter_map(|(_, entry)| entry.record())
        .collect();
    let expr = given.field("expr");
    match entries.as_slice() {
        [_] => Some(vec![constant(expr)]),
        // Several rows are a VALUES of their own, whose columns the statement refers to.
        [_, values] if values.number("rtekind") == Some(5) => {
            let var = expr.named("VAR")?;
            let at = usize::try_from(var.number("varattno")?).ok()?.checked_sub(1)?;
            if var.number("varno") != Some(2) {
                return None;
            }
            let rows = values.list("values_lists").iter();
            let value = |row: &Node| row.list().get(at).map(constant);
            rows.map(value).collect()
        }
        _ => None,
    }
}

/// Every table and view that a tree names.
fn relations(tree: &Node) -> Vec<u32> {
    let mut found = Vec::new();
    visit(tree, &mut |record| {
        if record.name == "RANGETBLENTRY" && record.number("rtekind") == Some(0) {
            found.extend(record.oid("relid"));
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

fn has_query(query: &Record) -> bool {
    let mut has = false;
    for (_, value) in &query.fields {
        visit(value, &mut |record| has |= record.name == "QUERY");
    }
    has
}

fn calls_users(tree: &Node) -> bool {
    let mut calls = false;
    visit(tree, &mut |record| {
        calls |= mentions(record).any(|it| match it {
            Mention::Function(oid) | Mention::Operator(oid) => oid >= FIRST_OF_USERS,
            Mention::Type(_) => false,
        });
    });
    calls
}

fn visit(node: &Node, look: &mut dyn FnMut(&Record)) {
    match node {
        Node::Record(record) => {
            look(record);
            record.fields.iter().for_each(|(_, value)| visit(value, look));
        }
        Node::List(members) => members.iter().for_each(|member| visit(member, look)),
        Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
    }
}
