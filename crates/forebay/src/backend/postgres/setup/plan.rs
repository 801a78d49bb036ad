//! What is to become of each table: how exactly its changes will be told, whether it is published,
//! whether its replica identity is changed for that. Tables to plan in, plan out; no SQL.

use std::collections::HashMap;

use super::table::{Identity, Kind, Persistence, Table};

/// How exactly the changes of a table are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// Each row as it was and as it is.
    Rows,
    /// Each row as it is, and of the old one its key.
    Keys,
    /// That it changed; why no more.
    Whole(&'static str),
    /// Not at all, so its answers are not kept; why.
    Never(&'static str),
}

/// Which tables get REPLICA IDENTITY FULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Full {
    /// None that does not have it.
    #[default]
    AsIs,
    All,
    /// These, each `schema.table`.
    Named(Vec<Box<str>>),
}

/// One table and what is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) table: Table,
    pub(crate) exactness: Exactness,
    /// Whether it is named in the publication. Partitions come with their root.
    pub(crate) is_published: bool,
    /// Whether it is given REPLICA IDENTITY FULL first.
    pub(crate) sets_full: bool,
}

/// What is to become of the tables of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) tables: Vec<Planned>,
    /// Names of [`Full::Named`] and of what is to be left out that no table has.
    pub(crate) unknown: Vec<Box<str>>,
}

const UNLOGGED: &str = "it is unlogged, and the stream is made from the log";
const TEMPORARY: &str = "it is temporary: each session has its own";
const FOREIGN: &str = "its rows are on another server";
const NO_IDENTITY: &str = "it has no primary key that could be its replica identity: its UPDATEs \
     would fail once they are published; give it one, or REPLICA IDENTITY FULL (`--full`)";
const LEFT_OUT: &str = "it was left out";
const REFRESHED: &str = "it changes by REFRESH only, which is told as a whole";
const PARTITION_UNLOGGED: &str = "one of its partitions is unlogged";
const PARTITION_FOREIGN: &str = "the rows of one of its partitions are on another server";
const PARTITION_NO_IDENTITY: &str = "one of its partitions has no replica identity: UPDATEs of it \
     would fail once they are published";
const ROOT_NO_IDENTITY: &str = "it is partitioned and has no primary key: UPDATEs of every \
     partition made later would fail once they are published";

impl Plan {
    pub(crate) fn of(tables: &[Table], full: &Full) -> Plan {
        let mut leaves: HashMap<u32, Vec<&Table>> = HashMap::new();
        for leaf in tables.iter().filter(|it| it.is_partition && it.kind != Kind::Partitioned) {
            leaves.entry(leaf.root).or_default().push(leaf);
        }
        let by_oid: HashMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
        let planned = |table: &Table| {
            let root = by_oid.get(&table.root).copied().unwrap_or(table);
            let is_asked = full.is_asked_of(table) || full.is_asked_of(root);
            let own = own(table, is_asked);
            let exactness = match leaves.get(&table.root) {
                _ if table.kind != Kind::Partitioned && !table.is_partition => own,
                leaves => whole_tree(root, leaves.map_or(&[], Vec::as_slice), is_asked),
            };
            let is_told = matches!(exactness, Exactness::Rows | Exactness::Keys);
            let holds_rows = table.kind == Kind::Ordinary;
            Planned {
                exactness,
                is_published: is_told && !table.is_partition,
                sets_full: is_told && holds_rows && is_asked && table.identity != Identity::Full,
                table: table.clone(),
            }
        };
        let has = |name: &&str| tables.iter().any(|table| table.is_called(name));
        let unknown = full.names().filter(|name| !has(name)).map(Box::from).collect();
        Plan { tables: tables.iter().map(planned).collect(), unknown }
    }

    /// Without these tables, each `schema.table`, whose answers are not kept then. A partitioned
    /// table is left out whole; the name of one of its partitions is unknown here.
    pub(crate) fn without(mut self, names: &[Box<str>]) -> Plan {
        let has = |planned: &&Planned, name: &str| {
            !planned.table.is_partition && planned.table.is_called(name)
        };
        let mut roots = Vec::new();
        for name in names {
            match self.tables.iter().find(|planned| has(planned, name)) {
                Some(planned) => roots.push(planned.table.oid),
                None => self.unknown.push(name.clone()),
            }
        }
        for planned in self.tables.iter_mut().filter(|it| roots.contains(&it.table.root)) {
            planned.exactness = Exactness::Never(LEFT_OUT);
            planned.is_published = false;
            planned.sets_full = false;
        }
        self
    }

    /// The tables to be named in the publication.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|planned| planned.is_published).map(|planned| &planned.table)
    }
}

/// How exactly a table could be told by itself.
fn own(table: &Table, is_full_asked: bool) -> Exactness {
    match (table.kind, table.persistence, table.identity) {
        (Kind::Foreign, _, _) => Exactness::Never(FOREIGN),
        (_, Persistence::Temporary, _) => Exactness::Never(TEMPORARY),
        (Kind::Materialized, _, _) => Exactness::Whole(REFRESHED),
        (_, Persistence::Unlogged, _) => Exactness::Never(UNLOGGED),
        (_, _, Identity::Full) => Exactness::Rows,
        (_, _, _) if is_full_asked => Exactness::Rows,
        (_, _, Identity::Key) => Exactness::Keys,
        (_, _, Identity::None) => Exactness::Never(NO_IDENTITY),
    }
}

/// How exactly a partitioned table can be told: as its worst partition, those to come included,
/// which get the identity by the primary key and no other.
fn whole_tree(root: &Table, leaves: &[&Table], is_full_asked: bool) -> Exactness {
    if root.persistence == Persistence::Temporary {
        return Exactness::Never(TEMPORARY);
    }
    if !root.has_primary_key {
        return Exactness::Never(ROOT_NO_IDENTITY);
    }
    let mut exactness = Exactness::Rows;
    for leaf in leaves {
        match own(leaf, is_full_asked) {
            Exactness::Rows => {}
            Exactness::Never(FOREIGN) => return Exactness::Never(PARTITION_FOREIGN),
            Exactness::Never(UNLOGGED) => return Exactness::Never(PARTITION_UNLOGGED),
            Exactness::Never(_) => return Exactness::Never(PARTITION_NO_IDENTITY),
            Exactness::Keys | Exactness::Whole(_) => exactness = Exactness::Keys,
        }
    }
    if leaves.is_empty() { Exactness::Keys } else { exactness }
}

impl Full {
    fn is_asked_of(&self, table: &Table) -> bool {
        match self {
            Full::AsIs => false,
            Full::All => true,
            Full::Named(names) => names.iter().any(|name| table.is_called(name)),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Full::Named(names) => names.as_slice(),
            Full::AsIs | Full::All => &[],
        };
        names.iter().map(|name| &**name)
    }
}

impl Table {
    /// Whether a user means it by `name`: without a schema, `public` is meant.
    fn is_called(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&*self.schema).and_then(|rest| rest.strip_prefix('.'));
        rest == Some(&*self.name) || (&*self.schema == "public" && name == &*self.name)
    }
}
