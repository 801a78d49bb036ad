//! What a request for looking says behind its question mark: which database, how many, in which
//! order. Each path takes some of these words; another one is refused rather than overlooked.

use crate::failure::Failure;

/// How many are shown unless the request says it.
const SHOWN: usize = 100;

/// How many are shown at most.
const SHOWN_MAX: usize = 10_000;

/// Events of a live stream at most, where the request wants them to end: a day.
const EVENTS_MAX: u32 = 86_400;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) db: Option<String>,
    pub(super) limit: usize,
    pub(super) sort: Sort,
    /// After how many events a stream ends.
    pub(super) events: Option<u32>,
}

/// The order of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Calls,
    Time,
    Errors,
    Misses,
}

impl Wish {
    /// Reads the words, each of which must be one of `taken`.
    pub(super) fn parse(query: Option<&str>, taken: &[&str]) -> Result<Wish, Failure> {
        let mut wish = Wish { db: None, limit: SHOWN, sort: Sort::Calls, events: None };
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !taken.contains(&name) {
                return Err(invalid(format!("use {}", taken.join(", "))));
            }
            match name {
                "limit" => wish.limit = number(name, value, SHOWN_MAX)?,
                "events" => wish.events = Some(number(name, value, EVENTS_MAX)?),
                "sort" => wish.sort = Sort::parse(value)?,
                _ => wish.db = Some(value.to_owned()),
            }
        }
        Ok(wish)
    }
}

impl Sort {
    fn parse(word: &str) -> Result<Sort, Failure> {
        match word {
            "calls" => Ok(Sort::Calls),
            "time" => Ok(Sort::Time),
            "errors" => Ok(Sort::Errors),
            "misses" => Ok(Sort::Misses),
            _ => Err(invalid("sort is one of calls, time, errors, misses")),
        }
    }
}

/// A number from 1 on.
fn number<T>(name: &str, text: &str, max: T) -> Result<T, Failure>
where
    T: std::str::FromStr + PartialOrd + From<u8> + std::fmt::Display + Copy,
{
    let number = text.parse().ok().filter(|it| *it >= T::from(1) && *it <= max);
    number.ok_or_else(|| invalid(format!("{name} is a number from 1 to {max}")))
}

fn invalid(text: impl Into<String>) -> Failure {
    Failure::bad("QUERY_INVALID", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let ok = |db: Option<&str>, limit, sort, events| {
            Ok(Wish { db: db.map(str::to_owned), limit, sort, events })
        };
        for (query, expect) in [
            ("", ok(None, 100, Sort::Calls, None)),
            ("limit=5&sort=time&db=main", ok(Some("main"), 5, Sort::Time, None)),
            ("&&limit=10000", ok(None, 10_000, Sort::Calls, None)),
            ("events=3", ok(None, 100, Sort::Calls, Some(3))),
            ("limit=0", Err("QUERY_INVALID")),
            ("limit=10001", Err("QUERY_INVALID")),
            ("limit=-1", Err("QUERY_INVALID")),
            ("limit", Err("QUERY_INVALID")),
            ("sort=name", Err("QUERY_INVALID")),
            ("events=86401", Err("QUERY_INVALID")),
            ("x=1", Err("QUERY_INVALID")),
        ] {
            let read = Wish::parse(Some(query), &["db", "limit", "sort", "events"]);
            assert_eq!(read.map_err(|failure| failure.code), expect, "{query}");
        }
        assert_eq!(Wish::parse(None, &[]), Ok(ok(None, 100, Sort::Calls, None).unwrap()));
        assert!(Wish::parse(Some("sort=time"), &["db", "limit"]).is_err());
    }
}
