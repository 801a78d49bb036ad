//! The scanner beside `serde_json`, which must find JSON in the same texts, and what is written
//! beside what is read.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::array::Array;
use crate::value::Value;

fn whole(text: &str) -> Option<&str> {
    let mut scan = Scan::new(text);
    let raw = scan.raw().ok()?;
    scan.end().ok().map(|()| raw)
}

fn check(text: &str) {
    let expect = serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get);
    // Only values that are read have their escapes looked at there.
    let is_readable = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let is_out_of_range = || {
        let mut scan = Scan::new(text);
        let is_number = |n: &str| n.parse().is_ok_and(f64::is_infinite);
        scan.number().is_ok_and(is_number)
    };
    match whole(text) {
        Some(raw) => assert_eq!(Some(raw), expect, "{text}"),
        None => assert!(!is_readable, "{text}"),
    }
    assert!(whole(text).is_none() || is_readable || is_out_of_range(), "{text}");
}

#[test]
fn json_is_what_it_is_for_serde_json() {
    for text in [
        "",
        " ",
        "null",
        " null ",
        "nul",
        "nulll",
        "true",
        "false",
        "truefalse",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        "1.0",
        ".5",
        "1e",
        "1e5",
        "1E+5",
        "1e-05",
        "-1.5e300",
        "1e999",
        "+1",
        "\"\"",
        "\"a",
        "\"\\n\\\"\\\\\\/\\b\\f\\r\\t\"",
        "\"\\x\"",
        "\"\\u00e9\"",
        "\"\\u00e\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\u+041\"",
        "\"\u{1}\"",
        "\"\t\"",
        "\"\u{7f}é😀\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2",
        "]",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\" : [ {} , [] ] }",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "1 1",
        "[] []",
        "\u{feff}1",
        "NaN",
        "\"\\é\"",
        "\"\\u12é4\"",
    ] {
        check(text);
    }
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(whole(&nested(scan::DEPTH_MAX)), Some(&*nested(scan::DEPTH_MAX)));
    assert_eq!(whole(&nested(scan::DEPTH_MAX + 1)), None);
    assert_eq!(whole(&"[".repeat(1_000_000)), None);
}

#[test]
fn floats_are_written_as_postgresql_does() {
    for (x, expect) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e14, "100000000000000"),
        (1e15, "1e+15"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (-1.5e300, "-1.5e+300"),
        (5e-324, "5e-324"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(real(x), expect);
    }
}

#[test]
fn arrays_are_lists() {
    fn check<T>(elements: &[T], expect: &str)
    where
        T: Clone + TryInto<Value>,
        <T as TryInto<Value>>::Error: Into<crate::error::Error>,
    {
        assert_eq!(Value::try_from(Array(elements)).unwrap(), Value::from(expect));
    }
    check::<i64>(&[], "[]");
    check(&[1_u64, 2], "[1,2]");
    check(&[1.5, f64::NAN], r#"[1.5,"NaN"]"#);
    check(&[true, false], "[1,0]");
    check(&["a\"\\\n\u{1}é"], r#"["a\"\\\n\u0001é"]"#);
    check(&[Some(vec![0_u8, 255]), None], r#"["\\x00ff",null]"#);
    assert!(Value::try_from(Array(&[u64::MAX])).unwrap_err().is_usage());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scraps_of_json(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "[", "]", "{", "}", ",", ":", "\"", "\\", "u", "d83d", "n", "null", "true", "1", "-",
            ".", "e", "+", " ", "é", "\"a\"", "\"a\":", "0",
        ]), 0..12)
    ) {
        check(&pieces.concat());
    }

    #[test]
    fn what_is_written_is_read(written in any::<String>(), x in any::<f64>()) {
        let mut out = String::new();
        text(&written, &mut out);
        prop_assert_eq!(&serde_json::from_str::<String>(&out).unwrap(), &written);
        prop_assert_eq!(&*Scan::new(&out).text().unwrap(), &written);
        prop_assert_eq!(real(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
    }

    #[test]
    fn bytes_survive(bytes in any::<Vec<u8>>()) {
        let mut out = String::new();
        hex(&bytes, &mut out);
        prop_assert_eq!(unhex(&out), Some(bytes));
        prop_assert_eq!(unhex(&out[..out.len() - 1]), None);
    }
}
