//! Many connections for a long time: no error, no growth, nobody who waits much longer than
//! others, and an operator who is answered meanwhile. Somebody writes, too, so that answers do not
//! only come to memory but also leave it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::Fault;
use crate::line::Line;
use crate::load::{Figures, Load};
use crate::options::{Ground, Options};
use crate::process::{Process, take_place};
use crate::question::{Door, FIRST_ID, IDS, get, post};
use crate::report::{Report, Wanted, median};
use crate::stage::{self, Stage};

/// From then on nothing may grow: all rows have been asked for, all connections have their buffers.
const SETTLED_AFTER: usize = 60;

/// What the median of the last minute may be of that of the first one that counts. An allocator
/// does not give back every page at once.
const GROWTH_MAX: f64 = 1.01;

/// The 99th percentile beside the median.
const SPREAD_MAX: f64 = 10.0;

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(10);

/// What an operator asks, each once a second.
const LOOKS: [&str; 9] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/metrics/performance",
    "/metrics/cache",
    "/api/v1/admin/cache/stats",
    "/api/v1/admin/pools",
    "/api/v1/admin/fingerprints",
];

/// What those who are not the load were answered.
type Others = Rc<RefCell<BTreeMap<&'static str, Figures>>>;

/// One second.
struct Sample {
    rss_kib: u64,
    answers: u64,
    errors: u64,
}

pub(crate) async fn measure(
    options: &Options,
    stage: &Stage,
    report: &mut Report,
) -> Result<(), Fault> {
    let (ground, seconds) = (Ground::Shared, options.long.as_secs());
    take_place(ground)?;
    report.title(&format!("{} connections for {seconds} s", options.connections));
    let server = stage.forebay(ground, &[])?;
    stage::warm(&server).await?;
    let before = server.rss_kib();
    let others = Others::default();
    let mut watchers = JoinSet::new();
    for path in LOOKS {
        watchers.spawn_local(look(server.address, path, Rc::clone(&others)));
    }
    watchers.spawn_local(listen(server.address, Rc::clone(&others)));
    watchers.spawn_local(write(server.address, Rc::clone(&others)));
    let load = Load::begin(server.address, Door::Plain.requests(), options.connections);
    let samples = sample(&server, &load, options.long).await;
    let (spent, cpu) = (options.long, server.cpu());
    let mut figures = load.end().await;
    (figures.spent, figures.cpu) = (spent, cpu);
    watchers.shutdown().await;
    let mut line = Line::to(server.address).await?;
    let hits = stage::execute(&mut line, "SELECT count(*) FROM users").await?;
    let cache = line.ask(&get("/metrics/cache")).await?;
    let cache: serde_json::Value = serde_json::from_slice(cache.body)?;
    report.line(format!("rows {}, the cache at the end: {cache}", hits["rows"]));
    report.keep("cache at the end", cache);
    judge(report, before, &samples, &figures);
    tell_others(report, &others.borrow(), seconds);
    if let Some(path) = &options.series {
        std::fs::write(path, series(&samples))?;
    }
    Ok(())
}

/// Looks at it once a second.
async fn sample(server: &Process, load: &Load, time: Duration) -> Vec<Sample> {
    let mut timer = tokio::time::interval(Duration::from_secs(1));
    timer.tick().await;
    load.count_from_now();
    let mut samples = Vec::new();
    let mut before = (0, 0);
    for _ in 0..time.as_secs() {
        timer.tick().await;
        let now = load.so_far();
        samples.push(Sample {
            rss_kib: server.rss_kib(),
            answers: now.0 - before.0,
            errors: now.1 - before.1,
        });
        before = now;
    }
    samples
}

fn judge(report: &mut Report, before: u64, samples: &[Sample], figures: &Figures) {
    let (p50, p99) = (figures.ms(0.5), figures.ms(0.99));
    report.line(format!(
        "{:.0} answers/s, {:.2} us of a processor each, p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 \
         {:.2} ms, max {:.2} ms",
        figures.rate(),
        figures.cpu_us(),
        figures.ms(0.999),
        figures.ms(1.0),
    ));
    report.verdict("errors", figures.error_count() as f64, Wanted::AtMost(0.0));
    report.verdict("p99 to p50", p99 / p50, Wanted::AtMost(SPREAD_MAX));
    let rss = |samples: &[Sample]| median(samples.iter().map(|it| it.rss_kib as f64 / 1_024.0));
    let settled = samples.get(SETTLED_AFTER..).unwrap_or_default();
    let minute = settled.len().min(60);
    let (first, last) = (rss(&settled[..minute]), rss(&settled[settled.len() - minute..]));
    report.line(format!(
        "memory: {:.1} MiB before, {first:.1} MiB in the second minute, {last:.1} MiB in the last",
        before as f64 / 1_024.0
    ));
    if minute > 0 {
        report.verdict("memory, last to second minute", last / first, Wanted::AtMost(GROWTH_MAX));
    }
    report.keep(
        "long",
        json!({
            "answers": figures.count(),
            "errors": figures.errors,
            "p50_ms": p50,
            "p99_ms": p99,
            "p99.9_ms": figures.ms(0.999),
            "max_ms": figures.ms(1.0),
            "cpu_us": figures.cpu_us(),
            "rss_mib": { "before": before as f64 / 1_024.0, "second": first, "last": last },
        }),
    );
}

