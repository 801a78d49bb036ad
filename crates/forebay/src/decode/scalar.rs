//! A value that is what it seems, as serde sees it.
//!
//! Nothing is converted that could lose something: integers become floats only when exact, floats
//! never integers, text never numbers unless its column is of decimal numbers. Booleans are the
//! integers 0 and 1. Enum variants without content come from text, never from an integer, since an
//! integer would count them in the order they happen to be declared in. A type that reads a string
//! (`deserialize_str`: UUIDs, addresses) is also offered a blob, and decides itself; `String` takes
//! text only.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::RangeInclusive;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Expected, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::decimal;
use super::fault::Fault;
use super::serial::VALUE;
use crate::row::{Column, ColumnKind};
use crate::value::Value;

/// A value and the column it is of, which is not one of documents.
#[derive(Clone, Copy)]
pub(super) struct Scalar<'a, 'p> {
    column: &'a Column,
    value: &'a Value,
    /// Set when a blob stands for a sequence whose first element turns out to be a byte.
    byte: Option<&'p Cell<bool>>,
}

impl<'a, 'p> Scalar<'a, 'p> {
    pub(super) fn new(column: &'a Column, value: &'a Value) -> Scalar<'a, 'p> {
        Scalar { column, value, byte: None }
    }

    /// The first element of a row that consists of one blob: `byte` tells afterwards whether the
    /// first byte was asked for, and not the blob.
    pub(super) fn probe(self, byte: &'p Cell<bool>) -> Scalar<'a, 'p> {
        Scalar { byte: Some(byte), ..self }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self.value, Value::Null)
    }

    #[cold]
    fn wrong(self, wanted: impl Into<Cow<'static, str>>) -> Fault {
        let wanted = wanted.into();
        let hint = hint(&wanted, self.value);
        let found = match self.decimal() {
            Some(_) => "a decimal number",
            None => self.value.type_name(),
        };
        Fault::mismatch(wanted, found, hint)
    }

    #[cold]
    fn unexpected(self, visitor: &dyn Expected) -> Fault {
        self.wrong(visitor.to_string())
    }

    /// The digits of a decimal number.
    fn decimal(self) -> Option<&'a str> {
        match (self.column.kind, self.value) {
            (ColumnKind::Decimal, Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn visit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Integer(n) => visitor.visit_i64(*n),
            Value::Real(x) => visitor.visit_f64(*x),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Blob(blob) => visitor.visit_borrowed_bytes(blob),
        }
    }

    fn is_boolean(self) -> bool {
        let declared = self.column.declared.as_deref();
        matches!(self.value, Value::Integer(0 | 1))
            && (self.column.kind == ColumnKind::Bool
                || declared.is_some_and(|declared| {
                    declared.eq_ignore_ascii_case("boolean")
                        || declared.eq_ignore_ascii_case("bool")
                }))
    }
}

/// What to do about it, where that is clear.
fn hint(wanted: &str, found: &Value) -> Option<Cow<'static, str>> {
    let number = matches!(wanted.as_bytes(), [b'i' | b'u' | b'f', b'0'..=b'9', ..]);
    Some(match (wanted, found) {
        (_, Value::Null) if number || matches!(wanted, "bool" | "char" | "String") => {
            format!("use Option<{wanted}>").into()
        }
        (_, Value::Null) => "wrap the type in Option".into(),
        (_, Value::Text(_)) if number => "use String, or CAST in the statement".into(),
        (_, Value::Real(_)) if number => "use f64, or CAST or round() in the statement".into(),
        ("String", Value::Integer(_)) => "use i64, or CAST in the statement".into(),
        ("String", Value::Real(_)) => "use f64, or CAST in the statement".into(),
        ("String", Value::Blob(_)) => "use Vec<u8>, or CAST in the statement".into(),
        ("bytes", Value::Text(_)) => "use String, or CAST in the statement".into(),
        ("bool", Value::Text(_) | Value::Real(_)) => {
            "a boolean is stored as the integer 0 or 1".into()
        }
        ("a sequence" | "a map", Value::Text(_)) => {
            "JSON stored as text is taken as String and parsed from there".into()
        }
        (_, Value::Text(_)) if wanted.starts_with("struct ") => {
            "JSON stored as text is taken as String and parsed from there".into()
        }
        (_, Value::Integer(_)) if wanted.starts_with("enum ") => {
            "variants are stored as text; for numbers, implement Deserialize through i64".into()
        }
        _ => return None,
    })
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            match (self.value, self.decimal()) {
                (Value::Integer(n), _) => match $type::try_from(*n) {
                    Ok(n) => visitor.$visit(n),
                    Err(_) => Err(out_of_range(stringify!($type), $type::MIN..=$type::MAX)),
                },
                (_, Some(digits)) => visitor.$visit(decimal::$type(digits)?),
                _ => Err(self.wrong(stringify!($type))),
            }
        }
    )*};
}

