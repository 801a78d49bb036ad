//! What may be bound to what, as bytes, as errors, and as the server sees it.

use bytes::BytesMut;

use super::super::{Encoded, encode};
use super::server::Server;
use crate::array::Array;
use crate::value::Value;

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const OID: u32 = 26;
const JSON: u32 = 114;
const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const INET: u32 = 869;
const INTS: u32 = 1007;
const TEXTS: u32 = 1009;
const DATE: u32 = 1082;
const TIMESTAMPTZ: u32 = 1184;
const INTERVAL: u32 = 1186;
const NUMERIC: u32 = 1700;
const UUID: u32 = 2950;

fn encoded(oid: u32, value: impl Into<Value>) -> String {
    let mut out = BytesMut::from(&b"before"[..]);
    match encode(oid, &value.into(), &mut out) {
        Ok(Encoded::Null) => "null".to_owned(),
        Ok(Encoded::Text) => str::from_utf8(&out[6..]).unwrap().to_owned(),
        Ok(Encoded::Binary) => format!("{:?}", &out[6..]),
        Err(error) => {
            assert!(error.is_usage());
            assert_eq!(&out[..], b"before");
            let text = error.to_string();
            text.strip_prefix("a parameter of the type ").unwrap_or(&text).to_owned()
        }
    }
}

#[test]
fn numbers_are_bound_in_range_or_not_at_all() {
    fn check(oid: u32, value: impl Into<Value>, expect: &str) {
        assert_eq!(encoded(oid, value), expect);
    }
    check(INT4, Value::Null, "null");
    check(INT2, -2, "[255, 254]");
    check(INT2, 32_768, "int2 takes integers from -32768 to 32767");
    check(INT4, 1, "[0, 0, 0, 1]");
    check(INT4, 1_i64 << 31, "int4 takes integers from -2147483648 to 2147483647");
    check(INT8, 258, "[0, 0, 0, 0, 0, 0, 1, 2]");
    check(OID, u32::MAX, "[255, 255, 255, 255]");
    check(OID, -1, "oid takes integers from 0 to 4294967295");
    check(BOOL, true, "[1]");
    check(BOOL, 0, "[0]");
    check(BOOL, 2, "bool takes a boolean, or the integers 0 and 1");
    check(BOOL, 1.0, "bool takes a boolean, or the integers 0 and 1");
    check(FLOAT4, 1, "[63, 128, 0, 0]");
    check(FLOAT4, 0.1, "[61, 204, 204, 205]");
    check(FLOAT4, 1e300, "float4 takes floats of 32 bits: CAST($1 AS float8) in the statement");
    check(FLOAT4, 1e-300, "float4 takes floats of 32 bits: CAST($1 AS float8) in the statement");
    check(FLOAT4, f64::INFINITY, "[127, 128, 0, 0]");
    check(FLOAT8, 1.0, "[63, 240, 0, 0, 0, 0, 0, 0]");
    check(INT4, 3.0, "[0, 0, 0, 3]");
    let whole = " takes whole numbers: round it, or CAST($1 AS float8) in the statement";
    check(INT4, 3.5, &format!("int4{whole}"));
    check(INT8, f64::NAN, &format!("int8{whole}"));
    check(INT8, 9_223_372_036_854_775_808.0, &format!("int8{whole}"));
    check(INT8, -9_223_372_036_854_775_808.0, "[128, 0, 0, 0, 0, 0, 0, 0]");
    check(INT2, 1e6, "int2 takes integers from -32768 to 32767");
    check(NUMERIC, 7, "7");
    check(NUMERIC, 0.1, "0.1");
    check(TEXT, i64::MIN, "-9223372036854775808");
    check(TEXT, 1e300, "1e+300");
    check(JSON, 5, "5");
    let none = "json takes no float that is infinite or not a number, since JSON has none";
    check(JSON, f64::NAN, none);
    check(
        DATE,
        20_240_101,
        "date takes text such as 2024-01-31 or 2024-01-31T10:30:00Z; for \
        seconds since 1970, to_timestamp($1) in the statement",
    );
    check(UUID, 1, "uuid takes text such as 550e8400-e29b-41d4-a716-446655440000");
    check(INTERVAL, 1.5, "interval takes text such as P1DT2H or 1 day 2 hours");
    check(BYTEA, 1, "bytea takes bytes, or text such as \\x00ff");
    check(INTS, 1, "int4[] takes a list: bind forebay::Array, or text such as [1,2] or {1,2}");
    check(16_384, 5, "5");
}

