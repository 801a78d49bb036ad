//! What is known of the objects that trees name by oid, and what is still to be asked. It is
//! filled from outside, in the transaction of the analysis, and is only as good as the schema that
//! it was read under: a change of the schema empties it.

use std::collections::{BTreeSet, HashMap};

use super::body::Body;
use super::composition::Composition;
use super::consequence::Consequence;
use super::node::{Fault, Node};

/// The first oid of an object that did not come with the server.
pub(super) const FIRST_OF_USERS: u32 = 16_384;

/// The oid of the schema `pg_catalog`.
pub(super) const PG_CATALOG: u32 = 11;

/// Objects by oid. `None` is one that was asked for and is not there.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(super) relations: HashMap<u32, Option<Relation>>,
    pub(super) functions: HashMap<u32, Option<Function>>,
    /// The function of an operator.
    pub(super) operators: HashMap<u32, Option<u32>>,
    pub(super) collations: HashMap<u32, Option<Collated>>,
    pub(super) types: HashMap<u32, Option<Type>>,
    /// Of tables that are written, or whose reads run policies.
    pub(super) consequences: HashMap<u32, Option<Consequence>>,
    /// Of types and functions of users; what a write runs is looked for in them.
    pub(super) compositions: HashMap<u32, Option<Composition>>,
    pub(super) bodies: HashMap<u32, Option<Body>>,
}

/// What is to be asked before a statement can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) relations: BTreeSet<u32>,
    pub(crate) functions: BTreeSet<u32>,
    pub(crate) operators: BTreeSet<u32>,
    pub(crate) collations: BTreeSet<u32>,
    pub(crate) types: BTreeSet<u32>,
    pub(crate) consequences: BTreeSet<u32>,
    pub(crate) compositions: BTreeSet<u32>,
    pub(crate) bodies: BTreeSet<u32>,
}

impl Catalogue {
    /// The name of a table or view with its schema, if it has been asked for.
    pub(crate) fn name(&self, oid: u32) -> Option<&str> {
        Some(&self.relations.get(&oid)?.as_ref()?.name)
    }
}

/// A table, a view, or what else can stand in FROM.
#[derive(Debug)]
pub(crate) struct Relation {
    /// With its schema, for people.
    pub(super) name: String,
    /// `pg_class.relkind`.
    pub(super) kind: u8,
    /// `pg_class.relpersistence`.
    pub(super) persistence: u8,
    pub(super) is_system: bool,
    pub(super) has_row_security: bool,
    /// Its rows, if it has any of its own, are kept by the server's own access method.
    pub(super) is_heap: bool,
    pub(super) descent: Descent,
    /// By attribute number minus one; `None` where a column was dropped.
    pub(super) columns: Vec<Option<Column>>,
    /// The query of a view.
    pub(super) view: Option<Result<Node, Fault>>,
}

/// How a table belongs to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descent {
    Alone,
    /// A partitioned table. Its partitions, all the way down, are ordinary ones or not.
    Root {
        is_ordinary: bool,
    },
    /// A partition of the partitioned table `root`, directly or not.
    Partition {
        root: u32,
    },
    /// Other tables inherit from it, by INHERITS.
    Parent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) name: String,
    pub(super) type_oid: u32,
    pub(super) is_generated: bool,
    /// It holds no NULL, which has been checked for every row.
    pub(super) is_not_null: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(super) name: String,
    pub(super) schema: u32,
    /// `pg_proc.provolatile`.
    pub(super) volatility: u8,
}

/// What a collation says of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collated {
    /// Texts are equal when their bytes are.
    pub(super) is_deterministic: bool,
    /// Their order is that of their bytes in UTF-8.
    pub(super) is_bytewise: bool,
}

/// A type that did not come with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Enum,
    /// A domain over this type.
    Domain(u32),
    /// An array of this type.
    Array(u32),
    Other,
}

impl Catalogue {
    /// Objects that it holds.
    pub(crate) fn len(&self) -> usize {
        self.relations.len()
            + self.functions.len()
            + self.operators.len()
            + self.collations.len()
            + self.types.len()
            + self.consequences.len()
            + self.compositions.len()
            + self.bodies.len()
    }
}

impl Needs {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Needs::default()
    }
}

impl Relation {
    /// The column with this attribute number minus one.
    pub(super) fn column(&self, position: usize) -> Option<&Column> {
        self.columns.get(position)?.as_ref()
    }
}
