//! A line for each type and each of its peculiarities, asked for in both formats.

use super::super::{kind, oid, type_name};
use super::server::{Client, Server};
use crate::row::{ColumnKind, ElementKind};
use crate::value::Value;

/// What `expression` comes out as, in the format that is asked for and in text.
fn check(client: &mut Client, expression: &str, expect: impl Into<Value>) {
    let expect = [expect.into()];
    let sql = format!("SELECT {expression}");
    assert_eq!(client.row(&sql, &[]).as_deref(), Ok(&expect[..]), "{expression}");
    assert_eq!(client.row_in_text(&sql, &[]).as_deref(), Ok(&expect[..]), "{expression} in text");
}

#[test]
fn the_list_of_types_is_the_servers() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    let sql = "SELECT typname, typarray, typdelim::text FROM pg_type WHERE oid = $1";
    for (oid, array, name) in oid::ALL {
        let delimiter = if *name == "box" { ";" } else { "," };
        let expect = [(*name).into(), i64::from(*array).into(), delimiter.into()];
        assert_eq!(client.row(sql, &[(*oid).into()]).as_deref(), Ok(&expect[..]));
        assert_eq!(type_name(*oid), Some(*name));
        assert_eq!(type_name(*array), Some(&*format!("{name}[]")));
        assert_eq!(oid::element(*array), Some(*oid));
    }
    assert_eq!(type_name(16_384), None);
    assert_eq!(oid::element(16_384), None);
}

#[test]
fn kinds() {
    for (oid, expect) in [
        (16, ColumnKind::Bool),
        (23, ColumnKind::Plain),
        (25, ColumnKind::Plain),
        (1700, ColumnKind::Decimal),
        (114, ColumnKind::Json),
        (3802, ColumnKind::Json),
        (1000, ColumnKind::Array(ElementKind::Plain)),
        (1001, ColumnKind::Array(ElementKind::Bytes)),
        (1021, ColumnKind::Array(ElementKind::Real)),
        (1231, ColumnKind::Array(ElementKind::Decimal)),
        (3807, ColumnKind::Array(ElementKind::Json)),
        (16_384, ColumnKind::Plain),
    ] {
        assert_eq!(kind(oid), expect, "{oid}");
    }
}

#[test]
fn every_type_as_it_comes_out() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[("timezone", "Asia/Kolkata")]);
    scalars(&mut client);
    times(&mut client);
    texts(&mut client);
    arrays(&mut client);
    created(&mut client);
    escaped(&mut server.connect(&[("bytea_output", "escape")]));
}

fn scalars(client: &mut Client) {
    check(client, "NULL::int4", Value::Null);
    check(client, "true", 1);
    check(client, "false", 0);
    check(client, "(-32768)::int2", -32768);
    check(client, "2147483647::int4", i32::MAX);
    check(client, "(-9223372036854775808)::int8", i64::MIN);
    check(client, "4294967295::oid", u32::MAX);
    check(client, "'4294967295'::xid", u32::MAX);
    check(client, "'7'::cid", 7);
    check(client, "'18446744073709551615'::xid8", "18446744073709551615");
    check(client, "0.1::float4", 0.1);
    check(client, "16777216::float4", 16_777_216.0);
    check(client, "67482304::float4", 67_482_304.0);
    check(client, "'1e-45'::float4", 1e-45);
    check(client, "'3.4028235e38'::float4", 3.402_823_5e38);
    check(client, "'-Infinity'::float4", f64::NEG_INFINITY);
    check(client, "0.1::float8", 0.1);
    check(client, "'-0'::float8", -0.0);
    check(client, "'NaN'::float8", f64::NAN);
    check(client, "1.00", "1.00");
    check(client, "0::numeric", "0");
    check(client, "0.000::numeric", "0.000");
    check(client, "(-0.00001)::numeric", "-0.00001");
    check(client, "1e-9::numeric", "0.000000001");
    check(client, "1e20::numeric", "100000000000000000000");
    check(client, "1234567890.0987654321", "1234567890.0987654321");
    check(client, "'NaN'::numeric", "NaN");
    check(client, "'Infinity'::numeric", "Infinity");
    check(client, "'-Infinity'::numeric", "-Infinity");
    check(client, "'\\x00ff'::bytea", Value::Blob([0, 255].into()));
    check(client, "''::bytea", Value::Blob([].into()));
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    check(client, &format!("'{{{}}}'::uuid", uuid.to_uppercase()), uuid);
    check(client, "'{\"b\": 1,\"a\":[1.00]}'::json", "{\"b\": 1,\"a\":[1.00]}");
    check(client, "'{\"b\":1,\"a\":[1.00]}'::jsonb", "{\"a\": [1.00], \"b\": 1}");
    check(client, "'null'::jsonb", "null");
}

