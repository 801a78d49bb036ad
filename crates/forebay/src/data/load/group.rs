//! Keys in chunks that become lists of parameters, and rows put to the keys that they belong to.

use std::any::type_name;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde::de::DeserializeOwned;

use crate::decode;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::sql::{Dialect, Places, Spread};
use crate::value::Value;

/// Keys of one statement at most.
const KEYS_MAX: usize = 512;

/// The statements for a list of keys. The list is filled up to a power of two with the last key, so
/// that there are few texts and the database knows them.
pub(crate) struct Chunks {
    spread: Spread,
    values: Vec<Value>,
}

impl Chunks {
    pub(crate) fn new(sql: &str, dialect: Dialect, values: Vec<Value>) -> Result<Chunks> {
        let spread = Spread::new(sql, dialect)
            .map_err(|why| Error::usage(format!("the statement {why}")))?;
        Ok(Chunks { spread, values })
    }

    /// The texts, each with the statement's own values and the keys.
    pub(crate) fn statements(&self, params: &Params) -> impl Iterator<Item = (String, Params)> {
        self.values.chunks(KEYS_MAX).map(move |chunk| {
            let places = chunk.len().next_power_of_two();
            let mut params = params.clone();
            let has_names = params.named().next().is_some();
            let is_named = has_names || self.spread.places() == Places::Named;
            let last = chunk.last().into_iter().cycle();
            for (at, value) in chunk.iter().chain(last).take(places).enumerate() {
                match is_named {
                    true => params.push_named(&self.spread.place(at), value.clone()),
                    false => params.push(value.clone()),
                }
            }
            (self.spread.text(places), params)
        })
    }
}

/// Rows on their way to the keys that they belong to.
pub(crate) struct Grouping<'c, K, C> {
    column: &'c str,
    asked: HashSet<K>,
    groups: HashMap<K, Vec<C>>,
}

impl<'c, K, C> Grouping<'c, K, C>
where
    K: Hash + Eq + DeserializeOwned,
    C: DeserializeOwned,
{
    pub(crate) fn new(column: &'c str, asked: HashSet<K>) -> Grouping<'c, K, C> {
        Grouping { column, asked, groups: HashMap::new() }
    }

    /// Adds the rows of one statement.
    pub(crate) fn add(&mut self, rows: Rows) -> Result<()> {
        let columns = rows.columns();
        let exact = columns.iter().position(|column| *column.name == *self.column);
        let at = exact
            .or_else(|| columns.iter().position(|it| it.name.eq_ignore_ascii_case(self.column)));
        let at = at.ok_or_else(|| {
            Error::usage("the column of the keys is not in the answer: add it to the SELECT")
        })?;
        let key = |row: usize| decode::scalar(&columns[at..=at], &rows.values(row)[at..=at]);
        let keys: Vec<K> = (0..rows.len()).map(key).collect::<Result<_>>()?;
        if keys.iter().any(|key| !self.asked.contains(key)) {
            return Err(Error::usage(format!(
                "a row came whose key equals none that was asked for: the database compares the \
                 column more loosely than {} does (by a collation, or another type), or it is not \
                 the column that is compared with :keys",
                type_name::<K>()
            )));
        }
        for (key, child) in keys.into_iter().zip(decode::take_all(rows)?) {
            self.groups.entry(key).or_default().push(child);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> HashMap<K, Vec<C>> {
        self.groups
    }
}
