//! `Value` and `Row` in serde's world: they can be asked for like any other type, and written out.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::fault::Carried;
use crate::row::{Column, ColumnKind, Row, Rows};
use crate::value::Value;

/// The names by which our own deserializers know the two types.
pub(super) const VALUE: &str = "$forebay::private::Value";
pub(super) const ROW: &str = "$forebay::private::Row";

/// Bytes and columns that are made room for on the word of a foreign format.
const TRUSTED_HINT_MAX: usize = 4096;

/// NULL as the unit, a blob as bytes. JSON writes bytes as an array of numbers, and a float that
/// is infinite or not a number as null.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(n) => serializer.serialize_i64(*n),
            Value::Real(x) => serializer.serialize_f64(*x),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Blob(blob) => serializer.serialize_bytes(blob),
        }
    }
}

/// Any scalar; a boolean is 0 or 1, and a sequence of `u8` a blob. The format must describe
/// itself, as JSON does.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE, ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar of at most 64 bits, text or bytes")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(b.into())
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Integer(n))
    }

    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Value, E> {
        let n = i64::try_from(n).map_err(|_| E::invalid_value(Unexpected::Unsigned(n), &self))?;
        Ok(Value::Integer(n))
    }

    fn visit_i128<E: serde::de::Error>(self, n: i128) -> Result<Value, E> {
        let wide = Unexpected::Other("an integer of 128 bits");
        Ok(Value::Integer(i64::try_from(n).map_err(|_| E::invalid_value(wide, &self))?))
    }

    fn visit_u128<E: serde::de::Error>(self, n: u128) -> Result<Value, E> {
        let wide = Unexpected::Other("an integer of 128 bits");
        Ok(Value::Integer(i64::try_from(n).map_err(|_| E::invalid_value(wide, &self))?))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(Value::Real(x))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_bytes<E>(self, blob: &[u8]) -> Result<Value, E> {
        Ok(Value::Blob(blob.into()))
    }

    fn visit_byte_buf<E>(self, blob: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Blob(blob.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Value, A::Error> {
        let hint = bytes.size_hint().unwrap_or(0).min(TRUSTED_HINT_MAX);
        let mut blob: Vec<u8> = Vec::with_capacity(hint);
        while let Some(byte) = bytes.next_element()? {
            blob.push(byte);
        }
        Ok(Value::Blob(blob.into()))
    }
}

/// A map from the names of the columns, in their order; a name that is there twice is written
/// twice.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns().len()))?;
        for (column, value) in self.columns().iter().zip(self.values()) {
            map.serialize_entry(&*column.name, value)?;
        }
        map.end()
    }
}

/// From an answer of the database the row as it is: it shares the values, keeps the order of the
/// columns and names that are there twice. From any other format a map.
impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_newtype_struct(ROW, RowVisitor).or_else(|error| {
            let source = std::error::Error::source(&error);
            match source.and_then(|source| source.downcast_ref::<Carried>()) {
                Some(Carried(row)) => Ok(row.clone()),
                None => Err(error),
            }
        })
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row with at least one column")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Row, D::Error> {
        inner.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let hint = map.size_hint().unwrap_or(0).min(TRUSTED_HINT_MAX);
        let mut columns = Vec::with_capacity(hint);
        let mut values = Vec::with_capacity(hint);
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            columns.push(Column { name: name.into(), declared: None, kind: ColumnKind::Plain });
            values.push(value);
        }
        let row = Rows::new(columns.into(), values).get(0);
        row.ok_or_else(|| A::Error::invalid_length(0, &self))
    }
}
