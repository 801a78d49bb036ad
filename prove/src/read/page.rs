//! Orders and pages. Where a page is cut, the order has no ties.

use super::draft::{Draft, Source};
use crate::feature::Feature;

impl Draft<'_> {
    /// ` ORDER BY` one or two columns and then what tells the rows apart.
    pub(crate) fn total_order(&mut self, sources: &[Source]) -> String {
        self.note(Feature::OrderBy);
        let mut terms = Vec::new();
        for _ in 0..self.rng.usize(..3) {
            let (name, _) = self.column(sources);
            terms.push(name + &self.direction());
        }
        for source in sources {
            for term in source.order() {
                let direction = if self.once_in(4) { " DESC" } else { "" };
                terms.push(term + direction);
            }
        }
        format!(" ORDER BY {}", terms.join(", "))
    }

    pub(crate) fn direction(&mut self) -> String {
        let (text, feature) = match self.rng.u8(..12) {
            0..4 => (" DESC", Some(Feature::Descending)),
            4 => (" ASC NULLS LAST", Some(Feature::NullsOrder)),
            5 => (" DESC NULLS FIRST", Some(Feature::NullsOrder)),
            6 => (" COLLATE NOCASE", Some(Feature::Collate)),
            7 => (" COLLATE BINARY DESC", Some(Feature::Collate)),
            _ => ("", None),
        };
        if let Some(feature) = feature {
            self.note(feature);
        }
        text.to_owned()
    }

    /// ` LIMIT` and sometimes ` OFFSET`: pages that are full and some that are not.
    pub(crate) fn page(&mut self) -> String {
        self.note(Feature::Limit);
        let limit = [1, 2, 3, 3, 5, 8, 40][self.rng.usize(..7)];
        let limit = self.count(limit);
        match self.rng.u8(..8) {
            0 | 1 => {
                self.note(Feature::Offset);
                let offset = i64::from(self.rng.u8(1..5));
                format!(" LIMIT {limit} OFFSET {}", self.count(offset))
            }
            2 => {
                self.note(Feature::Offset);
                format!(" LIMIT {}, {limit}", self.rng.u8(..3))
            }
            _ => format!(" LIMIT {limit}"),
        }
    }

    fn count(&mut self, count: i64) -> String {
        if self.may_bind && self.once_in(3) {
            self.params.push(count.into());
            format!("?{}", self.params.len())
        } else {
            count.to_string()
        }
    }
}
