//! Rows that matter only if another occurrence of a table in the same block has a row that they
//! equal in one column: `JOIN b ON b.id = a.b_id WHERE a.x = ?` rests on no other rows of `b` than
//! those that the qualifying rows of `a` name, whether or not they are there. Which values these
//! are, only the database can tell. Nothing of this passes from one block to another.

use super::block::{Block, Leaf, Place, Table};
use super::fact::Fact;
use super::kind::Kind;
use super::settle::Reading;
use crate::sql::{Conjunct, Occurrence, Partner, Test};

/// Constants that an occurrence may be limited by to be asked for its values.
const OPERANDS_MAX: usize = 16;

/// An occurrence that has just been found, and the columns that are known to equal one of it.
pub(super) struct Linked {
    leaf: usize,
    /// Its place among the occurrences.
    index: usize,
    /// Its own column, and that of another leaf.
    pairs: Vec<(usize, Place)>,
}

impl Linked {
    /// The leaf of a table that was found as the occurrence at `index`, where `known` holds.
    pub(super) fn new(block: &Block<'_>, leaf: usize, index: usize, known: &[Fact]) -> Linked {
        let is_integer = |place: Place| block.kind(place) == Some(Kind::Integer);
        let pair = |fact: &Fact| match fact {
            Fact::Same(a, b, Kind::Integer) if is_integer(*a) && is_integer(*b) => {
                match (a.leaf == leaf, b.leaf == leaf) {
                    (true, false) => Some((a.column, *b)),
                    (false, true) => Some((b.column, *a)),
                    _ => None,
                }
            }
            _ => None,
        };
        Linked { leaf, index, pairs: known.iter().filter_map(pair).collect() }
    }
}

/// Gives partners to the occurrences of one block that no constant tells rows of.
pub(super) fn link(block: &Block<'_>, linked: &[Linked], found: &mut [Reading]) {
    for one in linked {
        if found[one.index].occurrence.conjuncts.iter().any(tells_rows) {
            continue;
        }
        let partner = one.pairs.iter().find_map(|(column, other)| {
            let column = u16::try_from(*column).ok()?;
            let giver = linked.iter().find(|giver| giver.leaf == other.leaf)?;
            let Leaf::Table(table) = &block.leaves[giver.leaf] else { return None };
            partner(column, &found[giver.index].occurrence, table, other.column)
        });
        found[one.index].occurrence.partner = partner;
    }
}

fn tells_rows(conjunct: &Conjunct) -> bool {
    matches!(conjunct.test, Test::OneOf(_) | Test::Null)
}

/// `giver` as a partner, if constants tell its rows and every row that matters is in its answer:
/// a page does not show the rows behind it.
fn partner(column: u16, giver: &Occurrence, table: &Table<'_>, value: usize) -> Option<Partner> {
    let mut filters: Vec<(Box<str>, Conjunct)> = Vec::new();
    let mut operands = 0;
    for conjunct in &giver.conjuncts {
        let of = table.relation.column(usize::from(conjunct.column))?;
        let Test::OneOf(list) = &conjunct.test else { continue };
        if operands + list.len() <= OPERANDS_MAX {
            operands += list.len();
            filters.push((of.name.as_str().into(), conjunct.clone()));
        }
    }
    let value = table.relation.column(value)?.name.as_str().into();
    let table = giver.table.clone();
    (giver.top.is_none() && !filters.is_empty()).then_some(Partner {
        column,
        table,
        value,
        filters,
    })
}
