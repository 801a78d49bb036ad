//! Rows of members as arrays, one for each column, in which they go to the live server: texts, as
//! the servers write and read them.

use crate::error::{Error, Kind, Result};
use crate::row::Rows;
use crate::value::Value;

/// Columns of texts, each as an array in the server's form.
#[derive(Clone, Debug)]
pub(in crate::route) struct Arrays(Vec<String>);

impl Arrays {
    /// No rows of so many columns.
    pub(super) fn none(width: usize) -> Arrays {
        Arrays(vec!["{}".to_owned(); width])
    }

    /// The rows of several answers, one after another; each has so many columns of texts.
    pub(in crate::route) fn of<'r>(
        width: usize,
        answers: impl Iterator<Item = &'r Rows>,
    ) -> Result<Arrays> {
        let mut arrays = vec![String::from("{"); width];
        for rows in answers {
            if rows.columns().len() != width {
                return Err(Error::new(Kind::Busy, "the schema changed meanwhile; try again"));
            }
            for row in 0..rows.len() {
                for (array, value) in arrays.iter_mut().zip(rows.values(row)) {
                    if array.len() > 1 {
                        array.push(',');
                    }
                    push(value, array)?;
                }
            }
        }
        arrays.iter_mut().for_each(|array| array.push('}'));
        Ok(Arrays(arrays))
    }

    /// As values to be bound.
    pub(in crate::route) fn values(&self) -> impl Iterator<Item = Value> + '_ {
        self.0.iter().map(|array| Value::from(array.as_str()))
    }
}

fn push(value: &Value, array: &mut String) -> Result<()> {
    match value {
        Value::Null => array.push_str("NULL"),
        Value::Text(text) => {
            array.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    array.push('\\');
                }
                array.push(c);
            }
            array.push('"');
        }
        _ => {
            return Err(Error::new(Kind::Database, "a member answered another type than text"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Column, ColumnKind};

    #[test]
    fn rows_become_arrays() {
        let check = |values: &[Option<&str>], expect: Option<&[&str]>| {
            let column = Column { name: "c".into(), declared: None, kind: ColumnKind::Plain };
            let value = |it: &Option<&str>| it.map_or(Value::Null, Value::from);
            let columns: std::sync::Arc<[Column]> = [column.clone(), column].into();
            let rows = Rows::new(columns, values.iter().map(value).collect());
            let found = Arrays::of(2, [&rows, &rows].into_iter()).ok().map(|arrays| arrays.0);
            let expect = expect.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
            assert_eq!(found, expect, "{values:?}");
        };
        check(&[], Some(&["{}", "{}"]));
        check(&[Some("a"), None], Some(&["{\"a\",\"a\"}", "{NULL,NULL}"]));
        check(&[Some(""), Some("NULL")], Some(&["{\"\",\"\"}", "{\"NULL\",\"NULL\"}"]));
        let quoted = "{\"a\\\"\\\\b\",\"a\\\"\\\\b\"}";
        check(&[Some("a\"\\b"), Some("{,}")], Some(&[quoted, "{\"{,}\",\"{,}\"}"]));
    }
}
