//! One value of a row as serde sees it: the kind of its column says whether it is read as it is
//! (`scalar`) or as the document that its text is (`document`).

use std::cell::Cell;

use serde::de::{Deserializer, Visitor};

use super::document::Whole;
use super::fault::Fault;
use super::scalar::Scalar;
use crate::row::{Column, ColumnKind, ElementKind};
use crate::value::Value;

/// A value and how it is to be read.
#[derive(Clone, Copy)]
pub(super) enum Field<'a, 'p> {
    Scalar(Scalar<'a, 'p>),
    Whole(Whole<'a>),
}

impl<'a, 'p> Field<'a, 'p> {
    #[inline]
    pub(super) fn new(column: &'a Column, value: &'a Value) -> Field<'a, 'p> {
        match (column.kind, value) {
            (ColumnKind::Json, Value::Text(text)) => {
                Field::Whole(Whole::new(text, ElementKind::Json))
            }
            (ColumnKind::Array(element), Value::Text(text)) => {
                Field::Whole(Whole::new(text, element))
            }
            _ => Field::Scalar(Scalar::new(column, value)),
        }
    }

    /// The same, where the first byte of a blob may be asked for and not the blob.
    pub(super) fn probe(self, byte: &'p Cell<bool>) -> Field<'a, 'p> {
        match self {
            Field::Scalar(scalar) => Field::Scalar(scalar.probe(byte)),
            Field::Whole(whole) => Field::Whole(whole),
        }
    }

    /// SQL's NULL, or a document that is JSON's.
    #[inline]
    pub(super) fn is_null(self) -> bool {
        match self {
            Field::Scalar(scalar) => scalar.is_null(),
            Field::Whole(whole) => whole.is_null(),
        }
    }
}

macro_rules! either {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        #[inline]
        fn $method<V: Visitor<'a>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, Fault> {
            match self {
                Field::Scalar(scalar) => scalar.$method($($name,)* visitor),
                Field::Whole(whole) => whole.$method($($name,)* visitor),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Field<'a, '_> {
    type Error = Fault;

    either! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str()
        deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_unit()
        deserialize_seq() deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    #[inline]
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }
}
