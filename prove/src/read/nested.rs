//! Subqueries: in FROM, in conditions and as values, correlated or not.

use super::draft::{Draft, Source};
use crate::feature::Feature;

impl Draft<'_> {
    /// A subquery in FROM.
    pub(crate) fn derived(&mut self) -> Option<(String, Source)> {
        let block = self.block()?;
        self.note(Feature::Derived);
        let alias = self.alias();
        let sql = format!("({}) AS {alias}", block.sql);
        Some((sql, Source { alias, columns: block.columns, tie: Vec::new() }))
    }

    /// A condition with a subquery in it.
    pub(crate) fn subquery_condition(&mut self, outer: &[Source]) -> String {
        self.depth += 1;
        let condition = self.draw_subquery(outer);
        self.depth -= 1;
        condition.unwrap_or_else(|| "1 = 1".to_owned())
    }

    fn draw_subquery(&mut self, outer: &[Source]) -> Option<String> {
        let from = self.single()?;
        let (outer_name, outer_column) = self.column(outer);
        let (inner_name, _) = self.column(&from.sources);
        let mut tail = self.tail(&from);
        let is_correlated = self.rng.bool();
        let kind = self.rng.u8(..10);
        if is_correlated || kind < 3 {
            self.note(Feature::Correlated);
            let (name, _) = self.column(&from.sources);
            let word = if tail.is_empty() { " WHERE" } else { " AND" };
            tail += &format!("{word} {name} = {outer_name}");
        }
        Some(match kind {
            0 | 1 => {
                self.note(Feature::Exists);
                format!("EXISTS (SELECT 1 FROM {}{tail})", from.sql)
            }
            2 => {
                self.note(Feature::NotExists);
                format!("NOT EXISTS (SELECT * FROM {}{tail})", from.sql)
            }
            3..6 => {
                self.note(Feature::InSelect);
                format!("{outer_name} IN (SELECT {inner_name} FROM {}{tail})", from.sql)
            }
            6 => {
                self.note(Feature::NotIn);
                format!("{outer_name} NOT IN (SELECT {inner_name} FROM {}{tail})", from.sql)
            }
            7 => {
                self.note(Feature::Scalar);
                let count = self.rng.u8(..4);
                format!("(SELECT count(*) FROM {}{tail}) > {count}", from.sql)
            }
            _ => {
                self.note(Feature::Scalar);
                let Some((crisp, _)) = self.groupable(&from.sources) else {
                    return Some(self.equal(&outer_name, &outer_column));
                };
                let function = ["max", "min"][self.rng.usize(..2)];
                format!("{outer_name} >= (SELECT {function}({crisp}) FROM {}{tail})", from.sql)
            }
        })
    }

    /// A subquery as a value of the select list.
    pub(crate) fn scalar(&mut self, outer: &[Source]) -> Option<String> {
        self.depth += 1;
        let from = self.single();
        let value = from.map(|from| {
            self.note(Feature::Scalar);
            let (outer_name, _) = self.column(outer);
            let (inner_name, _) = self.column(&from.sources);
            let mut tail = self.tail(&from);
            if self.rng.bool() {
                self.note(Feature::Correlated);
                let word = if tail.is_empty() { " WHERE" } else { " AND" };
                tail += &format!("{word} {inner_name} = {outer_name}");
            }
            if self.rng.bool() {
                return format!("(SELECT count({inner_name}) FROM {}{tail})", from.sql);
            }
            let order = self.total_order(&from.sources);
            format!("(SELECT {inner_name} FROM {}{tail}{order} LIMIT 1)", from.sql)
        });
        self.depth -= 1;
        value
    }
}
