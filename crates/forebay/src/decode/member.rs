//! What lists and objects of a document hold, one after another, and the variants that an object
//! of one member stands for.

use std::borrow::Cow;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::document::Document;
use super::fault::Fault;
use crate::json::Scan;
use crate::row::ElementKind;

/// The items of a list or object that has been entered.
struct Rest<'a, 's> {
    scan: &'s mut Scan<'a>,
    element: ElementKind,
    close: u8,
    is_first: bool,
    is_over: bool,
}

impl<'a, 's> Rest<'a, 's> {
    fn new(scan: &'s mut Scan<'a>, element: ElementKind, close: u8) -> Rest<'a, 's> {
        Rest { scan, element, close, is_first: true, is_over: false }
    }

    /// Whether another item follows.
    fn next(&mut self) -> Result<bool, Fault> {
        if !self.is_over {
            self.is_over = !self.scan.item(self.is_first, self.close)?;
            self.is_first = false;
        }
        Ok(!self.is_over)
    }

    fn document(&mut self) -> Document<'a, '_> {
        Document { scan: self.scan, element: self.element }
    }
}

/// The elements of a list.
pub(super) struct Items<'a, 's>(Rest<'a, 's>);

impl<'a, 's> Items<'a, 's> {
    pub(super) fn new(scan: &'s mut Scan<'a>, element: ElementKind) -> Items<'a, 's> {
        Items(Rest::new(scan, element, b']'))
    }

    /// Whether all elements have been taken.
    pub(super) fn is_drained(&mut self) -> Result<bool, Fault> {
        self.0.next().map(|is_next| !is_next)
    }
}

impl<'a> SeqAccess<'a> for Items<'a, '_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        match self.0.next()? {
            true => seed.deserialize(self.0.document()).map(Some),
            false => Ok(None),
        }
    }
}

/// The members of an object.
pub(super) struct Members<'a, 's>(Rest<'a, 's>);

impl<'a, 's> Members<'a, 's> {
    pub(super) fn new(scan: &'s mut Scan<'a>, element: ElementKind) -> Members<'a, 's> {
        Members(Rest::new(scan, element, b'}'))
    }

    /// Whether all members have been taken.
    pub(super) fn is_drained(&mut self) -> Result<bool, Fault> {
        self.0.next().map(|is_next| !is_next)
    }
}

impl<'a> MapAccess<'a> for Members<'a, '_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        match self.0.next()? {
            true => seed.deserialize(Key(self.0.scan.key()?)).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.0.document())
    }
}

/// The key of a member: a string, but also what is written as one, since JSON has no other keys.
struct Key<'a>(Cow<'a, str>);

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0.parse() {
                Ok(key) => visitor.$visit(key),
                Err(_) => Err(Fault::mismatch(stringify!($type), "a key that is none", None)),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Key<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    parsed! {
        deserialize_bool visit_bool bool
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
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
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
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A variant of an enum.
pub(super) enum Variant<'a, 's> {
    /// One without content.
    Name(Cow<'a, str>),
    /// The object that comes next, whose only member is it.
    Member(Document<'a, 's>),
}

impl<'a, 's> EnumAccess<'a> for Variant<'a, 's> {
    type Error = Fault;
    type Variant = Content<'a, 's>;

    fn variant_seed<S: DeserializeSeed<'a>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'a, 's>), Fault> {
        match self {
            Variant::Name(name) => Ok((seed.deserialize(Key(name))?, Content(None))),
            Variant::Member(document) => {
                document.scan.enter()?;
                if !document.scan.item(true, b'}')? {
                    return Err(Fault::mismatch("a variant", "an object without members", None));
                }
                Ok((seed.deserialize(Key(document.scan.key()?))?, Content(Some(document))))
            }
        }
    }
}

/// The content of a variant, if it has any.
pub(super) struct Content<'a, 's>(Option<Document<'a, 's>>);

impl<'a> Content<'a, '_> {
    fn read<T>(
        self,
        wanted: &dyn Expected,
        read: impl FnOnce(Document<'a, '_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(Document { scan, element }) = self.0 else {
            let found = "text, which names a variant but has no content for it";
            return Err(Fault::mismatch(wanted.to_string(), found, None));
        };
        let content = read(Document { scan, element })?;
        match scan.item(false, b'}')? {
            true => Err(Fault::mismatch("one variant", "an object of several members", None)),
            false => Ok(content),
        }
    }
}

impl<'a> VariantAccess<'a> for Content<'a, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0 {
            None => Ok(()),
            Some(_) => self.read(&"null", |document| <()>::deserialize(document)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<S::Value, Fault> {
        self.read(&"the content of a variant", |document| seed.deserialize(document))
    }

    fn tuple_variant<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.read(&"the content of a variant", |document| document.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(&"the content of a variant", |document| {
            document.deserialize_struct("variant", fields, visitor)
        })
    }
}
