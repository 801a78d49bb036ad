//! The database that is served, and how its connections are set up.

use std::time::Duration;

use crate::config::choice::Durability;
use crate::config::setting::section;
use crate::config::value::Url;
use crate::quantity::{Size, Time};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

section! {
    /// The database that is served.
    struct Database {
        /// `sqlite:PATH`, `sqlite::memory:`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with
        /// the password in PGPASSWORD. A missing file is created.
        url: Url = Url("sqlite:forebay.db".to_owned()), env "DATABASE_URL";
        /// Open the database for reading only.
        read_only: bool = false, flag "read-only";
        /// Nobody writes to the PostgreSQL database but through this service: cache answers where
        /// the server cannot be followed, too. If somebody does, answers stay out of date.
        sole_writer: bool = false, flag "sole-writer";
        /// How durable a commit to SQLite is when the machine loses power. normal: the file stays
        /// sound, the last commits may be lost; full: nothing acknowledged is lost; off: the file
        /// may be damaged.
        synchronous: Durability = Durability::Normal, flag "synchronous";
        /// The longest wait for a lock of an SQLite file that another process holds.
        busy_timeout: Time = Time(5 * SECOND), in Duration::ZERO..=3_600 * SECOND;
        /// Whether SQLite checks foreign keys.
        foreign_keys: bool = true;
        /// Page cache of SQLite, all connections of the pool together.
        page_cache_bytes: Size = Size(64_000_000), in 0..=1 << 40;
        /// The part of an SQLite file that is mapped into memory. With a file that may shrink
        /// under it, the process can be ended by that: 0 is safe.
        mmap_bytes: Size = Size(0), in 0..=1 << 40;
        /// Prepared statements kept per connection.
        statement_cache: usize = 128, in 1..=100_000;
        /// The longest a transaction may lie idle between statements.
        transaction_idle_timeout: Time = Time(10 * SECOND),
            in Duration::from_millis(1)..=DAY, flag "transaction-idle-timeout";
        /// The longest a transaction may last.
        transaction_timeout: Time = Time(60 * SECOND),
            in Duration::from_millis(1)..=DAY, flag "transaction-timeout";
    }
}
