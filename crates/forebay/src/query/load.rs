//! The rows that belong to many keys, by one statement.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde::de::DeserializeOwned;

use super::Query;
use crate::data::load::{Chunks, Grouping};
use crate::error::{Error, Result};
use crate::value::Value;

impl Query<'_> {
    /// The rows that belong to each of many keys: the children of many parents, by one statement
    /// instead of one for each. `IN (:keys)` stands for the list, and `column` is the column of the
    /// answer that it compares.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # async fn example(db: forebay::Db, authors: Vec<i64>) -> forebay::Result<()> {
    /// let mut posts: HashMap<i64, Vec<(i64, i64, String)>> = db
    ///     .query("SELECT id, author, title FROM posts WHERE author IN (:keys) ORDER BY id")
    ///     .load_many("author", authors.iter().copied())
    ///     .await?;
    /// let of_the_first = posts.remove(&authors[0]).unwrap_or_default();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A key without rows is not in the map. The rows of a key come in the statement's order. Keys
    /// that come twice are asked for once, and NULLs (`Option`) belong to nobody: leave them out.
    /// Without any key nothing is asked.
    ///
    /// At most 512 keys make one statement; more make several, one after another, which are of one
    /// snapshot only in a transaction that has one. Each takes the way of any query: from the
    /// cache, if the same keys were asked for in the same order before and nothing has changed.
    ///
    /// Errors: [`Error::is_usage`] for a statement without `IN (:keys)` or with a LIMIT of its own,
    /// which would cut the rows of all keys together, and for a row whose key equals none that was
    /// asked for; [`Error::is_decode`] where a key or a row does not fit its type.
    pub fn load_many<K, C>(
        mut self,
        column: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Result<HashMap<K, Vec<C>>>>
    where
        K: Hash + Eq + Clone + DeserializeOwned + TryInto<Value>,
        <K as TryInto<Value>>::Error: Into<Error>,
        C: DeserializeOwned,
    {
        let mut asked = HashSet::new();
        let mut values = Vec::new();
        for key in keys {
            if asked.insert(key.clone()) {
                values.push(key.try_into().map_err(Into::into));
            }
        }
        async move {
            self.check()?;
            let values = values.into_iter().collect::<Result<Vec<Value>>>()?;
            let mut grouping = Grouping::new(column, asked);
            let dialect = self.target.engine().dialect();
            let chunks = Chunks::new(self.call.text.sql, dialect, values)?;
            for (sql, params) in chunks.statements(&self.call.params) {
                grouping.add(self.like(&sql, params).rows().await?)?;
            }
            Ok(grouping.finish())
        }
    }

    /// The one row that belongs to each of many keys, as [`Query::load_many`]: the parents of many
    /// children. Two rows for one key are an error ([`Error::is_usage`]).
    pub fn load_one<K, C>(
        self,
        column: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Result<HashMap<K, C>>>
    where
        K: Hash + Eq + Clone + DeserializeOwned + TryInto<Value>,
        <K as TryInto<Value>>::Error: Into<Error>,
        C: DeserializeOwned,
    {
        let many = self.load_many::<K, C>(column, keys);
        async move {
            let single = |(key, mut rows): (K, Vec<C>)| match (rows.pop(), rows.is_empty()) {
                (Some(row), true) => Ok((key, row)),
                _ => Err(Error::usage(
                    "two rows belong to one key: use load_many, or a column that is unique",
                )),
            };
            many.await?.into_iter().map(single).collect()
        }
    }
}
