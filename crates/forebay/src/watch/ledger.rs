//! What is counted, as the text of a file: a line of JSON for the whole, one for each fingerprint,
//! and one with a digest of those before, so that half a file is not taken for a whole one. It
//! opens no files. There are no parameters in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::times::Times;
use crate::json::{Malformed, Next, Object, Scan};
use crate::sql::{Bypass, Dialect, digest};

/// The version of the format. Another one is not read.
const VERSION: u64 = 1;

/// What was counted, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    pub(crate) dialect: Dialect,
    /// In milliseconds since 1970.
    pub(crate) since_ms: u64,
    pub(crate) saved_ms: u64,
    pub(crate) folded: u64,
    pub(crate) lines: Vec<Kept>,
}

/// What was counted of one fingerprint.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) text: Arc<str>,
    pub(crate) name: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) sample: Option<String>,
    pub(crate) hits: u64,
    pub(crate) stale: u64,
    pub(crate) misses: u64,
    pub(crate) writes: u64,
    pub(crate) bypasses: [u64; Bypass::ALL.len()],
    pub(crate) errors: u64,
    pub(crate) invalidations: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) wait_nanos: u64,
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
    pub(crate) plan: Option<u64>,
    pub(crate) times: Times,
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is of another version.
    Version(u64),
    /// It is not whole, or something else altogether.
    Damaged,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Unreadable {
        Unreadable::Damaged
    }
}

impl Ledger {
    pub(crate) fn write(&self) -> String {
        let mut head = Object::new();
        head.number("forebay_statistics", VERSION);
        head.text("dialect", name(self.dialect));
        head.number("since_ms", self.since_ms);
        head.number("saved_ms", self.saved_ms);
        head.number("folded", self.folded);
        let mut text = head.end();
        text.push('\n');
        for kept in &self.lines {
            text.push_str(&kept.write());
            text.push('\n');
        }
        let mut last = Object::new();
        last.digest("digest", digest(text.as_bytes()));
        text.push_str(&last.end());
        text.push('\n');
        text
    }

    pub(crate) fn read(text: &str) -> Result<Ledger, Unreadable> {
        let head = text.lines().next().ok_or(Unreadable::Damaged)?;
        let head = Members::read(head)?;
        match head.number("forebay_statistics")? {
            VERSION => {}
            other => return Err(Unreadable::Version(other)),
        }
        let body = text.strip_suffix('\n').ok_or(Unreadable::Damaged)?;
        let (_, last) = body.rsplit_once('\n').ok_or(Unreadable::Damaged)?;
        let body = &text[..text.len() - last.len() - 1];
        if Members::read(last)?.digest("digest")? != Some(digest(body.as_bytes())) {
            return Err(Unreadable::Damaged);
        }
        let lines: Result<Vec<Kept>, Unreadable> = body.lines().skip(1).map(Kept::read).collect();
        Ok(Ledger {
            dialect: dialect(head.text("dialect").ok_or(Unreadable::Damaged)?)?,
            since_ms: head.number("since_ms")?,
            saved_ms: head.number("saved_ms")?,
            folded: head.number("folded")?,
            lines: lines?,
        })
    }
}

fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        #[cfg(feature = "postgres")]
        Dialect::Postgres => "postgres",
    }
}

fn dialect(name: &str) -> Result<Dialect, Unreadable> {
    match name {
        "sqlite" => Ok(Dialect::Sqlite),
        #[cfg(feature = "postgres")]
        "postgres" => Ok(Dialect::Postgres),
        _ => Err(Unreadable::Damaged),
    }
}

impl Kept {
    fn write(&self) -> String {
        let mut line = Object::new();
        line.digest("fingerprint", self.id);
        line.text("statement", &self.text);
        line.text_if("name", self.name.as_deref());
        line.text_if("caller", self.caller.as_deref());
        line.text_if("sample", self.sample.as_deref());
        for (key, count) in [
            ("hits", self.hits),
            ("stale", self.stale),
            ("misses", self.misses),
            ("writes", self.writes),
            ("errors", self.errors),
            ("invalidations", self.invalidations),
            ("rows", self.rows),
            ("bytes", self.bytes),
            ("wait_nanos", self.wait_nanos),
            ("first_ms", self.first_ms),
            ("last_ms", self.last_ms),
            ("timed", self.times.count()),
            ("nanos", self.times.nanos()),
            ("nanos_max", self.times.nanos_max()),
        ] {
            line.number(key, count);
        }
        // By name: what is counted may be counted by other rules in another version.
        for (why, count) in Bypass::ALL.iter().zip(self.bypasses).filter(|(_, count)| *count > 0) {
            line.number(&bypass_key(*why), count);
        }
        if let Some(plan) = self.plan {
            line.digest("plan", plan);
        }
        let buckets = self.times.buckets().flat_map(|(at, count)| [at as u64, u64::from(count)]);
        line.numbers("buckets", &buckets.collect::<Vec<u64>>());
        line.end()
    }

