//! One SELECT without more around it: FROM, WHERE, and what is grouped.

use fastrand::Rng;

use super::condition::condition;
use super::nested::subquery;
use super::relation::{Joined, joined};
use super::target::{Output, targets};
use crate::domain::{Draft, Type, once_in};
use crate::schema::Schema;

/// A SELECT with what it gives.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) sql: String,
    pub(crate) outputs: Vec<Output>,
}

impl Block {
    /// Whether equal rows of it are shown alike, so that it does not matter which is left out.
    pub(crate) fn is_crisp(&self) -> bool {
        self.outputs.iter().all(|output| output.of.is_crisp())
    }
}

/// WHERE with its word, or nothing.
pub(crate) fn filter(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    joined: &Joined<'_>,
    depth: usize,
) -> Option<String> {
    Some(match rng.u8(..10) {
        0 => String::new(),
        1..8 => {
            let levels = rng.usize(0..=2);
            format!(" WHERE {}", condition(rng, draft, joined, levels)?)
        }
        _ => {
            let nested = subquery(rng, schema, draft, joined, depth + 1)?;
            if rng.bool() {
                format!(" WHERE {nested}")
            } else {
                let word = if once_in(rng, 3) { "OR" } else { "AND" };
                format!(" WHERE {} {word} {nested}", condition(rng, draft, joined, 0)?)
            }
        }
    })
}

/// A block of columns and expressions.
pub(crate) fn plain(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    depth: usize,
) -> Option<Block> {
    let joined = joined(rng, schema, draft, depth)?;
    let filter = filter(rng, schema, draft, &joined, depth)?;
    let (list, outputs) = targets(rng, schema, draft, &joined, depth);
    Some(Block { sql: format!("SELECT {list} FROM {}{filter}", joined.sql), outputs })
}

/// A block that gives exactly one column of each of these types.
pub(crate) fn of_types(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    depth: usize,
    types: &[Type],
) -> Option<Block> {
    let joined = joined(rng, schema, draft, depth)?;
    let filter = filter(rng, schema, draft, &joined, depth)?;
    let mut texts = Vec::new();
    for (nth, of) in types.iter().enumerate() {
        let (column, found) = joined.one(rng, |column| column.of == *of)?;
        debug_assert_eq!(found, *of, "the type that was asked for");
        texts.push(format!("{column} AS o{nth}"));
    }
    let named = types.iter().enumerate();
    let outputs = named.map(|(nth, of)| Output { name: format!("o{nth}"), of: *of }).collect();
    Some(Block { sql: format!("SELECT {} FROM {}{filter}", texts.join(", "), joined.sql), outputs })
}

/// Aggregates, of everything or by groups.
pub(crate) fn aggregate(
    rng: &mut Rng,
    schema: &Schema,
    draft: &mut Draft,
    depth: usize,
) -> Option<Block> {
    let joined = joined(rng, schema, draft, depth)?;
    let filter = filter(rng, schema, draft, &joined, depth)?;
    let (mut texts, mut outputs) = (Vec::new(), Vec::new());
    for nth in 0..rng.usize(1..=2) {
        let (text, of) = aggregated(rng, draft, &joined)?;
        texts.push(format!("{text} AS o{nth}"));
        outputs.push(Output { name: format!("o{nth}"), of });
    }
    draft.note("aggregate");
    if once_in(rng, 3) {
        let sql = format!("SELECT {} FROM {}{filter}", texts.join(", "), joined.sql);
        return Some(Block { sql, outputs });
    }
    draft.note("GROUP BY");
    let (group, of) = joined.one(rng, |column| column.of.is_crisp())?;
    let group_by = match rng.u8(..8) {
        0 => {
            draft.note("GROUPING SETS");
            format!("GROUPING SETS (({group}), ())")
        }
        _ => group.clone(),
    };
    let having = match rng.u8(..6) {
        0 => format!(" HAVING count(*) > {}", rng.u8(0..3)),
        1 | 2 => format!(" HAVING {group} = {}", draft.value(rng, of)),
        3 => {
            let (column, of) = joined.one(rng, |column| column.of.has_extremes())?;
            format!(" HAVING max({column}) >= {}", draft.value(rng, of))
        }
        _ => String::new(),
    };
    if !having.is_empty() {
        draft.note("HAVING");
    }
    texts.push(format!("{group} AS g"));
    outputs.push(Output { name: "g".to_owned(), of });
    let list = texts.join(", ");
    let sql = format!("SELECT {list} FROM {}{filter} GROUP BY {group_by}{having}", joined.sql);
    Some(Block { sql, outputs })
}

fn aggregated(rng: &mut Rng, draft: &mut Draft, joined: &Joined<'_>) -> Option<(String, Type)> {
    let (column, of) = joined.one(rng, |column| column.of.has_extremes())?;
    let with = if once_in(rng, 5) {
        draft.note("FILTER");
        format!(" FILTER (WHERE {})", condition(rng, draft, joined, 0)?)
    } else {
        String::new()
    };
    Some(match rng.u8(..8) {
        0 | 1 => (format!("count(*){with}"), Type::Int8),
        2 => (format!("count({column}){with}"), Type::Int8),
        3 => (format!("count(DISTINCT {column}){with}"), Type::Int8),
        4 => (format!("max({column}){with}"), of),
        5 => (format!("min({column}){with}"), of),
        6 => {
            let (number, _) = joined.one(rng, |column| column.of.is_whole())?;
            (format!("sum({number}::bigint){with}"), Type::Other)
        }
        _ => {
            draft.note("aggregate with ORDER BY");
            let (text, _) = joined.one(rng, |column| column.of.is_text())?;
            let ordered = format!("string_agg({text}, ',' ORDER BY {text})");
            (format!("{ordered}{with}"), Type::TextFirm)
        }
    })
}
