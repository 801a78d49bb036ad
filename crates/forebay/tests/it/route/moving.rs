//! Answers stay the databases' while rows move: reads that caches may answer, through the route and
//! at each member, between moves, writes and bulk writes of everybody. They are held against one
//! database whose rows never move, and against the members' files.
//!
//! `FOREBAY_ROUTE_STEPS=100000` is a long run, `FOREBAY_SEED` replays one.

use fastrand::Rng;
use forebay::{Archive, Builder, Db, Routed, Value, open_routed};
use rusqlite::{Connection, params_from_iter};

/// Steps in the suite.
const STEPS: usize = 1_500;

/// Rows at first.
const ROWS: i64 = 200;

/// Days at first; the boundary is moved up to the last.
const DAYS: i64 = 40;

const TABLE: &str = "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT, cost REAL, note TEXT)";

/// `?` standing for a small integer.
const READS: &[&str] = &[
    "SELECT count(*), count(DISTINCT id), sum(id) FROM calls",
    "SELECT id, day, cost, note FROM calls WHERE day = ?",
    "SELECT id, note FROM calls WHERE day BETWEEN ? AND 30 ORDER BY day, id LIMIT 5",
    "SELECT note FROM calls WHERE id = ?",
    "SELECT day, count(*), avg(cost) FROM calls GROUP BY day",
    "SELECT max(day), min(id) FROM calls WHERE day < ?",
    "SELECT id FROM calls WHERE day IS NULL",
    "SELECT DISTINCT note FROM calls WHERE day >= ? AND id < 90",
    "SELECT id FROM calls WHERE id = (SELECT max(id) FROM calls)",
];

struct Test {
    rng: Rng,
    dir: tempfile::TempDir,
    live: Db,
    old: Db,
    routed: Routed,
    /// Everything in one database.
    merged: Connection,
    /// The members' files.
    bare: [Connection; 2],
    /// What is below it is the archive's.
    boundary: i64,
    next_id: i64,
    moves: usize,
    hits: usize,
    tally: std::collections::BTreeMap<&'static str, usize>,
}

impl Test {
    async fn new(seed: u64) -> Test {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let db = async |name: &str| {
            let builder = Builder::new(format!("sqlite:{}", path(name).display()));
            let db = builder.min_idle(0).open().await.unwrap();
            db.execute_batch(&format!("{TABLE}; CREATE INDEX by_day ON calls (day)"))
                .await
                .unwrap();
            db
        };
        let (live, old) = (db("live.db").await, db("old.db").await);
        let fill = format!(
            "INSERT INTO calls WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s \
             WHERE n < {ROWS}) SELECT n, nullif(n % {DAYS}, 0), n / 4.0, 'note ' || n % 9 FROM s"
        );
        live.execute(&fill).await.unwrap();
        let merged = Connection::open_in_memory().unwrap();
        merged.execute_batch(&format!("{TABLE}; {fill}")).unwrap();
        let archive = Test::archive_in(dir.path());
        archive.run(1).await.unwrap();
        let routed = open_routed("calls", "day").moving(&live, "old", &old).open().await.unwrap();
        let bare = ["live.db", "old.db"].map(|name| Connection::open(path(name)).unwrap());
        Test {
            rng: Rng::with_seed(seed),
            live,
            old,
            routed,
            merged,
            bare,
            boundary: 1,
            next_id: ROWS + 1,
            moves: 0,
            hits: 0,
            tally: Default::default(),
            dir,
        }
    }

    fn archive_in(dir: &std::path::Path) -> Archive {
        let url = |name: &str| format!("sqlite:{}", dir.join(name).display());
        Archive::new(url("live.db"), url("old.db"), "calls", "day").batch(15)
    }

    async fn step(&mut self) {
        match self.rng.u16(..1_000) {
            0..600 => self.read_routed().await,
            600..820 => self.read_member().await,
            820..990 => self.write().await,
            _ => self.advance().await,
        }
    }

    /// A statement with its parameters; few, so that answers are asked for again.
    fn draw(&mut self) -> (&'static str, Vec<Value>) {
        let sql = READS[self.rng.usize(..READS.len())];
        let count = sql.matches('?').count();
        (sql, (0..count).map(|_| Value::from(self.rng.i64(1..4) * 9)).collect())
    }

    async fn read_routed(&mut self) {
        let (sql, params) = self.draw();
        let mut query = self.routed.query(sql);
        for value in &params {
            query = query.bind(value);
        }
        let answer = query.fetch().await.unwrap();
        let found = answer.rows.iter().map(|row| format!("{:?}", row.values())).collect();
        assert_eq!(sorted(found), ask(&self.merged, sql, &params), "{sql} {params:?}");
        *self.tally.entry("routed reads").or_default() += 1;
    }

    async fn read_member(&mut self) {
        let (sql, params) = self.draw();
        let of = self.rng.usize(..2);
        let mut query = [&self.live, &self.old][of].query(sql);
        for value in &params {
            query = query.bind(value);
        }
        let answer = query.fetch().await.unwrap();
        let found = answer.rows.iter().map(|row| format!("{:?}", row.values())).collect();
        assert_eq!(sorted(found), ask(&self.bare[of], sql, &params), "{of}: {sql} {params:?}");
        self.hits += usize::from(answer.cached);
        *self.tally.entry("reads at a member").or_default() += 1;
    }

