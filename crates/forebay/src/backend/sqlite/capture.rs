//! Learning which rows the statements of one connection change, for the cache to drop no more
//! than it must: from the preupdate hook, or by reading them again. What cannot be told counts as
//! a change of the whole table. It decides nothing about answers.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::analysis::Program;
use super::catalogue::Catalogue;
use super::catchup::Witness;
use super::footprint::{Beyond, Facts, Footprint, Written};
use super::observe::Observed;
use super::reread::{Past, Rowids};
use crate::error::{Error, Result};
use crate::invalidate::{Changes, Index, RowChange, WriteSet};

/// How changed rows are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// The preupdate hook shows every row before and after each change.
    Hook,
    /// The update hook tells the rowid; both images are read at the commit.
    Reread,
    /// Not at all: a write counts as a change of every row of the tables that it may write.
    Tables,
}

impl Means {
    /// What is in force for a database of which commits are noticed by `witness`.
    pub(super) fn choose(wanted: Option<Means>, witness: &Witness) -> Result<Means> {
        match wanted {
            Some(Means::Hook) if !is_hook_available() => Err(Error::usage(
                "capture is Hook, but SQLite was compiled without its preupdate hook: set \
                 LIBSQLITE3_FLAGS = \"-DSQLITE_ENABLE_PREUPDATE_HOOK\" in the [env] table of \
                 .cargo/config.toml and build again, or use Capture::Auto",
            )),
            Some(Means::Tables) => Ok(Means::Tables),
            Some(Means::Hook) => Ok(Means::Hook),
            None if is_hook_available() => Ok(Means::Hook),
            // A database in memory has one connection, so nobody can see what was before.
            _ if matches!(witness, Witness::WalIndex(_)) => Ok(Means::Reread),
            _ => Ok(Means::Tables),
        }
    }

    /// In words, for `explain`.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Means::Hook => "writes here drop what rests on the rows they change (preupdate hook)",
            Means::Reread => {
                "writes here drop what rests on the rows they change (read again at the commit; \
                 whole tables for WITHOUT ROWID, REPLACE, changed rowids and DELETE of all rows)"
            }
            Means::Tables => "writes here drop what rests on the tables they change",
        }
    }
}

#[cfg(forebay_preupdate)]
fn is_hook_available() -> bool {
    super::preupdate::is_available()
}

#[cfg(not(forebay_preupdate))]
fn is_hook_available() -> bool {
    false
}

/// Rows by table.
pub(super) type Beside = BTreeMap<String, u64>;

/// Whether every change of a statement was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// Yes, or it was known beforehand that it cannot be.
    AsExpected,
    /// SQLite has counted more changed rows than were told.
    Gap,
}

/// What was captured on one connection since its transaction began.
pub(super) struct Capture {
    means: Means,
    changes: RefCell<Changes>,
    rowids: RefCell<Rowids>,
    past: Option<Arc<Past>>,
    facts: RefCell<Facts>,
    /// The statement that is running, with the rows that SQLite had counted before it.
    statement: RefCell<Option<(Arc<Footprint>, i64)>>,
    /// Rows that the hook has told of since the statement began, in whatever database.
    told: Cell<i64>,
    /// What a statement that ends a transaction or savepoint writes.
    end: Arc<Footprint>,
    /// Something has changed, it is not known in which table.
    is_everything: Cell<bool>,
    /// Virtual tables were used, and may have written others.
    is_beyond: Cell<bool>,
    /// Set while a callback runs: one that does not come to its end has lost a row.
    is_lost: Cell<bool>,
    /// Rows that triggers and foreign keys have deleted, by table, while somebody counts them.
    beside: RefCell<Option<Beside>>,
    #[cfg(test)]
    tap: RefCell<Option<Vec<tests::Recorded>>>,
}

impl Capture {
    pub(super) fn new(means: Means, index: Arc<Index>, past: Option<Arc<Past>>) -> Capture {
        Capture {
            means,
            changes: RefCell::new(Changes::new(index)),
            rowids: RefCell::default(),
            past: past.filter(|_| means == Means::Reread),
            facts: RefCell::default(),
            statement: RefCell::default(),
            told: Cell::new(0),
            end: Arc::new(Footprint::of_an_end()),
            is_everything: Cell::new(false),
            is_beyond: Cell::new(false),
            is_lost: Cell::new(false),
            beside: RefCell::default(),
            #[cfg(test)]
            tap: RefCell::default(),
        }
    }

