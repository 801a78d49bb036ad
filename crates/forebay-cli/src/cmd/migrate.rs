//! `forebay migrate`: brings the schema of a database up to date with files of SQL. All of it is
//! the library's.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use forebay::{Builder, Db, Migrate, MigrationRun, MigrationState, MigrationStatus};
use serde_json::json;

use crate::args::{MigrateAction, MigrateArgs};
use crate::exit::Exit;
use crate::login::with_password;
use crate::output;
use crate::signal::Signals;

pub(crate) async fn migrate(args: &MigrateArgs) -> Result<Exit> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let only_looks = args.dry_run || args.action == Some(MigrateAction::Status);
    let url = with_password(&args.url)?;
    // A schema is made by its first migration, and a database with it.
    let builder = Builder::new(url).cache(false).read_only(only_looks).create(!only_looks);
    let db = builder.open().await?;
    let done = tokio::select! {
        done = act(args, &db) => Some(done),
        () = signals.next() => None,
    };
    db.close().await;
    let Some(done) = done else {
        tracing::warn!(
            "interrupted: what had been said to be done is, and the file after it is not"
        );
        return Ok(Exit::Interrupted);
    };
    done
}

async fn act(args: &MigrateArgs, db: &Db) -> Result<Exit> {
    let order = order(args, db);
    if args.action == Some(MigrateAction::Status) {
        let all = order.status().await?;
        let is_done = all.iter().all(|it| it.state == MigrationState::Applied);
        if args.json {
            output::print_json(
                &json!({ "migrations": all.iter().map(status_as_json).collect::<Vec<_>>() }),
            )?;
        } else {
            output::print(&status_page(&all))?;
        }
        return Ok(if is_done { Exit::Done } else { Exit::Failed });
    }
    if args.dry_run {
        let report = order.dry_run().await?;
        if !args.json {
            output::print(&dry_page(&report.applied))?;
        }
        return finish(args, &report.applied);
    }
    let mut done = Vec::new();
    let report = order
        .on_each(|run| {
            done.push(run.clone());
            if !args.json {
                // Somebody who reads no more of it does not stop it half-way.
                let _ = output::print(&line("applied", run));
            }
        })
        .await;
    match report {
        Ok(report) if report.applied.is_empty() && !args.json => {
            output::print("nothing to do: the database has had all of these migrations")?;
            Ok(Exit::Done)
        }
        Ok(report) => finish(args, &report.applied),
        Err(error) => {
            finish(args, &done)?;
            Err(error.into())
        }
    }
}

fn order<'a>(args: &MigrateArgs, db: &'a Db) -> Migrate<'a> {
    let mut order = db
        .migrate(args.directory.as_path())
        .out_of_order(args.out_of_order)
        .allow_missing(args.allow_missing)
        .resume(args.resume);
    if let Some(wait) = &args.wait {
        order = order.wait(wait.0);
    }
    if let Some(version) = &args.to {
        order = order.to(version);
    }
    match &args.only {
        Some(version) => order.only(version),
        None => order,
    }
}

fn finish(args: &MigrateArgs, runs: &[MigrationRun]) -> Result<Exit> {
    if args.json {
        let runs: Vec<_> = runs.iter().map(run_as_json).collect();
        output::print_json(&json!({ "is_dry_run": args.dry_run, "migrations": runs }))?;
    }
    Ok(Exit::Done)
}

fn line(word: &str, run: &MigrationRun) -> String {
    let count = run.statements.len();
    let plural = if count == 1 { "" } else { "s" };
    let took = if run.took.is_zero() { String::new() } else { format!(", {:.1?}", run.took) };
    let how = if run.is_in_transaction { "" } else { ", outside a transaction" };
    format!("{word} {} ({count} statement{plural}{how}{took})", run.file)
}

fn dry_page(runs: &[MigrationRun]) -> String {
    let mut page = String::new();
    for run in runs {
        let _ = writeln!(page, "-- {}", line("would apply", run));
        for statement in &run.statements {
            let _ = writeln!(page, "{};", statement.sql);
        }
        page.push('\n');
    }
    if runs.is_empty() {
        page.push_str("nothing to do: the database has had all of these migrations");
    }
    page
}

fn status_page(all: &[MigrationStatus]) -> String {
    if all.is_empty() {
        return "there are no migrations".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["version", "name", "state", "began (UTC)", "took"]);
    for it in all {
        let state = match it.state {
            MigrationState::HalfWay(n) => format!("half-way, {n} statements have run"),
            state => state.to_string(),
        };
        let took = it.took.map_or_else(String::new, |took| format!("{took:?}"));
        let began = it.began_at.clone().unwrap_or_default();
        table.add_row([it.version.clone(), it.name.clone(), state, began, took]);
    }
    table.to_string()
}

fn run_as_json(run: &MigrationRun) -> serde_json::Value {
    let statements = run.statements.iter().map(|it| json!({ "line": it.line, "sql": it.sql }));
    json!({
        "version": run.version,
        "name": run.name,
        "file": run.file,
        "is_in_transaction": run.is_in_transaction,
        "statements": statements.collect::<Vec<_>>(),
        "took_ms": run.took.as_secs_f64() * 1000.0,
    })
}

fn status_as_json(it: &MigrationStatus) -> serde_json::Value {
    let ran = match it.state {
        MigrationState::HalfWay(n) => Some(n),
        _ => None,
    };
    json!({
        "version": it.version,
        "name": it.name,
        "file": it.file,
        "state": it.state.to_string(),
        "statements_done": ran,
        "began_at": it.began_at,
        "took_ms": it.took.map(|took| took.as_secs_f64() * 1000.0),
    })
}
