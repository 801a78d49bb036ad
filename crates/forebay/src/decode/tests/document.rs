//! Texts whose column says what they hold: JSON, arrays, decimal numbers; and booleans.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::*;
use crate::row::{Column, ColumnKind, ElementKind, Rows};
use crate::value::Value;

const JSON: ColumnKind = ColumnKind::Json;
const LIST: ColumnKind = ColumnKind::Array(ElementKind::Plain);
const REALS: ColumnKind = ColumnKind::Array(ElementKind::Real);
const DECIMALS: ColumnKind = ColumnKind::Array(ElementKind::Decimal);
const BLOBS: ColumnKind = ColumnKind::Array(ElementKind::Bytes);

/// The value as a `T`, along every way to it: its `Debug` form, or what is wrong with it.
fn decoded<T: DeserializeOwned + Debug>(kind: ColumnKind, value: impl Into<Value>) -> String {
    #[derive(Deserialize)]
    struct Holder<T> {
        v: T,
    }
    let columns: Arc<[Column]> = [Column { name: "v".into(), declared: None, kind }].into();
    let value = value.into();
    let fresh = || Rows::new(columns.clone(), vec![value.clone(), value.clone()]);
    let shared = fresh();
    let ways = [
        scalar::<T>(&columns, std::slice::from_ref(&value)),
        at::<(T,)>(&shared, 0).map(|row| row.0),
        row::<Holder<T>>(&columns, std::slice::from_ref(&value)).map(|row| row.v),
        take_first::<Holder<T>>(fresh()).map(|row| row.unwrap().v),
        take_all::<Holder<T>>(fresh()).map(|mut rows| rows.swap_remove(0).v),
    ];
    let texts = ways.map(|decoded| match decoded {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            assert!(error.is_decode());
            error.to_string().replace("column \"v\": ", "").replace("column \"v\" (row 1): ", "")
        }
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    let [text, ..] = texts;
    text
}

fn check<T: DeserializeOwned + Debug>(kind: ColumnKind, value: impl Into<Value>, expect: &str) {
    let value = value.into();
    assert_eq!(decoded::<T>(kind, value.clone()), expect, "{value:?}");
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Item {
    name: String,
    price: Option<f64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Point,
    Circle(i64),
    Line(i64, String),
    Box { w: i64, h: Option<bool> },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Item(Item),
    List(Vec<Loose>),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Strict(#[serde(with = "strict")] i64);

mod strict {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Only {
        id: i64,
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        serde::Deserialize::deserialize(from).map(|only: Only| only.id)
    }
}

#[test]
fn json_is_read() {
    check::<Item>(
        JSON,
        r#"{"name":"a","price":1.5,"x":[{}]}"#,
        r#"Item { name: "a", price: Some(1.5) }"#,
    );
    check::<Item>(JSON, r#"{"name":"a\u00e9\n"}"#, "Item { name: \"aé\\n\", price: None }");
    check::<Item>(JSON, r#"["a",null]"#, r#"Item { name: "a", price: None }"#);
    check::<Vec<Item>>(JSON, "[]", "[]");
    check::<BTreeMap<String, Vec<i8>>>(JSON, r#"{"a":[1],"b":[]}"#, r#"{"a": [1], "b": []}"#);
    check::<BTreeMap<i64, bool>>(JSON, r#"{"-1":true}"#, "{-1: true}");
    check::<(i64, String)>(JSON, r#" [ 1 , "a" ] "#, r#"(1, "a")"#);
    check::<i64>(JSON, "7", "7");
    check::<f32>(JSON, "0.1", "0.1");
    check::<bool>(JSON, "true", "true");
    check::<()>(JSON, "null", "()");
    check::<Shape>(JSON, r#""Point""#, "Point");
    check::<Shape>(JSON, r#"{"Circle":1}"#, "Circle(1)");
    check::<Shape>(JSON, r#"{"Line":[1,"a"]}"#, "Line(1, \"a\")");
    check::<Shape>(JSON, r#"{"Box":{"w":1}}"#, "Box { w: 1, h: None }");
    check::<Loose>(
        JSON,
        r#"[1,{"name":"a"},[]]"#,
        r#"List([Number(1), Item(Item { name: "a", price: None }), List([])])"#,
    );
    check::<u128>(JSON, "340282366920938463463374607431768211455", &u128::MAX.to_string());
    // The text itself.
    check::<String>(JSON, r#"{"a": 1}"#, r#""{\"a\": 1}""#);
    check::<String>(JSON, r#""a""#, r#""\"a\"""#);
    check::<Value>(JSON, r#"{"a": 1}"#, r#""{\"a\": 1}""#);
    // Both nulls are none.
    check::<Option<Item>>(JSON, Value::Null, "None");
    check::<Option<Item>>(JSON, " null ", "None");
    check::<Option<Option<i64>>>(JSON, "null", "None");
    check::<Value>(JSON, "null", "\"null\"");
    check::<Value>(JSON, Value::Null, "NULL");
    // A value that is no text is what it is, whatever its column says.
    check::<i64>(JSON, 7, "7");
}

#[test]
fn json_that_does_not_fit() {
    for (expect, text) in [
        ("String in the document, found null", r#"{"name":null}"#),
        ("String in the document, found a list", r#"{"name":[]}"#),
        ("the field `name`, found a document without it", "{}"),
        ("one field `name`, found a document with several", r#"{"name":"a","name":"b"}"#),
        ("struct Item in the document, found number", "7"),
        ("JSON in the document, found text that is none, or is nested too deeply", "{\"name\":"),
        ("JSON in the document, found text that is none, or is nested too deeply", ""),
        (
            "JSON in the document, found text that is none, or is nested too deeply",
            r#"{"name":"a"} x"#,
        ),
        ("2 elements in the document, found more of them", r#"["a",1,2]"#),
    ] {
        check::<Item>(JSON, text, &format!("wanted {expect}"));
    }
    check::<Item>(JSON, Value::Null, "wanted struct Item, found null; wrap the type in Option");
    check::<(i64, i64)>(JSON, "[1]", "wanted a tuple of size 2 in the document, found 1 of them");
    check::<(i64,)>(JSON, "[1,2]", "wanted 1 elements in the document, found more of them");
    check::<i8>(
        JSON,
        "300",
        "wanted i8 in the document, found a number outside of -128 to 127; use String or a \
         decimal type, or CAST in the statement",
    );
    check::<f64>(JSON, "1e999", "wanted f64 in the document, found a number too large for it");
    check::<f32>(JSON, "1e99", "wanted f32 in the document, found a number too large for it");
    check::<bool>(JSON, "1", "wanted bool in the document, found number");
    check::<Shape>(
        JSON,
        r#""Circle""#,
        "wanted the content of a variant in the document, found text, which names a variant but \
         has no content for it",
    );
    check::<Shape>(
        JSON,
        r#"{"Point":null,"Circle":1}"#,
        "wanted one variant in the document, found an object of several members",
    );
    check::<Shape>(JSON, "{}", "wanted a variant in the document, found an object without members");
    check::<Shape>(
        JSON,
        r#""Square""#,
        "wanted one of `Point`, `Circle`, `Line`, `Box` in the document, found text that is none \
         of them",
    );
    check::<Strict>(
        JSON,
        r#"{"id":1,"secret":2}"#,
        "wanted no fields but `id`, found a document that has others",
    );
    check::<Loose>(
        JSON,
        "true",
        "wanted a variant of an untagged enum, found a row or value of none",
    );
    check::<BTreeMap<i64, i64>>(
        JSON,
        r#"{"a":1}"#,
        "wanted i64 in the document, found a key that is none",
    );
    let deep = "[".repeat(100_000);
    check::<serde_json::Value>(
        JSON,
        deep.as_str(),
        "wanted JSON in the document, found text that is none, or is nested too deeply",
    );
    let deep = r#"{"a":"#.repeat(100_000);
    check::<serde::de::IgnoredAny>(JSON, deep.as_str(), "IgnoredAny");
    check::<(serde::de::IgnoredAny,)>(
        JSON,
        format!("[{deep}"),
        "wanted JSON in the document, found text that is none, or is nested too deeply",
    );
}

#[test]
fn arrays_are_read() {
    check::<Vec<i64>>(LIST, "[1,-2]", "[1, -2]");
    check::<Vec<Option<String>>>(LIST, r#"["a",null]"#, r#"[Some("a"), None]"#);
    check::<Vec<Vec<bool>>>(LIST, "[[true],[false]]", "[[true], [false]]");
    check::<(i64, i64)>(LIST, "[1,2]", "(1, 2)");
    check::<[i64; 2]>(LIST, "[1,2]", "[1, 2]");
    check::<Vec<f64>>(LIST, "[1]", "[1.0]");
    check::<Vec<Value>>(LIST, r#"[1,"a",null,true,[1,2]]"#, r#"[1, "a", NULL, 1, "[1,2]"]"#);
    check::<Value>(LIST, "[1]", "\"[1]\"");
    check::<String>(LIST, "[1]", "\"[1]\"");
    check::<Option<Vec<i64>>>(LIST, Value::Null, "None");
    check::<Vec<f64>>(
        REALS,
        r#"[0.1,1.2345678901234567e+19,"NaN","-Infinity"]"#,
        "[0.1, 1.2345678901234567e19, NaN, -inf]",
    );
    check::<Vec<f32>>(REALS, r#"["Infinity",3.4028235e+38]"#, "[inf, 3.4028235e38]");
    check::<Vec<Value>>(REALS, "[0.5,1]", "[0.5, 1]");
    check::<Vec<f64>>(DECIMALS, r#"[1.00,"NaN"]"#, "[1.0, NaN]");
    check::<Vec<String>>(DECIMALS, r#"[1.00,"NaN"]"#, r#"["1.00", "NaN"]"#);
    check::<Vec<Value>>(DECIMALS, "[1.00]", r#"["1.00"]"#);
    check::<Vec<i64>>(DECIMALS, "[1.00]", "[1]");
    check::<Vec<Vec<u8>>>(BLOBS, r#"["\\x00ff","\\x"]"#, "[[0, 255], []]");
    check::<Vec<[u8; 2]>>(BLOBS, r#"["\\x00ff"]"#, "[[0, 255]]");
    check::<Vec<Value>>(BLOBS, r#"["\\x00ff"]"#, "[blob[2]]");
    check::<Vec<serde_json::Value>>(
        ColumnKind::Array(ElementKind::Json),
        r#"[{"a":1.5}]"#,
        r#"[Object {"a": Number(1.5)}]"#,
    );
}

#[test]
fn arrays_that_do_not_fit() {
    check::<Vec<i64>>(LIST, r#"[1,"secret"]"#, "wanted i64 in the document, found text");
    check::<Vec<i64>>(LIST, "[null]", "wanted i64 in the document, found null");
    check::<i64>(LIST, "[1]", "wanted i64 in the document, found a list");
    check::<Vec<f64>>(LIST, r#"["NaN"]"#, "wanted f64 in the document, found text");
    check::<Vec<f64>>(
        LIST,
        "[9007199254740993]",
        "wanted f64 in the document, found a number that no f64 is close enough to; use String \
         or a decimal type, or CAST in the statement",
    );
    check::<Vec<f64>>(REALS, r#"["secret"]"#, "wanted f64 in the document, found text");
    check::<Vec<Vec<u8>>>(
        BLOBS,
        r#"["secret"]"#,
        "wanted bytes in the document, found text that is not hexadecimal",
    );
    check::<Vec<[u8; 1]>>(
        BLOBS,
        r#"["\\x00ff"]"#,
        "wanted 1 bytes in the document, found a blob of 2 bytes",
    );
    check::<Vec<i64>>(
        ColumnKind::Plain,
        "[1]",
        "wanted a sequence, found text; JSON stored as text is taken as String and parsed from \
         there",
    );
}

#[test]
fn decimals_and_booleans() {
    const DECIMAL: ColumnKind = ColumnKind::Decimal;
    let hint = "use String or a decimal type, or CAST in the statement";
    check::<String>(DECIMAL, "1.00", "\"1.00\"");
    check::<Value>(DECIMAL, "1.00", "\"1.00\"");
    check::<serde_json::Value>(DECIMAL, "1.00", "String(\"1.00\")");
    check::<i64>(DECIMAL, "-1.00", "-1");
    check::<u8>(DECIMAL, "255", "255");
    check::<u128>(DECIMAL, &*u128::MAX.to_string(), &u128::MAX.to_string());
    check::<u8>(DECIMAL, "-1", &format!("wanted u8, found a number outside of 0 to 255; {hint}"));
    check::<i64>(DECIMAL, "1.5", &format!("wanted i64, found a number with a fraction; {hint}"));
    check::<i64>(
        DECIMAL,
        "NaN",
        &format!("wanted i64, found a number with an exponent, or none; {hint}"),
    );
    check::<f64>(DECIMAL, "0.1", "0.1");
    check::<f64>(DECIMAL, "3.3333333333333333", "3.3333333333333335");
    check::<f64>(DECIMAL, "9007199254740992.00", "9007199254740992.0");
    check::<f64>(DECIMAL, "NaN", "NaN");
    check::<f64>(DECIMAL, "-Infinity", "-inf");
    check::<f64>(DECIMAL, "-0.000", "-0.0");
    let far = |wanted: &str| {
        format!("wanted {wanted}, found a number that no {wanted} is close enough to; {hint}")
    };
    check::<f64>(DECIMAL, "9007199254740993", &far("f64"));
    check::<f64>(DECIMAL, "9007199254740992.5", &far("f64"));
    check::<f64>(DECIMAL, &*format!("1{}", "0".repeat(400)), &far("f64"));
    check::<f64>(DECIMAL, &*format!("0.{}1", "0".repeat(400)), &far("f64"));
    check::<f64>(DECIMAL, &*format!("1{}", "0".repeat(22)), "1e22");
    check::<f32>(DECIMAL, "0.1", "0.1");
    check::<f32>(DECIMAL, "16777217", &far("f32"));
    check::<bool>(
        DECIMAL,
        "1",
        "wanted bool, found a decimal number; a boolean is stored as the integer 0 or 1",
    );
    check::<i64>(
        ColumnKind::Plain,
        "1",
        "wanted i64, found text; use String, or CAST in the statement",
    );
    check::<serde_json::Value>(ColumnKind::Bool, 1, "Bool(true)");
    check::<bool>(ColumnKind::Bool, 0, "false");
    check::<i64>(ColumnKind::Bool, 1, "1");
    check::<Value>(ColumnKind::Bool, 1, "1");
    check::<serde_json::Value>(ColumnKind::Plain, 1, "Number(1)");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i32>().prop_map(|n| (f64::from(n) / 8.0).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        any::<i64>().prop_map(Shape::Circle),
        any::<(i64, String)>().prop_map(|(n, text)| Shape::Line(n, text)),
        any::<(i64, Option<bool>)>().prop_map(|(w, h)| Shape::Box { w, h }),
    ]
}

fn one<T: DeserializeOwned>(kind: ColumnKind, text: &str) -> crate::error::Result<T> {
    scalar(&[Column { name: "v".into(), declared: None, kind }], &[text.into()])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_is_what_it_is_for_serde_json(json in json(), is_pretty in any::<bool>()) {
        let text = match is_pretty {
            true => serde_json::to_string_pretty(&json).unwrap(),
            false => serde_json::to_string(&json).unwrap(),
        };
        prop_assert_eq!(&one::<serde_json::Value>(JSON, &text).unwrap(), &json);
        prop_assert_eq!(&one::<serde_json::Value>(LIST, &text).unwrap(), &json);
    }

    #[test]
    fn what_serde_writes_is_read(
        shapes in
            prop::collection::btree_map(any::<i16>(), prop::collection::vec(shape(), 0..4), 0..4)
    ) {
        let text = serde_json::to_string(&shapes).unwrap();
        prop_assert_eq!(one::<BTreeMap<i16, Vec<Shape>>>(JSON, &text).unwrap(), shapes);
    }

    #[test]
    fn what_is_not_json_is_an_error(json in json(), at in any::<prop::sample::Index>(), with in
        prop::sample::select(vec!["", "\"", "\\", "{", "}", "[", "]", ",", ":", "1", "-", "x"]))
    {
        let mut text = serde_json::to_string(&json).unwrap();
        let at = (0..=at.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        text.replace_range(at..end, with);
        let expect = serde_json::from_str::<serde_json::Value>(&text);
        match one::<serde_json::Value>(JSON, &text) {
            Ok(json) => prop_assert_eq!(json, expect.unwrap()),
            Err(_) => prop_assert!(expect.is_err(), "{}", text),
        }
        one::<Vec<Shape>>(JSON, &text).ok();
        one::<Loose>(LIST, &text).ok();
        one::<Vec<Option<f64>>>(DECIMALS, &text).ok();
    }
}
