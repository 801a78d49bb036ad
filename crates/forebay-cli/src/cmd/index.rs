//! `forebay index`: lists, makes and drops the indexes of one or more databases. All of it is the
//! library's; each database is done by itself.

use std::fmt::Write as _;
use std::io::Read as _;

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use forebay::{Builder, Db, IndexInfo, IndexReport, UnusedIndexes};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::args::{IndexArgs, IndexCommand, IndexHowArgs};
use crate::exit::Exit;
use crate::login::{shown, with_password};
use crate::output;
use crate::signal::Signals;

/// The largest file of statements.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What was found or done at one database: as a text and as JSON, and whether it failed.
struct Said {
    text: String,
    json: Value,
    is_failed: bool,
}

/// What is to be done at each database.
enum Task<'a> {
    List,
    Unused,
    Apply(&'a IndexHowArgs, String),
    Drop(&'a IndexHowArgs, &'a [String]),
}

pub(crate) async fn index(args: &IndexArgs) -> Result<Exit> {
    let (urls, is_json) = match &args.command {
        IndexCommand::List(look) | IndexCommand::Unused(look) => (&look.urls, look.json),
        IndexCommand::Apply(apply) => (&apply.how.urls, apply.how.json),
        IndexCommand::Drop(drop) => (&drop.how.urls, drop.how.json),
    };
    let task = match &args.command {
        IndexCommand::List(_) => Task::List,
        IndexCommand::Unused(_) => Task::Unused,
        IndexCommand::Apply(apply) => Task::Apply(&apply.how, read(&apply.file)?),
        IndexCommand::Drop(drop) => Task::Drop(&drop.how, &drop.names),
    };
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let (mut all, mut is_failed) = (Vec::new(), false);
    for url in urls {
        let said = tokio::select! {
            said = at(url, &task) => said,
            () = signals.next() => return Ok(Exit::Interrupted),
        };
        let said = said.unwrap_or_else(|error| Said {
            text: format!("failed: {error:#}"),
            json: json!({ "error": format!("{error:#}") }),
            is_failed: true,
        });
        is_failed |= said.is_failed;
        if !is_json {
            let head = if urls.len() > 1 { format!("{}\n", shown(url)) } else { String::new() };
            output::print(&format!("{head}{}", said.text))?;
        }
        let mut json = json!({ "database": shown(url) });
        if let (Value::Object(json), Value::Object(said)) = (&mut json, said.json) {
            json.extend(said);
        }
        all.push(json);
    }
    if is_json {
        output::print_json(&json!({ "databases": all }))?;
    }
    Ok(if is_failed { Exit::Failed } else { Exit::Done })
}

async fn at(url: &str, task: &Task<'_>) -> Result<Said> {
    let only_looks = match task {
        Task::List | Task::Unused => true,
        Task::Apply(how, _) | Task::Drop(how, _) => how.dry_run,
    };
    let builder = Builder::new(with_password(url)?).cache(false).create(false);
    let db = builder.read_only(only_looks).open().await?;
    let said = perform(&db, task).await;
    db.close().await;
    said
}

async fn perform(db: &Db, task: &Task<'_>) -> Result<Said> {
    let indexes = db.indexes();
    let with = |how: &IndexHowArgs| {
        indexes.clone().dry_run(how.dry_run).concurrently(!how.no_concurrently)
    };
    Ok(match task {
        Task::List => {
            let all = indexes.list().await?;
            let json = json!({ "indexes": all.iter().map(as_json).collect::<Vec<_>>() });
            Said { text: table(&all), json, is_failed: false }
        }
        Task::Unused => unused(&indexes.unused().await?),
        Task::Apply(how, script) => done(&with(how).apply(script).await?, how),
        Task::Drop(how, names) => done(&with(how).drop(names).await?, how),
    })
}

fn table(all: &[IndexInfo]) -> String {
    if all.is_empty() {
        return "there are no indexes".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["table", "index", "columns", "", "size", "reads"]);
    for it in all {
        table.add_row([
            it.table.clone(),
            it.name.clone(),
            it.columns.join(", "),
            marks(it),
            it.bytes.map_or_else(|| "?".to_owned(), |bytes| HumanBytes(bytes).to_string()),
            it.scans.map_or_else(|| "?".to_owned(), |scans| scans.to_string()),
        ]);
    }
    for column in table.column_iter_mut().skip(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    if all.iter().all(|it| it.scans.is_none()) {
        text.push_str("\nhow often an index is used is not counted by SQLite");
    }
    text
}

fn marks(index: &IndexInfo) -> String {
    let marks = [
        (index.is_of_constraint, "constraint"),
        (index.is_unique && !index.is_of_constraint, "unique"),
        (index.is_partial, "partial"),
        (!index.is_valid, "not valid"),
    ];
    let named: Vec<&str> = marks.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    named.join(", ")
}

fn unused(found: &UnusedIndexes) -> Said {
    let json = json!({
        "days": found.days,
        "unknown": found.unknown,
        "indexes": found.indexes.iter().map(as_json).collect::<Vec<_>>(),
    });
    let text = match (&found.unknown, found.days, found.indexes.as_slice()) {
        (Some(why), ..) => why.clone(),
        (None, days, []) => {
            format!("reads have used every index within {} days", days.unwrap_or_default())
        }
        (None, days, all) => format!(
            "no read has used these in {} days, on this server; ask its standbys, too\n{}",
            days.unwrap_or_default(),
            table(all)
        ),
    };
    Said { text, json, is_failed: false }
}

fn done(report: &IndexReport, how: &IndexHowArgs) -> Said {
    let mut text = String::new();
    let word = if how.dry_run { "would run" } else { "done" };
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    for step in &report.steps {
        let _ = writeln!(text, "{word}: {step};");
    }
    if report.steps.is_empty() && report.failed.is_none() {
        text.push_str("nothing to do\n");
    }
    if let Some(error) = &report.failed {
        let _ = writeln!(text, "failed: {error}");
    }
    if !report.undo.is_empty() {
        text.push_str("\n-- to undo it:\n");
        report.undo.iter().for_each(|sql| {
            let _ = writeln!(text, "{sql};");
        });
    }
    let json = json!({
        "is_dry_run": how.dry_run,
        "steps": report.steps,
        "undo": report.undo,
        "notes": report.notes,
        "error": report.failed.as_ref().map(ToString::to_string),
    });
    Said { text, json, is_failed: report.failed.is_some() }
}

fn as_json(index: &IndexInfo) -> Value {
    json!({
        "name": index.name,
        "table": index.table,
        "columns": index.columns,
        "is_unique": index.is_unique,
        "is_of_constraint": index.is_of_constraint,
        "is_partial": index.is_partial,
        "is_valid": index.is_valid,
        "bytes": index.bytes,
        "scans": index.scans,
        "sql": index.sql,
    })
}

fn read(file: &std::path::Path) -> Result<String> {
    let (mut text, limit) = (String::new(), FILE_BYTES_MAX + 1);
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|it| it.take(limit).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("{} has more than 16 MiB; split it", file.display());
    }
    Ok(text)
}
