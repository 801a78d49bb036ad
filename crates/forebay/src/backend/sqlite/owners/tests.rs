//! Random transactions of another connection on real files. After each commit, the tables whose
//! content really is another must be among those that the pages told, and the map must know the
//! owner of every page.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::path::PathBuf;

use foldhash::fast::FixedState;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

use super::super::survey::{Bounds, survey};
use super::*;
use crate::invalidate::{Owner, Pages};

/// What the random transactions work on: tables of all kinds.
const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, bio BLOB);
    CREATE INDEX users_name ON users (name, id);
    CREATE TABLE keyed (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID;
    CREATE INDEX keyed_v ON keyed (v);
    CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT REFERENCES users ON DELETE CASCADE,
        title TEXT UNIQUE, score INT DEFAULT 0);
    CREATE INDEX posts_author ON posts (author);
    CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
    CREATE TABLE small (id INTEGER PRIMARY KEY, n INT);
    CREATE TRIGGER posts_logged AFTER UPDATE OF score ON posts
        BEGIN INSERT INTO log (what) VALUES (new.title || old.score); END;
    CREATE VIRTUAL TABLE notes USING fts5 (text);
    INSERT INTO small VALUES (1, 0), (2, 0);
";

/// How the rule is broken, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It is not.
    None,
    /// One changed page is overlooked, now and then.
    Forget,
    /// Pages that have changed hands stay with their owners.
    Keep,
    /// Overflow pages are not in the map.
    NoOverflow,
}

/// One run.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    commits: usize,
    page_bytes: u32,
    /// Every so many commits the owner of every page is compared.
    compare_each: usize,
    fault: Fault,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    commits: u64,
    /// Times that tables were told.
    told: u64,
    flushed: u64,
    /// Tables told, and of these the ones that were changed.
    tables_told: u64,
    tables_changed: u64,
    surveys: u64,
}

struct World {
    rng: fastrand::Rng,
    writer: Connection,
    /// Holds a snapshot now and then, so that the log cannot begin again.
    holder: Connection,
    /// Reads all tables.
    reader: Connection,
    index: WalIndex,
    owners: Owners,
    at: Header,
    /// By name, its content as a number.
    contents: BTreeMap<String, u64>,
    tally: Tally,
    fault: Fault,
    path: PathBuf,
    _dir: TempDir,
}

