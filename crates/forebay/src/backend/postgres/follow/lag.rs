//! How far the stream is behind the server: from when a position was current there until it was
//! passed here. It asks nothing itself.

use std::time::{Duration, Instant};

use crate::invalidate::Lsn;

/// How far the stream is behind.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// A position that is not passed yet, and when it was asked for.
    open: Option<(Lsn, Instant)>,
    /// How long the last one took that was passed.
    last: Option<Duration>,
    /// Where the server was when it was asked last.
    server: Lsn,
    passed: Lsn,
}

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// `None` before the first measurement.
    pub(crate) time: Option<Duration>,
    pub(crate) bytes: u64,
}

impl Lag {
    /// The server was there, asked at `at`.
    pub(super) fn ask(&mut self, position: Lsn, at: Instant) {
        self.server = position.max(self.server);
        if position <= self.passed {
            self.last = Some(Duration::ZERO);
        } else if self.open.is_none() {
            self.open = Some((position, at));
        }
    }

    /// The stream has passed a position.
    pub(super) fn pass(&mut self, position: Lsn, at: Instant) {
        self.passed = position.max(self.passed);
        if let Some((open, since)) = self.open
            && open <= self.passed
        {
            self.last = Some(at.saturating_duration_since(since));
            self.open = None;
        }
    }

    /// One that is open counts as soon as it has taken longer than the last one.
    pub(super) fn measured(&self, now: Instant) -> Measured {
        let open = self.open.map(|(_, since)| now.saturating_duration_since(since));
        Measured { time: self.last.max(open), bytes: self.server.0.saturating_sub(self.passed.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_last_position_or_of_the_open_one() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut lag = Lag::default();
        assert_eq!(lag.measured(at(0)), Measured { time: None, bytes: 0 });
        lag.ask(Lsn(100), at(0));
        assert_eq!(lag.measured(at(3)).time, Some(Duration::from_millis(3)));
        assert_eq!(lag.measured(at(3)).bytes, 100);
        // Asked again meanwhile, the first one counts.
        lag.ask(Lsn(120), at(4));
        lag.pass(Lsn(110), at(5));
        assert_eq!(lag.measured(at(9)).time, Some(Duration::from_millis(5)));
        assert_eq!(lag.measured(at(9)).bytes, 10);
        lag.pass(Lsn(120), at(10));
        lag.ask(Lsn(120), at(11));
        assert_eq!(lag.measured(at(20)), Measured { time: Some(Duration::ZERO), bytes: 0 });
    }
}
