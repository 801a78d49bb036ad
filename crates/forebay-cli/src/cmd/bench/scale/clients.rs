//! What operations cost against how many want them at once: tasks of one process, and users of the
//! service over HTTP.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use forebay::Db;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::super::ask::Ask;
use super::super::load::{Load, Run, start};
use super::super::tally::Figures;
use super::super::target::Figure as Time;
use super::growth::Growth;
use super::series::{Group, Series};
use super::sizes::Sizes;
use super::stage::{POINT, Stage, WRITE, open};
use super::stopwatch::Times;

/// Rows that are asked for.
const READ: u64 = 1_000;
const ROWS: u64 = 100_000;

const ASKED: &str = r#"{"sql": "SELECT value, name FROM items WHERE id = ?", "params": [7]}"#;

pub(super) async fn group(sizes: &Sizes) -> Result<Group> {
    let mut series = vec![
        Series::new("hit", Growth::Constant),
        Series::new("point read past the cache", Growth::Constant),
        Series::new("point read past the cache, p99", Growth::Linear),
        Series::new("write", Growth::Constant),
        Series::new("write, p99", Growth::Linear),
        Series::new("hit over HTTP", Growth::Constant),
        Series::new("hit over HTTP, p99", Growth::Linear),
    ];
    let mut cuts = Vec::new();
    let stage = Stage::of(ROWS)?;
    for clients in sizes.clients.iter().copied() {
        let db = open(&stage.path(), READ).await?;
        let (hit, _) = all_at_once(&db, clients, sizes.load, Wanted::Hit).await?;
        let past = all_at_once(&db, clients, sizes.load, Wanted::Past).await?;
        let write = all_at_once(&db, clients, sizes.load, Wanted::Write).await?;
        drop(db);
        let found = [hit, past.0, past.1, write.0, write.1];
        for (series, cost) in series.iter_mut().zip(found) {
            series.add(clients, cost);
        }
        match over_http(&stage, clients, sizes.load).await? {
            Ok((each, p99)) => {
                series[5].add(clients, each);
                series[6].add(clients, p99);
            }
            Err(why) => cuts.push(format!("{clients} users over HTTP: {why}")),
        }
    }
    Ok(Group {
        name: "clients",
        title: "Clients at once",
        sizes: "clients",
        terms: format!(
            "Each asks again when it has been answered, for {:.1} s. A cost is the time that \
             passes between two answers to anybody, and a p99 what a client waits: with all \
             processors at work it has to grow with their number. Users over HTTP have a \
             connection each, and share the processors with the service.",
            sizes.load.as_secs_f64()
        ),
        series,
        notes: Vec::new(),
        cuts,
    })
}

#[derive(Clone, Copy)]
enum Wanted {
    Hit,
    Past,
    Write,
}

/// The time between two answers, and the 99th of a hundred waits.
async fn all_at_once(db: &Db, clients: u64, lasts: Duration, wanted: Wanted) -> Result<(f64, f64)> {
    for id in 1..=READ as i64 {
        db.query(POINT).bind(id).shared::<(i64, String)>().await?;
    }
    let began = Instant::now();
    let ends = began + lasts;
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let db = db.clone();
            tokio::spawn(async move {
                let ask = |id| ask(&db, id, wanted);
                until(ends, fastrand::Rng::with_seed(client), ask).await
            })
        })
        .collect();
    let mut waits = Times::default();
    let mut answers = 0_u64;
    for task in tasks {
        let (of_task, count) = task.await.context("a client has panicked")??;
        waits.extend(of_task);
        answers += count;
    }
    Ok((began.elapsed().as_nanos() as f64 / answers as f64, waits.quantile(0.99)))
}

async fn ask(db: &Db, id: i64, wanted: Wanted) -> Result<()> {
    match wanted {
        Wanted::Hit => {
            black_box(db.query(POINT).bind(id).shared::<(i64, String)>().await?);
        }
        Wanted::Past => {
            black_box(db.query(POINT).bind(id).no_cache().one::<(i64, String)>().await?);
        }
        Wanted::Write => {
            db.execute(WRITE).bind(id).await?;
        }
    }
    Ok(())
}

/// Asks until the time is over, once at least; the waits, and how many there were.
async fn until<F: Future<Output = Result<()>>>(
    ends: Instant,
    mut random: fastrand::Rng,
    ask: impl Fn(i64) -> F,
) -> Result<(Times, u64)> {
    let (mut waits, mut answers) = (Times::default(), 0);
    loop {
        let began = Instant::now();
        ask(random.u64(1..=READ) as i64).await?;
        answers += 1;
        waits.add(began.elapsed());
        // A hit never waits for anything, so that nobody else would have a turn.
        tokio::task::yield_now().await;
        if Instant::now() >= ends {
            return Ok((waits, answers));
        }
    }
}

/// The same at the service; or why it could not be measured.
async fn over_http(
    stage: &Stage,
    users: u64,
    lasts: Duration,
) -> Result<Result<(f64, f64), String>> {
    let db = open(&stage.path(), READ).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let options = forebay_server::Options::default();
    let service = tokio::spawn(forebay_server::run(db, options, listener, stopped));
    let run = Arc::new(Run::new(Load {
        asks: vec![Ask::json(&format!("http://{address}/v1/query"), ASKED)?],
        users: u32::try_from(users).unwrap_or(u32::MAX),
        warm_up: lasts / 2,
        duration: lasts,
        requests: u64::MAX,
        rate: None,
        timeout: Duration::from_secs(30),
        tls: None,
    }));
    let mut all = start(&run);
    while all.join_next().await.is_some() {}
    let spent = run.counts_from().elapsed();
    let (_, tally) = Arc::into_inner(run).context("a user has not ended")?.into_parts();
    // It may have ended by itself, which its result says.
    let _ = stop.send(());
    service.await.context("the service has panicked")??;
    let figures = tally.into_figures().pop().context("there is one endpoint")?;
    Ok(costs(&figures, spent))
}

fn costs(figures: &Figures, spent: Duration) -> Result<(f64, f64), String> {
    if let Some((reason, count)) = figures.reasons.iter().max_by_key(|(_, count)| **count) {
        return Err(format!("{count} requests failed: {reason}"));
    }
    let p99 = figures.time(Time::Quantile(0.99)).ok_or("nothing was answered")?;
    let each = spent.as_nanos() as f64 / figures.answers() as f64;
    Ok((each, p99.as_nanos() as f64))
}