    pub(super) fn means(&self) -> Means {
        self.means
    }

    /// What a statement does to the tables that it writes, of which it clears some. To be called
    /// in the snapshot in which it was prepared as `program`.
    pub(super) fn footprint(
        &self,
        connection: &rusqlite::Connection,
        catalogue: &Catalogue,
        sql: &str,
        observed: &Observed,
        program: &Program,
        cleared: &[&str],
    ) -> rusqlite::Result<Arc<Footprint>> {
        let mut footprint = Footprint::of(observed, program, cleared);
        let (facts, schema) = (&mut *self.facts.borrow_mut(), catalogue.cookie);
        if self.means != Means::Tables {
            footprint.find_whole(connection, facts, schema, program, self.means)?;
        }
        if self.means == Means::Reread {
            footprint.find_rows(connection, facts, schema, sql, observed, program)?;
        }
        Ok(Arc::new(footprint))
    }

    /// What is known of tables may be that of a schema which was rolled back.
    pub(super) fn forget_tables(&self) {
        *self.facts.borrow_mut() = Facts::default();
    }

    /// A statement begins, which is one that ends a transaction if it has no footprint. `total` is
    /// what SQLite has counted so far.
    pub(super) fn begin(&self, footprint: Option<&Arc<Footprint>>, total: i64) {
        self.told.set(0);
        let footprint = footprint.unwrap_or(&self.end).clone();
        *self.statement.borrow_mut() = Some((footprint, total));
    }

    /// The statement is over: it has been reset, and may have failed half-way.
    pub(super) fn end(&self, total: i64) -> Captured {
        let Some((footprint, before)) = self.statement.take() else { return Captured::AsExpected };
        if self.means == Means::Tables {
            return Captured::AsExpected;
        }
        let is_silent = |table: &Written| {
            table.whole.is_some() || (self.means == Means::Reread && table.select.is_none())
        };
        let counted = total - before;
        if footprint.beyond == Beyond::Virtual {
            self.is_beyond.set(true);
        }
        let is_countable = match footprint.beyond {
            Beyond::Nothing => true,
            Beyond::Virtual => false,
            // Without the preupdate hook, writing a virtual table has changed everything anyway.
            Beyond::End => self.means == Means::Hook,
        };
        let is_complete = !self.is_lost.take() && (!is_countable || self.told.get() >= counted);
        for table in &footprint.tables {
            // Rows of a silent table are counted too: with one about, the counts prove nothing.
            if is_silent(table) || !is_complete {
                self.record_unknown(&table.name);
            }
        }
        // Without a table that it was to write, nobody knows which one it has written.
        let is_unknown = footprint.beyond != Beyond::Nothing || footprint.tables.is_empty();
        if !is_complete && is_unknown {
            self.is_everything.set(true);
        }
        if is_complete || footprint.tables.iter().any(is_silent) {
            Captured::AsExpected
        } else {
            Captured::Gap
        }
    }

    /// The preupdate hook tells of a row that will change next; `None` is one that it cannot show.
    #[cfg(forebay_preupdate)]
    pub(super) fn on_row(
        &self,
        database: Option<&str>,
        table: Option<&str>,
        row: Option<&dyn RowChange>,
    ) {
        self.take_down(database, table, |table| match row {
            Some(row) => self.record(table, row),
            None => self.record_unknown(table),
        });
    }

    /// Counts from here on the rows that are deleted by triggers and foreign keys.
    pub(super) fn count_beside(&self) {
        *self.beside.borrow_mut() = Some(Beside::new());
    }

    /// How many that were; `None` where only the preupdate hook could tell, and there is none.
    pub(super) fn take_beside(&self) -> Option<Beside> {
        self.beside.take().filter(|_| self.means == Means::Hook)
    }

