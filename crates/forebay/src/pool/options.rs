//! The bounds of a pool, and the check that they fit together.

use std::time::Duration;

use crate::error::{Error, Result};

/// The most connections a pool may be allowed, overflow included. Each is a slot that the sweep
/// visits under the lock, and costs the database a file or a process.
const CONNECTIONS_MAX: usize = 10_000;

/// The bounds of one pool. `None` for a duration means never.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What the pool is called in errors and logs, such as `reader`.
    pub(crate) name: &'static str,
    /// How many connections are kept open.
    pub(crate) max_size: usize,
    /// How many more may be open for a while; each is closed on return unless a caller waits.
    pub(crate) max_overflow: usize,
    /// How many idle ones are kept ready, as long as no more than `max_size` are open.
    pub(crate) min_idle: usize,
    /// How long a caller waits for a connection, opening one included.
    pub(crate) acquire_timeout: Duration,
    /// An idle connection is closed after this time, down to `min_idle`.
    pub(crate) idle_timeout: Option<Duration>,
    /// A connection is closed at this age, or up to a tenth earlier so that those opened
    /// together do not all end together; one in use is closed when it comes back.
    pub(crate) max_lifetime: Option<Duration>,
    /// A connection held for longer is logged once, with its holder.
    pub(crate) held_warning: Option<Duration>,
    /// How often the background sweep looks; the durations above are exact to this time.
    pub(crate) sweep_interval: Duration,
}

impl Options {
    /// The defaults, for a pool of this name.
    pub(crate) fn new(name: &'static str) -> Options {
        Options {
            name,
            max_size: 10,
            max_overflow: 20,
            min_idle: 3,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_secs(300)),
            max_lifetime: Some(Duration::from_secs(3_600)),
            held_warning: Some(Duration::from_secs(30)),
            sweep_interval: Duration::from_secs(1),
        }
    }

    /// The most connections open at once.
    pub(crate) fn max(&self) -> usize {
        self.max_size.saturating_add(self.max_overflow)
    }

    /// Refuses bounds that contradict each other, and says which.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |what: String| {
            Err(Error::usage(format!("the options of the {} pool are wrong: {what}", self.name)))
        };
        if self.max_size == 0 {
            return refuse("max_size is 0, but a pool needs at least one connection".into());
        }
        if self.max() > CONNECTIONS_MAX {
            return refuse(format!(
                "max_size + max_overflow is {}, more than {CONNECTIONS_MAX}",
                self.max()
            ));
        }
        if self.min_idle > self.max_size {
            return refuse(format!(
                "min_idle ({}) is larger than max_size ({})",
                self.min_idle, self.max_size
            ));
        }
        let durations = [
            ("acquire_timeout", Some(self.acquire_timeout)),
            ("idle_timeout", self.idle_timeout),
            ("max_lifetime", self.max_lifetime),
            ("held_warning", self.held_warning),
            ("sweep_interval", Some(self.sweep_interval)),
        ];
        match durations.iter().find(|(_, duration)| *duration == Some(Duration::ZERO)) {
            Some((name, _)) => refuse(format!("{name} is 0; it must be a time longer than that")),
            None => Ok(()),
        }
    }
}
