//! Reads at the edges of the rules: each is one that a rule a little too bold would get wrong.

use forebay::Value;

use super::draft::{Draft, Source};
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::{Collation, Column};

impl Draft<'_> {
    pub(crate) fn trap(&mut self) -> Option<String> {
        match self.rng.u8(..8) {
            0 | 1 => self.without_partner(),
            2 => self.filtered_page(),
            3 => self.filtered_window(),
            4 => self.by_joined_name(),
            5 => self.counted_page(),
            6 => self.converted(),
            _ => self.chain(),
        }
    }

    /// Rows that have no partner: what is NULL need not be NULL in the table.
    fn without_partner(&mut self) -> Option<String> {
        self.note(Feature::IsNull);
        let ((left, one), (right, two)) = (self.table_source()?, self.table_source()?);
        let ((a, _), (b, _)) = (self.column_of(&one), self.column_of(&two));
        let (kind, feature, filled) = match self.rng.u8(..4) {
            0 | 1 => ("LEFT JOIN", Feature::LeftJoin, &two),
            2 => ("RIGHT JOIN", Feature::RightJoin, &one),
            _ => ("FULL JOIN", Feature::FullJoin, &two),
        };
        self.note(feature);
        let (name, _) = self.column_of(filled);
        let list = self.list(&[one, two]);
        Some(format!("SELECT {list} FROM {left} {kind} {right} ON {a} = {b} WHERE {name} IS NULL"))
    }

    /// A condition outside a page does not choose which rows the page has.
    fn filtered_page(&mut self) -> Option<String> {
        self.note(Feature::Derived);
        let (table, source) = self.table_source()?;
        let (name, column) = self.column_of(&source);
        let order = self.total_order(std::slice::from_ref(&source));
        let page = self.page();
        let condition = self.equal(&format!("q.{}", column.name), &column);
        Some(format!(
            "SELECT * FROM (SELECT {name} AS {} FROM {table}{order}{page}) AS q WHERE {condition}",
            column.name
        ))
    }

    /// Nor does one outside a window choose which rows are numbered.
    fn filtered_window(&mut self) -> Option<String> {
        self.note(Feature::Window);
        let (table, source) = self.table_source()?;
        let (name, column) = self.column_of(&source);
        let order = source.order().join(", ");
        let condition = self.equal(&format!("q.{}", column.name), &column);
        Some(format!(
            "SELECT * FROM (SELECT {name} AS {}, row_number() OVER (ORDER BY {order}) AS w \
             FROM {table}) AS q WHERE {condition}",
            column.name
        ))
    }

    /// A name that USING has joined stands for the one column or the other.
    fn by_joined_name(&mut self) -> Option<String> {
        self.note(Feature::Using);
        let ((left, one), (right, two)) = (self.table_source()?, self.table_source()?);
        let is_shared = |column: &&Column| two.columns.iter().any(|it| it.name == column.name);
        let shared: Vec<Column> = one.columns.iter().filter(is_shared).cloned().collect();
        let column = self.pick(&shared)?;
        let (kind, feature) = [
            ("LEFT JOIN", Feature::LeftJoin),
            ("FULL JOIN", Feature::FullJoin),
            ("RIGHT JOIN", Feature::RightJoin),
        ][self.rng.usize(..3)];
        self.note(feature);
        let condition = self.equal(&column.name, &column);
        let name = &column.name;
        Some(format!("SELECT count(*) FROM {left} {kind} {right} USING ({name}) WHERE {condition}"))
    }

    /// A page whose rows tell of others beyond it.
    fn counted_page(&mut self) -> Option<String> {
        self.note(Feature::Window);
        self.compare.ordered = true;
        let (table, source) = self.table_source()?;
        let (name, _) = self.column_of(&source);
        let (direction, order) = (self.direction(), source.order().join(", "));
        let page = self.page();
        Some(format!(
            "SELECT {name}, count(*) OVER () FROM {table} ORDER BY {name}{direction}, {order}{page}"
        ))
    }

    /// A value that the column's affinity or collation makes into another.
    fn converted(&mut self) -> Option<String> {
        self.note(Feature::OtherClass);
        let (table, source) = self.table_source()?;
        let fits = |column: &&Column| {
            column.collation != Collation::Binary
                || matches!(column.affinity, Affinity::Integer | Affinity::Numeric | Affinity::Real)
        };
        let columns: Vec<Column> = source.columns.iter().filter(fits).cloned().collect();
        let column = self.pick(&columns)?;
        let value = match column.collation {
            Collation::Rtrim => ["a ", "a", "b  ", "b"][self.rng.usize(..4)].to_owned(),
            Collation::NoCase => ["A", "b", "Ab"][self.rng.usize(..3)].to_owned(),
            Collation::Binary => {
                let n = self.rng.u8(..7);
                [format!("{n}"), format!("{n}.0"), format!("0{n}")][self.rng.usize(..3)].clone()
            }
        };
        let value = self.put(Value::from(value), column.affinity);
        let list = self.list(std::slice::from_ref(&source));
        let operator = ["=", "=", "=", "<=", ">="][self.rng.usize(..5)];
        let name = format!("{}.{}", source.alias, column.name);
        Some(format!("SELECT {list} FROM {table} WHERE {name} {operator} {value}"))
    }

    /// Equality from one column to the next, which does not always reach the constant.
    fn chain(&mut self) -> Option<String> {
        self.note(Feature::ColumnPair);
        let ((left, one), (right, two)) = (self.table_source()?, self.table_source()?);
        let ((a, first), (b, second)) = (self.column_of(&one), self.column_of(&two));
        let value = self.chained(&first, &second);
        let list = self.list(&[one, two] as &[Source]);
        Some(format!("SELECT {list} FROM {left} JOIN {right} ON {a} = {b} WHERE {b} = {value}"))
    }

    fn chained(&mut self, first: &Column, second: &Column) -> String {
        if first.affinity == second.affinity && first.collation == second.collation {
            return self.sought(second);
        }
        let n = self.rng.u8(..7);
        let value = match self.rng.u8(..4) {
            0 => Value::from(n),
            1 => Value::from(f64::from(n)),
            2 => Value::from(format!("{n}")),
            _ => Value::from(["a", "A", "a "][self.rng.usize(..3)]),
        };
        self.put(value, second.affinity)
    }
}
