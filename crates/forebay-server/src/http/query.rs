//! `POST /v1/query`: one statement in plain JSON, for any language that has an HTTP client and no
//! driver. Integers are written with all their digits; a reader that takes JSON numbers for
//! doubles must ask for large ones as text (`CAST(n AS TEXT)`).

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::response::Response;
use forebay::{Column, ColumnKind, Outcome, Value};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::reply::Dialect;
use super::service::Service;
use super::{body, reply};
use crate::failure::Failure;
use crate::json::{Answer, base64_decode, put, put_base64, put_real};
use crate::options::Options;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryRequest {
    sql: String,
    /// Parameters stay in their JSON form until their digits have been seen: a number with too
    /// many must not turn into a float on the way.
    #[serde(default)]
    params: Option<Box<RawValue>>,
}

impl crate::request::Request for QueryRequest {
    const VALUE_MARKS: &'static [u8] = b"{[,";

    fn decode(json: &[u8], _: &Options) -> serde_json::Result<QueryRequest> {
        serde_json::from_slice(json)
    }
}

/// Answers one statement.
pub(crate) async fn query(service: &Service, request: Request) -> Response {
    match answer(service, request).await {
        Ok(answer) => reply::answer(answer),
        Err(failure) => reply::failure(&failure, Dialect::Plain),
    }
}

async fn answer(service: &Service, request: Request) -> Result<Answer, Failure> {
    let (request, _held) = body::read::<QueryRequest>(service, request).await?;
    let options = &service.options;
    let mut query = service
        .db
        .query(&request.sql)
        .timeout(options.statement_timeout)
        .max_rows(options.rows_max)
        .max_bytes(options.response_bytes_max);
    let params = request.params.as_deref().map_or("null", RawValue::get);
    if params.starts_with('[') {
        let values: Vec<&RawValue> = serde_json::from_str(params).map_err(wrong_params)?;
        for (index, raw) in values.into_iter().enumerate() {
            query = query.bind(param(raw, &(index + 1).to_string())?);
        }
    } else {
        let values: Option<BTreeMap<String, &RawValue>> =
            serde_json::from_str(params).map_err(wrong_params)?;
        for (name, raw) in values.unwrap_or_default() {
            query = query.bind_named(&name, param(raw, &name)?);
        }
    }
    let outcome = query.fetch().await?;
    let mut answer = Answer::new(options.response_bytes_max, service.memory.hold());
    let put = put_outcome(&mut answer, &outcome).await;
    put.map_err(|failure| failure.after(&outcome))?;
    Ok(answer)
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn wrong_params(error: serde_json::Error) -> Failure {
    let message = format!("`params` must be an array, or an object with names: {error}");
    Failure::bad("PARAMS_INVALID", message)
}

fn param(raw: &RawValue, name: &str) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Blob {
        base64: String,
    }
    let wrong = |what: &str| Failure::bad("PARAMS_INVALID", format!("parameter {name}: {what}"));
    let json = raw.get();
    let value = match json.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Integer(1),
        Some(b'f') => Value::Integer(0),
        Some(b'"') => {
            let text = serde_json::from_str::<String>(json);
            Value::from(text.map_err(|error| wrong(&error.to_string()))?)
        }
        Some(b'{') => {
            let blob = serde_json::from_str::<Blob>(json)
                .map_err(|_| wrong("an object must be a blob: {\"base64\": \"..\"}"))?;
            Value::from(base64_decode(&blob.base64).map_err(|error| wrong(&error))?)
        }
        Some(b'[') => return Err(wrong("an array is not an SQL value")),
        _ if json.contains(['.', 'e', 'E']) => {
            let x = json.parse::<f64>().map_err(|error| wrong(&error.to_string()))?;
            Value::Real(x)
        }
        _ => Value::Integer(json.parse().map_err(|_| {
            wrong(
                "the number does not fit into a 64-bit signed integer; send it as text, or with \
                 a decimal point if the loss is acceptable",
            )
        })?),
    };
    Ok(value)
}

async fn put_outcome(answer: &mut Answer, outcome: &Outcome) -> Result<(), Failure> {
    let rows = &outcome.rows;
    answer.raw(r#"{"columns":["#);
    for (index, column) in rows.columns().iter().enumerate() {
        answer.raw(if index > 0 { "," } else { "" });
        answer.put(&column.name)?;
    }
    answer.raw(r#"],"rows":["#);
    for index in 0..rows.len() {
        if index > 0 {
            answer.raw(",");
        }
        answer.admit(rows.values(index))?;
        put_row(answer.buffer(), rows.columns(), rows.values(index));
        answer.check()?;
        answer.breathe().await;
    }
    answer.raw(r#"],"rows_affected":"#);
    answer.put(&outcome.rows_affected)?;
    answer.raw(r#","last_insert_rowid":"#);
    answer.put(&outcome.last_insert_id)?;
    answer.raw(r#","cached":"#);
    answer.put(&outcome.cached)?;
    answer.raw("}");
    answer.check()
}

fn put_row(out: &mut Vec<u8>, columns: &[Column], row: &[Value]) {
    out.push(b'[');
    for (index, (column, value)) in columns.iter().zip(row).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match (value, column.kind) {
            (Value::Null, _) => put(out, &()),
            (Value::Integer(n), ColumnKind::Bool) => put(out, &(*n != 0)),
            (Value::Integer(n), _) => put(out, n),
            (Value::Real(x), _) if x.is_nan() => put(out, &"NaN"),
            (Value::Real(x), _) => put_real(out, *x),
            // It is JSON already: the database has seen to that.
            (Value::Text(text), ColumnKind::Json | ColumnKind::Array(_)) => {
                out.extend_from_slice(text.as_bytes());
            }
            (Value::Text(text), _) => put(out, &text.as_str()),
            (Value::Blob(blob), _) => {
                out.push(b'{');
                put_base64(out, blob);
                out.push(b'}');
            }
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expect: Result<Value, &str>) {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        match (param(&raw, "1"), expect) {
            (Ok(value), Ok(expect)) => assert_eq!(value, expect, "{json}"),
            (Err(failure), Err(part)) => {
                assert!(failure.message.contains(part), "{}", failure.message);
            }
            (result, expect) => panic!("{json}: {result:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn parameters_lose_nothing() {
        check("null", Ok(Value::Null));
        check("true", Ok(1.into()));
        check("false", Ok(0.into()));
        check("-9223372036854775808", Ok(i64::MIN.into()));
        check("9007199254740993", Ok(9_007_199_254_740_993_i64.into()));
        check("9223372036854775808", Err("does not fit"));
        check("100000000000000000000000000", Err("does not fit"));
        check("1.0", Ok(1.0.into()));
        check("1e2", Ok(100.0.into()));
        check("-0.0", Ok((-0.0).into()));
        check("1e999", Ok(f64::INFINITY.into()));
        check(r#""a\u0000\ud83d\ude00""#, Ok("a\0😀".into()));
        check(r#"{"base64":"AQI="}"#, Ok(vec![1, 2].into()));
        check(r#"{"base64":"?"}"#, Err("base64"));
        check(r#"{"a":1}"#, Err("must be a blob"));
        check("[1]", Err("array"));
    }
}
