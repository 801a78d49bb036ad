//! Values as Hrana writes them: an object with a `type`; integers are strings, because many JSON
//! readers take every number for a double, and blobs are base64.

use std::fmt;

use forebay::Value;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::json::{base64_decode, put, put_base64, put_real};

/// A value in a request.
#[derive(Debug)]
pub(crate) struct Arg(pub(crate) Value);

#[derive(Deserialize)]
struct Wire {
    r#type: Type,
    #[serde(default)]
    value: Option<Scalar>,
    #[serde(default)]
    base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Null,
    Integer,
    Float,
    Text,
    Blob,
}

/// What stands in `value`. It is read before its `type` is known, which may come later.
enum Scalar {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Arg, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        wire.into_value().map(Arg).map_err(de::Error::custom)
    }
}

impl Wire {
    fn into_value(self) -> Result<Value, String> {
        Ok(match (self.r#type, self.value, self.base64) {
            (Type::Null, ..) => Value::Null,
            (Type::Integer, Some(Scalar::Integer(n)), _) => Value::Integer(n),
            (Type::Integer, Some(Scalar::Text(text)), _) => match text.parse() {
                Ok(n) => Value::Integer(n),
                Err(_) => return Err("an integer value must be a 64-bit decimal".into()),
            },
            (Type::Float, Some(Scalar::Float(x)), _) => Value::Real(x),
            #[allow(clippy::cast_precision_loss, reason = "the client declares it a float")]
            (Type::Float, Some(Scalar::Integer(n)), _) => Value::Real(n as f64),
            (Type::Text, Some(Scalar::Text(text)), _) => Value::Text(text.into()),
            (Type::Blob, _, Some(text)) => Value::Blob(base64_decode(&text)?.into()),
            (Type::Integer, ..) => return Err("an integer needs a `value` that is a string".into()),
            (Type::Float, ..) => return Err("a float needs a `value` that is a number".into()),
            (Type::Text, ..) => return Err("a text needs a `value` that is a string".into()),
            (Type::Blob, ..) => return Err("a blob needs `base64`".into()),
        })
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(n))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Scalar, E> {
        #[allow(clippy::cast_precision_loss, reason = "beyond i64 only a float can be meant")]
        Ok(i64::try_from(n).map_or(Scalar::Float(n as f64), Scalar::Integer))
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(x))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }
}

/// Appends one row: an array of values.
pub(crate) fn put_row(out: &mut Vec<u8>, row: &[Value]) {
    out.push(b'[');
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match value {
            Value::Null => put_null(out),
            Value::Integer(n) => put_integer(out, *n),
            Value::Real(x) => put_float(out, *x),
            Value::Text(text) => put_text(out, text),
            Value::Blob(blob) => put_blob(out, blob),
        }
    }
    out.push(b']');
}

fn put_null(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"null"}"#);
}

fn put_integer(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(br#"{"type":"integer","value":""#);
    put(out, &n);
    out.extend_from_slice(br#""}"#);
}

/// NaN, which PostgreSQL has, is no number of JSON.
fn put_float(out: &mut Vec<u8>, x: f64) {
    if x.is_nan() {
        return put_text(out, "NaN");
    }
    out.extend_from_slice(br#"{"type":"float","value":"#);
    put_real(out, x);
    out.push(b'}');
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(br#"{"type":"text","value":"#);
    put(out, &text);
    out.push(b'}');
}

fn put_blob(out: &mut Vec<u8>, blob: &[u8]) {
    out.extend_from_slice(br#"{"type":"blob","#);
    put_base64(out, blob);
    out.push(b'}');
}

/// A row of a stream, already in its JSON form: it is written while it is decoded, so that a
/// cursor copies no value twice.
pub(crate) struct JsonRow(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for JsonRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonRow, D::Error> {
        deserializer.deserialize_seq(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = JsonRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<JsonRow, A::Error> {
        let mut out = vec![b'['];
        let mut first = true;
        loop {
            let before = out.len();
            if !first {
                out.push(b',');
            }
            if seq.next_element_seed(CellWriter(&mut out))?.is_none() {
                out.truncate(before);
                break;
            }
            first = false;
        }
        out.push(b']');
        Ok(JsonRow(out))
    }
}

struct CellWriter<'a>(&'a mut Vec<u8>);

impl<'de> de::DeserializeSeed<'de> for CellWriter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellWriter<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of one of SQLite's storage classes")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        put_null(self.0);
        Ok(())
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<(), E> {
        put_integer(self.0, n);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, x: f64) -> Result<(), E> {
        put_float(self.0, x);
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        put_text(self.0, text);
        Ok(())
    }

    fn visit_bytes<E: de::Error>(self, blob: &[u8]) -> Result<(), E> {
        put_blob(self.0, blob);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expect: Result<Value, &str>) {
        match (serde_json::from_str::<Arg>(json), expect) {
            (Ok(Arg(value)), Ok(expect)) => assert_eq!(value, expect, "{json}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (result, expect) => panic!("{json}: {result:?} instead of {expect:?}"),
        }
    }

    #[test]
    fn values_are_read() {
        check(r#"{"type":"null"}"#, Ok(Value::Null));
        check(r#"{"type":"integer","value":"-9223372036854775808"}"#, Ok(i64::MIN.into()));
        check(r#"{"value":"7","type":"integer"}"#, Ok(7.into()));
        check(r#"{"type":"integer","value":7}"#, Ok(7.into()));
        check(r#"{"type":"float","value":1}"#, Ok(1.0.into()));
        check(
            r#"{"type":"float","value":18446744073709551615}"#,
            Ok(18446744073709551615.0.into()),
        );
        check(r#"{"type":"text","value":"a\u0000\ud83d\ude00"}"#, Ok("a\0😀".into()));
        check(r#"{"type":"blob","base64":"AQI="}"#, Ok(vec![1, 2].into()));
        check(r#"{"type":"blob","base64":"AQI"}"#, Ok(vec![1, 2].into()));
        check(r#"{"type":"integer","value":"9223372036854775808"}"#, Err("64-bit"));
        check(r#"{"type":"integer","value":1.5}"#, Err("a string"));
        check(r#"{"type":"float","value":"1"}"#, Err("a number"));
        check(r#"{"type":"text"}"#, Err("a string"));
        check(r#"{"type":"blob","base64":"?"}"#, Err("not base64"));
        check(r#"{"type":"date"}"#, Err("unknown variant"));
        check(r"{}", Err("missing field `type`"));
        check(r#"{"type":"text","value":"\ud800"}"#, Err("escape"));
    }

    #[test]
    fn values_are_written() {
        let row = [
            Value::Null,
            Value::Integer(i64::MAX),
            Value::Real(1.5),
            Value::from("q\"\0"),
            Value::from(vec![1, 2]),
        ];
        let mut out = Vec::new();
        put_row(&mut out, &row);
        let expect = concat!(
            r#"[{"type":"null"},{"type":"integer","value":"9223372036854775807"},"#,
            r#"{"type":"float","value":1.5},{"type":"text","value":"q\"\u0000"},"#,
            r#"{"type":"blob","base64":"AQI"}]"#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
}
