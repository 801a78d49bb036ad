//! Reading and writing while a boundary moves: under which boundary, and whether it was still the
//! one afterwards. Why each row is seen once is in docs/design/archive.md.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::ask::Ask;
use super::super::boundary::Boundary;
use super::super::member::Layout;
use super::super::routed::Inner;
use super::super::write::Run;
use super::boundary::{BoundaryRow, Look};
use super::handle::Server;
use super::table::Shape;
use crate::error::{Error, Kind, Result};
use crate::invalidate::Comparand;
use crate::isolation::{Isolation, TransactionOptions};
use crate::outcome::Outcome;
use crate::session::Session;
use crate::value::Value;

/// How long the archive is asked past its cache once that has not caught up in time.
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

impl Server {
    /// Which rows are whose. Never one that is older than another that was known.
    pub(in crate::route) async fn layout(&self, inner: &Inner, look: Look) -> Result<Arc<Layout>> {
        let known = inner.last_layout();
        let Some(row) = &self.boundary else { return Ok(known) };
        let live = inner.live();
        let boundary = row.read(&live.db, look).await.map_err(|error| live.fault(&error))?;
        // A cache that lags behind may have the boundary of before.
        if generation_of(boundary.as_ref()) <= known.generation {
            return Ok(known);
        }
        inner.adopt(boundary).await
    }

    /// The same in what a session of the live member sees.
    pub(super) async fn layout_in(&self, inner: &Inner, session: &Session) -> Result<Arc<Layout>> {
        let known = inner.last_layout();
        let Some(row) = &self.boundary else { return Ok(known) };
        let boundary = row.read_in(session).await.map_err(|error| inner.live().fault(&error))?;
        match generation_of(boundary.as_ref()) {
            found if found == known.generation => Ok(known),
            found if found > known.generation => inner.adopt(boundary).await,
            _ => Err(Error::new(
                Kind::Database,
                "the boundary of the live member has gone back, as if an older state of it had \
                 been restored; open the handle again",
            )),
        }
    }

    /// The generation, asked of the server.
    pub(super) async fn generation_now(&self, inner: &Inner) -> Result<i64> {
        let Some(row) = &self.boundary else { return Ok(0) };
        let live = inner.live();
        let asked = row.read(&live.db, Look::Fresh).await;
        Ok(generation_of(asked.map_err(|error| live.fault(&error))?.as_ref()))
    }

    /// Whether the cache of the archive has all rows that were moved there up to this layout. What
    /// it has once, it has for ever.
    pub(super) async fn is_settled(&self, inner: &Inner, layout: &Layout) -> bool {
        if layout.generation <= self.settled.load(Ordering::Acquire) {
            return true;
        }
        // Who waits in vain each time would be late each time.
        if self.late().is_some_and(|since| since.elapsed() < SETTLE_PAUSE) {
            return false;
        }
        let archive = &inner.members[inner.members.len() - 2];
        let is_settled = archive.db.engine().settle().await;
        *self.late() = (!is_settled).then(Instant::now);
        if is_settled {
            self.settled.fetch_max(layout.generation, Ordering::AcqRel);
        }
        is_settled
    }

    fn late(&self) -> MutexGuard<'_, Option<Instant>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How values of the column lie to one another.
    pub(in crate::route) fn compared(&self, value: &Value) -> Option<Comparand> {
        self.scale.compared(value).ok()
    }

    /// By what the archive is known, by its own word.
    pub(in crate::route) async fn mark_of(
        &self,
        inner: &Inner,
        member: usize,
    ) -> Result<Option<String>> {
        let member = &inner.members[member];
        let (table, column) = (&inner.names.tables[0], &inner.names.column);
        let shape = Shape::read(&member.db, table, column).await;
        let shape = shape.map_err(|error| member.fault(&error))?;
        BoundaryRow::mark(&member.db, &shape).await.map_err(|error| member.fault(&error))
    }

    /// Runs at the live member; `None`, and nothing is done, if the boundary is not the one of this
    /// generation.
    ///
    /// The statement comes first: from then on until the end of its transaction it has a lock on
    /// the table that a move waits for. So a move was over before, and the generation that is read
    /// afterwards is another one, or it begins after this has ended.
    pub(in crate::route) async fn run_live(
        &self,
        inner: &Inner,
        ask: &Ask<'_>,
        run: &Run,
        generation: i64,
    ) -> Result<Option<Outcome>> {
        let Some(row) = &self.boundary else { return Ok(None) };
        let (sql, params) = match run {
            Run::Whole => (ask.sql.to_owned(), ask.params.clone()),
            Run::Part(part) => (part.sql.clone(), part.params.clone()),
        };
        let has_moved = &AtomicBool::new(false);
        // Each statement has to see what was committed before it, whatever the role's setting is.
        let options = TransactionOptions::new().isolation(Isolation::ReadCommitted);
        let done = inner.live().db.transaction_with(options, |tx| {
            let (sql, params) = (&sql, params.clone());
            async move {
                let query = tx.query(sql).with_params(params);
                let query = match ask.words.timeout {
                    Some(limit) => query.timeout(limit),
                    None => query,
                };
                let outcome = query.fetch().await?;
                if generation_of(row.read_in_transaction(&tx).await?.as_ref()) == generation {
                    return Ok(outcome);
                }
                has_moved.store(true, Ordering::Relaxed);
                Err(Error::new(Kind::Busy, "rows were moved meanwhile"))
            }
        });
        match done.await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(_) if has_moved.load(Ordering::Relaxed) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// How often the boundary has moved.
fn generation_of(boundary: Option<&Boundary>) -> i64 {
    boundary.map_or(0, |boundary| boundary.generation)
}
