//! Settings of what is watched: statistics that outlive the process, and the slow log.

use std::path::Path;
use std::time::Duration;

use super::Builder;
use crate::engine::WatchSettings;
use crate::watch::SlowLimits;

/// What is slow unless the builder says otherwise.
const SLOW_AFTER: Duration = Duration::from_millis(100);

pub(super) fn defaults() -> WatchSettings {
    WatchSettings {
        slow: SlowLimits { after: Some(SLOW_AFTER) },
        slow_log: None,
        slow_parameters: false,
        keep_samples: false,
        statistics_file: None,
    }
}

impl Builder {
    /// A statement that takes so long at the database is slow; 100 ms by default. So is one that
    /// takes 10 ms and five times as long as half of its fingerprint's, after 20 of these.
    /// [`crate::Db::slow`] has the last ones; each is a `tracing` event, too (`forebay::slow`,
    /// level WARN). Of one fingerprint, six in a minute are told, and how many were left out.
    ///
    /// With zero or `None` nothing is slow.
    #[must_use]
    pub fn slow_after(mut self, limit: impl Into<Option<Duration>>) -> Builder {
        self.watch.slow.after = limit.into().filter(|limit| !limit.is_zero());
        self
    }

    /// Appends what is slow to the file at `path`, one JSON object a line; to none by default. The
    /// file is renamed to `path.1` at 10 MB, in place of the one before. Several processes should
    /// not share it. What cannot be written is lost; no statement waits for it or fails.
    #[must_use]
    pub fn slow_log(mut self, path: impl AsRef<Path>) -> Builder {
        self.watch.slow_log = Some(path.as_ref().to_owned());
        self
    }

    /// Whether the slow log shows the parameters of statements; false by default, since they may be
    /// private.
    #[must_use]
    pub fn slow_parameters(mut self, slow_parameters: bool) -> Builder {
        self.watch.slow_parameters = slow_parameters;
        self
    }

    /// Keeps the statistics of statements in the file at `path`, so that they go on after a
    /// restart; in none by default. It is written once a minute and by [`crate::Db::close`], in
    /// place of the one before. Each process needs one of its own: of several, the last writer
    /// wins. There are no parameters in it; [`crate::SavedStatistics`] reads it.
    ///
    /// A file that is damaged, or of another version, is renamed to `path.damaged` and said in the
    /// log; counting then begins anew.
    #[must_use]
    pub fn statistics_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.watch.statistics_file = Some(path.as_ref().to_owned());
        self
    }

    /// Whether statistics keep one text of each fingerprint even if it has literals in it; false by
    /// default, since they may be private. A text without literals is always kept: advice on
    /// indexes needs one.
    #[must_use]
    pub fn keep_samples(mut self, keep_samples: bool) -> Builder {
        self.watch.keep_samples = keep_samples;
        self
    }
}
