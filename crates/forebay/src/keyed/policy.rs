//! The words by which a cache or an entry says how long something may be kept and given. They only
//! hold what was said; what follows from them is in `life` and `load`.

use std::time::Duration;

use crate::error::{Error, Result};

/// What the words of a cache or an entry say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(crate) ttl: Option<Duration>,
    pub(crate) jitter: f64,
    pub(crate) idle: Option<Duration>,
    pub(crate) stale_while_revalidate: Duration,
    pub(crate) stale_if_error: Duration,
    pub(crate) refresh_ahead: Duration,
    pub(crate) early_refresh: f64,
    pub(crate) negative_ttl: Duration,
    pub(crate) ttl_only: bool,
    pub(crate) load_timeout: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            ttl: Some(Duration::from_secs(3_600)),
            jitter: 0.0,
            idle: None,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            refresh_ahead: Duration::from_secs(60),
            early_refresh: 0.0,
            negative_ttl: Duration::from_secs(60),
            ttl_only: false,
            load_timeout: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// Whether the numbers make sense.
    pub(crate) fn check(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.jitter) {
            return Err(Error::usage(
                "jitter is a part of the ttl: give a number from 0 to below 1",
            ));
        }
        if !(self.early_refresh.is_finite() && self.early_refresh >= 0.0) {
            return Err(Error::usage("early_refresh takes a finite beta that is not negative"));
        }
        if self.load_timeout.is_zero() {
            return Err(Error::usage("a load_timeout of zero would stop every load"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let check = |change: fn(&mut Policy), expect: bool| {
            let mut policy = Policy::default();
            change(&mut policy);
            assert_eq!(policy.check().is_ok(), expect, "{policy:?}");
        };
        check(|_| (), true);
        check(|policy| policy.jitter = 0.99, true);
        check(|policy| policy.jitter = 1.0, false);
        check(|policy| policy.jitter = -0.1, false);
        check(|policy| policy.jitter = f64::NAN, false);
        check(|policy| policy.early_refresh = 1.5, true);
        check(|policy| policy.early_refresh = f64::INFINITY, false);
        check(|policy| policy.early_refresh = -1.0, false);
        check(|policy| policy.load_timeout = Duration::ZERO, false);
    }
}
