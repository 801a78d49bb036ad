//! Every kind of value as every type, every shape a row can be asked for in, and the texts of the
//! errors.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

mod document;

use super::*;
use crate::row::{Column, ColumnKind, Row, Rows};
use crate::value::Value;

fn columns(names: &[&str]) -> Arc<[Column]> {
    names
        .iter()
        .map(|name| Column { name: (*name).into(), declared: None, kind: ColumnKind::Plain })
        .collect()
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
    if names.is_empty() {
        return by_row;
    }
    // The other ways to the same row agree with it.
    let rows = Rows::new(columns, values.to_vec());
    if let Ok(value) = at::<T>(&rows, 0) {
        assert_eq!(format!("{value:?}"), by_row);
    }
    let text = |decoded: crate::error::Result<T>| match decoded {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string().replace("forebay::decode::tests::", ""),
    };
    let named = |all: crate::error::Result<Vec<T>>| {
        let first = all.map(|mut all| all.swap_remove(0));
        text(first).replace("row 1, ", "").replace("row 1: ", "")
    };
    let shared = named(all::<T>(&rows));
    assert_eq!(named(take_all::<T>(rows.clone())), shared, "somebody else has the rows, too");
    let values = [values, values].concat();
    let fresh = || Rows::new(rows.columns_arc(), values.clone());
    assert_eq!(named(take_all::<T>(fresh())), shared);
    assert_eq!(text(take_first::<T>(fresh()).map(Option::unwrap)), by_row);
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
fn every_kind_as_every_other_type() {
    row_of::<f32>([
        "wanted f32, found null; use Option<f32>",
        "7.0",
        "1.5",
        "wanted f32, found text; use String, or CAST in the statement",
        "wanted f32, found blob",
    ]);
    row_of::<f64>([
        "wanted f64, found null; use Option<f64>",
        "7.0",
        "1.5",
        "wanted f64, found text; use String, or CAST in the statement",
        "wanted f64, found blob",
    ]);
    row_of::<bool>([
        "wanted bool, found null; use Option<bool>",
        "wanted bool, found an integer other than 0 and 1; use i64, or compare in the statement",
        "wanted bool, found real; a boolean is stored as the integer 0 or 1",
        "wanted bool, found text; a boolean is stored as the integer 0 or 1",
        "wanted bool, found blob",
    ]);
    row_of::<char>([
        "wanted char, found null; use Option<char>",
        "wanted char, found integer",
        "wanted char, found real",
        "wanted char, found text of none or several characters; use String",
        "wanted char, found blob",
    ]);
    let string = [
        "wanted String, found null; use Option<String>",
        "wanted String, found integer; use i64, or CAST in the statement",
        "wanted String, found real; use f64, or CAST in the statement",
        "\"ab\"",
        "wanted String, found blob; use Vec<u8>, or CAST in the statement",
    ];
    row_of::<String>(string);
    row_of::<Box<str>>(string);
    row_of::<Option<String>>(["None", string[1], string[2], "Some(\"ab\")", string[4]]);
    row_of::<Name>(["Name(None)", string[1], string[2], "Name(Some(\"ab\"))", string[4]]);
    row_of::<Id>([
        "wanted i64, found null; use Option<i64>",
        "Id(7)",
        "wanted i64, found real; use f64, or CAST or round() in the statement",
        "wanted i64, found text; use String, or CAST in the statement",
        "wanted i64, found blob",
    ]);
    row_of::<ByteBuf>([
        "wanted bytes, found null; wrap the type in Option",
        "wanted bytes, found integer",
        "wanted bytes, found real",
        "wanted bytes, found text; use String, or CAST in the statement",
        "ByteBuf([0, 255])",
    ]);
    row_of::<Colour>([
        "wanted enum Colour, found null; wrap the type in Option",
        "wanted enum Colour, found integer; variants are stored as text; for numbers, implement \
         Deserialize through i64",
        "wanted enum Colour, found real",
        "Other",
        "wanted enum Colour, found blob",
    ]);
    row_of::<()>([
        "()",
        "wanted null, found integer",
        "wanted null, found real",
        "wanted null, found text",
        "wanted null, found blob",
    ]);
    row_of::<Value>(["NULL", "7", "1.5", "\"ab\"", "blob[2]"]);
    row_of::<Option<Value>>(["None", "Some(7)", "Some(1.5)", "Some(\"ab\")", "Some(blob[2])"]);
    row_of::<IgnoredAny>(["IgnoredAny"; 5]);
}

/// Sequences and structs mean something else over a row than in a field.
#[test]
fn every_kind_as_a_part_of_a_row() {
    fn check<T: DeserializeOwned + Debug>(expect: [&str; 5]) {
        for (value, expect) in kinds().into_iter().zip(expect) {
            let field = match scalar::<T>(&columns(&["v"]), std::slice::from_ref(&value)) {
                Ok(value) => format!("{value:?}"),
                Err(error) => error.to_string(),
            };
            let found = field.strip_prefix("column \"v\": ").unwrap_or(&field);
            assert_eq!(found, expect, "{value:?} as {}", std::any::type_name::<T>());
        }
    }
    let json = "JSON stored as text is taken as String and parsed from there";
    check::<Vec<u8>>([
        "wanted a sequence, found null; wrap the type in Option",
        "wanted a sequence, found integer",
        "wanted a sequence, found real",
        &format!("wanted a sequence, found text; {json}"),
        "[0, 255]",
    ]);
    check::<[u8; 2]>([
        "wanted an array of length 2, found null; wrap the type in Option",
        "wanted an array of length 2, found integer",
        "wanted an array of length 2, found real",
        "wanted an array of length 2, found text",
        "[0, 255]",
    ]);
    check::<Pair>([
        "wanted struct Pair, found null; wrap the type in Option",
        "wanted struct Pair, found integer",
        "wanted struct Pair, found real",
        &format!("wanted struct Pair, found text; {json}"),
        "wanted struct Pair, found blob",
    ]);
    check::<HashMap<String, i64>>([
        "wanted a map, found null; wrap the type in Option",
        "wanted a map, found integer",
        "wanted a map, found real",
        &format!("wanted a map, found text; {json}"),
        "wanted a map, found blob",
    ]);
    check::<serde_json::Value>([
        "Null",
        "Number(7)",
        "Number(1.5)",
        "String(\"ab\")",
        "wanted any valid JSON value, found blob",
    ]);
    check::<std::net::Ipv4Addr>([
        "wanted IPv4 address, found null; wrap the type in Option",
        "wanted IPv4 address, found integer",
        "wanted IPv4 address, found real",
        "its type refuses the value; the source of this error says why",
        "wanted IPv4 address, found blob",
    ]);
}

#[test]
fn edges_of_types() {
    macro_rules! edges {
        ($($type:ident)*) => {$(
            let (min, max) = ($type::MIN.to_string(), $type::MAX.to_string());
            let outside = format!("wanted {}, found an integer outside of {min} to {max}; use a \
                type that holds it, such as i64", stringify!($type));
            let mut cases = vec![(Value::Integer(0), "0")];
            for (edge, step) in [($type::MIN, -1), ($type::MAX, 1)] {
                let shown = if step < 0 { &*min } else { &*max };
                let within = i64::try_from(edge).ok();
                if let Some(edge) = within {
                    cases.push((edge.into(), shown));
                    if let Some(beyond) = edge.checked_add(step) {
                        cases.push((beyond.into(), &outside));
                    }
                }
            }
            each::<$type>(&cases);
        )*};
    }
    edges!(i8 i16 i32 i64 i128 u8 u16 u32 u64 u128);
    let none = "wanted f64, found an integer that no f64 equals; use i64";
    each::<f64>(&[
        ((1i64 << 53).into(), "9007199254740992.0"),
        (((1i64 << 53) + 1).into(), none),
        (i64::MIN.into(), "-9.223372036854776e18"),
        (i64::MAX.into(), none),
        (f64::INFINITY.into(), "inf"),
        ((-0.0).into(), "-0.0"),
    ]);
    let large = "wanted f32, found a real outside of -3.4028235e38 to 3.4028235e38; use f64";
    each::<f32>(&[
        (0.1.into(), "0.1"),
        (f64::MAX.into(), large),
        (f64::NEG_INFINITY.into(), "-inf"),
        (16_777_217i64.into(), "wanted f32, found an integer that no f32 equals; use i64"),
        (i64::MAX.into(), "wanted f32, found an integer that no f32 equals; use i64"),
    ]);
    each::<bool>(&[(0.into(), "false"), (1.into(), "true")]);
    each::<char>(&[
        (text("é"), "'é'"),
        (text(""), "wanted char, found text of none or several characters; use String"),
    ]);
    each::<std::num::NonZeroU8>(&[
        (0.into(), "wanted a nonzero u8, found integer that is none"),
        (7.into(), "7"),
    ]);
    each::<Colour>(&[
        (text("Red"), "Red"),
        (text("red"), "wanted one of `Red`, `ab`, `Mix`, found text that is none of them"),
        (
            text("Mix"),
            "wanted newtype variant, found text, which names a variant but has no \
                       content for it",
        ),
    ]);
    each::<std::net::Ipv4Addr>(&[(text("127.0.0.1"), "127.0.0.1")]);
}

/// A blob may be a row of bytes, and a row of one blob.
#[test]
fn blobs_as_sequences() {
    fn check<T: DeserializeOwned + Debug>(values: &[Value], expect: &str) {
        let names: Vec<String> = (0..values.len()).map(|i| format!("c{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(decoded::<T>(&names, values), expect);
    }
    let two = || blob(b"\x01\x02");
    check::<Vec<u8>>(&[two()], "[1, 2]");
    check::<Vec<u8>>(&[blob(b"")], "[]");
    check::<Vec<u8>>(&[1.into(), 2.into()], "[1, 2]");
    check::<Vec<Byte>>(&[two()], "[Byte(1), Byte(2)]");
    check::<Vec<Vec<u8>>>(&[two()], "[[1, 2]]");
    check::<Vec<Vec<u8>>>(&[two(), blob(b"")], "[[1, 2], []]");
    check::<Vec<Value>>(&[two()], "[blob[2]]");
    check::<(Vec<u8>,)>(&[two()], "([1, 2],)");
    check::<(Vec<u8>,)>(&[blob(b"")], "([],)");
    check::<[u8; 2]>(&[two()], "[1, 2]");
    check::<[u8; 2]>(&[1.into(), 2.into()], "[1, 2]");
    check::<[u8; 1]>(&[blob(b"\x01")], "[1]");
    check::<[u8; 1]>(&[two()], "column \"c0\": wanted 1 bytes, found a blob of 2 bytes");
    check::<[u8; 3]>(&[two()], "column \"c0\": wanted 3 bytes, found a blob of 2 bytes");
    check::<Vec<i64>>(&[two()], "column \"c0\": wanted i64, found blob");
    check::<(i64, i64)>(
        &[two()],
        "column \"c0\": wanted a sequence of i64, found blob; use Vec<u8>",
    );
}

#[derive(Debug, Deserialize, PartialEq)]
struct Byte(u8);

#[derive(Debug, Deserialize, PartialEq)]
struct Pair {
    id: i64,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Dressed {
    #[serde(rename = "user id", alias = "uid")]
    id: i64,
    #[serde(default)]
    level: u8,
    #[serde(skip)]
    skipped: u8,
    #[serde(flatten)]
    pair: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Inner {
    on: bool,
    share: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Loose {
    Pair(Pair),
    One { v: i64 },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind")]
#[allow(dead_code)]
enum Tagged {
    Circle { radius: f64 },
    Square { side: i64 },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Strict {
    id: i64,
}

#[test]
fn shapes_of_rows() {
    fn check<T: DeserializeOwned + Debug>(names: &[&str], values: &[Value], expect: &str) {
        assert_eq!(decoded::<T>(names, values), expect);
    }
    let (one, ab) = (Value::Integer(1), text("ab"));
    let pair = &[one.clone(), ab.clone()];
    check::<Pair>(&["id", "name"], pair, "Pair { id: 1, name: Some(\"ab\") }");
    check::<Pair>(
        &["name", "x", "id"],
        &[ab.clone(), Value::Null, one.clone()],
        "Pair { id: 1, name: Some(\"ab\") }",
    );
    check::<Pair>(&["id"], std::slice::from_ref(&one), "Pair { id: 1, name: None }");
    check::<Option<Pair>>(&["id", "name"], pair, "Some(Pair { id: 1, name: Some(\"ab\") })");
    check::<(i64, String)>(&["a", "a"], pair, "(1, \"ab\")");
    check::<(Id, Name)>(&["a", "b"], pair, "(Id(1), Name(Some(\"ab\")))");
    check::<BTreeMap<String, Value>>(&["b", "a"], pair, "{\"a\": \"ab\", \"b\": 1}");
    check::<BTreeMap<Colour2, Value>>(&["b", "a"], pair, "{A: \"ab\", B: 1}");
    check::<Vec<Value>>(&["a", "a"], pair, "[1, \"ab\"]");
    check::<Row>(&["a", "a"], pair, "{\"a\": 1, \"a\": \"ab\"}");
    check::<Option<Row>>(&["a", "b"], pair, "Some({\"a\": 1, \"b\": \"ab\"})");
    check::<Loose>(&["id", "name"], pair, "Pair(Pair { id: 1, name: Some(\"ab\") })");
    check::<Loose>(&["v"], std::slice::from_ref(&one), "One { v: 1 }");
    check::<Tagged>(&["radius", "kind"], &[1.into(), text("Circle")], "Circle { radius: 1.0 }");
    check::<Strict>(&["id"], std::slice::from_ref(&one), "Strict { id: 1 }");
    let columns: Arc<[Column]> = [("uid", None), ("on", Some("Boolean")), ("x", Some("bool"))]
        .map(|(name, declared)| Column {
            name: name.into(),
            declared: declared.map(Into::into),
            kind: ColumnKind::Plain,
        })
        .into();
    let dressed: Dressed = row(&columns, &[1.into(), 1.into(), 0.into()]).unwrap();
    assert_eq!(
        format!("{dressed:?}"),
        "Dressed { id: 1, level: 0, skipped: 0, pair: Inner { on: true, share: None }, \
         rest: {\"x\": 0} }"
    );
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Colour2 {
    A,
    B,
}

#[test]
fn rows_that_do_not_fit() {
    fn check<T: DeserializeOwned + Debug>(names: &[&str], values: &[Value], expect: &str) {
        assert_eq!(decoded::<T>(names, values), expect);
    }
    let two = &[Value::Integer(1), Value::Integer(2)];
    check::<Pair>(
        &["name", "n"],
        &[Value::Null, Value::Null],
        "no column \"id\" for a field of Pair, the columns are \"name\", \"n\"",
    );
    check::<Pair>(
        &["ID", "name"],
        &[1.into(), Value::Null],
        "no column \"id\" for a field of Pair, the columns are \"ID\", \"name\"; \"ID\" differs in \
         case only: rename one of the two",
    );
    check::<Pair>(
        &["id", "id"],
        two,
        "several columns are meant for \"id\": give each its own name with AS",
    );
    check::<Dressed>(
        &["uid", "user id"],
        two,
        "several columns are meant for \"user id\": give each its own name with AS",
    );
    check::<HashMap<String, i64>>(
        &["a", "a"],
        two,
        "several columns are meant for \"a\": give each its own name with AS",
    );
    check::<Inner>(
        &["x", "on"],
        two,
        "column \"on\": wanted bool, found an integer other than 0 and 1; use i64, or compare in \
         the statement",
    );
    check::<i64>(
        &["a", "b"],
        two,
        "i64 takes one column, the row has 2 columns: \"a\", \"b\"; ask for a tuple or a struct, \
         or select one column",
    );
    check::<(i64, i64, i64)>(
        &["a", "b"],
        two,
        "(i64, i64, i64) takes 3 columns, the row has 2 columns: \"a\", \"b\"",
    );
    check::<(i64,)>(&["a", "b"], two, "(i64,) takes 1 column, the row has 2 columns: \"a\", \"b\"");
    check::<Strict>(&["id", "b"], two, "column \"b\": Strict has no field of that name, only `id`");
    check::<Loose>(
        &["a", "b"],
        two,
        "wanted a variant of an untagged enum, found a row or value of none",
    );
    check::<Tagged>(
        &["a", "b"],
        two,
        "no column \"kind\" for a field of Tagged, the columns are \"a\", \"b\"",
    );
    check::<Dressed>(
        &["uid", "on"],
        &[1.into(), 1.into()],
        "wanted a boolean, found integer; inside flattened and untagged types a column counts as \
         boolean only when it is declared BOOLEAN",
    );
    let long = "x".repeat(100);
    check::<u8>(
        &[&long],
        &[300.into()],
        &format!(
            "column \"{}…\": wanted u8, found an integer outside of 0 to 255; use a type \
             that holds it, such as i64",
            &long[..64]
        ),
    );
    let names: Vec<String> = (0..1000).map(|i| format!("c{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = decoded::<Pair>(&names, &vec![Value::Null; 1000]);
    assert!(found.ends_with("\"c18\", \"c19\", … (1000 in all)"), "{found}");
    check::<i64>(&[], &[], "the statement answers no columns");
    check::<Row>(&[], &[], "the statement answers no columns");
    assert!(scalar::<i64>(&[], &[]).unwrap_err().is_decode());
}

#[test]
fn all_rows() {
    let answer = rows(&["id", "name"], &[1.into(), Value::Null, 2.into(), text("b")]);
    let pairs: Vec<Pair> = all(&answer).unwrap();
    assert_eq!(pairs, [Pair { id: 1, name: None }, Pair { id: 2, name: Some("b".into()) }]);
    let error = |error: crate::error::Error| error.to_string();
    assert_eq!(
        all::<(i64, String)>(&rows(&["a", "b"], &[1.into(), text(""), 2.into(), Value::Null]))
            .map_err(error),
        Err("column \"b\" (row 2): wanted String, found null; use Option<String>".to_owned())
    );
    assert_eq!(
        all::<i64>(&answer).map_err(error),
        Err("row 1: i64 takes one column, the row has 2 columns: \"id\", \"name\"; ask for a \
             tuple or a struct, or select one column"
            .to_owned())
    );
    assert_eq!(all::<Pair>(&rows(&["z"], &[])).unwrap(), []);
    // Rows asked for as rows share the values.
    let shared: Vec<Row> = all(&answer).unwrap();
    assert_eq!(shared[1].values().as_ptr(), answer.values(1).as_ptr());
    assert_eq!(shared, answer.iter().collect::<Vec<_>>());
    let nested: Vec<Option<Row>> = all(&answer).unwrap();
    assert_eq!(nested[0].as_ref().unwrap().values().as_ptr(), answer.values(0).as_ptr());
}

/// What a type says about a value is the source of the error, and not in its text.
#[test]
fn values_stay_out_of_texts() {
    #[derive(Debug)]
    struct Picky;
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Picky, D::Error> {
            let text = String::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("cannot stand {text}")))
        }
    }
    fn check<T: DeserializeOwned + Debug>(value: &Value) {
        let names = columns(&["v"]);
        let both = [
            row::<T>(&names, std::slice::from_ref(value)),
            scalar::<T>(&names, std::slice::from_ref(value)),
        ];
        for error in both.into_iter().filter_map(Result::err) {
            let text = error.to_string();
            assert!(!text.contains("54321") && !text.contains("cret"), "{text}");
        }
    }
    for value in [
        text("secret"),
        54321.into(),
        5.4321e300.into(),
        (-54321).into(),
        blob(b"secret"),
        text("54321"),
    ] {
        check::<u8>(&value);
        check::<u64>(&value);
        check::<f32>(&value);
        check::<bool>(&value);
        check::<char>(&value);
        check::<Picky>(&value);
        check::<Colour>(&value);
        check::<Loose>(&value);
        check::<Tagged>(&value);
        check::<Pair>(&value);
        check::<std::net::IpAddr>(&value);
        check::<std::num::NonZeroI8>(&value);
        check::<Option<Vec<Id>>>(&value);
        check::<[u8; 3]>(&value);
    }
    let error = row::<Picky>(&columns(&["v"]), &[text("secret")]).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "cannot stand secret");
    // An enum tagged inside meets the value as the name of a variant.
    let error = row::<Tagged>(&columns(&["kind"]), &[text("secret")]).unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        // Floats of few digits: without a feature, serde_json reads others inexactly.
        any::<i32>().prop_map(|n| Value::Real(f64::from(n) / 4.0)),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Through JSON and back a row is itself, but for the declared types.
    #[test]
    fn rows_survive_json(cells in prop::collection::vec((".{0,8}", value()), 1..20)) {
        let (names, values): (Vec<String>, Vec<Value>) = cells.into_iter().unzip();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let first = rows(&names, &values).get(0).unwrap();
        let json = serde_json::to_string(&first).unwrap();
        prop_assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), first);
    }

    /// A row asked for as values, as a row or as a map is the same row.
    #[test]
    fn the_ways_to_a_row_agree(values in prop::collection::vec(value(), 1..40)) {
        let names: Vec<String> = (0..values.len()).map(|i| format!("c{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let columns = columns(&names);
        let empty_blob = matches!(&values[..], [Value::Blob(blob)] if blob.is_empty());
        if !empty_blob {
            prop_assert_eq!(&row::<Vec<Value>>(&columns, &values).unwrap(), &values);
        }
        let whole: Row = row(&columns, &values).unwrap();
        prop_assert_eq!(whole.values(), &values[..]);
        prop_assert_eq!(whole.columns(), &*columns);
        let map: HashMap<String, Value> = row(&columns, &values).unwrap();
        for (name, value) in names.iter().zip(&values) {
            prop_assert_eq!(&map[*name], value);
        }
    }

    #[test]
    fn names_that_repeat_are_found(
        names in prop::collection::vec("[a-z]{1,2}", 1..60)
    ) {
        let unique: std::collections::HashSet<&String> = names.iter().collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let nulls = vec![Value::Null; names.len()];
        let found = row::<HashMap<String, Value>>(&columns(&names), &nulls);
        prop_assert_eq!(found.is_ok(), unique.len() == names.len());
    }
}

/// Run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn measure() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct User {
        id: i64,
        name: String,
        email: Option<String>,
        age: u8,
        score: f64,
        active: bool,
    }
    fn time<T: DeserializeOwned>(label: &str, answer: &Rows) {
        // The best of many rounds, since other work on the machine only adds.
        let round = || {
            let start = std::time::Instant::now();
            std::hint::black_box(all::<T>(std::hint::black_box(answer)).unwrap());
            start.elapsed()
        };
        let best = (0..300).map(|_| round()).min().unwrap();
        println!("{label}: {:?} per row", best / u32::try_from(answer.len()).unwrap());
    }
    let user: [Value; 6] =
        [7.into(), text("Ada Lovelace"), text("ada@example.com"), 36.into(), 1.5.into(), 1.into()];
    let users =
        rows(&["id", "name", "email", "age", "score", "active"], &vec![user; 1000].concat());
    time::<User>("struct of 6 fields", &users);
    time::<(i64, String, Option<String>, u8, f64, bool)>("tuple of 6", &users);
    time::<Row>("Row", &users);
    time::<HashMap<String, Value>>("map of 6", &users);
    time::<i64>("scalar", &rows(&["n"], &vec![Value::Integer(1); 1000]));
    let names: Vec<String> = (0..200).map(|i| format!("column_{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide = rows(&names, &vec![Value::Integer(1); 200 * 1000]);
    time::<Vec<i64>>("sequence of 200", &wide);
    time::<BTreeMap<String, i64>>("map of 200", &wide);
}
