//! What an index costs those that write: how much longer it takes to take rows out of the table,
//! and how many entries the workload changes.

use std::time::Duration;

use super::study::Study;
use crate::advise::advice::WriteCost;
use crate::advise::choose::Set;
use crate::error::Result;

/// Rows that are taken out to see how long it takes.
const ROWS: u32 = 200;

/// Times that this is done; the shortest counts.
const ROUNDS: usize = 4;

impl Study<'_> {
    pub(super) fn write_cost(&mut self, candidate: usize) -> Result<WriteCost> {
        let rows: f64 = (0..self.queries.len())
            .map(|query| self.entries(query, candidate) * self.queries[query].calls as f64)
            .sum();
        // A float becomes the nearest whole number that there is.
        let rows = rows as u64;
        Ok(WriteCost { per_row: self.per_row(candidate)?, rows })
    }

    /// The time that one entry takes, less than nothing counting as nothing.
    fn per_row(&mut self, candidate: usize) -> Result<Duration> {
        let name = &self.candidates[candidate].candidate.table;
        let Some(table) = self.trial.facts().table(name).filter(|it| it.has_rowid) else {
            return Ok(Duration::ZERO);
        };
        let table = format!("main.{}", crate::sql::quoted(&table.name));
        let delete = format!(
            "DELETE FROM {table} WHERE rowid IN
             (SELECT rowid FROM {table} WHERE abs(rowid * 2654435761) % 1009 < 64 LIMIT {ROWS})"
        );
        let (none, with) = (Set::new(), Set::from([candidate]));
        let (mut before, mut after) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            self.show(&none)?;
            let Some(time) = self.per_row_of(&delete)? else { return Ok(Duration::ZERO) };
            before = before.min(time);
            self.show(&with)?;
            let Some(time) = self.per_row_of(&delete)? else { return Ok(Duration::ZERO) };
            after = after.min(time);
        }
        Ok(after.saturating_sub(before))
    }

    /// The time that a statement takes for each row that it changes. `None` where rows may not be
    /// taken out, or not to the end in good time: then nothing is known.
    ///
    /// The rows of other tables that refer to these are not looked for. That takes the same with
    /// and without an index, and may be so much that the difference is lost in it.
    fn per_row_of(&self, sql: &str) -> Result<Option<Duration>> {
        let ran = self.trial.without_references(|trial| trial.run(sql, &[]))?;
        let Ok(ran) = ran else { return Ok(None) };
        let rows = u32::try_from(ran.rows).unwrap_or(u32::MAX).max(1);
        Ok((!ran.is_cut).then(|| ran.time / rows))
    }
}
