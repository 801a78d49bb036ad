//! Values that nobody thought of, in through `encode` and out through `decode`, beside the
//! server's own text.

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

use super::server::{Client, Server};
use crate::array::Array;
use crate::json;
use crate::value::Value;

/// Runs `check` on values of `strategy`, over one connection.
fn for_all<S: Strategy>(
    client: &mut Client,
    cases: u32,
    strategy: &S,
    check: impl Fn(&mut Client, S::Value),
) where
    S::Value: Clone,
{
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let client = std::sync::Mutex::new(client);
    let run = TestRunner::new(config).run(strategy, |value| {
        // A case that has panicked leaves the connection between two statements.
        let mut client = client.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        check(&mut client, value);
        Ok(())
    });
    match run {
        Ok(()) => (),
        Err(TestError::Fail(reason, value)) => panic!("{reason}\nof {value:?}"),
        Err(abort) => panic!("{abort}"),
    }
}

fn text_of(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

/// The same in both formats.
fn both(client: &mut Client, sql: &str, params: &[Value]) -> Vec<Value> {
    let row = client.row(sql, params).unwrap();
    assert_eq!(client.row_in_text(sql, params).as_ref(), Ok(&row));
    row
}

#[test]
fn numbers() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    let digits = prop_oneof![
        "-?[0-9]{1,40}",
        "-?[0-9]{0,6}\\.[0-9]{1,40}",
        "-?0\\.0{0,30}[0-9]{1,9}",
        "-?[0-9]{1,1000}",
        "-?[0-9]{1,500}\\.[0-9]{0,500}",
        "-?[1-9]e-?[0-9]{1,3}",
        "-?[0-9]0{1,50}"
    ];
    for_all(&mut client, 400, &digits, |client, digits| {
        let sql = "SELECT n, n::text FROM (SELECT $1::numeric) AS v(n)";
        let row = both(client, sql, &[digits.as_str().into()]);
        assert_eq!(row[0], row[1]);
        let list = client.row("SELECT ARRAY[$1::numeric]", &[digits.as_str().into()]).unwrap();
        assert_eq!(list[0], format!("[{}]", text_of(&row[1])).into());
        let again = client.row("SELECT $1::numeric[]", &list).unwrap();
        assert_eq!(again, list);
    });
    for_all(&mut client, 300, &any::<f64>(), |client, x| {
        let row = both(
            client,
            "SELECT $1::float8, $2::float8::text, $3::text, $4::numeric",
            &[x.into(), x.into(), x.into(), x.into()],
        );
        assert_eq!([&row[0], &row[2]], [&x.into(), &json::real(x).into()]);
        // Where two texts of the fewest digits name the float, the server may take the other one.
        assert_eq!(Value::Real(text_of(&row[1]).parse().unwrap()), x.into());
        let again: f64 = text_of(&row[3]).parse().unwrap();
        assert!(again == x || again.is_nan() && x.is_nan(), "a numeric has no -0, nothing else");
    });
    let floats = any::<u32>().prop_map(f32::from_bits).prop_filter("a number", |x| !x.is_nan());
    for_all(&mut client, 300, &floats, |client, x| {
        // Of two shortest texts that name the same float, the server may write the other one.
        let (sql, params) = ("SELECT $1::float4, ($1::float4)::text", [x.into()]);
        for row in [client.row(sql, &params), client.row_in_text(sql, &params)] {
            let row = row.unwrap();
            let Value::Real(wide) = row[0] else { panic!("{row:?}") };
            let shown = text_of(&row[1]).parse::<f32>().unwrap();
            assert_eq!([wide as f32, shown].map(f32::to_bits), [x.to_bits(); 2]);
        }
    });
    for_all(&mut client, 100, &(any::<i64>(), any::<i32>(), any::<i16>()), |client, (a, b, c)| {
        let params = [a.into(), b.into(), c.into(), a.into(), a.into()];
        let sql = "SELECT $1::int8, $2::int4, $3::int2, $4::numeric, $5::text";
        let shown = a.to_string();
        let expect = [a.into(), b.into(), c.into(), shown.clone().into(), shown.into()];
        assert_eq!(both(client, sql, &params), expect);
    });
}