fn times(client: &mut Client) {
    check(client, "'2024-02-29'::date", "2024-02-29");
    check(client, "'0001-01-01'::date", "0001-01-01");
    check(client, "'0001-12-31 BC'::date", "0000-12-31");
    check(client, "'0044-03-15 BC'::date", "-000043-03-15");
    check(client, "'4713-01-01 BC'::date", "-004712-01-01");
    check(client, "'12345-01-01'::date", "+012345-01-01");
    check(client, "'5874897-12-31'::date", "+5874897-12-31");
    check(client, "'infinity'::date", "infinity");
    check(client, "'-infinity'::date", "-infinity");
    check(client, "'00:00'::time", "00:00:00");
    check(client, "'24:00'::time", "24:00:00");
    check(client, "'10:30:00.120'::time", "10:30:00.12");
    check(client, "'10:30+02'::timetz", "10:30:00+02");
    check(client, "'10:30:00.5-05:30'::timetz", "10:30:00.5-05:30");
    check(client, "'10:30+05:30:15'::timetz", "10:30:00+05:30:15");
    check(client, "'10:30+00'::timetz", "10:30:00+00");
    check(client, "'2024-01-01 10:00:00.123'::timestamp", "2024-01-01T10:00:00.123");
    check(client, "'2024-01-01'::timestamp", "2024-01-01T00:00:00");
    check(client, "'1999-12-31 23:59:59.999999'::timestamp", "1999-12-31T23:59:59.999999");
    check(client, "'0044-03-15 BC'::timestamp", "-000043-03-15T00:00:00");
    check(client, "'infinity'::timestamp", "infinity");
    check(client, "'2024-01-01 10:00+05:30'::timestamptz", "2024-01-01T04:30:00Z");
    check(client, "'2024-01-01 00:00:00.5Z'::timestamptz", "2024-01-01T00:00:00.5Z");
    check(client, "'294276-12-31 23:59:59.999999Z'::timestamptz", "+294276-12-31T23:59:59.999999Z");
    check(client, "'0001-01-01 00:00:00Z BC'::timestamptz", "0000-01-01T00:00:00Z");
    check(client, "'1850-01-01 00:00:00Z'::timestamptz", "1850-01-01T00:00:00Z");
    check(client, "'-infinity'::timestamptz", "-infinity");
    check(client, "'0'::interval", "PT0S");
    check(client, "'1 year 2 mons 3 days 04:05:06.5'::interval", "P1Y2M3DT4H5M6.5S");
    check(client, "'-1 year -2 mons -3 days -04:05:06.7'::interval", "-P1Y2M3DT4H5M6.7S");
    check(client, "'1 mon -1 day'::interval", "P1M-1D");
    check(client, "'1 mon -0.5 sec'::interval", "P1MT-0.5S");
    check(client, "'-1 day 1 sec'::interval", "P-1DT1S");
    check(client, "'-0.5 sec'::interval", "-PT0.5S");
    check(client, "'26:00:00'::interval", "PT26H");
    check(client, "'-1 hour -1.5 sec 1 day'::interval", "P1DT-1H-1.5S");
    check(client, "'9223372036854.775807 sec'::interval", "PT2562047788H54.775807S");
}

fn texts(client: &mut Client) {
    check(client, "'é😀'::text", "é😀");
    check(client, "''::text", "");
    check(client, "'a'::varchar(3)", "a");
    check(client, "'a'::char(3)", "a  ");
    check(client, "'a'::name", "a");
    check(client, "'a'::\"char\"", "a");
    check(client, "'\\377'::\"char\"", "\\377");
    check(client, "'untyped'", "untyped");
    check(client, "'<a/>'::xml", "<a/>");
    check(client, "'192.168.0.1'::inet", "192.168.0.1");
    check(client, "'10.0.0.0/8'::cidr", "10.0.0.0/8");
    check(client, "'2001:db8::1/64'::inet", "2001:db8::1/64");
    check(client, "'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03");
    check(client, "'08:00:2b:01:02:03:04:05'::macaddr8", "08:00:2b:01:02:03:04:05");
    check(client, "B'101'", "101");
    check(client, "'1'::bit varying", "1");
    check(client, "12.5::money", "$12.50");
    check(client, "'(1,2.5)'::point", "(1,2.5)");
    check(client, "'(1,2),(0,0)'::box", "(1,2),(0,0)");
    check(client, "to_tsvector('simple', 'a b')", "'a':1 'b':2");
    check(client, "'[1,5)'::int4range", "[1,5)");
    check(client, "'{[1,5),[7,9)}'::int4multirange", "{[1,5),[7,9)}");
    check(client, "ROW(1, 'a b', NULL)", "(1,\"a b\",)");
    check(client, "'pg_class'::regclass", "pg_class");
    check(client, "'16/B374D848'::pg_lsn", "16/B374D848");
    check(client, "'1 2'::int2vector", "1 2");
    check(client, "pg_sleep(0)", "");
}

