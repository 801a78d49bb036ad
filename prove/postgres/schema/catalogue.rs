//! Tables and views as the catalogue tells them. Nothing is remembered of how they were made, so
//! what is drawn from it always fits.

use anyhow::{Context, Result};
use fastrand::Rng;

use crate::bare::Bare;
use crate::domain::{Type, pick};

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) of: Type,
    /// The server computes it.
    pub(crate) is_generated: bool,
    pub(crate) is_required: bool,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    /// The root of partitions.
    Root,
    Partition,
    View,
    Materialized,
}

/// A table or a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key, by place.
    pub(crate) key: Vec<usize>,
}

/// All relations of the database that are drawn from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) relations: Vec<Relation>,
}

const COLUMNS: &str = "\
SELECT n.nspname, c.relname, CASE WHEN c.relispartition THEN 'l' ELSE c.relkind::text END,
  a.attname, replace(format_type(a.atttypid, a.atttypmod), 'public.', ''),
  coalesce(o.collname, ''),
  a.attgenerated <> '' OR a.attidentity = 'a', a.attnotnull,
  coalesce(array_position(i.indkey::int2[], a.attnum), -1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation o ON o.oid = a.attcollation
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname IN ('public', 'alt') AND c.relkind IN ('r', 'p', 'v', 'm')
  AND c.relname NOT LIKE 'race%'
ORDER BY n.nspname, c.relname, a.attnum";

impl Schema {
    /// Reads it.
    pub(crate) fn read(bare: &mut Bare) -> Result<Schema> {
        let mut schema = Schema::default();
        for row in bare.run(COLUMNS)? {
            schema.take(&row).context("the catalogue answers in another form")?;
        }
        Ok(schema)
    }

    fn take(&mut self, row: &[Option<String>]) -> Option<()> {
        let [namespace, name, kind, column, of, collation, generated, required, key] = row else {
            return None;
        };
        let is_next = self.relations.last().is_none_or(|last| {
            Some(&last.name) != name.as_ref() || Some(&last.schema) != namespace.as_ref()
        });
        if is_next {
            let kind = match kind.as_deref()? {
                "r" => Kind::Table,
                "p" => Kind::Root,
                "l" => Kind::Partition,
                "v" => Kind::View,
                _ => Kind::Materialized,
            };
            let (schema, name) = (namespace.clone()?, name.clone()?);
            self.relations.push(Relation { schema, name, kind, columns: vec![], key: vec![] });
        }
        let relation = self.relations.last_mut()?;
        let at = relation.columns.len();
        relation.columns.push(Column {
            name: column.clone()?,
            of: Type::of(of.as_deref()?, collation.as_deref()?),
            is_generated: generated.as_deref() == Some("t"),
            is_required: required.as_deref() == Some("t"),
        });
        if key.as_deref()? != "-1" {
            relation.key.push(at);
        }
        Some(())
    }

    /// Any relation that is read from; partitions by themselves less often than the rest.
    pub(crate) fn any<'a>(&'a self, rng: &mut Rng) -> Option<&'a Relation> {
        for _ in 0..20 {
            let relation = &self.relations[rng.usize(..self.relations.len().max(1))];
            // What is never cached is asked for now and then.
            let is_rare = relation.kind == Kind::Partition
                || relation.kind == Kind::Materialized
                || matches!(relation.name.as_str(), "dry" | "keyless" | "parent");
            if !is_rare || rng.u8(..5) == 0 {
                return Some(relation);
            }
        }
        None
    }

    /// A table that rows can be written to; now and then a partition or a view.
    pub(crate) fn target<'a>(&'a self, rng: &mut Rng) -> Option<&'a Relation> {
        for _ in 0..40 {
            let relation = &self.relations[rng.usize(..self.relations.len().max(1))];
            let is_taken = match relation.kind {
                Kind::Table | Kind::Root => true,
                Kind::Partition => rng.u8(..5) == 0,
                Kind::View => rng.u8(..16) == 0,
                Kind::Materialized => false,
            };
            if is_taken && !relation.is_log() {
                return Some(relation);
            }
        }
        None
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<&Relation> {
        self.relations.iter().filter(|relation| relation.kind == kind).collect()
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name && relation.schema == "public")
    }
}

impl Relation {
    /// Its name with its schema.
    pub(crate) fn full(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Its name as it may stand in a statement.
    pub(crate) fn called(&self, rng: &mut Rng) -> String {
        if self.schema == "public" && rng.bool() { self.name.clone() } else { self.full() }
    }

    /// Only triggers and the proof itself write to it.
    fn is_log(&self) -> bool {
        self.name == "log" || self.name == "tick"
    }

    pub(crate) fn any<'a>(&'a self, rng: &mut Rng) -> &'a Column {
        &self.columns[rng.usize(..self.columns.len())]
    }

    /// A column of which `is_fit` holds.
    pub(crate) fn one<'a>(
        &'a self,
        rng: &mut Rng,
        is_fit: impl Fn(&Column) -> bool,
    ) -> Option<&'a Column> {
        let fit: Vec<&Column> = self.columns.iter().filter(|column| is_fit(column)).collect();
        if fit.is_empty() { None } else { Some(pick(rng, &fit)) }
    }
}