/// A date or timestamp of the server in ISO 8601: the year alone has another form.
fn iso(server: &str) -> String {
    let (text, is_bc) = server.strip_suffix(" BC").map_or((server, false), |text| (text, true));
    let (year, rest) = text.split_once('-').unwrap();
    let year: i64 = year.parse().unwrap();
    let rest = rest.replace(' ', "T");
    match (if is_bc { 1 - year } else { year }, is_bc) {
        (year @ 0..=9999, _) => format!("{year:04}-{rest}"),
        (year, true) => format!("-{:06}-{rest}", -year),
        (year, false) => format!("+{year:06}-{rest}"),
    }
}

#[test]
fn times() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[("timezone", "America/St_Johns")]);
    // From 4714 BC to 5874897.
    for_all(&mut client, 400, &(-2_451_545..2_145_031_949_i64), |client, day| {
        let sql = "SELECT d, d::text, ARRAY[d] FROM (SELECT date '2000-01-01' + $1::int4) AS v(d)";
        let row = both(client, sql, &[day.into()]);
        let expect = iso(text_of(&row[1]));
        assert_eq!(row[0], expect.as_str().into());
        assert_eq!(row[2], format!("[\"{expect}\"]").into());
        let again = client.row(
            "SELECT $1::date - date '2000-01-01', $2::date[]",
            &[row[0].clone(), row[2].clone()],
        );
        assert_eq!(again, Ok(vec![day.into(), row[2].clone()]));
    });
    // From 4714 BC to 294276.
    let moments = -211_813_488_000_000_000..9_223_371_331_200_000_000_i64;
    for_all(&mut client, 400, &moments, |client, microseconds| {
        let sql = "SELECT u, u AT TIME ZONE 'UTC', u::text, ARRAY[u AT TIME ZONE 'UTC'] \
            FROM (SELECT timestamp '2000-01-01' \
                + ($1::int8 / 86400000000)::int4 * interval '1 day' \
                + ($1::int8 % 86400000000) * interval '1 us') AS v(u)";
        let row = both(client, sql, &[microseconds.into()]);
        let expect = iso(text_of(&row[2]));
        assert_eq!(row[0], expect.as_str().into());
        assert_eq!(row[1], format!("{expect}Z").into());
        let again = client.row(
            "SELECT $1::timestamp, $2::timestamptz, $3::timestamptz[]",
            &[row[0].clone(), row[1].clone(), row[3].clone()],
        );
        assert_eq!(again, Ok(vec![row[0].clone(), row[1].clone(), row[3].clone()]));
    });
    let part = || prop_oneof![Just(0), -3..3_i32, any::<i32>().prop_map(|n| n / 13)];
    let microseconds =
        prop_oneof![Just(0), -3_000_000..3_000_000_i64, any::<i64>().prop_map(|n| n / 2)];
    let mut client = server.connect(&[("intervalstyle", "iso_8601")]);
    let mut plain = server.connect(&[]);
    for_all(&mut client, 400, &(part(), part(), microseconds), |client, (months, days, time)| {
        let written =
            format!("P{months}M{days}DT{}.{:06}S", time / 1_000_000, (time % 1_000_000).abs());
        let sign = if time < 0 && time > -1_000_000 { "T-" } else { "T" };
        let written = written.replace('T', sign);
        let sql = "SELECT i, i::text, ARRAY[i] FROM (SELECT $1::interval) AS v(i)";
        let row = client.row(sql, &[written.as_str().into()]).unwrap();
        let shown = text_of(&row[1]);
        let mut numbers = shown
            .split_inclusive(|c: char| c.is_ascii_alphabetic())
            .filter(|part| part.contains(|c: char| c.is_ascii_digit()));
        let expect = match shown != "PT0S" && numbers.all(|number| number.starts_with('-')) {
            true => format!("-{}", shown.replace('-', "")),
            false => shown.to_owned(),
        };
        assert_eq!(row[0], expect.as_str().into());
        let again = client
            .row("SELECT ($1::interval)::text, $2::interval[]", &[row[0].clone(), row[2].clone()]);
        assert_eq!(again, Ok(vec![row[1].clone(), row[2].clone()]));
    });
    // The same from the server's default style, in text.
    let part = || prop_oneof![Just(0), -30..30_i64];
    for_all(&mut plain, 200, &(part(), part(), part()), |client, (months, days, seconds)| {
        let sql =
            "SELECT make_interval(months => $1::int4, days => $2::int4, secs => $3::float8 / 7)";
        both(client, sql, &[months.into(), days.into(), seconds.into()]);
    });
}

