//! What a run has counted. Numbers add up over seeds, also as JSON, by their names.

use std::collections::BTreeMap;

use forebay::{Error, Stats};
use serde_json::{Map, Value, json};

use crate::feature::Features;

/// Counters of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Turns: transactions, their failures included.
    pub(crate) steps: u64,
    /// Turns after which the database was another.
    pub(crate) commits: u64,
    /// Databases made.
    pub(crate) databases: u64,
    /// Answers of surviving entries compared with direct execution.
    pub(crate) verified: u64,
    /// Hits of reads that were asked for the first time.
    pub(crate) first_hits: u64,
    /// Answers compared that came from the database.
    pub(crate) misses: u64,
    /// Misses whose answer was the one that had been dropped.
    pub(crate) needless: u64,
    /// Reads that both refuse.
    pub(crate) refused: u64,
    /// Databases whose pages were to be mapped.
    pub(crate) mapped: u64,
    /// Times that they were waited for, and mapped.
    pub(crate) mappings: u64,
    /// Times the second process was killed.
    pub(crate) kills: u64,
    /// Transactions rolled back on purpose.
    rolled_back: u64,
    /// Statements of our own, by how they ended.
    writes: BTreeMap<&'static str, u64>,
    /// Statements of the second process.
    second: BTreeMap<&'static str, u64>,
    features: BTreeMap<&'static str, Counts>,
    /// Why reads went past the cache, and other counters of Forebay's own.
    forebay: BTreeMap<String, u64>,
    /// Reads that may not be cached, by the rule that `explain` names.
    rules: BTreeMap<String, u64>,
    pub(crate) race: Race,
}

/// Counters of the phase with many threads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Race {
    pub(crate) writes: u64,
    pub(crate) foreign_writes: u64,
    pub(crate) reads: u64,
    pub(crate) hits: u64,
    pub(crate) kills: u64,
}

/// Counters of one read, or of all reads with a feature.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) reads: u64,
    pub(crate) verified: u64,
    pub(crate) misses: u64,
    pub(crate) needless: u64,
}

impl Tally {
    /// A statement of our own has ended.
    pub(crate) fn wrote(&mut self, done: Result<(), Error>) {
        let how = match done {
            Ok(()) => "done",
            Err(error) if error.is_constraint_violation() => "constraint",
            Err(error) if error.is_usage() => "usage",
            Err(error) if error.is_closed() => "closed",
            Err(error) if error.is_busy() => "busy",
            Err(error) if error.is_timeout() => "timeout",
            Err(_) => "other",
        };
        *self.writes.entry(how).or_default() += 1;
    }

    pub(crate) fn second_wrote(&mut self, done: bool) {
        *self.second.entry(if done { "done" } else { "failed" }).or_default() += 1;
    }

    pub(crate) fn rolled_back(&mut self) {
        self.rolled_back += 1;
    }

    /// A read is given up; its counters go to those of its features.
    pub(crate) fn retire(&mut self, features: Features, counts: Counts) {
        self.verified += counts.verified;
        self.misses += counts.misses;
        self.needless += counts.needless;
        for name in features.names() {
            let sum = self.features.entry(name).or_default();
            sum.reads += 1;
            sum.verified += counts.verified;
            sum.misses += counts.misses;
            sum.needless += counts.needless;
        }
    }

    pub(crate) fn ruled_out(&mut self, reasons: &[String]) {
        if reasons.is_empty() {
            *self.rules.entry("cacheable".to_owned()).or_default() += 1;
        }
        for reason in reasons {
            *self.rules.entry(reason.clone()).or_default() += 1;
        }
    }

    /// Adds the counters of a database that is about to be closed.
    pub(crate) fn take_stats(&mut self, stats: &Stats) {
        let cache = &stats.cache;
        let counters = [
            ("flushes", cache.flushes),
            ("invalidations", cache.invalidations),
            ("evictions", cache.evictions),
            ("fills", cache.fills),
            ("refused fills", cache.refused_fills),
            ("commits of others", cache.foreign.seen),
            ("commits of others told by pages", cache.foreign.precise),
        ];
        for (name, count) in counters {
            *self.forebay.entry(name.to_owned()).or_default() += count;
        }
        for (rule, count) in &cache.bypasses {
            *self.forebay.entry(format!("bypass: {rule}")).or_default() += count;
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut features = Map::new();
        for (name, counts) in &self.features {
            features.insert(
                (*name).to_owned(),
                json!({
                    "reads": counts.reads, "verified": counts.verified,
                    "misses": counts.misses, "needless": counts.needless,
                }),
            );
        }
        json!({
            "steps": self.steps, "commits": self.commits, "databases": self.databases,
            "verified": self.verified, "first_hits": self.first_hits, "misses": self.misses,
            "mapped": self.mapped, "mappings": self.mappings,
            "needless": self.needless, "refused": self.refused, "kills": self.kills,
            "rolled_back": self.rolled_back, "writes": self.writes, "second": self.second,
            "features": features, "forebay": self.forebay, "rules": self.rules,
            "race": {
                "writes": self.race.writes, "foreign_writes": self.race.foreign_writes,
                "reads": self.race.reads, "hits": self.race.hits, "kills": self.race.kills,
            },
        })
    }
}

/// Adds the numbers of `more` to those of `sum`, by name.
pub(crate) fn add(sum: &mut Value, more: &Value) {
    match (&mut *sum, more) {
        (Value::Object(sum), Value::Object(more)) => {
            for (name, value) in more {
                match sum.get_mut(name) {
                    Some(known) => add(known, value),
                    None => {
                        sum.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Number(known), Value::Number(value)) => {
            *sum = json!(known.as_u64().unwrap_or(0) + value.as_u64().unwrap_or(0));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up_by_name() {
        let mut sum = json!({ "a": 1, "b": { "c": 2 } });
        add(&mut sum, &json!({ "a": 2, "b": { "c": 3, "d": 4 } }));
        assert_eq!(sum, json!({ "a": 3, "b": { "c": 5, "d": 4 } }));
    }
}
