//! One random write. Many fail on a constraint, which is part of life: a failure must change
//! nothing either.

use fastrand::Rng;

use crate::domain::{Affinity, Statement, fitting, literal, variant};
use crate::read::{Aim, Draft, Source, highest_mark};
use crate::schema::{Column, Kind, Relation, Schema};

const OR: &[&str] = &[
    "",
    "",
    "",
    "",
    "OR REPLACE ",
    "OR REPLACE ",
    "OR IGNORE ",
    "OR FAIL ",
    "OR ABORT ",
    "OR ROLLBACK ",
];

/// How seldom a value is one of these.
const BULKY_ONCE_IN: u32 = 15;

/// Values that fill pages, so that pages come, go, and change hands: those of a leaf with the
/// shorter ones, those that a value overflows to with the longest.
const BULKY: &[u32] = &[120, 120, 250, 5_000];

pub(super) struct Writing<'a> {
    pub(super) draft: Draft<'a>,
    pub(super) target: Relation,
}

/// A write of a table or, now and then, of a view. Of those drawn where there is something to aim
/// at, most are aimed.
pub(crate) fn statement(rng: &mut Rng, schema: &Schema, aims: &[Aim]) -> Option<Statement> {
    if !aims.is_empty() && rng.u8(..4) > 0 {
        let aim = &aims[rng.usize(..aims.len())];
        if let Some(table) = schema.find(&aim.table).filter(|table| !table.is_view())
            && let Some(found) = written(rng, schema, table.clone(), |it| it.aimed(aim))
        {
            return Some(found);
        }
    }
    if rng.u8(..9) == 0 {
        let tables = schema.tables().into_iter();
        let unique: Vec<&Relation> = tables.filter(|table| !table.unique().is_empty()).collect();
        let by_rowid: Vec<&Relation> =
            unique.iter().copied().filter(|table| table.kind == Kind::Table).collect();
        let from = if by_rowid.is_empty() || rng.u8(..4) == 0 { unique } else { by_rowid };
        if !from.is_empty() {
            let table = from[rng.usize(..from.len())].clone();
            return written(rng, schema, table, |it| it.replacement());
        }
    }
    let writable: Vec<&Relation> =
        schema.views().into_iter().filter(|view| view.takes_writes).collect();
    let target = if !writable.is_empty() && rng.u8(..12) == 0 {
        writable[rng.usize(..writable.len())].clone()
    } else {
        schema.table(rng)?.clone()
    };
    let kind = rng.u8(..100);
    let is_view = target.is_view();
    written(rng, schema, target, |writing| match kind {
        0..26 => writing.insert(),
        26..32 if !is_view => writing.upsert(),
        32..36 => writing.insert_select(),
        36..47 if !is_view => writing.transfer(),
        47..66 => writing.update(),
        66..69 if !is_view => writing.update_from(),
        69..74 if !is_view => writing.update_key(),
        98 => Some(format!("DELETE FROM {}", writing.target.name)),
        99 if !is_view => Some(writing.prune()),
        _ => writing.delete(),
    })
}

