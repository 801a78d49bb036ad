//! What one scope has run on one database: which statements, how often, with which parameters, and
//! what they answered. It says when that looks like one question asked in many pieces.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use super::case::{Case, Origin};
use super::column::Column;
use super::digest::Digest;
use super::held::Held;
use super::ledger::{Depth, RepeatLedger};
use super::suspicion::{Candidate, Suspicion, What};
use super::tally::Tally;
use super::told::{Action, Sample, Told};
use crate::row::Rows;
use crate::watch::Record;

/// Statements that are told apart in one scope.
const STATEMENTS_MAX: usize = 64;

/// Different parameters of one statement that are remembered.
const KEPT_MAX: usize = 32;

/// Operands of one statement that are remembered.
const SLOTS_MAX: usize = 8;

/// Result columns of one statement that are remembered.
const COLUMNS_MAX: usize = 12;

/// Rows of one answer that are looked at.
const ROWS_MAX: usize = 256;

/// Values of results that are remembered in one scope.
const VALUES_MAX: usize = 4_096;

/// Columns that may be the origin of one operand.
const CANDIDATES_MAX: usize = 8;

/// Rows changed by each of a loop of writes, from which on it is none of single rows.
const ROWS_OF_MANY: u64 = 3;

/// What a scope has run on one database.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) ledger: Arc<RepeatLedger>,
    depth: Depth,
    clock: u32,
    values: usize,
    held: Held,
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) record: Arc<Record>,
    pub(super) tally: Tally,
    sample: Sample,
    action: Action,
    caller: &'static Location<'static>,
    /// Different parameters, the first ones.
    kept: Vec<Kept>,
    columns: Vec<Column>,
    /// The number of different parameters, and of executions, at which it is looked at next.
    next_look: usize,
    next_count: u64,
    /// Where what it comes to is counted.
    place: Option<(Arc<Case>, usize)>,
}

#[derive(Debug)]
struct Kept {
    at: u32,
    slots: SmallVec<[Digest; 2]>,
    whole: Digest,
    times: u32,
}

impl Trail {
    pub(super) fn new(ledger: Arc<RepeatLedger>, scope: &str, is_outer: bool) -> Trail {
        let depth = if is_outer { ledger.begin(scope) } else { Depth::Silent };
        Trail { ledger, depth, clock: 0, values: 0, held: Held::default(), statements: Vec::new() }
    }

    /// Takes in a statement. `sample` is asked for when it is the first of its kind.
    pub(super) fn note(&mut self, scope: &str, told: &Told<'_>, sample: impl FnOnce() -> Sample) {
        let id = told.record.id();
        let known = self.statements.iter().position(|it| it.record.id() == id);
        let at = match known {
            Some(at) => at,
            None if self.statements.len() < STATEMENTS_MAX => {
                self.statements.push(Statement::new(told, sample(), &self.ledger));
                self.statements.len() - 1
            }
            None => return,
        };
        self.clock = self.clock.saturating_add(1);
        let statement = &mut self.statements[at];
        let mut one = Tally::default();
        one.count(told.rows, told.affected, told.spent);
        statement.tally.add(&one);
        if let Some((case, strand)) = &statement.place {
            case.count(*strand, &one, statement.tally.executions);
        }
        match self.depth {
            Depth::Full => {
                statement.keep(self.clock, told, &self.ledger);
                if statement.is_due(&self.ledger) {
                    self.look(scope, at);
                }
            }
            Depth::Counts => self.count_only(scope, at),
            Depth::Silent => {}
        }
    }

    /// Takes in what a statement has answered. What the cache has answered may be looked at later:
    /// the cache has the rows anyway.
    pub(super) fn answered(&mut self, record: &Record, rows: &Rows, is_from_cache: bool) {
        if self.depth != Depth::Full || rows.is_empty() || self.values >= VALUES_MAX {
            return;
        }
        let Some(at) = self.statements.iter().position(|it| it.record.id() == record.id()) else {
            return;
        };
        if is_from_cache && self.held.takes(at, self.clock, rows) {
            return;
        }
        self.remember(at, self.clock, rows);
    }

