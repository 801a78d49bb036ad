//! Values as bytes, every bit of them, and back. Whatever the bytes are, reading them ends, takes
//! no more memory than they do, and panics nowhere.

use crate::value::Value;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Appends a value.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    let long = |tag: u8, bytes: &[u8], out: &mut Vec<u8>| {
        out.push(tag);
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    };
    match value {
        Value::Null => out.push(NULL),
        Value::Integer(n) => {
            out.push(INTEGER);
            out.extend(n.to_le_bytes());
        }
        Value::Real(x) => {
            out.push(REAL);
            out.extend(x.to_bits().to_le_bytes());
        }
        Value::Text(text) => long(TEXT, text.as_bytes(), out),
        Value::Blob(blob) => long(BLOB, blob, out),
    }
}

/// All values in `bytes`, if they are such.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while let [tag, behind @ ..] = bytes {
        let (value, rest) = one(*tag, behind)?;
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

fn one(tag: u8, bytes: &[u8]) -> Option<(Value, &[u8])> {
    let long = || {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)
    };
    Some(match tag {
        NULL => (Value::Null, bytes),
        INTEGER => {
            let (n, rest) = bytes.split_first_chunk()?;
            (Value::Integer(i64::from_le_bytes(*n)), rest)
        }
        REAL => {
            let (bits, rest) = bytes.split_first_chunk()?;
            (Value::Real(f64::from_bits(u64::from_le_bytes(*bits))), rest)
        }
        TEXT => {
            let (text, rest) = long()?;
            (Value::from(str::from_utf8(text).ok()?), rest)
        }
        BLOB => {
            let (blob, rest) = long()?;
            (Value::from(blob), rest)
        }
        _ => return None,
    })
}
