//! What is done to rows that are given by their keys alone: setting columns to the same values, and
//! deleting.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::chunk::Chunk;
use super::run::Operation;
use super::table::{Table, quote};
#[cfg(feature = "postgres")]
use super::unnest::Given;
use super::writing::Writing;
use crate::engine::Hands;
use crate::error::{Error, Result};
use crate::sql::Dialect;
use crate::value::Value;

/// Sets columns of the rows with the given keys.
pub(super) struct Set<'t> {
    writing: Writing<'t>,
    values: Arc<[Value]>,
}

impl<'t> Set<'t> {
    pub(super) fn new(
        table: &'t Table,
        key: &str,
        columns: &[Box<str>],
        values: Vec<Value>,
    ) -> Result<Set<'t>> {
        table.check_there(&[key.into()])?;
        table.check_writable(columns, 0)?;
        let set = |index: usize| format!("{} = {}", quote(&columns[index]), table.parameter(index));
        let set: Vec<String> = (0..columns.len()).map(set).collect();
        let update = format!("UPDATE {} SET {} WHERE", table.quoted, set.join(", "));
        let writing = by_key(table, &update, key, columns.len())?;
        Ok(Set { writing, values: values.into() })
    }
}

/// A statement for the rows whose key is given behind so many other parameters.
fn by_key<'t>(table: &'t Table, begin: &str, key: &str, fixed: usize) -> Result<Writing<'t>> {
    match table.dialect {
        Dialect::Sqlite => {
            let sql = format!("{begin} {} = {}", quote(key), table.parameter(fixed));
            Ok(Writing::Each(sql.into()))
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let given = Given::new(table, &[key.into()])?;
            let sql = format!("{begin} {}", given.is_among(fixed + 1));
            Ok(Writing::AtOnce(sql.into(), given))
        }
    }
}

impl Operation for Set<'_> {
    fn begin(&mut self, _: &[Box<str>]) -> Result<()> {
        Ok(())
    }

    fn check(&self, _: &Chunk) -> Result<()> {
        Ok(())
    }

    async fn write(&mut self, hands: &Hands, chunk: Chunk) -> Result<u64> {
        let batched = self.writing.write(hands, &self.values, distinct(chunk), false).await?;
        Ok(batched.affected)
    }
}

/// The ids of a chunk, each once: the place of a row in it counts those that are left out no more.
fn distinct(mut chunk: Chunk) -> Chunk {
    let mut seen: HashSet<&Value, RandomState> = HashSet::default();
    let is_new: Vec<bool> = chunk.values.iter().map(|id| seen.insert(id)).collect();
    let mut is_new = is_new.into_iter();
    chunk.values.retain(|_| is_new.next().unwrap_or(false));
    chunk.len = chunk.values.len();
    chunk
}

/// Deletes the rows with the given keys.
pub(super) struct Delete<'t> {
    table: &'t Table,
    writing: Writing<'t>,
    /// Rows that went with them, by table, as long as that is known.
    pub(super) cascaded: Option<BTreeMap<String, u64>>,
}

impl<'t> Delete<'t> {
    pub(super) fn new(table: &'t Table, key: &str) -> Result<Delete<'t>> {
        table.check_there(&[key.into()])?;
        let writing = by_key(table, &format!("DELETE FROM {} WHERE", table.quoted), key, 0)?;
        Ok(Delete { table, writing, cascaded: Some(BTreeMap::new()) })
    }

    /// Rows that the transaction has deleted so far, by table; `None` where nobody counts them.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables))]
    async fn deleted(&self, hands: &Hands) -> Result<Option<Deleted>> {
        match self.table.dialect {
            Dialect::Sqlite => Ok(None),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let mut params = crate::params::Params::default();
                params.push(self.table.quoted.as_str().into());
                Ok(deleted(&hands.look(DELETED, params).await?))
            }
        }
    }

    fn add(&mut self, beside: Option<BTreeMap<String, u64>>) {
        let Some(beside) = beside else {
            self.cascaded = None;
            return;
        };
        if let Some(cascaded) = &mut self.cascaded {
            for (table, rows) in beside.into_iter().filter(|(_, rows)| *rows > 0) {
                *cascaded.entry(table).or_default() += rows;
            }
        }
    }
}

/// Rows deleted by table, with the name of the table that they are deleted from by the statement.
struct Deleted {
    rows: BTreeMap<String, u64>,
    own: Option<String>,
}

impl Deleted {
    /// What was deleted since `before` but for `direct` rows of the table itself.
    fn beside(mut self, before: &Deleted, direct: u64) -> BTreeMap<String, u64> {
        for (table, rows) in &mut self.rows {
            *rows -= before.rows.get(table).copied().unwrap_or(0).min(*rows);
            if self.own.as_ref() == Some(table) {
                *rows -= direct.min(*rows);
            }
        }
        self.rows
    }
}

/// What the server counts of the transaction, by table, a partition as its table.
#[cfg(feature = "postgres")]
const DELETED: &str = "
    SELECT pg_catalog.current_setting('track_counts'), t.root::regclass::text,
        (t.root = pg_catalog.to_regclass($1))::int, sum(t.rows)::int8
    FROM (VALUES (1)) AS one(n) LEFT JOIN (
        SELECT s.n_tup_del AS rows, (WITH RECURSIVE up(id, parent) AS (
            SELECT s.relid, (SELECT i.inhparent FROM pg_catalog.pg_inherits i
                JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind = 'p'
                WHERE i.inhrelid = s.relid)
            UNION ALL
            SELECT up.parent, (SELECT i.inhparent FROM pg_catalog.pg_inherits i
                WHERE i.inhrelid = up.parent) FROM up WHERE up.parent IS NOT NULL)
            SELECT id FROM up WHERE parent IS NULL) AS root
        FROM pg_catalog.pg_stat_xact_user_tables s WHERE s.n_tup_del > 0) AS t ON true
    GROUP BY 1, 2, 3";

#[cfg(feature = "postgres")]
fn deleted(rows: &crate::row::Rows) -> Option<Deleted> {
    let mut deleted = Deleted { rows: BTreeMap::new(), own: None };
    for row in 0..rows.len() {
        match rows.values(row) {
            [Value::Text(counts), ..] if counts != "on" => return None,
            [_, Value::Text(table), own, Value::Integer(rows)] => {
                deleted.rows.insert(table.to_string(), rows.unsigned_abs());
                if *own == Value::Integer(1) {
                    deleted.own = Some(table.to_string());
                }
            }
            // Nothing was deleted so far.
            _ => {}
        }
    }
    Some(deleted)
}

impl Operation for Delete<'_> {
    fn begin(&mut self, _: &[Box<str>]) -> Result<()> {
        Ok(())
    }

    fn check(&self, _: &Chunk) -> Result<()> {
        Ok(())
    }

    async fn write(&mut self, hands: &Hands, chunk: Chunk) -> Result<u64> {
        let before = self.deleted(hands).await?;
        let batched = self.writing.write(hands, &[].into(), chunk, true).await?;
        let beside = match before {
            None => batched.beside,
            Some(before) => {
                let after = self.deleted(hands).await?;
                after.map(|after| after.beside(&before, batched.affected))
            }
        };
        self.add(beside);
        Ok(batched.affected)
    }
}

/// An error if nothing is to be set.
pub(super) fn nothing_to_set() -> Error {
    Error::usage("no column is to be set: give a struct or a map with at least one field")
}
