//! Reading changed rows again: as they were, in a snapshot that another connection opened before
//! the commit was visible, and as they are after it. What both show alike has not changed. It
//! knows rows by their rowids only, and keeps no more of these than a bound.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::invalidate::{Op, RowChange, Scalar};

/// Rows of one table and transaction that are read again. Reading takes about 1 µs each, while
/// readers miss; with more, the whole table counts as changed.
const ROWS_MAX: usize = 2_000;

/// The rowids that were told, by table.
#[derive(Default)]
pub(super) struct Rowids {
    tables: Vec<Told>,
}

/// What was told about one table.
pub(super) struct Told {
    pub(super) name: Box<str>,
    /// Reads a row by its rowid.
    select: Arc<str>,
    /// `None`: too many.
    rows: Option<Vec<i64>>,
}

impl Rowids {
    pub(super) fn push(&mut self, table: &str, select: &Arc<str>, rowid: i64) {
        // Most often it is the table of the call before.
        if let Some(known) = self.tables.iter_mut().rev().find(|known| *known.name == *table) {
            known.push(rowid);
            return;
        }
        let rows = Some(vec![rowid]);
        self.tables.push(Told { name: table.into(), select: select.clone(), rows });
    }

    pub(super) fn any(&self, mut wants: impl FnMut(&str) -> bool) -> bool {
        self.tables.iter().any(|table| wants(&table.name))
    }

    pub(super) fn into_tables(self) -> Vec<Told> {
        self.tables
    }

    pub(super) fn clear(&mut self) {
        self.tables.clear();
    }
}

impl Told {
    fn push(&mut self, rowid: i64) {
        let Some(rows) = &mut self.rows else { return };
        rows.push(rowid);
        if rows.len() > 2 * ROWS_MAX {
            rows.sort_unstable();
            rows.dedup();
            // Few enough are left that it does not come to this again soon.
            if rows.len() > ROWS_MAX {
                self.rows = None;
            }
        }
    }
}

/// A connection that looks at the database as it was before a commit. Shared by all connections
/// that write; whoever holds the catch-up gate uses it.
pub(super) struct Past(Mutex<Connection>);

impl Past {
    /// `connection` is used for nothing else.
    pub(super) fn new(connection: Connection) -> Past {
        Past(Mutex::new(connection))
    }

    /// Opens a snapshot. Called under the write lock, so that it is the state which the
    /// transaction was built on. Without one, nothing can be read again.
    pub(super) fn open(&self) {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = end(&past).and_then(|()| {
            past.prepare_cached("BEGIN")?.execute([])?;
            past.prepare_cached("PRAGMA schema_version")?.query_row([], |_| Ok(()))
        });
        if let Err(error) = opened {
            tracing::debug!(%error, "no snapshot could be opened before a commit");
            // What is left is an ordinary error of `read_again`.
            let _ = end(&past);
        }
    }

    /// Gives `record` every row of `table` that differs between the snapshot and `now`.
    pub(super) fn read_again(
        &self,
        now: &Connection,
        table: &Told,
        mut record: impl FnMut(&dyn RowChange),
    ) -> rusqlite::Result<()> {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rows) = table.rows.as_ref().filter(|_| !past.is_autocommit()) else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        let mut rows = rows.clone();
        rows.sort_unstable();
        rows.dedup();
        if rows.len() > ROWS_MAX {
            return Err(rusqlite::Error::QueryReturnedMoreThanOneRow);
        }
        let is_lone = rows.len() == 1;
        if !is_lone {
            now.prepare_cached("BEGIN")?.execute([])?;
        }
        let read = compare(&past, now, &table.select, &rows, &mut record);
        let ended = if is_lone { Ok(()) } else { end(now) };
        read.and(ended)
    }

    /// Ends the snapshot, if one is open.
    pub(super) fn close(&self) {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = end(&past) {
            tracing::error!(%error, "a snapshot of our own could not be ended");
        }
    }
}

fn compare(
    past: &Connection,
    now: &Connection,
    select: &str,
    rowids: &[i64],
    record: &mut dyn FnMut(&dyn RowChange),
) -> rusqlite::Result<()> {
    let (mut before, mut after) = (past.prepare_cached(select)?, now.prepare_cached(select)?);
    for rowid in rowids {
        let (mut before, mut after) = (before.query([rowid])?, after.query([rowid])?);
        if let Some(change) = Change::between(before.next()?, after.next()?) {
            record(&change);
        }
    }
    Ok(())
}

/// Ends a transaction that only reads, if one is open.
fn end(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() {
        return Ok(());
    }
    connection.prepare_cached("COMMIT")?.execute([]).map(drop)
}

/// A row that was read twice.
struct Change<'r> {
    old: Option<&'r Row<'r>>,
    new: Option<&'r Row<'r>>,
    width: u16,
}

impl<'r> Change<'r> {
    fn between(old: Option<&'r Row<'r>>, new: Option<&'r Row<'r>>) -> Option<Change<'r>> {
        let some = old.or(new)?;
        let width = u16::try_from(some.as_ref().column_count()).unwrap_or(u16::MAX);
        let change = Change { old, new, width };
        let is_same = old.is_some()
            && new.is_some()
            && (0..width).all(|column| change.before(column).is_same(change.after(column)));
        (!is_same).then_some(change)
    }
}

impl RowChange for Change<'_> {
    fn op(&self) -> Op {
        match (self.old, self.new) {
            (None, _) => Op::Insert,
            (Some(_), None) => Op::Delete,
            (Some(_), Some(_)) => Op::Update,
        }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn before(&self, column: u16) -> Scalar<'_> {
        value(self.old, column)
    }

    fn after(&self, column: u16) -> Scalar<'_> {
        value(self.new, column)
    }

    /// A row that has moved is told as one that went and one that came.
    fn is_moved(&self) -> bool {
        false
    }
}

fn value<'r>(row: Option<&'r Row<'r>>, column: u16) -> Scalar<'r> {
    match row.map(|row| row.get_ref(usize::from(column))) {
        Some(Ok(ValueRef::Null)) => Scalar::Null,
        Some(Ok(ValueRef::Integer(n))) => Scalar::Integer(n),
        Some(Ok(ValueRef::Real(x))) => Scalar::Real(x),
        Some(Ok(ValueRef::Text(text))) => Scalar::Text(text),
        Some(Ok(ValueRef::Blob(blob))) => Scalar::Blob(blob),
        Some(Err(_)) | None => Scalar::Unknown,
    }
}
