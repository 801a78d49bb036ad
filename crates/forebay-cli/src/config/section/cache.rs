//! What is kept of answers, and how it is checked.

use crate::config::choice::{Fresh, Switch};
use crate::config::setting::section;
use crate::quantity::Size;

section! {
    /// The cache of answers.
    struct Cache {
        /// off: every read goes to the database; shadow: that too, and GET /metrics says what
        /// caching would have brought; on: reads are answered from memory where that is exact.
        mode: Switch = Switch::On, flag "cache", is [live];
        /// Bytes of cached answers at most.
        bytes: Size = Size(100_000_000), in 0..=1 << 40, flag "cache-bytes", is [live];
        /// Bytes of answers that a rule keeps by words of its own, such as a ttl.
        policy_bytes: Size = Size(20_000_000), in 0..=1 << 40;
        /// How fresh answers of a PostgreSQL database have to be. strict: its server is asked for
        /// its position before each answer from memory.
        freshness: Fresh = Fresh::Followed;
        /// Whether statements whose answers cost more to keep than that saves go past the cache.
        worth_it: bool = true;
        /// One answer from memory in so many is asked of the database again, in the background, and
        /// compared; 0 for none.
        audit_one_in: u32 = 1_000, in 0..=u32::MAX, flag "audit-one-in";
        /// Whether differences that this finds are shown with the parameters of the statement.
        audit_parameters: bool = false;
        /// Whether commits of other processes to an SQLite file drop only the answers of the tables
        /// that they change; else they empty the cache.
        map_pages: bool = true;
    }
}
