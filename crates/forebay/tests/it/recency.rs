use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use forebay::Db;

use crate::place::Place;

/// Counters, each in a row of one of two tables; each has one writer at a time.
const COUNTERS: usize = 8;
const FOR: Duration = Duration::from_secs(6);

#[derive(Default)]
struct Counter {
    /// The highest value whose write was acknowledged.
    acknowledged: AtomicI64,
    /// The highest value whose write was begun.
    begun: AtomicI64,
}

struct Board {
    counters: Vec<Counter>,
    stop: AtomicBool,
    hits: AtomicU64,
    reads: AtomicU64,
    commits: AtomicU64,
}

fn sql(counter: usize, what: &str) -> String {
    let table = if counter.is_multiple_of(2) { "even" } else { "odd" };
    match what {
        "read" => format!("SELECT n FROM {table} WHERE id = {counter}"),
        _ => format!("UPDATE {table} SET n = n + 1 WHERE id = {counter}"),
    }
}

/// Writes through Forebay: plain statements, transactions and sessions, some rolled back.
async fn write(db: Db, board: Arc<Board>, counter: usize, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    while !board.stop.load(Ordering::Relaxed) {
        let update = sql(counter, "write");
        board.counters[counter].begun.fetch_add(1, Ordering::SeqCst);
        match rng.u8(..4) {
            0 | 1 => drop(db.execute(&update).await.unwrap()),
            2 => {
                let twice = update.clone();
                let undone: Result<(), _> = db
                    .transaction(|tx| async move {
                        tx.execute(&twice).await?;
                        tx.query("SELECT nonsense").fetch().await.map(|_| ())
                    })
                    .await;
                assert!(undone.is_err());
                db.transaction(|tx| async move { tx.execute(&update).await }).await.unwrap();
            }
            _ => {
                let session = db.session();
                session.execute("BEGIN IMMEDIATE").await.unwrap();
                session.execute(&update).await.unwrap();
                session.execute("COMMIT").await.unwrap();
            }
        }
        board.counters[counter].acknowledged.fetch_add(1, Ordering::SeqCst);
        board.commits.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_micros(rng.u64(..8_000))).await;
    }
}

/// Writes past Forebay, as another process would.
fn write_elsewhere(place: &Place, board: &Board, counter: usize) {
    let bare = place.bare();
    while !board.stop.load(Ordering::Relaxed) {
        board.counters[counter].begun.fetch_add(1, Ordering::SeqCst);
        bare.execute(&sql(counter, "write"), []).unwrap();
        board.counters[counter].acknowledged.fetch_add(1, Ordering::SeqCst);
        board.commits.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(7));
    }
}

/// No read is older than the last write acknowledged before it began, none shows a write that
/// was not begun, and none goes back in time.
async fn read(db: Db, board: Arc<Board>, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut seen = [0; COUNTERS];
    while !board.stop.load(Ordering::Relaxed) {
        for _ in 0..64 {
            let counter = rng.usize(..COUNTERS);
            let floor = board.counters[counter].acknowledged.load(Ordering::SeqCst);
            // Half of the reads go to the database, most of them to a snapshot that is held.
            let sql = sql(counter, "read");
            let query = db.query(&sql);
            let query = if rng.bool() { query.no_cache() } else { query };
            let outcome = query.fetch().await.unwrap();
            let forebay::Value::Integer(n) = outcome.rows.values(0)[0] else { panic!("a number") };
            let ceiling = board.counters[counter].begun.load(Ordering::SeqCst);
            assert!(n >= floor, "stale: {n} < {floor}, cached: {}", outcome.cached);
            assert!(n <= ceiling, "from the future: {n} > {ceiling}");
            assert!(n >= seen[counter], "back in time: {n} < {}", seen[counter]);
            seen[counter] = n;
            board.reads.fetch_add(1, Ordering::Relaxed);
            board.hits.fetch_add(u64::from(outcome.cached), Ordering::Relaxed);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_the_last_acknowledged_write() {
    let place = Arc::new(Place::new());
    let db = place
        .open("CREATE TABLE even (id INTEGER PRIMARY KEY, n INT); CREATE TABLE odd (id, n INT)")
        .await;
    for counter in 0..COUNTERS {
        let table = if counter.is_multiple_of(2) { "even" } else { "odd" };
        db.execute(&format!("INSERT INTO {table} VALUES ({counter}, 0)")).await.unwrap();
    }
    let board = Arc::new(Board {
        counters: (0..COUNTERS).map(|_| Counter::default()).collect(),
        stop: AtomicBool::new(false),
        hits: AtomicU64::new(0),
        reads: AtomicU64::new(0),
        commits: AtomicU64::new(0),
    });
    // The last counter belongs to the writer that goes past Forebay.
    let elsewhere = tokio::task::spawn_blocking({
        let (place, board) = (place.clone(), board.clone());
        move || write_elsewhere(&place, &board, COUNTERS - 1)
    });
    let writers = (0..COUNTERS - 1)
        .map(|counter| tokio::spawn(write(db.clone(), board.clone(), counter, counter as u64)));
    let readers = (0..6).map(|seed| tokio::spawn(read(db.clone(), board.clone(), seed)));
    let tasks: Vec<_> = writers.chain(readers).collect();
    let began = Instant::now();
    while began.elapsed() < FOR && !tasks.iter().any(|task| task.is_finished()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    board.stop.store(true, Ordering::Relaxed);
    elsewhere.await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    let [reads, hits, commits] =
        [&board.reads, &board.hits, &board.commits].map(|count| count.load(Ordering::Relaxed));
    println!("{reads} reads, {hits} hits, {commits} commits: none stale, none back in time");
    assert!(hits > reads / 20 && commits > 100, "too little happened to prove anything");
}
