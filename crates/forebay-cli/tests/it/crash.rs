//! kill -9 in the middle of a write load: what was acknowledged is there after the restart, and
//! no read is stale.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Http;
use crate::process::Service;

const WRITERS: i64 = 4;
const ROUNDS: usize = 3;
/// How long each round writes before the kill; longer where little was written by then.
const LOAD: Duration = Duration::from_millis(400);
const LOAD_MAX: Duration = Duration::from_secs(20);
const WRITTEN_MIN: i64 = 20;

/// What writers were told: the last row that each inserted, and the counter's last value.
#[derive(Default)]
struct Acknowledged {
    rows: [AtomicI64; WRITERS as usize],
    counter: AtomicI64,
}

#[test]
fn nothing_acknowledged_is_lost_and_no_read_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let known = Arc::new(Acknowledged::default());
    prepare(folder.path());
    for round in 0..ROUNDS {
        let before = known.counter.load(SeqCst);
        let service = Service::start(folder.path(), &["app.db"]);
        verify(service.address, &known);
        let mut clients = Vec::new();
        for writer in 0..WRITERS {
            let (address, known) = (service.address, Arc::clone(&known));
            clients.push(thread::spawn(move || write(address, writer, &known)));
        }
        let (address, watched) = (service.address, Arc::clone(&known));
        clients.push(thread::spawn(move || watch(address, &watched)));
        let began = Instant::now();
        let written = || known.counter.load(SeqCst) - before;
        while began.elapsed() < LOAD || (written() <= WRITTEN_MIN && began.elapsed() < LOAD_MAX) {
            thread::sleep(LOAD / 10);
        }
        let (code, _, _) = service.stop("KILL");
        assert_eq!(code, None, "it was killed");
        for client in clients {
            client.join().unwrap();
        }
        let written = written();
        assert!(written > WRITTEN_MIN, "round {round}: only {written} writes prove nothing");
    }
    let service = Service::start(folder.path(), &["app.db"]);
    verify(service.address, &known);
    drop(service);
    let bare = rusqlite::Connection::open(folder.path().join("app.db")).unwrap();
    let check: String = bare.query_one("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

fn prepare(folder: &Path) {
    let bare = rusqlite::Connection::open(folder.join("app.db")).unwrap();
    bare.execute_batch(
        "CREATE TABLE rows (writer INTEGER, seq INTEGER, PRIMARY KEY (writer, seq));
         CREATE TABLE counter (n INTEGER NOT NULL);
         INSERT INTO counter VALUES (0);",
    )
    .unwrap();
}

/// Writes until the service is gone; a row and the counter in turn.
fn write(address: SocketAddr, writer: i64, known: &Acknowledged) {
    let Ok(mut http) = Http::connect(address) else {
        return;
    };
    let last = &known.rows[writer as usize];
    // A row whose acknowledgement was lost may be there: numbers go on behind it.
    let sql = "SELECT coalesce(max(seq), 0) FROM rows WHERE writer = ?";
    let Ok(start) = http.scalar(sql, &json!([writer])) else {
        return;
    };
    let start = start.as_i64().unwrap();
    assert!(start >= last.load(SeqCst));
    for seq in start + 1.. {
        let insert = http.query("INSERT INTO rows VALUES (?, ?)", &json!([writer, seq]));
        let Ok(response) = insert else { return };
        assert_eq!(response.status, 200, "{response:?}");
        last.store(seq, SeqCst);
        let Ok(n) = http.scalar("UPDATE counter SET n = n + 1 RETURNING n", &json!([])) else {
            return;
        };
        known.counter.fetch_max(n.as_i64().unwrap(), SeqCst);
    }
}

/// Reads until the service is gone; no answer may be older than what was acknowledged before.
fn watch(address: SocketAddr, known: &Acknowledged) {
    let Ok(mut http) = Http::connect(address) else {
        return;
    };
    loop {
        let floor = known.counter.load(SeqCst);
        let Ok(n) = http.scalar("SELECT n FROM counter", &json!([])) else {
            return;
        };
        assert!(n.as_i64().unwrap() >= floor, "stale: {n} after {floor}");
    }
}

/// Everything acknowledged is there, also when it comes from the cache.
fn verify(address: SocketAddr, known: &Acknowledged) {
    let mut http = Http::connect(address).unwrap();
    for _ in 0..3 {
        let n = http.scalar("SELECT n FROM counter", &json!([])).unwrap();
        assert!(n.as_i64().unwrap() >= known.counter.load(SeqCst), "the counter went back");
        for (writer, last) in known.rows.iter().enumerate() {
            let last = last.load(SeqCst);
            let sql = "SELECT count(*) FROM rows WHERE writer = ? AND seq BETWEEN 1 AND ?";
            let found = http.scalar(sql, &json!([writer, last])).unwrap();
            assert_eq!(found, last, "rows of writer {writer}");
        }
    }
}
