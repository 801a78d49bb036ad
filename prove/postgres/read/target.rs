//! Lists of what a SELECT gives: columns, whole rows, expressions and subqueries.

use fastrand::Rng;

use super::nested::scalar;
use super::relation::Joined;
use crate::domain::{Draft, Type, once_in};
use crate::schema::Schema;

/// One output of a SELECT.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) of: Type,
}

/// A list of outputs; the types of `*` are told as well.
pub(crate) fn targets(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    joined: &Joined<'_>,
    depth: usize,
) -> (String, Vec<Output>) {
    if once_in(rng, 6) && depth == 0 {
        draft.note("*");
        let leaves = joined.leaves.iter().flat_map(|leaf| &leaf.relation.columns);
        let outputs = leaves.map(|it| Output { name: it.name.clone(), of: it.of }).collect();
        return ("*".to_owned(), outputs);
    }
    let (mut texts, mut outputs) = (Vec::new(), Vec::new());
    for nth in 0..rng.usize(1..=4) {
        let (text, of) = target(rng, schema, draft, joined, depth);
        texts.push(format!("{text} AS o{nth}"));
        outputs.push(Output { name: format!("o{nth}"), of });
    }
    (texts.join(", "), outputs)
}

fn target(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    joined: &Joined<'_>,
    depth: usize,
) -> (String, Type) {
    let leaf = joined.any(rng);
    let column = leaf.relation.any(rng);
    let (text, of) = (leaf.column(column), column.of);
    match rng.u8(..14) {
        0 if of.is_whole() => (format!("{text} + {}", rng.i64(0..3)), Type::Other),
        1 if of.is_text() => (format!("{text} || '-'"), Type::TextFirm),
        2 => {
            draft.note("CASE");
            (format!("CASE WHEN {text} IS NULL THEN 0 ELSE 1 END"), Type::Int4)
        }
        3 if once_in(rng, 3) => {
            draft.note("coalesce");
            (format!("coalesce({text}::text, 'none')"), Type::TextFirm)
        }
        4 if depth < 2 => match scalar(rng, schema, draft, joined, depth + 1) {
            Some(subquery) => {
                draft.note("scalar subquery");
                (subquery, Type::Int8)
            }
            None => (text, of),
        },
        5 if once_in(rng, 3) => {
            draft.note("whole row");
            (format!("{}::text", leaf.alias), Type::TextFirm)
        }
        6 if of.is_whole() && once_in(rng, 3) => (format!("public.twice({text}::int)"), Type::Int4),
        _ => (text, of),
    }
}
