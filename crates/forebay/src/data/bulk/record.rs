//! One row of the caller's into values, by the names of its fields or by position. The first row
//! says which columns there are, and every other has to have the same. What a table has is checked
//! when the first row has been read; a database is not asked here.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct,
    Serializer,
};

use super::field::{Field, Never, Unfit, name};
use crate::error::{Error, Result};
use crate::value::Value;

/// Which columns rows have, and in which order their values are kept.
pub(super) struct Layout {
    names: Vec<Box<str>>,
    /// They were named by the caller: fields of other names are left out.
    is_chosen: bool,
    /// No row has been read, so that the next one names them.
    is_open: bool,
    /// Values need no names; that of a column without one is empty.
    takes_places: bool,
    /// A row is one value, and not several.
    is_single: bool,
    /// For each column the number of the row, from 1 on, that has had a value for it last.
    had: Vec<u64>,
    rows: u64,
}

impl Layout {
    /// Of rows that name their columns themselves, unless they are named here.
    pub(super) fn new(chosen: Option<&[Box<str>]>) -> Layout {
        let names = chosen.unwrap_or_default().to_vec();
        let (is_chosen, is_open) = (chosen.is_some(), chosen.is_none());
        let had = vec![0; names.len()];
        let (takes_places, is_single) = (false, false);
        Layout { names, is_chosen, is_open, takes_places, is_single, had, rows: 0 }
    }

    /// Of rows that are the parameters of a statement, by name or by place.
    pub(super) fn of_parameters() -> Layout {
        Layout { takes_places: true, ..Layout::new(None) }
    }

    /// Of rows that are the values of this column.
    pub(super) fn of_values(column: &str) -> Layout {
        Layout { is_single: true, ..Layout::new(Some(&[column.into()])) }
    }

    /// The columns; none before the first row.
    pub(super) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Rows read so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends the values of the next row. After an error `out` is as it was, and the row counts.
    pub(super) fn read<T: Serialize + ?Sized>(
        &mut self,
        row: &T,
        out: &mut Vec<Value>,
    ) -> Result<()> {
        let (base, number) = (out.len(), self.rows);
        self.rows += 1;
        if self.is_single {
            let value = row.serialize(Field);
            out.push(
                value.map_err(|unfit| {
                    Error::usage(unfit.why).at_row(number, Some(&self.names[0]))
                })?,
            );
            return Ok(());
        }
        out.resize(base + self.names.len(), Value::Null);
        let reading = Reading { layout: self, base, out: &mut *out, next: 0, count: 0 };
        let read = row.serialize(reading);
        if read.is_ok() {
            self.is_open = false;
            return Ok(());
        }
        out.truncate(base);
        if self.is_open {
            self.names.clear();
            self.had.clear();
        }
        read.map_err(|unfit| {
            let column = unfit.column.as_deref();
            Error::usage(unfit.why.as_str()).at_row(number, column)
        })
    }
}

/// A row that is being read.
pub(super) struct Reading<'a> {
    layout: &'a mut Layout,
    out: &'a mut Vec<Value>,
    base: usize,
    /// The column that comes next, if this row has the order of the first.
    next: usize,
    /// Columns that it has had so far.
    count: usize,
}

