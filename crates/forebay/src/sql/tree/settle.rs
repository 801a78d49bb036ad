//! Where facts may be used: the table of legal places. A fact of WHERE holds for every row that
//! goes on, so it may be applied to any leaf, but to one that a join fills with NULL only if it
//! cannot be true of NULL. A fact of ON holds for the joined rows: on both sides of an inner
//! join, and on the side of an outer join that is filled with NULL; on a full join it says
//! nothing. HAVING, and every other place, says nothing.

use super::block::{Block, Join, Leaf, Place, Side, Table};
use super::catalogue::Descent;
use super::fact::{Compared, Fact, FactReader};
use super::partner::{Linked, link};
use super::top::{Wish, top, wish};
use super::used::Used;
use crate::sql::{Collation, Conjunct, Occurrence, Test};

/// Facts that are followed from one column to another, per leaf.
const DERIVED_MAX: usize = 32;

/// One table in one place of a statement, and what it rests on there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Its table is the oid under which changes of its rows are told, in decimal.
    pub(crate) occurrence: Occurrence,
    /// The columns that are used of it, by attribute number minus one.
    pub(crate) used: Used,
}

/// Every occurrence of a table in a statement.
pub(super) fn readings(block: &Block<'_>, reader: FactReader<'_>) -> Vec<Reading> {
    let mut settler = Settler { reader, found: Vec::new(), linked: Vec::new() };
    settler.block(block, &[], wish(block, reader).as_ref());
    settler.found
}

struct Settler<'c> {
    reader: FactReader<'c>,
    found: Vec<Reading>,
    /// Those of the block that is being settled.
    linked: Vec<Linked>,
}

impl Settler<'_> {
    /// `known` are facts about a block that is plain.
    fn block(&mut self, block: &Block<'_>, known: &[Fact], wish: Option<&Wish>) {
        let outer = std::mem::take(&mut self.linked);
        self.join(block, &block.from, known, wish);
        let linked = std::mem::replace(&mut self.linked, outer);
        link(block, &linked, &mut self.found);
        for child in &block.children {
            self.block(child, &[], None);
        }
    }

    fn join(&mut self, block: &Block<'_>, join: &Join<'_>, known: &[Fact], wish: Option<&Wish>) {
        match join {
            Join::Leaf(leaf) => self.leaf(block, *leaf, known, wish),
            Join::Inner(parts, on) => {
                let mut known = known.to_vec();
                known.extend(self.reader.facts(on, block));
                for part in parts {
                    self.join(block, part, &known, wish);
                }
            }
            Join::Outer { side, left, right, on } => {
                let strict: Vec<Fact> =
                    known.iter().filter(|fact| fact.is_strict()).cloned().collect();
                let mut joined = strict.clone();
                joined.extend(self.reader.facts(on, block));
                let (to_left, to_right) = match side {
                    Side::Left => ((known, wish), (&*joined, None)),
                    Side::Right => ((&*joined, None), (known, wish)),
                    Side::Both => ((&*strict, None), (&*strict, None)),
                };
                self.join(block, left, to_left.0, to_left.1);
                self.join(block, right, to_right.0, to_right.1);
            }
        }
    }

    fn leaf(&mut self, block: &Block<'_>, leaf: usize, known: &[Fact], wish: Option<&Wish>) {
        let derived = derived(known);
        let own = known.iter().filter_map(|fact| match fact {
            Fact::Compared(compared) => Some(compared),
            Fact::Same(..) => None,
        });
        let about: Vec<&Compared> =
            own.chain(&derived).filter(|compared| compared.place.leaf == leaf).collect();
        let wish = wish.filter(|wish| wish.place.leaf == leaf);
        match block.leaves.get(leaf) {
            Some(Leaf::Table(table)) => {
                if !matches!(table.relation.descent, Descent::Partition { .. }) {
                    self.linked.push(Linked::new(block, leaf, self.found.len(), known));
                }
                let wish = wish.filter(|wish| {
                    wish.holds_for_null || is_never_null(&about, table, wish.place.column)
                });
                self.found.push(reading(table, &about, wish));
            }
            Some(Leaf::Query(inner)) if inner.is_plain => {
                let within = |place: Place| inner.output(place.column);
                let facts: Vec<Fact> = about
                    .into_iter()
                    .filter_map(|compared| {
                        let place = within(compared.place)?;
                        Some(Fact::Compared(Compared { place, ..compared.clone() }))
                    })
                    .collect();
                let wish =
                    wish.and_then(|wish| Some(Wish { place: within(wish.place)?, ..wish.clone() }));
                self.block(inner, &facts, wish.as_ref());
            }
            Some(Leaf::Query(inner)) => self.block(inner, &[], None),
            Some(Leaf::Alias(_) | Leaf::Other) | None => {}
        }
    }
}

