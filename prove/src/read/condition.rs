//! Random conditions over the columns of a FROM clause.

use forebay::Value;

use super::draft::{Draft, Source};
use super::spot::Sought;
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::{Collation, Column};

/// How deep conditions and subqueries may be nested.
pub(crate) const DEPTH_MAX: usize = 2;

impl Draft<'_> {
    /// ` WHERE ...` with up to three conditions, or nothing.
    pub(crate) fn restriction(&mut self, sources: &[Source]) -> String {
        let count = match self.rng.u8(..10) {
            0 => 0,
            1..6 => 1,
            6..9 => 2,
            _ => 3,
        };
        if count == 0 {
            self.note(Feature::Table);
            return String::new();
        }
        let conditions: Vec<String> = (0..count).map(|_| self.condition(sources)).collect();
        format!(" WHERE {}", conditions.join(" AND "))
    }

    pub(crate) fn condition(&mut self, sources: &[Source]) -> String {
        let (name, column) = self.column(sources);
        match self.rng.u8(..100) {
            0..30 => self.equal(&name, &column),
            30..40 => self.among(&name, &column),
            40..50 => self.range(&name, &column),
            50..56 => self.is_null(&name, &column),
            56..59 => {
                self.note(Feature::NotEqual);
                format!("{name} <> {}", self.sought(&column))
            }
            59..66 => self.either(sources),
            66..69 => {
                self.note(Feature::Not);
                format!("NOT ({})", self.condition(sources))
            }
            69..73 => self.row_value(sources),
            73..77 => self.pattern(&name),
            77..81 => self.pair(sources, &name),
            81..87 => self.of_expression(&name, &column),
            _ if self.depth < DEPTH_MAX => self.subquery_condition(sources),
            _ => self.equal(&name, &column),
        }
    }

    pub(crate) fn equal(&mut self, name: &str, column: &Column) -> String {
        self.note(Feature::Equal);
        if self.rng.u8(..6) == 0 {
            return self.equal_under(name, column);
        }
        let value = self.sought(column);
        self.seek(name);
        match self.rng.u8(..12) {
            0 => {
                self.note(Feature::Collate);
                format!("{name} COLLATE NOCASE = {value}")
            }
            1 => format!("{value} = {name}"),
            2 => format!("{name} == ({value})"),
            _ => format!("{name} = {value}"),
        }
    }

    /// Equal under a collation that need not be the column's.
    fn equal_under(&mut self, name: &str, column: &Column) -> String {
        self.note(Feature::Collate);
        let value = if column.affinity == Affinity::Text && self.rng.bool() {
            let text = ["a", "A", "a ", "b", "B", "b  "][self.rng.usize(..6)];
            self.put(text.into(), column.affinity)
        } else {
            self.sought(column)
        };
        let collation =
            [Collation::NoCase, Collation::Rtrim, Collation::Binary][self.rng.usize(..3)];
        self.seek(name);
        format!("{name} = {value} COLLATE {}", collation.name())
    }

    fn among(&mut self, name: &str, column: &Column) -> String {
        let count = self.rng.usize(1..=4);
        let values: Vec<String> = (0..count).map(|_| self.sought(column)).collect();
        self.seek(name);
        let not = if self.once_in(3) {
            self.note(Feature::NotIn);
            "NOT "
        } else {
            self.note(Feature::In);
            ""
        };
        format!("{name} {not}IN ({})", values.join(", "))
    }

    fn range(&mut self, name: &str, column: &Column) -> String {
        let value = self.sought(column);
        self.seek(name);
        match self.rng.u8(..8) {
            0 | 1 | 5 => {
                self.note(Feature::Between);
                let high = self.sought(column);
                let not = if self.once_in(8) { "NOT " } else { "" };
                format!("{name} {not}BETWEEN {value} AND {high}")
            }
            2 => {
                self.note(Feature::Range);
                let high = self.sought(column);
                format!("{name} > {value} AND {name} <= {high}")
            }
            3 | 4 => {
                self.note(Feature::Range);
                let operator = ["<", "<=", ">", ">="][self.rng.usize(..4)];
                format!("{value} {operator} {name}")
            }
            _ => {
                self.note(Feature::Range);
                let operator = ["<", "<=", ">", ">="][self.rng.usize(..4)];
                format!("{name} {operator} {value}")
            }
        }
    }

    fn is_null(&mut self, name: &str, column: &Column) -> String {
        self.note(Feature::IsNull);
        self.note_spot(name, Sought::Literal(Value::Null));
        match self.rng.u8(..9) {
            0..4 => format!("{name} IS NULL"),
            4 => format!("{name} IS NOT NULL"),
            5 => format!("{name} ISNULL"),
            6 => format!("{name} IS NOT {}", self.value(column)),
            7 => format!("{name} IS NOT DISTINCT FROM {}", self.value(column)),
            _ => format!("{name} IS {}", self.value(column)),
        }
    }

    fn either(&mut self, sources: &[Source]) -> String {
        self.note(Feature::Or);
        if self.rng.bool() {
            let (name, column) = self.column(sources);
            let arms: Vec<String> = (0..2).map(|_| self.equal(&name, &column)).collect();
            return format!("({})", arms.join(" OR "));
        }
        let (left, right) = (self.condition(sources), self.condition(sources));
        if self.once_in(4) {
            // AND binds closer: no parentheses inside.
            let third = self.condition(sources);
            return format!("({left} OR {right} AND {third})");
        }
        format!("({left} OR {right})")
    }

    fn row_value(&mut self, sources: &[Source]) -> String {
        self.note(Feature::RowValue);
        let source = &sources[self.rng.usize(..sources.len())];
        let ((a, first), (b, second)) = (self.column_of(source), self.column_of(source));
        let v = self.sought(&first);
        self.seek(&a);
        let w = self.sought(&second);
        self.seek(&b);
        match self.rng.u8(..6) {
            0 | 1 => {
                let operator = ["<", "<=", ">", ">="][self.rng.usize(..4)];
                format!("({a}, {b}) {operator} ({v}, {w})")
            }
            2 => {
                let (x, y) = (self.sought(&first), self.sought(&second));
                format!("({a}, {b}) IN (VALUES ({v}, {w}), ({x}, {y}))")
            }
            _ => {
                self.note(Feature::CompositeKey);
                format!("({a}, {b}) = ({v}, {w})")
            }
        }
    }

    fn pattern(&mut self, name: &str) -> String {
        self.note(Feature::Like);
        let pattern = ["'a%'", "'A%'", "'%b%'", "'_'", "'1%'"][self.rng.usize(..5)];
        match self.rng.u8(..4) {
            0 => format!("{name} GLOB 'a*'"),
            1 => format!("{name} NOT LIKE {pattern}"),
            _ => format!("{name} LIKE {pattern}"),
        }
    }

    fn pair(&mut self, sources: &[Source], name: &str) -> String {
        self.note(Feature::ColumnPair);
        let (other, _) = self.column(sources);
        self.look_at(name);
        self.look_at(&other);
        let operator = ["=", "=", "<", "IS", "<>"][self.rng.usize(..5)];
        format!("{name} {operator} {other}")
    }

    fn of_expression(&mut self, name: &str, column: &Column) -> String {
        self.note(Feature::Expression);
        let value = self.sought(column);
        self.seek(name);
        match self.rng.u8(..10) {
            0 => format!("+{name} = {value}"),
            1 => format!("coalesce({name}, 1) = {value}"),
            2 => format!("{name} || '' = {value}"),
            3 => {
                self.note(Feature::Case);
                format!("CASE WHEN {name} = {value} THEN 1 ELSE 0 END")
            }
            4 => format!("typeof({name}) = 'text'"),
            5 => format!("length({name}) = 1"),
            6 => format!("CAST({name} AS TEXT) = {value}"),
            7 => {
                self.note(Feature::Case);
                format!("CASE {name} WHEN {value} THEN 0 ELSE {name} IS NULL END")
            }
            8 if column.affinity == Affinity::Text => format!("lower({name}) = {value}"),
            8 => format!("{name} + 0 = {value}"),
            _ => format!("({name} = {value}) = 1"),
        }
    }
}
