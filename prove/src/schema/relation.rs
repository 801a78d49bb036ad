//! Tables and views as far as statements about them need to know. It writes no SQL but names.

use fastrand::Rng;

use crate::domain::Affinity;

/// The order of texts in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collation {
    Binary,
    NoCase,
    Rtrim,
}

impl Collation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Collation::Binary => "BINARY",
            Collation::NoCase => "NOCASE",
            Collation::Rtrim => "RTRIM",
        }
    }
}

/// A column of a table, a view or a subquery.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) affinity: Affinity,
    pub(crate) collation: Collation,
    pub(crate) is_generated: bool,
    /// Values that compare as equal are the same value. Where this does not hold, which of
    /// several equal values DISTINCT, GROUP BY or `max` answers is up to the plan.
    pub(crate) is_crisp: bool,
}

impl Column {
    pub(crate) fn new(name: &str, affinity: Affinity, collation: Collation) -> Column {
        Column {
            name: name.to_owned(),
            affinity,
            collation,
            is_generated: false,
            is_crisp: affinity != Affinity::None && collation == Collation::Binary,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    WithoutRowid,
    View,
}

/// A table or a view.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) is_strict: bool,
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key.
    pub(crate) key: Vec<String>,
    /// Columns that no two rows share, for orders without ties; empty when there are none.
    pub(crate) tie: Vec<String>,
    /// Columns that are unique by themselves, beside the key.
    pub(crate) single: Vec<String>,
    /// A view with an INSTEAD OF trigger.
    pub(crate) takes_writes: bool,
}

impl Relation {
    pub(crate) fn is_view(&self) -> bool {
        self.kind == Kind::View
    }

    /// Columns that an INSERT or UPDATE may name.
    pub(crate) fn stored(&self) -> Vec<&Column> {
        self.columns.iter().filter(|column| !column.is_generated).collect()
    }

    /// Sets of columns by which a row can stand in the way of another one with another rowid.
    pub(crate) fn unique(&self) -> Vec<Vec<String>> {
        let singles = self.single.iter().filter(|name| self.column(name).is_some());
        let mut sets: Vec<Vec<String>> = singles.map(|name| vec![name.clone()]).collect();
        if !self.key.is_empty() && self.key != ["id"] {
            sets.push(self.key.clone());
        }
        sets
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Everything that statements can name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) relations: Vec<Relation>,
    pub(crate) indexes: Vec<String>,
    pub(crate) triggers: Vec<String>,
    /// Rows are long, so that a table has many pages.
    has_long_rows: bool,
    /// Numbers the names, so that each is used once.
    named: usize,
}

impl Schema {
    pub(crate) fn new(has_long_rows: bool) -> Schema {
        Schema { has_long_rows, ..Schema::default() }
    }

    pub(crate) fn has_long_rows(&self) -> bool {
        self.has_long_rows
    }

    pub(crate) fn fresh(&mut self, stem: &str) -> String {
        self.named += 1;
        format!("{stem}{}", self.named)
    }

    pub(crate) fn tables(&self) -> Vec<&Relation> {
        self.relations.iter().filter(|relation| !relation.is_view()).collect()
    }

    pub(crate) fn views(&self) -> Vec<&Relation> {
        self.relations.iter().filter(|relation| relation.is_view()).collect()
    }

    /// A table; the first ones are used more than the last.
    pub(crate) fn table(&self, rng: &mut Rng) -> Option<&Relation> {
        let tables = self.tables();
        let at = (rng.f64() * rng.f64() * tables.len() as f64) as usize;
        tables.get(at).copied()
    }

    /// A table or, one time in six, a view.
    pub(crate) fn relation(&self, rng: &mut Rng) -> Option<&Relation> {
        let views = self.views();
        if !views.is_empty() && rng.u8(..6) == 0 {
            return Some(views[rng.usize(..views.len())]);
        }
        self.table(rng)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    pub(crate) fn find_mut(&mut self, name: &str) -> Option<&mut Relation> {
        self.relations.iter_mut().find(|relation| relation.name == name)
    }
}