/// What follows from columns being equal: `a.x = b.y AND b.y = 1` says that `a.x = 1`. Equal
/// values of one kind are the same value, so whatever else holds of one holds of the other.
fn derived(known: &[Fact]) -> Vec<Compared> {
    let pairs: Vec<_> = known
        .iter()
        .filter_map(|fact| match fact {
            Fact::Same(a, b, kind) => Some((*a, *b, *kind)),
            Fact::Compared(_) => None,
        })
        .collect();
    let mut derived: Vec<Compared> = Vec::new();
    if pairs.is_empty() {
        return derived;
    }
    let mut waiting: Vec<Compared> = known
        .iter()
        .filter_map(|fact| match fact {
            Fact::Compared(compared) if fact.is_strict() => Some(compared.clone()),
            _ => None,
        })
        .collect();
    while let Some(compared) = waiting.pop() {
        for (a, b, kind) in pairs.iter().flat_map(|(a, b, kind)| [(*a, *b, kind), (*b, *a, kind)]) {
            let is_alike = compared.kind.is_none_or(|known| known == *kind);
            if a == compared.place && is_alike && derived.len() < DERIVED_MAX {
                let other = Compared { place: b, ..compared.clone() };
                if !derived.contains(&other) {
                    derived.push(other.clone());
                    waiting.push(other);
                }
            }
        }
    }
    derived
}

/// What is read of a table in one place, of which so much is known there.
pub(super) fn reading(table: &Table<'_>, about: &[&Compared], wish: Option<&Wish>) -> Reading {
    // Changes of a partition are told as those of its root, whose columns may be in another order.
    if let Descent::Partition { root } = table.relation.descent {
        let table = root.to_string().into();
        let occurrence = Occurrence { table, conjuncts: Vec::new(), top: None, partner: None };
        return Reading { occurrence, used: Used::All };
    }
    let mut conjuncts: Vec<Conjunct> = Vec::new();
    for conjunct in about.iter().filter_map(|it| conjunct(it, table)) {
        if !conjuncts.contains(&conjunct) {
            conjuncts.push(conjunct);
        }
    }
    let top = wish.and_then(|wish| top(wish, table));
    let name = table.oid.to_string().into();
    let occurrence = Occurrence { table: name, conjuncts, top, partner: None };
    Reading { occurrence, used: all_if_generated(table) }
}

/// A generated column changes with the columns that it is made of, and may not be in the stream.
fn all_if_generated(table: &Table<'_>) -> Used {
    let Used::These(columns) = &table.used else { return Used::All };
    let is_stored = |column: &u16| {
        let column = table.relation.column(usize::from(*column));
        column.is_some_and(|column| !column.is_generated)
    };
    if columns.iter().all(is_stored) { table.used.clone() } else { Used::All }
}

/// A fact as a conjunct on a column of a table.
fn conjunct(compared: &Compared, table: &Table<'_>) -> Option<Conjunct> {
    let number = compared.place.column;
    let column = table.relation.column(number).filter(|column| !column.is_generated)?;
    let of_time = compared.kind.filter(|kind| kind.is_of_time());
    let kind = match of_time {
        Some(_) => super::kind::Kind::ranged(column.type_oid),
        None => super::kind::Kind::of(column.type_oid),
    };
    if compared.kind.is_some() && compared.kind != kind {
        return None;
    }
    Some(Conjunct {
        column: u16::try_from(number).ok()?,
        affinity: kind.map_or(crate::sql::Affinity::Blob, super::kind::Kind::affinity),
        collation: Collation::Binary,
        test: compared.test.clone(),
    })
}

/// Whether a column of the rows that matter holds no NULL.
fn is_never_null(about: &[&Compared], table: &Table<'_>, column: usize) -> bool {
    let is_declared = table.relation.column(column).is_some_and(|column| column.is_not_null);
    // A child by INHERITS need not keep to it.
    let is_kept = table.relation.descent != Descent::Parent;
    (is_declared && is_kept)
        || about
            .iter()
            .any(|compared| compared.place.column == column && !matches!(compared.test, Test::Null))
}