impl World {
    fn new(plan: Plan) -> World {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.db");
        let open = || Connection::open(&path).unwrap();
        let writer = open();
        let mut rng = fastrand::Rng::with_seed(plan.seed);
        let set_up = format!(
            "PRAGMA page_size = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             PRAGMA foreign_keys = ON; PRAGMA cache_size = {}; PRAGMA secure_delete = {};
             PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {};",
            plan.page_bytes,
            rng.choice([5, 2_000]).unwrap(),
            rng.choice(["OFF", "ON", "FAST"]).unwrap(),
            rng.choice([0, 60, 1_000]).unwrap(),
            rng.choice([-1, -1, 20_000]).unwrap(),
        );
        writer.execute_batch(&set_up).unwrap();
        writer.execute_batch(SCHEMA).unwrap();
        let pin = open();
        pin.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).unwrap();
        let index = WalIndex::map(pin).unwrap();
        let at = index.stable().unwrap();
        let mut world = World {
            rng,
            holder: open(),
            reader: open(),
            writer,
            index,
            owners: Owners::default(),
            at,
            contents: BTreeMap::new(),
            tally: Tally::default(),
            fault: plan.fault,
            path,
            _dir: dir,
        };
        world.contents = world.read_contents();
        world.survey();
        world
    }

    /// What is in each table, as a number.
    fn read_contents(&self) -> BTreeMap<String, u64> {
        self.tables().into_iter().map(|table| (table.clone(), self.digest(&table))).collect()
    }

    fn tables(&self) -> Vec<String> {
        // Virtual tables have pages under other names.
        let sql = "SELECT name FROM sqlite_schema WHERE rootpage > 0 AND type = 'table'
                   AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let mut listing = self.reader.prepare(sql).unwrap();
        let names = listing.query_map([], |row| row.get(0)).unwrap();
        names.collect::<Result<_, _>>().unwrap()
    }

    fn digest(&self, table: &str) -> u64 {
        let mut hasher = FixedState::with_seed(7).build_hasher();
        let mut listing = self.reader.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = listing.column_count();
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Null => 0.hash(&mut hasher),
                    ValueRef::Integer(value) => value.hash(&mut hasher),
                    ValueRef::Real(value) => value.to_bits().hash(&mut hasher),
                    ValueRef::Text(value) | ValueRef::Blob(value) => value.hash(&mut hasher),
                }
            }
        }
        hasher.finish()
    }

    fn bounded<T>(&self, walk: impl FnOnce(&Bounds<'_>) -> T) -> T {
        let until = Instant::now() + Duration::from_secs(60);
        walk(&Bounds { pages_max: PAGES_MAX, until, is_stopped: &|| false })
    }

    fn survey(&mut self) {
        let walker = Connection::open(&self.path).unwrap();
        let mut made = self.bounded(|bounds| survey(walker, &self.index, bounds));
        if self.fault == Fault::NoOverflow
            && let Ok(survey) = &mut made
        {
            survey.pages = self.pages_without_overflow();
        }
        assert!(made.is_ok(), "{:?}", made.err());
        self.owners.install(&self.index, made, self.at, Instant::now());
        assert!(self.owners.state().map.is_some(), "the map is at the position");
        self.tally.surveys += 1;
    }

    fn pages_without_overflow(&self) -> Pages {
        let mut pages = Pages::new(self.pages_of_file());
        let sql = "SELECT pageno, coalesce(tbl_name, ''), pageno = rootpage FROM dbstat d
                   LEFT JOIN sqlite_schema s ON s.name = d.name WHERE pagetype <> 'overflow'";
        let mut listing = self.reader.prepare(sql).unwrap();
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let table: String = row.get(1).unwrap();
            let owner = if table.is_empty() { Owner::Schema } else { Owner::Table(&table) };
            assert!(pages.own(row.get(0).unwrap(), owner, row.get(2).unwrap_or(true)));
        }
        pages
    }

    fn pages_of_file(&self) -> u32 {
        self.reader.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
    }

    /// Follows what was committed; `own` are the tables written if it is a commit of our own.
    /// An error says what was got wrong.
    fn follow(&mut self, own: Option<&WriteSet>) -> Result<(), String> {
        let now = self.index.stable().unwrap();
        if now == self.at {
            return Ok(());
        }
        self.tally.commits += 1;
        let told = match (own, self.fault) {
            (Some(wrote), Fault::None) => {
                let told = self.owners.note_own(&self.index, self.at, now, wrote);
                told.unwrap_or_else(|| wrote.clone())
            }
            (_, Fault::Forget | Fault::Keep) => self.follow_wrongly(now),
            _ => self.owners.follow(&self.index, self.at, now).1,
        };
        self.at = now;
        let before = std::mem::take(&mut self.contents);
        self.contents = self.read_contents();
        let WriteSet::Tables(slots) = told else {
            self.tally.flushed += 1;
            if self.owners.state().map.is_none() {
                self.survey();
            }
            return Ok(());
        };
        self.tally.told += 1;
        for (table, content) in &before {
            let is_told = matches!(WriteSet::tables([&**table]),
                WriteSet::Tables(slot) if slots.contains(&slot[0]));
            let is_changed = self.contents.get(table) != Some(content);
            self.tally.tables_told += u64::from(is_told);
            self.tally.tables_changed += u64::from(is_changed);
            if is_changed && !is_told {
                return Err(format!("{table} was changed, and not told"));
            }
        }
        if before.keys().ne(self.contents.keys()) {
            return Err("the schema was changed, and not told".to_owned());
        }
        Ok(())
    }

    /// The same with the rule broken.
    fn follow_wrongly(&mut self, now: Header) -> WriteSet {
        let mut state = self.owners.state();
        let Some(map) = &mut state.map else { return WriteSet::Everything };
        let Ok(mut changed) = map.changed(&self.index, now) else {
            state.map = None;
            return WriteSet::Everything;
        };
        if changed.contains(&1) && !map.has_same_schema() {
            state.map = None;
            return WriteSet::Everything;
        }
        match self.fault {
            Fault::Forget if self.rng.u8(..10) == 0 => {
                let forgotten = self.rng.choice(&changed).copied();
                changed.retain(|page| Some(*page) != forgotten);
            }
            Fault::Keep => changed.retain(|page| *page != 1),
            _ => {}
        }
        map.at = now;
        match map.pages.commit(&changed, now.pages(), &WriteSet::Everything) {
            Traced::Tables { slots, .. } => WriteSet::Tables(slots),
            Traced::Schema | Traced::Unknown => {
                state.map = None;
                WriteSet::Everything
            }
        }
    }

    /// Whether the map knows the owner of every page.
    fn compare(&self) -> Result<(), String> {
        let state = self.owners.state();
        let Some(map) = &state.map else { return Ok(()) };
        let sql = "SELECT pageno, tbl_name FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
                   WHERE tbl_name NOT LIKE 'sqlite_%'";
        let mut listing = self.reader.prepare(sql).unwrap();
        let mut rows = listing.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let (page, table): (u32, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            if !map.pages.may_own(page, &table) {
                return Err(format!("page {page} is of {table}, and the map does not know"));
            }
        }
        assert_eq!(map.pages.len(), self.pages_of_file());
        Ok(())
    }

    /// Runs what may fail for good reasons: a constraint, or a lock that a reader holds.
    fn try_to(&self, sql: &str) -> bool {
        self.writer.execute_batch(sql).is_ok()
    }

    /// One transaction, rolled back now and then. Gives the tables that it may have written.
    fn transact(&mut self) -> Vec<&'static str> {
        let mut wrote = Vec::new();
        let is_single = self.rng.bool();
        if !is_single {
            assert!(self.try_to("BEGIN IMMEDIATE"));
        }
        for _ in 0..self.rng.usize(1..if is_single { 2 } else { 5 }) {
            if !is_single && self.rng.u8(..8) == 0 {
                self.try_to("SAVEPOINT undone");
                self.write();
                self.try_to("ROLLBACK TO undone; RELEASE undone");
            } else {
                wrote.extend(self.write());
            }
        }
        if !is_single {
            let end = if self.rng.u8(..10) == 0 { "ROLLBACK" } else { "COMMIT" };
            assert!(self.try_to(end) || self.try_to("ROLLBACK"));
        }
        wrote
    }

    fn write(&mut self) -> Vec<&'static str> {
        let rng = &mut self.rng;
        let (rows, id, some) = (rng.u32(1..40), rng.u32(1..400), rng.u32(1..30));
        let bytes = *rng.choice(&[3u32, 40, 300, 2_000, 9_000]).unwrap();
        let many = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
            WHERE i < {rows})"
        );
        let (sql, wrote): (String, &[&str]) = match rng.u8(..22) {
            0 | 1 => (
                format!(
                    "{many} INSERT INTO users (name, bio)
                    SELECT hex(randomblob(8)), randomblob(abs(random()) % {bytes}) FROM n"
                ),
                &["users"],
            ),
            2 | 3 => (
                format!(
                    "{many} INSERT OR REPLACE INTO keyed
                    SELECT hex(randomblob(1)) || i % 3, randomblob({bytes} % 400) FROM n"
                ),
                &["keyed"],
            ),
            4 | 5 => (format!("INSERT INTO files (body) VALUES (randomblob({bytes}))"), &["files"]),
            6 | 7 => (
                format!(
                    "{many} INSERT OR IGNORE INTO posts (author, title)
                    SELECT (SELECT id FROM users ORDER BY random() LIMIT 1),
                    hex(randomblob(4 + {bytes} % 90)) FROM n"
                ),
                &["posts"],
            ),
            8 => (
                format!("UPDATE users SET bio = randomblob(length(bio)) WHERE id % {some} = 0"),
                &["users"],
            ),
            // In place, in an overflow page far behind.
            9 | 10 => (
                format!(
                    "UPDATE files SET body = substr(body, 1, length(body) - 9) || randomblob(9)
                    WHERE id % {some} = 1 AND length(body) > 9"
                ),
                &["files"],
            ),
            11 => (
                format!("UPDATE posts SET score = score + 1 WHERE id % {some} = 2"),
                &["posts", "log"],
            ),
            12 => (
                format!("DELETE FROM users WHERE id % {some} = 3 OR id < {id} % 50"),
                &["users", "posts"],
            ),
            13 => (format!("DELETE FROM files WHERE id % {some} < 2"), &["files"]),
            14 => (format!("DELETE FROM keyed WHERE k LIKE '{}%'", id % 10), &["keyed"]),
            15 | 16 => {
                (format!("UPDATE small SET n = n + {some} WHERE id = 1 + {id} % 2"), &["small"])
            }
            17 => (format!("UPDATE users SET name = name WHERE id = {id}"), &["users"]),
            18 => (
                format!("{many} INSERT INTO notes SELECT hex(randomblob({bytes} % 60)) FROM n"),
                &["notes"],
            ),
            19 => (format!("DELETE FROM notes WHERE rowid % {some} = 1"), &["notes"]),
            20 if some < 4 => ("DELETE FROM log".to_owned(), &["log"]),
            20 => (format!("DELETE FROM posts WHERE id % {some} = 1"), &["posts"]),
            _ if some == 1 => ("DELETE FROM files".to_owned(), &["files"]),
            _ if some == 2 => ("DELETE FROM users".to_owned(), &["users", "posts"]),
            _ if some == 3 => {
                ("INSERT INTO notes (notes) VALUES ('optimize')".to_owned(), &["notes"])
            }
            _ if some == 4 => ("REINDEX".to_owned(), &["users", "keyed", "posts"]),
            _ => (
                format!("UPDATE keyed SET v = randomblob(9) WHERE rowid IS NULL OR k > '{id}'"),
                &["keyed"],
            ),
        };
        self.try_to(&sql);
        wrote.to_vec()
    }

    /// What concerns the whole file, or the log.
    fn disturb(&mut self) {
        let n = self.rng.u32(1..9);
        match self.rng.u8(..16) {
            0 => drop(self.try_to(&format!("CREATE TABLE extra{n} AS SELECT * FROM users"))),
            1 => drop(self.try_to(&format!("DROP TABLE IF EXISTS extra{n}"))),
            2 => drop(self.try_to(&format!("CREATE INDEX by_bio{n} ON users (bio)"))),
            3 => drop(self.try_to(&format!("DROP INDEX by_bio{n}"))),
            4 => drop(self.try_to(&format!("ALTER TABLE small ADD COLUMN more{n} DEFAULT 7"))),
            5 => drop(self.try_to("VACUUM")),
            6 => drop(self.try_to("ANALYZE")),
            7 => drop(self.try_to(&format!("PRAGMA user_version = {n}"))),
            8 | 9 if self.holder.is_autocommit() => {
                self.holder.execute_batch("BEGIN; SELECT count(*) FROM small").unwrap();
            }
            8..=10 => drop(self.holder.execute_batch("ROLLBACK")),
            mode => {
                let mode =
                    ["PASSIVE", "FULL", "RESTART", "TRUNCATE", "PASSIVE"][usize::from(mode - 11)];
                self.try_to(&format!("PRAGMA wal_checkpoint ({mode})"));
            }
        }
    }
}

