//! One statement with its parameters and options, and the ways to take its answer.

mod load;
mod page;
mod policy;
mod stream;

use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::backend::Scope;
use crate::cache::TextRef;
use crate::decode;
use crate::depend;
use crate::engine::{Asking, Call, CallGuards, Engine, Pinned, Read, SessionState, Source};
use crate::error::{Error, Kind, Result};
use crate::guard::{Breaker, Bulkhead, Limiter};
use crate::mode::Freshness;
use crate::outcome::Outcome;
use crate::params::Params;
use crate::row::Rows;
use crate::value::Value;
use crate::watch;

pub use page::Ordered;
pub use stream::RowStream;

/// A statement that answers rows. Nothing happens until one of `one`, `optional`, `all`,
/// `shared`, `scalar`, `fetch` or `stream` is called.
///
/// Dropping the future stops the statement: a read ends within about a thousand steps of SQLite's
/// virtual machine, a write that has not committed is rolled back. Its connection is given back
/// clean in any case.
#[must_use = "a query does nothing until its answer is asked for"]
pub struct Query<'a> {
    target: Target<'a>,
    call: Call<'a>,
    /// The first parameter that could not be bound; reported when the statement is run.
    fault: Option<Error>,
}

/// Where a statement runs.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Shared(&'a Engine),
    Session(&'a Engine, &'a SessionState),
    Transaction(&'a Engine, &'a Arc<Pinned>),
}

