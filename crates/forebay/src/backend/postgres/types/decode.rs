//! Results into values, by the type of their column and the format they come in.

use compact_str::CompactString;

use super::oid::{Codec, codec, element, type_name};
use super::read::Reader;
use super::{array, date, interval, literal, number, numeric, time};
use crate::error::{Error, Kind, Result};
use crate::json::unhex;
use crate::row::{ColumnKind, ElementKind};
use crate::value::Value;

/// One of the two formats of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Binary,
}

/// The format to ask for: binary where it is read here, which does not depend on the settings of
/// the session.
pub(crate) fn result_format(oid: u32) -> Format {
    match codec(element(oid).unwrap_or(oid)) {
        Codec::Other => Format::Text,
        _ => Format::Binary,
    }
}

/// How the values of a column of this type are to be understood.
pub(crate) fn kind(oid: u32) -> ColumnKind {
    if let Some(element) = element(oid) {
        return array_kind(element);
    }
    match codec(oid) {
        Codec::Bool => ColumnKind::Bool,
        Codec::Numeric => ColumnKind::Decimal,
        Codec::Json | Codec::Jsonb => ColumnKind::Json,
        _ => ColumnKind::Plain,
    }
}

fn array_kind(element: u32) -> ColumnKind {
    ColumnKind::Array(match codec(element) {
        Codec::Float4 | Codec::Float8 => ElementKind::Real,
        Codec::Numeric => ElementKind::Decimal,
        Codec::Json | Codec::Jsonb => ElementKind::Json,
        Codec::Bytea => ElementKind::Bytes,
        _ => ElementKind::Plain,
    })
}

/// A value that is not NULL. Texts are in UTF-8, dates in DateStyle ISO.
pub(crate) fn decode(oid: u32, format: Format, bytes: &[u8]) -> Result<Value> {
    let value = match (element(oid), format) {
        (Some(element), Format::Binary) => array::json(element, bytes).map(Value::from),
        (Some(element), Format::Text) => list(element, bytes),
        (None, Format::Binary) => binary(codec(oid), bytes),
        (None, Format::Text) => {
            str::from_utf8(bytes).ok().and_then(|value| text(codec(oid), value))
        }
    };
    value.ok_or_else(|| malformed(oid))
}

fn list(element: u32, bytes: &[u8]) -> Option<Value> {
    literal::json(element, str::from_utf8(bytes).ok()?).map(Value::from)
}

#[cold]
fn malformed(oid: u32) -> Error {
    let name = type_name(oid).map_or_else(|| format!("with the oid {oid}"), str::to_owned);
    let text = format!(
        "the server sent a value of the type {name} that cannot be read: texts must be in UTF-8 \
         (client_encoding), dates in DateStyle ISO, and a list at most 1 GiB; if they are, please \
         report it"
    );
    Error::new(Kind::Database, text)
}

pub(super) fn binary(codec: Codec, bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::new(bytes);
    let value = match codec {
        Codec::Bool => match reader.array()? {
            [byte @ (0 | 1)] => Value::Integer(i64::from(byte)),
            _ => return None,
        },
        Codec::Int2 => Value::Integer(i64::from(reader.i16()?)),
        Codec::Int4 => Value::Integer(i64::from(reader.i32()?)),
        Codec::Int8 => Value::Integer(reader.i64()?),
        Codec::Oid => Value::Integer(i64::from(reader.u32()?)),
        Codec::Float4 => Value::Real(number::widen(f32::from_bits(reader.u32()?))),
        Codec::Float8 => Value::Real(f64::from_bits(reader.u64()?)),
        Codec::Numeric => return numeric::text(bytes).map(Value::from),
        Codec::Text | Codec::Json => return utf8(bytes),
        Codec::Jsonb => match bytes.split_first()? {
            // The only version of its format there is.
            (1, text) => return utf8(text),
            _ => return None,
        },
        Codec::Bytea => return Some(Value::Blob(bytes.into())),
        Codec::Date => return date::date(bytes).map(Value::Text),
        Codec::Time => return time::time(bytes).map(Value::Text),
        Codec::Timetz => return time::timetz(bytes).map(Value::Text),
        Codec::Timestamp => return date::timestamp(bytes, "").map(Value::Text),
        Codec::Timestamptz => return date::timestamp(bytes, "Z").map(Value::Text),
        Codec::Interval => return interval::interval(bytes).map(Value::Text),
        Codec::Uuid => uuid(reader.array()?),
        Codec::Other => return None,
    };
    reader.end(value)
}

pub(super) fn text(codec: Codec, text: &str) -> Option<Value> {
    Some(match codec {
        Codec::Bool => match text {
            "t" => Value::Integer(1),
            "f" => Value::Integer(0),
            _ => return None,
        },
        Codec::Int2 | Codec::Int4 | Codec::Int8 | Codec::Oid => Value::Integer(text.parse().ok()?),
        Codec::Float4 | Codec::Float8 => Value::Real(number::parse(text)?),
        Codec::Bytea => Value::Blob(bytea(text)?.into()),
        Codec::Date => Value::Text(date::parse_date(text)?),
        Codec::Timestamp => Value::Text(date::parse_timestamp(text, "")?),
        Codec::Timestamptz => Value::Text(date::parse_timestamp(text, "Z")?),
        Codec::Interval => Value::Text(interval::parse(text)),
        Codec::Numeric
        | Codec::Text
        | Codec::Json
        | Codec::Jsonb
        | Codec::Time
        | Codec::Timetz
        | Codec::Uuid
        | Codec::Other => Value::from(text),
    })
}

fn utf8(bytes: &[u8]) -> Option<Value> {
    CompactString::from_utf8(bytes).ok().map(Value::Text)
}

fn uuid(bytes: [u8; 16]) -> Value {
    let mut digits = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        digits.push_str(if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" });
        digits.push(char::from_digit(u32::from(byte >> 4), 16).expect("it is four bits"));
        digits.push(char::from_digit(u32::from(byte & 15), 16).expect("it is four bits"));
    }
    Value::from(digits)
}

/// Either of the forms that `bytea_output` chooses from.
fn bytea(text: &str) -> Option<Vec<u8>> {
    if text.starts_with("\\x") {
        return unhex(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                rest = after;
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            (b'\\', _) => return None,
            _ => bytes.push(*byte),
        }
    }
    Some(bytes)
}
