//! More reads at the edges of the rules: joins in which one side tells the other's rows, and
//! comparisons under an order that is not the column's own.

use forebay::Value;

use super::draft::{Draft, Source};
use super::spot::Sought;
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::{Collation, Column};

impl Draft<'_> {
    /// Constants tell the rows of one table, and these those of another one, of which nothing is
    /// used but the column that joins it.
    pub(super) fn told_by_partner(&mut self) -> Option<String> {
        self.note(Feature::Partner);
        let ((giver, one), (taker, two)) = (self.table_source()?, self.table_source()?);
        let (a, b) = (self.plain_integer(&one)?, self.plain_integer(&two)?);
        self.look_at(&b);
        self.look_at(&b);
        let filter = self.giver_filter(&one);
        let (kind, feature) = [
            ("JOIN", Feature::InnerJoin),
            ("JOIN", Feature::InnerJoin),
            ("LEFT JOIN", Feature::LeftJoin),
        ][self.rng.usize(..3)];
        self.note(feature);
        let list = if self.rng.bool() {
            format!("count(*), count({b})")
        } else {
            self.list(std::slice::from_ref(&one))
        };
        Some(format!("SELECT {list} FROM {giver} {kind} {taker} ON {a} = {b} WHERE {filter}"))
    }

    /// The side of a LEFT JOIN that is kept: what tells rows of the other side tells none of it.
    pub(super) fn kept_side(&mut self) -> Option<String> {
        self.note(Feature::LeftJoin);
        let ((giver, one), (taker, two)) = (self.table_source()?, self.table_source()?);
        let (a, b) = (self.plain_integer(&one)?, self.plain_integer(&two)?);
        self.look_at(&b);
        let filter = self.giver_filter(&one);
        let (name, _) = self.column_of(&two);
        self.look_at(&name);
        Some(match self.rng.u8(..3) {
            0 => {
                let list = self.list(&[two, one]);
                format!("SELECT {list} FROM {taker} LEFT JOIN {giver} ON {a} = {b} AND {filter}")
            }
            _ => format!(
                "SELECT count(*), count({name}), count({a}) FROM {taker} LEFT JOIN {giver} \
                 ON {b} = {a} AND {filter}"
            ),
        })
    }

    /// The same along columns of which only one holds integers: equal values differ there.
    pub(super) fn told_across_classes(&mut self) -> Option<String> {
        self.note(Feature::Partner);
        let ((giver, one), (taker, two)) = (self.table_source()?, self.table_source()?);
        let a = self.plain_integer(&one)?;
        let is_other = |column: &&Column| {
            column.affinity != Affinity::Integer && column.collation == Collation::Binary
        };
        let others: Vec<Column> = two.columns.iter().filter(is_other).cloned().collect();
        let other = self.pick(&others)?;
        let b = format!("{}.{}", two.alias, other.name);
        for _ in 0..2 {
            let n = self.rng.u8(..4);
            let value = [format!("0{n}"), format!("{n}.0"), format!(" {n}"), n.to_string()]
                [self.rng.usize(..4)]
            .clone();
            self.note_spot(&b, Sought::Literal(value.into()));
        }
        let filter = self.giver_filter(&one);
        let (name, _) = self.column_of(&two);
        Some(format!(
            "SELECT count(*), count({name}) FROM {giver} JOIN {taker} ON {a} = {b} WHERE {filter}"
        ))
    }

    /// Constants for a column of the giver, which often are several.
    fn giver_filter(&mut self, giver: &Source) -> String {
        let (name, column) = self.column_of(giver);
        match self.rng.u8(..4) {
            0 => {
                self.note(Feature::In);
                let (v, w) = (self.sought(&column), self.sought(&column));
                self.seek(&name);
                format!("{name} IN ({v}, {w})")
            }
            1 => {
                self.note(Feature::Or);
                let (one, other) = (self.equal(&name, &column), self.equal(&name, &column));
                format!("({one} OR {other})")
            }
            _ => {
                self.note(Feature::Equal);
                let value = self.sought(&column);
                self.seek(&name);
                format!("{name} = {value}")
            }
        }
    }

    /// A column whose values are equal as integers are; not the key, if there is another one.
    fn plain_integer(&mut self, source: &Source) -> Option<String> {
        let is_plain = |column: &&Column| {
            column.affinity == Affinity::Integer
                && column.collation == Collation::Binary
                && !column.is_generated
        };
        let columns: Vec<Column> = source.columns.iter().filter(is_plain).cloned().collect();
        let beside: Vec<Column> =
            columns.iter().filter(|column| column.name != "id").cloned().collect();
        let column = match self.pick(&beside).filter(|_| !self.once_in(5)) {
            Some(column) => column,
            None => self.pick(&columns)?,
        };
        Some(format!("{}.{}", source.alias, column.name))
    }

    /// A page on which NULL lies at the other end.
    pub(super) fn page_with_nulls(&mut self) -> Option<String> {
        self.note(Feature::NullsOrder);
        self.compare.ordered = true;
        let (table, source) = self.table_source()?;
        let (lead, _) = self.column_of(&source);
        self.note_spot(&lead, Sought::Literal(Value::Null));
        self.look_at(&lead);
        let list = self.list(std::slice::from_ref(&source));
        let nulls = ["DESC NULLS FIRST", "DESC NULLS FIRST", "ASC NULLS LAST"][self.rng.usize(..3)];
        let (order, page) = (source.order().join(", "), self.page());
        Some(format!("SELECT {lead}, {list} FROM {table} ORDER BY {lead} {nulls}, {order}{page}"))
    }

    /// Texts that are equal under the collation that is asked for, and not under the column's.
    pub(super) fn collated(&mut self) -> Option<String> {
        self.note(Feature::Collate);
        let (table, source) = self.table_source()?;
        let is_plain = |column: &&Column| {
            column.affinity == Affinity::Text && column.collation == Collation::Binary
        };
        let columns: Vec<Column> = source.columns.iter().filter(is_plain).cloned().collect();
        let column = self.pick(&columns)?;
        let name = format!("{}.{}", source.alias, column.name);
        let text = ["a", "A", "b", "B", "a ", "b  "][self.rng.usize(..6)];
        let value = self.put(text.into(), column.affinity);
        self.seek(&name);
        let collation = [Collation::NoCase, Collation::Rtrim][self.rng.usize(..2)].name();
        let condition = match self.rng.u8(..4) {
            0 => format!("{name} COLLATE {collation} = {value}"),
            1 => format!("{name} COLLATE {collation} <= {value}"),
            _ => format!("{name} = {value} COLLATE {collation}"),
        };
        let (other, _) = self.column_of(&source);
        Some(format!("SELECT count(*), count({other}) FROM {table} WHERE {condition}"))
    }
}
