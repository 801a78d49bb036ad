//! Which table a b-tree belongs to, under one version of the schema.
//!
//! The authorizer does not report every table that a statement reads: the columns of `USING` and
//! `NATURAL` joins are resolved without asking it. The program of the statement tells all, since a
//! table can only be read through a cursor that some instruction opens, but only by root page.

use std::collections::HashMap;

use rusqlite::Connection;

/// The tables of the main database by root page, those of their indexes included.
pub(super) struct Catalogue {
    /// The schema cookie: every change of the schema raises it, VACUUM too.
    pub(super) cookie: i64,
    tables: HashMap<i64, Box<str>>,
}

/// A read transaction around several statements; ends when dropped.
pub(super) struct Snapshot<'c>(Option<&'c Connection>);

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
    /// Opens a snapshot, unless a transaction is open already.
    pub(super) fn open(connection: &'c Connection) -> rusqlite::Result<Snapshot<'c>> {
        if !connection.is_autocommit() {
            return Ok(Snapshot(None));
        }
        connection.execute_batch("BEGIN DEFERRED")?;
        Ok(Snapshot(Some(connection)))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a read transaction of our own could not be ended");
        }
    }
}
