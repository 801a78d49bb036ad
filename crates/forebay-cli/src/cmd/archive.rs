//! `forebay archive`: moves old rows of a table to another database. All of it is the library's.

use std::time::Duration;

use anyhow::{Context, Result};
use forebay::{Archive, ArchivePlan, ArchiveReport};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::args::ArchiveArgs;
use crate::exit::Exit;
use crate::login::with_password;
use crate::output;
use crate::signal::Signals;

pub(crate) async fn archive(args: &ArchiveArgs) -> Result<Exit> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let pause = args.pause.map_or(Duration::ZERO, |pause| pause.0);
    let (live, to) = (with_password(&args.url)?, with_password(&args.to)?);
    let archive = Archive::new(live, to, &args.table, &args.column);
    let archive = archive.batch(args.batch).pause(pause);
    let plan = archive.plan(args.before.as_str()).await?;
    if args.dry_run {
        say(args, &plan_in_words(args, &plan), &plan_as_json(&plan))?;
        return Ok(Exit::Done);
    }
    let bar = bar(plan.rows);
    let run = archive.run_with(args.before.as_str(), |so_far| bar.set_position(so_far.moved));
    let done = tokio::select! {
        done = run => Some(done),
        // What was moved stays moved, and a step that has not ended is as if it had not begun.
        () = signals.next() => None,
    };
    bar.finish_and_clear();
    let Some(report) = done.transpose()? else { return Ok(Exit::Interrupted) };
    say(args, &report_in_words(args, &report), &report_as_json(&report))?;
    Ok(Exit::Done)
}

/// It hides itself where standard error is no terminal.
fn bar(rows: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("moving rows [{bar:32}] {human_pos} of {human_len}")
        .expect("the template is a constant that parses")
        .progress_chars("=> ");
    ProgressBar::new(rows).with_style(style)
}

fn say(args: &ArchiveArgs, words: &str, json: &serde_json::Value) -> Result<()> {
    if args.json { output::print_json(json) } else { output::print(words) }
}

fn plan_in_words(args: &ArchiveArgs, plan: &ArchivePlan) -> String {
    let mut lines = vec![format!(
        "would move {} rows of {} in about {} steps",
        plan.rows, args.table, plan.steps
    )];
    if plan.creates_table {
        lines.push("the archive has no such table; it would be made like the live one".to_owned());
    }
    lines.extend(strays(plan.strays));
    lines.join("\n")
}

fn report_in_words(args: &ArchiveArgs, report: &ArchiveReport) -> String {
    let mut lines =
        vec![format!("moved {} rows of {} in {} steps", report.moved, args.table, report.steps)];
    if report.cleared > 0 {
        lines.push(format!("deleted {} copies of a run that did not end", report.cleared));
    }
    if report.again > 0 {
        lines.push(format!(
            "{} times rows changed while they were copied, and were copied again",
            report.again
        ));
    }
    lines.extend(strays(report.strays));
    lines.join("\n")
}

fn strays(strays: u64) -> Option<String> {
    (strays > 0).then(|| {
        format!(
            "{strays} rows in the live database lie below what was moved: another program has \
             inserted them past the routing, and they are part of no answer"
        )
    })
}

fn plan_as_json(plan: &ArchivePlan) -> serde_json::Value {
    json!({
        "rows": plan.rows,
        "steps": plan.steps,
        "strays": plan.strays,
        "creates_table": plan.creates_table,
        "is_continued": plan.is_continued,
    })
}

fn report_as_json(report: &ArchiveReport) -> serde_json::Value {
    json!({
        "moved": report.moved,
        "steps": report.steps,
        "cleared": report.cleared,
        "again": report.again,
        "strays": report.strays,
    })
}
