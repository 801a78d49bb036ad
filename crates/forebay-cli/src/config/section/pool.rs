//! How many connections there are, and how long they last.

use std::time::Duration;

use crate::config::setting::section;
use crate::quantity::Time;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// Connections to the database.
    struct Pool {
        /// Connections for reads, or of any kind to PostgreSQL, without the overflow.
        max_size: usize = 10, in 1..=1_000, flag "readers-max";
        /// Connections beyond these while the load lasts.
        max_overflow: usize = 20, in 0..=1_000;
        /// Of these, kept open while idle.
        min_idle: usize = 3, in 0..=1_000;
        /// Interactive transactions open at once.
        max_sessions: usize = 20, in 1..=1_000, flag "sessions-max";
        /// The longest wait for a connection, and for the turn to write.
        acquire_timeout: Time = Time(5 * SECOND), in MILLISECOND..=DAY, flag "acquire-timeout";
        /// Idle connections above `min_idle` are closed after this.
        idle_timeout: Time = Time(300 * SECOND), in MILLISECOND..=DAY;
        /// Connections are replaced after this.
        max_lifetime: Time = Time(3_600 * SECOND), in SECOND..=30 * DAY;
        /// A connection to PostgreSQL that lay idle for so long answers a ping before it is used.
        ping_after: Time = Time(30 * SECOND), in Duration::ZERO..=DAY;
    }
}
