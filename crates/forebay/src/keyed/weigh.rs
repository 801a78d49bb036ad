//! How many bytes a value takes, as far as serde tells: what it consists of, in the width that the
//! parts have in memory. An estimate: padding and spare capacity are not seen.

use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};

/// Bytes of a text or a list beside its content.
const OWNER: usize = size_of::<Vec<u8>>();

/// Bytes of a value, heap included; at least what the type itself takes.
pub(crate) fn weigh<T: Serialize>(value: &T) -> usize {
    let mut scale = Scale { bytes: 0 };
    // A value that serde refuses is weighed as far as it was told.
    let _ = value.serialize(&mut scale);
    scale.bytes.max(size_of::<T>())
}

struct Scale {
    bytes: usize,
}

/// A value's own refusal to be serialized.
#[derive(Debug)]
struct Refused;

impl Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value cannot be serialized")
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(_: T) -> Refused {
        Refused
    }
}

impl Scale {
    fn add(&mut self, bytes: usize) -> Result<(), Refused> {
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    fn open(&mut self, bytes: usize) -> Result<&mut Scale, Refused> {
        self.add(bytes)?;
        Ok(self)
    }
}

macro_rules! scalars {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(fn $name(self, _: $type) -> Result<(), Refused> {
            self.add(size_of::<$type>())
        })*
    };
}

impl<'a> Serializer for &'a mut Scale {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = &'a mut Scale;
    type SerializeTuple = &'a mut Scale;
    type SerializeTupleStruct = &'a mut Scale;
    type SerializeTupleVariant = &'a mut Scale;
    type SerializeMap = &'a mut Scale;
    type SerializeStruct = &'a mut Scale;
    type SerializeStructVariant = &'a mut Scale;

    scalars! {
        serialize_bool: bool, serialize_char: char, serialize_f32: f32, serialize_f64: f64,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_u128: u128,
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.add(OWNER + value.len())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        self.add(OWNER + value.len())
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.add(size_of::<usize>())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &str, _: u32, _: &str) -> Result<(), Refused> {
        self.add(1)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.add(size_of::<usize>())?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<&'a mut Scale, Refused> {
        self.open(OWNER)
    }

    fn serialize_tuple(self, _: usize) -> Result<&'a mut Scale, Refused> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &str, _: usize) -> Result<&'a mut Scale, Refused> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<&'a mut Scale, Refused> {
        self.open(size_of::<usize>())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<&'a mut Scale, Refused> {
        self.open(OWNER * 2)
    }

    fn serialize_struct(self, _: &str, _: usize) -> Result<&'a mut Scale, Refused> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<&'a mut Scale, Refused> {
        self.open(size_of::<usize>())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($trait:ident: $method:ident),* $(,)?) => {
        $(impl ser::$trait for &mut Scale {
            type Ok = ();
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! fields {
    ($($trait:ident),*) => {
        $(impl ser::$trait for &mut Scale {
            type Ok = ();
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Refused> {
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for &mut Scale {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Refused> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Shape {
        Point,
        Circle(f64),
        Box { width: u32, height: u32 },
    }

    #[derive(Serialize)]
    struct Page {
        title: String,
        tags: Vec<String>,
        author: Option<u64>,
    }

    #[test]
    fn values_weigh_what_their_parts_take() {
        fn check<T: Serialize>(value: T, at_least: usize, at_most: usize) {
            let bytes = weigh(&value);
            assert!((at_least..=at_most).contains(&bytes), "{bytes} of {at_least} to {at_most}");
        }
        check((), 0, 0);
        check(7_u8, 1, 1);
        check(7_i64, 8, 8);
        check('x', 4, 4);
        check("x".repeat(1_000), 1_024, 1_024);
        check(vec![0_u64; 1_000], 8_024, 8_024);
        check(vec!["ab".to_owned(); 10], 24 + 260, 24 + 260);
        check(BTreeMap::from([(1_u64, "a".to_owned())]), 48 + 33, 48 + 33);
        check(Some(1_u64), 16, 16);
        check([1_u32; 4], 16, 16);
        check(Shape::Point, 1, size_of::<Shape>());
        check(Shape::Circle(1.0), 16, 16);
        check(Shape::Box { width: 1, height: 2 }, 16, 16);
        let page = Page { title: "t".repeat(100), tags: vec!["a".to_owned(); 2], author: Some(1) };
        check(page, 124 + 24 + 50 + 8, 124 + 24 + 50 + 16);
    }

    #[test]
    fn a_value_that_refuses_weighs_at_least_its_own_size() {
        struct Refusing([u64; 4]);
        impl Serialize for Refusing {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(ser::Error::custom("no"))
            }
        }
        let value = Refusing([1; 4]);
        assert_eq!(weigh(&value), 32);
        assert_eq!(value.0[0], 1);
    }
}
