//! A read while it is being written: its parameters and features, and what of its answer is
//! determined.

use fastrand::Rng;
use forebay::Value;

use super::spot::{Sought, Spot};
use crate::domain::{Affinity, Statement, draw, literal, variant};
use crate::feature::{Feature, Features};
use crate::schema::{Collation, Column, Kind, Relation, Schema};

/// How two answers are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compare {
    /// The order of the rows is determined.
    pub(crate) ordered: bool,
    /// Which of several values that compare as equal is answered is not determined.
    pub(crate) folded: bool,
    /// Sums of floats are determined but for their last digits.
    pub(crate) rounded: bool,
    /// Nothing is determined, and the answer may never come from the cache.
    pub(crate) volatile: bool,
}

/// A read with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) statement: Statement,
    pub(crate) features: Features,
    pub(crate) compare: Compare,
    /// Where its answer turns.
    pub(super) spots: Vec<Spot>,
    /// It lies at the edge of a rule.
    pub(crate) is_trap: bool,
}

impl Read {
    /// A read of which nothing more is known.
    pub(crate) fn plain(statement: Statement, features: Features) -> Read {
        Read { statement, features, compare: Compare::default(), spots: Vec::new(), is_trap: false }
    }

    /// The same text with other values for one or more of its parameters.
    pub(crate) fn with_other_values(&self, rng: &mut Rng) -> Read {
        let mut read = self.clone();
        for value in &mut read.statement.params {
            let affinity = match value {
                _ if rng.u8(..3) == 0 => continue,
                // A JSON text, and the bounds of pages, stay what they are.
                Value::Text(text) if text.starts_with('[') => continue,
                Value::Integer(_) => Affinity::Integer,
                Value::Text(_) => Affinity::Text,
                Value::Real(_) => Affinity::Real,
                Value::Blob(_) | Value::Null => Affinity::None,
            };
            *value = match (draw(rng, affinity), &*value) {
                (Value::Integer(_), Value::Integer(n)) if n.abs() < 100 && rng.u8(..5) == 0 => {
                    Value::Real(*n as f64)
                }
                (Value::Integer(n), Value::Integer(_)) => Value::Integer(n),
                // LIMIT takes nothing but integers.
                (_, Value::Integer(n)) => Value::Integer(*n),
                // The same number in another class, now and then.
                (_, Value::Real(x)) if x.fract() == 0.0 && x.abs() < 1e15 => {
                    Value::Integer(*x as i64)
                }
                (other, _) => other,
            };
        }
        read
    }
}

/// What a FROM clause offers under one name.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) alias: String,
    pub(crate) columns: Vec<Column>,
    /// Terms that tell its rows apart.
    pub(crate) tie: Vec<String>,
}

impl Source {
    /// Terms that order the rows of any source without ties; equal rows are alike.
    pub(crate) fn order(&self) -> Vec<String> {
        if !self.tie.is_empty() {
            return self.tie.clone();
        }
        let terms = self.columns.iter().flat_map(|column| {
            let name = format!("{}.{}", self.alias, column.name);
            [format!("hex({name})"), format!("typeof({name})")]
        });
        terms.collect()
    }
}

/// A block that answers rows: its text and its columns.
pub(crate) struct Block {
    pub(crate) sql: String,
    pub(crate) columns: Vec<Column>,
}

