//! A hundred users of a demo application, `examples/reader`: each connects and asks for three
//! pages, and all of them at once.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::Fault;
use crate::line::Line;
use crate::options::{Ground, Options};
use crate::process::{Process, take_place};
use crate::question::{get, post};
use crate::report::{Report, Wanted, median};

const USERS: usize = 100;

/// Rows before they come.
const LINKS: usize = 200;

/// In the first round nothing is in memory. More of them would meet the limit of the application,
/// a thousand requests at once from one address.
const ROUNDS: usize = 3;

/// Until all have been answered.
const SECONDS_MAX: f64 = 1.0;

pub(crate) async fn measure(options: &Options, report: &mut Report) -> Result<(), Fault> {
    let Some(program) = &options.examples else { return Ok(()) };
    take_place(Ground::Shared)?;
    report.title(&format!("{USERS} users of examples/reader"));
    let folder = tempfile::tempdir()?;
    fill(&start(program, folder.path())?).await?;
    let mut starts = Vec::new();
    for _ in 0..options.rounds {
        // Anew each time: nothing is in memory, and the limit is whole.
        let server = start(program, folder.path())?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(crowd(&server).await);
        }
        starts.push(rounds);
    }
    for (at, name) in ["cold", "warm", "warm again"].iter().enumerate() {
        let seconds = starts.iter().map(|rounds| rounds[at].0);
        let slowest = seconds.clone().fold(0.0, f64::max);
        report.line(format!(
            "{name:<12} all answered after {:.3} s (median of {}), the slowest {slowest:.3} s",
            median(seconds),
            starts.len()
        ));
        report.verdict(&format!("{name}, the slowest"), slowest, Wanted::AtMost(SECONDS_MAX));
    }
    let errors: Vec<&String> = starts.iter().flatten().flat_map(|round| &round.1).collect();
    report.verdict("errors", errors.len() as f64, Wanted::AtMost(0.0));
    let seconds = starts.iter().map(|rounds| rounds.iter().map(|it| it.0).collect::<Vec<_>>());
    report.keep("users", json!({ "seconds": seconds.collect::<Vec<_>>(), "errors": errors }));
    Ok(())
}

fn start(program: &Path, folder: &Path) -> Result<Process, Fault> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let set = [format!("LISTEN={address}"), format!("DATA={}", folder.display())];
    let args = [&set[0], &set[1], "RUST_LOG=warn", &program.display().to_string(), "reader"];
    // By `env`, as it takes its settings from there.
    Process::start_listening(Ground::Shared, Path::new("env"), &args, address)
}

async fn fill(server: &Process) -> Result<(), Fault> {
    let mut line = Line::to(server.address).await?;
    for n in 1..=LINKS {
        let link = json!({ "correlation_id": format!("c-{n}"),
            "url": format!("https://example.com/{n}") });
        expect(&mut line, &post("/requests", &link.to_string())).await?;
    }
    let call = |n: usize| {
        json!({ "request_id": 1 + n % LINKS, "model": format!("model-{}", n % 7), "tokens": n,
            "cost_micros": 7 * n, "took_ms": 20 })
    };
    let calls: Vec<_> = (0..5_000).map(call).collect();
    expect(&mut line, &post("/calls", &json!(calls).to_string())).await?;
    for n in 1..=LINKS / 2 {
        let summary = json!({ "request_id": n, "title": format!("Weir {n}"),
            "summary": "A low dam across a river. ".repeat(10) });
        expect(&mut line, &post("/summaries", &summary.to_string())).await?;
    }
    Ok(())
}

async fn expect(line: &mut Line, request: &[u8]) -> Result<(), Fault> {
    let answer = line.ask(request).await?;
    let text = String::from_utf8_lossy(answer.body);
    (answer.status < 300).then_some(()).ok_or_else(|| format!("{} {text}", answer.status).into())
}

/// All users at once: the seconds until the last one has all his answers, and what has failed.
async fn crowd(server: &Process) -> (f64, Vec<String>) {
    let address = server.address;
    let began = Instant::now();
    let mut users = JoinSet::new();
    for user in 1..=USERS {
        users.spawn_local(async move {
            let mut line = Line::to(address).await?;
            let own = format!("/requests/{user}");
            for path in [own.as_str(), "/summaries?per_page=20", "/stats"] {
                let answer = line.ask(&get(path)).await?;
                if answer.status != 200 {
                    return Err(format!("{path}: status {}", answer.status));
                }
            }
            Ok(())
        });
    }
    let done = users.join_all().await;
    let seconds = began.elapsed().as_secs_f64();
    // The next ones come after these have left.
    tokio::time::sleep(Duration::from_millis(200)).await;
    (seconds, done.into_iter().filter_map(Result::err).collect())
}
