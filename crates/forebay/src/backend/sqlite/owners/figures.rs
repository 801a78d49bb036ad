//! Measures what it costs to tell commits of others apart by tables, how precise that is, and what
//! a change log by triggers would cost instead: the figures of
//! docs/decisions/0021-foreign-commits.md. It checks next to nothing; `owners/tests.rs` does. Run,
//! with `--test-threads=1` behind it,
//! `cargo test -p forebay --lib --release owners::figures -- --ignored --nocapture`.

use rusqlite::Connection;

use super::super::survey::{Bounds, survey};
use super::*;

struct File {
    dir: tempfile::TempDir,
    writer: Connection,
    index: WalIndex,
    owners: Owners,
    at: Header,
}

impl File {
    fn new(script: &str) -> File {
        let dir = tempfile::tempdir().unwrap();
        let open = || Connection::open(dir.path().join("app.db")).unwrap();
        let writer = open();
        let set_up = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                      PRAGMA wal_autocheckpoint = 1000;";
        writer.execute_batch(&format!("{set_up} {script}")).unwrap();
        writer.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap();
        let pin = open();
        pin.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).unwrap();
        let index = WalIndex::map(pin).unwrap();
        let at = index.stable().unwrap();
        File { writer, index, owners: Owners::default(), at, dir }
    }

    fn survey(&mut self) -> (Duration, u32) {
        let walker = Connection::open(self.dir.path().join("app.db")).unwrap();
        let started = Instant::now();
        let until = started + Duration::from_secs(60);
        let bounds = Bounds { pages_max: u32::MAX, until, is_stopped: &|| false };
        let made = survey(walker, &self.index, &bounds);
        let took = started.elapsed();
        let pages = made.as_ref().map_or(0, |survey| survey.pages.len());
        self.owners.install(&self.index, made, self.at, started);
        (took, pages)
    }

    fn run(&self, sql: &str) {
        self.writer.execute_batch(sql).unwrap();
    }

    /// Follows what was committed; how long it took, and what it told.
    fn follow(&mut self) -> (Duration, WriteSet) {
        let now = self.index.stable().unwrap();
        let started = Instant::now();
        let (reached, told) = self.owners.follow(&self.index, self.at, now);
        self.at = reached;
        (started.elapsed(), told)
    }

    /// The median of several commits.
    fn median(&mut self, commit: impl Fn(&File, usize)) -> Duration {
        let mut times: Vec<Duration> = (0..400)
            .map(|nth| {
                commit(self, nth);
                let (took, _) = self.follow();
                if self.owners.state().map.is_none() {
                    self.survey();
                }
                took
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }
}

/// Rows of 200 bytes with an index, in 100 tables.
fn tables(rows: u32) -> String {
    let one = |n: u32| {
        format!(
            "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, k TEXT, v TEXT);
             CREATE INDEX t{n}_k ON t{n} (k);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t{n} SELECT i, hex(randomblob(8)), hex(randomblob(80)) FROM n;"
        )
    };
    format!("BEGIN; {} COMMIT;", (0..100).map(one).collect::<String>())
}

#[test]
#[ignore = "measures"]
fn cost() {
    for rows in [1_400, 14_000] {
        let mut file = File::new(&tables(rows));
        let mut walks: Vec<_> = (0..5).map(|_| file.survey()).collect();
        walks.sort_unstable();
        println!(
            "{} pages: survey {:?}",
            walks[0].1,
            walks.iter().map(|w| w.0).collect::<Vec<_>>()
        );
        let one = |file: &File, nth: usize| {
            file.run(&format!("UPDATE t{} SET v = '{nth}' WHERE id = {nth}", nth % 100));
        };
        println!("  one row, one page: {:?}", file.median(one));
        let first = |file: &File, nth: usize| file.run(&format!("PRAGMA user_version = {nth}"));
        println!("  the first page only: {:?}", file.median(first));
        let many = |file: &File, nth: usize| {
            file.run(&format!("UPDATE t{} SET v = '{nth}' WHERE id % 12 = 1", nth % 100));
        };
        println!("  {} rows, their pages: {:?}", rows / 12, file.median(many));
    }
}

#[test]
#[ignore = "measures"]
fn cost_of_our_own() {
    let mut file = File::new(&tables(1_400));
    let wrote = WriteSet::tables(["t1"]);
    let mut time = |what: &str, is_mapped: bool| {
        if is_mapped {
            file.survey();
        }
        let mut times: Vec<Duration> = (0..1_000)
            .map(|nth| {
                let before = file.at;
                // Another value in each round: a row that stays as it is makes no commit.
                file.run(&format!("UPDATE t1 SET v = '{what} {nth}' WHERE id = {nth} + 1"));
                file.at = file.index.stable().unwrap();
                let started = Instant::now();
                file.owners.note_own(&file.index, before, file.at, &wrote);
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        assert_eq!(file.owners.counted().pages > 0, is_mapped);
        println!("own commit, {what}: {:?}", times[500]);
    };
    time("no map", false);
    time("mapped", true);
}

/// Stories, votes, comments: how many of the tables told were changed.
#[test]
#[ignore = "measures"]
fn precision() {
    let mut file = File::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, karma INT);
         CREATE TABLE stories (id INTEGER PRIMARY KEY, author INT, title TEXT, score INT,
            comments INT);
         CREATE INDEX stories_score ON stories (score);
         CREATE TABLE votes (id INTEGER PRIMARY KEY, user INT, story INT, UNIQUE (user, story));
         CREATE TABLE comments (id INTEGER PRIMARY KEY, story INT, author INT, body TEXT);
         CREATE INDEX comments_story ON comments (story);
         CREATE TABLE taggings (story INT, tag INT, PRIMARY KEY (story, tag)) WITHOUT ROWID;
         CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE settings (k TEXT PRIMARY KEY, v TEXT);
         BEGIN;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
            INSERT INTO stories SELECT i, i % 1000, hex(randomblob(30)), i % 97, 0 FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO users SELECT i, 'user' || i, 0 FROM n;
         INSERT INTO taggings SELECT id, id % 40 FROM stories;
         INSERT INTO settings VALUES ('a', 1);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
            INSERT INTO tags SELECT i, 'tag' || i FROM n;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
            INSERT INTO comments SELECT i, i % 5000, i % 1000, hex(randomblob(100)) FROM n;
         COMMIT;",
    );
    file.survey();
    let mut rng = fastrand::Rng::with_seed(3);
    let (mut told_all, mut changed_all, mut flushed, mut surveys) = (0, 0, 0, 0);
    for _ in 0..20_000 {
        let (user, story) = (rng.u32(1..1_000), rng.u32(1..5_000));
        let (sql, changed): (String, &[&str]) = match rng.u8(..100) {
            0..70 => (
                format!(
                    "INSERT OR IGNORE INTO votes (user, story) VALUES ({user}, {story});
                     UPDATE stories SET score = score + 1 WHERE id = {story};
                     UPDATE users SET karma = karma + 1 WHERE id = {user};"
                ),
                &["votes", "stories", "users"],
            ),
            70..90 => (
                format!(
                    "INSERT INTO comments (story, author, body)
                     VALUES ({story}, {user}, hex(randomblob(100)));
                     UPDATE stories SET comments = comments + 1 WHERE id = {story};"
                ),
                &["comments", "stories"],
            ),
            90..95 => (
                format!(
                    "INSERT INTO stories (author, title, score, comments)
                     VALUES ({user}, hex(randomblob(30)), 0, 0);
                     INSERT INTO taggings VALUES (last_insert_rowid(), {user} % 40);"
                ),
                &["stories", "taggings"],
            ),
            95..99 => (
                format!("UPDATE stories SET title = hex(randomblob(30)) WHERE id = {story};"),
                &["stories"],
            ),
            _ => (format!("DELETE FROM comments WHERE story = {story};"), &["comments"]),
        };
        file.run(&format!("BEGIN; {sql} COMMIT"));
        match file.follow().1 {
            WriteSet::Tables(told) => {
                told_all += told.len();
                changed_all += changed.len();
            }
            WriteSet::Everything => flushed += 1,
        }
        let is_vague = file.owners.state().is_vague();
        if is_vague {
            file.survey();
            surveys += 1;
        }
    }
    println!("{:?}", file.owners.counted());
    println!("told {told_all}, changed {changed_all}, emptied {flushed}, surveys {surveys}");
}

/// What triggers that log old and new images would cost a writer.
#[test]
#[ignore = "measures"]
fn cost_of_a_change_log() {
    let table = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, karma INT,
        bio TEXT);";
    let log = "CREATE TABLE changes (id INTEGER PRIMARY KEY, t TEXT, old TEXT, new TEXT);
        CREATE TRIGGER i AFTER INSERT ON users BEGIN INSERT INTO changes (t, new) VALUES ('users',
            json_array(new.id, new.name, new.email, new.karma, new.bio)); END;
        CREATE TRIGGER u AFTER UPDATE ON users BEGIN INSERT INTO changes (t, old, new) VALUES
            ('users', json_array(old.id, old.name, old.email, old.karma, old.bio),
            json_array(new.id, new.name, new.email, new.karma, new.bio)); END;
        CREATE TRIGGER d AFTER DELETE ON users BEGIN INSERT INTO changes (t, old) VALUES
            ('users', json_array(old.id, old.name, old.email, old.karma, old.bio)); END;";
    for round in 0..3 {
        for (what, script) in [("plain", table.to_owned()), ("logged", format!("{table}{log}"))] {
            let file = File::new(&script);
            let time = |sql: &dyn Fn(u32) -> String, count: u32| {
                let started = Instant::now();
                (0..count).for_each(|nth| file.run(&sql(nth)));
                started.elapsed() / count
            };
            let insert = time(
                &|_| {
                    "INSERT INTO users (name, email, karma, bio) VALUES (hex(randomblob(8)),
                     hex(randomblob(10)), 0, hex(randomblob(60)))"
                        .to_owned()
                },
                5_000,
            );
            let update =
                time(&|nth| format!("UPDATE users SET karma = {nth} WHERE id = {nth}"), 5_000);
            let started = Instant::now();
            file.run("UPDATE users SET karma = karma + 1");
            let bulk = started.elapsed() / 5_000;
            println!(
                "{round} {what}: insert {insert:?}, update {update:?}, in bulk {bulk:?} a row"
            );
        }
    }
}
