//! Many threads and another process at once, on counters that only go up: no read may be older
//! than what was acknowledged, or seen by anybody, before it began. The other process is killed
//! at whatever it is doing. What happens in which order is not in the seed's hands.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use fastrand::Rng;
use forebay::{Db, Value};
use tokio::time::timeout;

use super::case::{Manner, open};
use super::place::Place;
use super::tally::Race;

/// The argument that makes this program the other process.
pub(crate) const RACER: &str = "race-writer";

/// The longest that the phase may take, on however busy a machine.
const TIME_MAX: Duration = Duration::from_secs(120);

const COUNTERS: usize = 4;
const WRITERS: u64 = 2;
const WRITES_EACH: u64 = 150;
const FOREIGN_WRITES: u64 = 140;
const READERS: u64 = 4;

/// Keys of one counter.
const KEYS: i64 = 32;

/// Reads between two pauses of a reader, on average.
const BURST: u16 = 512;

/// Rows of a table that makes one of the reads slow.
const HEAP: u64 = 40;

const POINT: &str = "SELECT id, n FROM counters WHERE id = ?1";
/// The same under so many keys that most of them have to be read.
const FRESH: &str = "SELECT id, n FROM counters WHERE id = ?1 AND ?2 >= 0";
/// The counter that a link leads to.
const LINKED: &str =
    "SELECT c.id, c.n FROM links l JOIN counters c ON c.id = l.counter WHERE l.place = ?1";
const ALL: &str = "SELECT id, n FROM counters ORDER BY id";
const TOP: &str = "SELECT id, n FROM counters ORDER BY n DESC, id LIMIT 2";
const SLOW: &str = "SELECT id, n, (SELECT count(*) FROM heap a, heap b WHERE a.x < b.x) \
                    FROM counters WHERE id = ?1";

/// What all threads share.
struct Course {
    db: Db,
    /// Per counter, the highest value that anybody was told.
    floor: [AtomicU64; COUNTERS],
    is_over: AtomicBool,
    writes: AtomicU64,
    foreign_writes: AtomicU64,
    reads: AtomicU64,
    hits: AtomicU64,
    kills: AtomicU64,
}

/// Runs the phase; what went wrong, if anything did.
pub(crate) fn race(seed: u64, manner: Manner, counts: &mut Race) -> Result<Option<String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .context("cannot make a runtime")?;
    let place = Place::new()?;
    let course = Arc::new(runtime.block_on(prepare(&place, manner))?);
    let raced = runtime.block_on(async { timeout(TIME_MAX, run(seed, &place, &course)).await });
    let Ok(wrong) = raced else {
        runtime.shutdown_background();
        return Ok(Some("-- with many threads: they have not ended in time".to_owned()));
    };
    let wrong = wrong?;
    runtime.block_on(course.db.close());
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    counts.writes += load(&course.writes);
    counts.foreign_writes += load(&course.foreign_writes);
    counts.reads += load(&course.reads);
    counts.hits += load(&course.hits);
    counts.kills += load(&course.kills);
    Ok(wrong)
}

async fn prepare(place: &Place, manner: Manner) -> Result<Course> {
    let db = open(place, manner).await?;
    let script = format!(
        "CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, other TEXT);
         CREATE TABLE others (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
         CREATE TABLE links (place INTEGER, counter INTEGER);
         CREATE TABLE heap (x INTEGER PRIMARY KEY);
         WITH RECURSIVE s(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM s WHERE x < {HEAP})
         INSERT INTO heap SELECT x FROM s;
         INSERT INTO links SELECT x, x FROM heap LIMIT {COUNTERS};
         INSERT INTO others SELECT x, 0 FROM heap LIMIT {COUNTERS};
         INSERT INTO counters SELECT x, 0, '' FROM heap LIMIT {COUNTERS};"
    );
    db.execute_batch(&script).await?;
    Ok(Course {
        db,
        floor: Default::default(),
        is_over: AtomicBool::new(false),
        writes: AtomicU64::new(0),
        foreign_writes: AtomicU64::new(0),
        reads: AtomicU64::new(0),
        hits: AtomicU64::new(0),
        kills: AtomicU64::new(0),
    })
}

async fn run(seed: u64, place: &Place, course: &Arc<Course>) -> Result<Option<String>> {
    let mut readers = Vec::new();
    for number in 0..READERS {
        readers.push(tokio::spawn(read(course.clone(), Rng::with_seed(seed ^ (1 << number)))));
    }
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(tokio::spawn(write(course.clone(), Rng::with_seed(seed ^ (16 << number)))));
    }
    let (path, shared) = (place.path(), course.clone());
    let foreign = tokio::task::spawn_blocking(move || {
        write_from_outside(&path, &shared, Rng::with_seed(seed ^ 256))
    });
    for writer in writers {
        writer.await.context("a writer has panicked")??;
    }
    foreign.await.context("the foreign writer has panicked")??;
    course.is_over.store(true, Ordering::Relaxed);
    let mut wrong = None;
    for reader in readers {
        wrong = wrong.or(reader.await.context("a reader has panicked")??);
    }
    Ok(wrong)
}

impl Course {
    /// Somebody was told that the counter `id` stands at `n`.
    fn tell(&self, id: usize, n: u64) {
        self.floor[id - 1].fetch_max(n, Ordering::SeqCst);
    }
}

