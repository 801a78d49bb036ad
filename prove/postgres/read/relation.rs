//! FROM: one to three relations and how they are joined.

use fastrand::Rng;

use super::condition::{condition, single};
use crate::domain::{Draft, Type, once_in, pick};
use crate::schema::{Column, Kind, Relation, Schema};

/// One relation in FROM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    pub(crate) alias: &'static str,
    pub(crate) relation: &'a Relation,
}

/// A FROM.
#[derive(Clone, Debug)]
pub(crate) struct Joined<'a> {
    pub(crate) sql: String,
    pub(crate) leaves: Vec<Leaf<'a>>,
    /// Columns of a leaf may be NULL because it has no row for the other one.
    pub(crate) is_outer: bool,
}

/// The names of leaves at one depth, so that a subquery has others.
pub(crate) const ALIASES: [[&str; 3]; 3] = [["a", "b", "c"], ["d", "e", "f"], ["x", "y", "z"]];

impl<'a> Leaf<'a> {
    pub(crate) fn column(&self, column: &Column) -> String {
        format!("{}.{}", self.alias, column.name)
    }

    /// Its key as a list of columns, if it has one.
    pub(crate) fn key(&self) -> Option<Vec<String>> {
        let key = &self.relation.key;
        let columns = key.iter().map(|at| self.column(&self.relation.columns[*at]));
        (!key.is_empty()).then(|| columns.collect())
    }
}

impl<'a> Joined<'a> {
    pub(crate) fn any(&self, rng: &mut Rng) -> Leaf<'a> {
        self.leaves[rng.usize(..self.leaves.len())]
    }

    /// A column of any leaf for which `is_fit` holds.
    pub(crate) fn one(
        &self,
        rng: &mut Rng,
        is_fit: impl Fn(&Column) -> bool,
    ) -> Option<(String, Type)> {
        for _ in 0..8 {
            let leaf = self.any(rng);
            if let Some(column) = leaf.relation.one(rng, &is_fit) {
                return Some((leaf.column(column), column.of));
            }
        }
        None
    }
}

/// Draws a FROM of relations at this depth.
pub(crate) fn joined<'a>(
    rng: &mut Rng,
    schema: &'a Schema,
    draft: &mut Draft,
    depth: usize,
) -> Option<Joined<'a>> {
    let aliases = ALIASES[depth.min(2)];
    let count = match rng.u8(..10) {
        0..5 => 1,
        5..9 => 2,
        _ => 3,
    };
    let first = leaf(rng, schema, aliases[0])?;
    let sql = named(rng, draft, first);
    let mut joined = Joined { sql, leaves: vec![first], is_outer: false };
    for alias in &aliases[1..count] {
        // A table with itself now and then.
        let mut next = leaf(rng, schema, alias)?;
        if once_in(rng, 6) {
            next.relation = first.relation;
            draft.note("self join");
        }
        join(rng, draft, &mut joined, next)?;
    }
    Some(joined)
}

fn leaf<'a>(rng: &mut Rng, schema: &'a Schema, alias: &'static str) -> Option<Leaf<'a>> {
    Some(Leaf { alias, relation: schema.any(rng)? })
}

fn named(rng: &mut Rng, draft: &mut Draft, leaf: Leaf<'_>) -> String {
    let relation = leaf.relation;
    draft.note(match relation.kind {
        Kind::Table => "table",
        Kind::Root => "partitioned table",
        Kind::Partition => "partition",
        Kind::View => "view",
        Kind::Materialized => "materialized view",
    });
    let is_parent = relation.name == "parent" && rng.bool();
    let only = if is_parent { "ONLY " } else { "" };
    format!("{only}{} {}", relation.called(rng), leaf.alias)
}

fn join<'a>(
    rng: &mut Rng,
    draft: &mut Draft,
    joined: &mut Joined<'a>,
    next: Leaf<'a>,
) -> Option<()> {
    let kind = pick(
        rng,
        &["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","],
    );
    draft.note(kind);
    let name = named(rng, draft, next);
    let on = matched(rng, joined, next);
    joined.sql = match (kind, on) {
        ("CROSS JOIN", _) => format!("{} CROSS JOIN {name}", joined.sql),
        // Whatever comes before stands in brackets, so that the comma binds it whole.
        (",", _) => {
            format!("{} CROSS JOIN LATERAL (SELECT * FROM {name}) {}", joined.sql, next.alias)
        }
        (kind, Some(on)) => {
            let both = Joined { leaves: vec![joined.any(rng), next], ..joined.clone() };
            // FULL JOIN takes what can be merged or hashed only.
            let more = match rng.u8(..3) {
                0 if kind != "FULL JOIN" => {
                    draft.note("ON with a condition on one side");
                    format!(" AND {}", single(rng, draft, &both)?)
                }
                1 if kind != "FULL JOIN" && once_in(rng, 2) => {
                    format!(" AND ({})", condition(rng, draft, &both, 1)?)
                }
                _ => String::new(),
            };
            format!("{} {kind} {name} ON {on}{more}", joined.sql)
        }
        (_, None) => format!("{} CROSS JOIN {name}", joined.sql),
    };
    joined.is_outer |= matches!(kind, "LEFT JOIN" | "RIGHT JOIN" | "FULL JOIN");
    joined.leaves.push(next);
    Some(())
}

/// An equality between the next leaf and one before it, of columns that may be compared.
pub(crate) fn matched(rng: &mut Rng, joined: &Joined<'_>, next: Leaf<'_>) -> Option<String> {
    for _ in 0..12 {
        let before = joined.any(rng);
        let (one, other) = if rng.bool() {
            let of_key = |column: &Column| matches!(column.name.as_str(), "id" | "ref" | "n" | "k");
            (before.relation.one(rng, of_key), next.relation.one(rng, of_key))
        } else {
            (Some(before.relation.any(rng)), Some(next.relation.any(rng)))
        };
        let (Some(one), Some(other)) = (one, other) else { continue };
        if one.of.meets(other.of) && one.of != Type::Other {
            return Some(format!("{} = {}", before.column(one), next.column(other)));
        }
    }
    None
}
