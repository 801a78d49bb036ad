//! Inserting rows, with and without what the database makes of them, and inserting those that are
//! not there and changing those that are.

use super::chunk::Chunk;
use super::conflict::{Action, Conflict};
use super::duplicate;
use super::run::Operation;
use super::statement::{list, on_conflict};
use super::table::Table;
#[cfg(feature = "postgres")]
use super::unnest::Given;
use super::writing::Writing;
use crate::engine::Hands;
use crate::error::{Error, Result};
use crate::row::Rows;
use crate::sql::Dialect;

/// Inserts rows.
pub(super) struct Insert<'t> {
    table: &'t Table,
    conflict: Option<Conflict>,
    /// The places of the key that may conflict, where two of one chunk may not be the same.
    key: Vec<usize>,
    /// The columns that are answered.
    returning: Vec<Box<str>>,
    /// What was answered, a chunk after the other.
    pub(super) returned: Vec<Rows>,
    columns: Vec<Box<str>>,
    writing: Writing<'t>,
}

impl<'t> Insert<'t> {
    pub(super) fn new(table: &'t Table) -> Insert<'t> {
        let (key, returning, returned) = (Vec::new(), Vec::new(), Vec::new());
        Insert {
            table,
            conflict: None,
            key,
            returning,
            returned,
            columns: Vec::new(),
            writing: Writing::Each("".into()),
        }
    }

    /// Answers these columns of each row.
    pub(super) fn returning(mut self, columns: Vec<Box<str>>) -> Result<Insert<'t>> {
        self.table.check_there(&columns)?;
        self.returning = columns;
        Ok(self)
    }

    /// Does this about rows that are there.
    pub(super) fn on_conflict(mut self, conflict: Conflict) -> Result<Insert<'t>> {
        self.table.check_there(&conflict.key)?;
        if let Action::Change(changes) = &conflict.action {
            let changed: Vec<_> = changes.iter().map(|change| change.column.clone()).collect();
            self.table.check_there(&changed)?;
        }
        self.conflict = Some(conflict);
        Ok(self)
    }

    fn statement(&self) -> Result<Writing<'t>> {
        match self.table.dialect {
            Dialect::Sqlite => {
                let mut sql = self.table.insert(&self.columns);
                if let Some(conflict) = &self.conflict {
                    sql += &on_conflict(conflict, &self.columns);
                }
                if !self.returning.is_empty() {
                    sql += &format!(" RETURNING {}", list(&self.returning));
                }
                Ok(Writing::Each(sql.into()))
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let given = Given::new(self.table, &self.columns)?;
                let insert = given.insert(self.conflict.as_ref(), &self.returning).into();
                let is_plain = self.conflict.is_none() && self.returning.is_empty();
                match given.copy().filter(|_| is_plain) {
                    Some(copy) => Ok(Writing::Copied { copy: copy.into(), insert, given }),
                    None => Ok(Writing::AtOnce(insert, given)),
                }
            }
        }
    }
}

impl Operation for Insert<'_> {
    fn begin(&mut self, columns: &[Box<str>]) -> Result<()> {
        self.table.check_writable(columns, 0)?;
        self.columns = columns.to_vec();
        if let Some(conflict) = &self.conflict
            && !matches!(conflict.action, Action::Nothing)
        {
            // A key that the rows do not have is the database's to make.
            let places = self.table.places(&conflict.key, columns);
            self.key = places.into_iter().collect::<Option<_>>().unwrap_or_default();
        }
        self.writing = self.statement()?;
        Ok(())
    }

    fn check(&self, chunk: &Chunk) -> Result<()> {
        self.table.check_nulls(&self.columns, chunk)?;
        match &self.conflict {
            Some(conflict) if !self.key.is_empty() => {
                duplicate::check(chunk, &self.key, &conflict.key)
            }
            _ => Ok(()),
        }
    }

    async fn write(&mut self, hands: &Hands, chunk: Chunk) -> Result<u64> {
        let (first, len) = (chunk.first, chunk.len);
        let batched = self.writing.write(hands, &[].into(), chunk, false).await?;
        if !self.returning.is_empty() {
            let answered = batched.rows.len();
            if answered != len {
                return Err(Error::usage(format!(
                    "of the {len} rows from row {first} on the database has inserted {answered}, \
                     as a trigger or a rule wants it, so that it is not known which are whose: use \
                     `insert`"
                )));
            }
            self.returned.push(batched.rows);
        }
        Ok(batched.affected)
    }
}