    fn read(line: &str) -> Result<Kept, Unreadable> {
        let line = Members::read(line)?;
        let owned = |key| line.text(key).map(str::to_owned);
        let mut bypasses = [0; Bypass::ALL.len()];
        for (count, why) in bypasses.iter_mut().zip(Bypass::ALL) {
            *count = line.number_if(&bypass_key(why))?.unwrap_or(0);
        }
        let buckets: Vec<(usize, u32)> = line
            .numbers("buckets")
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[at, count]| {
                let at = usize::try_from(*at).unwrap_or(usize::MAX);
                (at, u32::try_from(*count).unwrap_or(u32::MAX))
            })
            .collect();
        let (count, nanos) = (line.number("timed")?, line.number("nanos")?);
        Ok(Kept {
            id: line.digest("fingerprint")?.ok_or(Unreadable::Damaged)?,
            text: line.text("statement").ok_or(Unreadable::Damaged)?.into(),
            name: owned("name"),
            caller: owned("caller"),
            sample: owned("sample"),
            hits: line.number("hits")?,
            stale: line.number("stale")?,
            misses: line.number("misses")?,
            writes: line.number("writes")?,
            bypasses,
            errors: line.number("errors")?,
            invalidations: line.number("invalidations")?,
            rows: line.number("rows")?,
            bytes: line.number("bytes")?,
            wait_nanos: line.number("wait_nanos")?,
            first_ms: line.number("first_ms")?,
            last_ms: line.number("last_ms")?,
            plan: line.digest("plan")?,
            times: Times::kept(&buckets, count, nanos, line.number("nanos_max")?),
        })
    }
}

fn bypass_key(why: Bypass) -> String {
    format!("past_{}", why.name())
}

/// The members of an object, by their keys.
#[derive(Default)]
struct Members {
    numbers: HashMap<String, u64>,
    texts: HashMap<String, String>,
    lists: HashMap<String, Vec<u64>>,
}

impl Members {
    fn read(line: &str) -> Result<Members, Unreadable> {
        let mut members = Members::default();
        let mut scan = Scan::new(line);
        if scan.next()? != Next::Object {
            return Err(Unreadable::Damaged);
        }
        scan.enter()?;
        let mut is_first = true;
        while scan.item(is_first, b'}')? {
            is_first = false;
            let key = scan.key()?.into_owned();
            match scan.next()? {
                Next::Number => {
                    members.numbers.insert(key, number(&mut scan)?);
                }
                Next::Text => {
                    members.texts.insert(key, scan.text()?.into_owned());
                }
                Next::List => {
                    members.lists.insert(key, list(&mut scan)?);
                }
                _ => drop(scan.raw()?),
            }
        }
        scan.end()?;
        Ok(members)
    }

    fn number(&self, key: &str) -> Result<u64, Unreadable> {
        self.numbers.get(key).copied().ok_or(Unreadable::Damaged)
    }

    fn number_if(&self, key: &str) -> Result<Option<u64>, Unreadable> {
        Ok(self.numbers.get(key).copied())
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    fn numbers(&self, key: &str) -> &[u64] {
        self.lists.get(key).map_or(&[], Vec::as_slice)
    }

    fn digest(&self, key: &str) -> Result<Option<u64>, Unreadable> {
        let digits = self.text(key).map(|text| u64::from_str_radix(text, 16));
        digits.transpose().map_err(|_| Unreadable::Damaged)
    }
}

fn number(scan: &mut Scan<'_>) -> Result<u64, Unreadable> {
    scan.number()?.parse().map_err(|_| Unreadable::Damaged)
}

fn list(scan: &mut Scan<'_>) -> Result<Vec<u64>, Unreadable> {
    let mut numbers = Vec::new();
    scan.enter()?;
    while scan.item(numbers.is_empty(), b']')? {
        numbers.push(number(scan)?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests;