#[test]
fn texts_and_bytes_are_bound_as_what_they_are() {
    fn check(oid: u32, value: impl Into<Value>, expect: &str) {
        assert_eq!(encoded(oid, value), expect);
    }
    check(TEXT, "a", "a");
    check(INT4, "12", "12");
    check(INET, "::1", "::1");
    check(
        TEXT,
        "a\0b",
        "a parameter has the character U+0000, which no text of PostgreSQL can \
        hold: bind bytes to a bytea, or take it out",
    );
    check(BYTEA, vec![0, 255], "[0, 255]");
    check(BYTEA, "\\x00FF", "[0, 255]");
    let hex = "bytea takes bytes: bind Vec<u8>, or their digits as text such as \\x00ff";
    for text in ["abc", "\\x0", "a\\134b", "", "\\xgg"] {
        check(BYTEA, text, hex);
    }
    let none = "takes no bytes, only bytea does: bind text or a number, or CAST($1 AS bytea)";
    check(TEXT, vec![1], &format!("text {none}"));
    check(UUID, vec![0; 16], &format!("uuid {none}"));
    check(16_384, vec![1], &format!("with the oid 16384 {none}"));
    for (text, expect) in [
        ("2024-01-31", "2024-01-31"),
        ("yesterday", "yesterday"),
        ("0000-12-31", "0001-12-31 BC"),
        ("-000043-03-15", "0044-03-15 BC"),
        ("+012345-01-01", "12345-01-01"),
        ("-infinity", "-infinity"),
        ("", ""),
    ] {
        check(DATE, text, expect);
    }
    check(TIMESTAMPTZ, "-000043-03-15T10:00:00Z", "0044-03-15T10:00:00Z BC");
    for (text, expect) in [
        ("P1Y", "P1Y"),
        ("-P1Y2M3DT4H5M6.7S", "P-1Y-2M-3DT-4H-5M-6.7S"),
        ("-P1Y-2MT+3H.5S", "P-1Y2MT-3H-.5S"),
        ("-1 day", "-1 day"),
        ("-P", "P"),
    ] {
        check(INTERVAL, text, expect);
    }
}

