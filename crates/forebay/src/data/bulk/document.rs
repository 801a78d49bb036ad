//! What has parts, as the JSON text that a column of documents holds. A list of nothing but bytes
//! is bytes. It is the other way round in `decode`.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::field::{Field, Unfit};
use crate::json;
use crate::value::Value;

/// The struct under whose name serde_json hands over JSON that is text already.
const RAW: &str = "$serde_json::private::RawValue";

/// Appends one value to a text, as JSON. Floats that JSON has no number for are null.
pub(super) struct Document<'a> {
    out: &'a mut String,
    /// Set when what was written is a byte.
    byte: Option<&'a mut Option<u8>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(out: &'a mut String) -> Document<'a> {
        Document { out, byte: None }
    }

    /// Begins the object that stands for a variant with content.
    pub(super) fn variant(out: &mut String, variant: &str) {
        out.push('{');
        json::text(variant, out);
        out.push(':');
    }

    fn raw(self, text: impl std::fmt::Display) -> Result<(), Unfit> {
        use std::fmt::Write as _;
        write!(self.out, "{text}").map_err(|_| Unfit::new("there is no memory for its JSON"))
    }
}

macro_rules! numbers {
    ($($method:ident $kind:ty,)*) => {$(
        fn $method(self, n: $kind) -> Result<(), Unfit> {
            self.raw(n)
        }
    )*};
}

macro_rules! floats {
    ($($method:ident $kind:ty,)*) => {$(
        fn $method(self, x: $kind) -> Result<(), Unfit> {
            if x.is_finite() { self.raw(format_args!("{x:?}")) } else { self.raw("null") }
        }
    )*};
}

