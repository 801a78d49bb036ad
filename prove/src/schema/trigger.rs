//! Random triggers: before, after and instead of, in chains, writing their own table or others.

use fastrand::Rng;

use super::change::{Change, Part};
use super::relation::{Column, Relation, Schema};
use crate::domain::{draw, fitting, literal};

/// A trigger, on a view half of the time if there is one.
pub(crate) fn trigger(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let views = schema.views();
    if !views.is_empty() && rng.bool() {
        let view = views[rng.usize(..views.len())].clone();
        return instead(rng, schema, &view);
    }
    let table = schema.table(rng)?.clone();
    let name = schema.fresh("r");
    let event = ["INSERT", "UPDATE", "DELETE"][rng.usize(..3)];
    let time = if rng.u8(..3) == 0 { "BEFORE" } else { "AFTER" };
    let of = if event == "UPDATE" && rng.bool() {
        let stored = table.stored();
        format!(" OF {}", stored[rng.usize(..stored.len())].name)
    } else {
        String::new()
    };
    let row = if event == "DELETE" { "old" } else { "new" };
    let when = if rng.u8(..4) == 0 {
        let column = &table.columns[rng.usize(..table.columns.len())];
        format!(" WHEN {row}.{} IS NOT {}", column.name, literal(&draw(rng, column.affinity)))
    } else {
        String::new()
    };
    let mut body = String::new();
    for _ in 0..rng.usize(1..=2) {
        body += &statement(rng, schema, &table, row)?;
        body += "; ";
    }
    let sql =
        format!("CREATE TRIGGER {name} {time} {event}{of} ON {}{when} BEGIN {body}END", table.name);
    Some(Part { sql, change: Change::AddTrigger(name, None) })
}

fn instead(rng: &mut Rng, schema: &mut Schema, view: &Relation) -> Option<Part> {
    let name = schema.fresh("r");
    let event = ["INSERT", "INSERT", "UPDATE", "DELETE"][rng.usize(..4)];
    let row = if event == "DELETE" { "old" } else { "new" };
    let body = statement(rng, schema, view, row)?;
    let sql =
        format!("CREATE TRIGGER {name} INSTEAD OF {event} ON {} BEGIN {body}; END", view.name);
    Some(Part { sql, change: Change::AddTrigger(name, Some(view.name.clone())) })
}

/// A write of few rows: it looks for what stands in `row` of `of`.
fn statement(rng: &mut Rng, schema: &Schema, of: &Relation, row: &str) -> Option<String> {
    let target = schema.table(rng)?;
    // A table that fills itself again can never be cut down.
    let kind = if target.name == of.name { rng.u8(2..5) } else { rng.u8(..5) };
    let stored = target.stored();
    let given = &of.columns[rng.usize(..of.columns.len())];
    let column = stored[rng.usize(..stored.len())];
    let sought = stored[rng.usize(..stored.len())];
    let or = ["", "", "OR REPLACE ", "OR IGNORE "][rng.usize(..4)];
    Some(match kind {
        0 | 1 => {
            let names: Vec<&str> = stored.iter().map(|column| column.name.as_str()).collect();
            let mut values: Vec<String> =
                stored.iter().map(|column| value(rng, target, column)).collect();
            let at = rng.usize(..values.len());
            values[at] = format!("{row}.{}", given.name);
            let (names, values) = (names.join(", "), values.join(", "));
            format!("INSERT {or}INTO {} ({names}) VALUES ({values})", target.name)
        }
        2 | 3 => format!(
            "UPDATE {or}{} SET {} = {} WHERE {} = {row}.{}",
            target.name,
            column.name,
            value(rng, target, column),
            sought.name,
            given.name
        ),
        _ => format!("DELETE FROM {} WHERE {} = {row}.{}", target.name, sought.name, given.name),
    })
}

fn value(rng: &mut Rng, table: &Relation, column: &Column) -> String {
    let value =
        if table.is_strict { fitting(rng, column.affinity) } else { draw(rng, column.affinity) };
    literal(&value)
}
