//! Values of a type as bytes and back, for whoever does not know the type. Bytes that are not of
//! the type are nothing, never a panic. What the bytes are is serde's MessagePack, with the names
//! of fields, so that a type may be whatever serde can describe.

use std::any::TypeId;

use super::Cacheable;
use super::kept::{Content, Value};
use super::record::sum;

/// How deep values may be nested. Deeper ones are not kept outside of memory, and bytes that claim
/// to be so are refused before they exhaust the stack.
#[cfg(any(feature = "disk", feature = "redis"))]
const DEPTH_MAX: usize = 128;

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
    /// it has more than `bytes_max` of them.
    pub(crate) fn write(&self, value: &Value, bytes_max: usize) -> Option<Vec<u8>> {
        (self.write)(value, bytes_max)
    }

    /// The value that these bytes are, all of them.
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<Content> {
        (self.read)(bytes)
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
    serializer.unstable_set_max_depth(DEPTH_MAX);
    value.serialize(&mut serializer).ok()?;
    Some(out.bytes)
}

#[cfg(any(feature = "disk", feature = "redis"))]
fn read<T: Cacheable>(bytes: &[u8]) -> Option<Content> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(DEPTH_MAX);
    let value = T::deserialize(&mut deserializer).ok()?;
    // What follows the value was not written with it.
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

#[cfg(not(any(feature = "disk", feature = "redis")))]
fn write<T: Cacheable>(_: &Value, _: usize) -> Option<Vec<u8>> {
    None
}

#[cfg(not(any(feature = "disk", feature = "redis")))]
fn read<T: Cacheable>(_: &[u8]) -> Option<Content> {
    None
}
