//! Values as the fields of a COPY in text form. What may stand in a column, and in which form, is
//! the same as for a parameter of its type.

use std::fmt::{Display, Write as _};

use bytes::{BufMut as _, BytesMut};

use super::encode::{Encoded, encode};
use super::oid::{Codec, codec};
use crate::error::Result;
use crate::json;
use crate::value::Value;

/// Appends a field. `scratch` is of no use before or after. After an error `out` is as it was.
pub(crate) fn copy_field(
    oid: u32,
    value: &Value,
    scratch: &mut BytesMut,
    out: &mut BytesMut,
) -> Result<()> {
    scratch.clear();
    match encode(oid, value, scratch)? {
        Encoded::Null => out.put_slice(b"\\N"),
        Encoded::Text => escape(scratch, out),
        Encoded::Binary => binary(codec(oid), scratch, out),
    }
    Ok(())
}

/// Appends a text, without what ends a field or a row.
fn escape(text: &[u8], out: &mut BytesMut) {
    let mut rest = text;
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t');
    while let Some(at) = rest.iter().position(is_special) {
        out.put_slice(&rest[..at]);
        out.put_slice(match rest[at] {
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.put_slice(rest);
}

/// Appends what was written in binary, as text.
fn binary(codec: Codec, bytes: &[u8], out: &mut BytesMut) {
    match (codec, bytes) {
        (Codec::Bool, [b]) => out.put_u8(if *b == 0 { b'f' } else { b't' }),
        (Codec::Int2, [a, b]) => put(out, i16::from_be_bytes([*a, *b])),
        (Codec::Oid, [a, b, c, d]) => put(out, u32::from_be_bytes([*a, *b, *c, *d])),
        (Codec::Int4, [a, b, c, d]) => put(out, i32::from_be_bytes([*a, *b, *c, *d])),
        (Codec::Float4, [a, b, c, d]) => {
            let x = f32::from_be_bytes([*a, *b, *c, *d]);
            if x.is_finite() {
                put(out, format_args!("{x:?}"));
            } else {
                put(out, json::real(x.into()));
            }
        }
        (Codec::Int8, [a, b, c, d, e, f, g, h]) => {
            put(out, i64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]));
        }
        (Codec::Float8, [a, b, c, d, e, f, g, h]) => {
            put(out, json::real(f64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])));
        }
        _ => {
            let mut text = String::from("\\");
            json::hex(bytes, &mut text);
            out.put_slice(text.as_bytes());
        }
    }
}

fn put(out: &mut BytesMut, value: impl Display) {
    // A buffer in memory takes everything.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_the_server_reads_them() {
        let check = |oid: u32, value: Value, expect: &str| {
            let (mut scratch, mut out) = (BytesMut::from(&b"x"[..]), BytesMut::new());
            copy_field(oid, &value, &mut scratch, &mut out).unwrap();
            assert_eq!(std::str::from_utf8(&out).unwrap(), expect, "{oid} {value:?}");
        };
        check(25, ().into(), "\\N");
        check(25, "\\N\t\r\n.".into(), "\\\\N\\t\\r\\n.");
        check(25, "\\.".into(), "\\\\.");
        check(25, "".into(), "");
        check(16, 1.into(), "t");
        check(21, (-7).into(), "-7");
        check(23, 2.0.into(), "2");
        check(20, i64::MIN.into(), "-9223372036854775808");
        check(26, u32::MAX.into(), "4294967295");
        check(700, 0.1.into(), "0.1");
        check(701, f64::NAN.into(), "NaN");
        check(701, 1e300.into(), "1e+300");
        check(17, vec![0_u8, 255].into(), "\\\\x00ff");
        check(17, "\\x00ff".into(), "\\\\x00ff");
        check(1007, "[1,null]".into(), "{1,NULL}");
        check(1700, "1.50".into(), "1.50");
        let (mut scratch, mut out) = (BytesMut::new(), BytesMut::from(&b"a"[..]));
        for (oid, value) in [(21, Value::from(40_000)), (25, "\0".into()), (23, 2.5.into())] {
            assert!(copy_field(oid, &value, &mut scratch, &mut out).is_err());
        }
        assert_eq!(&out[..], b"a");
    }
}