    /// Remembers the values that a statement has answered.
    fn remember(&mut self, statement: usize, at: u32, rows: &Rows) {
        let statement = &mut self.statements[statement];
        let width = rows.columns().len().min(COLUMNS_MAX);
        if statement.columns.len() < width {
            statement.columns.resize_with(width, Column::default);
        }
        for row in 0..rows.len().min(ROWS_MAX) {
            for (column, value) in statement.columns.iter_mut().zip(rows.values(row)) {
                if self.values >= VALUES_MAX {
                    return;
                }
                if let Some(key) = self.ledger.digester.key(value) {
                    self.values += usize::from(column.note(key, at));
                }
            }
        }
    }

    /// The scope has ended: what came after the last look counts too.
    pub(super) fn finish(&mut self, scope: &str) {
        if self.depth != Depth::Full {
            return;
        }
        for at in 0..self.statements.len() {
            let statement = &self.statements[at];
            let has_more = statement.kept.len() >= self.ledger.proving()
                && statement.next_look != usize::MAX
                && statement.action == Action::Read;
            if has_more {
                self.look(scope, at);
            }
        }
    }

    /// Counts what is known already, and asks for more attention if it is not known.
    fn count_only(&mut self, scope: &str, at: usize) {
        let statement = &mut self.statements[at];
        if statement.place.is_some() || statement.tally.executions != self.ledger.threshold() {
            return;
        }
        match self.ledger.case(statement.record.id()) {
            Some((case, strand)) => {
                case.join(strand, &statement.tally, scope);
                statement.place = Some((case, strand));
            }
            None => self.ledger.attend(scope),
        }
    }

    /// Looks at a statement that was repeated often enough.
    fn look(&mut self, scope: &str, at: usize) {
        let what = match self.statements[at].action {
            Action::Read => self.repeats(at),
            Action::Insert | Action::Update | Action::Delete => self.writes(at),
            Action::Other => None,
        };
        let statement = &mut self.statements[at];
        statement.plan(&self.ledger);
        let Some(what) = what else { return };
        let suspicion = Suspicion {
            record: &statement.record,
            sample: &statement.sample,
            action: statement.action,
            caller: statement.caller,
            distinct: statement.kept.len(),
            what,
        };
        let Some((case, strand)) = self.ledger.suspect(&suspicion) else { return };
        match statement.place.take() {
            Some((known, before)) if before == strand => statement.place = Some((known, before)),
            before => {
                if let Some((known, before)) = before {
                    known.leave(before, &statement.tally);
                }
                case.join(strand, &statement.tally, scope);
                statement.place = Some((case, strand));
            }
        }
    }

    fn writes(&self, at: usize) -> Option<What> {
        let statement = &self.statements[at];
        let Tally { executions, affected, .. } = statement.tally;
        let is_of_single_rows = affected < executions * ROWS_OF_MANY;
        (executions >= self.ledger.threshold() && is_of_single_rows).then_some(What::Writes)
    }

    fn repeats(&mut self, at: usize) -> Option<What> {
        let statement = &self.statements[at];
        let distinct = statement.kept.len();
        if distinct < self.ledger.proving() {
            let threshold = self.ledger.threshold();
            let again = statement.kept.iter().any(|it| u64::from(it.times) >= threshold);
            return (again && statement.tally.at_database() >= threshold)
                .then_some(What::Duplicate);
        }
        let (varying, candidates) = self.origins(at);
        let is_enough = distinct as u64 >= self.ledger.threshold();
        (is_enough || !candidates.is_empty()).then_some(What::Repeats { varying, candidates })
    }

