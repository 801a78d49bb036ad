//! The tables of a database as the catalogue shows them, as far as following their changes rests
//! on it. It judges nothing.

/// A row per relation that holds rows of its own or whose partitions do.
pub(crate) const TABLES: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
    AND i.indisvalid AND i.indimmediate),
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident
    AND i.indisvalid AND i.indimmediate),
  c.relispartition,
  CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid ELSE c.oid END,
  NOT c.relispartition AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
  pg_catalog.pg_get_userbyid(c.relowner), pg_catalog.pg_total_relation_size(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forebay')
ORDER BY n.nspname, c.relname";

/// Cells of a row of [`TABLES`].
const TABLES_CELLS: usize = 13;

/// One relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) oid: u32,
    pub(crate) schema: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) persistence: Persistence,
    pub(crate) identity: Identity,
    /// A primary key that may be the replica identity, and so is not deferrable.
    pub(crate) has_primary_key: bool,
    pub(crate) is_partition: bool,
    /// The topmost partitioned table, or itself.
    pub(crate) root: u32,
    /// Whether it inherits from a table that is not partitioned.
    pub(crate) inherits: bool,
    pub(crate) owner: Box<str>,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ordinary,
    Partitioned,
    Materialized,
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    Permanent,
    Unlogged,
    Temporary,
}

/// What an UPDATE or DELETE writes of the old row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// All of it.
    Full,
    /// The columns of its primary key or another index.
    Key,
    /// Nothing: once its updates are published, they fail.
    None,
}

impl Table {
    /// Reads a row of [`TABLES`]; `None` when it is not such a row.
    pub(crate) fn read(cells: &[Option<&str>]) -> Option<Table> {
        let cells: &[Option<&str>; TABLES_CELLS] = cells.try_into().ok()?;
        let is = |cell: usize| cells[cell].map(|text| text == "t");
        Some(Table {
            oid: cells[0]?.parse().ok()?,
            schema: cells[1]?.into(),
            name: cells[2]?.into(),
            kind: match cells[3]? {
                "r" => Kind::Ordinary,
                "p" => Kind::Partitioned,
                "m" => Kind::Materialized,
                "f" => Kind::Foreign,
                _ => return None,
            },
            persistence: match cells[4]? {
                "p" => Persistence::Permanent,
                "u" => Persistence::Unlogged,
                "t" => Persistence::Temporary,
                _ => return None,
            },
            identity: match (cells[5]?, is(6)?, is(7)?) {
                ("f", _, _) => Identity::Full,
                ("d", true, _) | ("i", _, true) => Identity::Key,
                ("d" | "i" | "n", _, _) => Identity::None,
                _ => return None,
            },
            has_primary_key: is(6)?,
            is_partition: is(8)?,
            root: cells[9]?.parse().ok()?,
            inherits: is(10)?,
            owner: cells[11]?.into(),
            bytes: cells[12].and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
        })
    }
}