// An `async fn` would move the query into a variable of its own first, and a hit costs hardly
// more than such moves do.
#[expect(clippy::manual_async_fn, reason = "see above")]
impl<'a> Query<'a> {
    #[inline]
    pub(crate) fn new(
        target: Target<'a>,
        sql: &'a str,
        caller: &'static Location<'static>,
    ) -> Query<'a> {
        let mut query = Query::of(target, target.engine().text_ref(sql), caller);
        if query.call.text.sql.len() != sql.len() {
            query.call.around = sql;
        }
        query
    }

    /// The same for a text that is ready to be looked up.
    #[inline]
    pub(crate) fn of(
        target: Target<'a>,
        text: TextRef<'a>,
        caller: &'static Location<'static>,
    ) -> Query<'a> {
        Query { target, call: target.engine().call_of(text, caller), fault: None }
    }

    /// Binds the next positional parameter.
    // Always: out of line, the query would be copied in and out of it.
    #[inline(always)]
    pub fn bind<V>(mut self, value: V) -> Query<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(value) => self.call.params.push(value),
            Err(error) => self.note(error.into()),
        }
        self
    }

    /// Binds the parameter called `name`, written with or without its `:`, `@` or `$`.
    pub fn bind_named<V>(mut self, name: &str, value: V) -> Query<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(_) if name.is_empty() => {
                self.note(Error::usage("the name of a parameter is empty"));
            }
            Ok(value) => self.call.params.push_named(name, value),
            Err(error) => self.note(error.into()),
        }
        self
    }

    /// Binds all of these, instead of any that were bound before.
    pub(crate) fn with_params(mut self, params: Params) -> Query<'a> {
        self.call.params = params;
        self
    }

    /// The name under which statistics, logs and metrics show this statement.
    pub fn named(mut self, name: &'a str) -> Query<'a> {
        self.call.name = Some(name);
        self
    }

    /// Goes to the database, whatever the cache holds.
    pub fn no_cache(mut self) -> Query<'a> {
        self.call.no_cache = true;
        self
    }

    /// At PostgreSQL, of reads of this text that are on their way at once, one statement is made
    /// for all their values: what is written as one lookup after another, by many tasks or by one
    /// that joins them, takes few round trips. Each caller gets what its own statement would have
    /// given at that instant, in the same order, and none is given what was read before it asked.
    /// What the cache has is served from there as ever, and each answer is kept as ever.
    ///
    /// It is for short statements with one parameter that stands in them once, of the types int2,
    /// int4, int8, text, varchar or uuid; which rows belong to which value is for the server to
    /// say, so that collations and the like make no difference. What does not fit is run alone;
    /// [`Query::explain`] says why. One such statement is under way at a time, and those who come
    /// meanwhile share the next; a caller who is alone is run alone.
    ///
    /// At SQLite it has no effect, since there is no round trip to save; nor in transactions and
    /// sessions.
    pub fn coalesce(mut self) -> Query<'a> {
        self.call.coalesces = true;
        self
    }

    /// How fresh an answer from the cache has to be, instead of the database's default.
    pub fn freshness(mut self, freshness: Freshness) -> Query<'a> {
        self.call.is_strict = self.target.engine().is_strict_for(freshness);
        self
    }

    /// The longest this statement may run, instead of the database's default. At PostgreSQL it
    /// counts from the call on, with the wait for a connection and for what has to be asked of the
    /// server first.
    pub fn timeout(mut self, limit: Duration) -> Query<'a> {
        self.call.timeout = Some(limit);
        self
    }

    /// Asks `breaker`, beside the database's own, before this is sent to the database; what the
    /// cache answers passes an open breaker. It is told how the statement ends, and counts as a
    /// failure what tells against the database ([`Error::is_origin_failure`]), not what is wrong
    /// with the statement.
    pub fn breaker(mut self, breaker: &'a Breaker) -> Query<'a> {
        self.guards().own.breaker = Some(breaker);
        self
    }

    /// Asks `limiter`, beside the database's own, whether `key` may send this to the database; if
    /// not, the error is [`Error::is_rate_limited`]. What the cache answers uses up nothing, nor
    /// does what is read once for several callers, but for the one who reads.
    pub fn limit(
        mut self,
        limiter: &'a Limiter,
        key: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Query<'a> {
        self.guards().own.limit = Some((limiter, key.as_ref()));
        self
    }

    /// Takes a place in `bulkhead`, beside the database's own, for as long as this is at work at
    /// the database, and waits for one if need be. What the cache answers takes none.
    pub fn bulkhead(mut self, bulkhead: &'a Bulkhead) -> Query<'a> {
        self.guards().own.bulkhead = Some(bulkhead);
        self
    }

    /// Goes past the guards of the database.
    pub(crate) fn unguarded(mut self) -> Query<'a> {
        self.guards().skips_database = true;
        self
    }

    fn guards(&mut self) -> &mut CallGuards<'a> {
        self.call.guards.get_or_insert_default()
    }

    /// Rows at most; more is an error ([`Error::is_too_large`]).
    pub fn max_rows(mut self, rows: usize) -> Query<'a> {
        self.call.limits.rows_max = rows;
        self
    }

    /// Bytes at most; more is an error ([`Error::is_too_large`]).
    pub fn max_bytes(mut self, bytes: usize) -> Query<'a> {
        self.call.limits.bytes_max = bytes;
        self
    }

    /// The first row; an error ([`Error::is_not_found`]) when there is none.
    pub fn one<T: DeserializeOwned>(mut self) -> impl Future<Output = Result<T>> {
        async move {
            let first = match self.cached(decode::first)? {
                Some(first) => first?,
                None => decode::take_first(self.run_missed().await?.outcome.rows)?,
            };
            first.ok_or_else(not_found)
        }
    }

    /// The first row, if there is one.
    pub fn optional<T: DeserializeOwned>(mut self) -> impl Future<Output = Result<Option<T>>> {
        async move {
            match self.cached(decode::first)? {
                Some(first) => first,
                None => decode::take_first(self.run_missed().await?.outcome.rows),
            }
        }
    }

    /// All rows.
    pub fn all<T: DeserializeOwned>(mut self) -> impl Future<Output = Result<Vec<T>>> {
        async move {
            match self.cached(decode::all)? {
                Some(all) => all,
                None => decode::take_all(self.run_missed().await?.outcome.rows),
            }
        }
    }

    /// All rows, decoded once and shared by every caller that asks for the same type: a hit
    /// neither decodes nor copies.
    ///
    /// A type that can be changed through a shared reference (`Cell`, `AtomicI64`, `Mutex`) must
    /// not be: what one caller stores in it, the others are given as the answer.
    pub fn shared<T>(mut self) -> impl Future<Output = Result<Arc<Vec<T>>>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        async move {
            self.begin()?;
            let Target::Shared(engine) = self.target else {
                return decode::take_all(self.run().await?.outcome.rows).map(Arc::new);
            };
            if self.call.looks_up()
                && self.call.policy.is_none()
                && !self.has_to_be_ruled()
                && let Some(typed) = engine.lookup_typed::<T>(&self.call)
            {
                return Ok(typed);
            }
            let read = self.run().await?;
            let Source::Kept(source) = read.source else {
                return decode::take_all(read.outcome.rows).map(Arc::new);
            };
            let typed = Arc::new(decode::all(&read.outcome.rows)?);
            engine.keep_typed(&self.call, typed.clone(), &read.outcome.rows, source);
            Ok(typed)
        }
    }

    /// The first column of the first row; an error ([`Error::is_not_found`]) without a row.
    pub fn scalar<T: DeserializeOwned>(mut self) -> impl Future<Output = Result<T>> {
        async move {
            match self.cached(scalar)? {
                Some(scalar) => scalar,
                None => scalar(&self.run_missed().await?.outcome.rows),
            }
        }
    }

    /// The rows undecoded, with what the statement changed.
    pub fn fetch(mut self) -> impl Future<Output = Result<Outcome>> {
        async move {
            match self.cached(Rows::clone)? {
                Some(rows) => Ok(Outcome::from_cache(rows)),
                None => Ok(self.run_missed().await?.outcome),
            }
        }
    }

    pub(crate) fn into_call(self) -> Call<'a> {
        self.call
    }

    /// Notes a parameter that could not be bound; the first one is reported.
    #[cold]
    fn note(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }

    /// Reports a parameter that could not be bound.
    #[inline]
    fn check(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// The same, and does what a rule says of the statement, which may be to refuse it.
    #[inline]
    fn begin(&mut self) -> Result<()> {
        self.check()?;
        let engine = self.target.engine();
        if engine.has_rules() { engine.rule_known(&mut self.call) } else { Ok(()) }
    }

    /// What `take` makes of the rows, if they are in the cache and may be taken from there. They
    /// are not copied for it.
    #[inline]
    fn cached<R>(&mut self, take: impl FnOnce(&Rows) -> R) -> Result<Option<R>> {
        self.begin()?;
        match self.target {
            // An answer may be at hand whose rule is not known any more.
            _ if self.has_to_be_ruled() => Ok(None),
            Target::Shared(engine) if self.call.looks_up() => engine.cached(&self.call, take),
            _ => Ok(None),
        }
    }

    /// Runs the statement. Boxed, so that a future which ends with a hit stays small: it is moved
    /// about before it is polled.
    fn run(&self) -> Pin<Box<dyn Future<Output = Result<Read>> + Send + '_>> {
        if self.has_to_be_ruled() {
            return self.attended(self.target.run_ruled(self.call.clone()));
        }
        self.attended(self.target.run(&self.call))
    }

    /// Runs the statement without asking the cache again.
    fn run_missed(&self) -> Pin<Box<dyn Future<Output = Result<Read>> + Send + '_>> {
        match self.target {
            Target::Shared(_) if self.has_to_be_ruled() => self.run(),
            Target::Shared(engine) => self.attended(engine.run_missed(&self.call)),
            Target::Session(..) | Target::Transaction(..) => self.run(),
        }
    }

    /// Its text was not known when its rule was looked for.
    fn has_to_be_ruled(&self) -> bool {
        !self.call.is_ruled && self.target.engine().has_rules()
    }

    /// The same for whoever collects what it rests on, and for the scope that it belongs to.
    fn attended<'s>(
        &'s self,
        run: impl Future<Output = Result<Read>> + Send + 's,
    ) -> Pin<Box<dyn Future<Output = Result<Read>> + Send + 's>> {
        let engine = self.target.engine();
        if let Some(scope) = self.scope() {
            return Box::pin(engine.observe(engine.noted(scope, &self.call, run)));
        }
        if depend::is_collecting() {
            return Box::pin(engine.observe(run));
        }
        Box::pin(run)
    }

    /// The scope that it belongs to.
    fn scope(&self) -> Option<watch::Scope> {
        match self.target {
            Target::Shared(engine) => engine.scope_of(&self.call, None),
            Target::Session(engine, session) => {
                engine.scope_of(&self.call, session.transaction().as_deref())
            }
            Target::Transaction(engine, pinned) => engine.scope_of(&self.call, Some(pinned)),
        }
    }
}

