//! The guards before a database: those of the database itself, and those of single calls. They are
//! asked when something is about to be sent to the database, never for what the cache answers.

use std::future::Future;

use super::call::Call;
use super::database::Engine;
use super::transaction;
use crate::error::{Error, Result};
use crate::guard::{Breaker, Bulkhead, Limiter, Permit, Place};

/// The guards of a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    pub(crate) breaker: Option<Breaker>,
    pub(crate) limit: Option<(Limiter, Box<[u8]>)>,
    pub(crate) bulkhead: Option<Bulkhead>,
}

/// The guards of one call, beside those of the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallGuards<'a> {
    pub(crate) breaker: Option<&'a Breaker>,
    pub(crate) limit: Option<(&'a Limiter, &'a [u8])>,
    pub(crate) bulkhead: Option<&'a Bulkhead>,
    /// Those of the database are not asked.
    pub(crate) skips_database: bool,
}

/// What is asked for one call: the database's guards, then its own.
struct Asked<'a>([CallGuards<'a>; 2]);

/// A call that was let in. Dropped, it has been given up.
#[derive(Debug)]
pub(super) struct Admitted {
    permits: [Option<Permit>; 2],
    places: Places,
}

/// Places that a call holds until it has ended.
pub(super) type Places = [Option<Place>; 2];

impl Guards {
    /// As those of a call.
    fn borrowed(&self) -> CallGuards<'_> {
        CallGuards {
            breaker: self.breaker.as_ref(),
            limit: self.limit.as_ref().map(|(limiter, key)| (limiter, &**key)),
            bulkhead: self.bulkhead.as_ref(),
            skips_database: false,
        }
    }
}

impl CallGuards<'_> {
    fn is_empty(&self) -> bool {
        self.breaker.is_none() && self.limit.is_none() && self.bulkhead.is_none()
    }
}

impl Asked<'_> {
    /// Lets a call in, or says who refuses it.
    ///
    /// An open circuit is asked first, so that it uses up nothing of a limit, and again after the
    /// wait for a place, since it may have opened meanwhile; the call begins then.
    async fn admit(&self) -> Result<Admitted> {
        let Asked(guards) = self;
        self.check_circuits()?;
        for (limiter, key) in guards.iter().filter_map(|it| it.limit) {
            limiter.try_acquire(key)?;
        }
        let mut places = [None, None];
        for (place, guards) in places.iter_mut().zip(guards) {
            *place = match guards.bulkhead {
                Some(bulkhead) => Some(bulkhead.enter().await?),
                None => None,
            };
        }
        let mut permits = [None, None];
        for (permit, guards) in permits.iter_mut().zip(guards) {
            *permit = guards.breaker.map(Breaker::permit).transpose()?;
        }
        Ok(Admitted { permits, places })
    }

    fn check_circuits(&self) -> Result<()> {
        self.0.iter().filter_map(|it| it.breaker).try_for_each(Breaker::check)
    }
}

impl Admitted {
    /// Tells how the call has ended, or begun if it goes on; it keeps its places.
    pub(super) fn ended<T>(self, done: &Result<T>) -> Places {
        self.permits.into_iter().flatten().for_each(|permit| permit.ended(done));
        self.places
    }
}

impl Engine {
    /// The guards of a call on a shared connection, if there are any.
    fn guards_of<'a>(&'a self, call: Option<&'a CallGuards<'_>>) -> Option<Asked<'a>> {
        let own = call.cloned().unwrap_or_default();
        let mut shared = match own.skips_database {
            true => CallGuards::default(),
            false => self.guards.borrowed(),
        };
        // A place may be held by the transaction that waits for this.
        if shared.bulkhead.is_some() && transaction::is_open_on(self) {
            shared.bulkhead = None;
        }
        let is_empty = shared.is_empty() && own.is_empty();
        (!is_empty).then_some(Asked([shared, own]))
    }

    /// Lets a call to the database in, or says who refuses it; `None` without a guard. The database
    /// has not been asked anything by then.
    pub(super) async fn admit(&self, call: Option<&Call<'_>>) -> Result<Option<Admitted>> {
        match self.guards_of(call.and_then(|call| call.guards.as_deref())) {
            Some(asked) => Box::pin(asked.admit()).await.map(Some),
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

    /// The same for a call on a pinned connection, which the database's guards have let in when it
    /// was pinned: only those of the call are asked.
    pub(super) async fn guard_pinned<T>(
        &self,
        call: &Call<'_>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(own) = call.guards.as_deref().filter(|own| !own.is_empty()) else {
            return work.await;
        };
        let asked = Asked([CallGuards::default(), own.clone()]);
        let admitted = Box::pin(asked.admit()).await?;
        let done = work.await;
        drop(admitted.ended(&done));
        done
    }

    /// Does `work`, which prepares for a call and is not one itself: an open circuit refuses it,
    /// and a failure of it counts, since the call does not come to pass.
    pub(super) async fn guard_preparation<T>(
        &self,
        call: &Call<'_>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(asked) = self.guards_of(call.guards.as_deref()) else { return work.await };
        asked.check_circuits()?;
        let done = work.await;
        if done.as_ref().is_err_and(Error::is_origin_failure) {
            let permits = asked.0.iter().filter_map(|it| it.breaker?.permit().ok());
            permits.for_each(|permit| permit.ended(&done));
        }
        done
    }
}
