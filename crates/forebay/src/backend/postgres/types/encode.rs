//! Values into parameters, by the type that the server says the parameter has. What would be
//! rounded, cut or taken for something else is an error; it names the type and never the value.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::literal;
use super::oid::{Codec, codec, element, type_name};
use super::param::{self, Refused};
use crate::error::{Error, Result};
use crate::json::{real, unhex};
use crate::value::Value;

/// What a parameter is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoded {
    /// Nothing was written.
    Null,
    Text,
    Binary,
}

/// 2 to the power of 63, the first float that no `i64` equals.
const INTEGER_END: f64 = 9_223_372_036_854_775_808.0;

/// Appends the bytes of a parameter, without their length. After an error `out` is as it was.
pub(crate) fn encode(oid: u32, value: &Value, out: &mut BytesMut) -> Result<Encoded> {
    match element(oid) {
        Some(element) => encode_list(oid, element, value, out),
        None => encode_scalar(oid, value, out),
    }
}

/// A text for a column of this type, in the form that the server reads where it is a list.
pub(crate) fn list_text(oid: u32, text: &str) -> Result<Cow<'_, str>> {
    match element(oid) {
        Some(element) => literal::text(element, text).map_err(|why| refused(oid, why)),
        None => Ok(Cow::Borrowed(text)),
    }
}

fn encode_list(oid: u32, element: u32, value: &Value, out: &mut BytesMut) -> Result<Encoded> {
    let text = match value {
        Value::Null => return Ok(Encoded::Null),
        Value::Text(text) if text.contains('\0') => return Err(refused(oid, Refused::Nul)),
        Value::Text(text) => literal::text(element, text).map_err(|why| refused(oid, why))?,
        Value::Integer(_) | Value::Real(_) | Value::Blob(_) => {
            return Err(wrong(oid, "a list: bind forebay::Array, or text such as [1,2] or {1,2}"));
        }
    };
    out.put_slice(text.as_bytes());
    Ok(Encoded::Text)
}

fn encode_scalar(oid: u32, value: &Value, out: &mut BytesMut) -> Result<Encoded> {
    match value {
        Value::Null => Ok(Encoded::Null),
        Value::Integer(n) => integer(oid, *n, out),
        Value::Real(x) => float(oid, *x, out),
        Value::Text(text) => text_of(oid, text, out),
        Value::Blob(blob) if codec(oid) == Codec::Bytea => {
            out.put_slice(blob);
            Ok(Encoded::Binary)
        }
        Value::Blob(_) => Err(wrong(
            oid,
            "no bytes, only bytea does: bind text or a number, or CAST($1 AS bytea)",
        )),
    }
}

fn integer(oid: u32, n: i64, out: &mut BytesMut) -> Result<Encoded> {
    let range = |range: &str| wrong(oid, format!("integers from {range}"));
    match codec(oid) {
        Codec::Bool => match n {
            0 | 1 => out.put_u8(u8::from(n == 1)),
            _ => return Err(wrong(oid, "a boolean, or the integers 0 and 1")),
        },
        Codec::Int2 => out.put_i16(i16::try_from(n).map_err(|_| range("-32768 to 32767"))?),
        Codec::Int4 => {
            out.put_i32(i32::try_from(n).map_err(|_| range("-2147483648 to 2147483647"))?);
        }
        Codec::Int8 => out.put_i64(n),
        Codec::Oid => out.put_u32(u32::try_from(n).map_err(|_| range("0 to 4294967295"))?),
        // Rounded to the nearest, as the server's own cast does.
        Codec::Float4 => out.put_f32(n as f32),
        Codec::Float8 => out.put_f64(n as f64),
        Codec::Numeric | Codec::Text | Codec::Json | Codec::Jsonb | Codec::Other => {
            out.put_slice(n.to_string().as_bytes());
            return Ok(Encoded::Text);
        }
        codec => return Err(no_number(oid, codec)),
    }
    Ok(Encoded::Binary)
}

fn float(oid: u32, x: f64, out: &mut BytesMut) -> Result<Encoded> {
    match codec(oid) {
        Codec::Int2 | Codec::Int4 | Codec::Int8 | Codec::Oid => {
            if x.fract() != 0.0 || !(-INTEGER_END..INTEGER_END).contains(&x) {
                let wanted = "whole numbers: round it, or CAST($1 AS float8) in the statement";
                return Err(wrong(oid, wanted));
            }
            integer(oid, x as i64, out)
        }
        Codec::Float4 => {
            let narrow = x as f32;
            if narrow.is_infinite() && x.is_finite() || narrow == 0.0 && x != 0.0 {
                return Err(wrong(oid, "floats of 32 bits: CAST($1 AS float8) in the statement"));
            }
            out.put_f32(narrow);
            Ok(Encoded::Binary)
        }
        Codec::Float8 => {
            out.put_f64(x);
            Ok(Encoded::Binary)
        }
        Codec::Json | Codec::Jsonb if !x.is_finite() => {
            Err(wrong(oid, "no float that is infinite or not a number, since JSON has none"))
        }
        Codec::Numeric | Codec::Text | Codec::Json | Codec::Jsonb | Codec::Other => {
            out.put_slice(real(x).as_bytes());
            Ok(Encoded::Text)
        }
        codec => Err(no_number(oid, codec)),
    }
}

fn text_of(oid: u32, text: &str, out: &mut BytesMut) -> Result<Encoded> {
    let codec = codec(oid);
    let text = param::text(codec, text).map_err(|why| refused(oid, why))?;
    match (codec, unhex(&text)) {
        (Codec::Bytea, Some(bytes)) => {
            out.put_slice(&bytes);
            Ok(Encoded::Binary)
        }
        _ => {
            out.put_slice(text.as_bytes());
            Ok(Encoded::Text)
        }
    }
}

#[cold]
fn no_number(oid: u32, codec: Codec) -> Error {
    wrong(
        oid,
        match codec {
            Codec::Bool => "a boolean, or the integers 0 and 1",
            Codec::Bytea => "bytes, or text such as \\x00ff",
            Codec::Uuid => "text such as 550e8400-e29b-41d4-a716-446655440000",
            Codec::Interval => "text such as P1DT2H or 1 day 2 hours",
            Codec::Time | Codec::Timetz => "text such as 10:30:00",
            _ => {
                "text such as 2024-01-31 or 2024-01-31T10:30:00Z; for seconds since 1970, \
                  to_timestamp($1) in the statement"
            }
        },
    )
}

#[cold]
fn refused(oid: u32, why: Refused) -> Error {
    match why {
        Refused::Nul => Error::usage(
            "a parameter has the character U+0000, which no text of PostgreSQL can hold: bind \
             bytes to a bytea, or take it out",
        ),
        Refused::Hex => wrong(oid, "bytes: bind Vec<u8>, or their digits as text such as \\x00ff"),
        Refused::List => wrong(oid, "a list, and what begins with [ is not JSON: use [1,2]"),
        Refused::Element => wrong(oid, "a list of scalars, and an element is an object"),
    }
}

#[cold]
fn wrong(oid: u32, takes: impl AsRef<str>) -> Error {
    let name = type_name(oid).map_or_else(|| format!("with the oid {oid}"), str::to_owned);
    Error::usage(format!("a parameter of the type {name} takes {}", takes.as_ref()))
}
