//! Answers stay the databases' while rows move: reads that caches may answer, through the route and
//! at each member, between moves, writes and bulk writes of everybody. They are held against one
//! database whose rows never move. Nobody waits after a move for the streams to tell it.
//!
//! `FOREBAY_ROUTE_STEPS=20000` is a long run, `FOREBAY_SEED` replays one.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::Database;
use fastrand::Rng;
use forebay::{Archive, Builder, CacheMode, Db, Freshness, Routed, Value, open_routed};

use super::world::another;
use crate::place::{Place, on_each_within};
use crate::ready::{MARKED, caught_up, open, set_up};

/// Steps in the suite, and of one set of rows.
const STEPS: usize = 200;

/// Rows at first.
const ROWS: i64 = 200;

/// Days at first; the boundary is moved up to the last.
const DAYS: i64 = 40;

const TABLE: &str = "CREATE TABLE calls (id int PRIMARY KEY, day int, cost int8, note text);
    CREATE INDEX by_day ON calls (day);";

/// `$1` standing for a small integer.
const READS: &[&str] = &[
    "SELECT count(*), count(DISTINCT id), sum(id) FROM calls",
    "SELECT id, day, cost, note FROM calls WHERE day = $1",
    "SELECT id, note FROM calls WHERE day BETWEEN $1 AND 30 ORDER BY day, id LIMIT 5",
    "SELECT note FROM calls WHERE id = $1",
    "SELECT day, count(*), avg(cost) FROM calls GROUP BY day",
    "SELECT max(day), min(id) FROM calls WHERE day < $1",
    "SELECT id FROM calls WHERE day IS NULL",
    "SELECT DISTINCT note FROM calls WHERE day >= $1 AND id < 90",
    "SELECT count(*) FROM calls WHERE day >= $1",
    "SELECT a.id FROM calls a, calls b WHERE a.day = $1 AND b.day = $1 AND a.id = b.id",
    "SELECT id FROM calls WHERE id = (SELECT max(id) FROM calls)",
];

struct Test<'p> {
    rng: Rng,
    place: &'p Place,
    archive: Database,
    live: Db,
    old: Db,
    routed: Routed,
    /// Everything in one database.
    merged: Db,
    /// What is below it is the archive's.
    boundary: i64,
    next_id: i64,
    moves: usize,
    tally: BTreeMap<&'static str, usize>,
    _database: Database,
}

