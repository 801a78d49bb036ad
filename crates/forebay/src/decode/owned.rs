//! A row that nobody else needs: its texts and blobs are moved into the caller's type where that
//! asks for strings or bytes of its own. Everything else is as in `record` and `field`.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::fault::Fault;
use super::field::Field;
use super::record::{Name, Record, Shape};
use super::serial::{ROW, VALUE};
use crate::row::Column;
use crate::value::Value;

/// A row that may be emptied.
pub(super) struct Owned<'a> {
    shape: &'a Shape<'a>,
    values: &'a mut [Value],
}

impl<'a> Owned<'a> {
    /// `values` belong to the columns of `shape`, one to each.
    pub(super) fn new(shape: &'a Shape<'a>, values: &'a mut [Value]) -> Owned<'a> {
        assert_eq!(shape.columns().len(), values.len(), "a row has a value for every column");
        Owned { shape, values }
    }

    /// The same row, to be copied from.
    fn record(self) -> Record<'a> {
        Record::new(self.shape, self.values)
    }

    fn parts(self) -> Parts<'a> {
        Parts { columns: self.shape.columns().iter(), values: self.values.iter_mut(), next: 0 }
    }
}

/// Methods that take nothing out.
macro_rules! copied {
    ($into:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$into().$method(visitor)
        }
    )*};
}

macro_rules! copied_named {
    ($into:ident) => {
        fn deserialize_unit_struct<V: Visitor<'a>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, Fault> {
            self.$into().deserialize_unit_struct(name, visitor)
        }

        fn deserialize_enum<V: Visitor<'a>>(
            self,
            name: &'static str,
            variants: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Fault> {
            self.$into().deserialize_enum(name, variants, visitor)
        }
    };
}

impl<'a> Deserializer<'a> for Owned<'a> {
    type Error = Fault;

    copied! { record:
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_seq deserialize_ignored_any
    }
    copied_named! { record }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape.repeated() {
            Some(name) => Err(Fault::ambiguous(name)),
            None => visitor.visit_map(self.parts()),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.parts())
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        match &*self.values {
            // A lone blob may stand for its bytes.
            [Value::Blob(_)] => self.record().deserialize_tuple(len, visitor),
            values if values.len() != len => Err(Fault::tuple(len)),
            _ => visitor.visit_seq(self.parts()),
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

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            ROW | VALUE => self.record().deserialize_newtype_struct(name, visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (self.shape.columns(), &*self.values) {
            ([column], [value]) if Field::new(column, value).is_null() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }
}

/// The values one after another, with their columns.
struct Parts<'a> {
    columns: std::slice::Iter<'a, Column>,
    values: std::slice::IterMut<'a, Value>,
    next: usize,
}

impl<'a> Parts<'a> {
    fn read<S: DeserializeSeed<'a>>(
        &mut self,
        column: &'a Column,
        seed: S,
    ) -> Result<S::Value, Fault> {
        let index = self.next;
        self.next += 1;
        let value = self.values.next().expect("every column has a value");
        seed.deserialize(Taken { column, value }).map_err(|fault| fault.at(index))
    }
}

impl<'a> SeqAccess<'a> for Parts<'a> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        match self.columns.next() {
            Some(column) => self.read(column, seed).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

impl<'a> MapAccess<'a> for Parts<'a> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some(column) = self.columns.as_slice().first() else { return Ok(None) };
        seed.deserialize(Name(&column.name)).map(Some).map_err(|fault| fault.at(self.next))
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let column = self.columns.next().expect("a value is asked for after its name only");
        self.read(column, seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// A value that may be taken out of its row.
struct Taken<'a> {
    column: &'a Column,
    value: &'a mut Value,
}

impl<'a> Taken<'a> {
    /// The same value, to be copied from.
    fn field(self) -> Field<'a, 'a> {
        Field::new(self.column, self.value)
    }
}

impl<'a> Deserializer<'a> for Taken<'a> {
    type Error = Fault;

    copied! { field:
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_bytes deserialize_unit deserialize_identifier deserialize_seq
        deserialize_map deserialize_ignored_any
    }
    copied_named! { field }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Text(text) => visitor.visit_string(std::mem::take(text).into_string()),
            _ => self.field().deserialize_string(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Blob(blob) => visitor.visit_byte_buf(std::mem::take(blob).into_vec()),
            _ => self.field().deserialize_byte_buf(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match Field::new(self.column, self.value).is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            VALUE => self.field().deserialize_newtype_struct(name, visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.field().deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.field().deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.field().deserialize_struct(name, fields, visitor)
    }
}