    /// The operands that vary, and the columns of earlier answers that held the values of one.
    fn origins(&mut self, at: usize) -> (SmallVec<[u8; 4]>, Vec<Candidate>) {
        while let Some(held) = self.held.next() {
            self.remember(held.statement, held.at, &held.rows);
        }
        let (proving, threshold) = (self.ledger.proving(), self.ledger.threshold() as usize);
        let mut varying = SmallVec::new();
        let slots = self.statements[at].kept.iter().map(|it| it.slots.len()).min().unwrap_or(0);
        let mut found: Vec<(bool, Candidate)> = Vec::new();
        for slot in 0..slots {
            let values = self.statements[at].values(slot);
            if values.len() < proving {
                continue;
            }
            varying.push(slot as u8);
            let is_short = values.len() < threshold;
            for (source, statement) in self.statements.iter_mut().enumerate() {
                // A few objects that are each loaded by themselves are no list.
                if is_short && source != at && statement.loads_singles() {
                    continue;
                }
                for (number, column) in statement.columns.iter_mut().enumerate() {
                    if column.is_empty() || !has_most(column, &values) {
                        continue;
                    }
                    let distinct = column.distinct();
                    let is_all = values.len() * 5 >= distinct * 4;
                    // A few of many are no loop over the many.
                    let is_few = is_short && values.len() * 2 < distinct;
                    if is_few && source != at {
                        continue;
                    }
                    let set = (is_all || column.is_wide()).then(|| set_of(&values));
                    let origin = Origin {
                        source: statement.record.id(),
                        column: number as u16,
                        slot: slot as u8,
                    };
                    let (source, text) = (statement.record.clone(), statement.sample.text.clone());
                    found.push((is_all, Candidate { origin, source, text, set }));
                }
            }
        }
        found.sort_by_key(|(is_all, _)| !is_all);
        let found = found.into_iter().map(|(_, candidate)| candidate);
        (varying, found.take(CANDIDATES_MAX).collect())
    }
}

/// Whether four of five values were in a column before they were asked for.
fn has_most(column: &mut Column, values: &[(Digest, u32)]) -> bool {
    let mut may_miss = values.len() / 5;
    values.iter().all(|(digest, at)| {
        let had = column.had(*digest, *at);
        let passes = had || may_miss > 0;
        may_miss -= usize::from(!had && passes);
        passes
    })
}

/// A number for a set, whatever its order.
fn set_of(values: &[(Digest, u32)]) -> u32 {
    values.iter().fold(0, |sum: u32, (digest, _)| sum.wrapping_add(digest.0))
}

impl Statement {
    fn new(told: &Told<'_>, sample: Sample, ledger: &RepeatLedger) -> Statement {
        Statement {
            record: told.record.clone(),
            tally: Tally::default(),
            sample,
            action: Action::of(told.record.text()),
            caller: told.caller,
            kept: Vec::new(),
            columns: Vec::new(),
            next_look: ledger.proving(),
            next_count: ledger.threshold(),
            place: None,
        }
    }

    fn keep(&mut self, at: u32, told: &Told<'_>, ledger: &RepeatLedger) {
        let whole = ledger.digester.all(told.operands);
        if let Some(known) = self.kept.iter_mut().find(|it| it.whole == whole) {
            known.times += 1;
            return;
        }
        if self.kept.len() < KEPT_MAX {
            let slots = told.operands.iter().take(SLOTS_MAX).copied().collect();
            self.kept.push(Kept { at, slots, whole, times: 1 });
        }
    }

    /// Whether it has been repeated so often that it has to be looked at.
    fn is_due(&self, ledger: &RepeatLedger) -> bool {
        match self.action {
            Action::Read if self.kept.len() >= ledger.proving() => {
                self.kept.len() >= self.next_look
            }
            Action::Read | Action::Insert | Action::Update | Action::Delete => {
                self.tally.executions >= self.next_count
            }
            Action::Other => false,
        }
    }

    /// Whether it has answered one row at most each time that it ran.
    fn loads_singles(&self) -> bool {
        self.tally.executions > 1 && self.tally.rows <= self.tally.executions
    }

    /// When to look again.
    fn plan(&mut self, ledger: &RepeatLedger) {
        let threshold = ledger.threshold() as usize;
        let distinct = self.kept.len();
        self.next_look = match distinct {
            KEPT_MAX => usize::MAX,
            _ if distinct < threshold => threshold.min(KEPT_MAX),
            _ => (distinct * 2).min(KEPT_MAX),
        };
        self.next_count = self.tally.executions.saturating_mul(2).max(ledger.threshold());
    }

    /// The different values of one operand, each with when it was used first.
    fn values(&self, slot: usize) -> Vec<(Digest, u32)> {
        let mut values: Vec<(Digest, u32)> = Vec::with_capacity(self.kept.len());
        for kept in &self.kept {
            let Some(digest) = kept.slots.get(slot) else { continue };
            if !values.iter().any(|(known, _)| known == digest) {
                values.push((*digest, kept.at));
            }
        }
        values
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if self.depth == Depth::Full {
            self.ledger.end();
        }
    }
}