/// Runs a plan; an error says at which commit what was got wrong.
fn run(plan: Plan) -> Result<Tally, String> {
    let mut world = World::new(plan);
    for nth in 0..plan.commits {
        let at = |error| format!("{plan:?}, commit {nth}: {error}");
        match world.rng.u8(..40) {
            0 => world.disturb(),
            // Several are found at once.
            1..=6 => {
                (0..world.rng.u8(2..5)).for_each(|_| drop(world.transact()));
            }
            7..=14 => {
                let header = world.at;
                let wrote = world.transact();
                let now = world.index.stable().unwrap();
                if now.change() == header.change().wrapping_add(1) {
                    // Of virtual tables it is not known what they write.
                    let wrote = match wrote.contains(&"notes") {
                        true => WriteSet::Everything,
                        false => WriteSet::tables(wrote),
                    };
                    world.follow(Some(&wrote)).map_err(at)?;
                }
            }
            _ => drop(world.transact()),
        }
        world.follow(None).map_err(at)?;
        if world.owners.state().map.is_none() {
            world.survey();
        }
        if nth % plan.compare_each == 0 {
            world.compare().map_err(at)?;
        }
    }
    Ok(world.tally)
}

fn plan(seed: u64, commits: usize) -> Plan {
    let page_bytes = [512, 1_024, 4_096][seed as usize % 3];
    Plan { seed, commits, page_bytes, compare_each: 10, fault: Fault::None }
}

#[test]
fn every_changed_table_is_told() {
    for seed in 0..3 {
        let tally = run(plan(seed, 150)).unwrap();
        println!("{tally:?}");
        assert!(tally.told > 50, "mostly, tables are told: {tally:?}");
    }
}

/// The same for long: `cargo test -p forebay --lib --release owners -- --ignored --nocapture`.
#[test]
#[ignore = "takes many minutes"]
fn every_changed_table_is_told_for_long() {
    let mut all = Tally::default();
    for seed in 1_000..1_150 {
        let tally = run(plan(seed, 2_000)).unwrap();
        all.commits += tally.commits;
        all.told += tally.told;
        all.flushed += tally.flushed;
        all.tables_told += tally.tables_told;
        all.tables_changed += tally.tables_changed;
        all.surveys += tally.surveys;
        println!("{seed}: {all:?}");
    }
}

#[test]
fn a_broken_rule_is_noticed() {
    for fault in [Fault::Forget, Fault::Keep, Fault::NoOverflow] {
        let is_noticed = |seed| run(Plan { fault, ..plan(seed, 200) }).is_err();
        assert!((0..9).any(is_noticed), "{fault:?}");
    }
}
