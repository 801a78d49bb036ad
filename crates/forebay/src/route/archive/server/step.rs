//! One step of a move between PostgreSQL databases: clear, copy, verify and move. Any of its
//! statements may be the last that its client sends, and be carried out nevertheless.
//!
//! Each part holds a row of the archive and the row of the boundary, taken in this order, and lets
//! go of them only after its last commit: see docs/design/archive.md for what that rules out.

use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::session::Session;
use crate::sql::quoted;
use crate::value::Value;

use super::super::place::{Range, Standing};
use super::super::step::{Counts, Stepped};
use super::place::Place;
use crate::route::server::{Arrays, as_text, restored, unnested};
use crate::sql::clauses::Binder;

/// How often a step begins again because rows have changed meanwhile.
const TRIES_MAX: usize = 5;

/// The longest wait for a lock, in milliseconds: whoever comes to the live table meanwhile waits
/// behind it.
const LOCK_WAIT_MS: u64 = 5_000;

/// How many rows there are, and two sums of what they are.
type Digest = (i64, String, String);

impl Place {
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

    /// Begins a transaction in each, which no other run of this table passes until both have
    /// ended; `None` if another run has moved the boundary.
    async fn both(&self, standing: &Standing) -> Result<Option<(Session, Session)>> {
        let archive = begun(&self.archive).await?;
        let lock = format!("SELECT archive FROM {} WHERE split_table = $1 FOR UPDATE", self.marks);
        let named = archive.query(&lock).bind(&*self.shape.name).optional::<String>().await?;
        super::super::face::check_name(standing, named.as_deref())?;
        let live = begun(&self.live).await?;
        let now = self.standing_locked(&live).await?;
        Ok((now.as_ref() == Some(standing)).then_some((archive, live)))
    }

    /// Clears what is left of other steps and copies the range; how many were cleared, `None` if
    /// another run has moved the boundary.
    async fn copy(&self, standing: &Standing, range: &Range) -> Result<Option<u64>> {
        let Some((archive, live)) = self.both(standing).await? else { return Ok(None) };
        let beyond = Range { low: standing.boundary.clone(), high: None };
        let (condition, params) = self.condition(&beyond, 1);
        let clear = format!("DELETE FROM {} WHERE {condition}", self.archive_sql);
        let cleared = archive.query(&clear).with_params(params).fetch().await?.rows_affected;
        let own: Vec<String> =
            self.own().map(|column| as_text(&quoted(&column.name), column.type_oid)).collect();
        let (condition, params) = self.condition(range, 1);
        let select =
            format!("SELECT {} FROM {} WHERE {condition}", own.join(", "), self.live_sql());
        let mut rows = live.query(&select).with_params(params).stream::<()>().await?;
        while let Some(chunk) = rows.chunk().await {
            self.insert(&archive, &chunk?).await?;
        }
        drop(rows);
        // While the boundary cannot move: whoever moves it next finds these rows or waits.
        archive.execute("COMMIT").await?;
        live.execute("COMMIT").await?;
        Ok(Some(cleared))
    }

    async fn insert(&self, archive: &Session, rows: &Rows) -> Result<()> {
        let names: Vec<String> = self.own().map(|column| quoted(&column.name)).collect();
        let arrays = Arrays::of(names.len(), std::iter::once(rows))?;
        let mut binder = Binder::new(&[]);
        let from = unnested(&arrays, &mut binder);
        let values: Vec<String> = self
            .own()
            .enumerate()
            .map(|(at, column)| restored(&format!("c{at}"), &column.declared, None))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {from}",
            self.archive_sql,
            names.join(", "),
            values.join(", ")
        );
        let mut params = Params::default();
        binder.values(&[]).into_iter().for_each(|value| params.push(value));
        archive.query(&sql).with_params(params).fetch().await?;
        Ok(())
    }

    /// Compares the range in both databases and moves the boundary.
    async fn verify_and_move(
        &self,
        standing: &Standing,
        range: &Range,
        end: &Value,
    ) -> Result<Stepped> {
        let Some((archive, live)) = self.both(standing).await? else {
            return Ok(Stepped::Overtaken);
        };
        let copied = self.digest(&archive, &self.archive_sql, range).await?;
        // From here on nobody writes the table, and who has written it has committed.
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self.live_sql());
        match live.execute(&lock).await {
            Err(error) if error.is_busy() => return Ok(Stepped::Changed),
            done => done.map(drop)?,
        }
        if self.digest(&live, self.live_sql(), range).await? != copied {
            return Ok(Stepped::Changed);
        }
        let rows = self.hand_over(&live, standing, range, end, copied.0).await?;
        // The one instant at which the rows of a range change hands.
        live.execute("COMMIT").await?;
        archive.execute("COMMIT").await?;
        Ok(Stepped::Moved { rows })
    }

    /// What the rows of a range are, whatever their order: their number and two sums, each of half
    /// of a hash of the text of a row. What has the same digest is the same, but for chance.
    async fn digest(&self, session: &Session, table: &str, range: &Range) -> Result<Digest> {
        let all: Vec<String> =
            self.shape.columns.iter().map(|column| quoted(&column.name)).collect();
        let half = |from: u8| {
            format!(
                "COALESCE(pg_catalog.sum(('x' || pg_catalog.encode(pg_catalog.substr(hash, {from}, \
                 8), 'hex'))::bit(64)::int8), 0)::text"
            )
        };
        let (condition, params) = self.condition(range, 1);
        let sql = format!(
            "SELECT pg_catalog.count(*), {}, {} FROM (SELECT pg_catalog.sha256(\
             pg_catalog.convert_to(ROW({})::text, pg_catalog.getdatabaseencoding())) AS hash \
             FROM {table} WHERE {condition}) AS forebay_rows",
            half(1),
            half(9),
            all.join(", ")
        );
        session.query(&sql).with_params(params).one().await
    }

    /// Moves the boundary and deletes what it passes; how many rows that was.
    async fn hand_over(
        &self,
        live: &Session,
        standing: &Standing,
        range: &Range,
        end: &Value,
        counted: i64,
    ) -> Result<u64> {
        let sql = format!(
            "UPDATE {} SET generation = generation + 1, boundary = $1 \
             WHERE split_table = $2 AND generation = $3",
            self.boundary.place
        );
        let end = match end {
            Value::Integer(n) => Value::from(n.to_string()),
            other => other.clone(),
        };
        let moved = live.execute(&sql).bind(end).bind(&*self.shape.name).bind(standing.generation);
        let moved = moved.await?.rows_affected;
        let (condition, params) = self.condition(range, 1);
        let delete = format!("DELETE FROM {} WHERE {condition}", self.live_sql());
        let gone = live.query(&delete).with_params(params).fetch().await?.rows_affected;
        if moved != 1 || i64::try_from(gone) != Ok(counted) {
            return Err(Error::new(
                Kind::Database,
                "the live database did not delete what was copied; nothing was moved",
            ));
        }
        Ok(gone)
    }
}

/// A session with a transaction whose statements see what was committed before each, and whose
/// commit is on disk before the server says that it is done.
async fn begun(db: &Db) -> Result<Session> {
    let session = db.session();
    session.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    session.execute(&format!("SET LOCAL lock_timeout = '{LOCK_WAIT_MS}ms'")).await?;
    session
        .query(
            "SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
             WHERE pg_catalog.current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
        )
        .fetch()
        .await?;
    Ok(session)
}
