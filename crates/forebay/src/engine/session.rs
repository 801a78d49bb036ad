//! Sessions: statements of one client in order. A connection is pinned only while a transaction
//! is open or the connection has settings of its own; otherwise each statement takes the way of
//! the shared database, through the cache.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, MutexGuard};

use super::call::Call;
use super::database::Engine;
use super::origin::Purpose;
use super::pinned::Pinned;
use super::read::Read;
use super::transaction;
use crate::backend::{Effect, Scope};
use crate::error::{Error, Result};

/// What a session holds on to.
#[derive(Default)]
pub(crate) struct SessionState {
    turn: Turn<()>,
    pinned: Mutex<Option<Arc<Pinned>>>,
}

impl SessionState {
    /// Whether no transaction is open, as far as the client knows.
    pub(crate) async fn is_autocommit(&self) -> bool {
        let _turn = self.turn.lock().await;
        let Some(pinned) = self.pinned() else { return true };
        pinned.settled().await;
        !pinned.is_in_transaction()
    }

    /// Rolls back what is open and gives the connection back.
    pub(crate) fn release(&self) {
        let pinned = self.slot().take();
        if let Some(pinned) = pinned {
            pinned.release();
        }
    }

    /// Waits until the statements asked for before have ended.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Refuses a use of the session by a piece of work that has it, and would wait for itself.
    pub(super) fn check_nested(&self) -> Result<()> {
        if transaction::is_open_on(self) {
            return Err(Error::usage(
                "the session was used by the source of the rows that it is writing, which would \
                 wait for itself forever; read them from the database's own handle",
            ));
        }
        Ok(())
    }

    /// The connection that the session holds now.
    pub(super) fn pinned(&self) -> Option<Arc<Pinned>> {
        self.slot().clone()
    }

    /// The connection of the transaction that is open.
    pub(crate) fn transaction(&self) -> Option<Arc<Pinned>> {
        self.pinned().filter(|pinned| pinned.is_in_transaction())
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Pinned>>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unpin_if_free(&self) {
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|pinned| !pinned.is_needed()) {
            *slot = None;
        }
    }
}

impl Engine {
    /// Runs one statement of a session.
    pub(crate) async fn run_in_session(
        &self,
        session: &SessionState,
        call: &Call<'_>,
    ) -> Result<Read> {
        self.origin.check()?;
        session.check_nested()?;
        self.begin_limit(call);
        let _turn = session.turn.lock().await;
        let pinned = match session.pinned() {
            Some(pinned) => pinned,
            None if !self.needs_connection(call).await? => return self.run(call).await,
            None => self.pin(session, call).await?,
        };
        let done = self.run_pinned(&pinned, call, Scope::Session).await;
        drop(pinned);
        session.unpin_if_free();
        done
    }

    /// Runs a script in a session: not wrapped in a transaction, but it may hold some.
    pub(crate) async fn script_in_session(
        &self,
        session: &SessionState,
        call: Call<'_>,
    ) -> Result<()> {
        self.origin.check()?;
        session.check_nested()?;
        let _turn = session.turn.lock().await;
        let pinned = match session.pinned() {
            Some(pinned) => pinned,
            None => self.pin(session, &call).await?,
        };
        let done = self.script_pinned(&pinned, call.text.sql, Scope::Session).await;
        drop(pinned);
        session.unpin_if_free();
        done
    }

    /// The connection that a session holds now, for a stream.
    pub(super) fn pinned_of(&self, session: &SessionState) -> Option<Arc<Pinned>> {
        session.pinned()
    }

    /// Whether a statement must run on a connection of the session's own.
    async fn needs_connection(&self, call: &Call<'_>) -> Result<bool> {
        match self.template(call).await {
            Ok(template) => {
                Ok(matches!(template.analysis.effect, Effect::Session | Effect::Transaction))
            }
            // Shared connections refuse what a session may be allowed.
            Err(error) if error.is_denied() => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn pin(&self, session: &SessionState, call: &Call<'_>) -> Result<Arc<Pinned>> {
        self.check_nested()?;
        let acquire = self.acquire_for(call, Purpose::Session, call.holder(None));
        let connection = self.guard(None, acquire).await?;
        let pinned = Pinned::new(connection, self.patience(), self.closing.clone());
        *session.slot() = Some(pinned.clone());
        Ok(pinned)
    }
}
