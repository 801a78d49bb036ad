//! The switches: whether answers are kept and served, for all, for a table, for a statement. What
//! they come to for one statement is kept in its record, so that a read looks at one byte.
//!
//! Switching changes nothing about which entries are true: tickets are void once a commit has been
//! applied, and commits are applied, or the cache emptied, before the next hit, whatever the switch
//! was meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::Call;
use super::database::Engine;
use super::template::Template;
use crate::error::{Error, Result};
use crate::mode::{CacheMode, StatementRef};
use crate::sql::Bypass;
use crate::watch::{Fingerprints, Record, Switch};

/// Tables that have a switch of their own at most, and statements likewise.
const RULES_MAX: usize = 1_000;

/// What is served from the cache, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Glance {
    Everything,
    /// Ask the record.
    Some,
    Nothing,
}

/// Every switch that is set.
pub(super) struct Switches {
    glance: AtomicU8,
    rules: Mutex<Rules>,
}

struct Rules {
    global: CacheMode,
    /// By name in lower case.
    tables: HashMap<Box<str>, CacheMode>,
    statements: HashMap<StatementRef, CacheMode>,
    /// There are records that are condemned.
    has_condemned: bool,
    /// The cache can serve nothing any more, whatever the switches say.
    is_closed: bool,
}

/// What becomes of a read that the cache has not answered.
pub(super) enum Way {
    /// Past the cache, by this rule.
    Past(Bypass),
    /// From the database, and compared with the cache.
    Shadow,
    /// From the database, and into the cache.
    Keep,
}

impl Switches {
    pub(super) fn new(global: CacheMode) -> Switches {
        let rules = Rules {
            global,
            tables: HashMap::new(),
            statements: HashMap::new(),
            has_condemned: false,
            is_closed: false,
        };
        let glance = AtomicU8::new(rules.glance() as u8);
        Switches { glance, rules: Mutex::new(rules) }
    }

    #[inline]
    pub(super) fn glance(&self) -> Glance {
        match self.glance.load(Ordering::Relaxed) {
            0 => Glance::Everything,
            1 => Glance::Some,
            _ => Glance::Nothing,
        }
    }

    pub(super) fn global(&self) -> CacheMode {
        self.rules().global
    }

    /// Serves nothing from now on.
    pub(super) fn close(&self) {
        let mut rules = self.rules();
        rules.is_closed = true;
        self.publish(&rules);
    }

    /// Works out the switch of a record that is new, or of which more is known now.
    pub(super) fn settle(&self, record: &Record) {
        record.set_switch(self.rules().of(record));
    }

    pub(super) fn condemn(&self, record: &Record) {
        let mut rules = self.rules();
        rules.has_condemned = true;
        record.set_condemned(true);
        record.set_switch(rules.of(record));
        self.publish(&rules);
    }

    pub(super) fn set_global(&self, mode: CacheMode, records: &Fingerprints) {
        let mut rules = self.rules();
        rules.global = mode;
        self.apply(&rules, records);
    }

    pub(super) fn set_table(
        &self,
        table: &str,
        mode: Option<CacheMode>,
        records: &Fingerprints,
    ) -> Result<()> {
        let mut rules = self.rules();
        let table = table.to_ascii_lowercase().into_boxed_str();
        set("tables", &mut rules.tables, table, mode)?;
        self.apply(&rules, records);
        Ok(())
    }

    /// It also lifts what an audit has decided.
    pub(super) fn set_statement(
        &self,
        statement: &StatementRef,
        mode: Option<CacheMode>,
        records: &Fingerprints,
    ) -> Result<()> {
        let mut rules = self.rules();
        set("statements", &mut rules.statements, statement.clone(), mode)?;
        let all = records.all();
        all.iter()
            .filter(|record| is_meant(statement, record))
            .for_each(|record| record.set_condemned(false));
        rules.has_condemned = all.iter().any(|record| record.is_condemned());
        self.apply(&rules, records);
        Ok(())
    }

    /// The switch of every record, under the lock: one that is made meanwhile settles after it.
    fn apply(&self, rules: &Rules, records: &Fingerprints) {
        for record in records.all() {
            record.set_switch(rules.of(&record));
        }
        self.publish(rules);
    }

