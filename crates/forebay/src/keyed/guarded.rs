//! Guards before a load: asked once the cache has no answer, and told how the load has ended. They
//! see only what reaches the origin.

use std::time::Duration;

use super::failure::{Cause, failed, overdue};
use crate::error::{Error, Kind, Result};
use crate::guard::{Admitted, Asked, GuardRefs, Guards};

/// A load that was let in. Dropped, it was stopped for its time, or has panicked.
struct UnderWay {
    admitted: Option<Admitted>,
    limit: Duration,
}

impl UnderWay {
    fn end<T>(mut self, done: &Result<T>) {
        if let Some(admitted) = self.admitted.take() {
            drop(admitted.ended(done));
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(admitted) = self.admitted.take() {
            drop(admitted.ended::<()>(&Err(overdue(self.limit))));
        }
    }
}

/// Loads, if the guards let it. `limit`: how long the load may take.
pub(super) async fn guarded<T, E: Into<Cause>>(
    guards: &Guards,
    limit: Duration,
    load: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    let asked = asked(guards);
    if asked.is_empty() {
        return load.await.map_err(failed);
    }
    let under_way = UnderWay { admitted: Some(asked.admit().await?), limit };
    let done = load.await.map_err(failed);
    under_way.end(&done);
    done
}

/// The same for a load that blocks. It does not wait in line for a place.
pub(super) fn guarded_here<T, E: Into<Cause>>(
    guards: &Guards,
    limit: Duration,
    load: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    let asked = asked(guards);
    if asked.is_empty() {
        return load().map_err(failed);
    }
    let admitted = super::thread::at_once(asked.admit()).unwrap_or_else(|| {
        let text = "no place is free for a load that blocks: let more be at work at once, or load \
                    in a task, which waits in line";
        Err(Error::new(Kind::Overloaded, text))
    });
    let under_way = UnderWay { admitted: Some(admitted?), limit };
    let done = load().map_err(failed);
    under_way.end(&done);
    done
}

fn asked(guards: &Guards) -> Asked<'_> {
    Asked([guards.borrowed(), GuardRefs::default()])
}
