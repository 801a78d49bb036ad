//! Loading on the thread of a caller that blocks.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::core::Core;
use super::flight::{Flight, Runs};
use super::kept::Content;
use super::key::{Key, KeyRef};
use super::landing::Departed;
use super::load::{Ask, Batch, Fetched, JOINS_MAX, Part, Takes, accept, settle};
use crate::depend::{self, Evidence};
use crate::error::Result;

impl Core {
    /// What is under a key, loaded on this thread if it has to be.
    pub(super) fn fetch_on_thread(
        self: &Arc<Core>,
        key: KeyRef<'_>,
        ask: &Ask,
        load: impl FnOnce() -> Result<Batch>,
    ) -> Result<Content> {
        let key = key.to_key();
        self.refuse_own(&key)?;
        let fetched = self.join_or_load_here(&key, ask, load);
        self.conclude(&key, ask, fetched)
    }

    fn join_or_load_here(
        self: &Arc<Core>,
        key: &Key,
        ask: &Ask,
        load: impl FnOnce() -> Result<Batch>,
    ) -> Result<Fetched> {
        let begun = self.flights.begun();
        for round in 0.. {
            let takes = if round < JOINS_MAX { Takes::Anything } else { Takes::Nothing };
            match self.join(key, ask, takes, Runs::Thread, begun) {
                Part::Found(kept) => return Ok((kept.content.clone(), kept.evidence.clone())),
                Part::Leads(flight) => {
                    Departed::new(self, key, &flight).run_here(ask, load);
                    return settle(flight.park());
                }
                Part::Follows(flight) | Part::Waits(flight)
                    if flight.departure.runs == Runs::Task =>
                {
                    // Not registered, so that what it loads is not kept.
                    let departure = self.departure(key, ask, Runs::Thread);
                    let flight = Arc::new(Flight::unregistered(departure));
                    Departed::new(self, key, &flight).run_here(ask, load);
                    return settle(flight.park());
                }
                Part::Follows(flight) => {
                    self.tally.joined.add(1);
                    if let Some(settled) = accept(flight.park(), ask.wanted) {
                        return settled;
                    }
                }
                // However it ends, the next one is what is asked for.
                Part::Waits(flight) => drop(flight.park()),
            }
        }
        unreachable!("who takes nothing leads")
    }
}

/// Runs work that blocks, and collects what its queries rest on.
pub(super) fn collect<T>(work: impl FnOnce() -> T) -> (T, Evidence) {
    at_once(depend::collect(async { work() })).expect("there is nothing in it to wait for")
}

/// What a future gives without waiting, if it does.
pub(super) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