impl<'a> Target<'a> {
    #[inline]
    fn engine(self) -> &'a Engine {
        match self {
            Target::Shared(engine)
            | Target::Session(engine, _)
            | Target::Transaction(engine, _) => engine,
        }
    }

    /// Whether the database may be asked about a statement before it is run.
    fn asking(self) -> Asking {
        match self {
            Target::Shared(_) => Asking::Freely,
            Target::Session(engine, _) | Target::Transaction(engine, _) if engine.is_single() => {
                Asking::Not
            }
            Target::Session(..) | Target::Transaction(..) => Asking::ForTables,
        }
    }

    /// Looks for the rule first.
    async fn run_ruled(self, mut call: Call<'_>) -> Result<Read> {
        self.engine().rule(&mut call, self.asking()).await?;
        self.run(&call).await
    }

    async fn run(self, call: &Call<'_>) -> Result<Read> {
        match self {
            Target::Shared(engine) => engine.run(call).await,
            Target::Session(engine, session) => engine.run_in_session(session, call).await,
            Target::Transaction(engine, pinned) => {
                engine.run_pinned(pinned, call, Scope::Transaction).await
            }
        }
    }
}

fn scalar<T: DeserializeOwned>(rows: &Rows) -> Result<T> {
    if rows.is_empty() {
        return Err(not_found());
    }
    decode::scalar(rows.columns(), rows.values(0))
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "the query found no row; use `optional` if that is expected")
}

