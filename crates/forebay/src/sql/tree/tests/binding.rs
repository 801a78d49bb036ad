//! What bound values mean, and constants out of their bytes.

use super::super::datum::ByteOrder;
use super::super::{Parameters, clock};
use crate::value::Value;

#[test]
fn meanings() {
    let check = |oid: u32, value: Value, expect: Option<Value>| {
        let parameters = Parameters([(1, oid)].into());
        let found = parameters.meanings(&[&value]).map(|values| values[0].clone());
        assert_eq!(found, expect, "{oid} {value:?}");
    };
    let text = |text: &str| Value::from(text);
    let same = |oid, value: Value| check(oid, value.clone(), Some(value));
    for oid in [16, 20, 23, 25, 1043, 2950, 1082, 1184, 1266, 1700] {
        same(oid, Value::Null);
    }
    same(23, Value::Integer(-5));
    check(23, text("-5"), Some(Value::Integer(-5)));
    for odd in ["05", " 5", "5 ", "+5", "0x5", "5.0", "", "-0", "99999999999999999999"] {
        check(23, text(odd), None);
    }
    check(23, Value::Real(5.0), None);
    check(23, Value::from(&b"\x00\x00\x00\x05"[..]), None);
    same(26, Value::Integer(5));
    check(26, Value::Integer(-5), None);
    check(26, text("5"), None);
    same(16, Value::Integer(1));
    check(16, Value::Integer(2), None);
    check(16, text("t"), Some(Value::Integer(1)));
    check(16, text("false"), Some(Value::Integer(0)));
    check(16, text("yes"), None);
    same(25, text("x "));
    check(25, Value::Integer(5), None);
    check(25, Value::from(&b"x"[..]), None);
    let plain = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    same(2950, text(plain));
    check(2950, text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), Some(text(plain)));
    check(2950, text("a0eebc999c0b4ef8bb6d6bb9bd380a11"), Some(text(plain)));
    for odd in [
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc99-9c0b4ef8-bb6d-6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
        "-a0eebc999c0b4ef8bb6d6bb9bd380a11-xx",
    ] {
        check(2950, text(odd), None);
    }
    same(1184, text("2024-01-05 10:00:00+00"));
    same(1114, text("2024-01-05T10:00:00.5Z"));
    same(1182, text("{2024-01-05,2024-01-06}"));
    for odd in ["now", "today", "Tomorrow 10:00", "2024-01-05 now", "infinity", "", "J2451187"] {
        check(1184, text(odd), None);
    }
    check(1184, Value::Integer(5), None);
    check(1266, text("10:00"), None);
    same(1700, text("5"));
    same(1700, Value::Real(0.5));
    same(17, Value::from(&b"x"[..]));
    let two = Parameters([(2, 23)].into());
    assert_eq!(two.meanings(&[&Value::Null]), None);
    assert_eq!(two.meanings(&[&Value::Real(0.5), &text("7")]).unwrap()[1], Value::Integer(7));
}

/// Where values lie among those of their types, and those whose place is not certain.
#[test]
fn points() {
    use crate::invalidate::Constant;
    use crate::sql::Collation;
    let check = |oid: u32, value: Value, expect: Option<Value>| {
        let found = Parameters([(1, oid)].into()).points(std::slice::from_ref(&value));
        let kind = super::super::Kind::ranged(oid).unwrap();
        let of = |value| Constant::of(value, kind.affinity(), Collation::Binary);
        let expect = expect.as_ref().map_or(Constant::Unclear, of);
        assert_eq!(of(&found[0]), expect, "{oid} {value:?}");
        assert_eq!(super::super::point(oid, &value).is_none(), expect == Constant::Unclear);
    };
    let text = |text: &str| Value::from(text);
    check(1082, text("2000-01-03"), Some(Value::Integer(2)));
    check(1082, text("today"), None);
    check(1082, Value::Integer(7), None);
    check(1082, Value::Null, Some(Value::Null));
    check(1114, text("2000-01-01 00:00:01"), Some(Value::Integer(1_000_000)));
    check(1184, text("2000-01-01T00:00:01Z"), Some(Value::Integer(1_000_000)));
    check(1184, text("2000-01-01T00:00:01"), None);
    check(23, text("7"), Some(Value::Integer(7)));
    check(23, text("07"), None);
    check(25, Value::Integer(7), None);
    check(25, text("a"), Some(text("a")));
    check(2950, text("nothing"), None);
}

