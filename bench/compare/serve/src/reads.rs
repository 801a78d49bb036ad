//! Cached reads beside a bare handler that answers the same bytes, and beside other servers.

use std::path::Path;

use serde_json::{Value, json};

use crate::Fault;
use crate::line::Line;
use crate::load::{self, Figures};
use crate::options::{Ground, Options};
use crate::process::{Process, take_place};
use crate::question::Door;
use crate::report::{Report, Wanted, median};
use crate::stage::{self, Stage};

const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// What cached reads have to reach of the bare handler's rate.
const SHARE_MIN: f64 = 0.7;

/// Somebody who is asked.
struct Contender {
    name: &'static str,
    server: usize,
    door: Door,
    /// The contender whose bytes it answers.
    beside: Option<&'static str>,
}

pub(crate) async fn measure(
    options: &Options,
    stage: &Stage,
    report: &mut Report,
) -> Result<(), Fault> {
    for &ground in &options.grounds {
        take_place(ground)?;
        let (servers, contenders) = enter(options, stage, ground).await?;
        report.title(&format!("Cached reads, {}", ground.name()));
        for connections in CONNECTIONS {
            let mut figures: Vec<Vec<Figures>> = contenders.iter().map(|_| Vec::new()).collect();
            for round in 0..options.rounds {
                for place in 0..contenders.len() {
                    // Whoever comes after another one is not always the same.
                    let at = (place + round) % contenders.len();
                    let Contender { server, door, .. } = &contenders[at];
                    let (server, requests) = (&servers[*server], door.requests());
                    let found = load::run(server, &requests, connections, options.slice).await;
                    figures[at].push(found);
                }
            }
            show(report, ground, connections, &contenders, &figures);
        }
    }
    Ok(())
}

/// Starts all, and checks what each of them answers.
async fn enter(
    options: &Options,
    stage: &Stage,
    ground: Ground,
) -> Result<(Vec<Process>, Vec<Contender>), Fault> {
    let mut servers = vec![stage.bare(ground)?, stage.forebay(ground, &[])?];
    let one = |name, server, door, beside| Contender { name, server, door, beside };
    let mut contenders = vec![
        one("axum, the bytes of /v1/query", 0, Door::Plain, None),
        one("forebay, /v1/query", 1, Door::Plain, Some("axum, the bytes of /v1/query")),
        one("axum, the bytes of /v2/pipeline", 0, Door::Hrana, None),
        one("forebay, /v2/pipeline", 1, Door::Hrana, Some("axum, the bytes of /v2/pipeline")),
    ];
    let database = stage.database().display().to_string();
    let peers: [(_, &Option<_>, _, &[&str]); 2] = [
        ("datasette", &options.datasette, Door::Datasette, &["serve", &database, "--port", "PORT"]),
        ("soul", &options.soul, Door::Soul, &["-d", &database, "-p", "PORT"]),
    ];
    for (name, program, door, args) in peers {
        let Some(program) = program else { continue };
        contenders.push(one(name, servers.len(), door, None));
        servers.push(Process::start_at(ground, Path::new(program), args)?);
    }
    stage::warm(&servers[1]).await?;
    for contender in contenders.iter().filter(|contender| contender.server > 0) {
        let mut line = Line::to(servers[contender.server].address).await?;
        stage::check(&mut line, contender.door).await?;
    }
    Ok((servers, contenders))
}

fn show(
    report: &mut Report,
    ground: Ground,
    connections: usize,
    contenders: &[Contender],
    figures: &[Vec<Figures>],
) {
    report.line(format!(
        "{:<34} {:>10} {:>8} {:>9} {:>9} {:>9} {:>7}",
        format!("{connections} connections"),
        "answers/s",
        "cpu us",
        "p50 ms",
        "p99 ms",
        "errors",
        "share",
    ));
    let mut raw = Vec::new();
    for (contender, own) in contenders.iter().zip(figures) {
        let other = contenders.iter().position(|it| contender.beside == Some(it.name));
        let ratios = other.map(|other| {
            let pairs = own.iter().zip(&figures[other]);
            pairs.map(|(own, other)| own.rate() / other.rate()).collect::<Vec<_>>()
        });
        let share = ratios.clone().map(median);
        let middle = |of: fn(&Figures) -> f64| median(own.iter().map(of));
        let errors: u64 = own.iter().map(Figures::error_count).sum();
        report.line(format!(
            "{:<34} {:>10.0} {:>8.2} {:>9.3} {:>9.3} {:>9} {:>7}",
            contender.name,
            middle(Figures::rate),
            middle(Figures::cpu_us),
            middle(|it| it.ms(0.5)),
            middle(|it| it.ms(0.99)),
            errors,
            share.map_or(String::new(), |share| format!("{share:.2}")),
        ));
        raw.push(shown(contender.name, own, ratios));
    }
    report.keep(&format!("reads, {}, {connections} connections", ground.name()), json!(raw));
    for (contender, own) in contenders.iter().zip(figures) {
        let other = contenders.iter().position(|it| contender.beside == Some(it.name));
        let Some(other) = other else { continue };
        let pairs = own.iter().zip(&figures[other]);
        let share = median(pairs.map(|(own, other)| own.rate() / other.rate()));
        report.verdict(contender.name, share, Wanted::AtLeast(SHARE_MIN));
    }
    report.line(String::new());
}

fn shown(name: &str, own: &[Figures], ratios: Option<Vec<f64>>) -> Value {
    let all = |of: fn(&Figures) -> f64| own.iter().map(of).collect::<Vec<_>>();
    json!({
        "name": name,
        "answers_per_second": all(Figures::rate),
        "cpu_us": all(Figures::cpu_us),
        "p50_ms": all(|it| it.ms(0.5)),
        "p99_ms": all(|it| it.ms(0.99)),
        "errors": own.iter().flat_map(|it| it.errors.clone()).collect::<Vec<_>>(),
        "share": ratios,
    })
}