/// Everything that grows while a read is written.
pub(crate) struct Draft<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) schema: &'a Schema,
    pub(crate) params: Vec<Value>,
    pub(crate) features: Features,
    pub(crate) compare: Compare,
    /// How deep the block lies that is being written; 0 is the statement itself.
    pub(crate) depth: usize,
    /// Whether values may be parameters; a view has none.
    pub(crate) may_bind: bool,
    pub(super) spots: Vec<Spot>,
    /// Tables by the names that stand for them.
    pub(super) tables: Vec<(String, String)>,
    /// The value that was put last.
    pub(super) latest: Sought,
    pub(super) is_trap: bool,
    aliases: usize,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(rng: &'a mut Rng, schema: &'a Schema) -> Draft<'a> {
        Draft {
            rng,
            schema,
            params: Vec::new(),
            features: Features::default(),
            compare: Compare::default(),
            depth: 0,
            may_bind: true,
            spots: Vec::new(),
            tables: Vec::new(),
            latest: Sought::Open,
            is_trap: false,
            aliases: 0,
        }
    }

    pub(crate) fn note(&mut self, feature: Feature) {
        self.features.add(feature);
    }

    /// Whether a chance of one in `n` has come up.
    pub(crate) fn once_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.rng.usize(..from.len())].clone()) }
    }

    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("s{}", self.aliases)
    }

    /// A value that a column may hold, as a literal or a parameter.
    pub(crate) fn value(&mut self, column: &Column) -> String {
        let value = draw(self.rng, column.affinity);
        let value = variant(self.rng, value, column.collation.name());
        self.put(value, column.affinity)
    }

    /// The same, for a comparison: seldom NULL, which would never hold.
    pub(crate) fn sought(&mut self, column: &Column) -> String {
        let mut value = draw(self.rng, column.affinity);
        if matches!(value, Value::Null) && !self.once_in(4) {
            value = draw(self.rng, column.affinity);
        }
        let value = variant(self.rng, value, column.collation.name());
        self.put(value, column.affinity)
    }

    pub(crate) fn put(&mut self, value: Value, affinity: Affinity) -> String {
        let is_natural = matches!(
            (&value, affinity),
            (Value::Integer(_), Affinity::Integer | Affinity::Numeric | Affinity::None)
                | (Value::Text(_), Affinity::Text | Affinity::None)
                | (Value::Real(_), Affinity::Real | Affinity::Numeric | Affinity::None)
                | (Value::Blob(_), Affinity::None)
        );
        if !is_natural {
            self.note(Feature::OtherClass);
        }
        if self.may_bind && self.rng.bool() {
            self.note(Feature::Parameter);
            self.params.push(value);
            self.latest = Sought::Mark(self.params.len());
            format!("?{}", self.params.len())
        } else {
            self.note(Feature::Literal);
            let text = literal(&value);
            self.latest = Sought::Literal(value);
            text
        }
    }

    /// A relation under a new name.
    pub(crate) fn source(&mut self) -> Option<(String, Source)> {
        let relation = self.schema.relation(self.rng)?.clone();
        Some(self.source_of(&relation))
    }

    /// The same, but always a table.
    pub(crate) fn table_source(&mut self) -> Option<(String, Source)> {
        let relation = self.schema.table(self.rng)?.clone();
        Some(self.source_of(&relation))
    }

    pub(crate) fn source_of(&mut self, relation: &Relation) -> (String, Source) {
        self.note_relation(relation);
        let alias = self.alias();
        if !relation.is_view() {
            self.tables.push((alias.clone(), relation.name.clone()));
        }
        let tie = relation.tie.iter().map(|column| format!("{alias}.{column}")).collect();
        let mut text = format!("{} AS {alias}", relation.name);
        if !relation.is_view() && self.once_in(25) {
            self.note(Feature::IndexedBy);
            text += " NOT INDEXED";
        }
        (text, Source { alias, columns: relation.columns.clone(), tie })
    }

    fn note_relation(&mut self, relation: &Relation) {
        if relation.is_view() {
            self.note(Feature::View);
        }
        if relation.kind == Kind::WithoutRowid {
            self.note(Feature::WithoutRowid);
        }
        if relation.is_strict {
            self.note(Feature::Strict);
        }
        if relation.columns.iter().any(|column| column.is_generated) {
            self.note(Feature::Generated);
        }
    }

    /// A column of one of the sources, with its qualified name.
    pub(crate) fn column(&mut self, sources: &[Source]) -> (String, Column) {
        let source = &sources[self.rng.usize(..sources.len())];
        self.column_of(source)
    }

    pub(crate) fn column_of(&mut self, source: &Source) -> (String, Column) {
        let column = source.columns[self.rng.usize(..source.columns.len())].clone();
        (format!("{}.{}", source.alias, column.name), column)
    }

    /// A column whose equal values are alike, if there is one; at the top of a statement any
    /// column will do, since answers are folded there.
    pub(crate) fn groupable(&mut self, sources: &[Source]) -> Option<(String, Column)> {
        if self.depth == 0 {
            let (name, column) = self.column(sources);
            self.compare.folded |= !column.is_crisp;
            return Some((name, column));
        }
        let crisp = sources.iter().flat_map(|source| {
            let columns = source.columns.iter().filter(|column| column.is_crisp);
            columns.map(|column| (format!("{}.{}", source.alias, column.name), column.clone()))
        });
        let crisp: Vec<_> = crisp.collect();
        self.pick(&crisp)
    }

    /// The finished read. Half of the texts whose parameters come in order get plain `?`.
    pub(crate) fn finish(self, sql: String) -> Read {
        let mut sql = sql;
        let mut draft = self;
        // What was drawn and not used after all has left its values behind.
        draft.params.truncate(highest_mark(&sql));
        if draft.rng.bool() {
            sql = with_plain_marks(&sql, draft.params.len()).unwrap_or(sql);
        }
        let statement = Statement { sql, params: draft.params };
        let Draft { features, compare, spots, is_trap, .. } = draft;
        Read { statement, features, compare, spots, is_trap }
    }
}

/// The highest number of a parameter in the text.
pub(crate) fn highest_mark(sql: &str) -> usize {
    let numbers = sql.split('?').skip(1).map(|rest| {
        let end = rest.find(|next: char| !next.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().unwrap_or(0)
    });
    numbers.max().unwrap_or(0)
}

/// The text with `?` for `?1`, `?2` and so on, if they stand in that order, each once.
fn with_plain_marks(sql: &str, params: usize) -> Option<String> {
    let pieces: Vec<&str> = sql.split('?').collect();
    if pieces.len() != params + 1 || sql.contains("'?") {
        return None;
    }
    let mut plain = pieces[0].to_owned();
    for (index, piece) in pieces.iter().enumerate().skip(1) {
        let rest = piece.strip_prefix(&index.to_string())?;
        if rest.starts_with(|next: char| next.is_ascii_digit()) {
            return None;
        }
        plain.push('?');
        plain += rest;
    }
    Some(plain)
}

/// A column that is an expression: without affinity or collation of its own.
pub(crate) fn expression(name: &str, is_crisp: bool) -> Column {
    let mut column = Column::new(name, Affinity::None, Collation::Binary);
    column.is_crisp = is_crisp;
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lose_their_numbers_only_in_order() {
        let check = |sql: &str, params, expect: Option<&str>| {
            assert_eq!(with_plain_marks(sql, params).as_deref(), expect, "{sql}");
        };
        check("a = ?1 AND b = ?2", 2, Some("a = ? AND b = ?"));
        check("a = ?2 AND b = ?1", 2, None);
        check("a = ?1 AND b = ?1", 1, None);
        check("a = 1", 0, Some("a = 1"));
        check("a = ?11", 1, None);
    }
}
