//! A text that is JSON, as serde sees it: lists as sequences, objects as maps and structs. A type
//! that reads a string is given the text as it stands, quotes and all, and so is `Value`.
//!
//! JSON's null is `None` for an `Option`, as SQL's is. Numbers keep their digits where those of
//! the column count. What an error says of a document is never what stands in it.

use std::borrow::Cow;

use serde::de::{Deserializer, Expected, Visitor};

use super::decimal;
use super::fault::Fault;
use super::member::{Items, Members, Variant};
use super::scalar::{Bytes, wrong_length};
use super::serial::VALUE;
use crate::json::{Malformed, Next, Scan, unhex};
use crate::row::ElementKind;

/// A whole text.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    text: &'a str,
    element: ElementKind,
}

impl<'a> Whole<'a> {
    /// A text of a column of JSON, or, with another kind of elements, of arrays.
    pub(super) fn new(text: &'a str, element: ElementKind) -> Whole<'a> {
        Whole { text, element }
    }

    pub(super) fn is_null(self) -> bool {
        self.text.trim_ascii() == "null"
    }

    fn read<T>(self, read: impl FnOnce(Document<'a, '_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut scan = Scan::new(self.text);
        let read = read(Document { scan: &mut scan, element: self.element });
        let read = read.and_then(|value| scan.end().map(|()| value).map_err(Fault::from));
        read.map_err(Fault::in_document)
    }
}

impl From<Malformed> for Fault {
    #[cold]
    fn from(_: Malformed) -> Fault {
        Fault::mismatch("JSON", "text that is none, or is nested too deeply", None)
    }
}

macro_rules! read {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'a>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, Fault> {
            self.read(|document| document.$method($($name,)* visitor))
        }
    )*};
}

impl<'a> Deserializer<'a> for Whole<'a> {
    type Error = Fault;

    read! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_unit()
        deserialize_bytes() deserialize_byte_buf() deserialize_seq() deserialize_map()
        deserialize_unit_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            VALUE => visitor.visit_borrowed_str(self.text),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The value that follows in a text.
pub(super) struct Document<'a, 's> {
    pub(super) scan: &'s mut Scan<'a>,
    pub(super) element: ElementKind,
}

impl<'a> Document<'a, '_> {
    #[cold]
    fn wrong(&self, wanted: impl Into<Cow<'static, str>>, found: Next) -> Fault {
        let found = match found {
            Next::Null => "null",
            Next::Boolean => "boolean",
            Next::Number => "number",
            Next::Text => "text",
            Next::List => "a list",
            Next::Object => "an object",
        };
        Fault::mismatch(wanted, found, None)
    }

    fn number<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        let digits = self.scan.number()?;
        if self.element == ElementKind::Decimal {
            return visitor.visit_borrowed_str(digits);
        }
        if let Ok(n) = digits.parse() {
            return visitor.visit_u64(n);
        }
        match digits.parse() {
            Ok(n) if n != 0 => visitor.visit_i64(n),
            _ => visitor.visit_f64(near(digits, "f64")?),
        }
    }

    /// Whether the digits of a number count, other than in a document and in floats.
    fn is_exact(&self) -> bool {
        matches!(self.element, ElementKind::Plain | ElementKind::Decimal)
    }

    /// A float that JSON has no number for.
    fn special(&mut self, wanted: &'static str) -> Result<f64, Fault> {
        let is_float = matches!(self.element, ElementKind::Real | ElementKind::Decimal);
        let text = if is_float { self.scan.text()? } else { Cow::Borrowed("") };
        match &*text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(self.wrong(wanted, Next::Text)),
        }
    }

    /// The bytes that a text stands for.
    fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        let text = self.scan.text()?;
        let found = || Fault::mismatch("bytes", "text that is not hexadecimal", None);
        unhex(&text).ok_or_else(found)
    }

    /// Into a scalar, or the text of a list or object, that `Value` holds.
    fn value<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::List | Next::Object => visitor.visit_borrowed_str(self.scan.raw()?),
            Next::Text if self.element == ElementKind::Bytes => {
                visitor.visit_byte_buf(self.bytes()?)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn list<V: Visitor<'a>>(self, len: Option<usize>, visitor: V) -> Result<V::Value, Fault> {
        self.scan.enter()?;
        let mut items = Items::new(self.scan, self.element);
        let list = visitor.visit_seq(&mut items)?;
        if items.is_drained()? {
            return Ok(list);
        }
        let wanted = len.map_or("fewer elements".to_owned(), |len| format!("{len} elements"));
        Err(Fault::mismatch(wanted, "more of them", None))
    }

    fn object<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.scan.enter()?;
        let mut members = Members::new(self.scan, self.element);
        let object = visitor.visit_map(&mut members)?;
        match members.is_drained()? {
            true => Ok(object),
            false => Err(Fault::mismatch("fewer members", "more of them", None)),
        }
    }

    /// A string; where the digits of numbers count, those are one, too.
    fn string<V: Visitor<'a>>(
        self,
        wanted: impl FnOnce(&V) -> Cow<'static, str>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Text => visit_text(self.scan.text()?, visitor),
            Next::Number if self.element == ElementKind::Decimal => {
                visitor.visit_borrowed_str(self.scan.number()?)
            }
            found => Err(self.wrong(wanted(&visitor), found)),
        }
    }
}