    /// The preupdate hook tells of a row that a trigger or a foreign key deletes.
    #[cfg(forebay_preupdate)]
    pub(super) fn on_beside(&self, database: Option<&str>, table: Option<&str>) {
        if let (Some(beside), Some("main"), Some(table)) =
            (&mut *self.beside.borrow_mut(), database, table)
        {
            match beside.get_mut(table) {
                Some(rows) => *rows += 1,
                None => drop(beside.insert(table.to_owned(), 1)),
            }
        }
    }

    /// The update hook tells the rowid of a row that has changed.
    pub(super) fn on_rowid(&self, database: Option<&str>, table: Option<&str>, rowid: i64) {
        self.take_down(database, table, |table| {
            let statement = self.statement.borrow();
            match statement.as_ref().and_then(|(footprint, _)| footprint.find(table)) {
                // A table without it is taken down as a whole when the statement ends.
                Some(Written { select, .. }) => {
                    if let Some(select) = select {
                        self.rowids.borrow_mut().push(table, select, rowid);
                    }
                }
                None => self.record_unknown(table),
            }
        });
    }

    fn take_down(&self, database: Option<&str>, table: Option<&str>, keep: impl FnOnce(&str)) {
        let was_lost = self.is_lost.replace(true);
        self.told.set(self.told.get() + 1);
        let is_kept = match (database, table) {
            (Some("main"), Some(table)) => {
                keep(table);
                true
            }
            // Nobody else sees a TEMP table, and statements on attached databases change
            // everything.
            (Some(name), _) => name != "main",
            (None, _) => false,
        };
        self.is_lost.set(was_lost || !is_kept);
    }

    /// The commit hook: the last moment at which others can still see what was before.
    pub(super) fn on_commit(&self) {
        if let Some(past) = &self.past
            && self.rowids.borrow().any(|table| self.wants(table))
        {
            past.open();
        }
    }

    /// The transaction has ended. When it was committed, the rows that were told by their rowids
    /// are read as they were and, through `now`, as they are.
    ///
    /// `now` may see a commit of another process, too. Then the header has moved by more than
    /// this commit, and every table that was written since is dropped.
    pub(super) fn finish(&self, now: &rusqlite::Connection, is_committed: bool) {
        let Some(past) = &self.past else { return };
        // A commit that had to wait for a lock may be tried again.
        if is_committed && now.is_autocommit() {
            let rowids = self.rowids.take();
            for table in rowids.into_tables() {
                if !self.wants(&table.name) {
                    continue;
                }
                let read = past.read_again(now, &table, |change| self.record(&table.name, change));
                if let Err(error) = read {
                    tracing::debug!(%error, table = %table.name, "rows could not be read again");
                    self.record_unknown(&table.name);
                }
            }
        }
        past.close();
    }

    /// Adds the tables that were written beyond those which the statements are known to write.
    pub(super) fn widen(&self, writes: &mut WriteSet) {
        if self.is_everything.get() {
            *writes = WriteSet::Everything;
        } else if self.is_beyond.get() {
            writes.merge(&WriteSet::tables(self.changes.borrow().names()));
        }
    }

    /// The rows that the transaction has changed, if they are known.
    pub(super) fn changes(&self) -> Option<Ref<'_, Changes>> {
        (self.means != Means::Tables).then(|| self.changes.borrow())
    }

    /// The transaction is over.
    pub(super) fn clear(&self) {
        self.changes.borrow_mut().clear();
        self.rowids.borrow_mut().clear();
        self.is_everything.set(false);
        self.is_beyond.set(false);
    }

    fn wants(&self, table: &str) -> bool {
        #[cfg(test)]
        if self.tap.borrow().is_some() {
            return true;
        }
        self.changes.borrow_mut().wants(table)
    }

    fn record(&self, table: &str, change: &dyn RowChange) {
        #[cfg(test)]
        if let Some(tap) = &mut *self.tap.borrow_mut() {
            tap.push(tests::Recorded::row(table, change));
        }
        self.changes.borrow_mut().record(table, change);
    }

    fn record_unknown(&self, table: &str) {
        #[cfg(test)]
        if let Some(tap) = &mut *self.tap.borrow_mut() {
            tap.push(tests::Recorded::Whole(table.to_owned()));
        }
        self.changes.borrow_mut().record_unknown(table);
    }
}

#[cfg(test)]
mod tests;
