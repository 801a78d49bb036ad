//! Parameters into a prepared statement. All must be given, and none too many.

use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use smallvec::SmallVec;

use super::fault;
use crate::backend::Batch;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::value::Value;

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Owned(Owned::Null),
            Value::Integer(n) => ToSqlOutput::Owned(Owned::Integer(*n)),
            Value::Real(x) => ToSqlOutput::Owned(Owned::Real(*x)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(blob) => ToSqlOutput::Borrowed(ValueRef::Blob(blob)),
        })
    }
}

/// Binds `params` to `statement`. Positional values take the places 1, 2, …; named ones theirs.
pub(super) fn bind(statement: &mut Statement<'_>, params: &Params) -> Result<()> {
    let places = statement.parameter_count();
    let positional = params.positional().count();
    let has_names = params.named().next().is_some();
    if positional > places || (!has_names && positional != places) {
        return Err(Error::usage(format!(
            "the statement takes {places} parameter{}, but {positional} {} bound",
            if places == 1 { "" } else { "s" },
            if positional == 1 { "was" } else { "were" },
        )));
    }
    let put = |statement: &mut Statement<'_>, place: usize, value: &Value| {
        statement
            .raw_bind_parameter(place, value)
            .map_err(|error| fault::from_driver(error, None, None))
    };
    for (index, value) in params.positional().enumerate() {
        put(statement, index + 1, value)?;
    }
    if !has_names {
        return Ok(());
    }
    let mut bound = vec![false; places];
    bound[..positional].fill(true);
    for (name, value) in params.named() {
        let place = place(statement, name)?;
        put(statement, place, value)?;
        bound[place - 1] = true;
    }
    match bound.iter().position(|bound| !bound) {
        Some(missing) => {
            let name = statement.parameter_name(missing + 1).unwrap_or("?").to_owned();
            Err(Error::usage(format!("no value is bound to parameter {} ({name})", missing + 1)))
        }
        None => Ok(()),
    }
}

/// The values that `bind` has bound, by place.
pub(super) fn places<'p>(
    statement: &Statement<'_>,
    params: &'p Params,
) -> Result<SmallVec<[&'p Value; 8]>> {
    let mut values: SmallVec<[&Value; 8]> = params.positional().collect();
    if params.named().next().is_none() {
        return Ok(values);
    }
    values.resize(statement.parameter_count(), &Value::Null);
    for (name, value) in params.named() {
        values[place(statement, name)? - 1] = value;
    }
    Ok(values)
}

/// For each value of a row of `batch` the parameter that it goes to, each of which gets one.
/// Those that are the same for all rows are bound.
pub(super) fn row_places(statement: &mut Statement<'_>, batch: &Batch) -> Result<Vec<usize>> {
    let fixed = batch.fixed().len();
    let (wanted, given) = (statement.parameter_count(), fixed + batch.width());
    if wanted != given {
        return Err(Error::usage(format!(
            "the statement takes {wanted} parameters, and the rows have {given} values each"
        )));
    }
    bind_row(statement, batch.fixed(), &(1..=fixed).collect::<Vec<_>>())?;
    let Some(names) = batch.names() else { return Ok((fixed + 1..=given).collect()) };
    names.iter().map(|name| place(statement, name)).collect()
}

/// Binds a row to the places of its values.
pub(super) fn bind_row(
    statement: &mut Statement<'_>,
    row: &[Value],
    places: &[usize],
) -> Result<()> {
    for (value, place) in row.iter().zip(places) {
        statement
            .raw_bind_parameter(*place, value)
            .map_err(|error| fault::from_driver(error, None, None))?;
    }
    Ok(())
}

/// The place of the parameter called `name`, which may lack its prefix.
fn place(statement: &Statement<'_>, name: &str) -> Result<usize> {
    let find = |name: &str| {
        statement.parameter_index(name).map_err(|error| fault::from_driver(error, None, None))
    };
    if name.starts_with([':', '@', '$', '?']) {
        if let Some(place) = find(name)? {
            return Ok(place);
        }
    } else {
        for prefix in [":", "@", "$"] {
            if let Some(place) = find(&format!("{prefix}{name}"))? {
                return Ok(place);
            }
        }
    }
    Err(Error::usage(format!("the statement has no parameter called {name:?}")))
}