async fn write(course: Arc<Course>, mut rng: Rng) -> Result<()> {
    for _ in 0..WRITES_EACH {
        if course.is_over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let id = rng.usize(1..=COUNTERS);
        course.writes.fetch_add(1, Ordering::Relaxed);
        if rng.u8(..2) == 0 {
            // A commit that leaves the counters alone must not hide one that does not.
            let idle = [
                "UPDATE others SET n = n + 1 WHERE id = ?1",
                "UPDATE counters SET n = n + 1 WHERE id = -?1",
            ];
            course.db.execute(idle[rng.usize(..2)]).bind(id as i64).await?;
            continue;
        }
        let n = if rng.bool() {
            let write = course.db.query("UPDATE counters SET n = n + 1 WHERE id = ?1 RETURNING n");
            write.bind(id as i64).scalar().await?
        } else {
            course
                .db
                .transaction(|transaction| async move {
                    let write = "UPDATE counters SET n = n + 1 WHERE id = ?1";
                    transaction.execute(write).bind(id as i64).await?;
                    let read = transaction.query("SELECT n FROM counters WHERE id = ?1");
                    read.bind(id as i64).scalar().await
                })
                .await?
        };
        course.tell(id, n);
        // Pauses of different lengths, so that fills and hits come between the writes.
        for _ in 0..rng.u8(..8) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

async fn read(course: Arc<Course>, mut rng: Rng) -> Result<Option<String>> {
    while !course.is_over.load(Ordering::Relaxed) {
        let question = Question::draw(&mut rng);
        // The second time shows at once what the first has left behind.
        for _ in 0..rng.u8(1..=2) {
            let wrong = ask(&course, &question).await?;
            if wrong.is_some() {
                course.is_over.store(true, Ordering::Relaxed);
                return Ok(wrong);
            }
        }
        match rng.u16(..BURST) {
            // The writers need the processor too.
            0 => tokio::time::sleep(Duration::from_millis(1)).await,
            1..64 => tokio::task::yield_now().await,
            _ => {}
        }
    }
    Ok(None)
}

/// A read of the race.
struct Question {
    sql: &'static str,
    params: Vec<i64>,
    /// Whoever reads past the cache may share a snapshot all the same.
    no_cache: bool,
}

impl Question {
    fn draw(rng: &mut Rng) -> Question {
        let id = rng.usize(1..=COUNTERS) as i64;
        let (sql, params) = match rng.u8(..16) {
            0..4 => (POINT, vec![id]),
            4..7 => (FRESH, vec![id, rng.i64(0..KEYS)]),
            7 | 8 => (LINKED, vec![id]),
            9..12 => (ALL, Vec::new()),
            12 | 13 => (TOP, Vec::new()),
            _ => (SLOW, vec![id]),
        };
        Question { sql, params, no_cache: rng.u8(..8) == 0 }
    }
}

/// Asks once; what is wrong with the answer, if anything is.
async fn ask(course: &Course, question: &Question) -> Result<Option<String>> {
    let floor: [u64; COUNTERS] =
        std::array::from_fn(|index| course.floor[index].load(Ordering::SeqCst));
    let mut query = course.db.query(question.sql);
    for param in &question.params {
        query = query.bind(*param);
    }
    let query = if question.no_cache { query.no_cache() } else { query };
    let outcome = query.fetch().await?;
    course.reads.fetch_add(1, Ordering::Relaxed);
    course.hits.fetch_add(u64::from(outcome.cached), Ordering::Relaxed);
    for row in 0..outcome.rows.len() {
        let [Value::Integer(id), Value::Integer(n), ..] = outcome.rows.values(row) else {
            anyhow::bail!("a counter is no number");
        };
        let (id, n) = (usize::try_from(*id)?, u64::try_from(*n)?);
        let known = floor[id - 1];
        if n < known {
            let (sql, cached) = (question.sql, outcome.cached);
            return Ok(Some(format!(
                "-- with many threads: the counter {id} was read as {n} (cached: {cached}) after \
                 {known} was known\n{sql};"
            )));
        }
        course.tell(id, n);
    }
    Ok(None)
}

fn write_from_outside(path: &Path, course: &Course, mut rng: Rng) -> Result<()> {
    let mut child = start(path)?;
    for _ in 0..FOREIGN_WRITES {
        if course.is_over.load(Ordering::Relaxed) {
            break;
        }
        let id = rng.usize(1..=COUNTERS);
        let input = child.stdin.as_mut().context("the writer has no input")?;
        writeln!(input, "{id}")?;
        input.flush()?;
        if rng.u8(..30) == 0 {
            // Whether it has committed by now, nobody knows.
            std::thread::sleep(Duration::from_micros(rng.u64(..600)));
            child.kill()?;
            child.wait()?;
            child = start(path)?;
            course.kills.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let output = child.stdout.as_mut().context("the writer has no output")?;
        let mut line = String::new();
        BufReader::with_capacity(64, output).read_line(&mut line)?;
        course.tell(id, line.trim().parse().context("the writer said something else")?);
        course.foreign_writes.fetch_add(1, Ordering::Relaxed);
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn start(path: &Path) -> Result<Child> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    Command::new(program)
        .arg(RACER)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the other process")
}

/// What the other process does: it raises the counters it is told, and says where they stand.
pub(crate) fn race_writer(path: &Path) -> Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let id: i64 = line?.trim().parse()?;
        let sql = "UPDATE counters SET n = n + 1 WHERE id = ?1 RETURNING n";
        let n: i64 = connection.query_row(sql, [id], |row| row.get(0))?;
        writeln!(output, "{n}")?;
        output.flush()?;
    }
    Ok(())
}
