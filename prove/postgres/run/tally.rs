//! What a run has counted. Numbers add up over seeds, as JSON, by their names.

use std::collections::BTreeMap;

use forebay::Stats;
use serde_json::{Map, Value, json};

type Counts = BTreeMap<String, u64>;

/// Counters of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Turns, their failures included.
    pub(crate) steps: u64,
    /// Transactions that have committed a write, as the server counts them.
    pub(crate) commits: u64,
    /// Answers compared.
    pub(crate) verified: u64,
    /// Of these, answers from the cache.
    pub(crate) hits: u64,
    /// Of these, right after a write and before things have settled.
    pub(crate) early_hits: u64,
    /// Answers compared once things had settled, of reads that may be cached, and hits of these.
    pub(crate) settled: u64,
    pub(crate) settled_hits: u64,
    /// Reads that both refuse.
    pub(crate) refused: u64,
    /// Relations that the server has locked for a read and that `explain` tells.
    pub(crate) locks: u64,
    /// Times that the stream did not tell a commit of others in time.
    pub(crate) unsettled: u64,
    pub(crate) faults: Counts,
    pub(crate) ways: Counts,
    pub(crate) kinds: Counts,
    pub(crate) ends: Counts,
    features: BTreeMap<String, [u64; 3]>,
    /// Why reads are not cached, by what `explain` says.
    rules: Counts,
    forebay: Counts,
    pub(crate) race: Counts,
}

/// Counts one more.
pub(crate) fn count(counts: &mut Counts, name: &str) {
    *counts.entry(name.to_owned()).or_default() += 1;
}

impl Tally {
    /// A read has been given up: how often it was verified, and how often from the cache.
    pub(crate) fn retire(&mut self, features: &[&'static str], verified: u64, hits: u64) {
        for name in features {
            let sum = self.features.entry((*name).to_owned()).or_default();
            *sum = [sum[0] + 1, sum[1] + verified, sum[2] + hits];
        }
    }

    pub(crate) fn ruled(&mut self, reasons: &[String]) {
        if reasons.is_empty() {
            count(&mut self.rules, "cacheable");
        }
        for reason in reasons {
            // Names and numbers make one reason many.
            let words = reason.split(' ').filter(|word| !word.contains('.'));
            let text: Vec<&str> = words.take(9).collect();
            count(&mut self.rules, &text.join(" "));
        }
    }

    pub(crate) fn take_stats(&mut self, stats: &Stats) {
        let cache = &stats.cache;
        for (name, value) in [
            ("hits", cache.hits),
            ("misses", cache.misses),
            ("fills", cache.fills),
            ("refused fills", cache.refused_fills),
            ("invalidations", cache.invalidations),
            ("flushes", cache.flushes),
        ] {
            *self.forebay.entry(name.to_owned()).or_default() += value;
        }
        for (name, value) in &cache.bypasses {
            *self.forebay.entry(format!("bypass: {name}")).or_default() += value;
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let features = self.features.iter().map(|(name, [reads, verified, hits])| {
            (name.clone(), json!({ "reads": reads, "verified": verified, "hits": hits }))
        });
        json!({
            "steps": self.steps, "commits": self.commits, "verified": self.verified,
            "hits": self.hits, "early_hits": self.early_hits, "settled": self.settled,
            "settled_hits": self.settled_hits, "refused": self.refused, "locks": self.locks,
            "unsettled": self.unsettled, "faults": self.faults, "ways": self.ways,
            "kinds": self.kinds, "ends": self.ends, "rules": self.rules,
            "forebay": self.forebay, "race": self.race,
            "features": features.collect::<Map<String, Value>>(),
        })
    }
}

/// Adds the numbers of one JSON value to another's, by their names.
pub(crate) fn add(sum: &mut Value, more: &Value) {
    match (&mut *sum, more) {
        (Value::Object(sum), Value::Object(more)) => {
            for (name, value) in more {
                add(sum.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let total = one.as_u64().unwrap_or(0) + other.as_u64().unwrap_or(0);
            *sum = total.into();
        }
        (Value::Null, more) => *sum = more.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_same_name_add_up() {
        let mut sum = json!({ "a": 1, "b": { "c": 2 } });
        add(&mut sum, &json!({ "a": 4, "b": { "c": 1, "d": 7 } }));
        assert_eq!(sum, json!({ "a": 5, "b": { "c": 3, "d": 7 } }));
    }
}
