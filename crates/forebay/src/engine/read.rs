//! Reads: from the cache when that is exact, else from the database, and into the cache when the
//! answer is fit to be kept.

use std::sync::Arc;

use super::call::Call;
use super::compare::digest;
use super::database::Engine;
use super::entry::{Entry, Payload};
use super::flight::{Following, Landing, Part};
use super::origin::Origin;
use super::switch::Way;
use super::template::Template;
use super::trip::{Brought, Errand, Trip};
use super::trust::Keeping;
use crate::backend::sqlite::Ran;
use crate::backend::{Answer, Effect, Limits};
use crate::cache::{Key, Resident as _, Shape};
use crate::depend;
use crate::error::{Error, Kind, Result};
use crate::outcome::Outcome;
use crate::row::Rows;
use crate::sql::Bypass;

/// Rows with what they rest on.
pub(crate) struct Read {
    pub(crate) outcome: Outcome,
    pub(crate) source: Source,
}

/// What an answer rests on.
pub(crate) enum Source {
    /// On this; it is kept, and may be in other forms too.
    Kept(depend::Part),
    /// On this; it is not kept.
    Known(depend::Part),
    /// Nobody knows, for this reason.
    Unknown(&'static str),
}

/// Why an answer rests on nothing that is known, although its statement may be cached.
pub(super) const REFUSED: &str = "what it read was changed meanwhile";

/// The same for a statement that writes.
pub(super) const WRITES: &str = "it writes";

impl Engine {
    /// Runs a statement of any kind on the way of a shared database.
    pub(crate) async fn run(&self, call: &Call<'_>) -> Result<Read> {
        self.origin.check()?;
        if call.looks_up()
            && let Some(read) = self.look_up_rows(call)?
        {
            return Ok(read);
        }
        self.run_missed(call).await
    }

    /// Runs a statement for which the cache has to catch up first; past the cache, if it does not.
    async fn run_strictly(&self, mut call: Call<'_>) -> Result<Read> {
        // Catching up asks the database.
        self.check_circuits(&call)?;
        call.no_cache = !self.catch_up(&call).await;
        call.is_strict = false;
        if !call.no_cache
            && let Some(read) = self.look_up_rows(&call)?
        {
            return Ok(read);
        }
        self.run_missed(&call).await
    }

    /// The rows of a cached answer that is true now.
    fn look_up_rows(&self, call: &Call<'_>) -> Result<Option<Read>> {
        if let Some(policy) = &call.policy {
            return self.read_by_policy(call, policy);
        }
        let Some(entry) = self.lookup(call, Shape::rows()) else { return Ok(None) };
        let Payload::Rows(rows) = &entry.payload else { return Ok(None) };
        check_limits(rows, call.limits)?;
        Ok(Some(Read::from_cache(rows.clone(), &entry)))
    }

    /// Runs a statement whose answer the cache has just been found not to have.
    pub(crate) async fn run_missed(&self, call: &Call<'_>) -> Result<Read> {
        self.origin.check()?;
        self.begin_limit(call);
        // What seldom happens is boxed, so that the future of a short read stays small.
        let template = match self.known_template(&call.text) {
            Some(template) => template,
            None => Box::pin(self.template(call)).await?,
        };
        // What cannot be in the cache need not wait for it.
        if call.has_to_catch_up() && !call.no_cache && template.analysis.is_cacheable() {
            return Box::pin(self.run_strictly(call.clone())).await;
        }
        if let Some(name) = call.name {
            self.set_name(&template.record, name);
        }
        let done = match template.analysis.effect {
            _ if template.analysis.asks_its_connection() => Err(Error::usage(
                "changes(), total_changes() and last_insert_rowid() speak of one connection, and \
                 connections are shared: take them from the outcome of the write, or use a \
                 transaction",
            )),
            Effect::Read => self.miss(call, &template).await,
            Effect::Write | Effect::Schema | Effect::Maintain => {
                self.check_nested_write()?;
                Box::pin(self.guard(Some(call), self.write(call, &template))).await
            }
            Effect::Session | Effect::Transaction => Err(template.analysis.refusal()),
        };
        done.map_err(|error| {
            template.record.error();
            error.with_statement(template.record.text().clone())
        })
    }

    /// A cached answer that is true now.
    ///
    /// The database's position is compared first and the answer looked up second: the answer is
    /// then what the database would have said at the instant of the comparison.
    #[inline]
    pub(crate) fn lookup(&self, call: &Call<'_>, shape: Shape) -> Option<Arc<Entry>> {
        if !self.is_serving() || !self.origin.is_made_current() {
            return None;
        }
        let key = call.key(shape);
        let entry = self.store.get(&key)?;
        if self.origin.is_valid(&entry.ticket) {
            if !self.admit_hit(call, shape, &entry) {
                return None;
            }
            self.witness(&entry);
            self.note_hit(call, &entry);
            return Some(entry);
        }
        if self.store.remove(&key, &entry) {
            self.count_dropped(&entry);
        }
        None
    }

