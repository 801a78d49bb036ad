//! Pages: ORDER BY with LIMIT, in an order that leaves nothing open.

use fastrand::Rng;

use super::block::filter;
use super::relation::{Joined, joined};
use super::target::targets;
use crate::domain::{Draft, once_in, pick};
use crate::schema::{Column, Schema};

/// A page; its order is told whole, by the keys of all its tables.
pub(crate) fn page(rng: &mut Rng, schema: &Schema, draft: &mut Draft) -> Option<String> {
    let joined = joined(rng, schema, draft, 0)?;
    if joined.is_outer {
        return None;
    }
    let tail = tail(rng, draft, &joined)?;
    let filter = filter(rng, schema, draft, &joined, 0)?;
    let (list, _) = targets(rng, schema, draft, &joined, 0);
    if joined.leaves.len() == 1 {
        draft.note("page of one table");
    }
    Some(format!("SELECT {list} FROM {}{filter}{tail}", joined.sql))
}

/// ORDER BY and LIMIT.
fn tail(rng: &mut Rng, draft: &mut Draft, joined: &Joined<'_>) -> Option<String> {
    let mut terms = Vec::new();
    for _ in 0..rng.usize(0..=2) {
        // The same instant or number is always shown alike, or the key would not tell apart rows
        // of which one stands for another.
        let (column, _) = joined.one(rng, |column: &Column| column.of.is_crisp())?;
        terms.push(directed(rng, draft, &column));
    }
    for leaf in &joined.leaves {
        let descends = once_in(rng, 3);
        let key = leaf.key()?;
        terms.extend(key.into_iter().map(|it| if descends { it + " DESC" } else { it }));
    }
    draft.note("ORDER BY");
    let limit = match rng.u8(..8) {
        0 => return Some(format!(" ORDER BY {}", terms.join(", "))),
        1 if draft.binds => format!(" LIMIT {}", draft.bind(rng.i64(1..6).into())),
        2 => format!(" FETCH FIRST {} ROWS ONLY", rng.u8(1..6)),
        3 => format!(" LIMIT {} OFFSET {}", rng.u8(1..6), rng.u8(1..4)),
        _ => format!(" LIMIT {}", rng.u8(1..6)),
    };
    draft.note("LIMIT");
    Some(format!(" ORDER BY {}{limit}", terms.join(", ")))
}

fn directed(rng: &mut Rng, draft: &mut Draft, column: &str) -> String {
    let direction = pick(rng, &["", "", " DESC", " DESC", " ASC"]);
    let nulls = pick(rng, &["", "", "", " NULLS FIRST", " NULLS LAST"]);
    if !nulls.is_empty() {
        draft.note("NULLS FIRST / LAST");
    }
    format!("{column}{direction}{nulls}")
}
