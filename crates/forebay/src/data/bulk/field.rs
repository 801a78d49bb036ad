//! One field of a row into the value that is bound for it: scalars as they are, bytes as a blob,
//! and whatever has parts as JSON. It knows neither columns nor databases.

use std::fmt::Display;

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::document::{Document, List, Members};
use crate::value::Value;

/// Why a field or a row cannot be written.
#[derive(Debug)]
pub(super) struct Unfit {
    /// The column, as far as it was known by then.
    pub(super) column: Option<Box<str>>,
    pub(super) why: String,
}

impl Unfit {
    pub(super) fn new(why: impl Into<String>) -> Unfit {
        Unfit { column: None, why: why.into() }
    }

    /// The same of this column, unless it has one.
    pub(super) fn of(mut self, column: &str) -> Unfit {
        self.column.get_or_insert_with(|| column.into());
        self
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: Display>(said: T) -> Unfit {
        Unfit::new(format!("its type does not let itself be written: {said}"))
    }
}

/// Makes a value of what is written into it.
pub(super) struct Field;

/// Integers of more than 64 bits with a sign are refused, as they are where they are bound.
fn wide<T>(n: T) -> Result<Value, Unfit>
where
    Value: TryFrom<T, Error = crate::error::Error>,
{
    Value::try_from(n).map_err(|_| {
        Unfit::new("the number does not fit into a 64-bit signed integer; make it text")
    })
}

macro_rules! scalars {
    ($($method:ident $kind:ty,)*) => {$(
        fn $method(self, scalar: $kind) -> Result<Value, Unfit> {
            Ok(scalar.into())
        }
    )*};
}

impl Serializer for Field {
    type Ok = Value;
    type Error = Unfit;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = Members;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    scalars! {
        serialize_bool bool,
        serialize_i8 i8,
        serialize_i16 i16,
        serialize_i32 i32,
        serialize_i64 i64,
        serialize_u8 u8,
        serialize_u16 u16,
        serialize_u32 u32,
        serialize_f32 f32,
        serialize_f64 f64,
        serialize_char char,
        serialize_str &str,
        serialize_bytes &[u8],
    }

    fn serialize_u64(self, n: u64) -> Result<Value, Unfit> {
        wide(n)
    }

    fn serialize_i128(self, n: i128) -> Result<Value, Unfit> {
        wide(n)
    }

    fn serialize_u128(self, n: u128) -> Result<Value, Unfit> {
        wide(n)
    }

    fn serialize_none(self) -> Result<Value, Unfit> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Unfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Unfit> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Unfit> {
        let mut text = String::new();
        Document::variant(&mut text, variant);
        value.serialize(Document::new(&mut text))?;
        text.push('}');
        Ok(text.into())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Unfit> {
        Ok(List::new())
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Unfit> {
        Ok(List::new())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Unfit> {
        Ok(List::new())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, Unfit> {
        Ok(Members::list_of(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, Unfit> {
        Ok(Members::object())
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members, Unfit> {
        Ok(Members::of(name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, Unfit> {
        Ok(Members::object_of(variant))
    }
}

/// The name that a map has for a field.
pub(super) fn name<T: Serialize + ?Sized>(key: &T) -> Result<Box<str>, Unfit> {
    match key.serialize(Field)? {
        Value::Text(text) => Ok(text.as_str().into()),
        _ => Err(Unfit::new("the keys of a map must be texts: they are the names of columns")),
    }
}

/// What a serializer has for what it never begins.
pub(super) type Never<T> = Impossible<T, Unfit>;
