//! Reads in shadow: the database answers, and the answer that the cache would have given is
//! compared with it. Entries are kept and dropped as if the cache were on.

use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::compare::{compare, digest};
use super::database::Engine;
use super::difference::FoundBy;
use super::entry::{Entry, Payload};
use super::origin::Origin;
use super::read::{Read, Source};
use super::template::Template;
use crate::backend::Answer;
use crate::cache::{Key, Shape};
use crate::depend::Part;
use crate::error::Result;
use crate::sql::{Bypass, Determined};
use crate::watch::{Compared, Cost, Record};

/// What an answer in shadow rests on.
fn source(answer: &Answer, record: &Arc<Record>) -> Source {
    match &answer.ticket {
        Some(ticket) => Source::Known(Part { ticket: ticket.clone(), record: record.clone() }),
        None => Source::Unknown(Bypass::Shadow.reason()),
    }
}

impl Engine {
    /// Reads from the database, and counts what the cache would have done.
    pub(super) async fn read_in_shadow(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
    ) -> Result<Read> {
        let record = &template.record;
        record.bypass(Bypass::Shadow);
        let began = Instant::now();
        let entry = self.look_up_in_shadow(call);
        let looked = began.elapsed();
        let began = Instant::now();
        let mut answer = self.read_origin(call, template, true, None).await?;
        let spent = began.elapsed();
        let Some(entry) = entry else {
            record.projection().miss();
            let source = source(&answer, record);
            if let Some(ticket) = answer.ticket.take() {
                let rows = answer.rows.clone();
                let bytes = rows.size();
                let (text, params) = (template.text.clone(), call.params.clone());
                let key = Key { text, params, shape: Shape::rows() };
                let entry = Entry::new(Payload::Rows(rows), bytes, ticket, record.clone());
                self.store.insert(key, entry);
            }
            return Ok(Read::from_origin(answer, source));
        };
        record.worth.note(Cost::Hit, looked);
        let is_fair = self.is_fair(&answer).await;
        let determined = template.analysis.determined.as_ref();
        let compared = self.compare_fairly(&entry, &answer, determined, is_fair);
        record.projection().hit(spent.saturating_sub(looked), compared);
        if let (Compared::Different, Payload::Rows(kept)) = (compared, &entry.payload) {
            self.trust.differences.report(
                FoundBy::Shadow,
                record,
                &call.params,
                kept,
                &answer.rows,
            );
            // One wrong entry is one difference.
            let key = call.key(Shape::rows());
            self.store.remove(&key, &entry);
        }
        let source = source(&answer, record);
        Ok(Read::from_origin(answer, source))
    }

    /// The entry that would have answered.
    fn look_up_in_shadow(&self, call: &Call<'_>) -> Option<Arc<Entry>> {
        if !self.origin.is_made_current() {
            return None;
        }
        let key = call.key(Shape::rows());
        let entry = self.store.get(&key)?;
        if self.origin.is_valid(&entry.ticket) {
            return Some(entry);
        }
        if self.store.remove(&key, &entry) {
            self.count_dropped(&entry);
        }
        None
    }

    /// Whether the cache reflects by now all that an answer shows that was read to be kept.
    ///
    /// At SQLite the answer has a ticket only if its snapshot was the state that the cache
    /// reflected when the read began. At PostgreSQL the snapshot shows commits that the stream may
    /// not have told yet, and has to catch up with.
    pub(super) async fn is_fair(&self, answer: &Answer) -> bool {
        match &self.origin {
            Origin::Sqlite(_) => answer.ticket.is_some(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.catch_up(None).await,
        }
    }

    /// Compares an entry with an answer that was read to be kept.
    ///
    /// An entry that is still valid now, when the cache reflects all that the answer shows, claims
    /// to be true of that state as well, since versions only rise. So a difference is the cache's
    /// fault, whoever writes meanwhile.
    pub(super) fn compare_fairly(
        &self,
        entry: &Entry,
        answer: &Answer,
        determined: Option<&Determined>,
        is_fair: bool,
    ) -> Compared {
        if !is_fair || !self.origin.is_valid(&entry.ticket) {
            return Compared::Disturbed;
        }
        match &entry.payload {
            Payload::Rows(kept) => compare(determined, kept, &answer.rows),
            Payload::Typed(_, kept) if *kept == digest(&answer.rows) => Compared::Equal,
            Payload::Typed(..) if determined.is_some_and(Determined::is_all) => Compared::Different,
            Payload::Typed(..) => Compared::Undetermined,
        }
    }
}
