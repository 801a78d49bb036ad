//! Which rows of its table a statement changes, as far as conditions with constants tell: rows that
//! meet them before the change and after it. It does not judge whether other rows or tables are
//! changed as well; see `effect`.

use std::collections::BTreeSet;

use super::analysis::Statement;
use super::block::{Block, Join, Leaf, Place, Table};
use super::build::only_query;
use super::catalogue::{Catalogue, Descent, Needs, Relation};
use super::fact::{Compared, Fact, FactReader};
use super::kind::Kind;
use super::node::{Node, Record};
use super::settle::reading;
use super::used::Used;
use crate::sql::{Occurrence, Test};

impl Statement {
    /// The collations that its conditions compare under and the catalogue does not hold.
    pub(crate) fn collations(&self, catalogue: &Catalogue) -> Needs {
        let mut needs = Needs::default();
        let mut waiting = vec![self.tree()];
        while let Some(node) = waiting.pop() {
            match node {
                Node::Record(record) => {
                    needs.collations.extend(record.oid("inputcollid").filter(|oid| *oid != 0));
                    waiting.extend(record.fields.iter().map(|(_, value)| value));
                }
                Node::List(members) => waiting.extend(members),
                Node::Null | Node::Atom(_) | Node::Numbers(_) | Node::Datum(_) => {}
            }
        }
        needs.collations.retain(|oid| !catalogue.collations.contains_key(oid));
        needs
    }

    /// The equalities that every row meets which the statement changes of the table that it names,
    /// before and after; `None` if there are none, or if more than its own condition decides which
    /// rows these are. To be asked when it is known what it may write.
    ///
    /// For UPDATE and DELETE the condition holds for each row before, at READ COMMITTED for its
    /// newest version, since the server checks it again after it has waited for another writer. It
    /// holds after for a column that neither the statement nor a trigger assigns to, and that is
    /// not made of others. For INSERT it is what is inserted.
    pub(crate) fn target(&self, catalogue: &Catalogue) -> Option<Occurrence> {
        let query = only_query(self.tree()).ok()?;
        let [entry] = query.list("rtable") else { return None };
        let oid = self.only_target(catalogue)?;
        let relation = catalogue.relations.get(&oid)?.as_ref()?;
        let is_named = query.number("resultRelation") == Some(1)
            && entry.named("RANGETBLENTRY")?.oid("relid") == Some(oid);
        if !is_named || relation.kind != b'r' || relation.descent != Descent::Alone {
            return None;
        }
        let table = Table { oid, relation, used: Used::All };
        let reader = FactReader { catalogue, order: self.order(), of_time: false };
        let facts = match query.number("commandType")? {
            2 | 4 => before(query, &table, reader)?,
            3 if has_no_update(query) && is_as_given(query) => inserted(query, relation, reader),
            _ => return None,
        };
        let assigned = assigned(query)?;
        let stamped = catalogue.consequences.get(&oid)?.as_ref()?.stamped.as_ref()?;
        let is_stamped =
            |it: &Compared| relation.column(column(it)).is_none_or(|it| stamped.contains(&it.name));
        let about: Vec<&Compared> = facts
            .iter()
            .filter(|it| matches!(it.test, Test::OneOf(_) | Test::Null) && !is_stamped(it))
            .filter(|it| query.number("commandType") == Some(3) || !assigned.contains(&column(it)))
            .collect();
        let occurrence = reading(&table, &about, None).occurrence;
        (!occurrence.conjuncts.is_empty()).then_some(occurrence)
    }
}

fn column(compared: &Compared) -> usize {
    compared.place.column
}

/// What WHERE says.
pub(super) fn before(
    query: &Record,
    table: &Table<'_>,
    reader: FactReader<'_>,
) -> Option<Vec<Compared>> {
    let from = query.field("jointree").named("FROMEXPR")?;
    let [only] = from.list("fromlist") else { return None };
    if only.named("RANGETBLREF")?.number("rtindex") != Some(1) {
        return None;
    }
    let leaf = Leaf::Table(Table { used: Used::All, ..*table });
    let quals = from.field("quals");
    let block = Block {
        query,
        leaves: vec![leaf],
        from: Join::Inner(vec![Join::Leaf(0)], quals),
        is_plain: true,
        outputs: Vec::new(),
        children: Vec::new(),
    };
    let compared = |fact| match fact {
        Fact::Compared(compared) => Some(compared),
        Fact::Same(..) => None,
    };
    Some(reader.facts(quals, &block).into_iter().filter_map(compared).collect())
}

/// What the only row has that is inserted.
fn inserted(query: &Record, relation: &Relation, reader: FactReader<'_>) -> Vec<Compared> {
    let targets = query.list("targetList").iter().filter_map(|target| target.named("TARGETENTRY"));
    let compared = |target: &Record| {
        let column = usize::try_from(target.number("resno")?).ok()?.checked_sub(1)?;
        let kind = Kind::of(relation.column(column)?.type_oid)?;
        let operand = reader.constant(target.field("expr"), kind)?;
        let test = Test::OneOf(vec![operand]);
        Some(Compared { place: Place { leaf: 0, column }, kind: Some(kind), test })
    };
    targets.filter_map(compared).collect()
}

/// Whether nothing is done to a row that is there already.
fn has_no_update(query: &Record) -> bool {
    match query.field("onConflict").record() {
        None => !query.has("onConflict"),
        Some(conflict) => conflict.number("action") == Some(1),
    }
}

/// Whether values that are given for identity columns are taken: OVERRIDING USER VALUE has the
/// server draw others, which this tree does not show.
fn is_as_given(query: &Record) -> bool {
    matches!(query.number("override"), Some(0 | 2))
}

/// The columns that are assigned to, by attribute number minus one; those of a row that is deleted
/// are none. An element or a field that is assigned to counts as its column.
fn assigned(query: &Record) -> Option<BTreeSet<usize>> {
    let mut assigned = BTreeSet::new();
    for target in query.list("targetList") {
        let number = target.named("TARGETENTRY")?.number("resno")?;
        assigned.insert(usize::try_from(number).ok()?.checked_sub(1)?);
    }
    Some(assigned)
}
