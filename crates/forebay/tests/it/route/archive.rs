//! Rows move to an archive: nothing is lost, doubled, missed or seen twice, whatever is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use forebay::{Archive, Builder, Db, Routed, Value, open_routed};
use rusqlite::Connection;

use super::world::open;
use crate::place::{child, child_path};

const SCHEMA: &str =
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT, cost REAL, note TEXT, raw);
    CREATE INDEX by_day ON calls (day)";

/// Rows of the tests.
const ROWS: i64 = 400;

/// What a day is below at last.
const DAYS: i64 = 40;

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Scene {
        let scene = Scene { dir: tempfile::tempdir().unwrap() };
        let live = scene.db("live.db").await;
        live.execute_batch(SCHEMA).await.unwrap();
        let fill = format!(
            "INSERT INTO calls WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s \
             WHERE n < {ROWS}) SELECT n, nullif(n % {}, 0), n / 4.0, 'note ' || n, \
             CASE n % 3 WHEN 0 THEN x'00ff' WHEN 1 THEN n ELSE NULL END FROM s",
            DAYS + 1
        );
        live.execute(&fill).await.unwrap();
        live.close().await;
        scene
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.dir.path().join(name).display())
    }

    async fn db(&self, name: &str) -> Db {
        Builder::new(self.url(name)).min_idle(0).open().await.unwrap()
    }

    fn bare(&self, name: &str) -> Connection {
        Connection::open(self.dir.path().join(name)).unwrap()
    }

    fn archive(&self) -> Archive {
        Archive::new(self.url("live.db"), self.url("old.db"), "calls", "day").batch(25)
    }

    async fn routed(&self) -> Routed {
        let (live, old) = (self.db("live.db").await, self.db("old.db").await);
        old.execute_batch(
            &SCHEMA.replace("TABLE", "TABLE IF NOT EXISTS").replace("INDEX", "INDEX IF NOT EXISTS"),
        )
        .await
        .unwrap();
        open_routed("calls", "day").moving(&live, "old", &old).open().await.unwrap()
    }
}

/// What every whole answer is.
async fn assert_whole(routed: &Routed, what: &str) {
    let (count, ids, sum): (i64, i64, i64) = routed
        .query("SELECT count(*), count(DISTINCT id), sum(id) FROM calls")
        .one()
        .await
        .unwrap();
    assert_eq!((count, ids, sum), (ROWS, ROWS, ROWS * (ROWS + 1) / 2), "{what}");
    let ids: Vec<i64> = routed.query("SELECT id FROM calls").all().await.unwrap();
    let distinct: std::collections::BTreeSet<i64> = ids.iter().copied().collect();
    assert_eq!((ids.len() as i64, distinct.len() as i64), (ROWS, ROWS), "{what}");
}

#[tokio::test]
async fn rows_move_and_are_what_they_were() {
    let scene = Scene::new().await;
    let all = "SELECT * FROM calls ORDER BY id";
    let before: Vec<Vec<Value>> = values(&scene.db("live.db").await, all).await;
    let plan = scene.archive().plan(20).await.unwrap();
    let found = (plan.rows, plan.steps, plan.strays, plan.creates_table, plan.is_continued);
    assert_eq!(found, (190, 8, 0, true, false));
    assert!(!scene.dir.path().join("old.db").exists(), "a plan makes nothing");
    let report = scene.archive().run(20).await.unwrap();
    assert_eq!((report.moved, report.cleared, report.again, report.strays), (190, 0, 0, 0));
    assert!(report.steps >= 7);
    let live: i64 = scene
        .bare("live.db")
        .query_row("SELECT count(*) FROM calls", [], |row| row.get(0))
        .unwrap();
    assert_eq!(live, ROWS - 190);
    let routed = scene.routed().await;
    assert_whole(&routed, "after a move").await;
    let merged: Vec<Vec<Value>> = routed
        .query(all)
        .fetch()
        .await
        .unwrap()
        .rows
        .iter()
        .map(|row| row.values().to_vec())
        .collect();
    assert_eq!(merged, before);
    // Again, and further.
    assert_eq!(scene.archive().run(20).await.unwrap().moved, 0);
    assert_eq!(scene.archive().plan(30).await.unwrap().rows, 100);
    assert_eq!(scene.archive().run(30).await.unwrap().moved, 100);
    assert_whole(&routed, "after another").await;
    assert_eq!(scene.archive().run("15").await.unwrap().moved, 0, "it never goes back");
    // A row that goes into the live database past the routing is nobody's, and is told.
    scene.bare("live.db").execute("INSERT INTO calls (id, day) VALUES (9999, 3)", []).unwrap();
    assert_eq!(scene.archive().run(30).await.unwrap().strays, 1);
    assert_whole(&routed, "with a stray").await;
}

