//! The switch of the cache and what it can be set for, as plain data. It decides nothing.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Whether answers are kept and served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheMode {
    /// Neither kept nor served: every read goes to the database.
    Off,
    /// Every read goes to the database, and its answer is compared with the one that the cache
    /// would have given. [`crate::Stats`] says what caching would have brought.
    Shadow,
    /// Kept, and served while they are exact.
    #[default]
    On,
}

impl CacheMode {
    /// `off`, `shadow` or `on`.
    pub fn name(self) -> &'static str {
        match self {
            CacheMode::Off => "off",
            CacheMode::Shadow => "shadow",
            CacheMode::On => "on",
        }
    }
}

impl fmt::Display for CacheMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CacheMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<CacheMode, Error> {
        let all = [CacheMode::Off, CacheMode::Shadow, CacheMode::On];
        all.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Error::usage(format!("{text:?} is not a cache mode; use off, shadow or on"))
        })
    }
}

impl From<bool> for CacheMode {
    fn from(is_on: bool) -> CacheMode {
        if is_on { CacheMode::On } else { CacheMode::Off }
    }
}

/// How fresh an answer from the cache has to be. At SQLite every answer is as fresh as the
/// database's; at PostgreSQL it is so for everything that was written through this handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// What others have committed is seen as soon as the server's stream has told it: usually
    /// within a millisecond. [`crate::Stats`] says how far the stream is behind.
    #[default]
    Followed,
    /// What anybody has committed before the statement was asked for is seen. It costs a round trip
    /// to the server, which all statements share that were asked for meanwhile, and the wait for
    /// the stream. Where the stream does not get there within a second, the database answers.
    Strict,
}

/// A statement that a switch is set for: by its fingerprint, as `explain` and the statistics show
/// it, or by the name given with `named`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StatementRef {
    /// The stable id of the normalised text.
    Fingerprint(u64),
    /// The name.
    Name(Box<str>),
}

impl From<u64> for StatementRef {
    fn from(fingerprint: u64) -> StatementRef {
        StatementRef::Fingerprint(fingerprint)
    }
}

impl From<&str> for StatementRef {
    fn from(name: &str) -> StatementRef {
        StatementRef::Name(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_by_name() {
        let check = |text: &str, expect| assert_eq!(text.parse().ok(), expect, "{text}");
        check("on", Some(CacheMode::On));
        check("Shadow", Some(CacheMode::Shadow));
        check("OFF", Some(CacheMode::Off));
        check("true", None::<CacheMode>);
        assert!(CacheMode::Off < CacheMode::Shadow && CacheMode::Shadow < CacheMode::On);
    }
}
