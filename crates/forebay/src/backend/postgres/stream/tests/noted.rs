//! A record of a transaction as text, for tests to compare.

use super::super::transaction::Record;
use crate::invalidate::{Op, RowChange, Scalar};

/// What was noted, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted(pub(super) Vec<String>);

impl Record for Noted {
    /// `U 7 1>2 a=a ?>?`: per column the value before and after, `=` where it is not changed.
    fn record(&mut self, table: &str, change: &dyn RowChange) {
        let op = match change.op() {
            Op::Insert => 'I',
            Op::Update => 'U',
            Op::Delete => 'D',
        };
        let column = |column: u16| {
            let sign = if change.is_changed(column) { '>' } else { '=' };
            format!(" {}{sign}{}", text(change.before(column)), text(change.after(column)))
        };
        let columns: String = (0..change.width()).map(column).collect();
        self.0.push(format!("{op} {table}{columns}"));
    }

    fn record_unknown(&mut self, table: &str) {
        self.0.push(format!("* {table}"));
    }
}

pub(super) fn text(scalar: Scalar<'_>) -> String {
    match scalar {
        Scalar::Null => "NULL".to_owned(),
        Scalar::Integer(n) => n.to_string(),
        Scalar::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Scalar::Unknown => "?".to_owned(),
        other => format!("{other:?}"),
    }
}