async fn values(db: &Db, sql: &str) -> Vec<Vec<Value>> {
    db.query(sql).fetch().await.unwrap().rows.iter().map(|row| row.values().to_vec()).collect()
}

#[tokio::test]
async fn what_would_lose_something_is_refused() {
    let check = async |live: &str, old: &str, expect: &str| {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), "live.db", live).await.close().await;
        open(dir.path(), "old.db", old).await.close().await;
        let url = |name: &str| format!("sqlite:{}", dir.path().join(name).display());
        let archive = Archive::new(url("live.db"), url("old.db"), "calls", "day");
        let planned = archive.plan(3).await.unwrap_err();
        let run = archive.run(3).await.unwrap_err();
        for error in [planned, run] {
            assert!(error.is_usage() && error.message().contains(expect), "{error}");
        }
    };
    let ok = "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT)";
    check("CREATE TABLE other (a)", ok, "has no table calls").await;
    check("CREATE TABLE calls (id INT)", ok, "has no column day").await;
    check("CREATE VIEW calls AS SELECT 1 AS day", ok, "not an ordinary table").await;
    check("CREATE TABLE calls (id, day TEXT COLLATE NOCASE)", ok, "compare as BINARY").await;
    check(ok, "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT, more)", "3 columns").await;
    check(ok, "CREATE TABLE calls (id INTEGER PRIMARY KEY, day TEXT)", "another type").await;
    check(ok, "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT NOT NULL)", "NOT NULL").await;
    check(ok, "CREATE TABLE calls (id INTEGER, day INT)", "primary key").await;
    check(ok, "CREATE TABLE calls (id INTEGER PRIMARY KEY, day INT) STRICT", "STRICT").await;
    check(ok, &format!("{ok}; INSERT INTO calls VALUES (1, 1)"), "were not moved there").await;
    let child = format!("{ok}; CREATE TABLE child (c INT REFERENCES calls ON DELETE CASCADE)");
    check(&child, ok, "child refers to calls").await;
    let trigger = format!("{ok}; CREATE TRIGGER gone AFTER DELETE ON calls BEGIN SELECT 1; END");
    check(&trigger, ok, "trigger gone").await;
    check(ok, &trigger, "trigger gone in the archive").await;
}

#[tokio::test]
async fn another_archive_is_refused() {
    let scene = Scene::new().await;
    scene.archive().run(10).await.unwrap();
    let other = Archive::new(scene.url("live.db"), scene.url("other.db"), "calls", "day");
    for error in [other.plan(20).await.unwrap_err(), other.run(20).await.unwrap_err()] {
        assert!(error.message().contains("another archive"), "{error}");
    }
    let (live, empty) = (scene.db("live.db").await, open(scene.dir.path(), "new.db", SCHEMA).await);
    let opened = open_routed("calls", "day").moving(&live, "new", &empty).open().await;
    let error = opened.unwrap_err();
    assert!(error.message().contains("member new is not the archive"), "{error}");
}

/// Rows that change while they are copied are copied again.
#[tokio::test]
async fn rows_that_change_meanwhile_are_moved_as_they_are() {
    let scene = Scene::new().await;
    let writer = scene.db("live.db").await;
    let archive = scene.archive();
    let mut rng = Rng::with_seed(5);
    let moving = tokio::spawn({
        let archive = archive.clone();
        async move { archive.run(35).await }
    });
    let mut notes = std::collections::BTreeMap::new();
    while !moving.is_finished() {
        let (id, note) = (rng.i64(1..ROWS), rng.u64(..).to_string());
        let update = writer.execute("UPDATE calls SET note = ? WHERE id = ?");
        let done = update.bind(&note).bind(id).await.unwrap();
        if done.rows_affected == 1 {
            notes.insert(id, note);
        }
        tokio::task::yield_now().await;
    }
    match moving.await.unwrap() {
        Ok(_) => {}
        Err(error) => {
            assert!(error.is_busy() && error.message().contains("again and again"), "{error}");
            archive.run(35).await.unwrap();
        }
    }
    let (live, old) = (scene.bare("live.db"), scene.bare("old.db"));
    for (id, note) in notes {
        let of = |bare: &Connection| {
            let mut ask = bare.prepare("SELECT note FROM calls WHERE id = ?").unwrap();
            ask.query_row([id], |row| row.get::<_, String>(0)).ok()
        };
        assert_eq!(of(&live).or(of(&old)), Some(note), "the last note of {id}");
    }
    assert_whole(&scene.routed().await, "after changes").await;
}

/// Two runs at once share the work.
#[tokio::test]
async fn runs_at_once_do_not_harm_each_other() {
    let scene = Scene::new().await;
    let (a, b) = (scene.archive().batch(10), scene.archive().batch(17));
    let (a, b) = tokio::join!(a.run(38), b.run(38));
    let moved: u64 = [&a, &b].iter().filter_map(|it| it.as_ref().ok()).map(|it| it.moved).sum();
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(moved, 364);
    assert_whole(&scene.routed().await, "after two at once").await;
}

