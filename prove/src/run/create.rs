//! A new database: its schema and its first rows.

use fastrand::Rng;

use super::bare::Bare;
use super::case::{Case, Manner};
use crate::read::view;
use crate::schema::{Schema, index, long_key, row, table, trigger, twins};

/// Makes the schema and the first rows. What the database refuses is left out.
pub(super) fn create(rng: &mut Rng, schema: &mut Schema, bare: &Bare, case: &mut Case) {
    let mut run = |sql: &str| {
        let done = bare.run(sql).is_ok();
        if done {
            case.parts.push(sql.to_owned());
        }
        done
    };
    // What the hook may show wrongly is drawn where the hook shows rows.
    let Manner { rereads, tables: are_whole, .. } = case.manner;
    let is_shown = !rereads && !are_whole;
    let twins = if is_shown && rng.u8(..4) > 0 { twins(rng, schema) } else { Vec::new() };
    for part in &twins {
        run(&part.sql);
    }
    // Much is written to the first table, and little to the last: there rows stay as they are.
    if let [first, ..] = twins.as_slice() {
        schema.apply(&first.change);
    }
    let names: Vec<String> =
        schema.tables().into_iter().map(|table| format!(" {} ", table.name)).collect();
    for at in 0..rng.usize(2..=6) {
        let is_long = at == 0 && is_shown && rng.u8(..3) == 0;
        let part = if is_long { long_key(schema) } else { table(rng, schema) };
        if run(&part.sql) {
            schema.apply(&part.change);
        }
    }
    let tables: Vec<_> = schema.tables().into_iter().cloned().collect();
    for table in &tables {
        for _ in 0..rng.usize(6..20) {
            run(&row(rng, table));
        }
    }
    // Rows that are whole would drop what those that lack columns must drop.
    if let [_, .., last] = twins.as_slice() {
        schema.apply(&last.change);
    }
    // Where whole tables count, what a statement writes beside its own shows in nothing else.
    let kinds = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2];
    let count = if are_whole { kinds.len() } else { 10 };
    for kind in kinds.into_iter().take(count) {
        let part = match kind {
            0 => index(rng, schema),
            1 => view(rng, schema),
            _ => trigger(rng, schema),
        };
        if let Some(part) = part
            && rng.u8(..3) > 0
            // With triggers and indexes, their rows would be taken apart.
            && !names.iter().any(|name| part.sql.contains(name))
            && run(&part.sql)
        {
            schema.apply(&part.change);
        }
    }
}
