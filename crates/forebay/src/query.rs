//! One statement with its parameters and options, and the ways to take its answer.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::row::Rows;
use crate::value::Value;

/// A statement that answers rows. Nothing happens until one of `one`, `optional`, `all`,
/// `shared`, `scalar`, `fetch` or `stream` is called.
///
/// Dropping the future stops the statement.
#[must_use = "a query does nothing until its answer is asked for"]
pub struct Query<'a> {
    sql: &'a str,
}

/// All that a statement brought about.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rows; none for a statement without any.
    pub rows: Rows,
    /// Rows inserted, updated or deleted by the statement itself.
    pub rows_affected: u64,
    /// The rowid of the last inserted row on the connection used, for an INSERT.
    pub last_insert_id: Option<i64>,
    /// Whether it was answered from the cache.
    pub cached: bool,
}

/// Rows one after another. Dropping it stops the statement.
pub struct RowStream<T> {
    _row: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> RowStream<T> {
    /// The columns, in order.
    pub fn columns(&self) -> &[crate::row::Column] {
        todo!()
    }

    /// The next row, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T>> {
        todo!()
    }
}

impl<T: DeserializeOwned> futures_core::Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(
        self: Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<T>>> {
        todo!()
    }
}

impl<'a> Query<'a> {
    /// Binds the next positional parameter.
    pub fn bind<V>(self, value: V) -> Query<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        let _ = (value.try_into().map_err(Into::into), self.sql);
        todo!()
    }

    /// Binds the parameter called `name`, written with or without its `:`, `@` or `$`.
    pub fn bind_named<V>(self, name: &str, value: V) -> Query<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        let _ = (name, value.try_into().map_err(Into::into));
        todo!()
    }

    /// The name under which statistics, logs and metrics show this statement.
    pub fn named(self, name: &'a str) -> Query<'a> {
        let _ = name;
        todo!()
    }

    /// Goes to the database, whatever the cache holds.
    pub fn no_cache(self) -> Query<'a> {
        todo!()
    }

    /// The longest this statement may run.
    pub fn timeout(self, limit: Duration) -> Query<'a> {
        let _ = limit;
        todo!()
    }

    /// Rows at most; more is an error ([`Error::is_too_large`]).
    pub fn max_rows(self, rows: usize) -> Query<'a> {
        let _ = rows;
        todo!()
    }

    /// Bytes at most; more is an error ([`Error::is_too_large`]).
    pub fn max_bytes(self, bytes: usize) -> Query<'a> {
        let _ = bytes;
        todo!()
    }

    /// The first row; an error ([`Error::is_not_found`]) when there is none.
    pub async fn one<T: DeserializeOwned>(self) -> Result<T> {
        todo!()
    }

    /// The first row, if there is one.
    pub async fn optional<T: DeserializeOwned>(self) -> Result<Option<T>> {
        todo!()
    }

    /// All rows.
    pub async fn all<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        todo!()
    }

    /// All rows, decoded once and shared by every caller that asks for the same type.
    pub async fn shared<T>(self) -> Result<Arc<Vec<T>>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        todo!()
    }

    /// The first column of the first row.
    pub async fn scalar<T: DeserializeOwned>(self) -> Result<T> {
        todo!()
    }

    /// The rows undecoded, with what the statement changed.
    pub async fn fetch(self) -> Result<Outcome> {
        todo!()
    }

    /// The rows one after another, in bounded memory; not stored in the cache.
    pub async fn stream<T: DeserializeOwned>(self) -> Result<RowStream<T>> {
        todo!()
    }
}

/// A statement whose rows do not matter. Await it.
#[must_use = "a statement does nothing until it is awaited"]
pub struct Execute<'a>(Query<'a>);

impl<'a> Execute<'a> {
    /// Binds the next positional parameter.
    pub fn bind<V>(self, value: V) -> Execute<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        Execute(self.0.bind(value))
    }

    /// Binds the parameter called `name`.
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

    /// The longest this statement may run.
    pub fn timeout(self, limit: Duration) -> Execute<'a> {
        Execute(self.0.timeout(limit))
    }
}

impl<'a> IntoFuture for Execute<'a> {
    type Output = Result<Outcome>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.fetch())
    }
}
