//! Rows of the catalogue as the texts that `setup` and `stream` read, whatever their types are: a
//! boolean is `t` or `f`, as on the wire. It is for answers whose size somebody has bounded.

use std::borrow::Cow;
use std::time::Instant;

use super::connection::Connection;
use crate::backend::Limits;
use crate::error::Result;
use crate::row::{ColumnKind, Rows};
use crate::value::Value;

/// What one question to the catalogue may answer at most.
const LIMITS: Limits = Limits { rows_max: 1_000_000, bytes_max: 256 << 20 };

/// All rows of one answer.
pub(crate) struct Cells(Vec<Vec<Option<Box<str>>>>);

impl Cells {
    /// Asks a question without parameters.
    pub(crate) async fn ask(
        connection: &Connection,
        sql: &str,
        deadline: Option<Instant>,
    ) -> Result<Cells> {
        let rows = connection.query_script(sql.into(), deadline, LIMITS).await?;
        Ok(Cells::of(&rows))
    }

    /// The rows, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<Option<&str>>> {
        self.0.iter().map(|row| row.iter().map(Option::as_deref).collect())
    }

    /// The first row; nothing if there is none.
    pub(crate) fn first(&self) -> Vec<Option<&str>> {
        self.rows().next().unwrap_or_default()
    }

    /// The same of rows that are there.
    pub(crate) fn of(rows: &Rows) -> Cells {
        let kinds: Vec<ColumnKind> = rows.columns().iter().map(|column| column.kind).collect();
        let row = |index| {
            let cells = rows.values(index).iter().zip(&kinds);
            cells.map(|(value, kind)| text(value, *kind).map(Box::from)).collect()
        };
        Cells((0..rows.len()).map(row).collect())
    }
}

fn text(value: &Value, kind: ColumnKind) -> Option<Cow<'_, str>> {
    Some(match (value, kind) {
        (Value::Null, _) => return None,
        (Value::Integer(0), ColumnKind::Bool) => "f".into(),
        (Value::Integer(1), ColumnKind::Bool) => "t".into(),
        (Value::Integer(number), _) => number.to_string().into(),
        (Value::Real(number), _) => number.to_string().into(),
        (Value::Text(text), _) => text.as_str().into(),
        (Value::Blob(bytes), _) => String::from_utf8_lossy(bytes),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::row::Column;

    #[test]
    fn values_are_what_the_server_wrote() {
        let column = |kind| Column { name: "c".into(), declared: None, kind };
        let columns: Arc<[Column]> =
            [ColumnKind::Bool, ColumnKind::Plain].map(column).into_iter().collect();
        let values = vec![
            Value::Integer(1),
            Value::Integer(1),
            Value::Integer(0),
            Value::Integer(i64::MIN),
            Value::Null,
            Value::Text("it's".into()),
        ];
        let cells = Cells::of(&Rows::new(columns.clone(), values));
        let rows: Vec<_> = cells.rows().collect();
        let expect = [
            [Some("t"), Some("1")],
            [Some("f"), Some("-9223372036854775808")],
            [None, Some("it's")],
        ];
        assert_eq!(rows, expect);
        assert_eq!(cells.first(), expect[0]);
        assert!(Cells::of(&Rows::new(columns, Vec::new())).first().is_empty());
    }
}
