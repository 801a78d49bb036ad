//! What there is to be done where there is no stream and nobody writes but through here: to know
//! whether a write of which nothing is known has changed the schema, when one is over whose
//! connection was lost, and whether the server is still the same and everything that an answer
//! depends on as it was. Writes of which the tables are known need nothing of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::clerk::Clerk;
use super::followed::Followed;
use crate::error::Result;

/// How often it is looked whether everything is still as it was.
const SURVEY_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for processes whose end is waited for, and for our own connection.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A server without a stream, for as long as it stays as it is.
pub(super) struct Sole {
    followed: Arc<Followed>,
    clerk: Clerk,
    fingerprint: String,
    /// What the schema was when it was looked at last.
    stamp: String,
    survey_at: Instant,
    lost_at: Instant,
}

impl Sole {
    pub(super) fn new(
        followed: Arc<Followed>,
        clerk: Clerk,
        fingerprint: String,
        stamp: String,
    ) -> Sole {
        let now = Instant::now();
        let survey_at = now + SURVEY_EVERY;
        Sole { followed, clerk, fingerprint, stamp, survey_at, lost_at: now }
    }

    /// Returns when nothing may be relied on any more, with the reason.
    pub(super) async fn run(mut self) -> String {
        loop {
            match self.turn().await {
                Ok(None) => {}
                Ok(Some(why)) => return why,
                Err(error) => return error.message().to_owned(),
            }
        }
    }

    async fn turn(&mut self) -> Result<Option<String>> {
        tokio::select! {
            () = self.followed.wake.notified() => {}
            () = sleep_until((Instant::now() + LOOK_EVERY).into()) => {}
        }
        if self.clerk.is_closed() {
            return Ok(Some("the connection on which the server is watched was lost".to_owned()));
        }
        // Before the look, so that it is one at what those have done that have ended.
        if let Some(asked) = self.followed.reflection().ask() {
            let stamp = self.clerk.stamp().await?;
            let has_changed = stamp != self.stamp;
            self.stamp = stamp;
            self.followed.reflection().answer_sole(asked, has_changed);
        }
        self.bury().await?;
        if Instant::now() < self.survey_at {
            return Ok(None);
        }
        self.survey_at = Instant::now() + SURVEY_EVERY;
        let is_same = self.clerk.fingerprint().await? == self.fingerprint;
        let changed = "roles, settings or the setup have changed, or the server was restarted";
        Ok((!is_same).then(|| changed.to_owned()))
    }

    /// Looks for the processes of writes whose connections were lost.
    async fn bury(&mut self) -> Result<()> {
        let lost = self.followed.lost_writes();
        if lost.is_empty() || Instant::now() < self.lost_at {
            return Ok(());
        }
        self.lost_at = Instant::now() + LOOK_EVERY;
        let processes: Vec<i32> = lost.iter().map(|write| write.process).collect();
        let alive = self.clerk.alive(&processes).await?;
        self.followed.bury(&lost, &alive);
        Ok(())
    }
}
