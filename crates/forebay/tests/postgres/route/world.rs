//! Two logical tables over three databases each, and the same rows in one more, which every answer
//! is compared with.

use std::time::Duration;

use cluster::Database;
use fastrand::Rng;
use forebay::{Builder, Db, Routed, RoutedBuilder, open_routed};

use crate::place::Place;
use crate::ready::open;

/// Flights, split by a date that is never NULL, and events, split by a number that may be. Of the
/// texts one compares as its bytes, one without case, and one as the database says.
const FLIGHTS: &str = "
    CREATE COLLATION same (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE flights (
        id int PRIMARY KEY, day date NOT NULL, carrier text COLLATE same, origin text COLLATE \"C\",
        dist int, delay float8, note numeric, big bigint,
        twice int GENERATED ALWAYS AS (dist * 2) STORED);";
const EVENTS: &str = "
    CREATE TABLE events (
        id int PRIMARY KEY, at int, kind varchar(5), size numeric(10, 2), what bytea,
        stamp timestamptz, tag char(4), ok bool, small real, gap interval);";
const CARRIERS: &str = "
    CREATE TABLE carriers (code text PRIMARY KEY, name text);
    INSERT INTO carriers VALUES ('AA', 'Alpha'), ('BB', 'Beta'), ('cc', 'Gamma');";

/// On a machine that is busy with other things, too.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) struct World {
    pub(super) flights: Routed,
    pub(super) events: Routed,
    /// Everything in one database.
    pub(super) merged: Db,
    /// They go last.
    _databases: Vec<Database>,
}

/// One more database on the server of a place.
pub(super) async fn another(place: &Place, script: &str) -> (Database, Db) {
    let database = Database::on(place.cluster()).unwrap();
    let db = Builder::new(database.url()).min_idle(0).open().await.unwrap();
    db.execute_batch(script).await.unwrap();
    (database, db)
}

/// The same for a database that nobody else writes, so that what is found out about it is kept.
async fn own(place: &Place, script: &str) -> (Database, Db) {
    let database = Database::on(place.cluster()).unwrap();
    database.psql(script).unwrap();
    let db = open(Builder::new(database.url()).min_idle(0).sole_writer(true)).await;
    (database, db)
}

impl World {
    pub(super) async fn new(place: &Place, rng: &mut Rng, rows: usize) -> World {
        let mut scripts = vec![format!("{FLIGHTS}{EVENTS}"); 4];
        scripts[2].push_str(CARRIERS);
        scripts[3].push_str(CARRIERS);
        // With ranges that begin somewhere, some rows are nobody's.
        let begins = rng.bool();
        for id in 1..=rows {
            let (day, row) = flight(rng, id);
            let insert = format!(
                "INSERT INTO flights (id, day, carrier, origin, dist, delay, note, big) \
                 VALUES ({row});"
            );
            let owner = usize::from(&*day >= "2023-01-01") + usize::from(&*day >= "2024-01-01");
            scripts[owner].push_str(&insert);
            if !begins || &*day >= "2022-05-01" {
                scripts[3].push_str(&insert);
            }
            let (at, row) = event(rng, id);
            let insert = format!("INSERT INTO events VALUES ({row});");
            let owner = at.map_or(2, |at| usize::from(at >= 10) + usize::from(at >= 20));
            scripts[owner].push_str(&insert);
            if !begins || at.is_none_or(|at| at >= 3) {
                scripts[3].push_str(&insert);
            }
        }
        // Rows outside the range of their member are not part of the table.
        scripts[0].push_str("INSERT INTO flights (id, day) VALUES (-1, '2024-05-05');");
        scripts[2].push_str("INSERT INTO flights (id, day) VALUES (-2, '2021-01-01');");
        scripts[1].push_str("INSERT INTO events (id, at) VALUES (-1, NULL), (-2, 99);");
        let (mut databases, mut dbs) = (Vec::new(), Vec::new());
        for script in &scripts {
            let (database, db) = own(place, script).await;
            databases.push(database);
            dbs.push(db);
        }
        let [old, new, live, merged] = dbs.try_into().unwrap_or_else(|_| unreachable!("four"));
        let (flights, events) = builders(&live, &new, &old, begins);
        World {
            flights: flights.member_timeout(LIMIT).open().await.unwrap(),
            events: events.member_timeout(LIMIT).open().await.unwrap(),
            merged,
            _databases: databases,
        }
    }
}

fn builders(live: &Db, new: &Db, old: &Db, begins: bool) -> (RoutedBuilder, RoutedBuilder) {
    let flights = open_routed("flights", "day").live(live, "2024-01-01").archive(
        "new",
        new,
        "2023-01-01".."2024-01-01",
    );
    let events = open_routed("events", "at").live(live, 20).archive("new", new, 10..20);
    match begins {
        true => (
            flights.archive("old", old, "2022-05-01".."2023-01-01"),
            events.archive("old", old, 3..10),
        ),
        false => (flights.archive("old", old, .."2023-01-01"), events.archive("old", old, ..10)),
    }
}

fn flight(rng: &mut Rng, id: usize) -> (String, String) {
    let day = format!("202{}-{:02}-{:02}", rng.u8(2..5), rng.u8(1..13), rng.u8(1..4));
    let carrier = pick(rng, &["'AA'", "'aa'", "'BB'", "'bb'", "'cc'", "'dd'", "''", "NULL"]);
    let origin = pick(rng, &["'JFK'", "'LGA'", "'EWR'", "'ewr'", "'\"q\\,{}'", "NULL"]);
    let dist = or_null(rng, |rng| rng.i32(-3..2_000).to_string());
    let delay = or_null(rng, |rng| format!("{}", f64::from(rng.i32(-80..80)) / 4.0));
    let note = pick(rng, &["1.50", "-3.25", "0.00", "99999999999999999999.50", "NULL", "7.75"]);
    let big = or_null(rng, |rng| (rng.i64(-9..9) << 40).to_string());
    let row = format!("{id}, '{day}', {carrier}, {origin}, {dist}, {delay}, {note}, {big}");
    (day, row)
}

fn event(rng: &mut Rng, id: usize) -> (Option<i32>, String) {
    let at = (rng.u8(0..20) > 0).then(|| rng.i32(0..30));
    let number = at.map_or("NULL".to_owned(), |at| at.to_string());
    let kind = pick(rng, &["'get'", "'put'", "'del'", "'GET'", "NULL"]);
    let size = or_null(rng, |rng| format!("{}.{:02}", rng.i32(-5..300), rng.u8(0..100)));
    let what = pick(rng, &["'\\x00ff'", "'\\x'", "NULL"]);
    let minute = rng.u32(0..60);
    let stamp = or_null(rng, |rng| format!("'2024-0{}-01 10:{minute:02}:00.25+02'", rng.u8(1..10)));
    let tag = pick(rng, &["'a'", "'b '", "'ab'", "NULL"]);
    let ok = pick(rng, &["true", "false", "NULL"]);
    let small = or_null(rng, |rng| format!("{}", f64::from(rng.i32(-8..8)) / 2.0));
    let gap = pick(rng, &["'1 day 2 hours'", "'-3 minutes'", "'1 mon'", "NULL"]);
    (at, format!("{id}, {number}, {kind}, {size}, {what}, {stamp}, {tag}, {ok}, {small}, {gap}"))
}

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(0..of.len())]
}

fn or_null(rng: &mut Rng, make: impl FnOnce(&mut Rng) -> String) -> String {
    if rng.u8(0..8) == 0 { "NULL".to_owned() } else { make(rng) }
}