    fn publish(&self, rules: &Rules) {
        self.glance.store(rules.glance() as u8, Ordering::Relaxed);
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn glance(&self) -> Glance {
        let is_plain = self.tables.is_empty() && self.statements.is_empty() && !self.has_condemned;
        if self.is_closed || (is_plain && self.global != CacheMode::On) {
            Glance::Nothing
        } else if is_plain {
            Glance::Everything
        } else {
            Glance::Some
        }
    }

    /// A statement's own switch counts before those of its tables, of which the least counts, and
    /// these before the one for all.
    fn of(&self, record: &Record) -> Switch {
        if record.is_condemned() {
            return Switch::Condemned;
        }
        let named = || StatementRef::Name(record.name().unwrap_or_default().into());
        let own = self
            .statements
            .get(&StatementRef::Fingerprint(record.id()))
            .or_else(|| self.statements.get(&named()));
        let of_table = |table: &str| self.tables.get(&*table.to_ascii_lowercase()).copied();
        let tables = record.tables();
        let of_tables = || tables.iter().map(|it| of_table(it).unwrap_or(self.global)).min();
        let mode = own.copied().or_else(of_tables).unwrap_or(self.global);
        match mode {
            CacheMode::On => Switch::On,
            CacheMode::Shadow => Switch::Shadow,
            CacheMode::Off if self.global == CacheMode::Off => Switch::Off,
            CacheMode::Off => Switch::SwitchedOff,
        }
    }
}

fn is_meant(statement: &StatementRef, record: &Record) -> bool {
    match statement {
        StatementRef::Fingerprint(id) => record.id() == *id,
        StatementRef::Name(name) => record.name() == Some(name),
    }
}

fn set<K: std::hash::Hash + Eq>(
    what: &str,
    rules: &mut HashMap<K, CacheMode>,
    key: K,
    mode: Option<CacheMode>,
) -> Result<()> {
    match mode {
        None => {
            rules.remove(&key);
        }
        Some(_) if rules.len() >= RULES_MAX && !rules.contains_key(&key) => {
            return Err(Error::usage(format!(
                "{RULES_MAX} {what} have a cache switch of their own already; set one of them \
                 back to `None` first"
            )));
        }
        Some(mode) => {
            rules.insert(key, mode);
        }
    }
    Ok(())
}

impl Engine {
    /// What becomes of a read that the cache has not answered.
    pub(super) fn way(&self, call: &Call<'_>, template: &Template) -> Way {
        let record = &template.record;
        if let Some(rule) = template.analysis.bypasses.first() {
            return Way::Past(*rule);
        }
        if self.cannot_cache() {
            return Way::Past(Bypass::CacheOff);
        }
        match record.switch() {
            Switch::Off => Way::Past(Bypass::CacheOff),
            _ if call.no_cache => Way::Past(Bypass::NoCache),
            Switch::SwitchedOff => Way::Past(Bypass::SwitchedOff),
            Switch::Condemned => Way::Past(Bypass::Audit),
            Switch::Shadow => Way::Shadow,
            Switch::On if self.is_worth(record) => Way::Keep,
            Switch::On => Way::Past(Bypass::NotWorth),
        }
    }

    pub(crate) fn cache_mode(&self) -> CacheMode {
        self.trust.switches.global()
    }

    pub(crate) fn set_cache_mode(&self, mode: CacheMode) {
        self.trust.switches.set_global(mode, &self.fingerprints);
    }

    pub(crate) fn set_table_mode(&self, table: &str, mode: Option<CacheMode>) -> Result<()> {
        self.trust.switches.set_table(table, mode, &self.fingerprints)
    }

    pub(crate) fn set_statement_mode(
        &self,
        statement: &StatementRef,
        mode: Option<CacheMode>,
    ) -> Result<()> {
        self.trust.switches.set_statement(statement, mode, &self.fingerprints)
    }

    /// Drops every entry.
    pub(crate) fn clear_cache(&self) {
        self.origin.flush();
        self.store.retain(|_, _| false);
        self.clear_shelf();
    }

