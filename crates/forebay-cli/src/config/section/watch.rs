//! What is watched: slow statements, statistics, repeated statements.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::choice::Watch;
use crate::config::setting::section;
use crate::quantity::Time;

section! {
    /// Slow statements.
    struct Slow {
        /// A statement that takes so long at the database is slow; 0s for none.
        after: Time = Time(Duration::from_millis(100)),
            in Duration::ZERO..=Duration::from_secs(86_400), flag "slow-after", is [live];
        /// The file to which slow statements are appended, one JSON object a line.
        log: Option<PathBuf> = None, flag "slow-log";
        /// Whether that shows the parameters of statements, which may be private.
        parameters: bool = false;
    }
}

section! {
    /// Statistics of statements.
    struct Statistics {
        /// The file that keeps them over restarts.
        file: Option<PathBuf> = None, flag "statistics-file";
        /// Whether one text of each fingerprint is kept even if it has literals in it, which may be
        /// private.
        keep_samples: bool = false;
    }
}

section! {
    /// Statements that are repeated where one would do (N+1).
    struct Repeats {
        /// off, scopes (those of a transaction, a trace id or a scope) or all.
        watch: Watch = Watch::Scopes;
        /// Repetitions in one scope that are too many.
        threshold: u32 = 5, in 2..=1_000;
    }
}
