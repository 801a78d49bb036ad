//! The tables that are split, as each member has them, and whether these are the same.

use crate::db::Db;
use crate::error::{Error, Kind as Fault, Result};
use crate::invalidate::{Comparand, Constant};
use crate::row::Rows;
use crate::sql::tree::{Kind, point};
use crate::sql::{Collation, Operand};
use crate::value::Value;

/// A table as one database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::route) struct Shape {
    pub(in crate::route) oid: u32,
    /// As SQL, with its schema.
    pub(in crate::route) qualified: Box<str>,
    /// Its schema, as SQL.
    pub(in crate::route) schema: Box<str>,
    pub(in crate::route) name: Box<str>,
    pub(in crate::route) columns: Vec<Column>,
    /// The place among these of the column that it is split by.
    pub(in crate::route) split: usize,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::route) struct Column {
    /// The attribute number minus one, which may differ between databases.
    pub(super) number: u16,
    pub(in crate::route) name: Box<str>,
    pub(in crate::route) type_oid: u32,
    /// As SQL, with its schema.
    pub(in crate::route) type_name: Box<str>,
    /// The type with its width, such as `numeric(10,2)`.
    pub(in crate::route) declared: Box<str>,
    /// As SQL, with its schema; `None` for a type without one.
    pub(in crate::route) collation: Option<Box<str>>,
    /// Its values are made of those of others.
    pub(in crate::route) is_generated: bool,
    /// What else has to be the same: the labels of an enum, the version of the collation, how it is
    /// generated.
    kept: Box<str>,
    is_not_null: bool,
    /// Texts are ordered as their bytes in UTF-8.
    is_bytewise: bool,
}

/// How values of the column lie to one another that rows are split by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::route) struct Scale {
    pub(super) type_oid: u32,
    pub(super) type_name: Box<str>,
    kind: Kind,
    pub(in crate::route) is_not_null: bool,
}

