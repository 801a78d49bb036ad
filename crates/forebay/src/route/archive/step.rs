//! One step of a move: clear, copy, verify and move. Each of its transactions may be the last thing
//! that ever happens.

use crate::error::{Error, Kind, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::session::Transaction;
use crate::value::Value;

use super::digest::Digest;
use super::place::{Place, Range, Standing, count, first};

/// Values of one INSERT at most: well below SQLite's number of parameters.
const VALUES_MAX: usize = 8_000;

/// How often a step begins again because rows have changed meanwhile.
const TRIES_MAX: usize = 5;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stepped {
    Moved {
        rows: u64,
    },
    /// Another run has moved the boundary.
    Overtaken,
    /// Rows of the range were changed while they were copied, again and again.
    Changed,
}

/// What a step did beside moving.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Copies of steps that did not end.
    pub(super) cleared: u64,
    /// How often a step began again.
    pub(super) again: u64,
}

impl Place {
    /// The value at which a step from `standing` on ends, so that about `batch` rows lie before it.
    /// Rows with equal values stay together.
    pub(super) async fn end_of_step(
        &self,
        standing: &Standing,
        before: &Value,
        batch: u64,
    ) -> Result<Value> {
        let mut range = Range { low: standing.boundary.clone(), high: Some(before.clone()) };
        let beginning = self.value_at(&range, 0).await?;
        let Some(found) = self.value_at(&range, batch).await? else { return Ok(before.clone()) };
        if Some(&found) != beginning.as_ref() {
            return Ok(found);
        }
        // All of them are equal: up to the next value.
        range.low = Some(found.clone());
        let (condition, mut params) = self.condition(&range);
        params.push(found);
        let column = self.column_sql();
        let sql = format!(
            "SELECT {column} FROM {} WHERE {condition} AND {column} > ? ORDER BY {column} LIMIT 1",
            self.table_sql()
        );
        let next = self.live.query(&sql).with_params(params).fetch().await?.rows;
        Ok(first(&next).unwrap_or_else(|| before.clone()))
    }

    async fn value_at(&self, range: &Range, offset: u64) -> Result<Option<Value>> {
        let (condition, params) = self.condition(range);
        let column = self.column_sql();
        let sql = format!(
            "SELECT {column} FROM {} WHERE {condition} ORDER BY {column} LIMIT 1 OFFSET {offset}",
            self.table_sql()
        );
        Ok(first(&self.live.query(&sql).with_params(params).fetch().await?.rows))
    }

    /// Moves the boundary to `end`.
    pub(super) async fn step(
        &self,
        standing: &Standing,
        end: &Value,
        counts: &mut Counts,
    ) -> Result<Stepped> {
        let range = Range { low: standing.boundary.clone(), high: Some(end.clone()) };
        for _ in 0..TRIES_MAX {
            match self.copy(standing, &range).await? {
                Some(cleared) => counts.cleared += cleared,
                None => return Ok(Stepped::Overtaken),
            }
            match self.verify_and_move(standing, &range, end).await? {
                Stepped::Changed => counts.again += 1,
                done => return Ok(done),
            }
        }
        Ok(Stepped::Changed)
    }

    /// Clears what is left of other steps and copies the range; how many were cleared, `None` if
    /// another run has moved the boundary.
    async fn copy(&self, standing: &Standing, range: &Range) -> Result<Option<u64>> {
        let (sql, params) = self.select(range, false);
        let rows = self.live.query(&sql).with_params(params).fetch().await?.rows;
        let rows = &rows;
        self.archive
            .transaction(|tx| async move {
                // The lock of the archive is held: whoever changes it next sees this generation.
                if self.standing().await?.as_ref() != Some(standing) {
                    return Ok(None);
                }
                let cleared = self.clear(&tx, standing).await?;
                self.insert(&tx, rows).await?;
                Ok(Some(cleared))
            })
            .await
    }

    /// Deletes what is not below the boundary: copies that nobody counts.
    async fn clear(&self, tx: &Transaction, standing: &Standing) -> Result<u64> {
        let range = Range { low: standing.boundary.clone(), high: None };
        let (condition, params) = self.condition(&range);
        let sql = format!("DELETE FROM {} WHERE {condition}", self.table_sql());
        Ok(tx.query(&sql).with_params(params).fetch().await?.rows_affected)
    }

    async fn insert(&self, tx: &Transaction, rows: &Rows) -> Result<()> {
        let width = self.columns.len().max(1);
        let at_once = (VALUES_MAX / width).max(1);
        let line = format!("({})", vec!["?"; width].join(", "));
        let head =
            format!("INSERT INTO {} ({}) VALUES ", self.table_sql(), self.columns.join(", "));
        let mut next = 0;
        while next < rows.len() {
            let until = (next + at_once).min(rows.len());
            let sql = format!("{head}{}", vec![line.as_str(); until - next].join(", "));
            let mut params = Params::default();
            (next..until).flat_map(|at| rows.values(at)).for_each(|it| params.push(it.clone()));
            tx.query(&sql).with_params(params).fetch().await?;
            next = until;
        }
        Ok(())
    }

    /// Compares the range in both databases and moves the boundary, with the locks of both held
    /// until the live database has committed.
    async fn verify_and_move(
        &self,
        standing: &Standing,
        range: &Range,
        end: &Value,
    ) -> Result<Stepped> {
        self.archive
            .transaction(|archive| async move {
                let copied = self.digest(&archive, range).await?;
                self.live
                    .transaction(|live| async move {
                        if self.standing_in(&live).await?.as_ref() != Some(standing) {
                            return Ok(Stepped::Overtaken);
                        }
                        if self.digest(&live, range).await? != copied {
                            return Ok(Stepped::Changed);
                        }
                        self.hand_over(&live, standing, range, end, copied.count).await
                    })
                    .await
            })
            .await
    }

    async fn digest(&self, tx: &Transaction, range: &Range) -> Result<Digest> {
        let (sql, params) = self.select(range, true);
        Ok(Digest::of(&tx.query(&sql).with_params(params).fetch().await?.rows))
    }

    /// The one instant at which the rows of a range change hands is when this commits.
    async fn hand_over(
        &self,
        live: &Transaction,
        standing: &Standing,
        range: &Range,
        end: &Value,
        counted: u64,
    ) -> Result<Stepped> {
        let moved = live
            .execute(
                "UPDATE forebay_archive SET generation = generation + 1, boundary = ? \
                 WHERE split_table = ? AND generation = ?",
            )
            .bind(end)
            .bind(&self.table)
            .bind(standing.generation)
            .await?
            .rows_affected;
        let (condition, params) = self.condition(range);
        let sql = format!("DELETE FROM {} WHERE {condition}", self.table_sql());
        let gone = live.query(&sql).with_params(params).fetch().await?.rows_affected;
        if moved != 1 || gone != counted {
            return Err(Error::new(
                Kind::Database,
                "the live database did not delete what was copied; nothing was moved",
            ));
        }
        Ok(Stepped::Moved { rows: gone })
    }

    /// Rows of the live database in a range.
    pub(super) async fn count(&self, range: &Range) -> Result<u64> {
        let (condition, params) = self.condition(range);
        let sql = format!("SELECT count(*) FROM {} WHERE {condition}", self.table_sql());
        count(&self.live.query(&sql).with_params(params).fetch().await?.rows)
    }
}
