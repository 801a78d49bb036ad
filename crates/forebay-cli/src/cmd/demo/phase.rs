//! One run of the load over one way: its clients, the outside writer, the auditor, and the end
//! of them all.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use forebay::{Builder, Db, Stats};
use tokio::runtime::Handle;

use super::audit::{Audit, Auditor};
use super::bare::Bare;
use super::client::Client;
use super::drive::drive;
use super::fill::Facts;
use super::layered::Layered;
use super::ledger::Ledger;
use super::mix::{Chooser, SHAPES};
use super::outside;
use super::progress::Progress;
use super::stop::Stop;
use super::tally::Tally;

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);
/// The seeds of those who are not clients.
const AUDIT_SEED: u64 = 1 << 32;
const OUTSIDE_SEED: u64 = 2 << 32;

/// A way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Bare,
    CacheOff,
    Forebay,
}

impl Way {
    pub(super) const ALL: [Way; 3] = [Way::Bare, Way::CacheOff, Way::Forebay];

    /// The name, as it stands over a column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Way::Bare => "bare SQLite",
            Way::CacheOff => "Forebay, cache off",
            Way::Forebay => "Forebay",
        }
    }

    /// The name in JSON.
    pub(super) fn id(self) -> &'static str {
        match self {
            Way::Bare => "bare",
            Way::CacheOff => "cache_off",
            Way::Forebay => "forebay",
        }
    }
}

/// What all ways have in common.
pub(super) struct Load {
    pub(super) runtime: Handle,
    pub(super) chooser: Chooser,
    pub(super) facts: Facts,
    pub(super) clients: usize,
    pub(super) time: Duration,
    pub(super) seed: u64,
    pub(super) outside_writes: f64,
    pub(super) stop: Stop,
}

/// What one run of the load came to.
pub(super) struct Measured {
    pub(super) way: Way,
    pub(super) elapsed: Duration,
    pub(super) tally: Tally,
    pub(super) audit: Audit,
    pub(super) outside_writes: u64,
    /// Forebay's own counters; none for the bare way.
    pub(super) stats: Option<Stats>,
    /// The read statements that are not cached, by their position, and why.
    pub(super) not_cached: Vec<(usize, String)>,
}

impl Measured {
    /// Answers that were older than they may be, by either check.
    pub(super) fn stale(&self) -> u64 {
        self.tally.stale() + self.audit.differing
    }
}

/// Runs the load over `way` on the database at `path`.
pub(super) fn run(way: Way, load: &Load, path: &Path) -> Result<Measured> {
    if way == Way::Bare {
        let open = || Bare::open(path, load.clients);
        return run_clients(way, load, path, open, spawn_thread::<Bare>);
    }
    let url = format!("sqlite:{}", path.display());
    let db = load.runtime.block_on(Builder::new(url).cache(way == Way::Forebay).open())?;
    let open = || Ok(Layered::new(db.clone()));
    let measured = run_clients(way, load, path, open, spawn_task::<Layered>);
    let stats = db.stats();
    let not_cached = load.runtime.block_on(not_cached(way, &db));
    load.runtime.block_on(db.close());
    Ok(Measured { stats: Some(stats), not_cached: not_cached?, ..measured? })
}

/// The reads that Forebay may not cache, with the first rule that stops each.
async fn not_cached(way: Way, db: &Db) -> Result<Vec<(usize, String)>> {
    let mut found = Vec::new();
    for (shape, entry) in SHAPES.iter().enumerate().filter(|_| way == Way::Forebay) {
        let explanation = db.explain(entry.sql).await?;
        found.extend(explanation.reasons.into_iter().next().map(|reason| (shape, reason)));
    }
    Ok(found)
}

/// A client that is ready to run.
struct Ready<C> {
    client: C,
    chooser: Chooser,
    ledger: Arc<Ledger>,
    until: Instant,
    stop: Stop,
    done: std::sync::mpsc::SyncSender<Tally>,
}

impl<C: Client> Ready<C> {
    /// The channel has room for every tally; if nobody waits for it any more, it is not wanted.
    async fn run(self) {
        let tally = drive(self.client, self.chooser, self.ledger, self.until, self.stop).await;
        let _ = self.done.send(tally);
    }
}

fn spawn_thread<C: Client>(runtime: &Handle, client: Ready<C>) {
    let runtime = runtime.clone();
    thread::spawn(move || runtime.block_on(client.run()));
}

fn spawn_task<C: Client>(runtime: &Handle, client: Ready<C>) {
    runtime.spawn(client.run());
}

fn run_clients<C: Client>(
    way: Way,
    load: &Load,
    path: &Path,
    open: impl Fn() -> Result<C>,
    spawn: impl Fn(&Handle, Ready<C>),
) -> Result<Measured> {
    let ledger = Arc::new(Ledger::new(&load.facts));
    let clients = (0..load.clients).map(|_| open()).collect::<Result<Vec<C>>>()?;
    let chooser = |seed: u64| load.chooser.seeded(load.seed.wrapping_add(seed));
    let auditor = Auditor::new(open()?, Bare::open(path, 1)?, chooser(AUDIT_SEED));
    let outsider = Bare::open(path, 1)?;
    // The load, and after it the writer, have ended.
    let (ended, settled) = (Stop::default(), Stop::default());
    let (done, tallies) = sync_channel(load.clients);
    let start = Instant::now();
    for (index, client) in (0u64..).zip(clients) {
        let (ledger, stop, done) = (Arc::clone(&ledger), load.stop.clone(), done.clone());
        let until = start + load.time;
        let ready = Ready { client, chooser: chooser(index), ledger, until, stop, done };
        spawn(&load.runtime, ready);
    }
    drop(done);
    thread::scope(|scope| {
        let audit = scope.spawn(|| auditor.run(&load.runtime, &ended, &settled));
        let writer = scope.spawn(|| {
            let chooser = chooser(OUTSIDE_SEED);
            outside::write(outsider, chooser, &ledger, load.outside_writes, &load.runtime, &ended)
        });
        let tally = gather(&tallies, load, way, start);
        let elapsed = start.elapsed();
        ended.set();
        let outside_writes = writer.join().expect("the outside writer does not panic");
        settled.set();
        let audit = audit.join().expect("the auditor does not panic");
        Ok(Measured {
            way,
            elapsed,
            tally: tally?,
            audit: audit.context("comparing with the bare database")?,
            outside_writes: outside_writes.context("writing past Forebay")?,
            stats: None,
            not_cached: Vec::new(),
        })
    })
}

/// Waits for every client, and adds up what they measured.
fn gather(tallies: &Receiver<Tally>, load: &Load, way: Way, start: Instant) -> Result<Tally> {
    let length = u64::try_from(load.time.as_millis()).unwrap_or(u64::MAX);
    let progress = Progress::start(&format!("measuring: {}", way.title()), length);
    let mut sum = Tally::new();
    let mut missing = load.clients;
    while missing > 0 {
        match tallies.recv_timeout(TICK) {
            Ok(tally) => {
                sum.add(tally);
                missing -= 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("a client of the load panicked"),
        }
        let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        progress.advance_to(elapsed.min(length));
    }
    Ok(sum)
}