fn words() -> impl Strategy<Value = Option<String>> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "", " ", "null", "NULL", "{}", "a,b", "\"", "\\", "\\\\\"", "'", ";"
        ])
        .prop_map(str::to_owned),
        "[ a\"\\\\{},;'\\t\\n\u{1}-\u{1f}é😀]{0,8}",
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ];
    prop::option::weighted(0.9, word)
}

#[test]
fn lists() {
    let Some(server) = Server::start() else { return };
    let mut client = server.connect(&[]);
    for_all(&mut client, 400, &prop::collection::vec(words(), 0..6), |client, words| {
        let list = Value::try_from(Array(&words)).unwrap();
        let sql = "SELECT $1::text[], $1::text[]::varchar[], cardinality($1::text[])";
        let row = both(client, sql, std::slice::from_ref(&list));
        assert_eq!(row, [list.clone(), list.clone(), words.len().try_into().unwrap()]);
        // Element by element, as the server takes the list.
        for (index, word) in words.iter().enumerate() {
            let at = client
                .row("SELECT ($1::text[])[$2::int4]", &[list.clone(), (index as i64 + 1).into()]);
            assert_eq!(at, Ok(vec![word.clone().into()]));
        }
    });
    let nested = (1..4_usize, 1..4_usize, 1..3_usize).prop_flat_map(|(a, b, c)| {
        prop::collection::vec(prop::collection::vec(prop::collection::vec(words(), c), b), a)
    });
    for_all(&mut client, 200, &nested, |client, nested| {
        let list: Value = serde_json::to_string(&nested).unwrap().into();
        let row =
            both(client, "SELECT $1::text[], array_dims($1::text[])", std::slice::from_ref(&list));
        let read: Vec<Vec<Vec<Option<String>>>> = serde_json::from_str(text_of(&row[0])).unwrap();
        assert_eq!(read, nested);
        let dims = format!("[1:{}][1:{}][1:{}]", nested.len(), nested[0].len(), nested[0][0].len());
        assert_eq!(row[1], dims.into());
    });
    for_all(&mut client, 200, &prop::collection::vec(any::<Vec<u8>>(), 0..5), |client, blobs| {
        let list = Value::try_from(Array(&blobs)).unwrap();
        assert_eq!(both(client, "SELECT $1::bytea[]", std::slice::from_ref(&list)), [list]);
    });
    for_all(&mut client, 200, &prop::collection::vec(any::<f64>(), 0..5), |client, floats| {
        let list = Value::try_from(Array(&floats)).unwrap();
        assert_eq!(both(client, "SELECT $1::float8[]", std::slice::from_ref(&list)), [list]);
    });
    for_all(&mut client, 200, &prop::collection::vec(words(), 0..5), |client, words| {
        let list = Value::try_from(Array(&words)).unwrap();
        let row = both(client, "SELECT $1::json[]", std::slice::from_ref(&list));
        assert_eq!(row, [list]);
    });
}