    /// What `take` makes of the rows of a cached answer that is true now. No look at the file is
    /// needed: one that was replaced has switched the cache off.
    #[inline]
    pub(crate) fn cached<R>(
        &self,
        call: &Call<'_>,
        take: impl FnOnce(&Rows) -> R,
    ) -> Result<Option<R>> {
        if let Some(policy) = &call.policy {
            return self.cached_by_policy(call, policy, take);
        }
        match self.lookup(call, Shape::rows()).as_deref() {
            Some(Entry { payload: Payload::Rows(rows), .. }) => {
                check_limits(rows, call.limits)?;
                Ok(Some(take(rows)))
            }
            _ => Ok(None),
        }
    }

    /// A cached answer of type `T`, for `shared`.
    pub(crate) fn lookup_typed<T: Send + Sync + 'static>(
        &self,
        call: &Call<'_>,
    ) -> Option<Arc<Vec<T>>> {
        let entry = self.lookup(call, Shape::typed::<T>())?;
        let Payload::Typed(typed, _) = &entry.payload else { return None };
        let typed = typed.clone().downcast::<Vec<T>>().ok()?;
        // Near a limit, the rows themselves have to be asked.
        let limits = call.limits;
        (typed.len() <= limits.rows_max && entry.size() <= limits.bytes_max).then_some(typed)
    }

    /// Keeps an answer in the form of type `T` beside its rows, under the same ticket.
    ///
    /// Its heap is not known; it is taken to be that of the rows, which holds the same content.
    pub(crate) fn keep_typed<T: Send + Sync + 'static>(
        &self,
        call: &Call<'_>,
        typed: Arc<Vec<T>>,
        rows: &Rows,
        source: depend::Part,
    ) {
        let bytes = rows.size() + size_of::<T>() * typed.len();
        // One copy of a text for all its entries: less memory, and a hit finds it in the
        // processor's cache.
        let known = self.templates.get(&call.text);
        let key = Key {
            text: known.map_or_else(|| call.text.to_text(), |template| template.text.clone()),
            params: call.params.clone(),
            shape: Shape::typed::<T>(),
        };
        let payload = Payload::Typed(typed, digest(rows));
        let entry = Entry::new(payload, bytes, source.ticket, source.record);
        self.store.insert(key, entry);
    }

    async fn miss(&self, call: &Call<'_>, template: &Arc<Template>) -> Result<Read> {
        if let Some(policy) = call.policy.as_ref().filter(|_| !call.no_cache) {
            return Box::pin(self.miss_by_policy(call, template, policy)).await;
        }
        match self.way(call, template) {
            Way::Past(why) => {
                template.record.bypass(why);
                return self.read_past(call, template, why).await;
            }
            Way::Shadow => return Box::pin(self.read_in_shadow(call, template)).await,
            Way::Keep => {}
        }
        let keeping = Keeping::begin(&template.record);
        let key =
            Key { text: template.text.clone(), params: call.params.clone(), shape: Shape::rows() };
        match self.flights.join(key.clone()) {
            Part::Leader(landing) => {
                self.read_and_keep(call, template, key, keeping, Some(&landing)).await
            }
            Part::Follower(following) => {
                Box::pin(self.follow(call, template, key, following)).await
            }
        }
    }

    /// Reads from the database what is not to be kept. What it rests on is found out only for
    /// somebody who collects it.
    pub(super) async fn read_past(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        why: Bypass,
    ) -> Result<Read> {
        let fill = why == Bypass::NotWorth && depend::is_collecting();
        let mut answer = self.read_origin(call, template, fill, None).await?;
        let source = match answer.ticket.take() {
            Some(ticket) => Source::Known(depend::Part { ticket, record: template.record.clone() }),
            None if fill => Source::Unknown(REFUSED),
            None => Source::Unknown(why.reason()),
        };
        Ok(Read::from_origin(answer, source))
    }

    /// Waits for the end of a flight, and asks the cache again.
    async fn follow(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        key: Key,
        following: Following,
    ) -> Result<Read> {
        let mut following = following;
        let deadline = call.deadline(self.statement_timeout);
        loop {
            let landed = match deadline {
                // Late or not, the statement's own limit decides below.
                Some(deadline) => tokio::time::timeout_at(deadline.into(), following.landed())
                    .await
                    .unwrap_or(Ok(())),
                None => following.landed().await,
            };
            if let Some(entry) = self.lookup(call, Shape::rows())
                && let Payload::Rows(rows) = &entry.payload
            {
                check_limits(rows, call.limits)?;
                return Ok(Read::from_cache(rows.clone(), &entry));
            }
            let Err(stalled) = landed else { break };
            match self.flights.succeed(key.clone(), &stalled) {
                Part::Leader(landing) => {
                    let keeping = Keeping::untimed();
                    return self.read_and_keep(call, template, key, keeping, Some(&landing)).await;
                }
                Part::Follower(next) => following = next,
            }
        }
        self.read_and_keep(call, template, key, Keeping::untimed(), None).await
    }

    async fn read_and_keep(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        key: Key,
        mut keeping: Keeping,
        landing: Option<&Landing<'_>>,
    ) -> Result<Read> {
        self.count_miss(&template.record);
        keeping.pause();
        let mut answer = self.read_origin(call, template, true, landing).await?;
        keeping.resume();
        let source = match answer.ticket.take() {
            Some(ticket) => {
                let record = template.record.clone();
                let rows = answer.rows.clone();
                let bytes = rows.size();
                let entry = Entry::new(Payload::Rows(rows), bytes, ticket.clone(), record.clone());
                self.store.insert(key, entry);
                Source::Kept(depend::Part { ticket, record })
            }
            None => {
                template.record.refused();
                Source::Unknown(REFUSED)
            }
        };
        keeping.end(&template.record);
        Ok(Read::from_origin(answer, source))
    }

    /// Reads from the database, if the guards let it.
    pub(super) async fn read_origin(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        fill: bool,
        landing: Option<&Landing<'_>>,
    ) -> Result<Answer> {
        self.check_nested()?;
        let admitted = self.admit(Some(call)).await.inspect_err(|_| {
            // Others may be let in, and one is enough.
            landing.iter().for_each(|landing| landing.refused());
        })?;
        let done = self.read_admitted(call, template, fill, landing).await;
        if let Some(admitted) = admitted {
            drop(admitted.ended(&done));
        }
        done
    }

    /// Reads from the database, on the way that its kind has for reads.
    async fn read_admitted(
        &self,
        call: &Call<'_>,
        template: &Arc<Template>,
        fill: bool,
        landing: Option<&Landing<'_>>,
    ) -> Result<Answer> {
        let mut trip = Trip::begin(&template.record, self.dialect());
        let done = match &self.origin {
            Origin::Sqlite(sqlite) => {
                self.read_at_sqlite(sqlite, call, template, (fill, landing), &mut trip).await
            }
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => {
                self.read_at_postgres(postgres, call, template, fill, &mut trip).await
            }
        };
        let spent = self.note_trip(&trip, &Errand::of(call, &template.record), &Brought::of(&done));
        let answer = done?;
        self.note_cost(template, &answer, spent);
        self.forget_if_prepared_again(&answer, template);
        Ok(answer)
    }

    /// A schema change elsewhere may have changed what a text means.
    fn forget_if_prepared_again(&self, answer: &Answer, template: &Template) {
        if answer.is_prepared_again {
            self.templates.remove(&template.text.as_ref());
        }
    }
}

