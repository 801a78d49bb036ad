//! Building indexes on the copy, and showing the planner some of them. An index is hidden by taking
//! its row out of the schema: its pages stay, and with the row it is back, in a millisecond
//! whatever its size. While one is hidden, rows of its table may be changed only in a transaction
//! that is rolled back.

use std::collections::BTreeSet;

use rusqlite::params;
use rusqlite::types::Value as Owned;

use super::copy::{Trial, fail};
use crate::error::Result;

/// What is kept of an index.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    table: String,
    root: i64,
    sql: String,
    numbers: Option<String>,
    samples: Vec<[Owned; 4]>,
    is_shown: bool,
}

impl Kept {
    /// One that is to be shown later.
    pub(super) fn hidden(
        table: &str,
        root: i64,
        sql: &str,
        numbers: Option<String>,
        samples: Vec<[Owned; 4]>,
    ) -> Kept {
        Kept {
            table: table.to_owned(),
            root,
            sql: sql.to_owned(),
            numbers,
            samples,
            is_shown: false,
        }
    }

    pub(super) fn root(&self) -> i64 {
        self.root
    }
}

impl Trial {
    /// Builds an index, takes its numbers if the database has any, and hides it. Its bytes.
    pub(crate) fn build(&mut self, name: &str, sql: &str) -> Result<u64> {
        let before = self.pages()?;
        let build = || {
            self.connection.execute_batch(sql)?;
            if self.facts.has_statistics {
                let quoted = crate::sql::quoted(name);
                self.connection.execute_batch(&format!("ANALYZE main.{quoted}"))?;
            }
            Ok(())
        };
        self.within_long(build).map_err(fail)?;
        let bytes = self.pages()?.saturating_sub(before) * self.page_bytes()?;
        let kept = self.read_kept(name).map_err(fail)?;
        self.kept.insert(name.to_owned(), kept);
        self.show(&BTreeSet::from([name.to_owned()]), &BTreeSet::new())?;
        Ok(bytes)
    }

    /// Of the indexes that can be hidden, shows those in `shown` and hides those in `all` besides.
    pub(crate) fn show(&mut self, all: &BTreeSet<String>, shown: &BTreeSet<String>) -> Result<()> {
        let changes: Vec<(String, bool)> = all
            .union(shown)
            .filter_map(|name| {
                let kept = self.kept.get(name)?;
                let wanted = shown.contains(name);
                (kept.is_shown != wanted).then(|| (name.clone(), wanted))
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.connection
            .execute_batch("PRAGMA writable_schema = ON; BEGIN IMMEDIATE")
            .map_err(fail)?;
        let mut done = Ok(());
        for (name, is_shown) in &changes {
            done = done.and_then(|()| self.put(name, *is_shown));
        }
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.connection.execute_batch(end);
        self.connection.execute_batch("PRAGMA writable_schema = RESET").map_err(fail)?;
        done.and(ended).map_err(fail)?;
        for (name, is_shown) in changes {
            if let Some(kept) = self.kept.get_mut(&name) {
                kept.is_shown = is_shown;
            }
        }
        Ok(())
    }

    fn put(&self, name: &str, is_shown: bool) -> rusqlite::Result<()> {
        let Some(kept) = self.kept.get(name) else { return Ok(()) };
        let run = |sql: &str| self.connection.execute(sql, params![name]);
        run("DELETE FROM main.sqlite_schema WHERE type = 'index' AND name = ?1")?;
        if self.facts.has_statistics {
            run("DELETE FROM main.sqlite_stat1 WHERE idx = ?1")?;
            // Without STAT4 there is no such table.
            let _ = run("DELETE FROM main.sqlite_stat4 WHERE idx = ?1");
        }
        if !is_shown {
            return Ok(());
        }
        self.connection.execute(
            "INSERT INTO main.sqlite_schema (type, name, tbl_name, rootpage, sql)
             VALUES ('index', ?1, ?2, ?3, ?4)",
            params![name, kept.table, kept.root, kept.sql],
        )?;
        if let Some(numbers) = &kept.numbers {
            self.connection.execute(
                "INSERT INTO main.sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)",
                params![kept.table, name, numbers],
            )?;
        }
        for [equal, less, distinct, sample] in &kept.samples {
            self.connection.execute(
                "INSERT INTO main.sqlite_stat4 (tbl, idx, neq, nlt, ndlt, sample)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![kept.table, name, equal, less, distinct, sample],
            )?;
        }
        Ok(())
    }

    /// Bytes of an index; 0 where SQLite cannot tell.
    pub(crate) fn index_bytes(&self, name: &str) -> u64 {
        let sql = "SELECT pgsize FROM dbstat WHERE name = ?1 AND aggregate = TRUE";
        let bytes = self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
        u64::try_from(bytes.unwrap_or(0)).unwrap_or(0)
    }

    /// Builds an index of texts by a script, which stays shown. Its bytes.
    pub(crate) fn build_text_index(&self, script: &[String]) -> Result<u64> {
        let before = self.pages()?;
        self.within_long(|| self.connection.execute_batch(&script.concat())).map_err(fail)?;
        Ok(self.pages()?.saturating_sub(before) * self.page_bytes()?)
    }

    /// Removes what a script has built.
    pub(crate) fn drop_text_index(&self, script: &[String]) -> Result<()> {
        self.connection.execute_batch(&script.concat()).map_err(fail)
    }

    /// Keeps what is needed to hide the indexes that the database has.
    pub(super) fn keep_existing(&mut self) -> Result<()> {
        let own: Vec<String> = self
            .facts
            .indexes
            .iter()
            .filter(|index| index.is_own && !index.is_unique)
            .map(|index| index.name.clone())
            .collect();
        for name in own {
            let kept = self.read_kept(&name).map_err(fail)?;
            self.kept.insert(name, kept);
        }
        Ok(())
    }

    fn read_kept(&self, name: &str) -> rusqlite::Result<Kept> {
        let mut kept = self.connection.query_row(
            "SELECT tbl_name, rootpage, sql FROM main.sqlite_schema
             WHERE type = 'index' AND name = ?1",
            [name],
            |row| {
                Ok(Kept {
                    table: row.get(0)?,
                    root: row.get(1)?,
                    sql: row.get(2)?,
                    numbers: None,
                    samples: Vec::new(),
                    is_shown: true,
                })
            },
        )?;
        let numbers = "SELECT stat FROM main.sqlite_stat1 WHERE idx = ?1";
        kept.numbers = self.connection.query_row(numbers, [name], |row| row.get(0)).ok();
        let samples = "SELECT neq, nlt, ndlt, sample FROM main.sqlite_stat4 WHERE idx = ?1";
        if let Ok(mut listing) = self.connection.prepare(samples) {
            let found = listing.query_map([name], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
            })?;
            kept.samples = found.collect::<rusqlite::Result<_>>()?;
        }
        Ok(kept)
    }

    /// Pages that hold something.
    fn pages(&self) -> Result<u64> {
        let ask = |name: &str| {
            let sql = format!("PRAGMA main.{name}");
            self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(fail)
        };
        Ok(u64::try_from(ask("page_count")? - ask("freelist_count")?).unwrap_or(0))
    }

    fn page_bytes(&self) -> Result<u64> {
        let bytes = self.connection.query_row("PRAGMA main.page_size", [], |row| row.get(0));
        Ok(u64::from(bytes.unwrap_or(4_096u32)))
    }
}