fn visit_text<'a, V: Visitor<'a>>(text: Cow<'a, str>, visitor: V) -> Result<V::Value, Fault> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

/// The nearest float, if there is one.
fn near(digits: &str, wanted: &'static str) -> Result<f64, Fault> {
    let is_held = |x: &f64| x.is_finite() && (wanted == "f64" || (*x as f32).is_finite());
    digits
        .parse()
        .ok()
        .filter(is_held)
        .ok_or_else(|| Fault::mismatch(wanted, "a number too large for it", None))
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.scan.next()? {
                Next::Number => visitor.$visit(decimal::$type(self.scan.number()?)?),
                found => Err(self.wrong(stringify!($type), found)),
            }
        }
    )*};
}

macro_rules! floats {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, Fault> {
            let wanted = stringify!($type);
            match self.scan.next()? {
                Next::Number if self.is_exact() => {
                    visitor.$visit(decimal::$type(self.scan.number()?)?)
                }
                Next::Number => visitor.$visit(near(self.scan.number()?, wanted)? as $type),
                Next::Text => visitor.$visit(self.special(wanted)? as $type),
                found => Err(self.wrong(wanted, found)),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Document<'a, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Null => {
                self.scan.null()?;
                visitor.visit_unit()
            }
            Next::Boolean => visitor.visit_bool(self.scan.boolean()?),
            Next::Number => self.number(visitor),
            Next::Text => visit_text(self.scan.text()?, visitor),
            Next::List => self.list(None, visitor),
            Next::Object => self.object(visitor),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
    }

    floats! {
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Boolean => visitor.visit_bool(self.scan.boolean()?),
            found => Err(self.wrong("bool", found)),
        }
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.string(|_| "char".into(), visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.string(|visitor| (visitor as &dyn Expected).to_string().into(), visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.string(|_| "String".into(), visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Text if self.element == ElementKind::Bytes => {
                visitor.visit_byte_buf(self.bytes()?)
            }
            Next::List => self.list(None, visitor),
            found => Err(self.wrong("bytes", found)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Null => {
                self.scan.null()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Null => {
                self.scan.null()?;
                visitor.visit_unit()
            }
            found => Err(self.wrong("null", found)),
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
        if name == VALUE { self.value(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_seq<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::List => self.list(None, visitor),
            Next::Text if self.element == ElementKind::Bytes => {
                visitor.visit_seq(Bytes(&self.bytes()?))
            }
            found => Err(self.wrong("a sequence", found)),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::List => self.list(Some(len), visitor),
            Next::Text if self.element == ElementKind::Bytes => match self.bytes()? {
                bytes if bytes.len() == len => visitor.visit_seq(Bytes(&bytes)),
                bytes => Err(wrong_length(len, bytes.len())),
            },
            found => Err(self.wrong((&visitor as &dyn Expected).to_string(), found)),
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

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Object => self.object(visitor),
            found => Err(self.wrong("a map", found)),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Object => self.object(visitor),
            Next::List => self.list(Some(fields.len()), visitor),
            found => Err(self.wrong(format!("struct {name}"), found)),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.scan.next()? {
            Next::Text => visitor.visit_enum(Variant::Name(self.scan.text()?)),
            Next::Object => visitor.visit_enum(Variant::Member(self)),
            found => Err(self.wrong(format!("enum {name}"), found)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.scan.raw()?;
        visitor.visit_unit()
    }
}