impl<'p> Test<'p> {
    async fn new(place: &'p Place, seed: u64) -> Test<'p> {
        let fill = format!(
            "INSERT INTO calls SELECT n, nullif(n % {DAYS}, 0), n % 50, 'note ' || n % 9 \
             FROM generate_series(1, {ROWS}) n;"
        );
        place.psql(&format!(
            "DROP TABLE IF EXISTS calls, mark, forebay_archive; {TABLE} {fill} {MARKED}"
        ));
        let archive = Database::on(place.cluster()).unwrap();
        archive.psql(&format!("{TABLE} {MARKED}")).unwrap();
        let (database, merged) = another(place, &format!("{TABLE} {fill}")).await;
        merged.cache().set_mode(CacheMode::Off);
        set_up(&place.url()).await;
        set_up(&archive.url()).await;
        let live = open(place.builder()).await;
        let old = open(Builder::new(archive.url())).await;
        let routed = open_routed("calls", "day").moving(&live, "old", &old);
        let routed = routed.member_timeout(Duration::from_secs(60)).open().await.unwrap();
        Test {
            rng: Rng::with_seed(seed),
            place,
            archive,
            live,
            old,
            routed,
            merged,
            boundary: 1,
            next_id: ROWS + 1,
            moves: 0,
            tally: BTreeMap::new(),
            _database: database,
        }
    }

    async fn step(&mut self, number: usize) {
        match self.rng.u16(..1_000) {
            _ if number % 50 == 49 => self.advance().await,
            0..700 => self.read_routed().await,
            700..800 => self.read_member().await,
            _ => self.write().await,
        }
    }

    /// A statement with its parameters; few, so that answers are asked for again.
    fn draw(&mut self) -> (&'static str, Vec<Value>) {
        let sql = READS[self.rng.usize(..READS.len())];
        let count = usize::from(sql.contains('$'));
        (sql, (0..count).map(|_| Value::from(self.rng.i64(1..4) * 9)).collect())
    }

    async fn read_routed(&mut self) {
        let (sql, params) = self.draw();
        let query = params.iter().fold(self.routed.query(sql), |query, it| query.bind(it));
        let found = shown(&query.fetch().await.unwrap().rows);
        let expect = params.iter().fold(self.merged.query(sql), |query, it| query.bind(it));
        let expect = shown(&expect.fetch().await.unwrap().rows);
        assert_eq!(found, expect, "{sql} {params:?}, moved to {}", self.boundary);
        *self.tally.entry("routed reads").or_default() += 1;
    }

    async fn read_member(&mut self) {
        let (sql, params) = self.draw();
        let db = if self.rng.bool() { &self.live } else { &self.old };
        let ask = || params.iter().fold(db.query(sql), |query, it| query.bind(it));
        let found = ask().freshness(Freshness::Strict).fetch().await.unwrap();
        let bare = ask().no_cache().fetch().await.unwrap();
        assert_eq!(shown(&found.rows), shown(&bare.rows), "{sql} {params:?}");
        *self.tally.entry("reads at a member").or_default() += 1;
    }

    /// Writes of everybody, each to the model too.
    async fn write(&mut self) {
        let (day, note) = (self.rng.i64(1..DAYS), self.rng.i64(0..9));
        let id = self.rng.i64(1..self.next_id);
        let is_live = format!("(day >= {} OR day IS NULL)", self.boundary);
        let what = match self.rng.u8(..8) {
            0 => {
                let sql = "UPDATE calls SET note = $1::text WHERE day = $2";
                self.both(sql, vec![note.to_string().into(), day.into()]).await;
                "routed updates"
            }
            1 => {
                let sql = "DELETE FROM calls WHERE day = $1 AND id % 5 = $2";
                self.both(sql, vec![day.into(), (note % 5).into()]).await;
                "routed deletions"
            }
            2 => {
                self.next_id += 1;
                let row = vec![(self.next_id - 1).into(), day.into(), note.to_string().into()];
                self.both("INSERT INTO calls VALUES ($1, $2, 1, $3)", row).await;
                "routed insertions"
            }
            3 => {
                let sql = "UPDATE calls SET cost = cost + 1 WHERE id = $1";
                self.live.execute(sql).bind(id).await.unwrap();
                self.model(&format!("{sql} AND {is_live}"), &[id.into()]).await;
                "writes at the live member"
            }
            4 => {
                let sql = format!("UPDATE calls SET note = 'other' WHERE id = {id}");
                self.place.psql(&sql);
                self.model(&format!("{sql} AND {is_live}"), &[]).await;
                caught_up(&self.live).await;
                "foreign writes at the live member"
            }
            5 => {
                let sql = format!("UPDATE calls SET note = 'corrected' WHERE id = {id}");
                self.archive.psql(&sql).unwrap();
                self.model(&format!("{sql} AND NOT {is_live}"), &[]).await;
                caught_up(&self.old).await;
                "foreign writes at the archive"
            }
            6 => {
                let first = self.next_id;
                self.next_id += note + 1;
                let row = |id: i64| (id, DAYS - id % 3, 1, "bulk");
                let rows: Vec<_> = (first..self.next_id).map(row).collect();
                for db in [&self.live, &self.merged] {
                    let bulk = db.bulk("calls").columns(["id", "day", "cost", "note"]);
                    bulk.chunk_rows(3).insert(&rows).await.unwrap();
                }
                "bulk insertions"
            }
            _ => {
                let set = serde_json::json!({"note": format!("set {note}")});
                self.live.bulk("calls").set("id", [id, id + 1, id + 2], set).await.unwrap();
                let sql = format!(
                    "UPDATE calls SET note = 'set {note}' WHERE id IN ({id}, {}, {})",
                    id + 1,
                    id + 2
                );
                self.model(&format!("{sql} AND {is_live}"), &[]).await;
                "bulk updates"
            }
        };
        *self.tally.entry(what).or_default() += 1;
    }

    async fn both(&self, sql: &str, params: Vec<Value>) {
        let execute = params.iter().fold(self.routed.execute(sql), |asked, it| asked.bind(it));
        let outcome = execute.await.unwrap();
        assert_eq!(outcome.rows_affected, self.model(sql, &params).await, "{sql} {params:?}");
    }

    async fn model(&self, sql: &str, params: &[Value]) -> u64 {
        let asked = params.iter().fold(self.merged.query(sql), |asked, it| asked.bind(it));
        asked.fetch().await.unwrap().rows_affected
    }

    /// Moves the boundary on, in steps of a few rows.
    async fn advance(&mut self) {
        // Days of new rows stay above it, or they would be nobody's.
        if self.boundary < DAYS - 6 {
            self.boundary += self.rng.i64(1..5);
            let archive = Archive::new(self.place.url(), self.archive.url(), "calls", "day");
            archive.batch(10).run(self.boundary).await.unwrap();
            self.moves += 1;
        }
    }
}

fn shown(rows: &forebay::Rows) -> Vec<String> {
    let mut shown: Vec<String> =
        (0..rows.len()).map(|row| format!("{:?}", rows.values(row))).collect();
    shown.sort();
    shown
}

#[test]
fn every_answer_is_the_databases_while_rows_move() {
    let seed =
        std::env::var("FOREBAY_SEED").map_or_else(|_| fastrand::u64(..), |it| it.parse().unwrap());
    let steps = std::env::var("FOREBAY_ROUTE_STEPS").map_or(STEPS, |it| it.parse().unwrap());
    println!("FOREBAY_SEED={seed}");
    let limit = Duration::from_secs(120 + steps as u64 / 10);
    on_each_within("every_answer_is_the_databases_while_rows_move", limit, async |place| {
        let mut rng = Rng::with_seed(seed);
        let (mut done, mut hits, mut moves) = (0, 0, 0);
        while done < steps {
            let mut test = Test::new(place, rng.u64(..)).await;
            for _ in 0..STEPS.min(steps - done) {
                test.step(done).await;
                done += 1;
            }
            let found = |db: &Db| db.stats().cache.hits as usize;
            hits += found(&test.live) + found(&test.old);
            moves += test.moves;
            println!("{:?}", test.tally);
            test.live.close().await;
            test.old.close().await;
        }
        println!("{done} steps, {moves} moves, {hits} answers from the members' caches");
        assert!(hits * 2 >= steps, "too few hits to prove anything: {hits}");
        assert!(moves * 100 >= steps, "too few moves to prove anything: {moves}");
    });
}
