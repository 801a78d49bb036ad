//! Values of a type as bytes and back, for whoever does not know the type. Bytes that are not of
//! the type are nothing, never a panic. What the bytes are is serde's MessagePack, with the names
//! of fields, so that a type may be whatever serde can describe.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Cacheable;
use super::kept::{Content, Value};
#[cfg(any(feature = "disk", feature = "redis"))]
use super::nesting::is_one_value;
use super::record::sum;

/// How values of one type are written and read.
#[derive(Clone, Copy)]
pub(crate) struct Codec {
    name: fn() -> &'static str,
    write: fn(&Value, usize) -> Option<Vec<u8>>,
    read: fn(&[u8]) -> Option<Content>,
    nothing: fn() -> Content,
}

impl Codec {
    pub(crate) fn of<T: Cacheable>() -> Codec {
        Codec {
            name: std::any::type_name::<T>,
            write: write::<T>,
            read: read::<T>,
            nothing: || Content::of::<T>(None),
        }
    }

    /// The digest of the type's name.
    pub(crate) fn digest(&self) -> u64 {
        sum((self.name)().as_bytes())
    }

    /// The bytes of a value of the type; none if it is of another one, if serde refuses it, or if
    /// it has more than `bytes_max` of them. A type that panics refuses.
    pub(crate) fn write(&self, value: &Value, bytes_max: usize) -> Option<Vec<u8>> {
        catch_unwind(AssertUnwindSafe(|| (self.write)(value, bytes_max))).ok().flatten()
    }

    /// The value that these bytes are, all of them.
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<Content> {
        catch_unwind(AssertUnwindSafe(|| (self.read)(bytes))).ok().flatten()
    }

    /// That there is none.
    pub(crate) fn nothing(&self) -> Content {
        (self.nothing)()
    }
}

/// Whether values of a type are whole numbers as they are counted.
pub(crate) fn is_count(kind: TypeId) -> bool {
    kind == TypeId::of::<i64>()
}

#[cfg(any(feature = "disk", feature = "redis"))]
fn write<T: Cacheable>(value: &Value, bytes_max: usize) -> Option<Vec<u8>> {
    let value = value.downcast_ref::<T>()?;
    let mut out = Bounded { bytes: Vec::new(), left: bytes_max };
    let mut serializer = rmp_serde::Serializer::new(&mut out).with_struct_map();
    value.serialize(&mut serializer).ok()?;
    // What could not be read again is not written.
    is_one_value(&out.bytes).then_some(out.bytes)
}

#[cfg(any(feature = "disk", feature = "redis"))]
fn read<T: Cacheable>(bytes: &[u8]) -> Option<Content> {
    // The decoder recurses into enums without a limit.
    if !is_one_value(bytes) {
        return None;
    }
    let mut rest = bytes;
    let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).ok()?;
    // Whatever it has left out was not written by the same type.
    let is_whole = rest.is_empty();
    is_whole.then(|| Content::of(Some(std::sync::Arc::new(value))))
}

#[cfg(any(feature = "disk", feature = "redis"))]
struct Bounded {
    bytes: Vec<u8>,
    left: usize,
}

