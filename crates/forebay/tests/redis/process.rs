//! Two processes: no read is older than an acknowledged removal.
//!
//! The truth is a number in a file. The parent raises it and removes the key; the child reads all
//! the time as an application does: from its memory, from Redis, or from the file with a lease.
//! Once a removal is acknowledged the child is asked, and may not answer with a smaller number. It
//! reads with the tier itself, or through a `Cache`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay::{Cache, Redis, RedisTicket};

use crate::place::{MINUTE, patient, server, tier};

const KEY: &[u8] = b"the key";
const VARIABLE: &str = "FOREBAY_TEST_CHILD_OF";

/// How many removals are tried.
const ROUNDS: u64 = 1_500;

struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reader {
    fn start(url: &str, truth: &Path) -> Reader {
        Reader::start_as("tier", url, truth)
    }

    fn start_as(role: &str, url: &str, truth: &Path) -> Reader {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(VARIABLE, format!("{role} {url} {}", truth.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut reader = Reader { child, input, output };
        reader.hear("ready");
        reader
    }

    /// What the child reads now, and how often it has read from its memory.
    fn ask(&mut self) -> (u64, u64) {
        self.input.write_all(b"read\n").unwrap();
        let line = self.hear("value");
        let mut words = line.split(' ').map(|word| word.parse().unwrap());
        (words.next().unwrap(), words.next().unwrap())
    }

    /// The rest of the next line that begins with `word`; the test harness prints others.
    fn hear(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the child has ended");
            if let Some((_, rest)) = line.split_once(&format!("@{word} ")) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn no_read_is_older_than_an_acknowledged_removal() {
    let Some(server) = server() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let redis = tier(&server).await;
    write_truth(file.as_file(), 0);
    let mut reader = Reader::start(&server.url(), file.path());
    let mut from_memory = 0;
    for round in 1..=ROUNDS {
        write_truth(file.as_file(), round);
        redis.remove(KEY).await.unwrap();
        let (value, memory) = reader.ask();
        assert!(value >= round, "{value} was read after the removal of all before {round}");
        from_memory = memory;
        if round % 100 == 0 {
            // Leaves the child the time to answer from its memory.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(from_memory > ROUNDS, "the memory answered {from_memory} times");
}

/// It cannot hear of the removal, so its time has to be over before that is acknowledged.
#[tokio::test]
async fn a_frozen_process_does_not_answer_from_before() {
    let Some(server) = server() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let redis = tier(&server).await;
    write_truth(file.as_file(), 0);
    let mut reader = Reader::start(&server.url(), file.path());
    let mut longest = Duration::ZERO;
    for round in 1..=4 {
        reader.ask();
        reader.signal("STOP");
        write_truth(file.as_file(), round);
        let start = std::time::Instant::now();
        redis.remove(KEY).await.unwrap();
        longest = longest.max(start.elapsed());
        reader.signal("CONT");
        let (value, _) = reader.ask();
        assert!(value >= round, "{value} was read after the removal of all before {round}");
    }
    assert!(longest > Duration::from_millis(300), "nobody was waited for: {longest:?}");
}

/// The same through a `Cache` in each process, by all ways of deleting.
#[tokio::test]
async fn no_read_of_a_cache_is_older_than_an_acknowledged_deletion() {
    let Some(server) = server() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = Cache::builder("shop").redis(tier(&server).await).build().unwrap();
    write_truth(file.as_file(), 0);
    let mut reader = Reader::start_as("cache", &server.url(), file.path());
    let mut from_memory = 0;
    for round in 1..=ROUNDS / 2 {
        write_truth(file.as_file(), round);
        match round % 8 {
            0 => _ = cache.delete_pattern("the*").await.unwrap(),
            1 => _ = cache.clear().await.unwrap(),
            2 | 3 => cache.delete_by_tag("known").await.unwrap(),
            4 => cache.delete_by_tag("told").await.unwrap(),
            5 => cache.set(KEY, round).await,
            _ => _ = cache.delete(KEY).await.unwrap(),
        }
        let (value, memory) = reader.ask();
        assert!(value >= round, "{value} was read after the deletion of all before {round}");
        from_memory = memory;
        if round % 50 == 0 {
            // Leaves the child the time to answer from its memory.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(from_memory > ROUNDS, "the memory answered {from_memory} times");
}

fn write_truth(file: &File, number: u64) {
    file.write_all_at(&number.to_be_bytes(), 0).unwrap();
}

struct Application {
    redis: Redis,
    /// What is read through, if it is not the tier itself.
    cache: Option<Cache>,
    truth: Arc<File>,
    memory: Mutex<HashMap<&'static [u8], (RedisTicket, u64)>>,
    from_memory: AtomicU64,
}

impl Application {
    async fn read(&self) -> u64 {
        if let Some(cache) = &self.cache {
            let truth = self.truth.clone();
            let load = || async move { load(&truth).await };
            let entry = cache.entry(KEY).tag("known").tags_by(|_: &u64| ["told"]);
            let value = *entry.get_or_load(load).await.unwrap();
            self.from_memory.store(cache.stats().hits, Ordering::Relaxed);
            return value;
        }
        if let Some((ticket, value)) = self.memory.lock().unwrap().get(KEY)
            && ticket.is_true()
        {
            self.from_memory.fetch_add(1, Ordering::Relaxed);
            return *value;
        }
        let ticket = self.redis.ticket(KEY, &[]);
        if let Some(bytes) = self.redis.get(KEY).await {
            let value = u64::from_be_bytes(bytes.try_into().unwrap());
            if let Some(ticket) = ticket {
                self.memory.lock().unwrap().insert(KEY, (ticket, value));
            }
            return value;
        }
        let lease = self.redis.lease(KEY, MINUTE).await;
        let value = load(&self.truth).await.unwrap();
        if let Some(lease) = lease {
            lease.fill(&value.to_be_bytes(), MINUTE).await;
        }
        value
    }
}

async fn load(truth: &File) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    truth.read_exact_at(&mut bytes, 0)?;
    tokio::task::yield_now().await;
    Ok(u64::from_be_bytes(bytes))
}

/// Not a test: what the other process runs.
#[test]
#[ignore = "it is run by the tests above"]
fn child() {
    let Ok(told) = std::env::var(VARIABLE) else { return };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(serve(&told));
}

async fn serve(told: &str) {
    let (role, told) = told.split_once(' ').unwrap();
    let (url, truth) = told.split_once(' ').unwrap();
    let redis = patient(url).connect().await.unwrap();
    let cache =
        (role == "cache").then(|| Cache::builder("shop").redis(redis.clone()).build().unwrap());
    let application = Arc::new(Application {
        redis,
        cache,
        truth: Arc::new(File::open(truth).unwrap()),
        memory: Mutex::default(),
        from_memory: AtomicU64::new(0),
    });
    for _ in 0..3 {
        let application = Arc::clone(&application);
        tokio::spawn(async move {
            loop {
                application.read().await;
                tokio::task::yield_now().await;
            }
        });
    }
    println!("@ready ");
    let (send, mut lines) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if line.is_err() || send.blocking_send(()).is_err() {
                break;
            }
        }
    });
    while lines.recv().await.is_some() {
        let value = application.read().await;
        println!("@value {value} {}", application.from_memory.load(Ordering::Relaxed));
    }
}