const SHAPE: &str = "\
SELECT c.oid::int8, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
       c.relname::text, c.relkind::text, (c.relrowsecurity OR c.relispartition)::int,
       a.attnum::int, a.attname::text, a.atttypid::int8,
       pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.typname),
       pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname),
       pg_catalog.concat_ws('|', a.attgenerated,
           pg_catalog.format_type(NULLIF(t.typbasetype, 0), t.typtypmod),
           (SELECT pg_catalog.string_agg(e.enumlabel, '|' ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid),
           l.collprovider, l.collcollate, l.collctype, l.collisdeterministic,
           pg_catalog.to_jsonb(l) ->> 'colliculocale', pg_catalog.to_jsonb(l) ->> 'colllocale',
           pg_catalog.pg_collation_actual_version(l.oid)),
       a.attnotnull::int,
       (pg_catalog.getdatabaseencoding() = 'UTF8' AND CASE
            WHEN l.oid IN (950, 951) THEN true
            WHEN l.collprovider = 'd' THEN (
                SELECT COALESCE(pg_catalog.to_jsonb(b) ->> 'datlocprovider', 'c') = 'c'
                   AND b.datcollate IN ('C', 'POSIX')
                FROM pg_catalog.pg_database AS b
                WHERE b.datname = pg_catalog.current_database())
            ELSE l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX') END)::int,
       pg_catalog.format_type(a.atttypid, a.atttypmod),
       pg_catalog.quote_ident(n.nspname), (a.attgenerated <> '')::int
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.collnamespace
WHERE pg_catalog.lower(c.relname) = $1 AND pg_catalog.pg_table_is_visible(c.oid)
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.oid, a.attnum";

impl Shape {
    /// Asks a member for a table, by its name in lower case.
    pub(in crate::route) async fn read(db: &Db, table: &str, column: &str) -> Result<Shape> {
        let rows = db.query(SHAPE).exact().no_cache().bind(table).fetch().await?.rows;
        Shape::of(&rows, table, column)
    }

    fn of(rows: &Rows, table: &str, column: &str) -> Result<Shape> {
        if rows.is_empty() {
            return Err(Error::usage(format!("there is no table {table} in its search_path")));
        }
        let mut columns = Vec::new();
        let first = rows.values(0);
        let Some(((oid, qualified, name), schema)) = table_of(first).zip(text(first, 14)) else {
            return Err(odd());
        };
        for row in 0..rows.len() {
            let values = rows.values(row);
            if table_of(values).is_none_or(|(other, ..)| other != oid) {
                return Err(Error::usage(format!(
                    "there are several tables called {table}, in different cases; rename one"
                )));
            }
            if !matches!(text(values, 3), Some("r" | "p")) || integer(values, 4) != Some(0) {
                return Err(Error::usage(format!(
                    "{table} is not an ordinary table, is a partition, or has row security, by \
                     which each member could show other rows; only an ordinary one can be split"
                )));
            }
            columns.push(Column::of(values).ok_or_else(odd)?);
        }
        let is_it = |it: &Column| it.name.eq_ignore_ascii_case(column);
        let Some(split) = columns.iter().position(is_it) else {
            return Err(Error::usage(format!("{table} has no column {column}")));
        };
        let (qualified, schema, name) = (qualified.into(), schema.into(), name.into());
        Ok(Shape { oid, qualified, schema, name, columns, split })
    }

    /// The name of the column that it is split by, as SQL.
    pub(in crate::route) fn split_sql(&self) -> String {
        crate::sql::quoted(&self.columns[self.split].name)
    }

    pub(in crate::route) fn split_type(&self) -> &str {
        &self.columns[self.split].type_name
    }

    /// In what another differs from it, in words.
    pub(in crate::route) fn difference(&self, other: &Shape) -> Option<String> {
        let name = &self.name;
        if self.columns.len() != other.columns.len() {
            return Some(format!(
                "its table {name} has {} columns instead of {}",
                other.columns.len(),
                self.columns.len()
            ));
        }
        for (column, found) in self.columns.iter().zip(&other.columns) {
            if column.name != found.name {
                return Some(format!(
                    "its table {name} has a column {} where the live one has {}",
                    found.name, column.name
                ));
            }
            let is_same = column.type_name == found.type_name
                && column.declared == found.declared
                && column.collation == found.collation
                && column.kept == found.kept;
            if !is_same {
                return Some(format!(
                    "in its table {name} the column {} has another type or collation, another \
                     version of that, or is generated otherwise, than in the live one",
                    column.name
                ));
            }
        }
        (self.name != other.name).then(|| format!("its table is called {}", other.name))
    }
}

impl Column {
    fn of(values: &[Value]) -> Option<Column> {
        Some(Column {
            number: u16::try_from(integer(values, 5)?.checked_sub(1)?).ok()?,
            name: text(values, 6)?.into(),
            type_oid: u32::try_from(integer(values, 7)?).ok()?,
            type_name: text(values, 8)?.into(),
            declared: text(values, 13)?.into(),
            collation: text(values, 9).map(Box::from),
            kept: text(values, 10)?.into(),
            is_generated: integer(values, 15)? == 1,
            is_not_null: integer(values, 11)? == 1,
            is_bytewise: integer(values, 12).unwrap_or(0) == 1,
        })
    }
}

fn table_of(values: &[Value]) -> Option<(u32, &str, &str)> {
    let oid = u32::try_from(integer(values, 0)?).ok()?;
    Some((oid, text(values, 1)?, text(values, 2)?))
}

fn text(values: &[Value], at: usize) -> Option<&str> {
    match values.get(at)? {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    }
}

fn integer(values: &[Value], at: usize) -> Option<i64> {
    match values.get(at)? {
        Value::Integer(n) => Some(*n),
        _ => None,
    }
}

fn odd() -> Error {
    Error::new(Fault::Database, "the catalogue of the server has another form than is known")
}

/// How values of the column compare that the tables of a live database are split by; an error if
/// that is not known here, or not the same in all of them.
pub(in crate::route) async fn scale(live: &Db, tables: &[Box<str>], column: &str) -> Result<Scale> {
    let mut scale: Option<Scale> = None;
    for table in tables {
        let shape = Shape::read(live, table, column).await?;
        let found = Scale::of(&shape)?;
        match &mut scale {
            None => scale = Some(found),
            Some(scale) if scale.type_oid == found.type_oid => {
                scale.is_not_null &= found.is_not_null;
            }
            Some(_) => {
                return Err(Error::usage("the column has another type in another table"));
            }
        }
    }
    scale.ok_or_else(odd)
}

impl Scale {
    pub(in crate::route) fn of(shape: &Shape) -> Result<Scale> {
        const BOOL: u32 = 16;
        const OID: u32 = 26;
        let column = &shape.columns[shape.split];
        let kind =
            Kind::ranged(column.type_oid).filter(|_| ![BOOL, OID].contains(&column.type_oid));
        let is_ordered = kind != Some(Kind::Text) || column.is_bytewise;
        let Some(kind) = kind.filter(|_| is_ordered) else {
            return Err(Error::usage(format!(
                "{}.{} is of the type {}, whose order is not known here: rows are split by an \
                 int2, int4, int8, date, timestamp, timestamptz or uuid, or by a text with the \
                 collation \"C\" in a database in UTF-8",
                shape.name, column.name, column.type_name
            )));
        };
        Ok(Scale {
            type_oid: column.type_oid,
            type_name: column.type_name.clone(),
            kind,
            is_not_null: column.is_not_null,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// A bound as values of the column compare with it.
    pub(in crate::route) fn compared(&self, value: &Value) -> Result<Comparand> {
        let point = point(self.type_oid, value);
        let constant =
            point.map(|point| Constant::of(&point, self.kind.affinity(), Collation::Binary));
        match constant {
            Some(Constant::Is(value)) => Ok(value),
            _ => Err(Error::usage(format!(
                "a bound of a range is not of the type {} in the form that is read here: whole \
                 numbers, texts, or times such as 2024-01-31, 2024-01-31T10:30:00 and, with a \
                 zone, 2024-01-31T10:30:00Z",
                self.type_name
            ))),
        }
    }

    /// Where a value lies that a statement gives to the column; `None` if that is not certain.
    pub(super) fn place(&self, operand: &Operand, values: &[Value]) -> Option<Comparand> {
        let value = match operand {
            // The tree has it in this form already.
            Operand::Literal(value) => value.clone(),
            Operand::Parameter(number) => point(self.type_oid, values.get(number - 1)?)?,
        };
        match Constant::of(&value, self.kind.affinity(), Collation::Binary) {
            Constant::Is(value) => Some(value),
            Constant::Never => Some(Comparand::Null),
            Constant::Unclear => None,
        }
    }
}
