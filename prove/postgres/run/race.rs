//! Many at once: counters that only grow are written through Forebay and past it, and read all the
//! while; no answer may be older than what was acknowledged or read before it was asked for. The
//! server is disturbed meanwhile: a synchronous standby is frozen, streams and sessions are ended,
//! the schema changes.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cluster::Cluster;
use fastrand::Rng;
use forebay::{Db, Error, Freshness, Outcome, Value};

use super::place::{Server, end_sessions, end_stream, live, sender};
use super::stage::Stage;
use super::tally::Tally;
use crate::bare::Bare;
use crate::domain::once_in;

const READERS: u64 = 8;
const WRITERS: u64 = 4;
const PAST: u64 = 2;

/// How long it lasts: so long, and then until so much was read, but no longer than that.
const LASTS: Duration = Duration::from_secs(4);
const READS: u64 = 10_000;
const LASTS_MAX: Duration = Duration::from_secs(12);

/// Counters that are written one by one through Forebay, in pairs through Forebay, and past it.
const ROWS: usize = 24;
const SINGLE: std::ops::Range<usize> = 0..8;
const PAIRS: std::ops::Range<usize> = 8..16;
const OTHERS: std::ops::Range<usize> = 16..24;

/// What everybody knows: of each counter the least that an answer may say from now on.
struct Known {
    floors: [AtomicI64; ROWS],
    wrong: Mutex<Option<String>>,
    is_over: AtomicBool,
    /// Nobody writes for a while, so that there is something in the cache.
    is_quiet: AtomicBool,
    reads: AtomicU64,
    hits: AtomicU64,
    strict: AtomicU64,
    writes: AtomicU64,
    past: AtomicU64,
    failed: AtomicU64,
}