#[test]
fn literals_of_the_moment() {
    let check = |sql: &str, expect| assert_eq!(clock::is_free_of_now(sql), expect, "{sql}");
    check("SELECT '2024-01-05'::date", true);
    check("SELECT 'now'::date", false);
    check("SELECT 'N' 'oW'", false);
    check("SELECT 1 -- now", false);
    check("SELECT 'a' -- b\n'c'", false);
    check("SELECT 'a' /* b */ 'c'", false);
    check("-- b\nSELECT 'a' /* c */", true);
    check("SELECT E'\\x6eow'", false);
    check("SELECT U&'!006eow' UESCAPE '!'", false);
    check("SELECT $a$yesterday$a$", false);
    check("", true);
}

#[test]
fn constants() {
    let little = ByteOrder::Little;
    let big = ByteOrder::Big;
    let number = |order: ByteOrder, oid, bytes: [u8; 8]| order.value(oid, &bytes);
    let is = |n| Some(Value::Integer(n));
    assert_eq!(number(little, 23, [251, 255, 255, 255, 255, 255, 255, 255]), is(-5));
    assert_eq!(number(big, 23, [255, 255, 255, 255, 255, 255, 255, 251]), is(-5));
    assert_eq!(number(little, 26, [255, 255, 255, 255, 0, 0, 0, 0]), is(4_294_967_295));
    assert_eq!(number(little, 21, [1, 1, 0, 0, 0, 0, 0, 0]), is(257));
    assert_eq!(number(big, 21, [0, 0, 0, 0, 0, 0, 1, 2]), is(258));
    assert_eq!(number(little, 20, [0, 0, 0, 0, 0, 0, 0, 128]), is(i64::MIN));
    assert_eq!(number(big, 20, [0, 0, 0, 0, 0, 0, 0, 9]), is(9));
    assert_eq!(number(little, 16, [1, 0, 0, 0, 0, 0, 0, 0]), is(1));
    assert_eq!(number(little, 16, [2, 0, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(number(little, 1082, [255, 255, 255, 255, 0, 0, 0, 0]), is(-1));
    assert_eq!(number(big, 1114, [0, 0, 0, 0, 0, 15, 66, 64]), is(1_000_000));
    assert_eq!(number(little, 1184, [0, 0, 0, 0, 0, 0, 0, 128]), is(i64::MIN));
    assert_eq!(number(little, 700, [0; 8]), None);
    assert_eq!(little.value(23, &[1, 0, 0, 0]), None);
    let text = |order: ByteOrder, bytes: &[u8]| order.value(25, bytes);
    assert_eq!(text(little, &[28, 0, 0, 0, b'a', b'b', b'c']), Some(Value::from("abc")));
    assert_eq!(text(big, &[0, 0, 0, 7, b'a', b'b', b'c']), Some(Value::from("abc")));
    assert_eq!(text(little, &[16, 0, 0, 0]), Some(Value::from("")));
    // A length that is not its own, a short one, a compressed one, and what is no UTF-8.
    assert_eq!(text(little, &[32, 0, 0, 0, b'a', b'b', b'c']), None);
    assert_eq!(text(little, &[0, 0, 0, 0]), None);
    assert_eq!(text(little, &[30, 0, 0, 0, b'a', b'b', b'c']), None);
    assert_eq!(text(little, &[20, 0, 0, 0, 255]), None);
    assert_eq!(text(little, &[]), None);
    let huge = [255, 255, 255, 252, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0];
    assert_eq!(little.members(25, &huge), None);
}