impl<'a> Serializer for Document<'a> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    numbers! {
        serialize_bool bool,
        serialize_i8 i8,
        serialize_i16 i16,
        serialize_i32 i32,
        serialize_i64 i64,
        serialize_i128 i128,
        serialize_u16 u16,
        serialize_u32 u32,
        serialize_u64 u64,
        serialize_u128 u128,
    }

    floats! {
        serialize_f32 f32,
        serialize_f64 f64,
    }

    fn serialize_u8(self, n: u8) -> Result<(), Unfit> {
        match self.byte {
            Some(byte) => {
                *byte = Some(n);
                Ok(())
            }
            None => self.raw(n),
        }
    }

    fn serialize_char(self, c: char) -> Result<(), Unfit> {
        self.serialize_str(c.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        json::text(text, self.out);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unfit> {
        json::value(&bytes.into(), self.out);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.raw("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(Document::new(self.out))
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        self.raw("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        self.raw("null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unfit> {
        self.serialize_str(variant)
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
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        Document::variant(self.out, variant);
        value.serialize(Document::new(self.out))?;
        self.out.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Unfit> {
        Ok(Parts::begin(self.out, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Unfit> {
        Ok(Parts::begin(self.out, "[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Unfit> {
        Ok(Parts::begin(self.out, "[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unfit> {
        Document::variant(self.out, variant);
        Ok(Parts::begin(self.out, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Unfit> {
        Ok(Parts::begin(self.out, "{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, Unfit> {
        let (begin, end) = if name == RAW { ("", "") } else { ("{", "}") };
        Ok(Parts::begin(self.out, begin, end))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unfit> {
        Document::variant(self.out, variant);
        Ok(Parts::begin(self.out, "{", "}}"))
    }
}

/// A list or an object on its way into a text.
pub(super) struct Parts<'a> {
    out: &'a mut String,
    end: &'static str,
    is_first: bool,
}

impl<'a> Parts<'a> {
    fn begin(out: &'a mut String, begin: &str, end: &'static str) -> Parts<'a> {
        out.push_str(begin);
        Parts { out, end, is_first: true }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        value.serialize(Document::new(self.out))
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        match key.serialize(Field)? {
            Value::Text(text) => json::text(&text, self.out),
            Value::Integer(n) => json::text(&n.to_string(), self.out),
            _ => return Err(Unfit::new("the keys of a map in it are neither texts nor integers")),
        }
        self.out.push(':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(Document::new(self.out))
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unfit> {
        if key == RAW {
            return match value.serialize(Field)? {
                Value::Text(text) => {
                    self.out.push_str(&text);
                    Ok(())
                }
                _ => Err(Unfit::new("its raw JSON is no text")),
            };
        }
        self.key(key)?;
        self.value(value)
    }

    fn close(self) {
        self.out.push_str(self.end);
    }
}

/// A list that is a field of its own.
pub(super) struct List {
    text: String,
    /// Its elements, as long as all of them are bytes.
    bytes: Option<Vec<u8>>,
}

impl List {
    pub(super) fn new() -> List {
        List { text: String::from("["), bytes: Some(Vec::new()) }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        let begin = self.text.len();
        if begin > 1 {
            self.text.push(',');
        }
        let Some(bytes) = &mut self.bytes else {
            return value.serialize(Document::new(&mut self.text));
        };
        let mut byte = None;
        value.serialize(Document { out: &mut self.text, byte: Some(&mut byte) })?;
        if let Some(byte) = byte {
            bytes.push(byte);
            return Ok(());
        }
        // What came before was written as nothing so far.
        let before: String = bytes.iter().map(|byte| format!("{byte},")).collect();
        self.text.insert_str(begin, &before);
        self.bytes = None;
        Ok(())
    }

    fn close(mut self) -> Value {
        match self.bytes {
            Some(bytes) if !bytes.is_empty() => bytes.into(),
            _ => {
                self.text.push(']');
                self.text.into()
            }
        }
    }
}

/// An object, or what a variant holds, that is a field of its own.
pub(super) struct Members {
    text: String,
    end: &'static str,
    is_first: bool,
}

impl Members {
    pub(super) fn object() -> Members {
        Members { text: "{".to_owned(), end: "}", is_first: true }
    }

    /// Of a struct with this name.
    pub(super) fn of(name: &str) -> Members {
        if name == RAW {
            return Members { text: String::new(), end: "", is_first: true };
        }
        Members::object()
    }

    pub(super) fn object_of(variant: &str) -> Members {
        Members::within(variant, '{', "}}")
    }

    pub(super) fn list_of(variant: &str) -> Members {
        Members::within(variant, '[', "]}")
    }

    fn within(variant: &str, begin: char, end: &'static str) -> Members {
        let mut text = String::new();
        Document::variant(&mut text, variant);
        text.push(begin);
        Members { text, end, is_first: true }
    }

    fn add(&mut self, add: impl FnOnce(&mut Parts<'_>) -> Result<(), Unfit>) -> Result<(), Unfit> {
        let mut parts = Parts { out: &mut self.text, end: "", is_first: self.is_first };
        let done = add(&mut parts);
        self.is_first = parts.is_first;
        done
    }

    fn close(mut self) -> Value {
        self.text.push_str(self.end);
        self.text.into()
    }
}

macro_rules! elements {
    ($($which:ident $method:ident,)*) => {$(
        impl $which for Parts<'_> {
            type Ok = ();
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                self.element(value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.close();
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! list_elements {
    ($($which:ident $method:ident,)*) => {$(
        impl $which for List {
            type Ok = Value;
            type Error = Unfit;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
                self.element(value)
            }

            fn end(self) -> Result<Value, Unfit> {
                Ok(self.close())
            }
        }
    )*};
}

list_elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
}

impl SerializeTupleVariant for Members {
    type Ok = Value;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.add(|parts| parts.element(value))
    }

    fn end(self) -> Result<Value, Unfit> {
        Ok(self.close())
    }
}

macro_rules! members {
    ($($which:ident)*) => {$(
        impl $which for Parts<'_> {
            type Ok = ();
            type Error = Unfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unfit> {
                self.member(key, value)
            }

            fn end(self) -> Result<(), Unfit> {
                self.close();
                Ok(())
            }
        }

        impl $which for Members {
            type Ok = Value;
            type Error = Unfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Unfit> {
                self.add(|parts| parts.member(key, value))
            }

            fn end(self) -> Result<Value, Unfit> {
                Ok(self.close())
            }
        }
    )*};
}

members! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.value(value)
    }

    fn end(self) -> Result<(), Unfit> {
        self.close();
        Ok(())
    }
}

impl SerializeMap for Members {
    type Ok = Value;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.add(|parts| parts.key(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.add(|parts| parts.value(value))
    }

    fn end(self) -> Result<Value, Unfit> {
        Ok(self.close())
    }
}
