//! The background of a pool: closing what has been idle or open for too long, warning of what is
//! held for too long, and keeping some connections idle.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::error::Result;

use super::acquire::Core;
use super::connect::Connect;
use super::report;

/// The tasks of one pool; they end when this is dropped. There are two, so that a connection
/// that is slow to open delays no warning.
pub(super) struct Background {
    tasks: [AbortHandle; 2],
}

impl Background {
    pub(super) fn start<C: Connect>(core: &Arc<Core<C>>) -> Result<Background> {
        let runtime = Handle::try_current().map_err(|_| report::no_runtime(&core.options))?;
        let every = core.options.sweep_interval;
        let sweep = runtime.spawn(sweep(Arc::downgrade(core), every)).abort_handle();
        let fill = runtime.spawn(fill(Arc::downgrade(core), every)).abort_handle();
        Ok(Background { tasks: [sweep, fill] })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl<C: Connect> Core<C> {
    /// One look at every slot.
    pub(super) fn sweep(self: &Arc<Self>) {
        let overdue = self.shelf().mark(self.clock.now());
        for held in &overdue {
            report::warn_held(&self.options, held);
        }
        self.retire_idle();
    }
}

/// Goes on while a closed pool still has connections in use: those may be held for too long.
async fn sweep<C: Connect>(core: Weak<Core<C>>, every: Duration) {
    let mut ticks = ticks(every);
    loop {
        ticks.tick().await;
        let Some(core) = core.upgrade() else { return };
        core.sweep();
        if core.shelf().is_drained() {
            return;
        }
    }
}

async fn fill<C: Connect>(core: Weak<Core<C>>, every: Duration) {
    let mut ticks = ticks(every);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let Some(core) = core.upgrade() else { return };
        if core.shelf().is_closed() {
            return;
        }
        let result = loop {
            match core.open_spare().await {
                Ok(true) => {}
                result => break result,
            }
        };
        if let (Err(error), false) = (&result, failing) {
            report::warn_spare(&core.options, error);
        }
        failing = result.is_err();
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
