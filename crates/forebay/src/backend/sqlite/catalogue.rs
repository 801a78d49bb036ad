//! Which table a b-tree belongs to, under one version of the schema.
//!
//! The authorizer does not report every table that a statement reads: the columns of `USING` and
//! `NATURAL` joins are resolved without asking it. The program of the statement tells all, since a
//! table can only be read through a cursor that some instruction opens, but only by root page.

use std::collections::HashMap;

use rusqlite::{Connection, TransactionState};

/// The tables of the main database by root page, those of their indexes included.
pub(super) struct Catalogue {
    /// The schema cookie: every change of the schema raises it, VACUUM too.
    pub(super) cookie: i64,
    tables: HashMap<i64, Box<str>>,
}

/// A read transaction around several statements; ends when dropped.
pub(super) struct Snapshot<'c> {
    connection: &'c Connection,
    whose: Whose,
}

/// In whose transaction the statements run.
enum Whose {
    /// In one of ours.
    Own,
    /// In one of ours, in the place of a caller's that had touched nothing. It begins anew, with
    /// its foreign keys deferred or not.
    Instead { defers: bool },
    /// In a caller's.
    Shared,
}

impl Catalogue {
    /// Reads the catalogue. Afterwards, as long as the snapshot lasts, SQLite prepares statements
    /// under exactly this schema. Cost: one pass over the schema table.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Catalogue> {
        let mut tables = HashMap::from([(1, "sqlite_schema".into())]);
        let mut listing = connection.prepare_cached(
            "SELECT rootpage, tbl_name FROM main.sqlite_schema WHERE rootpage > 0",
        )?;
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str().unwrap_or_default();
            tables.insert(row.get(0)?, name.into());
        }
        Ok(Catalogue { cookie: cookie(connection)?, tables })
    }

    /// The table whose rows, or an index of which, are in the b-tree at `root`.
    pub(super) fn table(&self, root: i64) -> Option<&str> {
        self.tables.get(&root).map(|name| &**name)
    }
}

/// The schema cookie as it is now.
pub(super) fn cookie(connection: &Connection) -> rusqlite::Result<i64> {
    let mut asking = connection.prepare_cached("PRAGMA main.schema_version")?;
    asking.query_row([], |row| row.get(0))
}

impl<'c> Snapshot<'c> {
    /// Opens a snapshot, unless a transaction has one already.
    ///
    /// What is read in a transaction that has read nothing yet would decide for its caller which
    /// state of the database it sees, and take from it the patience to wait for a lock. So such a
    /// one is ended, and begun again afterwards. With savepoints (`is_nested`) it cannot be.
    pub(super) fn open(connection: &'c Connection, is_nested: bool) -> rusqlite::Result<Self> {
        let untouched = || {
            connection.transaction_state(None::<&str>).is_ok_and(|it| it == TransactionState::None)
        };
        let whose = if connection.is_autocommit() {
            Whose::Own
        } else if !is_nested && untouched() {
            let defers = connection
                .prepare_cached("PRAGMA defer_foreign_keys")?
                .query_row([], |row| row.get(0))?;
            connection.execute_batch("ROLLBACK")?;
            Whose::Instead { defers }
        } else {
            return Ok(Snapshot { connection, whose: Whose::Shared });
        };
        // Ended or begun again in any case, when it is dropped.
        let snapshot = Snapshot { connection, whose };
        connection.execute_batch("BEGIN DEFERRED")?;
        Ok(snapshot)
    }

    fn end(&self) -> rusqlite::Result<()> {
        if matches!(self.whose, Whose::Shared) {
            return Ok(());
        }
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        match self.whose {
            Whose::Instead { defers: false } => self.connection.execute_batch("BEGIN DEFERRED"),
            Whose::Instead { defers: true } => {
                self.connection.execute_batch("BEGIN DEFERRED; PRAGMA defer_foreign_keys = ON")
            }
            Whose::Own | Whose::Shared => Ok(()),
        }
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "a read transaction of our own could not be ended");
        }
    }
}
