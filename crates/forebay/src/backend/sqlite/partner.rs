//! Asking the database for the values of a partner: which rows of a joined table an answer rests
//! on. It is asked after the answer has been read, in the same state of the database.

use rusqlite::types::ValueRef;

use super::hooks::Hooked;
use crate::invalidate::Awaited;
use crate::sql::Partner;
use crate::value::Value;

/// The values of the partner's rows that meet its filters; `None` when they cannot be told, or
/// there are more than are of use. It takes from the budget of the statement that it is asked for.
pub(super) fn values(hooked: &Hooked, partner: &Partner, awaited: &Awaited) -> Option<Vec<Value>> {
    let rows_max = awaited.values_max().saturating_mul(4);
    let mut statement = hooked.connection().prepare_cached(&text(partner, awaited)).ok()?;
    let operands = awaited.operands.iter().flatten();
    for (index, operand) in operands.enumerate() {
        statement.raw_bind_parameter(index + 1, operand).ok()?;
    }
    let mut rows = statement.raw_query();
    let mut values = Vec::new();
    while let Some(row) = rows.next().ok()? {
        if values.len() == rows_max {
            return None;
        }
        match row.get_ref(0).ok()? {
            // Beside columns with INTEGER affinity most are.
            ValueRef::Integer(n) => values.push(Value::Integer(n)),
            ValueRef::Real(x) => values.push(Value::Real(x)),
            ValueRef::Null => {}
            ValueRef::Text(_) | ValueRef::Blob(_) => return None,
        }
    }
    Some(values)
}

/// `SELECT value FROM table WHERE …`, with a parameter for each operand.
fn text(partner: &Partner, awaited: &Awaited) -> String {
    let filters = partner.filters.iter().zip(&awaited.operands);
    let filters = filters.map(|((column, _), operands)| {
        let equation = format!("{} = ?", quoted(column));
        format!("({})", vec![equation; operands.len()].join(" OR "))
    });
    let filters = filters.collect::<Vec<_>>().join(" AND ");
    let (value, table) = (quoted(&partner.value), quoted(&partner.table));
    format!("SELECT {value} FROM main.{table} WHERE {filters}")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
