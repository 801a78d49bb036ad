//! Subqueries in expressions: EXISTS, IN, ANY and scalar ones, correlated or not.

use fastrand::Rng;

use super::condition::condition;
use super::relation::{Joined, joined, matched};
use crate::domain::{Draft, Type, once_in, pick};
use crate::schema::Schema;

/// A condition with a subquery in it.
pub(crate) fn subquery(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    outer: &Joined<'_>,
    depth: usize,
) -> Option<String> {
    let inner = joined(rng, schema, draft, depth)?;
    let condition = condition(rng, draft, &inner, 1)?;
    let tied = tie(rng, draft, outer, &inner);
    let not = if once_in(rng, 3) { "NOT " } else { "" };
    Some(match rng.u8(..4) {
        0 | 1 => {
            draft.note(if not.is_empty() { "EXISTS" } else { "NOT EXISTS" });
            format!("{not}EXISTS (SELECT 1 FROM {} WHERE {condition}{tied})", inner.sql)
        }
        2 => {
            draft.note(if not.is_empty() { "IN (SELECT)" } else { "NOT IN (SELECT)" });
            let (column, of) = outer.one(rng, |column| column.of != Type::Other)?;
            let (other, _) = inner.one(rng, |column| column.of.meets(of))?;
            format!("{column} {not}IN (SELECT {other} FROM {} WHERE {condition})", inner.sql)
        }
        _ => {
            draft.note("ANY / ALL (SELECT)");
            let (column, of) = outer.one(rng, |column| column.of != Type::Other)?;
            let (other, _) = inner.one(rng, |column| column.of.meets(of))?;
            let all = pick(rng, &["= ANY", "<> ALL", "< ANY", ">= ALL"]);
            format!("{column} {all} (SELECT {other} FROM {} WHERE {condition})", inner.sql)
        }
    })
}

/// A subquery that gives one value.
pub(crate) fn scalar(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    outer: &Joined<'_>,
    depth: usize,
) -> Option<String> {
    let inner = joined(rng, schema, draft, depth)?;
    let condition = condition(rng, draft, &inner, 1)?;
    let tied = tie(rng, draft, outer, &inner);
    let (column, of) = inner.one(rng, |column| column.of.is_whole())?;
    let what = match (rng.u8(..3), of) {
        (0, _) => "count(*)".to_owned(),
        (1, _) => format!("max({column})::bigint"),
        _ => format!("sum({column}::bigint)::bigint"),
    };
    Some(format!("(SELECT {what} FROM {} WHERE {condition}{tied})", inner.sql))
}

/// What makes a subquery depend on the rows around it, or nothing.
fn tie(rng: &mut Rng, draft: &mut Draft, outer: &Joined<'_>, inner: &Joined<'_>) -> String {
    if once_in(rng, 3) {
        return String::new();
    }
    let leaf = inner.any(rng);
    match matched(rng, outer, leaf) {
        Some(on) => {
            draft.note("correlated");
            format!(" AND {on}")
        }
        None => String::new(),
    }
}
