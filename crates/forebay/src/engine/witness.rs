//! What the answers of this database rest on, told to whoever collects it along the caller's task,
//! and asked about later. It decides nothing about a read itself.

use super::database::Engine;
use super::entry::Entry;
use super::read::{Read, Source};
use super::switch::Glance;
use crate::depend::{self, Authority, Part, Question};
use crate::error::Result;
use crate::watch::Switch;

/// What a caller is told by an error may be anything, and is not kept.
const FAILED: &str = "a statement in it failed";

impl Engine {
    /// Notes an answer from the cache for whoever collects.
    #[inline]
    pub(super) fn witness(&self, entry: &Entry) {
        if depend::is_collecting() {
            self.note(entry);
        }
    }

    #[cold]
    #[inline(never)]
    fn note(&self, entry: &Entry) {
        depend::note(&self.this, || Part {
            ticket: entry.ticket.clone(),
            record: entry.record.clone(),
        });
    }

    /// Waits for a statement, and notes what its answer rests on for whoever collects.
    pub(crate) async fn observe(&self, run: impl Future<Output = Result<Read>>) -> Result<Read> {
        let question = Question::begin();
        let done = run.await;
        match &done {
            Ok(Read { source: Source::Kept(part) | Source::Known(part), .. }) => {
                depend::note(&self.this, || part.clone());
            }
            Ok(Read { source: Source::Unknown(why), .. }) => depend::doubt(why),
            Err(_) => depend::doubt(FAILED),
        }
        if let Some(question) = question {
            question.end();
        }
        done
    }
}

impl Authority for Engine {
    fn is_current(&self) -> bool {
        self.is_serving() && self.origin.is_made_current()
    }

    fn upholds(&self, part: &Part) -> bool {
        let is_on = self.trust.switches.glance() == Glance::Everything
            || part.record.switch() == Switch::On;
        is_on && self.origin.is_valid(&part.ticket)
    }

    fn has_dropped(&self, part: &Part) -> bool {
        self.origin.is_void(&part.ticket)
    }
}
