//! Changes of the schema in the middle: one statement each, drawn from what there is.

use fastrand::Rng;

use super::catalogue::{Column, Kind, Relation, Schema};
use super::{create, partition};
use crate::domain::{Type, once_in, pick, quoted, text};

/// Columns that a table keeps, since much is said about them.
const KEPT: &[&str] = &["id", "n", "ref", "k", "u", "s", "g"];

/// Columns that a table may come to have.
const COLUMNS_MAX: usize = 12;

/// A change, and what kind it is of; `None` if what was drawn does not fit.
pub(crate) fn alter(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    match rng.u8(..27) {
        0 | 1 => add_column(rng, schema),
        2 | 3 => drop_column(rng, schema),
        4 | 5 => rename_column(rng, schema),
        6 => alter_type(rng, schema),
        7 => {
            let table = plain(rng, schema)?;
            let column = table.any(rng);
            let sql = format!("CREATE INDEX ON {} ({})", table.full(), column.name);
            Some(("CREATE INDEX", sql))
        }
        8..=11 => {
            let tables = schema.relations.iter().filter(|it| is_numbered(it)).count();
            let nth = rng.usize(..4);
            Some(("CREATE OR REPLACE VIEW", create::view(rng, nth, tables.max(1))))
        }
        12 | 13 => {
            let is_attached =
                schema.named("range_mid").is_some_and(|it| it.kind == Kind::Partition);
            Some(("ATTACH / DETACH PARTITION", partition::exchange(rng, is_attached)))
        }
        14 => set_schema(rng, schema),
        15 | 16 => identity(rng, schema),
        17 => Some(("REFRESH", "REFRESH MATERIALIZED VIEW public.kept".to_owned())),
        18 => swap(rng, schema),
        19 => {
            let number = rng.u8(1..5);
            let sql = format!(
                "CREATE OR REPLACE FUNCTION public.twice(int) RETURNS int IMMUTABLE LANGUAGE sql \
                 AS 'SELECT $1 * {number}'"
            );
            Some(("CREATE OR REPLACE FUNCTION", sql))
        }
        20 => trigger(rng, schema),
        21 => {
            let rule = "CREATE OR REPLACE RULE copied AS ON INSERT TO alt.t0 DO ALSO \
                        INSERT INTO public.log (what, n) VALUES ('rule', NEW.id)";
            let drop = "DROP RULE IF EXISTS copied ON alt.t0";
            Some(("RULE", if rng.bool() { rule } else { drop }.to_owned()))
        }
        22 => set_default(rng, schema),
        23 => Some(("TEMP TABLE", "CREATE TEMP TABLE passing (id int); DROP TABLE passing".into())),
        24 => inherit(schema),
        25 => constraint(rng, schema),
        _ => logged(rng, schema),
    }
}

fn is_numbered(relation: &Relation) -> bool {
    let digits = relation.name.strip_prefix('t').unwrap_or("-");
    relation.kind == Kind::Table && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// One of the tables that are no partitions, nor roots of any.
fn plain<'a>(rng: &mut Rng, schema: &'a Schema) -> Option<&'a Relation> {
    let tables: Vec<&Relation> = schema.relations.iter().filter(|it| is_numbered(it)).collect();
    if tables.is_empty() { None } else { Some(pick(rng, &tables)) }
}

/// One of them, or a root or parent, whose changes go down.
fn any<'a>(rng: &mut Rng, schema: &'a Schema) -> Option<&'a Relation> {
    let name = pick(rng, &["by_range", "by_list", "parent", "keyless", "dry"]);
    if once_in(rng, 3) { schema.named(name) } else { plain(rng, schema) }
}

fn movable(column: &Column) -> bool {
    !KEPT.contains(&column.name.as_str()) && !column.is_generated
}

fn add_column(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = any(rng, schema).filter(|table| table.columns.len() < COLUMNS_MAX)?;
    let of = Type::draw(rng);
    let default = match rng.u8(..4) {
        0 => format!(" DEFAULT {}", quoted(&text(rng, of))),
        1 if of == Type::Text => " DEFAULT clock_timestamp()::text".to_owned(),
        _ => String::new(),
    };
    let (table, definition) = (table.full(), of.definition());
    let name = format!("x{}", rng.u8(..6));
    Some(("ADD COLUMN", format!("ALTER TABLE {table} ADD COLUMN {name} {definition}{default}")))
}

fn drop_column(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = any(rng, schema).filter(|table| table.columns.len() > 4)?;
    let column = table.one(rng, movable)?;
    let sql = format!("ALTER TABLE {} DROP COLUMN {}", table.full(), column.name);
    Some(("DROP COLUMN", sql))
}

