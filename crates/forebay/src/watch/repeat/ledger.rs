//! What all scopes of one database have come to: the repeated statements, bounded, and how closely
//! the next scope is looked at. Where nothing new is to be learned, little is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::case::Case;
use super::digest::Digester;
use super::finding::RepeatWatch;
use super::suspicion::Suspicion;
use crate::sql::{Dialect, Role, operands};

/// Repeated statements that are kept; what comes after that is only counted.
const CASES_MAX: usize = 1_000;

/// Scopes that are looked at closely at once; one takes some 60 KB at most.
const CLOSE_MAX: usize = 256;

/// Scopes of one name that are looked at closely at first, and one in so many afterwards.
const CLOSE_FIRST: u32 = 200;
const CLOSE_EACH: u32 = 16;

/// Names of scopes that are told apart for that.
const NAMES_MAX: usize = 1_000;

/// Cases that wait for the schema to be asked.
const WAITING_MAX: usize = 256;

/// How the watch over repeated statements is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepeatSettings {
    pub(crate) watch: RepeatWatch,
    /// Repetitions that are too many.
    pub(crate) threshold: u32,
}

/// How closely a scope is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Values are remembered.
    Full,
    /// Executions are counted.
    Counts,
    /// For the scope itself only.
    Silent,
}

/// The repeated statements of one database.
#[derive(Debug)]
pub(crate) struct RepeatLedger {
    settings: RepeatSettings,
    dialect: Dialect,
    pub(crate) digester: Digester,
    cases: Mutex<HashMap<u64, Arc<Case>, RandomState>>,
    waiting: Mutex<Vec<Arc<Case>>>,
    has_news: AtomicBool,
    names: Mutex<HashMap<u64, u32, RandomState>>,
    hasher: RandomState,
    close: AtomicUsize,
    scopes: AtomicU64,
    left_out: AtomicU64,
}

impl RepeatLedger {
    pub(crate) fn new(settings: RepeatSettings, dialect: Dialect) -> RepeatLedger {
        RepeatLedger {
            settings,
            dialect,
            digester: Digester::default(),
            cases: Mutex::default(),
            waiting: Mutex::default(),
            has_news: AtomicBool::new(false),
            names: Mutex::default(),
            hasher: RandomState::default(),
            close: AtomicUsize::new(0),
            scopes: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Repetitions that are too many.
    pub(super) fn threshold(&self) -> u64 {
        u64::from(self.settings.threshold)
    }

    /// Different parameters that are too many where it is proven where they come from.
    pub(super) fn proving(&self) -> usize {
        (self.settings.threshold as usize * 3 / 5).max(3)
    }

    /// A scope begins; how closely it is looked at.
    pub(super) fn begin(&self, name: &str) -> Depth {
        self.scopes.fetch_add(1, Ordering::Relaxed);
        if self.settings.watch == RepeatWatch::Off {
            return Depth::Silent;
        }
        if !self.is_turn_of(name) {
            return Depth::Counts;
        }
        if self.close.fetch_add(1, Ordering::Relaxed) >= CLOSE_MAX {
            self.end();
            return Depth::Counts;
        }
        Depth::Full
    }

    /// A scope that was looked at closely has ended.
    pub(super) fn end(&self) {
        self.close.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_turn_of(&self, name: &str) -> bool {
        let mut names = lock(&self.names);
        let key = self.key_of(&names, name);
        let seen = names.entry(key).or_default();
        *seen = seen.wrapping_add(1);
        *seen <= CLOSE_FIRST || seen.is_multiple_of(CLOSE_EACH)
    }

    /// Beyond the bound all names are one.
    fn key_of(&self, names: &HashMap<u64, u32, RandomState>, name: &str) -> u64 {
        use std::hash::BuildHasher as _;
        let key = self.hasher.hash_one(name);
        if names.len() < NAMES_MAX || names.contains_key(&key) { key } else { 0 }
    }

    /// Something is repeated in scopes of this name that nothing is known of: the next ones are
    /// looked at closely.
    pub(super) fn attend(&self, name: &str) {
        let mut names = lock(&self.names);
        let key = self.key_of(&names, name);
        if let Some(seen) = names.get_mut(&key) {
            *seen = (*seen).min(CLOSE_FIRST - CLOSE_EACH);
        }
    }

    /// What is known of a repeated statement, and the strand that most belongs to.
    pub(super) fn case(&self, id: u64) -> Option<(Arc<Case>, usize)> {
        let case = lock(&self.cases).get(&id).cloned()?;
        let strand = case.main()?;
        Some((case, strand))
    }

    /// Takes in what a scope has seen, and says where it is to be counted.
    pub(super) fn suspect(&self, suspicion: &Suspicion<'_>) -> Option<(Arc<Case>, usize)> {
        let case = self.case_of(suspicion)?;
        let placed = case.place(suspicion);
        if placed.has_to_ask {
            self.wait(&case);
        }
        if placed.is_news {
            self.has_news.store(true, Ordering::Release);
        }
        Some((case, placed.strand))
    }

    fn case_of(&self, suspicion: &Suspicion<'_>) -> Option<Arc<Case>> {
        let id = suspicion.record.id();
        let mut cases = lock(&self.cases);
        if let Some(case) = cases.get(&id) {
            return Some(case.clone());
        }
        if cases.len() >= CASES_MAX {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let case = Arc::new(Case::new(suspicion, self.roles(suspicion)));
        cases.insert(id, case.clone());
        Some(case)
    }

    /// What each operand is there for, in the order in which they are told.
    fn roles(&self, suspicion: &Suspicion<'_>) -> Box<[Role]> {
        let sample = suspicion.sample;
        let found = operands(&sample.text, self.dialect);
        if sample.is_literal {
            return found.iter().map(|it| it.role).collect();
        }
        let count = found.iter().filter_map(|it| it.number).max().unwrap_or(0);
        let role = |slot: usize| {
            let name = sample.names.get(slot).filter(|name| !name.is_empty());
            let meant = found.iter().find(|it| match name {
                Some(name) => {
                    let written = &sample.text[it.start..it.end];
                    it.number.is_some() && written.get(1..) == Some(name)
                }
                None => it.number == Some(slot + 1),
            });
            meant.map_or(Role::Other, |it| it.role)
        };
        (0..count).map(role).collect()
    }

    fn wait(&self, case: &Arc<Case>) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() < WAITING_MAX && !waiting.iter().any(|it| Arc::ptr_eq(it, case)) {
            waiting.push(case.clone());
        }
    }

    /// Whether something was seen since this was asked last.
    pub(crate) fn takes_news(&self) -> bool {
        self.has_news.load(Ordering::Relaxed) && self.has_news.swap(false, Ordering::Acquire)
    }

    /// The cases for which the schema has to be asked.
    pub(crate) fn take_waiting(&self) -> Vec<Arc<Case>> {
        std::mem::take(&mut lock(&self.waiting))
    }

    /// They could not be asked for now.
    pub(crate) fn wait_again(&self, cases: &[Arc<Case>]) {
        cases.iter().for_each(|case| self.wait(case));
    }

    /// The schema has changed.
    pub(crate) fn forget_links(&self) {
        self.cases().iter().for_each(|case| case.forget_links());
    }

    pub(super) fn cases(&self) -> Vec<Arc<Case>> {
        lock(&self.cases).values().cloned().collect()
    }

    /// Scopes that have begun, and repeated statements beyond the bound.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.scopes.load(Ordering::Relaxed), self.left_out.load(Ordering::Relaxed))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
