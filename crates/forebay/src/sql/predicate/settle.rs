//! Where facts may be used: the table of legal places. A fact of WHERE holds for every row that
//! goes on, so it may be applied to any leaf, but to one that a join fills with NULL only if it
//! cannot be true of NULL. A fact of ON holds for the joined rows: on both sides of an inner
//! join, and on the right of a LEFT JOIN. HAVING, and every other place, says nothing.

use super::block::{Block, Node, Query, Source};
use super::fact::{Compared, Fact, facts};
use super::occurrence::{Collation, Conjunct, Occurrence, Test, Top};
use super::partner::{Linked, is_plain_integer, link};
use super::place::Place;
use super::schema::Table;
use super::top::{Wish, wish};

/// Facts that are followed from one column to another, per leaf.
const DERIVED_MAX: usize = 32;

/// Every occurrence of a table in a query. If aggregates may belong to another block than the one
/// they stand in, no fact passes from one block to another.
pub(super) fn occurrences(query: &Query<'_>, aggregates_may_escape: bool) -> Vec<Occurrence> {
    let mut settler =
        Settler { is_local: aggregates_may_escape, found: Vec::new(), linked: Vec::new() };
    let wish = if aggregates_may_escape { None } else { wish(query) };
    settler.query(query, &[], wish.as_ref());
    settler.found
}

struct Settler {
    is_local: bool,
    found: Vec<Occurrence>,
    /// Those of the block that is being settled.
    linked: Vec<Linked>,
}

impl Settler {
    /// `known` are facts about its only block, if there are any.
    fn query(&mut self, query: &Query<'_>, known: &[Fact], wish: Option<&Wish>) {
        for block in &query.blocks {
            self.block(block, known, wish);
        }
        for child in &query.children {
            self.query(child, &[], None);
        }
    }

    fn block(&mut self, block: &Block<'_>, known: &[Fact], wish: Option<&Wish>) {
        let mut known = known.to_vec();
        if let Some(filter) = block.filter {
            known.extend(facts(filter, block));
        }
        match &block.from {
            Some(_) if block.has_right => {
                // Any of them may be filled with NULL, and no ON holds for every row.
                known.retain(Fact::is_strict);
                for leaf in 0..block.leaves.len() {
                    self.leaf(block, leaf, &known, None);
                }
            }
            Some(node) => {
                let outer = std::mem::take(&mut self.linked);
                self.node(block, node, &known, wish);
                let linked = std::mem::replace(&mut self.linked, outer);
                link(block, &linked, &mut self.found);
            }
            None => {
                for leaf in 0..block.leaves.len() {
                    self.leaf(block, leaf, &[], None);
                }
            }
        }
        for child in &block.children {
            self.query(child, &[], None);
        }
    }

    fn node(&mut self, block: &Block<'_>, node: &Node<'_>, known: &[Fact], wish: Option<&Wish>) {
        match node {
            Node::Leaf(leaf) => self.leaf(block, *leaf, known, wish),
            Node::Inner(left, right, on) => {
                let mut known = known.to_vec();
                known.extend(on.iter().flat_map(|on| facts(on, block)));
                self.node(block, left, &known, wish);
                self.node(block, right, &known, wish);
            }
            Node::Left(left, right, on) => {
                self.node(block, left, known, wish);
                let mut known: Vec<Fact> =
                    known.iter().filter(|fact| fact.is_strict()).cloned().collect();
                known.extend(on.iter().flat_map(|on| facts(on, block)));
                self.node(block, right, &known, None);
            }
            Node::Right(left, right) => {
                debug_assert!(block.has_right, "such a block is settled leaf by leaf");
                self.node(block, left, &[], None);
                self.node(block, right, &[], None);
            }
        }
    }

