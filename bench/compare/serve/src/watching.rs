//! What looking at the service costs it: one with its defaults that is looked at as in production,
//! one with its defaults that nobody looks at, and one with everything off that can be switched.
//! Statistics of statements and the counters behind `/metrics` cannot be switched off; they are in
//! all three.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::Fault;
use crate::line::Line;
use crate::load::{self, Figures};
use crate::options::Options;
use crate::process::{Process, take_place};
use crate::question::{Door, get};
use crate::report::{Report, Wanted, median, quartiles};
use crate::stage::{self, Stage};

const CONNECTIONS: usize = 64;

/// A slice is short beside what is to be told apart, so there are more of them.
const ROUNDS_FACTOR: usize = 4;

/// What of the rate it may cost.
const COST_MAX: f64 = 0.02;

/// Nothing that is optional.
const OFF: [&str; 6] =
    ["--set", "repeats.watch=off", "--set", "slow.after=0s", "--audit-one-in", "0"];

pub(crate) async fn measure(
    options: &Options,
    stage: &Stage,
    report: &mut Report,
) -> Result<(), Fault> {
    for &ground in &options.grounds {
        take_place(ground)?;
        report.title(&format!("What watching costs, {CONNECTIONS} connections, {}", ground.name()));
        let names = ["looked at", "its defaults", "all off"];
        let servers = [
            stage.forebay(ground, &[])?,
            stage.forebay(ground, &[])?,
            stage.forebay(ground, &OFF)?,
        ];
        for server in &servers {
            stage::warm(server).await?;
        }
        let requests = Door::Plain.requests();
        let mut figures: [Vec<Figures>; 3] = Default::default();
        for round in 0..options.rounds * ROUNDS_FACTOR {
            for place in 0..servers.len() {
                let at = (place + round) % servers.len();
                let watchers = (at == 0).then(|| watch(&servers[at]));
                let found = load::run(&servers[at], &requests, CONNECTIONS, options.slice).await;
                figures[at].push(found);
                drop(watchers);
            }
        }
        for (name, own) in names.iter().zip(&figures) {
            let [low, rate, high] = quartiles(own.iter().map(Figures::rate));
            let cpu = median(own.iter().map(Figures::cpu_us));
            let errors: u64 = own.iter().map(Figures::error_count).sum();
            report.line(format!(
                "{name:<14} {rate:>8.0} answers/s (quartiles {low:.0}, {high:.0}), {cpu:.2} us of \
                 a processor each, {errors} errors"
            ));
        }
        for (what, on, off) in [("looking", 0, 1), ("all of it", 0, 2)] {
            let pairs = || figures[on].iter().zip(&figures[off]);
            let cost = 1.0 - median(pairs().map(|(on, off)| on.rate() / off.rate()));
            report.verdict(&format!("{what}, of the rate"), cost, Wanted::AtMost(COST_MAX));
            let cost = median(pairs().map(|(on, off)| on.cpu_us() / off.cpu_us())) - 1.0;
            report.verdict(&format!("{what}, of the time"), cost, Wanted::AtMost(COST_MAX));
        }
        let all = |of: fn(&Figures) -> f64| {
            figures.each_ref().map(|own| own.iter().map(of).collect::<Vec<_>>())
        };
        report.keep(
            &format!("watching, {}", ground.name()),
            json!({
                "order": names,
                "answers_per_second": all(Figures::rate),
                "cpu_us": all(Figures::cpu_us),
            }),
        );
    }
    Ok(())
}

/// Reads the metrics once a second, as Prometheus does more seldom, and listens as an open
/// dashboard does, until dropped.
fn watch(server: &Process) -> JoinSet<Result<(), String>> {
    let address = server.address;
    let mut watchers = JoinSet::new();
    watchers.spawn_local(async move {
        let mut line = Line::to(address).await?;
        loop {
            line.ask(&get("/metrics")).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    watchers.spawn_local(async move {
        let mut line = Line::to(address).await?;
        line.begin(&get("/api/v1/admin/live")).await?;
        loop {
            line.more().await?;
        }
    });
    watchers
}
