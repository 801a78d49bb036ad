use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fastrand::Rng;
use forebay::{BulkReport, Capture, Conflict, Db, Error, Value};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::place::Place;

/// Set for the second process: the path of the database it writes to.
const WRITER: &str = "FOREBAY_TEST_WRITER";

const STEPS: usize = 40_000;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, karma INT, born REAL);
    CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT,
        author INT REFERENCES users ON DELETE CASCADE ON UPDATE SET NULL, title TEXT, score INT,
        heat GENERATED ALWAYS AS (score * 2) VIRTUAL);
    CREATE TABLE votes (post INT REFERENCES posts ON DELETE CASCADE, user INT, up INT,
        PRIMARY KEY (post, user)) WITHOUT ROWID;
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE, uses INT) STRICT;
    CREATE TABLE pairs (k BLOB PRIMARY KEY, v ANY);
    CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT, n INT);
    CREATE TABLE lonely (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE quiet (id INTEGER PRIMARY KEY, v TEXT);
    CREATE INDEX by_score ON posts (score);
    CREATE VIEW board AS SELECT p.id, p.title, u.name, p.score FROM posts p
        LEFT JOIN users u ON u.id = p.author;
    CREATE VIEW busy AS SELECT name, uses FROM tags WHERE uses > (SELECT count(*) FROM lonely);
    CREATE TRIGGER voted AFTER INSERT ON votes BEGIN
        UPDATE posts SET score = score + new.up WHERE id = new.post;
        INSERT INTO log (what, n) VALUES ('vote', new.post);
    END;
    CREATE TRIGGER renamed AFTER UPDATE OF name ON users BEGIN
        UPDATE quiet SET v = new.name WHERE id = new.id;
    END;
    CREATE TRIGGER posted INSTEAD OF INSERT ON board BEGIN
        INSERT INTO posts (title, score) VALUES (new.title, new.score);
    END;
    INSERT INTO users SELECT value, 'user' || value, value % 7, value / 3.0
        FROM generate_series_of;
";

/// The schema with a few rows in every table.
fn schema() -> String {
    let series = "(WITH RECURSIVE s(value) AS \
                  (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < 30) SELECT * FROM s)";
    SCHEMA.replace("generate_series_of", series)
        + &format!(
            "INSERT INTO posts (author, title, score) SELECT 1 + value % 30, 't' || value, value \
             FROM {series}; INSERT INTO tags SELECT value, 'tag' || value, value FROM {series};
             INSERT INTO lonely SELECT value, value FROM {series};
             INSERT INTO quiet SELECT value, 'q' || value FROM {series};
             INSERT INTO pairs SELECT value, value FROM {series};"
        )
}

/// A statement with its parameters.
type Statement = (String, Vec<Value>);

/// Reads, `?` standing for a small integer. Each has a total order or is compared as a multiset.
const READS: &[&str] = &[
    "SELECT * FROM users WHERE id = ?",
    "SELECT name, karma FROM users WHERE karma > ? ORDER BY id",
    "SELECT count(*) FROM users",
    "SELECT count(*), sum(score), max(title) FROM posts WHERE author = ?",
    "SELECT * FROM posts ORDER BY score DESC, id LIMIT 5 OFFSET ?",
    "SELECT heat FROM posts WHERE id = ?",
    "SELECT title FROM board WHERE name = 'USER' || ? ORDER BY id",
    "SELECT * FROM board WHERE score >= ? ORDER BY id LIMIT 7",
    "SELECT name FROM busy ORDER BY name",
    "SELECT u.name, count(v.user) FROM users u LEFT JOIN votes v ON v.user = u.id
        WHERE u.id < ? GROUP BY u.id ORDER BY u.id",
    "SELECT * FROM votes WHERE post = ? ORDER BY user",
    "SELECT * FROM tags WHERE id IN (?, ?, 3) ORDER BY id",
    "SELECT name FROM tags WHERE uses BETWEEN ? AND 20 UNION SELECT name FROM users WHERE id = ?",
    "SELECT id FROM posts WHERE EXISTS (SELECT 1 FROM votes WHERE post = posts.id) ORDER BY id",
    "SELECT id FROM users WHERE id NOT IN (SELECT author FROM posts WHERE author IS NOT NULL)",
    "WITH hot AS (SELECT id, author FROM posts WHERE score > ?) SELECT count(*) FROM hot
        JOIN users ON users.id = hot.author",
    "WITH RECURSIVE up(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM up WHERE n < 12)
        SELECT n, (SELECT v FROM lonely WHERE id = n) FROM up",
    "SELECT v, typeof(v) FROM pairs WHERE k = ?",
    "SELECT k, row_number() OVER (ORDER BY k) FROM pairs ORDER BY k LIMIT 9",
    "SELECT what, count(*) FROM log GROUP BY what ORDER BY what",
    "SELECT v FROM lonely WHERE id = ?",
    "SELECT sum(v) FROM lonely WHERE id <> ?",
    "SELECT v FROM quiet WHERE id = ?",
    "SELECT v FROM quiet WHERE id > ? EXCEPT SELECT name FROM tags ORDER BY 1",
    "SELECT (SELECT max(id) FROM quiet) + ?",
    "VALUES (?, (SELECT count(*) FROM tags))",
    "SELECT count(*), max(title) FROM posts JOIN lonely USING (id)",
    "SELECT count(*) FROM tags NATURAL JOIN quiet",
    "SELECT count(*) FROM lonely JOIN pairs USING (v)",
    "SELECT count(*), min(lonely.id) FROM lonely LEFT JOIN pairs USING (v) WHERE k IS NULL",
    "SELECT name FROM users WHERE name LIKE 'user' || ? || '%' ORDER BY id",
    "SELECT random() IS NULL, datetime('now') IS NULL, ?",
];

/// Writes, `?` standing for a small integer. Some fail; a failure must change nothing either.
const WRITES: &[&str] = &[
    "UPDATE users SET karma = karma + 1 WHERE id = ?",
    "UPDATE users SET name = 'User' || ? WHERE id = ?",
    "INSERT INTO users (name, karma) VALUES ('new', ?)",
    "INSERT OR REPLACE INTO users (id, name, karma) VALUES (?, 'again', 1)",
    "DELETE FROM users WHERE id = ?",
    "UPDATE users SET id = id + 1000 WHERE id = ?",
    "INSERT INTO posts (author, title, score) VALUES (?, 'p', ?)",
    "UPDATE posts SET score = score - ? WHERE id = ?",
    "DELETE FROM posts WHERE id = ?",
    "INSERT INTO board (title, score) VALUES ('through a view', ?)",
    "INSERT INTO votes VALUES (?, ?, 1)",
    "INSERT INTO votes VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET up = up + 1",
    "DELETE FROM votes WHERE user = ?",
    "INSERT INTO tags (name, uses) VALUES ('tag' || ?, ?)",
    "UPDATE OR IGNORE tags SET name = 'tag1' WHERE id = ?",
    "UPDATE tags SET uses = ? WHERE id = ? RETURNING name, uses",
    "REPLACE INTO pairs VALUES (?, 'text' || ?)",
    "INSERT OR FAIL INTO pairs SELECT id, v FROM lonely WHERE id > ?",
    "DELETE FROM log",
    "DELETE FROM log WHERE what LIKE 'v' || ?",
    "UPDATE lonely SET v = v + 1 WHERE id = ?",
    "UPDATE lonely SET v = ? WHERE id % 2 = 0",
    "WITH gone AS (SELECT id FROM lonely WHERE v > 40) DELETE FROM lonely WHERE id IN gone",
    "INSERT INTO lonely (v) VALUES (?)",
    "INSERT INTO tags VALUES ('not a number', 'x', ?)",
];

const SCHEMA_CHANGES: &[&str] = &[
    "DROP VIEW busy; CREATE VIEW busy AS SELECT name, uses FROM tags WHERE uses > 10",
    "DROP VIEW busy; CREATE VIEW busy AS SELECT v AS name, id AS uses FROM quiet",
    "DROP INDEX by_score; CREATE INDEX by_score ON posts (score, id)",
    "DROP TRIGGER renamed; CREATE TRIGGER renamed AFTER UPDATE OF name ON users BEGIN
        UPDATE lonely SET v = -1 WHERE id = new.id; END",
    "DROP TABLE quiet; CREATE TABLE quiet (id INTEGER PRIMARY KEY, v TEXT, more INT);
        INSERT INTO quiet VALUES (1, 'one', 1), (2, 'two', 2)",
    "ANALYZE",
];

/// The second process.
struct Writer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Writer {
    fn start(place: &Place) -> Writer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "differential::second_process", "--nocapture", "--test-threads=1"])
            .env(WRITER, place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Writer { child, input, output }
    }

    /// Runs a script in the second process; returns once it has been acknowledged.
    fn run(&mut self, script: &str) {
        writeln!(self.input, "{}", script.replace('\n', " ")).unwrap();
        let mut line = String::new();
        while !line.starts_with("acknowledged") {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the writer has died");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does nothing unless it is started as the second process.
#[test]
fn second_process() {
    let Ok(path) = std::env::var(WRITER) else { return };
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for line in std::io::stdin().lines() {
        // A failing script leaves what ran before it, as in any other program.
        let _ = connection.execute_batch(&line.unwrap());
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").unwrap();
        }
        println!("\nacknowledged");
    }
}

#[derive(Default, Debug)]
struct Tally {
    reads: usize,
    hits: usize,
    /// Hits on entries that have survived a commit since they were filled.
    survivors: usize,
    own_writes: usize,
    foreign_writes: usize,
}

struct Test {
    rng: Rng,
    db: Db,
    bare: Connection,
    writer: Writer,
    tally: Tally,
    /// Commits so far, and at which count each read was last answered by the database.
    commits: usize,
    filled: std::collections::HashMap<String, usize>,
}

impl Test {
    /// A statement of `texts` with its parameters drawn. Some are drawn far more often, others
    /// after every so many commits.
    fn draw(&mut self, texts: &[&str], turn: usize, spread: i64) -> Statement {
        let skewed = (self.rng.f64() * self.rng.f64() * texts.len() as f64) as usize;
        let text = texts[(skewed + self.commits / turn) % texts.len()];
        let params = (0..text.matches('?').count())
            .map(|_| Value::from((self.rng.f64() * self.rng.f64() * spread as f64) as i64))
            .collect();
        (text.to_owned(), params)
    }

    async fn read(&mut self) {
        let (sql, params) = self.draw(READS, 290, 6);
        let key = format!("{sql} {params:?}");
        let session = self.db.session();
        let mut query =
            if self.rng.u8(..) < 32 { session.query(&sql) } else { self.db.query(&sql) };
        for param in &params {
            query = query.bind(param);
        }
        let outcome = query.fetch().await.unwrap();
        let found = (0..outcome.rows.len()).map(|row| outcome.rows.values(row).to_vec());
        let truth = ask_bare(&self.bare, &sql, &params);
        assert_eq!(sorted(found.collect()), sorted(truth), "{sql} {params:?} {:?}", self.tally);
        self.tally.reads += 1;
        if outcome.cached {
            self.tally.hits += 1;
            self.tally.survivors += usize::from(self.filled[&key] < self.commits);
        } else {
            self.filled.insert(key, self.commits);
        }
    }

    async fn own_write(&mut self) {
        self.tally.own_writes += 1;
        self.commits += 1;
        match self.rng.u8(..100) {
            0..70 => {
                let (sql, params) = self.draw(WRITES, 40, 34);
                let mut execute = self.db.execute(&sql);
                for param in &params {
                    execute = execute.bind(param);
                }
                expected(execute.await.map(|_| ()));
            }
            70..80 => {
                let script = self.script();
                expected(self.db.execute_batch(&script).await);
            }
            80..86 => self.transaction().await,
            86..92 => self.bulk().await,
            _ => {
                let session = self.db.session();
                let begin = ["BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT s"][self.rng.usize(..3)];
                session.execute(begin).await.unwrap();
                expected(session.execute_batch(&self.script()).await);
                let end = match (begin, self.rng.bool()) {
                    ("SAVEPOINT s", true) => "RELEASE s",
                    (_, true) => "COMMIT",
                    _ => "ROLLBACK",
                };
                session.execute(end).await.unwrap();
            }
        }
    }

    /// Several rows of one table at a time, some of which may fail.
    async fn bulk(&mut self) {
        let mut draw = |spread: i64| (self.rng.f64() * self.rng.f64() * spread as f64) as i64;
        let ids: Vec<i64> = (0..draw(40)).map(|_| draw(40)).collect();
        let rows: Vec<(i64, i64)> = ids.iter().map(|id| (*id, draw(60))).collect();
        let chunk = draw(20) as usize;
        let bulk = |table: &str| self.db.bulk(table).chunk_rows(chunk);
        let done = match self.rng.u8(..9) {
            0 => bulk("users").columns(["id", "karma"]).insert(&rows).await.map(drop_report),
            1 => bulk("posts").columns(["author", "score"]).insert(&rows).await.map(drop_report),
            2 => bulk("votes").columns(["post", "user"]).insert(&rows).await.map(drop_report),
            3 => bulk("users").columns(["id", "karma"]).update("id", &rows).await.map(drop_report),
            4 => {
                let add = Conflict::on("id").set("v", "lonely.v + excluded.v");
                bulk("lonely").columns(["id", "v"]).upsert(add, &rows).await.map(drop_report)
            }
            5 => {
                bulk("posts").set("id", &ids, serde_json::json!({"score": chunk})).await.map(|_| ())
            }
            6 => bulk("users").delete("id", ids.iter().take(4)).await.map(|_| ()),
            7 => {
                let each = self.db.bulk("").commit_per_chunk().chunk_rows(chunk);
                let sql = "UPDATE users SET name = 'User' || ?2 WHERE id = ?1";
                each.execute_many(sql, &rows).await.map(drop_report)
            }
            _ => {
                let rows = ids.iter().map(|id| (format!("tag{}", id + 28), *id));
                let tags = bulk("tags").columns(["name", "uses"]);
                tags.insert_returning::<i64, _>(rows).await.map(|_| ())
            }
        };
        expected(done);
    }

    async fn transaction(&mut self) {
        let [first, second, third] = [self.script(), self.script(), self.script()];
        let (undo, fail) = (self.rng.bool(), self.rng.u8(..3) == 0);
        let done = self
            .db
            .transaction(|tx| async move {
                expected(tx.execute_batch(&first).await);
                let inner = tx
                    .savepoint(|sp| async move {
                        expected(sp.execute_batch(&second).await);
                        if undo {
                            sp.query("SELECT nonsense").fetch().await.map(|_| ())
                        } else {
                            Ok(())
                        }
                    })
                    .await;
                assert_eq!(inner.is_err(), undo);
                expected(tx.execute_batch(&third).await);
                if fail { tx.query("SELECT nonsense").fetch().await.map(|_| ()) } else { Ok(()) }
            })
            .await;
        assert_eq!(done.is_err(), fail);
    }

    fn foreign_write(&mut self) {
        self.tally.foreign_writes += 1;
        self.commits += 1;
        let script = match self.rng.u8(..20) {
            0 => SCHEMA_CHANGES[self.rng.usize(..SCHEMA_CHANGES.len())].to_owned(),
            1 => "VACUUM".to_owned(),
            2 => "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
            3 => format!("BEGIN; {}; ROLLBACK", self.script()),
            4..10 => format!("BEGIN; {}; COMMIT", self.script()),
            _ => self.script(),
        };
        self.writer.run(&script);
    }

    async fn schema_change(&mut self) {
        let script = SCHEMA_CHANGES[self.rng.usize(..SCHEMA_CHANGES.len())];
        expected(self.db.execute_batch(script).await);
        if self.rng.u8(..4) == 0 {
            self.db.execute("VACUUM").await.unwrap();
        }
        self.commits += 1;
    }

    /// A few writes with their parameters written out.
    fn script(&mut self) -> String {
        let count = self.rng.usize(1..4);
        let write = |test: &mut Test| {
            let (sql, params) = test.draw(WRITES, 40, 34);
            params.iter().fold(sql, |sql, param| sql.replacen('?', &format!("{param:?}"), 1))
        };
        (0..count).map(|_| write(self)).collect::<Vec<_>>().join("; ")
    }
}

fn drop_report(_: BulkReport) {}

/// Constraints, and names that a schema change has taken away, are part of life.
fn expected(done: Result<(), Error>) {
    if let Err(error) = done {
        let known = error.is_constraint_violation() || error.is_usage() || error.is_closed();
        assert!(known, "{error:?}");
    }
}

fn ask_bare(bare: &Connection, sql: &str, params: &[Value]) -> Vec<Vec<Value>> {
    let mut statement = bare.prepare_cached(sql).unwrap();
    for (index, param) in params.iter().enumerate() {
        let Value::Integer(n) = param else { panic!("only integers are bound") };
        statement.raw_bind_parameter(index + 1, n).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let width = row.as_ref().column_count();
        let value = |index| match row.get_ref(index).unwrap() {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Integer(n),
            ValueRef::Real(x) => Value::Real(x),
            ValueRef::Text(text) => Value::from(std::str::from_utf8(text).unwrap()),
            ValueRef::Blob(blob) => Value::from(blob),
        };
        answer.push((0..width).map(value).collect());
    }
    answer
}

fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    let mut lines: Vec<String> = rows.drain(..).map(|row| format!("{row:?}")).collect();
    lines.sort();
    lines
}

