//! Reading an answer again behind those who are served it: because it has become stale, or so that
//! nobody has to wait for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::asked::Asked;
use super::shelf::Kept;
use super::words::{Leave, Policy};
use crate::engine::call::Call;
use crate::engine::database::Engine;
use crate::engine::flight::Part;
use crate::engine::switch::Way;
use crate::error::Result;

/// After a failure an answer is not read again behind anybody for so long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An answer for which nobody has asked for so long is not kept warm any more.
const IDLE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// After it was read, an answer that is kept warm rests for so many times as long as that took:
/// one that changes all the time keeps one connection busy for a third of the time.
const REST: u32 = 2;

impl Engine {
    /// Has an answer read again, unless somebody does, or enough others are being.
    pub(super) fn refresh_behind(&self, call: &Call<'_>, policy: &Arc<Policy>, kept: &Arc<Kept>) {
        let text = self.text(call.text.sql);
        self.refresh_later(kept, || Asked::of(call, text, policy));
    }

    fn refresh_later(&self, kept: &Arc<Kept>, asked: impl FnOnce() -> Asked) {
        let shelf = self.shelf();
        if kept.since_failure(shelf.now()).is_some_and(|since| since < RETRY_AFTER) {
            return;
        }
        let Some(refreshing) = kept.refresh() else { return };
        let Ok(permit) = shelf.refreshes.clone().try_acquire_owned() else { return };
        let Some(engine) = self.this.upgrade() else { return };
        let (asked, kept) = (asked(), kept.clone());
        self.runtime.spawn(async move {
            let _held = (permit, refreshing);
            let shelf = engine.shelf();
            shelf.counts.refreshes.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = engine.refresh(&asked).await {
                kept.failed(shelf.now());
                shelf.counts.refresh_failures.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, "an answer could not be read again");
            }
        });
    }

    async fn refresh(&self, asked: &Asked) -> Result<()> {
        let (call, policy) = (asked.call(), asked.policy());
        self.origin.check()?;
        let template = self.template(&call).await?;
        if !matches!(self.way_by_policy(&call, &template, policy), Way::Keep) {
            return Ok(());
        }
        match self.shelf().flights.join(asked.key()) {
            Part::Leader(landing) => {
                self.fetch(&call, &template, policy, Some(&landing)).await.map(|_| ())
            }
            Part::Follower(_) => Ok(()),
        }
    }

    /// Looks after the shelf: notes what is true by now, and reads again what is to be kept warm.
    /// To be called about once a second. Cost: a look at every answer on the shelf.
    pub(in crate::engine) fn tend_shelf(&self) {
        let Some(shelf) = self.shelf.get() else { return };
        let now = shelf.now();
        if self.is_serving() && self.origin.is_made_current() {
            shelf.each(|kept| {
                if self.origin.is_valid(&kept.answer.ticket) {
                    kept.is_true_at(now);
                }
            });
        }
        for kept in shelf.all_warm() {
            if let Some((asked, took)) = &kept.warm
                && self.has_cooled(&kept, asked, *took)
            {
                self.refresh_later(&kept, || asked.clone());
            }
        }
    }

    /// Whether an answer that is kept warm is to be read again.
    fn has_cooled(&self, kept: &Kept, asked: &Asked, took: Duration) -> bool {
        let now = self.shelf().now();
        let is_true = self.origin.is_made_current() && self.origin.is_valid(&kept.answer.ticket);
        let age = kept.age(now, is_true, &self.shelf().deletions);
        let is_served =
            matches!(asked.policy().judge(age, self.sight()), Leave::Exact | Leave::Aged);
        // What a blind cache cannot know to be true is not read again and again for that.
        let would_be = self.origin.is_current() || asked.policy().goes_by_age(self.sight());
        !is_served && would_be && kept.idle(now) < IDLE_MAX && age.read >= took * REST
    }
}
