//! What stands before the database: a rate, a breaker, a bulkhead.

use std::time::Duration;

use crate::config::choice::Rate;
use crate::config::setting::section;
use crate::quantity::Time;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

section! {
    /// What stands before the database. What the cache answers passes all of it.
    struct Guards {
        /// Statements that are sent to the database at most, all clients together; no limit unless
        /// it is set.
        rate: Option<Rate> = None;
        /// Statements and transactions at work at the database at once; no limit but the pool
        /// unless it is set.
        concurrent_max: Option<usize> = None, in 1..=100_000;
        /// Of those beyond, how many wait for a place; more are refused.
        waiting_max: usize = 1_000, in 0..=1_000_000;
        /// The longest such a wait.
        wait_max: Time = Time(10 * SECOND), in MILLISECOND..=3_600 * SECOND;
        /// Whether a breaker spares a database that has been failing.
        breaker: bool = false;
        /// The share of failed calls from which on it opens.
        breaker_failure_rate: f64 = 0.5, in 0.01..=1.0;
        /// Calls in the last 30 s before it may open.
        breaker_calls_min: u32 = 10, in 1..=100_000;
        /// How long it stays open at first; each time again twice as long, up to 60 s.
        breaker_open_for: Time = Time(5 * SECOND), in MILLISECOND..=60 * SECOND;
    }
}
