//! Answers of the server into types of other crates and of one's own.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::super::result_format;
use super::server::{Client, Server};
use crate::decode;

/// What `expression` is as a `T`: its `Debug` form, or the error.
fn check<T: DeserializeOwned + Debug>(client: &mut Client, expression: &str, expect: &str) {
    let rows = client.rows(&format!("SELECT {expression} AS v"), &[], result_format).unwrap();
    let by_scalar = decode::scalar::<T>(rows.columns(), rows.values(0));
    let by_tuple = decode::all::<(T,)>(&rows).map(|mut all| all.remove(0).0);
    let by_taking = decode::take_first::<(T,)>(rows).map(|first| first.unwrap().0);
    let shown = [by_scalar, by_tuple, by_taking].map(|decoded| match decoded {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string().replace(" (row 1)", ""),
    });
    assert_eq!(shown, [expect; 3], "{expression}");
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Order {
    id: Uuid,
    at: DateTime<Utc>,
    day: NaiveDate,
    total: Decimal,
    is_paid: bool,
    items: Vec<Item>,
    tags: Vec<String>,
    note: Option<Note>,
    history: Vec<Option<DateTime<Utc>>>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Item {
    name: String,
    price: f64,
}

#[derive(Debug, Deserialize)]
struct Note {}

#[test]
fn types_of_other_crates() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[("timezone", "Asia/Kolkata")]);
    let client = &mut client;
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    check::<Uuid>(client, &format!("'{uuid}'::uuid"), uuid);
    check::<Vec<Uuid>>(client, &format!("ARRAY['{uuid}'::uuid]"), &format!("[{uuid}]"));
    check::<NaiveDate>(client, "'2024-02-29'::date", "2024-02-29");
    check::<NaiveDate>(client, "'0044-03-15 BC'::date", "-0043-03-15");
    check::<NaiveDate>(client, "'12345-01-01'::date", "+12345-01-01");
    check::<NaiveTime>(client, "'10:30:00.5'::time", "10:30:00.500");
    check::<NaiveDateTime>(
        client,
        "'2024-01-01 10:00:00.123'::timestamp",
        "2024-01-01T10:00:00.123",
    );
    check::<NaiveDateTime>(client, "'0044-03-15 BC'::timestamp", "-0043-03-15T00:00:00");
    check::<DateTime<Utc>>(client, "'2024-01-01 10:00+05:30'::timestamptz", "2024-01-01T04:30:00Z");
    check::<DateTime<Utc>>(client, "'0044-03-15 Z BC'::timestamptz", "-0043-03-15T00:00:00Z");
    check::<DateTime<Utc>>(client, "'12345-01-01 Z'::timestamptz", "+12345-01-01T00:00:00Z");
    check::<Option<DateTime<Utc>>>(client, "NULL::timestamptz", "None");
    check::<DateTime<Utc>>(
        client,
        "'infinity'::timestamptz",
        "column \"v\": its type refuses the value; the source of this error says why",
    );
    check::<Decimal>(client, "1.00", "1.00");
    check::<Decimal>(client, "123456789012345678.123456789", "123456789012345678.123456789");
    check::<Vec<Option<Decimal>>>(client, "ARRAY[1.00, NULL]", "[Some(1.00), None]");
    check::<Decimal>(client, "7::int4", "7");
    check::<serde_json::Value>(
        client,
        "'{\"a\":[1,true,null]}'::jsonb",
        "Object {\"a\": Array [Number(1), Bool(true), Null]}",
    );
    check::<serde_json::Value>(client, "ARRAY[1,NULL]", "Array [Number(1), Null]");
    check::<serde_json::Value>(client, "true", "Bool(true)");
    check::<serde_json::Value>(client, "1.50", "String(\"1.50\")");
}

#[test]
fn types_of_the_language() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    let client = &mut client;
    check::<bool>(client, "true", "true");
    check::<i64>(client, "true", "1");
    check::<f32>(client, "0.1::float4", "0.1");
    check::<f64>(client, "0.1::float4", "0.1");
    check::<f32>(client, "'3.4028235e38'::float4", "3.4028235e38");
    check::<f64>(
        client,
        "(SELECT avg(n) FROM (VALUES (1), (1), (2)) AS v(n))",
        "1.3333333333333333",
    );
    check::<i64>(client, "(SELECT sum(n) FROM (VALUES (1::int8), (2)) AS v(n))", "3");
    check::<u8>(client, "255.000", "255");
    check::<String>(client, "255.000", "\"255.000\"");
    check::<f64>(client, "'NaN'::numeric", "NaN");
    check::<f32>(client, "'-Infinity'::numeric", "-inf");
    check::<Vec<i32>>(client, "'{1,2}'::int8[]", "[1, 2]");
    check::<(i32, String)>(client, "'[1,\"a\"]'::json", "(1, \"a\")");
    check::<Vec<Vec<Option<f32>>>>(
        client,
        "'{{0.1,NULL},{NaN,1}}'::float4[]",
        "[[Some(0.1), None], [Some(NaN), Some(1.0)]]",
    );
    check::<Vec<bool>>(client, "'{t,f}'::bool[]", "[true, false]");
    check::<Vec<Vec<u8>>>(client, "ARRAY['\\x00ff'::bytea]", "[[0, 255]]");
    check::<Vec<String>>(client, "ARRAY[1.50]", "[\"1.50\"]");
    check::<String>(client, "ARRAY[1,2]", "\"[1,2]\"");
    check::<Vec<BTreeMap<String, i32>>>(client, "ARRAY['{\"a\":1}'::jsonb]", "[{\"a\": 1}]");
    check::<HashMap<i32, String>>(client, "'{\"7\":\"x\"}'::json", "{7: \"x\"}");
    check::<Vec<i32>>(client, "'{}'::int4[]", "[]");
    check::<Option<Vec<i32>>>(client, "NULL::int4[]", "None");
    check::<i64>(
        client,
        "1.5",
        "column \"v\": wanted i64, found a number with a fraction; use String or a decimal type, \
         or CAST in the statement",
    );
    check::<u8>(
        client,
        "256::numeric",
        "column \"v\": wanted u8, found a number outside of 0 to 255; use String or a decimal \
         type, or CAST in the statement",
    );
    check::<Vec<u8>>(
        client,
        "ARRAY[1,256]",
        "column \"v\": wanted u8 in the document, found a number outside of 0 to 255; use String \
         or a decimal type, or CAST in the statement",
    );
}

#[test]
fn a_row_of_everything() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    let sql = "SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id, \
        '2024-01-01 10:00Z'::timestamptz AS at, '2024-01-01'::date AS day, 19.90 AS total, \
        true AS is_paid, '[{\"name\":\"a\\u00e9\",\"price\":1.5,\"more\":{}}]'::json AS items, \
        '{x,y z}'::text[] AS tags, '{}'::jsonb AS note, \
        ARRAY['2024-01-01 Z'::timestamptz, NULL] AS history";
    let rows = client.rows(sql, &[], result_format).unwrap();
    let order: Order = decode::at(&rows, 0).unwrap();
    assert_eq!(
        format!("{order:?}"),
        "Order { id: a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11, at: 2024-01-01T10:00:00Z, \
         day: 2024-01-01, total: 19.90, is_paid: true, items: [Item { name: \"aé\", price: 1.5 }], \
         tags: [\"x\", \"y z\"], note: Some(Note), history: [Some(2024-01-01T00:00:00Z), None] }"
    );
    let taken: Vec<Order> = decode::take_all(rows).unwrap();
    assert_eq!(format!("{taken:?}"), format!("[{order:?}]"));
}
