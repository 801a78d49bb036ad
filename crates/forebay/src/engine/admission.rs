//! Which guards are asked before something is sent to a database: those of the database, and those
//! of the single call. They are never asked for what the cache answers.

use std::future::Future;

use super::call::Call;
use super::database::Engine;
use super::transaction;
use crate::error::{Error, Result};
use crate::guard::{Admitted, Asked, GuardRefs};

/// The guards of one call, beside those of the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallGuards<'a> {
    pub(crate) own: GuardRefs<'a>,
    /// Those of the database are not asked.
    pub(crate) skips_database: bool,
}

impl Engine {
    /// The guards of a call on a shared connection, if there are any.
    fn guards_of<'a>(&'a self, call: Option<&'a Call<'_>>) -> Option<Asked<'a>> {
        let guards = call.and_then(|call| call.guards.as_deref());
        let own = guards.map_or_else(GuardRefs::default, |guards| guards.own);
        let mut shared = match guards {
            Some(guards) if guards.skips_database => GuardRefs::default(),
            _ => self.guards.borrowed(),
        };
        // A place may be held by the transaction that waits for this.
        if shared.bulkhead.is_some() && transaction::is_open_on(self) {
            shared.bulkhead = None;
        }
        let asked = Asked([shared, own]);
        (!asked.is_empty()).then_some(asked)
    }

    /// Lets a call to the database in, or says who refuses it; `None` without a guard. The database
    /// has not been asked anything by then.
    pub(super) async fn admit(&self, call: Option<&Call<'_>>) -> Result<Option<Admitted>> {
        match self.guards_of(call) {
            Some(asked) => Box::pin(asked.admit()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for a call on a pinned connection, which the database's guards have let in when it
    /// was pinned: only those of the call are asked.
    pub(super) async fn admit_pinned(&self, call: &Call<'_>) -> Result<Option<Admitted>> {
        match call.guards.as_deref().filter(|it| !it.own.is_empty()) {
            Some(guards) => {
                let asked = Asked([GuardRefs::default(), guards.own]);
                Box::pin(asked.admit()).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Does `work`, which is one call to the database, if the guards let it.
    pub(super) async fn guard<T>(
        &self,
        call: Option<&Call<'_>>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let admitted = self.admit(call).await?;
        let done = work.await;
        if let Some(admitted) = admitted {
            drop(admitted.ended(&done));
        }
        done
    }

    /// Does `work`, which prepares for a call and is not one itself: an open circuit refuses it,
    /// and a failure of it counts, since the call does not come to pass.
    pub(super) async fn guard_preparation<T>(
        &self,
        call: &Call<'_>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(asked) = self.guards_of(Some(call)) else { return work.await };
        asked.check_circuits()?;
        let done = work.await;
        if done.as_ref().is_err_and(Error::is_origin_failure) {
            asked.tell_circuits(&done);
        }
        done
    }

    /// An error if a circuit before the database is open.
    pub(super) fn check_circuits(&self, call: &Call<'_>) -> Result<()> {
        self.guards_of(Some(call)).map_or(Ok(()), |asked| asked.check_circuits())
    }
}
