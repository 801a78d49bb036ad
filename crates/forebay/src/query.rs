//! One statement with its parameters and options, and the ways to take its answer.

mod policy;

use std::future::{IntoFuture, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::backend::Scope;
use crate::cache::TextRef;
use crate::decode;
use crate::depend;
use crate::engine::{Call, CallGuards, Chunks, Engine, Pinned, Read, SessionState, Source};
use crate::error::{Error, Kind, Result};
use crate::guard::{Breaker, Bulkhead, Limiter};
use crate::mode::Freshness;
use crate::outcome::Outcome;
use crate::params::Params;
use crate::row::{Column, Rows};
use crate::sql::Bypass;
use crate::value::Value;

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
        Query::of(target, target.engine().text_ref(sql), caller)
    }

    /// The same for a text that is ready to be looked up.
    #[inline]
    pub(crate) fn of(
        target: Target<'a>,
        text: TextRef<'a>,
        caller: &'static Location<'static>,
    ) -> Query<'a> {
        let call = Call {
            text,
            params: Params::default(),
            name: None,
            no_cache: false,
            is_strict: target.engine().is_strict(),
            timeout: None,
            until: OnceLock::new(),
            limits: target.engine().limits(),
            policy: target.engine().policy(),
            guards: None,
            caller,
        };
        Query { target, call, fault: None }
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
            self.check()?;
            let Target::Shared(engine) = self.target else {
                return decode::take_all(self.run().await?.outcome.rows).map(Arc::new);
            };
            if self.call.looks_up()
                && self.call.policy.is_none()
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

    /// The rows one after another, in bounded memory: a few chunks of 256 rows or 256 KiB. They
    /// may come from the cache but are not stored in it. The stream holds a connection until it
    /// ends or is dropped; one that is not read for 30 s is ended with an error.
    pub async fn stream<T: DeserializeOwned>(mut self) -> Result<RowStream<T>> {
        self.check()?;
        depend::doubt(Bypass::Stream.reason());
        let (target, call) = (self.target, self.call);
        let chunks = match target {
            Target::Shared(engine) => engine.stream(call).await?,
            Target::Session(engine, session) => engine.stream_in_session(session, call).await?,
            Target::Transaction(engine, pinned) => {
                engine.stream_pinned(pinned, call, Scope::Transaction).await?
            }
        };
        Ok(RowStream { chunks, rows: None, next: 0, row: std::marker::PhantomData })
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

    /// What `take` makes of the rows, if they are in the cache and may be taken from there. They
    /// are not copied for it.
    #[inline]
    fn cached<R>(&mut self, take: impl FnOnce(&Rows) -> R) -> Result<Option<R>> {
        self.check()?;
        match self.target {
            Target::Shared(engine) if self.call.looks_up() => engine.cached(&self.call, take),
            _ => Ok(None),
        }
    }

    /// Runs the statement. Boxed, so that a future which ends with a hit stays small: it is moved
    /// about before it is polled.
    fn run(&self) -> Pin<Box<dyn Future<Output = Result<Read>> + Send + '_>> {
        let run = self.target.run(&self.call);
        if depend::is_collecting() {
            return Box::pin(self.target.engine().observe(run));
        }
        Box::pin(run)
    }

    /// Runs the statement without asking the cache again.
    fn run_missed(&self) -> Pin<Box<dyn Future<Output = Result<Read>> + Send + '_>> {
        match self.target {
            Target::Shared(engine) if depend::is_collecting() => {
                Box::pin(engine.observe(engine.run_missed(&self.call)))
            }
            Target::Shared(engine) => Box::pin(engine.run_missed(&self.call)),
            Target::Session(..) | Target::Transaction(..) => self.run(),
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

/// Rows one after another. Dropping it stops the statement.
pub struct RowStream<T> {
    chunks: Chunks,
    rows: Option<Rows>,
    next: usize,
    row: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> RowStream<T> {
    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.chunks.columns()
    }

    /// The next row, or `None` after the last. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(rows) = &self.rows
                && self.next < rows.len()
            {
                let row = decode::at(rows, self.next);
                self.next += 1;
                return Poll::Ready(Some(row));
            }
            self.rows = None;
            self.next = 0;
            match self.chunks.poll_next(context) {
                Poll::Ready(Some(Ok(rows))) => self.rows = Some(rows),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<T: DeserializeOwned> futures_core::Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll(context)
    }
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