impl Read {
    fn from_cache(rows: Rows, entry: &Entry) -> Read {
        let part = depend::Part { ticket: entry.ticket.clone(), record: entry.record.clone() };
        Read::of(rows, Source::Kept(part))
    }

    /// An answer that was at hand.
    pub(super) fn of(rows: Rows, source: Source) -> Read {
        Read { outcome: Outcome::from_cache(rows), source }
    }

    pub(super) fn from_origin(answer: Answer, source: Source) -> Read {
        Read { outcome: Outcome::from(answer), source }
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Outcome {
        Outcome {
            rows: answer.rows,
            rows_affected: answer.rows_affected,
            last_insert_id: answer.last_insert_id,
            cached: false,
        }
    }
}

/// The answer of a run on a worker thread, where nothing is left to fall back to.
pub(super) fn finish(ran: Ran) -> Result<Answer> {
    match ran {
        Ran::Done(answer) => Ok(answer),
        Ran::NeedsWorker => {
            Err(Error::new(Kind::Busy, "the database is locked by another connection"))
        }
    }
}

/// A cached answer obeys the caller's limits as one from the database does.
#[inline]
pub(super) fn check_limits(rows: &Rows, limits: Limits) -> Result<()> {
    // The size holds more than the values, which are what the limit is about; they are added up
    // only when that makes a difference.
    let is_small = rows.size() <= limits.bytes_max || rows.values_size() <= limits.bytes_max;
    if rows.len() <= limits.rows_max && is_small {
        return Ok(());
    }
    Err(Error::new(
        Kind::TooLarge,
        format!(
            "the answer has {} rows and {} bytes, more than its limit; add a LIMIT, raise the \
             limit, or use `stream`",
            rows.len(),
            rows.values_size()
        ),
    ))
}