fn rename_column(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = any(rng, schema)?;
    let column = table.one(rng, movable)?;
    let name = format!("c{}", rng.u8(..7));
    let sql = format!("ALTER TABLE {} RENAME COLUMN {} TO {name}", table.full(), column.name);
    Some(("RENAME COLUMN", sql))
}

fn alter_type(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = any(rng, schema)?;
    let column = table.one(rng, movable)?;
    let (table, name) = (table.full(), &column.name);
    let to = match column.of {
        Type::Int2 => "int",
        Type::Int4 => pick(rng, &["bigint", "smallint", "numeric"]),
        Type::Int8 => "numeric",
        Type::Text | Type::Varchar => "text COLLATE public.firm",
        Type::TextFirm => pick(rng, &["text COLLATE \"C\"", "text COLLATE public.loose"]),
        Type::TextLoose => "text COLLATE \"C\"",
        Type::Numeric => "numeric(10,2)",
        Type::Enum => "text COLLATE \"C\"",
        Type::Bool => {
            let sql = format!("ALTER TABLE {table} ALTER {name} TYPE boolean USING NOT {name}");
            return Some(("ALTER TYPE USING", sql));
        }
        _ => return None,
    };
    Some(("ALTER TYPE", format!("ALTER TABLE {table} ALTER {name} TYPE {to}")))
}

/// Moves the table `moved` between the schemas; both may come to have one of a name.
fn set_schema(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let name = pick(rng, &["t1", "t2"]);
    let table = schema.relations.iter().find(|it| it.name == name && it.kind == Kind::Table)?;
    let to = if table.schema == "public" { "alt" } else { "public" };
    Some(("SET SCHEMA", format!("ALTER TABLE {} SET SCHEMA {to}", table.full())))
}

fn identity(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let leaves: Vec<&Relation> = schema.of_kind(Kind::Partition);
    let table = match rng.u8(..3) {
        0 if !leaves.is_empty() => pick(rng, &leaves),
        _ => plain(rng, schema)?,
    };
    let to = pick(rng, &["DEFAULT", "FULL", "FULL", "DEFAULT", "NOTHING"]);
    // Without an identity, whoever updates a published table is refused.
    let to = if to == "NOTHING" && !once_in(rng, 4) { "FULL" } else { to };
    Some(("REPLICA IDENTITY", format!("ALTER TABLE {} REPLICA IDENTITY {to}", table.full())))
}

/// Two tables change their names in one transaction.
fn swap(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let (one, other) = (plain(rng, schema)?, plain(rng, schema)?);
    if one == other || one.schema != "public" || other.schema != "public" {
        return None;
    }
    let (one, other) = (&one.name, &other.name);
    Some((
        "RENAME TO",
        format!(
            "ALTER TABLE public.{one} RENAME TO swapped; \
             ALTER TABLE public.{other} RENAME TO {one}; \
             ALTER TABLE public.swapped RENAME TO {other}"
        ),
    ))
}

fn trigger(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = plain(rng, schema)?.full();
    let sql = match rng.u8(..3) {
        0 => format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
        1 => format!("ALTER TABLE {table} ENABLE TRIGGER USER"),
        _ => format!(
            "CREATE OR REPLACE TRIGGER tell AFTER UPDATE ON {table} FOR EACH ROW \
             EXECUTE FUNCTION public.note_row()"
        ),
    };
    Some(("TRIGGER", sql))
}

fn set_default(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = any(rng, schema)?;
    let column = table.one(rng, movable)?;
    let value = quoted(&text(rng, column.of));
    let sql = format!("ALTER TABLE {} ALTER {} SET DEFAULT {value}", table.full(), column.name);
    Some(("SET DEFAULT", sql))
}

/// The child leaves its parent, or comes back.
fn inherit(schema: &Schema) -> Option<(&'static str, String)> {
    schema.named("child")?;
    let sql = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = \
               'public.child'::regclass) THEN ALTER TABLE public.child NO INHERIT public.parent; \
               ELSE ALTER TABLE public.child INHERIT public.parent; END IF; END $$";
    Some(("INHERIT", sql.to_owned()))
}

fn constraint(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    let table = plain(rng, schema)?;
    table.columns.iter().find(|column| column.name == "ref")?;
    let table = table.full();
    let sql = match rng.u8(..3) {
        0 => format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS more"),
        _ => format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS more, ADD CONSTRAINT more \
             FOREIGN KEY (ref) REFERENCES public.t0 (id) ON DELETE CASCADE NOT VALID"
        ),
    };
    Some(("CONSTRAINT", sql))
}

fn logged(rng: &mut Rng, schema: &Schema) -> Option<(&'static str, String)> {
    schema.named("dry")?;
    let to = if rng.bool() { "LOGGED" } else { "UNLOGGED" };
    Some(("LOGGED / UNLOGGED", format!("ALTER TABLE public.dry SET {to}")))
}
