//! From the arguments to the exit code: open, read, write, say what was loaded.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result};
use forebay::{Builder, CacheMode, Db, Error, Transaction};
use serde_json::json;

use super::kind::Kind;
use super::lines::{self, Format};
use super::reject::Rejects;
use super::shown::Shown;
use super::write::write;
use crate::args::{LoadArgs, LoadFormat};
use crate::exit::{Exit, Usage};
use crate::login::with_password;
use crate::output;
use crate::signal::Signals;

/// The longest a load may take, and may wait for its input.
const LOAD_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What was loaded.
#[derive(Clone, Copy, Default)]
struct Loaded {
    rows: u64,
    rejected: u64,
}

pub(crate) async fn load(args: &LoadArgs) -> Result<Exit> {
    let format = format(args)?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let (input, length) = open(&args.file)?;
    let mut rejects = Rejects::new(args.rejects.as_deref())?;
    let url = with_password(&args.url)?;
    // Nothing is read through it.
    let db = Builder::new(url)
        .create(false)
        .cache(CacheMode::Off)
        .transaction_timeout(LOAD_MAX)
        .transaction_idle_timeout(LOAD_MAX)
        .open()
        .await?;
    let read = Arc::new(AtomicU64::new(0));
    let shown = Shown::start(length, read.clone(), args.progress);
    let batches = lines::read(input, format, read);
    let loaded = tokio::select! {
        loaded = run(&db, args, batches, &mut rejects, shown) => Some(loaded),
        () = signals.next() => None,
    };
    let Some(loaded) = loaded else { return Ok(Exit::Interrupted) };
    db.close().await;
    let loaded = loaded?;
    rejects.end()?;
    if args.json {
        output::print_json(&json!({
            "table": args.table,
            "rows": loaded.rows,
            "rejected": loaded.rejected,
            "dry_run": args.dry_run,
        }))?;
    } else {
        output::print(&said(args, loaded))?;
    }
    Ok(Exit::Done)
}

fn said(args: &LoadArgs, loaded: Loaded) -> String {
    let Loaded { rows, rejected } = loaded;
    let done = if args.dry_run { "would load" } else { "loaded" };
    let said = format!("{done} {rows} rows into {}", args.table);
    match &args.rejects {
        Some(file) if rejected > 0 => {
            format!("{said}; {rejected} rejected, see {}", file.display())
        }
        _ => said,
    }
}

/// Writes all batches in one transaction, which a dry run undoes.
async fn run(
    db: &Db,
    args: &LoadArgs,
    mut batches: tokio::sync::mpsc::Receiver<Result<lines::Batch>>,
    rejects: &mut Rejects,
    mut shown: Shown,
) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    // What has ended the transaction on purpose, or is no error of the library's.
    let mut ended = None;
    let (loaded_so_far, ended_by) = (&mut loaded, &mut ended);
    let done = db
        .transaction(|tx: Transaction| async move {
            while let Some(batch) = batches.recv().await {
                let written = match batch {
                    Ok(batch) => write(&tx, &args.table, batch, rejects).await,
                    Err(error) => Err(error),
                };
                match written {
                    Ok(rows) => loaded_so_far.rows += rows,
                    Err(error) => {
                        *ended_by = Some(Some(error));
                        return Err(rolled_back());
                    }
                }
                loaded_so_far.rejected = rejects.count;
                shown.advance(loaded_so_far.rows);
            }
            if args.dry_run {
                *ended_by = Some(None);
                return Err(rolled_back());
            }
            Ok(())
        })
        .await;
    match (done, ended) {
        (_, Some(Some(error))) => Err(error),
        (_, Some(None)) | (Ok(()), None) => Ok(loaded),
        (Err(error), None) => Err(error.into()),
    }
}

/// What a transaction is left with so that it is rolled back; nobody sees it.
fn rolled_back() -> Error {
    match forebay::Value::try_from(u64::MAX) {
        Err(error) => error,
        Ok(_) => unreachable!("it is wider than any value"),
    }
}

fn format(args: &LoadArgs) -> Result<Format> {
    let is_json = match args.format {
        Some(format) => format == LoadFormat::Jsonl,
        None => {
            args.file.extension().is_some_and(|it| it == "jsonl" || it == "ndjson" || it == "json")
        }
    };
    let kinds: Result<_, Usage> = args.types.iter().map(|given| Kind::parse(given)).collect();
    let delimiter = match args.delimiter.as_bytes() {
        b"\\t" => b'\t',
        [one] => *one,
        _ => return Err(Usage("--delimiter takes one character of ASCII, or \\t".into()).into()),
    };
    Ok(Format {
        is_json,
        columns: args.columns.clone(),
        has_header: !args.no_header,
        delimiter,
        null: args.null.clone(),
        kinds: kinds?,
        batch: args.batch as usize,
    })
}

/// The file with its length, or standard input.
fn open(file: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let length = opened.metadata().ok().map(|metadata| metadata.len());
    Ok((Box::new(opened), length))
}
