//! More connections than the service takes, all of them idle: how long somebody who comes after
//! them waits, and whether those who were there before notice.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Fault;
use crate::line::Line;
use crate::load::Figures;
use crate::options::Ground;
use crate::process::take_place;
use crate::question::get;
use crate::report::{Report, Wanted, quartiles};
use crate::stage::Stage;

const IDLERS: usize = 10_000;

/// Between two newcomers, and how many come.
const NEWCOMER_EVERY: Duration = Duration::from_secs(2);
const NEWCOMERS: usize = 20;

/// A newcomer goes away after this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is documented: the longest that an idle connection keeps its place.
const WAIT_MAX_SECONDS: f64 = 30.0;

pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<(), Fault> {
    take_place(Ground::Shared)?;
    report.title(&format!("{IDLERS} idle connections"));
    let server = stage.forebay(Ground::Shared, &[])?;
    let address = server.address;
    let before = server.rss_kib();
    let regular = Rc::new(RefCell::new(Figures::new()));
    let mut others = JoinSet::new();
    others.spawn_local(ask_on(address, Rc::clone(&regular)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..IDLERS {
        others.spawn_local(idle(address));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut newcomers = JoinSet::new();
    for number in 0..NEWCOMERS {
        newcomers.spawn_local(async move {
            tokio::time::sleep(NEWCOMER_EVERY * number as u32).await;
            let began = Instant::now();
            let asked = async {
                let mut line = Line::to(address).await?;
                line.ask(&get("/health/live")).await.map(|_| ())
            };
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(answered) => answered.map(|()| began.elapsed().as_secs_f64()),
                Err(_) => Err("nobody took the connection in time".to_owned()),
            }
        });
    }
    let found = newcomers.join_all().await;
    let rss = server.rss_kib();
    let waits: Vec<f64> = found.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    let errors: Vec<&String> = found.iter().filter_map(|one| one.as_ref().err()).collect();
    let [low, middle, high] = quartiles(waits.iter().copied());
    let longest = waits.iter().copied().fold(0.0, f64::max);
    report.line(format!(
        "{} newcomers, one each {NEWCOMER_EVERY:?}: {middle:.2} s until they were answered \
         (quartiles {low:.2}, {high:.2}), {errors:?}; memory {:.1} MiB, {:.1} before",
        found.len(),
        rss as f64 / 1_024.0,
        before as f64 / 1_024.0,
    ));
    report.verdict("the longest, in seconds", longest, Wanted::AtMost(WAIT_MAX_SECONDS));
    report.verdict("newcomers not answered", errors.len() as f64, Wanted::AtMost(0.0));
    let regular = regular.borrow();
    report.line(format!(
        "a connection from before: {} answers, p50 {:.2} ms, max {:.2} ms",
        regular.count(),
        regular.ms(0.5),
        regular.ms(1.0),
    ));
    let failed = regular.error_count() as f64;
    report.verdict("errors of one from before", failed, Wanted::AtMost(0.0));
    report.keep(
        "idle",
        json!({ "seconds": waits, "errors": errors, "regular_errors": failed,
        "regular_max_ms": regular.ms(1.0), "rss_kib": [before, rss] }),
    );
    Ok(())
}

/// Connects and says nothing; when it is closed, it comes again.
async fn idle(address: SocketAddr) {
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            let _ = stream.read(&mut [0]).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Asks ten times a second over one connection.
async fn ask_on(address: SocketAddr, figures: Rc<RefCell<Figures>>) {
    let done: Result<(), String> = async {
        let mut line = Line::to(address).await?;
        loop {
            let began = Instant::now();
            line.ask(&get("/health/live")).await?;
            figures.borrow_mut().answered(began.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    .await;
    if let Err(reason) = done {
        figures.borrow_mut().failed(reason);
    }
}