    /// Writes of everybody, each to the model too.
    async fn write(&mut self) {
        let (day, note) = (self.rng.i64(1..DAYS), self.rng.i64(0..9));
        let id = self.rng.i64(1..self.next_id);
        let is_live = format!("(day >= {} OR day IS NULL)", self.boundary);
        let what = match self.rng.u8(..8) {
            0 => {
                let sql = "UPDATE calls SET note = ?1 WHERE day = ?2";
                self.both(sql, vec![note.into(), day.into()]).await;
                "routed updates"
            }
            1 => {
                let sql = "DELETE FROM calls WHERE day = ?1 AND id % 5 = ?2";
                self.both(sql, vec![day.into(), (note % 5).into()]).await;
                "routed deletions"
            }
            2 => {
                let row = vec![self.id().into(), day.into(), (note as f64).into(), "new".into()];
                self.both("INSERT INTO calls VALUES (?1, ?2, ?3, ?4)", row).await;
                "routed insertions"
            }
            3 => {
                let sql = "UPDATE calls SET cost = cost + 1 WHERE id = ?1";
                self.live.execute(sql).bind(id).await.unwrap();
                self.model(&format!("{sql} AND {is_live}"), &[id.into()]);
                "writes at the live member"
            }
            4 => {
                let sql = "UPDATE calls SET note = 'other' WHERE id = ?1";
                self.bare[0].execute(sql, [id]).unwrap();
                self.model(&format!("{sql} AND {is_live}"), &[id.into()]);
                "foreign writes at the live member"
            }
            5 => {
                let sql = "UPDATE calls SET note = 'corrected' WHERE id = ?1";
                self.bare[1].execute(sql, [id]).unwrap();
                self.model(&format!("{sql} AND NOT {is_live}"), &[id.into()]);
                "foreign writes at the archive"
            }
            6 => {
                let first = self.next_id;
                self.next_id += note + 1;
                let row = |id: i64| (id, DAYS - id % 3, 0.5, "bulk");
                let rows: Vec<_> = (first..self.next_id).map(row).collect();
                let bulk = self.live.bulk("calls").columns(["id", "day", "cost", "note"]);
                bulk.chunk_rows(3).insert(&rows).await.unwrap();
                for (id, day, cost, note) in rows {
                    let row = [id.into(), day.into(), cost.into(), note.into()];
                    self.model("INSERT INTO calls VALUES (?1, ?2, ?3, ?4)", &row);
                }
                "bulk insertions"
            }
            _ => {
                let ids = [id, id + 1, id + 2];
                let set = serde_json::json!({"note": format!("set {note}")});
                self.live.bulk("calls").set("id", ids, set).await.unwrap();
                let sql = "UPDATE calls SET note = 'set ' || ?4 WHERE id IN (?1, ?2, ?3)";
                let params = [id.into(), (id + 1).into(), (id + 2).into(), note.into()];
                self.model(&format!("{sql} AND {is_live}"), &params);
                "bulk updates"
            }
        };
        *self.tally.entry(what).or_default() += 1;
    }

    fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id - 1
    }

    async fn both(&self, sql: &str, params: Vec<Value>) {
        let mut execute = self.routed.execute(sql);
        for value in &params {
            execute = execute.bind(value);
        }
        let outcome = execute.await.unwrap();
        assert_eq!(outcome.rows_affected as usize, self.model(sql, &params), "{sql} {params:?}");
    }

    fn model(&self, sql: &str, params: &[Value]) -> usize {
        self.merged.execute(sql, params_from_iter(params)).unwrap()
    }

    /// Moves the boundary on, in steps of a few rows.
    async fn advance(&mut self) {
        // Days of new rows stay above it, or they would be nobody's.
        if self.boundary < DAYS - 6 {
            self.boundary += self.rng.i64(1..4);
            Test::archive_in(self.dir.path()).run(self.boundary).await.unwrap();
            self.moves += 1;
        }
    }
}

fn ask(bare: &Connection, sql: &str, params: &[Value]) -> Vec<String> {
    let mut statement = bare.prepare_cached(sql).unwrap();
    let width = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let value = |index| {
            use rusqlite::types::Value as Stored;
            Ok(match row.get::<_, Stored>(index)? {
                Stored::Null => Value::Null,
                Stored::Integer(n) => Value::from(n),
                Stored::Real(x) => Value::from(x),
                Stored::Text(text) => Value::from(text),
                Stored::Blob(bytes) => Value::from(bytes),
            })
        };
        (0..width).map(value).collect::<rusqlite::Result<Vec<Value>>>()
    };
    let rows = statement.query_map(params_from_iter(params), row).unwrap();
    sorted(rows.map(|row| format!("{:?}", row.unwrap())).collect())
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_databases_while_rows_move() {
    let seed =
        std::env::var("FOREBAY_SEED").map_or_else(|_| fastrand::u64(..), |it| it.parse().unwrap());
    let steps = std::env::var("FOREBAY_ROUTE_STEPS").map_or(STEPS, |it| it.parse().unwrap());
    println!("FOREBAY_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let (mut done, mut hits, mut moves) = (0, 0, 0);
    while done < steps {
        let mut test = Test::new(rng.u64(..)).await;
        for _ in 0..1_500.min(steps - done) {
            test.step().await;
            done += 1;
        }
        let found = |db: &Db| db.stats().cache.hits as usize;
        hits += found(&test.live) + found(&test.old);
        moves += test.moves;
        println!("{:?}, {} hits at members asked directly", test.tally, test.hits);
    }
    println!("{done} steps, {moves} moves, {hits} answers from the members' caches");
    assert!(hits * 4 >= steps, "too few hits to prove anything: {hits}");
    assert!(moves * 400 >= steps, "too few moves to prove anything: {moves}");
}
