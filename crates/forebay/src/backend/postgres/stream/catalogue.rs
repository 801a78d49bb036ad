//! What the catalogue of a database says about its tables, as far as the stream does not: the
//! number of each column, and the partitioned table that a partition belongs to. It holds what
//! was read; whether that is still so is for the follower to decide.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::kind::Kind;
use super::message::Description;
use super::relation::{Mapping, Meaning};
use crate::invalidate::Lsn;
use crate::invalidate::Snapshot;

/// To be asked first: a snapshot that is not younger than what is read next.
pub(crate) const SNAPSHOT: &str = "SELECT pg_catalog.pg_current_snapshot()";

/// A row per column: the table, the topmost partitioned table it belongs to or itself, columns
/// ever made, the number and name of the column, its type and the base of that, whether that is
/// an enum, whether it is generated.
pub(crate) const COLUMNS: &str = "\
WITH RECURSIVE base (oid, next) AS (
  SELECT oid, CASE WHEN typtype = 'd' THEN typbasetype ELSE oid END FROM pg_catalog.pg_type
  UNION
  SELECT b.oid, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.next
)
SELECT c.oid,
  CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid ELSE c.oid END,
  c.relnatts, a.attnum, a.attname, a.atttypid, t.oid, t.typtype = 'e', a.attgenerated <> ''
FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN base b ON b.oid = a.atttypid
  JOIN pg_catalog.pg_type t ON t.oid = b.next AND t.typtype <> 'd'
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid, a.attnum";

/// Cells of a row of [`COLUMNS`].
pub(crate) const COLUMNS_CELLS: usize = 9;

/// To be asked last: a place in the log behind everything that was read. It is a note of our own,
/// so that the stream is certain to pass it: what others have written behind the last commit is
/// not flushed by anybody. The only row is that of the third statement.
pub(crate) const POSITION: &str = "\
BEGIN READ WRITE; SET LOCAL synchronous_commit = local; \
SELECT pg_catalog.pg_logical_emit_message(true, 'forebay_mark', ''); COMMIT";

/// Columns of all tables of a database; one with more is not followed row by row.
const COLUMNS_ALL_MAX: usize = 1_000_000;

/// The tables of a database.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(HashMap<u32, Table, RandomState>);

/// A catalogue with what tells whether it may be used.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) snapshot: Snapshot,
    pub(crate) catalogue: Catalogue,
    pub(crate) position: Lsn,
}

/// One table.
#[derive(Debug)]
struct Table {
    /// The topmost partitioned table, or itself.
    root: u32,
    /// Columns ever made: one more than the highest number of a column.
    width: u16,
    /// In the order of their numbers.
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: Box<str>,
    /// `attnum - 1`.
    number: u16,
    type_oid: u32,
    kind: Kind,
    is_generated: bool,
}

impl Catalogue {
    /// Reads the rows of [`COLUMNS`]; `None` when they are not such rows, or too many.
    pub(crate) fn read<'a, R>(rows: impl IntoIterator<Item = R>) -> Option<Catalogue>
    where
        R: AsRef<[Option<&'a str>]>,
    {
        let mut tables: HashMap<u32, Table, RandomState> = HashMap::default();
        for (count, row) in rows.into_iter().enumerate() {
            if count >= COLUMNS_ALL_MAX {
                return None;
            }
            let cells: &[Option<&str>; COLUMNS_CELLS] = row.as_ref().try_into().ok()?;
            let [oid, root, width, ..] = *cells;
            let (oid, root) = (oid?.parse().ok()?, root?.parse().ok()?);
            let width = width?.parse().ok()?;
            let column = Column::read(cells, width)?;
            let new = || Table { root, width, columns: Vec::new() };
            tables.entry(oid).or_insert_with(new).columns.push(column);
        }
        Some(Catalogue(tables))
    }

    /// What the rows of a table of the stream mean for the index.
    pub(super) fn meaning(&self, described: &Description<'_>) -> Meaning {
        let Some(table) = self.0.get(&described.oid) else { return Meaning::Anything };
        let Some(root) = self.0.get(&table.root) else { return Meaning::Anything };
        match table.is_described(described).then(|| root.mapping(table.root, described)) {
            Some(Some(mapping)) => Meaning::Rows(mapping),
            _ => Meaning::Whole(name(table.root)),
        }
    }
}

/// The name of a table in the index: its number, so that two tables of one name never meet.
pub(crate) fn name(oid: u32) -> Box<str> {
    oid.to_string().into()
}

impl Table {
    /// Whether the stream describes the table as it stands here. A column that is missing on one
    /// side means that the two are of different times.
    fn is_described(&self, described: &Description<'_>) -> bool {
        let mut columns = self.columns.iter();
        let is_known = described.columns.iter().all(|described| {
            // Generated columns are left out of the stream, or, if published, in their place.
            let column = columns
                .find(|column| !column.is_generated || column.name.as_bytes() == described.name);
            column.is_some_and(|column| {
                column.name.as_bytes() == described.name && column.type_oid == described.type_oid
            })
        });
        is_known && columns.all(|column| column.is_generated)
    }

    /// Where the columns of this table, the root, stand in a message about `described`.
    fn mapping(&self, root: u32, described: &Description<'_>) -> Option<Mapping> {
        let mut positions = vec![None; usize::from(self.width)];
        let mut kinds = Vec::with_capacity(described.columns.len());
        for (position, described) in described.columns.iter().enumerate() {
            let is_it = |column: &&Column| column.name.as_bytes() == described.name;
            let column = self.columns.iter().find(is_it)?;
            if column.type_oid != described.type_oid {
                return None;
            }
            *positions.get_mut(usize::from(column.number))? = Some(u16::try_from(position).ok()?);
            kinds.push(column.kind);
        }
        Some(Mapping { table: name(root), positions: positions.into(), kinds: kinds.into() })
    }
}

impl Column {
    fn read(cells: &[Option<&str>; COLUMNS_CELLS], width: u16) -> Option<Column> {
        let [_, _, _, number, name, type_oid, base, is_enum, is_generated] = *cells;
        let number = number?.parse::<u16>().ok()?.checked_sub(1)?;
        let base = base?.parse().ok()?;
        (number < width).then_some(())?;
        Some(Column {
            name: name?.into(),
            number,
            type_oid: type_oid?.parse().ok()?,
            kind: Kind::of(base, is_enum? == "t"),
            is_generated: is_generated? == "t",
        })
    }
}