/// A statement whose rows do not matter. Await it.
#[must_use = "a statement does nothing until it is awaited"]
pub struct Execute<'a>(pub(crate) Query<'a>);

impl<'a> Execute<'a> {
    /// Binds the next positional parameter.
    pub fn bind<V>(self, value: V) -> Execute<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        Execute(self.0.bind(value))
    }

    /// Binds the parameter called `name`, written with or without its `:`, `@` or `$`.
    pub fn bind_named<V>(self, name: &str, value: V) -> Execute<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        Execute(self.0.bind_named(name, value))
    }

    /// The name under which statistics, logs and metrics show this statement.
    pub fn named(self, name: &'a str) -> Execute<'a> {
        Execute(self.0.named(name))
    }

    /// The longest this statement may run, instead of the database's default.
    pub fn timeout(self, limit: Duration) -> Execute<'a> {
        Execute(self.0.timeout(limit))
    }

    /// See [`Query::breaker`].
    pub fn breaker(self, breaker: &'a Breaker) -> Execute<'a> {
        Execute(self.0.breaker(breaker))
    }

    /// See [`Query::limit`].
    pub fn limit(self, limiter: &'a Limiter, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Execute<'a> {
        Execute(self.0.limit(limiter, key))
    }

    /// See [`Query::bulkhead`].
    pub fn bulkhead(self, bulkhead: &'a Bulkhead) -> Execute<'a> {
        Execute(self.0.bulkhead(bulkhead))
    }
}

impl<'a> IntoFuture for Execute<'a> {
    type Output = Result<Outcome>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.fetch())
    }
}
