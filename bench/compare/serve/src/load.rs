//! The load: connections that ask again as soon as they are answered, all on one thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::line::Line;
use crate::process::Process;

/// Times are kept to 3 digits, up to a minute.
const TIME_MAX_NS: u64 = 60_000_000_000;

/// Steps from one row to the next that a connection asks for; prime to their number, so that all
/// of them come.
const STRIDE: usize = 379;

/// Asked before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// What came of it.
pub(crate) struct Figures {
    pub(crate) times: Histogram<u64>,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) spent: Duration,
    /// What the server's process has spent on processors meanwhile.
    pub(crate) cpu: Duration,
}

/// A load that is on its way.
pub(crate) struct Load {
    shared: Rc<Shared>,
    users: JoinSet<()>,
}

struct Shared {
    address: SocketAddr,
    requests: Rc<[Vec<u8>]>,
    /// From when on answers count.
    since: Cell<Option<Instant>>,
    is_over: Cell<bool>,
    figures: RefCell<Figures>,
}

impl Figures {
    pub(crate) fn new() -> Figures {
        let times = Histogram::new_with_max(TIME_MAX_NS, 3);
        Figures {
            times: times.expect("the bounds are constants that fit"),
            errors: BTreeMap::new(),
            spent: Duration::ZERO,
            cpu: Duration::ZERO,
        }
    }

    pub(crate) fn answered(&mut self, took: Duration) {
        self.times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn failed(&mut self, reason: String) {
        *self.errors.entry(reason).or_default() += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.times.len()
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.count() as f64 / self.spent.as_secs_f64()
    }

    /// Microseconds of a processor for an answer.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count() as f64
    }

    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        self.times.value_at_quantile(quantile) as f64 / 1e6
    }
}

impl Load {
    /// Begins to ask; nothing counts yet.
    pub(crate) fn begin(address: SocketAddr, requests: Rc<[Vec<u8>]>, users: usize) -> Load {
        let shared = Rc::new(Shared {
            address,
            requests,
            since: Cell::new(None),
            is_over: Cell::new(false),
            figures: RefCell::new(Figures::new()),
        });
        let mut all = JoinSet::new();
        for user in 0..users {
            all.spawn_local(ask_in_turn(Rc::clone(&shared), user));
        }
        Load { shared, users: all }
    }

    /// From now on answers count; what was counted so far.
    pub(crate) fn count_from_now(&self) -> Figures {
        self.shared.since.set(Some(Instant::now()));
        self.shared.figures.replace(Figures::new())
    }

    /// Answers that were counted, and errors.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        let figures = self.shared.figures.borrow();
        (figures.count(), figures.error_count())
    }

    /// Ends it, and waits for the last answers, which do not count.
    pub(crate) async fn end(self) -> Figures {
        let figures = self.shared.figures.replace(Figures::new());
        self.shared.since.set(None);
        self.shared.is_over.set(true);
        self.users.join_all().await;
        figures
    }
}

/// Asks `server` for `time`.
pub(crate) async fn run(
    server: &Process,
    requests: &Rc<[Vec<u8>]>,
    users: usize,
    time: Duration,
) -> Figures {
    let load = Load::begin(server.address, Rc::clone(requests), users);
    tokio::time::sleep(WARM_UP).await;
    let before = load.count_from_now();
    let (began, cpu) = (Instant::now(), server.cpu());
    tokio::time::sleep(time).await;
    let (spent, cpu) = (began.elapsed(), server.cpu() - cpu);
    let mut figures = load.end().await;
    figures.spent = spent;
    figures.cpu = cpu;
    // A connection that was refused is an error, whenever that was.
    before.errors.into_keys().for_each(|reason| figures.failed(reason));
    figures
}

async fn ask_in_turn(shared: Rc<Shared>, user: usize) {
    if let Err(reason) = ask_until_over(&shared, user).await {
        shared.figures.borrow_mut().failed(reason);
    }
}

async fn ask_until_over(shared: &Shared, user: usize) -> Result<(), String> {
    let mut line = Line::to(shared.address).await?;
    let mut next = user * 7 % shared.requests.len();
    while !shared.is_over.get() {
        let began = Instant::now();
        let answer = line.ask(&shared.requests[next]).await?;
        let (took, status) = (began.elapsed(), answer.status);
        if status != 200 {
            shared.figures.borrow_mut().failed(format!("status {status}"));
        } else if shared.since.get().is_some_and(|since| began >= since) {
            shared.figures.borrow_mut().answered(took);
        }
        next = (next + STRIDE) % shared.requests.len();
    }
    Ok(())
}
