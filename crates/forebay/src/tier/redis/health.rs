//! How the tier is, in a word. It is told from what has happened; nobody is asked.

use std::fmt;

use super::fault::Fault;

/// How a tier in Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisHealth {
    /// Its servers are used, and changes are heard.
    Working,
    /// It answers, and changes are not heard, so that nothing is answered from memory. It is tried
    /// again by itself. Why, in words.
    Deaf(String),
    /// Servers cannot be reached, or are left alone for a while after faults: what they have is a
    /// miss. It is tried again by itself. Why, in words.
    Away(String),
}

impl RedisHealth {
    /// `last`: the last fault, if there was one.
    pub(super) fn of(is_up: bool, is_hearing: bool, last: Option<&Fault>) -> RedisHealth {
        let why =
            || last.map_or_else(|| "it has not been reached yet".to_owned(), Fault::to_string);
        match (is_up, is_hearing) {
            (true, true) => RedisHealth::Working,
            // It answers, and does not let us hear.
            (true, false) if last.is_some_and(|fault| !fault.counts()) => RedisHealth::Deaf(why()),
            _ => RedisHealth::Away(why()),
        }
    }

    /// Whether its servers are used and changes are heard.
    pub fn is_working(&self) -> bool {
        *self == RedisHealth::Working
    }

    /// `working`, `deaf` or `away`.
    pub fn word(&self) -> &'static str {
        match self {
            RedisHealth::Working => "working",
            RedisHealth::Deaf(_) => "deaf",
            RedisHealth::Away(_) => "away",
        }
    }

    /// Why it does not work, without keys and secrets.
    pub fn why(&self) -> Option<&str> {
        match self {
            RedisHealth::Working => None,
            RedisHealth::Deaf(why) | RedisHealth::Away(why) => Some(why),
        }
    }
}

impl fmt::Display for RedisHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why() {
            None => f.write_str(self.word()),
            Some(why) => write!(f, "{}: {why}", self.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_heard_is_deaf_or_away() {
        let check = |is_up, is_hearing, last: Option<Fault>, expect: &str| {
            let health = RedisHealth::of(is_up, is_hearing, last.as_ref());
            assert_eq!(health.word(), expect, "{health}");
            assert_eq!(health.is_working(), health.why().is_none());
        };
        let refused = || Fault::Refused("NOPERM".to_owned());
        let lost = || Fault::Unreachable("reset".to_owned());
        check(true, true, None, "working");
        check(true, true, Some(lost()), "working");
        check(true, false, Some(refused()), "deaf");
        check(true, false, Some(lost()), "away");
        check(true, false, None, "away");
        check(false, true, Some(Fault::Slow), "away");
        check(false, false, Some(refused()), "away");
    }
}
