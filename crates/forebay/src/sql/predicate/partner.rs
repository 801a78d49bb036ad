//! Rows that matter only if another occurrence of a table in the same block has a row that they
//! equal in one column: `JOIN b ON b.id = a.b_id WHERE a.x = ?` rests on no other rows of `b` than
//! those that the qualifying rows of `a` name, whether or not they are there. Which values these
//! are, only the database can tell. Nothing of this passes from one block to another.

use super::block::{Block, Source};
use super::fact::Fact;
use super::occurrence::{Affinity, Collation, Conjunct, Occurrence, Partner, Test};
use super::place::Place;
use super::schema::Table;

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
        let pair = |fact: &Fact| match fact {
            Fact::Same(a, b) if is_plain_integer(block, *a) && is_plain_integer(block, *b) => {
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

/// Two such columns are equal or not as their values are, without a conversion: both have INTEGER
/// affinity and compare as BINARY.
pub(super) fn is_plain_integer(block: &Block<'_>, place: Place) -> bool {
    let Some((table, column)) = block.origin(place) else { return false };
    let column = &table.columns[column];
    column.affinity == Affinity::Integer
        && column.collation == Some(Collation::Binary)
        && !column.is_generated
}

/// Gives partners to the occurrences of one block that no constant tells rows of.
pub(super) fn link(block: &Block<'_>, linked: &[Linked], found: &mut [Occurrence]) {
    for one in linked {
        if found[one.index].conjuncts.iter().any(tells_rows) {
            continue;
        }
        let partner = one.pairs.iter().find_map(|(column, other)| {
            let column = u16::try_from(*column).ok()?;
            let giver = linked.iter().find(|giver| giver.leaf == other.leaf)?;
            let Source::Table(table) = &block.leaves[giver.leaf].source else { return None };
            partner(column, &found[giver.index], table, other.column)
        });
        found[one.index].partner = partner;
    }
}

fn tells_rows(conjunct: &Conjunct) -> bool {
    matches!(conjunct.test, Test::OneOf(_) | Test::Null)
}

/// `giver` as a partner, if constants tell its rows and every row that matters is in its answer:
/// a page does not show the rows behind it.
fn partner(column: u16, giver: &Occurrence, table: &Table, value: usize) -> Option<Partner> {
    let mut filters: Vec<(Box<str>, Conjunct)> = Vec::new();
    let mut operands = 0;
    for conjunct in &giver.conjuncts {
        let of = table.columns.get(usize::from(conjunct.column))?;
        let Test::OneOf(list) = &conjunct.test else { continue };
        // Written as an equation of the column, it is compared under the column's own collation.
        if of.collation == Some(conjunct.collation) && operands + list.len() <= OPERANDS_MAX {
            operands += list.len();
            filters.push((of.name.clone(), conjunct.clone()));
        }
    }
    (giver.top.is_none() && !filters.is_empty()).then(|| Partner {
        column,
        table: table.name.clone(),
        value: table.columns[value].name.clone(),
        filters,
    })
}
