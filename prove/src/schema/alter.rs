//! Changes of a schema that is in use. Views are made by `read`, new tables and triggers here.

use fastrand::Rng;

use super::change::{Change, Part};
use super::relation::{Collation, Column, Schema};
use super::{index, table, trigger};
use crate::domain::{Affinity, draw, literal};

/// Relations at most; more are not created.
const RELATIONS_MAX: usize = 9;

/// A change other than a new view.
pub(crate) fn alter(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    match rng.u8(..24) {
        0..3 => add_column(rng, schema),
        3..5 => drop_column(rng, schema),
        5..7 => rename_column(rng, schema),
        7 => rename_table(rng, schema),
        8..11 => index(rng, schema),
        11..14 => drop_one(rng, "INDEX", &schema.indexes, Change::DropIndex),
        14..16 => trigger(rng, schema),
        16..18 => drop_one(rng, "TRIGGER", &schema.triggers, Change::DropTrigger),
        18 if schema.relations.len() < RELATIONS_MAX => Some(table(rng, schema)),
        19 if schema.tables().len() > 2 => drop_relation(rng, schema, false),
        20 => drop_relation(rng, schema, true),
        21 => Some(plain("ANALYZE")),
        22 => Some(plain("REINDEX")),
        _ => Some(plain("VACUUM")),
    }
}

fn plain(sql: &str) -> Part {
    Part { sql: sql.to_owned(), change: Change::Nothing }
}

fn add_column(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let name = schema.fresh("n");
    let table = schema.table(rng)?;
    let (affinity, kind) =
        [(Affinity::Integer, "INTEGER"), (Affinity::Text, "TEXT")][rng.usize(..2)];
    let collation = match affinity {
        Affinity::Text if rng.bool() => Collation::NoCase,
        _ => Collation::Binary,
    };
    let default = match draw(rng, affinity) {
        value if rng.bool() && !table.is_strict => format!(" DEFAULT ({})", literal(&value)),
        _ => String::new(),
    };
    // Only constants may be the default of a column that is added.
    let default = default.replace("(", "").replace(")", "");
    let sql = format!(
        "ALTER TABLE {} ADD COLUMN {name} {kind} COLLATE {}{default}",
        table.name,
        collation.name()
    );
    let column = Column::new(&name, affinity, collation);
    Some(Part { sql, change: Change::AddColumn(table.name.clone(), column) })
}

fn drop_column(rng: &mut Rng, schema: &Schema) -> Option<Part> {
    let table = schema.table(rng)?;
    let column = table.columns.last().filter(|_| table.columns.len() > 2)?;
    let sql = format!("ALTER TABLE {} DROP COLUMN {}", table.name, column.name);
    Some(Part { sql, change: Change::DropColumn(table.name.clone(), column.name.clone()) })
}

fn rename_column(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let new = schema.fresh("m");
    let table = schema.table(rng)?;
    let old = table.columns[rng.usize(..table.columns.len())].name.clone();
    let sql = format!("ALTER TABLE {} RENAME COLUMN {old} TO {new}", table.name);
    Some(Part { sql, change: Change::RenameColumn(table.name.clone(), old, new) })
}

fn rename_table(rng: &mut Rng, schema: &mut Schema) -> Option<Part> {
    let new = schema.fresh("t");
    let old = schema.table(rng)?.name.clone();
    let sql = format!("ALTER TABLE {old} RENAME TO {new}");
    Some(Part { sql, change: Change::RenameRelation(old, new) })
}

fn drop_one(
    rng: &mut Rng,
    kind: &str,
    names: &[String],
    change: fn(String) -> Change,
) -> Option<Part> {
    let name = names.get(rng.usize(..names.len().max(1)))?;
    Some(Part { sql: format!("DROP {kind} IF EXISTS {name}"), change: change(name.clone()) })
}

fn drop_relation(rng: &mut Rng, schema: &Schema, view: bool) -> Option<Part> {
    let of_kind = if view { schema.views() } else { schema.tables() };
    let name = of_kind.get(rng.usize(..of_kind.len().max(1)))?.name.clone();
    let kind = if view { "VIEW" } else { "TABLE" };
    Some(Part { sql: format!("DROP {kind} {name}"), change: Change::DropRelation(name) })
}
