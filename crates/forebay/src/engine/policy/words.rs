//! The words by which a caller says how an answer may be kept, and what they allow for one that
//! is at hand. Pure: it is told ages, and knows neither a cache nor a clock.

use std::fmt;
use std::time::Duration;

use smallvec::SmallVec;

use super::label::Label;
use super::shelf::SpaceId;

/// How the answers of a statement may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) ttl: Option<Duration>,
    pub(crate) ttl_only: Option<Duration>,
    pub(crate) stale_while_revalidate: Duration,
    pub(crate) stale_if_error: Duration,
    pub(crate) keep_warm: bool,
    pub(crate) labels: SmallVec<[Label; 2]>,
    /// Where its answers lie, if not with the others.
    pub(crate) space: Option<SpaceId>,
}

/// What is known of an answer when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    /// Since before it was read.
    pub(super) read: Duration,
    /// For how long at most it may have been untrue by now; `None` if it is true.
    pub(super) untrue: Option<Duration>,
    /// Something was written through this handle since.
    pub(super) is_overwritten: bool,
}

/// Whether the database's changes are seen, so that it can be known that an answer is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// They are, or will be again.
    Followed,
    /// They never were since the database was opened.
    Never,
}

/// What may be done with an answer that is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Serve it: it is true, and of the age that was asked for.
    Exact,
    /// Serve it: it is of the age that was asked for, and more was not.
    Aged,
    /// Serve it, and read it again behind that.
    Revalidate,
    /// Serve it if the database fails.
    OnError,
    /// Do not serve it.
    No,
}

impl Policy {
    /// What may be done with an answer.
    pub(super) fn judge(&self, age: Age, sight: Sight) -> Leave {
        let limit = match self.ttl_only {
            None if age.is_overwritten => None,
            _ => self.limit_of_age(sight),
        };
        let stale = match limit {
            Some(limit) => age.read.checked_sub(limit),
            None => age.untrue.max(self.ttl.and_then(|ttl| age.read.checked_sub(ttl))),
        };
        match stale {
            None if age.untrue.is_none() => Leave::Exact,
            None => Leave::Aged,
            Some(stale) if stale < self.stale_while_revalidate => Leave::Revalidate,
            Some(stale) if stale < self.stale_if_error => Leave::OnError,
            Some(_) => Leave::No,
        }
    }

    /// Whether an answer may be served for its age alone.
    pub(super) fn goes_by_age(&self, sight: Sight) -> bool {
        self.limit_of_age(sight).is_some()
    }

    /// Whether anything may be served that is not known to be true.
    pub(crate) fn allows_stale(&self, sight: Sight) -> bool {
        self.goes_by_age(sight)
            || !self.stale_while_revalidate.is_zero()
            || !self.stale_if_error.is_zero()
    }

    /// The age up to which an answer is served without being known to be true.
    fn limit_of_age(&self, sight: Sight) -> Option<Duration> {
        let blind = if sight == Sight::Never { self.ttl } else { None };
        self.ttl_only.or(blind)
    }
}

/// The words in force, for `explain`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: SmallVec<[String; 6]> = SmallVec::new();
        words.extend(self.ttl_only.map(|it| format!("ttl_only {it:?}: writes are not looked at")));
        words.extend(self.ttl.map(|it| format!("ttl {it:?}")));
        for (name, limit) in [
            ("stale_while_revalidate", self.stale_while_revalidate),
            ("stale_if_error", self.stale_if_error),
        ] {
            words.extend((!limit.is_zero()).then(|| format!("{name} {limit:?}")));
        }
        words.extend((!self.labels.is_empty()).then(|| format!("{} tags", self.labels.len())));
        words.extend(self.space.map(|_| "a bound of its own".to_owned()));
        words.extend(self.keep_warm.then(|| "keep_warm".to_owned()));
        f.write_str(&words.join("; "))
    }
}