    fn leaf(&mut self, block: &Block<'_>, leaf: usize, known: &[Fact], wish: Option<&Wish>) {
        let derived = if self.is_local { Vec::new() } else { derived(block, known) };
        let own = known.iter().filter_map(|fact| match fact {
            Fact::Compared(compared) => Some(compared),
            Fact::Same(..) => None,
        });
        let about: Vec<&Compared> =
            own.chain(&derived).filter(|compared| compared.place.leaf == leaf).collect();
        let wish = wish.filter(|wish| wish.place.leaf == leaf);
        match &block.leaves[leaf].source {
            Source::Table(table) => {
                let mut conjuncts: Vec<Conjunct> = Vec::new();
                for conjunct in about.into_iter().filter_map(|it| conjunct(it, table)) {
                    if !conjuncts.contains(&conjunct) {
                        conjuncts.push(conjunct);
                    }
                }
                let top = wish.and_then(|wish| top(wish, table));
                if !self.is_local && !block.has_right {
                    self.linked.push(Linked::new(block, leaf, self.found.len(), known));
                }
                let table = table.name.clone();
                self.found.push(Occurrence { table, conjuncts, top, partner: None });
            }
            Source::Query(query) => match query.plain().filter(|_| !self.is_local) {
                Some(inner) => {
                    let facts: Vec<Fact> = about
                        .into_iter()
                        .filter_map(|compared| {
                            let place = within(inner, compared.place)?;
                            Some(Fact::Compared(Compared { place, ..compared.clone() }))
                        })
                        .collect();
                    let wish = wish.and_then(|wish| {
                        Some(Wish { place: within(inner, wish.place)?, ..wish.clone() })
                    });
                    self.query(query, &facts, wish.as_ref());
                }
                None => self.query(query, &[], None),
            },
            Source::Recursion => {}
        }
    }
}

/// The column within a block that one of its result columns is.
fn within(block: &Block<'_>, place: Place) -> Option<Place> {
    block.outputs.as_ref()?.get(place.column)?.place
}

/// What follows from columns being equal: `a.x = b.y AND b.y = 1` says that `a.x = 1`. Both must
/// have INTEGER affinity and compare as BINARY; then equality passes from one to the other for
/// whatever they hold.
fn derived(block: &Block<'_>, known: &[Fact]) -> Vec<Compared> {
    let is_plain_integer = |place: Place| is_plain_integer(block, place);
    let pairs: Vec<(Place, Place)> = known
        .iter()
        .filter_map(|fact| match fact {
            Fact::Same(a, b) if is_plain_integer(*a) && is_plain_integer(*b) => Some((*a, *b)),
            _ => None,
        })
        .collect();
    let mut derived: Vec<Compared> = Vec::new();
    if pairs.is_empty() {
        return derived;
    }
    let mut waiting: Vec<Compared> = known
        .iter()
        .filter_map(|fact| match fact {
            Fact::Compared(compared) if compared.collation.is_none() && fact.is_strict() => {
                Some(compared.clone())
            }
            _ => None,
        })
        .collect();
    while let Some(compared) = waiting.pop() {
        for (a, b) in pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]) {
            if a == compared.place && derived.len() < DERIVED_MAX {
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

/// A fact as a conjunct on a column of a table.
fn conjunct(compared: &Compared, table: &Table) -> Option<Conjunct> {
    let number = compared.place.column;
    let column = table.columns.get(number).filter(|column| !column.is_generated)?;
    let needs_none = matches!(compared.test, Test::Null | Test::Range { low: None, high: None });
    let any = needs_none.then_some(Collation::Binary);
    Some(Conjunct {
        column: u16::try_from(number).ok()?,
        affinity: column.affinity,
        collation: compared.collation.or(column.collation).or(any)?,
        test: compared.test.clone(),
    })
}

fn top(wish: &Wish, table: &Table) -> Option<Top> {
    let number = wish.place.column;
    let column = table.columns.get(number).filter(|column| !column.is_generated)?;
    Some(Top {
        column: u16::try_from(number).ok()?,
        affinity: column.affinity,
        collation: wish.collation.or(column.collation)?,
        descending: wish.descending,
        output: wish.output,
        limit: wish.limit.clone(),
    })
}