/// The process that is killed.
#[tokio::test]
async fn move_until_killed() {
    let Some(path) = child_path() else { return };
    let url = |name: &str| format!("sqlite:{}", path.join(name).display());
    let batch = std::env::var("FOREBAY_TEST_BATCH").unwrap().parse().unwrap();
    let archive = Archive::new(url("live.db"), url("old.db"), "calls", "day").batch(batch);
    archive.run_with(DAYS + 1, |_| println!("stepped")).await.unwrap();
}

/// Kills in the suite; `FOREBAY_ROUTE_KILLS=1000` is the long run.
const KILLS: usize = 8;

/// A move is killed at random instants and begun again, while a reader looks on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_move_loses_and_doubles_nothing() {
    let kills = std::env::var("FOREBAY_ROUTE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut rng = Rng::with_seed(kills as u64);
    let (mut killed, mut amid, mut ended, mut reads) = (0, 0, 0, 0);
    while killed < kills {
        let scene = Scene::new().await;
        let routed = scene.routed().await;
        loop {
            let is_over = killed >= kills;
            let done = one_run(&scene, &routed, &mut rng, is_over, &mut reads).await;
            assert_whole(&routed, "after a run").await;
            let copies = assert_counted(scene.dir.path());
            if done {
                ended += 1;
                break;
            }
            killed += 1;
            amid += usize::from(copies > 0);
        }
    }
    println!("{killed} killed, {amid} between copy and move, {ended} ended, {reads} reads");
    // The copies of a step are there for a small part of its time.
    let is_many = killed < 100 || amid * 100 >= killed;
    assert!(is_many, "too few were killed between copy and move: {amid} of {killed}");
    assert!(reads >= killed / 2, "too few reads to prove anything");
}

/// Runs the move in another process and kills it some time after one of its steps, unless it shall
/// end; whether it has ended. Reads meanwhile.
async fn one_run(
    scene: &Scene,
    routed: &Routed,
    rng: &mut Rng,
    is_over: bool,
    reads: &mut usize,
) -> bool {
    let process = child(&[], "route::archive::move_until_killed", scene.dir.path())
        .env("FOREBAY_TEST_BATCH", rng.usize(1..60).to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let steps = if is_over { usize::MAX } else { rng.usize(0..4) };
    let part = rng.f64() * 1.2;
    let killer = std::thread::spawn(move || kill_after(process, steps, part));
    while !killer.is_finished() {
        assert_whole(routed, "while rows move").await;
        *reads += 1;
    }
    killer.join().unwrap()
}

/// Kills a process so many steps after its first, and a part of the time that a step takes later;
/// whether it has ended before.
fn kill_after(mut process: Child, steps: usize, part: f64) -> bool {
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (tell, told) = std::sync::mpsc::sync_channel(ROWS as usize);
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok).filter(|line| line.ends_with("stepped")) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    let mut began = Instant::now();
    for step in 0..=steps {
        if told.recv().is_err() {
            let status = process.wait().unwrap();
            assert!(status.success(), "{status}");
            return true;
        }
        if step == 0 {
            began = Instant::now();
        }
    }
    let usual = began.elapsed().checked_div(steps as u32).unwrap_or(Duration::from_millis(8));
    // If the next step is over before, it is the one after it that is met.
    let _ = told.recv_timeout(usual.mul_f64(part));
    // SIGKILL: nothing of it runs any more.
    process.kill().unwrap();
    let status = process.wait().unwrap();
    drop(told);
    reader.join().unwrap();
    status.success()
}

/// By what the two files say, every row is counted once; how many copies are not.
fn assert_counted(dir: &Path) -> i64 {
    let live = Connection::open(dir.join("live.db")).unwrap();
    live.execute("ATTACH ? AS old", [dir.join("old.db").to_str().unwrap()]).unwrap();
    let boundary: Option<i64> =
        live.query_row("SELECT max(boundary) FROM forebay_archive", [], |row| row.get(0)).unwrap();
    let (count, ids): (i64, i64) = live
        .query_row(
            "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM main.calls WHERE day IS NULL \
             OR ?1 IS NULL OR day >= ?1 UNION ALL SELECT id FROM old.calls WHERE day < ?1)",
            [boundary],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((count, ids), (ROWS, ROWS));
    let strays: i64 = live
        .query_row("SELECT count(*) FROM main.calls WHERE day < ?1", [boundary], |row| row.get(0))
        .unwrap();
    assert_eq!(strays, 0);
    let copies = "SELECT count(*) FROM old.calls WHERE ?1 IS NULL OR day >= ?1";
    live.query_row(copies, [boundary], |row| row.get(0)).unwrap()
}