fn arrays(client: &mut Client) {
    check(client, "'{}'::int4[]", "[]");
    check(client, "NULL::int4[]", Value::Null);
    check(client, "'{1,NULL,-3}'::int4[]", "[1,null,-3]");
    check(client, "'{{1,2},{3,4}}'::int8[]", "[[1,2],[3,4]]");
    check(client, "'{{{1},{2}},{{3},{4}}}'::int2[]", "[[[1],[2]],[[3],[4]]]");
    check(client, "'[2:3]={1,2}'::int4[]", "[1,2]");
    check(client, "'[-1:0][2:2]={{1},{2}}'::int4[]", "[[1],[2]]");
    check(client, "'{t,f,NULL}'::bool[]", "[true,false,null]");
    check(client, "'{1.00,NaN,-Infinity,1e20}'::numeric[]", numerics());
    check(client, "'{0.1,NaN,1e20,Infinity,-0}'::float8[]", "[0.1,\"NaN\",1e+20,\"Infinity\",-0]");
    check(client, "'{0.1,NaN}'::float4[]", "[0.1,\"NaN\"]");
    check(client, r#"'{a,"b c","","\"\\",NULL,"NULL","é\n"}'::text[]"#, texts_in_a_list());
    check(client, "ARRAY[E'a\\nb', ',{}', ' x ']", r#"["a\nb",",{}"," x "]"#);
    check(client, "ARRAY['\\x00ff'::bytea, '']", r#"["\\x00ff","\\x"]"#);
    check(client, "ARRAY['[1, \"a\"]'::json, 'null', NULL]", "[[1, \"a\"],null,null]");
    check(client, "ARRAY['{\"a\":1.0}'::jsonb]", "[{\"a\": 1.0}]");
    check(client, "'{2024-01-01,infinity}'::date[]", r#"["2024-01-01","infinity"]"#);
    check(client, "'{2024-01-01 10:00+05:30}'::timestamptz[]", r#"["2024-01-01T04:30:00Z"]"#);
    check(client, "'{-1 day}'::interval[]", r#"["-P1D"]"#);
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    check(client, &format!("'{{{uuid}}}'::uuid[]"), format!("[\"{uuid}\"]"));
    check(client, "'{10.0.0.1,::1}'::inet[]", r#"["10.0.0.1","::1"]"#);
    check(client, "'{(1,2),(0,0);(3,4),(1,1)}'::box[]", r#"["(1,2),(0,0)","(3,4),(1,1)"]"#);
    check(client, "ARRAY['(1,2)'::point, NULL]", r#"["(1,2)",null]"#);
    check(client, "ARRAY['[1,2)'::int4range]", r#"["[1,2)"]"#);
    check(client, "ARRAY[ROW(1,'a \"')]", r#"["(1,\"a \"\"\")"]"#);
    check(client, "ARRAY['a'::\"char\"]", r#"["a"]"#);
    check(client, "ARRAY['pg_class'::regclass]", r#"["pg_class"]"#);
    check(client, "ARRAY['4294967295'::oid]", "[4294967295]");
}

fn numerics() -> &'static str {
    "[1.00,\"NaN\",\"-Infinity\",100000000000000000000]"
}

fn texts_in_a_list() -> &'static str {
    r#"["a","b c","","\"\\",null,"NULL","én"]"#
}

/// Types that have no number of their own on every server.
fn created(client: &mut Client) {
    for sql in [
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE DOMAIN positive AS int4 CHECK (VALUE > 0)",
        "CREATE TYPE pair AS (a int4, b text)",
    ] {
        client.rows(sql, &[], |_| unreachable!()).unwrap();
    }
    check(client, "'ok'::mood", "ok");
    check(client, "7::positive", 7);
    check(client, "(1,'x')::pair", "(1,x)");
    check(client, "'{ok,NULL}'::mood[]", "{ok,NULL}");
    check(client, "'{7}'::positive[]", "{7}");
    let enumerated = client.row("SELECT $1::mood", &["ok".into()]);
    assert_eq!(enumerated, Ok(vec!["ok".into()]));
    assert_eq!(client.row("SELECT $1::positive", &[7.into()]), Ok(vec![7.into()]));
}

fn escaped(client: &mut Client) {
    let bytes: Vec<u8> = (0..=255).collect();
    check(client, "'\\x005c275cff41'::bytea", Value::Blob(b"\0\\'\\\xffA".as_slice().into()));
    let echo = client.row_in_text("SELECT $1::bytea", &[bytes.clone().into()]);
    assert_eq!(echo, Ok(vec![bytes.into()]));
}
