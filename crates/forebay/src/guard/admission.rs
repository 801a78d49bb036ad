//! Several guards before one call, asked in an order in which none is used up for what another
//! refuses. It does not know what the call is.

use super::breaker::{Breaker, Permit};
use super::bulkhead::{Bulkhead, Place};
use super::limiter::Limiter;
use crate::error::Result;

/// Guards that are kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    pub(crate) breaker: Option<Breaker>,
    pub(crate) limit: Option<(Limiter, Box<[u8]>)>,
    pub(crate) bulkhead: Option<Bulkhead>,
}

/// Guards that are borrowed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuardRefs<'a> {
    pub(crate) breaker: Option<&'a Breaker>,
    pub(crate) limit: Option<(&'a Limiter, &'a [u8])>,
    pub(crate) bulkhead: Option<&'a Bulkhead>,
}

/// The guards of one call: those of what is called, then its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a>(pub(crate) [GuardRefs<'a>; 2]);

/// A call that was let in. Dropped, it has been given up.
#[derive(Debug)]
pub(crate) struct Admitted {
    permits: [Option<Permit>; 2],
    places: Places,
}

/// Places that a call holds until it has ended.
pub(crate) type Places = [Option<Place>; 2];

impl Guards {
    pub(crate) fn borrowed(&self) -> GuardRefs<'_> {
        GuardRefs {
            breaker: self.breaker.as_ref(),
            limit: self.limit.as_ref().map(|(limiter, key)| (limiter, &**key)),
            bulkhead: self.bulkhead.as_ref(),
        }
    }
}

impl GuardRefs<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.breaker.is_none() && self.limit.is_none() && self.bulkhead.is_none()
    }
}

impl Asked<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(GuardRefs::is_empty)
    }

    /// Lets a call in, or says who refuses it.
    ///
    /// An open circuit is asked first, so that it uses up nothing of a limit, and again after the
    /// wait for a place, since it may have opened meanwhile; the call begins then.
    pub(crate) async fn admit(&self) -> Result<Admitted> {
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

    /// An error if a circuit is open.
    pub(crate) fn check_circuits(&self) -> Result<()> {
        self.0.iter().filter_map(|it| it.breaker).try_for_each(Breaker::check)
    }

    /// Tells the breakers of a call that has ended so without having been let in.
    pub(crate) fn tell_circuits<T>(&self, done: &Result<T>) {
        let permits = self.0.iter().filter_map(|it| it.breaker?.permit().ok());
        permits.for_each(|permit| permit.ended(done));
    }
}

impl Admitted {
    /// Tells how the call has ended, or begun if it goes on; it keeps its places.
    pub(crate) fn ended<T>(self, done: &Result<T>) -> Places {
        self.permits.into_iter().flatten().for_each(|permit| permit.ended(done));
        self.places
    }
}
