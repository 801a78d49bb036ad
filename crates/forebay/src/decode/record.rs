//! One row as serde sees it: a map from the names of its columns, a sequence of its values, or,
//! when it has one column, that value.
//!
//! A sequence of `u8` over a row that is one blob means the bytes of the blob; an empty blob
//! there is the empty sequence. An `Option` over a row of one column is `None` for NULL.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::Fault;
use super::field::Field;
use super::scalar::{Bytes, wrong_length};
use super::serial::{ROW, VALUE};
use crate::row::{Column, Row, Rows};
use crate::value::Value;

/// Columns up to which names are compared pair by pair, without a set.
const PAIRS_MAX: usize = 16;

/// What all rows of an answer have in common.
pub(super) struct Shape<'a> {
    columns: &'a [Column],
    /// A name that several columns have; looked for when a map is first asked for.
    repeated: OnceCell<Option<&'a str>>,
    /// Somebody has asked for a row as a `Row`, which shares the values.
    is_shared: Cell<bool>,
}

impl<'a> Shape<'a> {
    pub(super) fn new(columns: &'a [Column]) -> Shape<'a> {
        Shape { columns, repeated: OnceCell::new(), is_shared: Cell::new(false) }
    }

    pub(super) fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// Whether what was decoded so far holds on to the values.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared.get()
    }

    pub(super) fn repeated(&self) -> Option<&'a str> {
        *self.repeated.get_or_init(|| {
            let mut names = self.columns.iter().map(|column| &*column.name).enumerate();
            if self.columns.len() <= PAIRS_MAX {
                let before = |i: usize| self.columns[..i].iter().map(|column| &*column.name);
                return names.find(|(i, name)| before(*i).any(|b| b == *name)).map(|(_, n)| n);
            }
            let mut seen = HashSet::with_capacity(self.columns.len());
            names.find(|(_, name)| !seen.insert(*name)).map(|(_, name)| name)
        })
    }
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    shape: &'a Shape<'a>,
    values: &'a [Value],
    /// Where the row is from, when it can be shared with a `Row`.
    rows: Option<(&'a Rows, usize)>,
}

impl<'a> Record<'a> {
    /// `values` belong to the columns of `shape`, one to each.
    pub(super) fn new(shape: &'a Shape<'a>, values: &'a [Value]) -> Record<'a> {
        assert_eq!(shape.columns.len(), values.len(), "a row has a value for every column");
        Record { shape, values, rows: None }
    }

    /// The row at `index` of `rows`, whose columns `shape` holds.
    pub(super) fn shared(shape: &'a Shape<'a>, rows: &'a Rows, index: usize) -> Record<'a> {
        Record { rows: Some((rows, index)), ..Record::new(shape, rows.values(index)) }
    }

    fn field<'p>(self, index: usize) -> Option<Field<'a, 'p>> {
        Some(Field::new(self.shape.columns.get(index)?, self.values.get(index)?))
    }

    /// Hands the only value to `read`.
    fn single<T>(self, read: impl FnOnce(Field<'a, 'a>) -> Result<T, Fault>) -> Result<T, Fault> {
        match self.field(0) {
            Some(field) if self.values.len() == 1 => read(field).map_err(|fault| fault.at(0)),
            _ => Err(Fault::scalar()),
        }
    }

    fn blob(self) -> Option<&'a [u8]> {
        match self.values {
            [Value::Blob(blob)] => Some(blob),
            _ => None,
        }
    }

    fn whole(self) -> Option<Row> {
        self.shape.is_shared.set(true);
        match self.rows {
            Some((rows, index)) => rows.get(index),
            None => Rows::new(self.shape.columns.into(), self.values.to_vec()).get(0),
        }
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.single(|field| field.$method(visitor))
        }
    )*};
}

impl<'a> Deserializer<'a> for Record<'a> {
    type Error = Fault;

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    /// A name that stands for several columns would drop all but one of them.
    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape.repeated() {
            Some(name) => Err(Fault::ambiguous(name)),
            None => visitor.visit_map(Entries { record: self, next: 0 }),
        }
    }

    /// Names that no field has do not matter; serde reports those that meet in one field.
    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Entries { record: self, next: 0 })
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.blob().is_some_and(<[u8]>::is_empty) {
            return visitor.visit_seq(Bytes(&[]));
        }
        let byte = Cell::new(false);
        let mut values = Values { record: self, next: 0, byte: &byte, bytes: None };
        visitor.visit_seq(&mut values)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        if self.blob().is_some() && len != 1 {
            return self.single(|field| field.deserialize_tuple(len, visitor));
        }
        if self.values.len() != len {
            return Err(Fault::tuple(len));
        }
        let byte = Cell::new(false);
        let mut values = Values { record: self, next: 0, byte: &byte, bytes: None };
        let tuple = visitor.visit_seq(&mut values)?;
        match values.bytes {
            Some(Bytes([_, ..])) => {
                let found = self.blob().map_or(0, <[u8]>::len);
                Err(wrong_length(len, found).at(0))
            }
            _ => Ok(tuple),
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
            ROW => Err(self.whole().map_or_else(Fault::scalar, Fault::carry)),
            VALUE => self.single(|field| field.deserialize_newtype_struct(name, visitor)),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.field(0) {
            Some(field) if self.values.len() == 1 && field.is_null() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.single(|field| field.deserialize_unit_struct(name, visitor))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.single(|field| field.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The values by position.
struct Values<'a, 'c> {
    record: Record<'a>,
    next: usize,
    byte: &'c Cell<bool>,
    /// What is left of a blob whose bytes are the elements.
    bytes: Option<Bytes<'a>>,
}

impl<'a> SeqAccess<'a> for Values<'a, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if let Some(bytes) = &mut self.bytes {
            return bytes.next_element_seed(seed).map_err(|fault| fault.at(0));
        }
        let index = self.next;
        let Some(field) = self.record.field(index) else { return Ok(None) };
        self.next += 1;
        let element = match self.record.blob() {
            Some(blob) => {
                let element = seed.deserialize(field.probe(self.byte));
                if self.byte.get() {
                    self.bytes = blob.get(1..).map(Bytes);
                }
                element
            }
            None => seed.deserialize(field),
        };
        element.map(Some).map_err(|fault| fault.at(index))
    }

    fn size_hint(&self) -> Option<usize> {
        match (&self.bytes, self.record.blob()) {
            (Some(bytes), _) => bytes.size_hint(),
            (None, Some(blob)) => Some(blob.len()),
            (None, None) => Some(self.record.values.len() - self.next),
        }
    }
}

/// The values under the names of their columns, in the order of the columns.
struct Entries<'a> {
    record: Record<'a>,
    next: usize,
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some(column) = self.record.shape.columns.get(self.next) else { return Ok(None) };
        seed.deserialize(Name(&column.name)).map(Some).map_err(|fault| fault.at(self.next))
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let index = self.next;
        self.next += 1;
        let field = self.record.field(index).expect("a value is asked for after its name only");
        seed.deserialize(field).map_err(|fault| fault.at(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.record.values.len() - self.next)
    }
}

/// The name of a column, as a key.
pub(super) struct Name<'a>(pub(super) &'a str);

impl<'a> Deserializer<'a> for Name<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