/// Every answer through Forebay equals the bare database's, whoever wrote in between. A seed in
/// `FOREBAY_SEED` replays a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_bare_database_s() {
    every_answer_is_equal(Capture::Auto).await;
}

/// The same where SQLite was compiled without its preupdate hook.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_bare_database_s_without_the_hook() {
    every_answer_is_equal(Capture::Reread).await;
}

async fn every_answer_is_equal(capture: Capture) {
    let seed = match std::env::var("FOREBAY_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    };
    println!("FOREBAY_SEED={seed}");
    let place = Place::new();
    let db = place.builder().capture(capture).open().await.unwrap();
    db.execute_batch(&schema()).await.unwrap();
    let mut test = Test {
        rng: Rng::with_seed(seed),
        db,
        bare: place.bare(),
        writer: Writer::start(&place),
        tally: Tally::default(),
        commits: 0,
        filled: Default::default(),
    };
    for _ in 0..STEPS {
        match test.rng.u16(..1_000) {
            0..900 => test.read().await,
            900..991 => test.own_write().await,
            991..999 => test.foreign_write(),
            _ => test.schema_change().await,
        }
    }
    let Tally { reads, hits, survivors, .. } = test.tally;
    println!("{capture:?}, seed {seed}: {:?}; 0 wrong answers", test.tally);
    assert_eq!(test.db.stats().cache.capture_gaps, 0);
    assert!(hits * 100 >= STEPS * 30, "too few hits to prove anything: {hits} of {reads}");
    assert!(survivors * 100 >= STEPS * 10, "too few hits after a commit: {survivors} of {reads}");
}
