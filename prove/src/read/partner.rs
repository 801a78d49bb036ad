//! Joins along integers in which constants tell the rows of one side: the answer rests on those
//! rows of the other side that they name, there or not.

use super::draft::{Draft, Source};
use crate::domain::Affinity;
use crate::feature::Feature;
use crate::schema::{Collation, Column};

impl Draft<'_> {
    pub(crate) fn partners(&mut self) -> Option<String> {
        self.note(Feature::Partner);
        let ((giver, one), (taker, two)) = (self.table_source()?, self.table_source()?);
        let (a, b) = (self.integer(&one)?, self.integer(&two)?);
        self.look_at(&a);
        self.look_at(&b);
        let (name, column) = self.column_of(&one);
        let mut filter = self.equal(&name, &column);
        if self.once_in(4) {
            let either = self.equal(&name, &column);
            filter = format!("({filter} OR {either})");
        }
        if self.once_in(4) {
            filter += &format!(" AND {}", self.condition(std::slice::from_ref(&two)));
        }
        let (kind, feature) = [
            (" JOIN", Feature::InnerJoin),
            (" JOIN", Feature::InnerJoin),
            (" LEFT JOIN", Feature::LeftJoin),
            (" CROSS JOIN", Feature::CrossJoin),
            (" FULL JOIN", Feature::FullJoin),
        ][self.rng.usize(..5)];
        self.note(feature);
        let (first, second) = if self.once_in(4) { (&taker, &giver) } else { (&giver, &taker) };
        let from = match self.rng.u8(..6) {
            0 => format!("{first}, {second} WHERE {a} = {b} AND {filter}"),
            1 => format!("{first}{kind} {second} ON {a} = {b} AND {filter}"),
            _ => format!("{first}{kind} {second} ON {a} = {b} WHERE {filter}"),
        };
        let (lead, _) = self.column_of(&two);
        let sources = [one, two];
        Some(match self.rng.u8(..6) {
            0 => format!("SELECT count(*), count({lead}), max({b}) FROM {from}"),
            1..4 => {
                self.note(Feature::TopK);
                self.compare.ordered = true;
                let terms: Vec<String> = sources.iter().flat_map(Source::order).collect();
                let (direction, page) = (self.direction(), self.page());
                let terms = terms.join(", ");
                let list = self.list(&sources);
                format!(
                    "SELECT {lead}, {list} FROM {from} ORDER BY {lead}{direction}, {terms}{page}"
                )
            }
            _ => format!("SELECT {} FROM {from}", self.list(&sources)),
        })
    }

    /// A column that equals another one as their values are; seldom any.
    fn integer(&mut self, source: &Source) -> Option<String> {
        if self.once_in(6) {
            return Some(self.column_of(source).0);
        }
        let is_plain = |column: &&Column| {
            column.affinity == Affinity::Integer
                && column.collation == Collation::Binary
                && !column.is_generated
        };
        let columns: Vec<Column> = source.columns.iter().filter(is_plain).cloned().collect();
        Some(format!("{}.{}", source.alias, self.pick(&columns)?.name))
    }
}
