//! SQL texts that a client has stored on its stream, to send them once and use them often.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::failure::Failure;
use crate::options::Options;

/// Stored texts by the client's number, bounded in count and bytes.
#[derive(Default)]
pub(crate) struct StoredSql {
    texts: HashMap<i32, Arc<str>>,
    bytes: usize,
}

/// Where a request takes its SQL from: it carries the text, or names a stored one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SqlSource {
    #[serde(default)]
    pub(crate) sql: Option<String>,
    #[serde(default)]
    pub(crate) sql_id: Option<i32>,
}

impl StoredSql {
    pub(crate) fn put(&mut self, id: i32, sql: &str, limits: &Options) -> Result<(), Failure> {
        if self.texts.contains_key(&id) {
            let message = format!("an SQL text with id {id} is stored already; close it first");
            return Err(Failure::bad("SQL_EXISTS", message));
        }
        if self.texts.len() >= limits.stored_sql_max {
            return Err(Failure::bad(
                "SQL_STORE_TOO_MANY",
                format!("the stream stores {} SQL texts, and no more fit", self.texts.len()),
            ));
        }
        if self.bytes + sql.len() > limits.stored_sql_bytes_max {
            return Err(Failure::bad(
                "SQL_STORE_TOO_LARGE",
                format!(
                    "the SQL texts of a stream may take {} bytes together; send this one with \
                     its statement instead",
                    limits.stored_sql_bytes_max
                ),
            ));
        }
        self.bytes += sql.len();
        self.texts.insert(id, sql.into());
        Ok(())
    }

    /// Closing what is not there is no error: that is what the protocol says.
    pub(crate) fn close(&mut self, id: i32) {
        if let Some(text) = self.texts.remove(&id) {
            self.bytes -= text.len();
        }
    }

    pub(crate) fn resolve(&self, source: SqlSource) -> Result<Arc<str>, Failure> {
        match (source.sql, source.sql_id) {
            (Some(sql), None) => Ok(sql.into()),
            (None, Some(id)) => self.texts.get(&id).cloned().ok_or_else(|| {
                Failure::bad("SQL_NOT_FOUND", format!("no SQL text is stored with id {id}"))
            }),
            (Some(_), Some(_)) => {
                Err(Failure::bad("SQL_AMBIGUOUS", "`sql` and `sql_id` are both given"))
            }
            (None, None) => Err(Failure::bad("SQL_MISSING", "neither `sql` nor `sql_id` is given")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_in_number_and_bytes() {
        let limits = Options { stored_sql_max: 2, stored_sql_bytes_max: 10, ..Options::default() };
        let mut store = StoredSql::default();
        let mut check = |id, sql: &str, expect: Result<(), &str>| {
            let result = store.put(id, sql, &limits);
            assert_eq!(result.map_err(|failure| failure.code), expect, "{id} {sql}");
            if id < 0 {
                store.close(-id);
            }
        };
        check(1, "123456", Ok(()));
        check(1, "1", Err("SQL_EXISTS"));
        check(2, "12345", Err("SQL_STORE_TOO_LARGE"));
        check(2, "1234", Ok(()));
        check(-1, "", Err("SQL_STORE_TOO_MANY"));
        check(3, "123456", Ok(()));
    }
}