impl Reading<'_> {
    fn named<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Unfit> {
        let expected = self.layout.names.get(self.next).is_some_and(|name| **name == *key);
        let index = if expected { Some(self.next) } else { self.find(key)? };
        let Some(index) = index else { return Ok(()) };
        let row = self.layout.rows;
        if std::mem::replace(&mut self.layout.had[index], row) == row {
            return Err(Unfit::new("the row has the column twice").of(key));
        }
        self.out[self.base + index] = value.serialize(Field).map_err(|unfit| unfit.of(key))?;
        self.next = index + 1;
        self.count += 1;
        Ok(())
    }

    /// The place of a column that is not the next one; `None` for one that is left out.
    fn find(&mut self, key: &str) -> Result<Option<usize>, Unfit> {
        let names = &mut self.layout.names;
        if let Some(index) = names.iter().position(|name| **name == *key) {
            return Ok(Some(index));
        }
        if self.layout.is_open {
            names.push(key.into());
            self.layout.had.push(0);
            self.out.push(Value::Null);
            return Ok(Some(names.len() - 1));
        }
        if self.layout.is_chosen {
            return Ok(None);
        }
        Err(Unfit::new(
            "the rows before have no such column; give every row the same columns, with None where \
             there is no value, or name those to be written with `columns`",
        )
        .of(key))
    }

    fn placed<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        if self.layout.takes_places && self.layout.is_open {
            self.layout.names.push("".into());
            self.layout.had.push(0);
            self.out.push(Value::Null);
        }
        let Some(name) = self.layout.names.get(self.next) else {
            return Err(Unfit::new(match self.layout.is_chosen {
                true => "the row has more values than `columns` names columns",
                false if self.layout.takes_places => "the row has more values than those before",
                false => NAMELESS,
            }));
        };
        let value = value.serialize(Field).map_err(|unfit| unfit.of(name))?;
        self.out[self.base + self.next] = value;
        self.layout.had[self.next] = self.layout.rows;
        self.next += 1;
        self.count += 1;
        Ok(())
    }

    fn close(self) -> Result<(), Unfit> {
        if self.count == self.layout.names.len() && self.count > 0 {
            return Ok(());
        }
        let row = self.layout.rows;
        let mut columns = self.layout.names.iter().zip(&self.layout.had);
        match columns.find(|(_, had)| **had != row) {
            Some((name, _)) => Err(Unfit::new(
                "the row has no value for it, and must: give every row the same columns, with None \
                 where there is no value",
            )
            .of(name)),
            None => Err(Unfit::new("the row has no columns")),
        }
    }
}

const NAMELESS: &str = "the row has values without names; name their columns with `columns`, or \
                        use a struct or map";
const NO_ROW: &str = "a row must be a struct, a map, or a tuple whose columns are named with \
                      `columns`";

macro_rules! refused {
    ($($method:ident $($kind:ty),*;)*) => {$(
        fn $method(self, $(_: $kind),*) -> Result<(), Unfit> {
            Err(Unfit::new(NO_ROW))
        }
    )*};
}

impl<'a> Serializer for Reading<'a> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Reading<'a>;
    type SerializeTuple = Reading<'a>;
    type SerializeTupleStruct = Reading<'a>;
    type SerializeTupleVariant = Never<()>;
    type SerializeMap = Pairs<'a>;
    type SerializeStruct = Reading<'a>;
    type SerializeStructVariant = Never<()>;

    refused! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
        serialize_char char;
        serialize_str &str;
        serialize_bytes &[u8];
        serialize_none;
        serialize_unit;
        serialize_unit_struct &'static str;
        serialize_unit_variant &'static str, u32, &'static str;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unfit> {
        Err(Unfit::new(NO_ROW))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Reading<'a>, Unfit> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Reading<'a>, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Reading<'a>, Unfit> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never<()>, Unfit> {
        Err(Unfit::new(NO_ROW))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Pairs<'a>, Unfit> {
        Ok(Pairs { reading: self, key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Reading<'a>, Unfit> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never<()>, Unfit> {
        Err(Unfit::new(NO_ROW))
    }
}

impl SerializeStruct for Reading<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.named(key, value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.close()
    }
}

macro_rules! positions {
    ($($which:ident $method:ident,)*) => {$(
        impl $which for Reading<'_> {
            type Ok = ();
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                self.placed(value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.close()
            }
        }
    )*};
}

positions! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
}

/// A row that is a map, between a key and its value.
pub(super) struct Pairs<'a> {
    reading: Reading<'a>,
    key: Option<Box<str>>,
}

impl SerializeMap for Pairs<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.key = Some(name(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        let key = self.key.take().ok_or_else(|| Unfit::new("a map has a value before its key"))?;
        self.reading.named(&key, value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.reading.close()
    }
}
