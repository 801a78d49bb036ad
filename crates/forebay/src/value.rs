//! One SQL value: what a column holds and what a parameter carries. It does not know any
//! database; backends convert to and from it.

use std::fmt;
use std::hash::{Hash, Hasher};

use compact_str::{CompactString, ToCompactString as _};

use crate::error::Error;

/// A value of one of SQLite's five storage classes.
///
/// Two values are equal when they are the same storage class with the same bits: `1` and `1.0`
/// differ, and so do `0.0` and `-0.0`. That is what a cache key needs; it is not SQL's `=`.
#[derive(Clone)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// UTF-8 text. Up to 24 bytes of it take no heap.
    Text(CompactString),
    /// Bytes.
    Blob(Box<[u8]>),
}

// A text, kept in place up to 24 bytes, makes a value no larger than a pointer and a length do.
const _: () = assert!(size_of::<Value>() == 24);

impl Value {
    /// The storage class, in the words of SQLite's `typeof()`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Integer(_) => "integer",
            Value::Real(_) => "real",
            Value::Text(_) => "text",
            Value::Blob(_) => "blob",
        }
    }

    /// Bytes that this value takes in memory, heap included.
    pub fn size(&self) -> usize {
        let heap = match self {
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
            Value::Text(text) if text.is_heap_allocated() => text.capacity(),
            Value::Text(_) => 0,
            Value::Blob(blob) => blob.len(),
        };
        size_of::<Value>() + heap
    }
}

impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => state.write_u8(0),
            Value::Integer(n) => {
                state.write_u8(1);
                state.write_i64(*n);
            }
            Value::Real(x) => {
                state.write_u8(2);
                state.write_u64(x.to_bits());
            }
            Value::Text(text) => {
                state.write_u8(3);
                text.hash(state);
            }
            Value::Blob(blob) => {
                state.write_u8(4);
                blob.hash(state);
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Real(x) => write!(f, "{x:?}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Blob(blob) => write!(f, "blob[{}]", blob.len()),
        }
    }
}

macro_rules! integer {
    ($($small:ty),*) => {$(
        impl From<$small> for Value {
            fn from(n: $small) -> Value {
                Value::Integer(i64::from(n))
            }
        }
    )*};
}

integer!(bool, i8, i16, i32, i64, u8, u16, u32);

macro_rules! wide_integer {
    ($($wide:ty),*) => {$(
        /// Fails when the number does not fit into 64 signed bits.
        impl TryFrom<$wide> for Value {
            type Error = Error;

            fn try_from(n: $wide) -> Result<Value, Error> {
                match i64::try_from(n) {
                    Ok(n) => Ok(Value::Integer(n)),
                    Err(_) => Err(Error::usage(concat!(
                        "the parameter, a ", stringify!($wide), ", does not fit into a 64-bit \
                         signed integer; bind it as text, or as a float if the loss is acceptable"
                    ))),
                }
            }
        }
    )*};
}

wide_integer!(u64, usize, isize, i128, u128);

impl From<f32> for Value {
    fn from(x: f32) -> Value {
        Value::Real(f64::from(x))
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Real(x)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.as_str().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        let mut text = CompactString::from(text);
        text.shrink_to_fit();
        Value::Text(text)
    }
}

impl From<CompactString> for Value {
    fn from(text: CompactString) -> Value {
        Value::Text(text)
    }
}

impl From<char> for Value {
    fn from(c: char) -> Value {
        Value::Text(c.to_compact_string())
    }
}

impl From<&[u8]> for Value {
    fn from(blob: &[u8]) -> Value {
        Value::Blob(blob.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(blob: &[u8; N]) -> Value {
        Value::Blob(blob.as_slice().into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(blob: Vec<u8>) -> Value {
        Value::Blob(blob.into())
    }
}

impl From<()> for Value {
    fn from((): ()) -> Value {
        Value::Null
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Error {
        match never {}
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}