    /// Drops every entry that rests on `table`. Cost: all entries.
    pub(crate) fn clear_cached_table(&self, table: &str) {
        self.origin.drop_table(table);
        self.store.retain(|_, entry| self.origin.is_valid(&entry.ticket));
        self.clear_shelf();
    }

    /// Drops the entries of one statement, and all that are kept by a policy.
    pub(crate) fn clear_cached_statement(&self, statement: &StatementRef) {
        self.store.retain(|_, entry| !is_meant(statement, &entry.record));
        self.clear_shelf();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Dialect;
    use CacheMode::{Off, On, Shadow};

    /// The switch of a statement on `a` and `b`, called `n`, under rules written as
    /// `global a=.. n=.. #=..`, where `#` is its fingerprint.
    #[test]
    fn the_nearest_switch_counts() {
        let check = |rules: &str, expect: Switch, glance: Glance| {
            let records = Fingerprints::new(Dialect::Sqlite, crate::watch::SlowLimits::default());
            let record = records.of("SELECT 1 FROM a, b");
            record.set_name("n");
            record.set_tables(&["a".into(), "B".into()]);
            let mut words = rules.split_whitespace();
            let switches = Switches::new(words.next().unwrap().parse().unwrap());
            for word in words {
                let (key, mode) = word.split_once('=').unwrap();
                let mode = mode.parse().ok();
                match key {
                    "#" => switches.set_statement(&record.id().into(), mode, &records),
                    "n" | "m" => switches.set_statement(&key.into(), mode, &records),
                    table => switches.set_table(table, mode, &records),
                }
                .unwrap();
            }
            switches.settle(&record);
            assert_eq!((record.switch(), switches.glance()), (expect, glance), "{rules}");
        };
        check("on", Switch::On, Glance::Everything);
        check("shadow", Switch::Shadow, Glance::Nothing);
        check("off", Switch::Off, Glance::Nothing);
        check("on A=off", Switch::SwitchedOff, Glance::Some);
        check("on c=off", Switch::On, Glance::Some);
        check("on a=off a=none", Switch::On, Glance::Everything);
        check("on a=shadow b=off", Switch::SwitchedOff, Glance::Some);
        check("off a=on", Switch::Off, Glance::Some);
        check("off a=on b=on", Switch::On, Glance::Some);
        check("off a=on b=shadow", Switch::Shadow, Glance::Some);
        check("on a=off n=on", Switch::On, Glance::Some);
        check("on m=off", Switch::On, Glance::Some);
        check("off n=off #=shadow", Switch::Shadow, Glance::Some);
    }

    #[test]
    fn a_condemned_statement_stays_off_until_its_own_switch_is_set() {
        let records = Fingerprints::new(Dialect::Sqlite, crate::watch::SlowLimits::default());
        let (record, other) = (records.of("SELECT 1"), records.of("SELECT 1, 2"));
        let switches = Switches::new(On);
        switches.condemn(&record);
        for mode in [Off, Shadow, On] {
            switches.set_global(mode, &records);
            assert_eq!((record.switch(), switches.glance()), (Switch::Condemned, Glance::Some));
        }
        switches.set_statement(&other.id().into(), Some(On), &records).unwrap();
        assert_eq!((record.switch(), other.switch()), (Switch::Condemned, Switch::On));
        switches.set_statement(&other.id().into(), None, &records).unwrap();
        switches.set_statement(&record.id().into(), None, &records).unwrap();
        assert_eq!((record.switch(), switches.glance()), (Switch::On, Glance::Everything));
    }

    #[test]
    fn switches_are_bounded() {
        let records = Fingerprints::new(Dialect::Sqlite, crate::watch::SlowLimits::default());
        let switches = Switches::new(On);
        for n in 0..RULES_MAX as u64 {
            switches.set_statement(&n.into(), Some(Off), &records).unwrap();
            switches.set_table(&format!("t{n}"), Some(Off), &records).unwrap();
        }
        assert!(switches.set_statement(&"one more".into(), Some(Off), &records).is_err());
        assert!(switches.set_table("one more", Some(Off), &records).is_err());
        switches.set_table("T7", None, &records).unwrap();
        switches.set_table("one more", Some(Off), &records).unwrap();
    }
}