impl Known {
    fn new() -> Known {
        Known {
            floors: std::array::from_fn(|_| AtomicI64::new(0)),
            wrong: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_quiet: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            strict: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            past: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    fn floor(&self, row: usize) -> i64 {
        self.floors[row].load(Ordering::SeqCst)
    }

    fn raise(&self, row: usize, n: i64) {
        self.floors[row].fetch_max(n, Ordering::SeqCst);
    }

    fn accuse(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get_or_insert(what);
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Checks a counter that was read against what was known before.
    fn check(&self, row: usize, floor: i64, n: i64, how: &str, is_cached: bool) {
        if n < floor {
            let from = if is_cached { " from the cache" } else { "" };
            self.accuse(format!(
                "{how}: counter {row} was {n}{from}, and {floor} was known before"
            ));
        }
        self.raise(row, n);
    }
}

/// Lets them all work for a while; what was wrong, if anything was.
pub(crate) async fn race(stage: &Stage, seed: u64, tally: &mut Tally) -> Result<Option<String>> {
    prepare(&mut stage.place.bare()?)?;
    stage.place.set_up().await?;
    live(&stage.db).await?;
    let known = Arc::new(Known::new());
    let tasks = start(stage, seed, &known);
    let disturbed = disturb(stage, seed, &known).await;
    known.is_over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.context("a reader or writer has panicked")?;
    }
    disturbed?;
    for (name, counter) in [
        ("reads", &known.reads),
        ("hits", &known.hits),
        ("strict reads", &known.strict),
        ("writes through Forebay", &known.writes),
        ("writes past it", &known.past),
        ("failed", &known.failed),
    ] {
        *tally.race.entry(name.to_owned()).or_default() += counter.load(Ordering::SeqCst);
    }
    let wrong = known.wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(wrong.map(|what| format!("-- many at once: {what}")))
}

fn prepare(bare: &mut Bare) -> Result<()> {
    for table in ["race_a", "race_b"] {
        bare.run(&format!(
            "DROP TABLE IF EXISTS public.{table} CASCADE; \
             CREATE TABLE public.{table} (id int PRIMARY KEY, n bigint NOT NULL); \
             INSERT INTO public.{table} SELECT i, 0 FROM generate_series(0, {}) i",
            ROWS - 1
        ))?;
    }
    bare.run("CREATE OR REPLACE VIEW public.race_v AS SELECT id, n FROM public.race_a").map(drop)
}

type Task = tokio::task::JoinHandle<()>;

fn start(stage: &Stage, seed: u64, known: &Arc<Known>) -> Vec<Task> {
    let mut tasks = Vec::new();
    let rng = |nth: u64| Rng::with_seed(seed.wrapping_mul(1_000).wrapping_add(nth));
    for nth in 0..READERS {
        tasks.push(until_over(known, reader(stage.db.clone(), known.clone(), rng(nth))));
    }
    for nth in 0..WRITERS {
        tasks.push(until_over(known, writer(stage.db.clone(), known.clone(), rng(100 + nth), nth)));
    }
    for nth in 0..PAST {
        let (cluster, known) = (stage.place.cluster().clone(), known.clone());
        let (name, rng) = (stage.place.database.name().to_owned(), rng(200 + nth));
        tasks.push(tokio::task::spawn_blocking(move || {
            if let Err(error) = write_past(&cluster, &name, &known, rng) {
                known.accuse(format!("a bare session has failed: {error:#}"));
            }
        }));
    }
    tasks
}

fn until_over(
    known: &Arc<Known>,
    work: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Task {
    let known = known.clone();
    tokio::spawn(async move {
        if let Err(error) = work.await {
            known.accuse(format!("a statement has failed: {error}"));
        }
    })
}

fn number(outcome: &Outcome, column: usize) -> Option<i64> {
    match outcome.rows.iter().next()?.values().get(column)? {
        Value::Integer(n) => Some(*n),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Errors that come of connections which were ended on purpose.
fn is_expected(error: &Error) -> bool {
    error.is_outcome_unknown()
        || error.is_closed()
        || error.is_serialization_failure()
        || error.is_timeout()
        || error.is_pool_exhausted()
        || error.code().is_some_and(|code| matches!(code, "57P01" | "40001" | "40P01" | "55P03"))
        || error.is_open()
        || error.is_busy()
}

async fn reader(db: Db, known: Arc<Known>, mut rng: Rng) -> Result<(), Error> {
    while !known.is_over() {
        let done = match rng.u8(..8) {
            0..3 => read_single(&db, &known, &mut rng).await,
            3 | 4 => read_pair(&db, &known, &mut rng).await,
            5 => read_both(&db, &known, &mut rng).await,
            6 => read_sum(&db, &known).await,
            _ => read_strictly(&db, &known, &mut rng).await,
        };
        match done {
            Ok(()) => {}
            Err(error) if is_expected(&error) => {
                known.failed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
        if once_in(&mut rng, 4) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

fn note(known: &Known, outcome: &Outcome) {
    known.reads.fetch_add(1, Ordering::Relaxed);
    known.hits.fetch_add(u64::from(outcome.cached), Ordering::Relaxed);
}

async fn read_single(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(SINGLE);
    let sql = if rng.bool() {
        "SELECT n FROM public.race_a WHERE id = $1"
    } else {
        "SELECT n FROM public.race_v WHERE id = $1"
    };
    let floor = known.floor(row);
    let mut query = db.query(sql).bind(row as i64);
    if once_in(rng, 12) {
        query = query.no_cache();
    }
    let outcome = query.fetch().await?;
    note(known, &outcome);
    if let Some(n) = number(&outcome, 0) {
        known.check(row, floor, n, "one counter", outcome.cached);
    }
    Ok(())
}

/// Two counters that are always raised together.
async fn read_pair(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(PAIRS);
    let sql = "SELECT a.n, b.n FROM public.race_a a JOIN public.race_b b ON a.id = b.id \
               WHERE a.id = $1";
    let floor = known.floor(row);
    let outcome = db.query(sql).bind(row as i64).fetch().await?;
    note(known, &outcome);
    if let (Some(a), Some(b)) = (number(&outcome, 0), number(&outcome, 1)) {
        if a != b {
            known.accuse(format!("a transaction is torn: counter {row} is {a} and {b}"));
        }
        known.check(row, floor, a, "a pair of counters", outcome.cached);
    }
    Ok(())
}

/// The same by two statements: the second must not be older.
async fn read_both(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(PAIRS);
    for sql in
        ["SELECT n FROM public.race_a WHERE id = $1", "SELECT n FROM public.race_b WHERE id = $1"]
    {
        let floor = known.floor(row);
        let outcome = db.query(sql).bind(row as i64).fetch().await?;
        note(known, &outcome);
        if let Some(n) = number(&outcome, 0) {
            known.check(row, floor, n, "a counter of a pair", outcome.cached);
        }
    }
    Ok(())
}

async fn read_sum(db: &Db, known: &Known) -> Result<(), Error> {
    let floor: i64 = SINGLE.map(|row| known.floor(row)).sum();
    let sql = format!("SELECT sum(n) FROM public.race_a WHERE id < {}", SINGLE.end);
    let outcome = db.query(&sql).fetch().await?;
    note(known, &outcome);
    if let Some(sum) = number(&outcome, 0)
        && sum < floor
    {
        known.accuse(format!("the sum of counters is {sum}, and {floor} was known before"));
    }
    Ok(())
}

async fn read_strictly(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(OTHERS);
    let floor = known.floor(row);
    let query = db.query("SELECT n FROM public.race_b WHERE id = $1").bind(row as i64);
    let outcome = query.freshness(Freshness::Strict).fetch().await?;
    note(known, &outcome);
    known.strict.fetch_add(1, Ordering::Relaxed);
    if let Some(n) = number(&outcome, 0) {
        known.check(row, floor, n, "a counter of others, strictly", outcome.cached);
    }
    Ok(())
}

async fn writer(db: Db, known: Arc<Known>, mut rng: Rng, nth: u64) -> Result<(), Error> {
    while !known.is_over() {
        if known.is_quiet.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let done = match rng.u8(..6) {
            0..3 => write_single(&db, &known, &mut rng, nth).await,
            3 | 4 => write_pair(&db, &known, &mut rng).await,
            _ => write_pair_in_session(&db, &known, &mut rng).await,
        };
        match done {
            Ok(()) => known.writes.fetch_add(1, Ordering::Relaxed),
            Err(error) if is_expected(&error) => known.failed.fetch_add(1, Ordering::Relaxed),
            Err(error) => return Err(error),
        };
        // Without a rest nothing would ever be served from the cache.
        let rest = Duration::from_micros(rng.u64(0..12_000));
        tokio::time::sleep(rest).await;
    }
    Ok(())
}

async fn write_single(db: &Db, known: &Known, rng: &mut Rng, nth: u64) -> Result<(), Error> {
    let row = rng.usize(SINGLE);
    let sql = "UPDATE public.race_a SET n = n + 1 WHERE id = $1 RETURNING n";
    let outcome = if nth == 0 && rng.bool() {
        let session = db.session();
        session.execute("SET synchronous_commit = off").await?;
        session.query(sql).bind(row as i64).fetch().await?
    } else {
        db.query(sql).bind(row as i64).fetch().await?
    };
    if let Some(n) = number(&outcome, 0) {
        known.raise(row, n);
    }
    Ok(())
}

const BOTH: [&str; 2] = [
    "UPDATE public.race_a SET n = n + 1 WHERE id = $1 RETURNING n",
    "UPDATE public.race_b SET n = n + 1 WHERE id = $1 RETURNING n",
];

async fn write_pair(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(PAIRS);
    let n = db
        .transaction(|handle| async move {
            let mut n = None;
            for sql in BOTH {
                n = number(&handle.query(sql).bind(row as i64).fetch().await?, 0);
            }
            Ok(n)
        })
        .await?;
    known.raise(row, n.unwrap_or(0));
    Ok(())
}

async fn write_pair_in_session(db: &Db, known: &Known, rng: &mut Rng) -> Result<(), Error> {
    let row = rng.usize(PAIRS);
    let session = db.session();
    session.execute("BEGIN").await?;
    let mut n = None;
    for sql in BOTH {
        n = number(&session.query(sql).bind(row as i64).fetch().await?, 0);
    }
    if once_in(rng, 5) {
        session.execute("ROLLBACK").await?;
        return Ok(());
    }
    session.execute("COMMIT").await?;
    known.raise(row, n.unwrap_or(0));
    Ok(())
}

fn write_past(cluster: &Cluster, name: &str, known: &Known, mut rng: Rng) -> Result<()> {
    let mut bare = Bare::open(cluster, name)?;
    bare.run("RESET synchronous_commit")?;
    while !known.is_over() {
        let row = rng.usize(OTHERS);
        let sql = format!("UPDATE public.race_b SET n = n + 1 WHERE id = {row} RETURNING n");
        if let Ok(n) = bare.number(&sql) {
            known.raise(row, n);
            known.past.fetch_add(1, Ordering::Relaxed);
        } else {
            bare = Bare::open(cluster, name)?;
        }
        std::thread::sleep(Duration::from_micros(rng.u64(0..20_000)));
    }
    Ok(())
}

/// What happens to the server meanwhile.
async fn disturb(stage: &Stage, seed: u64, known: &Known) -> Result<()> {
    let mut rng = Rng::with_seed(seed ^ 0x5eed);
    let server = stage.place.server.clone();
    let mut bare = stage.place.bare()?;
    let began = Instant::now();
    let mut done = Ok(());
    let lasts = || {
        let is_short = known.reads.load(Ordering::Relaxed) < READS;
        began.elapsed() < LASTS || (is_short && began.elapsed() < LASTS_MAX)
    };
    while lasts() && !known.is_over() && done.is_ok() {
        tokio::time::sleep(Duration::from_millis(rng.u64(10..60))).await;
        known.is_quiet.store(rng.bool(), Ordering::SeqCst);
        // What empties the cache comes later, or there would be nothing in it.
        let is_rough = began.elapsed() > LASTS / 2;
        done = disturb_once(&mut rng, &mut bare, &server, is_rough).await;
    }
    server.release_commits()?;
    done
}

async fn disturb_once(
    rng: &mut Rng,
    bare: &mut Bare,
    server: &Server,
    is_rough: bool,
) -> Result<()> {
    let pause = Duration::from_millis(rng.u64(3..40));
    match rng.u8(..if is_rough { 60 } else { 50 }) {
        0..24 => {
            server.hold_commits()?;
            tokio::time::sleep(pause).await;
            server.release_commits()
        }
        24..40 => {
            let Some(pid) = sender(bare)? else { return Ok(()) };
            server.primary.pause_process(pid)?;
            tokio::time::sleep(pause).await;
            server.primary.resume_process(pid)
        }
        50 => end_stream(bare),
        51 if once_in(rng, 2) => end_sessions(bare, false),
        52 | 53 => {
            let least = if rng.bool() { 0 } else { -1 };
            bare.run(&format!(
                "CREATE OR REPLACE VIEW public.race_v AS SELECT id, n FROM public.race_a \
                 WHERE id >= {least}"
            ))
            .map(drop)
        }
        54 => bare.run("ALTER TABLE public.race_a ADD COLUMN IF NOT EXISTS more int").map(drop),
        55 => bare.run("ALTER TABLE public.race_a DROP COLUMN IF EXISTS more").map(drop),
        _ => Ok(()),
    }
}
