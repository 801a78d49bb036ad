//! What is done for the database on a schedule.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::choice::Chore;
use crate::config::setting::section;
use crate::quantity::{Size, Time};

section! {
    /// Maintenance on a schedule, by the tasks in `[[maintenance.task]]`.
    struct Maintenance {
        /// What alerts call the database.
        database: String = "database".to_owned();
        /// Runs that are remembered.
        history: usize = 200, in 1..=10_000;
        /// Whether runs are kept in a table of the database, `forebay_maintenance`, which is made
        /// if need be. Only then it is known after a restart what was missed.
        keep_table: bool = false;
        /// The URL to which alerts are sent as JSON, by POST.
        webhook: Option<String> = None, is [secret];
        /// The file with the value of the `Authorization` header that goes with them.
        webhook_authorization_file: Option<PathBuf> = None;
        /// Believe the certificates in this PEM file and no others.
        webhook_root_certificates: Option<PathBuf> = None;
        /// How long what runs is given to end by itself when the service stops.
        stop_within: Time = Time(Duration::from_secs(10)),
            in Duration::ZERO..=Duration::from_secs(3_600);
    }
}

section! {
    /// A task of maintenance; there may be many.
    struct Task {
        /// What is done: health, optimize, analyze, vacuum, incremental_vacuum, reindex,
        /// checkpoint, retain, warm or drop_indexes.
        run: Chore = Chore::Health;
        /// What the history calls it, if not as above: two tasks of one kind need it.
        name: Option<String> = None;
        /// When: `every 10m`, or an expression of cron with five fields.
        schedule: String = "every 1h".to_owned();
        /// The time zone of the expression and the window, as in Europe/Berlin.
        zone: String = "UTC".to_owned();
        /// It runs between these times of the day alone, as in 02:00-05:00.
        window: Option<String> = None;
        /// By how much a run is put off at most.
        jitter: Time = Time(Duration::ZERO), in Duration::ZERO..=Duration::from_secs(3_600);
        /// The longest that a run may take.
        at_most: Time = Time(Duration::from_secs(3_600)),
            in Duration::from_millis(100)..=Duration::from_secs(86_400);
        /// health: reads the whole database, too.
        deep: bool = false;
        /// vacuum, at SQLite: only if so many percent of the pages are free.
        when_free: u32 = 10, in 0..=100;
        /// checkpoint: only if the log has more bytes.
        above: Size = Size(64 << 20), in 0..=1 << 40;
        /// reindex: the indexes. drop_indexes: those that may be dropped if nothing uses them.
        names: Vec<String> = Vec::new();
        /// warm: the queries.
        queries: Vec<String> = Vec::new();
        /// retain: the table.
        table: Option<String> = None;
        /// retain: the column that says how old a row is.
        column: Option<String> = None;
        /// retain: how many days old rows have to be.
        older_than_days: Option<u32> = None, in 1..=36_500;
        /// retain: only rows that meet this condition in SQL.
        only: Option<String> = None;
        /// retain: rows of one transaction.
        batch: u64 = 500, in 1..=100_000;
        /// retain: how long others may write after each of them.
        pause: Time = Time(Duration::from_millis(50)), in Duration::ZERO..=Duration::from_secs(60);
        /// retain: the SQLite database to which rows are moved, and not deleted.
        archive: Option<String> = None;
    }
}
