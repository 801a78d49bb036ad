//! Bytes that no server sends: an error or a value, never a panic, and never more memory than a
//! multiple of what was sent.

use proptest::prelude::*;

use super::super::{Format, array, decode, encode, oid};
use crate::value::Value;

/// Every type, its array, and one that is not known.
fn oids() -> impl Strategy<Value = u32> {
    let known = oid::ALL.iter().flat_map(|(oid, array, _)| [*oid, *array]);
    prop::sample::select(known.chain([0, 16_384, u32::MAX]).collect::<Vec<u32>>())
}

/// Bytes that begin as an array does.
fn arrays(element: u32) -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0..4_i32, any::<i32>(), Just(i32::MAX), Just(0x1_0000)];
    let dimensions = prop::collection::vec((len, any::<i32>()), 0..8);
    let size = prop_oneof![Just(-1), 0..10_i32, any::<i32>()];
    let elements = prop::collection::vec((size, prop::collection::vec(any::<u8>(), 0..10)), 0..6);
    (dimensions, elements).prop_map(move |(dimensions, elements)| {
        let mut bytes = Vec::new();
        bytes.extend(i32::try_from(dimensions.len()).unwrap().to_be_bytes());
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(element.to_be_bytes());
        for (len, lower) in dimensions {
            bytes.extend(len.to_be_bytes());
            bytes.extend(lower.to_be_bytes());
        }
        for (size, element) in elements {
            bytes.extend(size.to_be_bytes());
            bytes.extend(element);
        }
        bytes
    })
}

fn numeric(len: u16, weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
    let mut bytes = [len.to_be_bytes(), weight.to_be_bytes()].concat();
    bytes.extend([sign.to_be_bytes(), scale.to_be_bytes()].concat());
    digits.iter().for_each(|digit| bytes.extend(digit.to_be_bytes()));
    bytes
}

#[test]
fn malformed_values_are_errors() {
    for (oid, bytes) in [
        (16, &b"\x02"[..]),
        (16, b""),
        (23, b"\0\0\0"),
        (23, b"\0\0\0\0\0"),
        (25, b"\xff"),
        (1083, &[0xff; 8]),
        (1266, &[0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0]),
        (2950, &[0; 15]),
        (3802, b"\x02{}"),
        (3802, b""),
        (869, b"\x02\x20\0\x04\x7f\0\0\x01"),
        (1700, &numeric(1, 0, 0, 0, &[10_000])),
        (1700, &numeric(2, 0, 0, 0, &[1])),
        (1700, &numeric(0, 0, 1, 0, &[])),
        (1700, &numeric(0, 0, 0, 0x4000, &[])),
        // Of text, where integers are to be.
        (1007, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]),
        // Of a billion elements, none of which is there.
        (1007, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x40, 0, 0, 0, 0, 0, 0, 1]),
        (1007, &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 23]),
        (1007, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 23]),
    ] {
        let error = decode(oid, Format::Binary, bytes).unwrap_err();
        assert!(error.to_string().starts_with("the server sent a value of the type "), "{error}");
    }
    for (oid, text) in [
        (16, "true"),
        (23, "1.5"),
        (701, "x"),
        (17, "\\x0"),
        (17, "\\9"),
        (1082, "01/02/2024"),
        (1082, "2024-13-01"),
        (1114, "2024-01-01"),
        (1114, "2024-01-01 10:00:00+00"),
        (1184, "2024-01-01 10:00:00"),
        (1184, "9999999-01-01 00:00:00+00"),
        (1009, ""),
        (1009, "{"),
        (1009, "{a"),
        (1009, "{a,}"),
        (1009, "{,}"),
        (1009, "{\"a}"),
        (1009, "{a}b"),
        (1009, "{{{{{{{1}}}}}}}"),
        (1009, "[1:2]"),
        (1007, "{x}"),
    ] {
        assert!(decode(oid, Format::Text, text.as_bytes()).is_err(), "{oid}: {text}");
    }
}

#[test]
fn numerics_that_are_odd_are_numbers() {
    let check = |bytes: &[u8], expect: &str| {
        let value = decode(1700, Format::Binary, bytes).unwrap();
        assert_eq!(value, expect.into());
    };
    check(&numeric(0, 0, 0, 0, &[]), "0");
    check(&numeric(0, -5, 0, 2, &[]), "0.00");
    check(&numeric(2, 1, 0, 0, &[0, 7]), "7");
    check(&numeric(1, -1, 0x4000, 2, &[1299]), "-0.12");
    check(&numeric(1, i16::MIN, 0, 3, &[1]), "0.000");
    let largest = decode(1700, Format::Binary, &numeric(1, i16::MAX, 0, 0x3fff, &[1])).unwrap();
    assert_eq!(largest.size() - size_of::<Value>(), 131_069 + 1 + 16_383);
}

#[test]
fn a_list_is_bounded() {
    let elements = vec![numeric(1, 100, 0, 0, &[1]); 10];
    let mut bytes = [1_i32, 0, 1700, 10, 1].map(i32::to_be_bytes).concat();
    for element in elements {
        bytes.extend(i32::try_from(element.len()).unwrap().to_be_bytes());
        bytes.extend(element);
    }
    // Ten numbers of 401 digits.
    let len = 10 * (401 + 1) + 1;
    assert_eq!(array::list(1700, &bytes, len).map(|list| list.len()), Some(len));
    assert_eq!(array::list(1700, &bytes, len - 1), None);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes(oid in oids(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for format in [Format::Binary, Format::Text] {
            decode(oid, format, &bytes).ok();
        }
    }

    #[test]
    fn any_array((oid, bytes) in oids().prop_flat_map(|oid| {
        (Just(oid), arrays(oid::element(oid).unwrap_or(oid)))
    })) {
        let Ok(Value::Text(list)) = decode(oid, Format::Binary, &bytes) else { return Ok(()) };
        let is_numeric = oid == 1231;
        prop_assert!(list.len() < 64 * (bytes.len() + 1) || is_numeric, "{} bytes", list.len());
    }

    #[test]
    fn any_text(
        oid in oids(),
        text in prop_oneof![
            any::<String>(),
            "[-+{}\\[\\]:=,;\"\\\\ PYMDTHSBC0-9.a]{0,24}",
            "-?P?[-+0-9.,YMDTHS]{0,20}",
            "[-+]?[0-9]{1,8}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9:.]{0,20}[-+Z0-9:]{0,9}( BC)?",
        ],
    ) {
        decode(oid, Format::Text, text.as_bytes()).ok();
        let mut out = bytes::BytesMut::new();
        if encode(oid, &text.into(), &mut out).is_err() {
            prop_assert!(out.is_empty());
        }
    }
}
