//! All fingerprints seen, up to a bound; what comes after that is counted together.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use foldhash::fast::RandomState;

use super::record::Record;
use crate::sql::{Dialect, Fingerprint};

/// Fingerprints kept apart; a record takes about 1.5 KB.
const FINGERPRINTS_MAX: usize = 5_000;

/// Records by fingerprint.
pub(crate) struct Fingerprints {
    dialect: Dialect,
    records: RwLock<HashMap<u64, Arc<Record>, RandomState>>,
    other: Arc<Record>,
}

impl Fingerprints {
    pub(crate) fn new(dialect: Dialect) -> Fingerprints {
        let other = Arc::new(Record::new(0, "(other statements)".into()));
        Fingerprints { dialect, records: RwLock::default(), other }
    }

    /// The record for the fingerprint of `sql`. Cost: the text is read once.
    pub(crate) fn of(&self, sql: &str) -> Arc<Record> {
        let fingerprint = Fingerprint::new(sql, self.dialect);
        let known = |records: &HashMap<u64, Arc<Record>, RandomState>| {
            records.get(&fingerprint.id()).cloned()
        };
        if let Some(record) = known(&self.records.read().unwrap_or_else(|lock| lock.into_inner())) {
            return record;
        }
        let mut records = self.records.write().unwrap_or_else(|lock| lock.into_inner());
        if let Some(record) = known(&records) {
            return record;
        }
        if records.len() >= FINGERPRINTS_MAX {
            return self.other.clone();
        }
        let record = Arc::new(Record::new(fingerprint.id(), fingerprint.text().clone()));
        records.insert(fingerprint.id(), record.clone());
        record
    }

    /// The record for the fingerprint of `sql`; an empty one, which is forgotten again, if it has
    /// not been seen.
    pub(crate) fn look_up(&self, sql: &str) -> Arc<Record> {
        let fingerprint = Fingerprint::new(sql, self.dialect);
        let records = self.records.read().unwrap_or_else(|lock| lock.into_inner());
        let known = records.get(&fingerprint.id()).cloned();
        let empty = || Arc::new(Record::new(fingerprint.id(), fingerprint.text().clone()));
        known.unwrap_or_else(empty)
    }

    /// Every record, the shared one last and only if it was needed.
    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        let records = self.records.read().unwrap_or_else(|lock| lock.into_inner());
        let mut all: Vec<Arc<Record>> = records.values().cloned().collect();
        if records.len() >= FINGERPRINTS_MAX {
            all.push(self.other.clone());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_statements_are_counted_together() {
        let fingerprints = Fingerprints::new(Dialect::Sqlite);
        for n in 0..FINGERPRINTS_MAX + 10 {
            fingerprints.of(&format!("SELECT c{n} FROM t")).miss();
        }
        let all = fingerprints.all();
        assert_eq!(all.len(), FINGERPRINTS_MAX + 1);
        assert_eq!(all.last().unwrap().snapshot().misses, 10);
        let again = fingerprints.of("select c1 from t");
        again.miss();
        assert_eq!(again.snapshot().misses, 2);
    }
}
