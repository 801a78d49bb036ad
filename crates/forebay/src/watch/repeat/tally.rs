//! What repeated executions come to.

use std::time::Duration;

/// Executions of one statement, in one scope or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) executions: u64,
    /// Of these, answered from memory.
    pub(super) hits: u64,
    /// Of these, answered by no row.
    pub(super) empty: u64,
    pub(super) rows: u64,
    /// Rows changed.
    pub(super) affected: u64,
    /// At the database.
    pub(super) spent: Duration,
}

impl Tally {
    /// Adds one execution; `spent` is `None` for an answer from memory.
    pub(super) fn count(&mut self, rows: u64, affected: u64, spent: Option<Duration>) {
        self.executions += 1;
        self.hits += u64::from(spent.is_none());
        self.empty += u64::from(rows == 0);
        self.rows += rows;
        self.affected += affected;
        self.spent += spent.unwrap_or_default();
    }

    pub(super) fn add(&mut self, other: &Tally) {
        self.executions += other.executions;
        self.hits += other.hits;
        self.empty += other.empty;
        self.rows += other.rows;
        self.affected += other.affected;
        self.spent += other.spent;
    }

    pub(super) fn take_back(&mut self, other: &Tally) {
        self.executions = self.executions.saturating_sub(other.executions);
        self.hits = self.hits.saturating_sub(other.hits);
        self.empty = self.empty.saturating_sub(other.empty);
        self.rows = self.rows.saturating_sub(other.rows);
        self.affected = self.affected.saturating_sub(other.affected);
        self.spent = self.spent.saturating_sub(other.spent);
    }

    /// Those that went to the database.
    pub(super) fn at_database(&self) -> u64 {
        self.executions - self.hits.min(self.executions)
    }

    /// The time that all but the first of each scope took: (N - 1) round trips.
    pub(super) fn lost(&self, scopes: u64) -> Duration {
        let trips = self.at_database();
        if trips == 0 {
            return Duration::ZERO;
        }
        let needless = trips.saturating_sub(scopes) as f64 / trips as f64;
        self.spent.mul_f64(needless)
    }

    /// Whether hardly any of them found a row.
    pub(super) fn is_mostly_empty(&self) -> bool {
        self.empty * 5 >= self.executions * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_first_of_a_scope_are_lost() {
        let check = |trips: u64, hits: u64, scopes: u64, expect_ms: u64| {
            let mut tally = Tally::default();
            (0..trips).for_each(|_| tally.count(1, 0, Some(Duration::from_millis(2))));
            (0..hits).for_each(|_| tally.count(1, 0, None));
            assert_eq!(tally.lost(scopes).as_millis(), u128::from(expect_ms));
        };
        check(10, 0, 1, 18);
        check(10, 90, 1, 18);
        check(10, 0, 2, 16);
        check(0, 50, 1, 0);
        check(2, 50, 3, 0);
    }
}
