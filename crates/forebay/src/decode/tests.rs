//! Every kind of value as every type, every shape a row can be asked for in, and the texts of the
//! errors.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::*;
use crate::row::{Column, Row, Rows};
use crate::value::Value;

fn columns(names: &[&str]) -> Arc<[Column]> {
    names.iter().map(|name| Column { name: (*name).into(), declared: None }).collect()
}

fn rows(names: &[&str], values: &[Value]) -> Rows {
    Rows::new(columns(names), values.to_vec())
}

fn text(text: &str) -> Value {
    text.into()
}

fn blob(bytes: &[u8]) -> Value {
    bytes.into()
}

/// The one row of these columns as a `T`: its `Debug` form, or the text of the error.
fn decoded<T: DeserializeOwned + Debug>(names: &[&str], values: &[Value]) -> String {
    let columns = columns(names);
    let by_row = match row::<T>(&columns, values) {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            assert!(error.is_decode());
            error.to_string().replace("forebay::decode::tests::", "")
        }
    };
    // The other ways to the same row agree with it.
    let rows = Rows::new(columns, values.to_vec());
    if let Ok(value) = at::<T>(&rows, 0) {
        assert_eq!(format!("{value:?}"), by_row);
    }
    assert_eq!(all::<T>(&rows).is_ok(), at::<T>(&rows, 0).is_ok());
    by_row
}

/// A value of each kind as a `T`, once as the only column and once as a field.
fn each<T: DeserializeOwned + Debug>(expect: &[(Value, &str)]) {
    #[derive(Deserialize)]
    struct Holder<T> {
        v: T,
    }
    for (value, expect) in expect {
        let wanted = std::any::type_name::<T>();
        let whole = decoded::<T>(&["v"], std::slice::from_ref(value));
        let whole = whole.strip_prefix("column \"v\": ").unwrap_or(&whole);
        assert_eq!(whole, *expect, "{value:?} as {wanted}");
        let first = scalar::<T>(&columns(&["v", "w"]), &[value.clone(), Value::Null]);
        let first = match first {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string().replace("column \"v\": ", ""),
        };
        assert_eq!(first, *expect, "{value:?} as scalar {wanted}");
        let values = [Value::Integer(0), value.clone()];
        let field = match row::<Holder<T>>(&columns(&["u", "v"]), &values) {
            Ok(holder) => format!("{:?}", holder.v),
            Err(error) => error.to_string().replace("column \"v\": ", ""),
        };
        assert_eq!(field, *expect, "{value:?} as field {wanted}");
    }
}

/// A value of each kind that nothing special is true of.
fn kinds() -> [Value; 5] {
    [Value::Null, 7.into(), 1.5.into(), text("ab"), blob(b"\x00\xff")]
}

/// The texts for the five kinds, in the order of `kinds`.
fn row_of<T: DeserializeOwned + Debug>(expect: [&str; 5]) {
    let cases: Vec<(Value, &str)> = kinds().into_iter().zip(expect).collect();
    each::<T>(&cases);
}

#[derive(Debug, Deserialize)]
enum Colour {
    Red,
    #[serde(rename = "ab")]
    Other,
    Mix(#[allow(dead_code)] i64),
}

#[derive(Debug, Deserialize)]
struct Id(#[allow(dead_code)] i64);

#[derive(Debug, Deserialize)]
struct Name(#[allow(dead_code)] Option<String>);

#[derive(Debug, PartialEq)]
struct ByteBuf(Vec<u8>);

impl<'de> Deserialize<'de> for ByteBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteBuf, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = ByteBuf;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<ByteBuf, E> {
                Ok(ByteBuf(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[test]
fn every_kind_as_every_type() {
    macro_rules! integers {
        ($($type:ident)*) => {$(
            row_of::<$type>([
                concat!("wanted ", stringify!($type), ", found null; use Option<",
                    stringify!($type), ">"),
                "7",
                concat!("wanted ", stringify!($type), ", found real; use f64, or CAST or round() \
                    in the statement"),
                concat!("wanted ", stringify!($type), ", found text; use String, or CAST in the \
                    statement"),
                concat!("wanted ", stringify!($type), ", found blob"),
            ]);
        )*};
    }
    integers!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);
}

#[test]
fn dump() {
    fn show<T: DeserializeOwned + Debug>() {
        println!("    row_of::<{}>([", std::any::type_name::<T>());
        for value in kinds() {
            println!("        {:?},", decoded::<T>(&["v"], &[value]).replace("column \"v\": ", ""));
        }
        println!("    ]);");
    }
    show::<f32>();
    show::<f64>();
    show::<bool>();
    show::<char>();
    show::<String>();
    show::<Box<str>>();
    show::<Option<String>>();
    show::<Option<i64>>();
    show::<Vec<u8>>();
    show::<[u8; 2]>();
    show::<ByteBuf>();
    show::<Colour>();
    show::<Id>();
    show::<Name>();
    show::<()>();
    show::<Value>();
    show::<Option<Value>>();
    show::<std::net::Ipv4Addr>();
    show::<std::num::NonZeroU8>();
    show::<Vec<i64>>();
    show::<Vec<Value>>();
    show::<Vec<Vec<u8>>>();
    show::<IgnoredAny>();
    show::<HashMap<String, Value>>();
    show::<BTreeMap<String, serde_json::Value>>();
    show::<serde_json::Value>();
    show::<(i64, i64)>();
}