#[cold]
fn out_of_range<T: std::fmt::Display>(wanted: &'static str, range: RangeInclusive<T>) -> Fault {
    Fault::mismatch(
        wanted,
        format!("an integer outside of {} to {}", range.start(), range.end()),
        Some("use a type that holds it, such as i64".into()),
    )
}

impl<'a> Deserializer<'a> for Scalar<'a, '_> {
    type Error = Fault;

    /// An integer 0 or 1 of a column declared BOOLEAN or BOOL is a boolean here, since flattened
    /// and untagged types cannot ask for one.
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_boolean() {
            return visitor.visit_bool(*self.value == Value::Integer(1));
        }
        self.visit(visitor)
    }

    integers! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
    }

    fn deserialize_u8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let (Some(byte), Value::Blob(blob)) = (self.byte, self.value)
            && let Some(first) = blob.first()
        {
            byte.set(true);
            return visitor.visit_u8(*first);
        }
        match (self.value, self.decimal()) {
            (Value::Integer(n), _) => match u8::try_from(*n) {
                Ok(n) => visitor.visit_u8(n),
                Err(_) => Err(out_of_range("u8", u8::MIN..=u8::MAX)),
            },
            (_, Some(digits)) => visitor.visit_u8(decimal::u8(digits)?),
            _ => Err(self.wrong("u8")),
        }
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Real(x) if (*x as f32).is_infinite() && x.is_finite() => Err(Fault::mismatch(
                "f32",
                format!("a real outside of {:e} to {:e}", f32::MIN, f32::MAX),
                Some("use f64".into()),
            )),
            Value::Real(x) => visitor.visit_f32(*x as f32),
            Value::Integer(n) if i128::from(*n) == *n as f32 as i128 => {
                visitor.visit_f32(*n as f32)
            }
            Value::Integer(_) => Err(inexact("f32")),
            _ => match self.decimal() {
                Some(digits) => visitor.visit_f32(decimal::f32(digits)?),
                None => Err(self.wrong("f32")),
            },
        }
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Real(x) => visitor.visit_f64(*x),
            Value::Integer(n) if i128::from(*n) == *n as f64 as i128 => {
                visitor.visit_f64(*n as f64)
            }
            Value::Integer(_) => Err(inexact("f64")),
            _ => match self.decimal() {
                Some(digits) => visitor.visit_f64(decimal::f64(digits)?),
                None => Err(self.wrong("f64")),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Integer(n @ (0 | 1)) => visitor.visit_bool(*n == 1),
            Value::Integer(_) => Err(Fault::mismatch(
                "bool",
                "an integer other than 0 and 1",
                Some("use i64, or compare in the statement".into()),
            )),
            _ => Err(self.wrong("bool")),
        }
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::Text(text) = self.value else { return Err(self.wrong("char")) };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => visitor.visit_char(c),
            _ => Err(Fault::mismatch(
                "char",
                "text of none or several characters",
                Some("use String".into()),
            )),
        }
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Blob(blob) => visitor.visit_borrowed_bytes(blob),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.wrong("String")),
        }
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Blob(blob) => visitor.visit_borrowed_bytes(blob),
            _ => Err(self.wrong("bytes")),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            _ => Err(self.wrong("null")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == VALUE { self.visit(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Blob(blob) => visitor.visit_seq(Bytes(blob)),
            _ => Err(self.wrong("a sequence")),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Blob(blob) if blob.len() == len => visitor.visit_seq(Bytes(blob)),
            Value::Blob(blob) => Err(wrong_length(len, blob.len())),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, _: V) -> Result<V::Value, Fault> {
        Err(self.wrong("a map"))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(self.wrong(format!("struct {name}")))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            Value::Text(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            _ => Err(self.wrong(format!("enum {name}"))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

#[cold]
fn inexact(wanted: &'static str) -> Fault {
    Fault::mismatch(wanted, format!("an integer that no {wanted} equals"), Some("use i64".into()))
}

#[cold]
pub(super) fn wrong_length(wanted: usize, found: usize) -> Fault {
    Fault::mismatch(format!("{wanted} bytes"), format!("a blob of {found} bytes"), None)
}

/// The bytes of a blob, one after another.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'de> SeqAccess<'de> for Bytes<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(Byte(*first)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A byte of a blob. It is a `u8` and nothing else: a blob is not a sequence of wider numbers.
struct Byte(u8);

impl<'a> Deserializer<'a> for Byte {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let wanted = (&visitor as &dyn Expected).to_string();
        Err(Fault::mismatch(format!("a sequence of {wanted}"), "blob", Some("use Vec<u8>".into())))
    }

    fn deserialize_u8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u8(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