#[cfg(any(feature = "disk", feature = "redis"))]
impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.left.checked_sub(bytes.len()) {
            None => Err(std::io::ErrorKind::FileTooLarge.into()),
            Some(left) => {
                self.left = left;
                self.bytes.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Without a tier nothing is written down.
#[cfg(not(any(feature = "disk", feature = "redis")))]
fn write<T: Cacheable>(value: &Value, _: usize) -> Option<Vec<u8>> {
    value.downcast_ref::<T>().and(None)
}

#[cfg(not(any(feature = "disk", feature = "redis")))]
fn read<T: Cacheable>(_: &[u8]) -> Option<Content> {
    None::<T>.map(|value| Content::of(Some(std::sync::Arc::new(value))))
}

#[cfg(test)]
#[cfg(any(feature = "disk", feature = "redis"))]
mod tests {
    use super::super::nesting::DEPTH_MAX;
    use super::*;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    enum Shape {
        Point,
        Circle(f64),
        Box { width: u32, height: Option<u32> },
    }

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[serde(untagged)]
    enum Loose {
        Number(i64),
        Text(String),
        List(Vec<Loose>),
    }

    #[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
    struct Page {
        title: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        author: Option<u64>,
        shapes: Vec<Shape>,
        loose: Loose,
        #[serde(flatten)]
        more: BTreeMap<String, serde_json::Value>,
    }

    #[derive(Serialize, Deserialize, Debug)]
    struct Deep(Vec<Deep>);

    #[derive(Serialize, Deserialize, Debug)]
    enum Not {
        Leaf,
        Not(Box<Not>),
    }

    fn write<T: Cacheable>(value: T) -> Option<Vec<u8>> {
        Codec::of::<T>().write(&(Arc::new(value) as Value), 100_000)
    }

    fn check<T: Cacheable + Clone + std::fmt::Debug + PartialEq>(value: &T) {
        let bytes = write(value.clone()).unwrap();
        let codec = Codec::of::<T>();
        assert_eq!(codec.read(&bytes).unwrap().get::<T>().as_deref(), Some(value));
        let with_more = [&bytes[..], &[0]].concat();
        assert!(codec.read(&with_more).is_none(), "{value:?} with a byte more");
        assert!(codec.read(&bytes[..bytes.len() - 1]).is_none(), "{value:?} cut off");
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        check(&7_u8);
        check(&u64::MAX);
        check(&i128::MIN);
        check(&u128::MAX);
        check(&f64::INFINITY);
        check(&'\u{1f600}');
        check(&"text".repeat(100));
        check(&Some("x".to_owned()));
        check(&None::<String>);
        check(&vec![Shape::Point, Shape::Circle(1.5), Shape::Box { width: 1, height: None }]);
        check(&BTreeMap::from([((1_u8, true), "tuple".to_owned())]));
        check(&serde_json::json!({"a": [1, -2, 3.5, null, true, "x"], "b": {"c": {}}}));
        let loose = Loose::List(vec![Loose::Number(-1), Loose::Text("x".to_owned())]);
        let more = BTreeMap::from([("extra".to_owned(), serde_json::json!([1, 2]))]);
        let (title, shapes) = ("t".to_owned(), vec![Shape::Point]);
        check(&Page { title, author: None, shapes, loose, more });
        let nan = write(f64::NAN).unwrap();
        assert!(Codec::of::<f64>().read(&nan).unwrap().get::<f64>().unwrap().is_nan());
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_not_written() {
        let text = |length: usize| Arc::new("x".repeat(length)) as Value;
        let codec = Codec::of::<String>();
        assert!(codec.write(&text(10), 11).is_some());
        assert!(codec.write(&text(10), 10).is_none());
        assert!(codec.write(&(Arc::new(7_u8) as Value), 100).is_none(), "of another type");
        let deep = |levels: usize| (1..levels).fold(Deep(Vec::new()), |deep, _| Deep(vec![deep]));
        let fits = write(deep(DEPTH_MAX)).unwrap();
        assert!(Codec::of::<Deep>().read(&fits).is_some());
        assert!(write(deep(DEPTH_MAX + 1)).is_none());
        let not = |levels: usize| (0..levels).fold(Not::Leaf, |not, _| Not::Not(Box::new(not)));
        let fits = write(not(DEPTH_MAX)).unwrap();
        assert!(Codec::of::<Not>().read(&fits).is_some());
        assert!(write(not(DEPTH_MAX + 1)).is_none());
        // As it would be written, a million times.
        let mut claims = [&[0x81, 0xa3][..], b"Not"].concat().repeat(1_000_000);
        claims.extend([&[0xa4][..], b"Leaf"].concat());
        assert!(Codec::of::<Not>().read(&claims).is_none());
        let claims = [vec![0x91; 1_000_000], vec![0x90]].concat();
        assert!(Codec::of::<Deep>().read(&claims).is_none());
        assert!(Codec::of::<serde_json::Value>().read(&claims).is_none());
    }

    #[test]
    fn a_type_that_panics_refuses() {
        struct Panicking;
        impl Serialize for Panicking {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("on purpose");
            }
        }
        impl<'de> Deserialize<'de> for Panicking {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("on purpose");
            }
        }
        assert!(write(Panicking).is_none());
        assert!(Codec::of::<Panicking>().read(&[0xc0]).is_none());
    }

    #[test]
    fn types_differ_by_their_names() {
        let digests = [
            Codec::of::<Shape>().digest(),
            Codec::of::<Page>().digest(),
            Codec::of::<u8>().digest(),
            Codec::of::<Vec<u8>>().digest(),
        ];
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest));
        }
        assert_eq!(Codec::of::<u8>().digest(), digests[2]);
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_value_are_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            Codec::of::<Page>().read(&bytes);
            Codec::of::<serde_json::Value>().read(&bytes);
            Codec::of::<BTreeMap<String, Vec<Loose>>>().read(&bytes);
            Codec::of::<Vec<Shape>>().read(&bytes);
            Codec::of::<String>().read(&bytes);
            Codec::of::<u128>().read(&bytes);
        }
    }
}
