//! The service under many users, in this process: a read of each, by HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::super::ask::Ask;
use super::super::load::{Load, Run, start};
use super::super::tally::Figures;
use super::super::target::Figure as Time;
use super::figure::{Amount, Figure, Theirs, millis};
use super::seed::{Copies, open};

/// What each user asks, over and over.
const ASKED: &str = r#"{"sql": "SELECT id, body FROM messages WHERE conversation_id = ?",
    "params": [7]}"#;

pub(super) async fn figures(copies: &Copies) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let ten = under(copies, 10, copies.sizes.load, u64::MAX).await?.0;
    for (what, quantile, theirs) in
        [("response p50", 0.5, 120.0), ("response p95", 0.95, 280.0), ("response p99", 0.99, 450.0)]
    {
        figures.push(Figure {
            what,
            how: "10 users, a list of 20 rows over HTTP".to_owned(),
            theirs: Theirs::reached(millis(theirs)),
            before: None,
            after: time(&ten, quantile)?,
        });
    }
    let hundred = under(copies, 100, copies.sizes.load, u64::MAX).await?.0;
    for (what, quantile, theirs) in
        [("100 at once, p50", 0.5, 50.0), ("100 at once, p99", 0.99, 200.0)]
    {
        figures.push(Figure {
            what,
            how: "100 users, the same".to_owned(),
            theirs: Theirs::reached(millis(theirs)),
            before: None,
            after: time(&hundred, quantile)?,
        });
    }
    let (once, took) = under(copies, 100, Duration::from_secs(60), 100).await?;
    ensure!(once.answers() == 100, "some users were not answered");
    figures.push(Figure {
        what: "100 users",
        how: "each connects and asks once; until all are answered".to_owned(),
        theirs: Theirs::reached(millis(2_340.0)),
        before: None,
        after: Amount::Time(took),
    });
    Ok(figures)
}

fn time(figures: &Figures, quantile: f64) -> Result<Amount> {
    ensure!(figures.errors == 0, "{} requests failed: {:?}", figures.errors, figures.reasons);
    let time = figures.time(Time::Quantile(quantile)).context("nothing was answered")?;
    Ok(Amount::Time(time))
}

/// What the service answers so many users, and how long all of that took.
async fn under(
    copies: &Copies,
    users: u32,
    duration: Duration,
    requests: u64,
) -> Result<(Figures, Duration)> {
    let db = open(&copies.fresh("service")?).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let options = forebay_server::Options::default();
    let service = tokio::spawn(forebay_server::run(db, options, listener, stopped));
    let run = Arc::new(Run::new(Load {
        asks: vec![Ask::json(&format!("http://{address}/v1/query"), ASKED)?],
        users,
        warm_up: Duration::ZERO,
        duration,
        requests,
        rate: None,
        timeout: Duration::from_secs(30),
        tls: None,
    }));
    let began = run.counts_from();
    let mut all = start(&run);
    while all.join_next().await.is_some() {}
    let took = began.elapsed();
    let (_, tally) = Arc::into_inner(run).context("a user has not ended")?.into_parts();
    // It may have ended by itself, which its result says.
    let _ = stop.send(());
    service.await.context("the service has panicked")??;
    let figures = tally.into_figures().pop().context("there is one endpoint")?;
    Ok((figures, took))
}