fn written(
    rng: &mut Rng,
    schema: &Schema,
    target: Relation,
    write: impl FnOnce(&mut Writing<'_>) -> Option<String>,
) -> Option<Statement> {
    let mut draft = Draft::new(rng, schema);
    // One level down: what a write looks for must be determined, as in a subquery.
    draft.depth = 1;
    let mut writing = Writing { draft, target };
    let sql = write(&mut writing)?;
    let mut params = writing.draft.params;
    params.truncate(highest_mark(&sql));
    Some(Statement { sql, params })
}

impl Writing<'_> {
    pub(super) fn or(&mut self) -> &'static str {
        OR[self.draft.rng.usize(..OR.len())]
    }

    fn source(&self) -> Source {
        Source {
            alias: self.target.name.clone(),
            columns: self.target.columns.clone(),
            tie: Vec::new(),
        }
    }

    pub(super) fn value(&mut self, column: &Column) -> String {
        if self.target.is_strict && !self.draft.once_in(20) {
            let value = fitting(self.draft.rng, column.affinity);
            let value = variant(self.draft.rng, value, column.collation.name());
            return self.draft.put(value, column.affinity);
        }
        let is_roomy = matches!(column.affinity, Affinity::Text | Affinity::None);
        if is_roomy && !self.target.is_strict && self.draft.once_in(BULKY_ONCE_IN) {
            let size = BULKY[self.draft.rng.usize(..BULKY.len())];
            return format!("zeroblob({size})");
        }
        self.draft.value(column)
    }

    pub(super) fn stored(&self) -> Vec<Column> {
        self.target.stored().into_iter().cloned().collect()
    }

    /// ` RETURNING ...`, sometimes.
    fn returning(&mut self) -> String {
        if self.target.is_view() || !self.draft.once_in(10) {
            return String::new();
        }
        let columns = self.stored();
        match self.draft.pick(&columns) {
            Some(column) if self.draft.rng.bool() => format!(" RETURNING {}", column.name),
            _ => " RETURNING *".to_owned(),
        }
    }

    fn insert(&mut self) -> Option<String> {
        let stored = self.stored();
        // The key is left out now and then, so that it is chosen by the database.
        let has_own_key = stored.first().is_some_and(|column| column.name == "id");
        let skip = usize::from(has_own_key && self.draft.rng.bool());
        let columns = stored.get(skip..).filter(|columns| !columns.is_empty())?;
        let rows = if self.draft.once_in(4) { self.draft.rng.usize(2..=3) } else { 1 };
        let rows: Vec<String> = (0..rows).map(|_| self.row(columns)).collect();
        let names = names(columns);
        let (or, name) = (self.or(), self.target.name.clone());
        let returning = self.returning();
        Some(format!("INSERT {or}INTO {name} ({names}) VALUES {}{returning}", rows.join(", ")))
    }

    fn row(&mut self, columns: &[Column]) -> String {
        let values: Vec<String> = columns.iter().map(|column| self.value(column)).collect();
        format!("({})", values.join(", "))
    }

    fn upsert(&mut self) -> Option<String> {
        let columns = self.stored();
        let row = self.row(&columns);
        let changed = self.draft.pick(&columns)?;
        let target = if self.target.key.is_empty() || self.draft.once_in(3) {
            String::new()
        } else {
            format!("({}) ", self.target.key.join(", "))
        };
        let action = match self.draft.rng.u8(..3) {
            0 => "NOTHING".to_owned(),
            1 => format!("UPDATE SET {0} = excluded.{0}", changed.name),
            _ => format!("UPDATE SET {} = {}", changed.name, self.value(&changed)),
        };
        let returning = self.returning();
        Some(format!(
            "INSERT INTO {} ({}) VALUES {row} ON CONFLICT {target}DO {action}{returning}",
            self.target.name,
            names(&columns)
        ))
    }

    fn insert_select(&mut self) -> Option<String> {
        let columns = self.stored();
        let from = self.draft.single()?;
        let terms: Vec<String> = columns
            .iter()
            .map(|column| {
                if self.draft.rng.bool() {
                    self.draft.column(&from.sources).0
                } else {
                    self.value(column)
                }
            })
            .collect();
        let tail = self.draft.tail(&from);
        let order = from.sources[0].order().join(", ");
        Some(format!(
            "INSERT {}INTO {} ({}) SELECT {} FROM {}{tail} ORDER BY {order} LIMIT 4",
            self.or(),
            self.target.name,
            names(&columns),
            terms.join(", "),
            from.sql
        ))
    }

    /// Everything of another table, which SQLite copies as a whole where the two are alike.
    fn transfer(&mut self) -> Option<String> {
        let tables = self.draft.schema.tables();
        let types = |table: &Relation| {
            table.columns.iter().map(|column| (column.affinity, column.collation)).collect()
        };
        let own: Vec<_> = types(&self.target);
        let others = tables.iter().filter(|table| table.name != self.target.name);
        let (alike, other): (Vec<&Relation>, Vec<&Relation>) = others
            .filter(|table| table.columns.len() == self.stored().len())
            .partition(|table| types(table) == own);
        let from = self.draft.pick(&alike).or_else(|| self.draft.pick(&other))?.name.clone();
        // With any other way to resolve a conflict it copies into empty tables only.
        let or = if self.draft.once_in(4) { self.or() } else { "" };
        Some(format!("INSERT {or}INTO {} SELECT * FROM {from}", self.target.name))
    }

    fn assignments(&mut self) -> Option<String> {
        let columns = self.stored();
        let count = if self.draft.once_in(4) { 2 } else { 1 };
        let mut terms = Vec::new();
        for _ in 0..count {
            let column = self.draft.pick(&columns)?;
            let name = &column.name;
            terms.push(match self.draft.rng.u8(..12) {
                0 => format!("{name} = {name} + 1"),
                1 => format!("{name} = {name}"),
                2 => format!("{name} = {}", self.draft.pick(&columns)?.name),
                3 if column.affinity == Affinity::Text => {
                    format!("{name} = iif({name} = lower({name}), upper({name}), lower({name}))")
                }
                _ => format!("{name} = {}", self.value(&column)),
            });
        }
        Some(terms.join(", "))
    }

    /// ` WHERE` with one condition: mostly an equality, so that few rows change.
    fn filter(&mut self) -> String {
        let source = self.source();
        let condition = if self.draft.rng.u8(..3) > 0 {
            let (name, column) = self.draft.column_of(&source);
            self.draft.equal(&name, &column)
        } else {
            self.draft.condition(&[source])
        };
        format!(" WHERE {condition}")
    }

    fn update(&mut self) -> Option<String> {
        let assignments = self.assignments()?;
        let filter = if self.draft.once_in(40) { String::new() } else { self.filter() };
        let returning = self.returning();
        let (or, name) = (self.or(), &self.target.name);
        Some(format!("UPDATE {or}{name} SET {assignments}{filter}{returning}"))
    }

    /// An UPDATE with a FROM clause. Which of several partners counts is not determined, so
    /// what is assigned does not rest on them.
    fn update_from(&mut self) -> Option<String> {
        let assignments = self.assignments()?;
        let (text, other) = self.draft.table_source()?;
        let source = self.source();
        let ((a, _), (b, _)) = (self.draft.column_of(&source), self.draft.column_of(&other));
        let qualified = assignments.contains(" = ") && self.draft.rng.bool();
        let more = if qualified {
            let (name, column) = self.draft.column_of(&other);
            format!(" AND {}", self.draft.equal(&name, &column))
        } else {
            String::new()
        };
        let (assigned, value) = assignments.split_once(" = ")?;
        let is_plain = value.starts_with(['?', '\'', 'x', 'N']) || value.parse::<f64>().is_ok();
        if !is_plain || value.contains(',') {
            return None;
        }
        Some(format!(
            "UPDATE {}{} SET {assigned} = {value} FROM {text} WHERE {a} = {b}{more}",
            self.or(),
            self.target.name
        ))
    }

    /// A row gets another key, or another rowid.
    fn update_key(&mut self) -> Option<String> {
        let name = self.target.name.clone();
        let has_rowid = self.target.kind == Kind::Table;
        let key = match self.target.key.first() {
            Some(key) if !has_rowid || self.draft.rng.bool() => key.clone(),
            _ => "rowid".to_owned(),
        };
        let or = self.or();
        if key == "id" || key == "rowid" {
            let (place, new) = (self.draft.rng.u8(..8), self.draft.rng.u8(1..40));
            return Some(format!(
                "UPDATE {or}{name} SET {key} = {new} WHERE {key} = \
                 (SELECT {key} FROM {name} ORDER BY {key} LIMIT 1 OFFSET {place})"
            ));
        }
        let column = self.target.column(&key)?.clone();
        let value = self.value(&column);
        let filter = self.filter();
        Some(format!("UPDATE {or}{name} SET {key} = {value}{filter}"))
    }

    fn delete(&mut self) -> Option<String> {
        let filter = self.filter();
        let returning = self.returning();
        Some(format!("DELETE FROM {}{filter}{returning}", self.target.name))
    }

    fn prune(&self) -> String {
        prune(&self.target)
    }
}

/// Deletes all but a few rows of a table.
pub(crate) fn prune(table: &Relation) -> String {
    let (name, tie) = (&table.name, table.tie.join(", "));
    format!(
        "DELETE FROM {name} WHERE ({tie}) IN (SELECT {tie} FROM {name} ORDER BY {tie} LIMIT -1 \
         OFFSET 8)"
    )
}

/// A row for a table that has become empty or small.
pub(crate) fn refill(rng: &mut Rng, table: &Relation) -> String {
    let stored = table.stored();
    let names: Vec<&str> = stored.iter().map(|column| column.name.as_str()).collect();
    let rows: Vec<String> = (0..6)
        .map(|_| {
            let values: Vec<String> =
                stored.iter().map(|column| literal(&fitting(rng, column.affinity))).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!(
        "INSERT OR IGNORE INTO {} ({}) VALUES {}",
        table.name,
        names.join(", "),
        rows.join(", ")
    )
}

pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}