fn tell_others(report: &mut Report, others: &BTreeMap<&'static str, Figures>, seconds: u64) {
    let mut raw = Vec::new();
    let mut errors = 0;
    for (name, figures) in others {
        report.line(format!(
            "{name:<28} {:>6} answers, p50 {:>7.2} ms, p99 {:>8.2} ms, max {:>8.2} ms, {} errors",
            figures.count(),
            figures.ms(0.5),
            figures.ms(0.99),
            figures.ms(1.0),
            figures.error_count(),
        ));
        errors += figures.error_count();
        raw.push(json!({ "name": name, "answers": figures.count(), "p50_ms": figures.ms(0.5),
            "p99_ms": figures.ms(0.99), "max_ms": figures.ms(1.0), "errors": figures.errors }));
    }
    let fewest = others.values().map(Figures::count).min().unwrap_or(0);
    report.verdict("errors of the others", errors as f64, Wanted::AtMost(0.0));
    // A look begins a second after the one before was answered.
    let share = fewest as f64 / seconds as f64;
    report.verdict("the fewest answers a second", share, Wanted::AtLeast(0.8));
    report.keep("others", json!(raw));
}

fn series(samples: &[Sample]) -> String {
    let mut text = "second,rss_kib,answers,errors\n".to_owned();
    for (second, Sample { rss_kib, answers, errors }) in samples.iter().enumerate() {
        let _ = writeln!(text, "{},{rss_kib},{answers},{errors}", second + 1);
    }
    text
}

/// Asks for a page once a second.
async fn look(address: SocketAddr, path: &'static str, others: Others) {
    let request = get(path);
    ask_every(address, path, others, Duration::from_secs(1), move |_| request.clone()).await;
}

/// Changes one row after another.
async fn write(address: SocketAddr, others: Others) {
    let request = |turn: usize| {
        let id = FIRST_ID + turn * 31 % IDS;
        let sql = "UPDATE users SET visits = visits + 1 WHERE id = ?";
        post("/v1/query", &json!({ "sql": sql, "params": [id] }).to_string())
    };
    ask_every(address, "a write each 10 ms", others, WRITE_EVERY, request).await;
}

async fn ask_every(
    address: SocketAddr,
    name: &'static str,
    others: Others,
    every: Duration,
    request: impl Fn(usize) -> Vec<u8>,
) {
    let mut line = None;
    for turn in 0.. {
        let began = Instant::now();
        let done = ask(&mut line, address, &request(turn)).await;
        let mut others = others.borrow_mut();
        let figures = others.entry(name).or_insert_with(Figures::new);
        match done {
            Ok(()) => figures.answered(began.elapsed()),
            Err(reason) => {
                figures.failed(reason);
                line = None;
            }
        }
        drop(others);
        tokio::time::sleep(every).await;
    }
}

async fn ask(line: &mut Option<Line>, to: SocketAddr, request: &[u8]) -> Result<(), String> {
    let open = match line.take() {
        Some(open) => open,
        None => Line::to(to).await?,
    };
    let answer = line.insert(open).ask(request).await?;
    if answer.status == 200 { Ok(()) } else { Err(format!("status {}", answer.status)) }
}

/// Listens as an open dashboard does; the time is that between two events.
async fn listen(address: SocketAddr, others: Others) {
    let name = "/api/v1/admin/live";
    let done: Result<(), String> = async {
        let mut line = Line::to(address).await?;
        line.begin(&get(name)).await?;
        let mut last = Instant::now();
        loop {
            // An event is small, and comes in one piece.
            let events = String::from_utf8_lossy(line.more().await?).matches("event: beat").count();
            let mut others = others.borrow_mut();
            let figures = others.entry(name).or_insert_with(Figures::new);
            for _ in 0..events {
                figures.answered(last.elapsed());
                last = Instant::now();
            }
        }
    }
    .await;
    if let Err(reason) = done {
        others.borrow_mut().entry(name).or_insert_with(Figures::new).failed(reason);
    }
}
