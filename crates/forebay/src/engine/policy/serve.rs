//! The way of a read whose caller has said how its answer may be kept: from the shelf where the
//! words allow it, else from the database, and onto the shelf.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::asked::Asked;
use super::label::Label;
use super::shelf::{Kept, Shelf};
use super::words::{Leave, Policy, Sight};
use crate::backend::{Answer, Effect, Known};
use crate::cache::{Key, Shape};
use crate::depend;
use crate::engine::call::Call;
use crate::engine::database::Engine;
use crate::engine::entry::{Entry, Payload};
use crate::engine::flight::{Following, Landing, Part};
use crate::engine::read::{REFUSED, Read, Source, check_limits};
use crate::engine::switch::{Glance, Way};
use crate::engine::template::Template;
use crate::error::{Error, Result};
use crate::invalidate::Ticket;
use crate::row::Rows;
use crate::sql::Bypass;
use crate::watch::Switch;

/// What a load that was given such an answer is told.
const BY_POLICY: &str = "an answer in it may be stale, as its query allows";

/// After a failure the database is not asked for the same answer again for so long, by those who
/// may be served what is at hand.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Engine {
    /// What is kept for those who have said how. Made when the first one does.
    pub(in crate::engine) fn shelf(&self) -> &Shelf {
        self.shelf.get_or_init(|| Shelf::new(self.policy_bytes, self.clock.clone()))
    }

    /// What stands for a tag in a policy.
    pub(crate) fn label(&self, tag: &str) -> Label {
        self.shelf().deletions.label(tag)
    }

    /// Deletes the answers with this tag, those that are being read included.
    pub(crate) fn delete_by_tag(&self, tag: &str) {
        let Some(shelf) = self.shelf.get() else { return };
        shelf.deletions.delete(shelf.deletions.label(tag));
        shelf.counts.tag_deletions.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a write is about to be acknowledged, for those who cannot see it otherwise.
    pub(in crate::engine) fn wrote(&self) {
        if let Some(shelf) = self.shelf.get()
            && self.sight() == Sight::Never
        {
            shelf.deletions.note_write();
        }
    }

    /// Deletes everything on the shelf, what is being read included.
    pub(in crate::engine) fn clear_shelf(&self) {
        if let Some(shelf) = self.shelf.get() {
            shelf.clear();
        }
    }

    /// The words in force for a statement, and what they come to here.
    pub(in crate::engine) fn policy_in_words(&self, call: &Call<'_>, known: &Known) -> String {
        let Some(policy) = call.policy.as_ref().filter(|_| known.effect == Effect::Read) else {
            return String::new();
        };
        let sight = self.sight();
        let mut words = policy.to_string();
        if let Some(rule) = self.obstacle(call.text.sql, known, policy) {
            let _ = write!(words, "; without effect: {}", rule.reason());
        } else if sight == Sight::Never && policy.ttl.is_some() && policy.ttl_only.is_none() {
            words += "; changes are not seen here, so an answer may be as old as that";
        }
        words
    }

    /// What `take` makes of the rows of an answer that is at hand and may be served as it is.
    pub(in crate::engine) fn cached_by_policy<R>(
        &self,
        call: &Call<'_>,
        policy: &Arc<Policy>,
        take: impl FnOnce(&Rows) -> R,
    ) -> Result<Option<R>> {
        let Some((kept, leave)) = self.at_hand(call, policy) else { return Ok(None) };
        let Payload::Rows(rows) = &kept.answer.payload else { return Ok(None) };
        check_limits(rows, call.limits)?;
        Ok(self.may_serve(call, policy, &kept, leave).then(|| take(rows)))
    }

    /// The same with what it rests on.
    pub(in crate::engine) fn read_by_policy(
        &self,
        call: &Call<'_>,
        policy: &Arc<Policy>,
    ) -> Result<Option<Read>> {
        let Some((kept, leave)) = self.at_hand(call, policy) else { return Ok(None) };
        let Payload::Rows(rows) = &kept.answer.payload else { return Ok(None) };
        check_limits(rows, call.limits)?;
        if !self.may_serve(call, policy, &kept, leave) {
            return Ok(None);
        }
        let source = match leave {
            Leave::Exact => Source::Known(part(&kept.answer)),
            _ => Source::Unknown(BY_POLICY),
        };
        Ok(Some(Read::of(rows.clone(), source)))
    }

    /// The answer that is at hand, and what may be done with it.
    ///
    /// As for every hit, the database's position is compared before the answer is looked at.
    fn at_hand(&self, call: &Call<'_>, policy: &Policy) -> Option<(Arc<Kept>, Leave)> {
        if !self.is_serving() {
            return None;
        }
        let shelf = self.shelf.get()?;
        let now = shelf.now();
        let is_current = self.origin.is_made_current();
        let kept = shelf.get(&call.key(Shape::rows()), policy)?;
        if self.trust.switches.glance() != Glance::Everything
            && kept.answer.record.switch() != Switch::On
        {
            return None;
        }
        let is_true = is_current && self.origin.is_valid(&kept.answer.ticket);
        if is_true {
            kept.is_true_at(now);
        }
        let leave = policy.judge(kept.age(now, is_true, &shelf.deletions), self.sight());
        Some((kept, leave))
    }

    /// Counts and notes an answer that is about to be served. False: it is not to be.
    fn may_serve(
        &self,
        call: &Call<'_>,
        policy: &Arc<Policy>,
        kept: &Arc<Kept>,
        leave: Leave,
    ) -> bool {
        let shelf = self.shelf();
        match leave {
            Leave::Exact if !self.admit_hit(call, Shape::rows(), &kept.answer) => return false,
            Leave::Exact => self.witness(&kept.answer),
            Leave::Aged => note_stale(kept, &shelf.counts.aged),
            Leave::Revalidate => {
                note_stale(kept, &shelf.counts.revalidated);
                self.refresh_behind(call, policy, kept);
            }
            Leave::OnError | Leave::No => return false,
        }
        self.note_hit(call, &kept.answer);
        kept.used(shelf.now());
        true
    }

    /// Reads what the shelf has just been found not to have.
    pub(in crate::engine) async fn miss_by_policy(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        policy: &Arc<Policy>,
    ) -> Result<Read> {
        match self.way_by_policy(call, template, policy) {
            Way::Past(why) => {
                template.record.bypass(why);
                return self.read_past(call, template, why).await;
            }
            Way::Shadow => return Box::pin(self.read_in_shadow(call, template)).await,
            Way::Keep => {}
        }
        // The database has just failed somebody else: it is given time.
        if let Some(read) = self.read_on_error(call, policy, None) {
            return Ok(read);
        }
        let key = key(call, template);
        let done = match self.shelf().flights.join(key.clone()) {
            Part::Leader(landing) => self.fetch(call, template, policy, Some(&landing)).await,
            Part::Follower(following) => {
                Box::pin(self.follow_by_policy(call, template, policy, following)).await
            }
        };
        done.or_else(|error| self.read_on_error(call, policy, Some(&error)).ok_or(error))
    }

    /// What becomes of a read that is not at hand.
    pub(super) fn way_by_policy(
        &self,
        call: &Call<'_>,
        template: &Template,
        policy: &Policy,
    ) -> Way {
        match template.record.switch() {
            Switch::On => match self.obstacle(&template.text.sql, &template.analysis, policy) {
                Some(rule) => Way::Past(rule),
                None => Way::Keep,
            },
            // The words are no reason to switch anything on.
            _ => self.way(call, template),
        }
    }

    /// The rule that keeps an answer off the shelf. What cannot be known to be true may lie there
    /// for those who do not ask for that, as long as running its statement does nothing else than
    /// answer.
    fn obstacle(&self, sql: &str, known: &Known, policy: &Policy) -> Option<Bypass> {
        let rules = known.bypasses.iter().copied();
        let mut rules = rules.chain(self.cannot_cache().then_some(Bypass::CacheOff));
        let first = rules.clone().next()?;
        let is_passed = |rule: Bypass| {
            matches!(
                rule,
                Bypass::CacheOff
                    | Bypass::Function
                    | Bypass::VirtualTable
                    | Bypass::NotFollowed
                    | Bypass::SystemTable
                    | Bypass::Unknown
            )
        };
        if let Some(rule) = rules.find(|rule| !is_passed(*rule)) {
            return Some(rule);
        }
        let may =
            policy.allows_stale(self.sight()) && !known.is_explain && self.origin.only_answers(sql);
        (!may).then_some(first)
    }

    /// Waits for the end of a flight, and looks again.
    async fn follow_by_policy(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        policy: &Arc<Policy>,
        mut following: Following,
    ) -> Result<Read> {
        let deadline = call.deadline(self.statement_timeout);
        loop {
            let landed = match deadline {
                // Late or not, the statement's own limit decides below.
                Some(deadline) => tokio::time::timeout_at(deadline.into(), following.landed())
                    .await
                    .unwrap_or(Ok(())),
                None => following.landed().await,
            };
            if let Some(read) = self.read_by_policy(call, policy)? {
                return Ok(read);
            }
            if let Some(read) = self.read_on_error(call, policy, None) {
                return Ok(read);
            }
            let Err(stalled) = landed else { break };
            match self.shelf().flights.succeed(key(call, template), &stalled) {
                Part::Leader(landing) => {
                    return self.fetch(call, template, policy, Some(&landing)).await;
                }
                Part::Follower(next) => following = next,
            }
        }
        self.fetch(call, template, policy, None).await
    }

    /// Reads from the database, and keeps the answer.
    pub(super) async fn fetch(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        policy: &Arc<Policy>,
        landing: Option<&Landing<'_>>,
    ) -> Result<Read> {
        let (shelf, record) = (self.shelf(), &template.record);
        record.miss();
        // Both before anything is read.
        let (sowing, sight) = (shelf.sow(), self.sight());
        let fill = template.analysis.is_cacheable() && !self.cannot_cache();
        let mut answer = self.read_origin(call, template, fill, landing).await?;
        let ticket = answer.ticket.take();
        let source = match (&ticket, template.analysis.bypasses.first()) {
            (Some(ticket), _) => {
                Source::Known(depend::Part { ticket: ticket.clone(), record: record.clone() })
            }
            (None, Some(rule)) => Source::Unknown(rule.reason()),
            (None, None) if !fill => Source::Unknown(Bypass::CacheOff.reason()),
            (None, None) => Source::Unknown(REFUSED),
        };
        if ticket.is_some() || policy.allows_stale(sight) {
            let ticket = ticket.unwrap_or_else(Ticket::of_nothing);
            // What can only be served stale would be read again all the time.
            let is_warm = policy.keep_warm && (fill || policy.goes_by_age(sight));
            let warm = is_warm.then(|| Asked::of(call, template.text.clone(), policy));
            let entry = entry(&answer, ticket, template);
            shelf.keep(key(call, template), &sowing, entry, policy, warm);
        }
        Ok(Read::from_origin(answer, source))
    }

    /// What may be served because the database has failed: with this error, or somebody else just
    /// now.
    fn read_on_error(
        &self,
        call: &Call<'_>,
        policy: &Arc<Policy>,
        error: Option<&Error>,
    ) -> Option<Read> {
        if policy.stale_if_error.is_zero() || error.is_some_and(|error| !error.is_of_origin()) {
            return None;
        }
        let (kept, leave) = self.at_hand(call, policy)?;
        let Payload::Rows(rows) = &kept.answer.payload else { return None };
        let (shelf, now) = (self.shelf(), self.shelf().now());
        match error {
            Some(error) => {
                kept.failed(now);
                tracing::warn!(%error, "answered from what is kept: the database does not");
            }
            None if kept.since_failure(now).is_none_or(|since| since >= RETRY_AFTER) => {
                return None;
            }
            None => {}
        }
        if leave == Leave::No || check_limits(rows, call.limits).is_err() {
            return None;
        }
        note_stale(&kept, &shelf.counts.on_error);
        kept.used(now);
        Some(Read::of(rows.clone(), Source::Unknown(BY_POLICY)))
    }

    /// Whether changes of the database are seen.
    pub(crate) fn sight(&self) -> Sight {
        if self.origin.is_never_seen() { Sight::Never } else { Sight::Followed }
    }
}

fn note_stale(kept: &Kept, counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
    kept.answer.record.hit();
    kept.answer.record.stale();
    depend::doubt(BY_POLICY);
}

fn part(entry: &Entry) -> depend::Part {
    depend::Part { ticket: entry.ticket.clone(), record: entry.record.clone() }
}

fn key(call: &Call<'_>, template: &Template) -> Key {
    Key { text: template.text.clone(), params: call.params.clone(), shape: Shape::rows() }
}

fn entry(answer: &Answer, ticket: Ticket, template: &Template) -> Arc<Entry> {
    let rows = answer.rows.clone();
    let bytes = rows.size();
    Entry::new(Payload::Rows(rows), bytes, ticket, template.record.clone())
}
