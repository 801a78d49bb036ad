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
        let (mut before, mut after, mut rows) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..ROUNDS {
            self.show(&none)?;
            // Where rows may not be taken out, nothing is known.
            let Ok(ran) = self.trial.run(&delete, &[]) else { return Ok(Duration::ZERO) };
            before = before.min(ran.time);
            self.show(&with)?;
            let Ok(ran) = self.trial.run(&delete, &[]) else { return Ok(Duration::ZERO) };
            (after, rows) = (after.min(ran.time), ran.rows);
        }
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
        Ok(after.saturating_sub(before) / rows)
    }
}