#[test]
fn lists_are_bound_as_arrays() {
    fn check(oid: u32, value: impl Into<Value>, expect: &str) {
        assert_eq!(encoded(oid, value), expect);
    }
    check(INTS, Value::Null, "null");
    check(INTS, "[]", "{}");
    check(INTS, " [1, 2,null] ", "{1,2,NULL}");
    check(INTS, "[[1],[2]]", "{{1},{2}}");
    check(INTS, "{1,2}", "{1,2}");
    check(INTS, "[2:3]={1,2}", "[2:3]={1,2}");
    check(INTS, "x", "x");
    check(INTS, "[1", "int4[] takes a list, and what begins with [ is not JSON: use [1,2]");
    check(INTS, "[1] 2", "int4[] takes a list, and what begins with [ is not JSON: use [1,2]");
    check(INTS, "[{}]", "int4[] takes a list of scalars, and an element is an object");
    check(TEXTS, r#"["a","b \"c\\","NULL","",1,true]"#, r#"{"a","b \"c\\","NULL","",1,true}"#);
    let nul = "a parameter has the character U+0000, which no text of PostgreSQL can hold: bind \
        bytes to a bytea, or take it out";
    check(TEXTS, "[\"\\u0000\"]", nul);
    check(TEXTS, "[\"\0\"]", nul);
    check(TEXTS, "{\0}", nul);
    check(1000, "[true,0]", "{true,0}");
    check(1001, r#"["\\x00"]"#, r#"{"\\x00"}"#);
    check(
        1001,
        r#"["a"]"#,
        "bytea[] takes bytes: bind Vec<u8>, or their digits as text such as \\x00ff",
    );
    check(1182, r#"["-000043-03-15","infinity"]"#, r#"{"0044-03-15 BC","infinity"}"#);
    check(1187, r#"["-P1D"]"#, r#"{"P-1D"}"#);
    check(199, r#"[{"a":[1]},"x",null,[2]]"#, r#"{"{\"a\":[1]}","\"x\"",NULL,"[2]"}"#);
    check(1020, r#"["(1,2),(0,0)","(3,4),(1,1)"]"#, r#"{"(1,2),(0,0)";"(3,4),(1,1)"}"#);
}

#[test]
fn the_server_takes_what_is_bound() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    let mut check = |sql: &str, params: &[Value], expect: &[Value]| {
        assert_eq!(client.row(sql, params).as_deref(), Ok(expect), "{sql}");
    };
    let ids = Value::try_from(Array(&[1, 3])).unwrap();
    let numbers = "SELECT count(*) FROM generate_series(1, 4) AS n WHERE n";
    check(&format!("{numbers} = ANY($1)"), std::slice::from_ref(&ids), &[2.into()]);
    check(&format!("{numbers} <> ALL($1)"), &[ids], &[2.into()]);
    check(&format!("{numbers} = ANY($1)"), &["{4}".into()], &[1.into()]);
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let uuids = Value::try_from(Array(&[uuid])).unwrap();
    check("SELECT $1::uuid = ANY($2)", &[uuid.into(), uuids], &[1.into()]);
    let flags = Value::try_from(Array(&[Some(true), None])).unwrap();
    check("SELECT $1::bool[]", &[flags], &["[true,null]".into()]);
    check("SELECT $1::jsonb", &["{\"a\":[1,2]}".into()], &["{\"a\": [1, 2]}".into()]);
    check("SELECT $1::json", &[1.5.into()], &["1.5".into()]);
    for (sql, value) in [
        ("SELECT $1::date", "-004712-01-01"),
        ("SELECT $1::date", "+5874897-12-31"),
        ("SELECT $1::date", "0000-02-29"),
        ("SELECT $1::timestamp", "+294276-12-31T23:59:59.999999"),
        ("SELECT $1::timestamptz", "-000043-03-15T10:00:00.5Z"),
        ("SELECT $1::timestamptz", "infinity"),
        ("SELECT $1::timetz", "10:30:00.5+05:30:15"),
        ("SELECT $1::interval", "-P1Y2M3DT4H5M6.7S"),
        ("SELECT $1::interval", "P1M-1DT-0.5S"),
        ("SELECT $1::bytea[]", r#"["\\x00",null]"#),
        ("SELECT $1::date[]", r#"["-000043-03-15"]"#),
        ("SELECT $1::jsonb[]", r#"[{"a": 1},[2],"x"]"#),
        ("SELECT $1::box[]", r#"["(1,2),(0,0)","(3,4),(1,1)"]"#),
        ("SELECT $1::inet[]", r#"["10.0.0.1"]"#),
        ("SELECT $1::numeric[]", r#"[1.00,"NaN"]"#),
        ("SELECT $1::money", "$12.50"),
    ] {
        check(sql, &[value.into()], &[value.into()]);
    }
    check("SELECT $1::regclass", &[1259.into()], &["pg_class".into()]);
    let error = client.row("SELECT $1::int4[]", &["x".into()]).unwrap_err();
    assert_eq!(error, "malformed array literal: \"x\"");
}
