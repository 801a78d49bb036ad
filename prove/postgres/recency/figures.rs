//! The race for its own sake: its figures for people, and as a record.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::race::{Extent, race};
use crate::args::Args;
use crate::place::Server;

/// Runs it, prints what was counted, and writes the record; whether no answer was too old.
pub(crate) fn prove(args: &Args) -> Result<bool> {
    let seconds = args.seconds.unwrap_or(60);
    let extent = Extent::whole(args.clients, seconds);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = Server::start(args.version)?;
    let began = Instant::now();
    let (known, wrong) = runtime.block_on(race(&server, extent, args.seed))?;
    let (figures, late) = (known.figures(), known.late.figures());
    let record = json!({
        "version": server.primary.version().major, "seed": args.seed, "clients": args.clients,
        "outsiders": extent.outsiders, "seconds": began.elapsed().as_secs_f64(),
        "hits_verified": known.hits(), "commits_told_early": known.early(),
        "wrong": wrong, "counts": figures, "late": late,
    });
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{record:#}\n"))
            .with_context(|| format!("cannot write {path}"))?;
    }
    std::io::stdout().lock().write_all(summary(&record).as_bytes())?;
    Ok(wrong.is_none())
}

fn summary(record: &Value) -> String {
    let mut text = String::new();
    for (name, count) in record["counts"].as_object().into_iter().flatten() {
        text += &format!("  {name:<64} {:>11}\n", count.as_u64().unwrap_or(0));
    }
    let late = &record["late"];
    text += "\nwrites of others, in microseconds\n";
    for (title, of) in [
        ("an answer lacked what had been acknowledged for", "late_us"),
        ("the lag that was exported", "lag_us"),
        ("later than the lag that was exported, by", "later_by_us"),
    ] {
        let at = |share: &str| late[of][share].as_u64().unwrap_or(0);
        text += &format!(
            "  {title:<50} p50 {:>7}  p90 {:>7}  p99 {:>7}  max {:>8}\n",
            at("p50"),
            at("p90"),
            at("p99"),
            at("max")
        );
    }
    text += &format!(
        "  such answers: {}, of which later than exported: {}\n",
        late["late_answers"], late["later_than_exported"]
    );
    text += &match record["wrong"].as_str() {
        Some(wrong) => format!("\nWRONG with seed {}: {wrong}\n", record["seed"]),
        None => "\nno answer was too old\n".to_owned(),
    };
    text
}
