//! A query of a logical table with its parameters and options, and the ways to take its answer.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::ask::Ask;
use super::explain::RoutedExplanation;
use super::routed::Routed;
use crate::decode;
use crate::error::{Error, Kind, Result};
use crate::row::Rows;
use crate::value::Value;

/// A query of a logical table. Nothing happens until one of `one`, `optional`, `all`, `scalar` or
/// `fetch` is called. Dropping the future stops what it has begun at every member.
///
/// What is brought together of several members is bounded (see
/// [`RoutedBuilder::merge_rows`](crate::RoutedBuilder::merge_rows)). Each member's answers are
/// cached by itself, exactly; what is made of them is not.
#[must_use = "a query does nothing until its answer is asked for"]
pub struct RoutedQuery<'a> {
    routed: &'a Routed,
    ask: Ask<'a>,
    fault: Option<Error>,
}

/// The rows of a query of a logical table.
#[derive(Clone, Debug)]
pub struct RoutedAnswer {
    /// The rows.
    pub rows: Rows,
    /// The members that were asked, in order.
    pub asked: Vec<String>,
    /// Those of them that gave nothing; none unless a part of the answer was asked for.
    pub missing: Vec<MissingMember>,
    /// Whether the only member that was asked had it in its cache.
    pub cached: bool,
}

/// A member that gave nothing.
#[derive(Clone, Debug)]
pub struct MissingMember {
    /// Its name.
    pub member: String,
    /// Why.
    pub error: Error,
}

/// A part of an answer, or all of it.
#[derive(Clone, Debug)]
pub struct Partial<T> {
    /// What there is. An aggregate is one over the rows of the members that answered.
    pub answer: T,
    /// The members that gave nothing; none if this is the whole answer.
    pub missing: Vec<MissingMember>,
}

/// A query that does with what there is when members fail or are late.
#[must_use = "a query does nothing until its answer is asked for"]
pub struct PartialQuery<'a>(RoutedQuery<'a>);

impl<'a> RoutedQuery<'a> {
    pub(super) fn new(routed: &'a Routed, ask: Ask<'a>) -> RoutedQuery<'a> {
        RoutedQuery { routed, ask, fault: None }
    }

    /// Binds the next positional parameter.
    pub fn bind<V>(mut self, value: V) -> RoutedQuery<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(value) => self.ask.params.push(value),
            Err(error) => self.note(error.into()),
        }
        self
    }

    /// Binds the parameter called `name`, written with or without its `:`, `@` or `$`.
    pub fn bind_named<V>(mut self, name: &str, value: V) -> RoutedQuery<'a>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        match value.try_into() {
            Ok(_) if name.is_empty() => {
                self.note(Error::usage("the name of a parameter is empty"));
            }
            Ok(value) => self.ask.params.push_named(name, value),
            Err(error) => self.note(error.into()),
        }
        self
    }

    fn note(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }

    /// Goes to the databases, whatever their caches hold.
    pub fn no_cache(mut self) -> RoutedQuery<'a> {
        self.ask.words.no_cache = true;
        self
    }

    /// Only answers of members that were read at most `limit` ago. See [`crate::Query::ttl`].
    pub fn ttl(mut self, limit: Duration) -> RoutedQuery<'a> {
        self.ask.words.ttl = Some(limit);
        self
    }

    /// A name by which the answers of the members can be deleted, at each of them. See
    /// [`crate::Query::tag`].
    pub fn tag(mut self, tag: &str) -> RoutedQuery<'a> {
        self.ask.words.tags.push(tag.to_owned());
        self
    }

    /// The longest that one member is waited for, instead of `member_timeout`.
    pub fn timeout(mut self, limit: Duration) -> RoutedQuery<'a> {
        self.ask.words.timeout = Some(limit);
        self
    }

    /// Rows at most; more is an error ([`Error::is_too_large`]).
    pub fn max_rows(mut self, rows: usize) -> RoutedQuery<'a> {
        self.ask.words.rows_max = Some(rows);
        self
    }

    /// Bytes at most; more is an error ([`Error::is_too_large`]).
    pub fn max_bytes(mut self, bytes: usize) -> RoutedQuery<'a> {
        self.ask.words.bytes_max = Some(bytes);
        self
    }

    /// Does with what there is when members fail or are late: the answer says which are missing.
    pub fn partial(mut self) -> PartialQuery<'a> {
        self.ask.is_partial = true;
        PartialQuery(self)
    }

    /// The first row; an error ([`Error::is_not_found`]) when there is none.
    pub async fn one<T: DeserializeOwned>(self) -> Result<T> {
        self.optional().await?.ok_or_else(not_found)
    }

    /// The first row, if there is one.
    pub async fn optional<T: DeserializeOwned>(self) -> Result<Option<T>> {
        decode::take_first(self.fetch().await?.rows)
    }

    /// All rows.
    pub async fn all<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        decode::take_all(self.fetch().await?.rows)
    }

    /// The first column of the first row; an error ([`Error::is_not_found`]) without a row.
    pub async fn scalar<T: DeserializeOwned>(self) -> Result<T> {
        let rows = self.fetch().await?.rows;
        if rows.is_empty() {
            return Err(not_found());
        }
        decode::scalar(rows.columns(), rows.values(0))
    }

    /// The rows undecoded, with which members were asked.
    pub async fn fetch(self) -> Result<RoutedAnswer> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        // Boxed: it is large, and would be moved about in what is made of it.
        Box::pin(self.routed.inner.read(&self.ask)).await
    }

    /// Which members it would ask, what, and how their answers would become one. Nothing is run.
    pub async fn explain(self) -> Result<RoutedExplanation> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.routed.inner.explain(&self.ask).await
    }
}

impl PartialQuery<'_> {
    /// All rows that there are.
    pub async fn all<T: DeserializeOwned>(self) -> Result<Partial<Vec<T>>> {
        let RoutedAnswer { rows, missing, .. } = self.0.fetch().await?;
        Ok(Partial { answer: decode::take_all(rows)?, missing })
    }

    /// The rows that there are, undecoded.
    pub async fn fetch(self) -> Result<RoutedAnswer> {
        self.0.fetch().await
    }
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "the query found no row; use `optional` if that is expected")
}
