//! The result as a person reads it, on one screen of 80 columns, and as JSON.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use forebay::FingerprintStats;
use serde_json::{Value, json};

use super::mix::SHAPES;
use super::phase::{Measured, Way};
use super::schema::MISSING;
use super::tally::Latency;
use crate::args::DemoArgs;
use crate::quantity::{brief_size, brief_time, grouped};

/// Statements shown in the text, those that took most of the time.
const STATEMENTS_SHOWN: usize = 6;

/// Everything there is to say.
pub(super) struct Report<'a> {
    pub(super) args: &'a DemoArgs,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The runs that took place, in the order of [`Way::ALL`].
    pub(super) runs: Vec<Measured>,
    pub(super) kept: Option<&'a Path>,
    pub(super) interrupted: bool,
}

impl Report<'_> {
    /// The report as text.
    pub(super) fn text(&self) -> String {
        let mut text = self.headline();
        if self.runs.is_empty() {
            text.push_str("\nStopped before anything was measured.\n");
            return text;
        }
        let _ = writeln!(text, "\n{}", self.comparison());
        if let Some((run, stats)) = self.forebay().and_then(|run| Some((run, run.stats.as_ref()?)))
        {
            let _ = writeln!(text, "\n{}", time_spent(&stats.fingerprints));
            text.push_str(&not_cached(run));
        }
        text.push_str(&left_out());
        for run in &self.runs {
            for what in [&run.tally.first_stale, &run.audit.first_differing].into_iter().flatten() {
                let _ = writeln!(text, "STALE over {}: {what}", run.way.title());
            }
        }
        if self.interrupted {
            text.push_str("Stopped early: the figures are of a shorter run.\n");
        }
        if let Some(path) = self.kept {
            let _ = writeln!(text, "Kept: {0}. Next: forebay serve {0}", path.display());
        }
        text
    }

    /// The report as one JSON object; latencies are in microseconds.
    pub(super) fn json(&self) -> Value {
        json!({
            "rows": self.rows,
            "bytes": self.bytes,
            "seconds": self.args.seconds,
            "clients": self.args.clients,
            "write_percent": self.args.write_percent,
            "outside_writes_per_second": self.args.outside_writes,
            "seed": self.args.seed,
            "interrupted": self.interrupted,
            "stale_reads": self.runs.iter().map(Measured::stale).sum::<u64>(),
            "runs": self.runs.iter().map(run_json).collect::<Vec<_>>(),
            "missing_indexes": MISSING
                .iter()
                .map(|missing| json!({ "on": missing.on, "hurts": missing.hurts }))
                .collect::<Vec<_>>(),
            "kept": self.kept,
        })
    }

    fn forebay(&self) -> Option<&Measured> {
        self.runs.iter().find(|run| run.way == Way::Forebay)
    }

    fn headline(&self) -> String {
        let args = self.args;
        format!(
            "{} rows ({}), seed {}; each run {} s, {} clients, {} % writes\n\
             bare SQLite: rusqlite, prepared statements, a thread and connection per client\n",
            grouped(self.rows),
            brief_size(self.bytes),
            args.seed,
            args.seconds,
            args.clients,
            args.write_percent,
        )
    }

    /// The ways side by side.
    fn comparison(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let mut header = vec![String::new()];
        header.extend(self.runs.iter().map(|run| run.way.title().to_owned()));
        table.set_header(header);
        let mut row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
            let mut cells = vec![name.to_owned()];
            cells.extend(self.runs.iter().map(cell));
            table.add_row(cells);
        };
        row("reads per second", &|run| rate(run.tally.reads().count(), run));
        row("writes per second", &|run| rate(run.tally.writes.count(), run));
        row("read p50", &|run| latency(&run.tally.reads(), 0.5));
        row("read p99", &|run| latency(&run.tally.reads(), 0.99));
        row("write p50", &|run| latency(&run.tally.writes, 0.5));
        row("write p99", &|run| latency(&run.tally.writes, 0.99));
        row("answered by the cache", &hit_ratio);
        row("commits from outside", &|run| grouped(run.outside_writes));
        row("reads checked by version", &|run| grouped(run.tally.reads().count()));
        row("reads compared by value", &|run| grouped(run.audit.compared));
        row("stale reads", &|run| grouped(run.stale()));
        if self.runs.iter().any(|run| run.tally.failures > 0) {
            row("failed statements", &|run| grouped(run.tally.failures));
        }
        align_right(&mut table);
        table
    }
}

/// The statements that took most of the database's time under Forebay.
fn time_spent(fingerprints: &[FingerprintStats]) -> Table {
    let total: f64 = fingerprints.iter().map(|one| one.origin_time.as_secs_f64()).sum();
    let mut sorted: Vec<&FingerprintStats> = fingerprints.iter().collect();
    sorted.sort_by_key(|one| std::cmp::Reverse(one.origin_time));
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "Forebay: where the time went",
        "share",
        "calls",
        "cached",
        "each at SQLite",
    ]);
    for one in sorted.into_iter().take(STATEMENTS_SHOWN) {
        let misses = one.calls - one.hits.min(one.calls);
        let each = one.origin_time.checked_div(u32::try_from(misses).unwrap_or(u32::MAX));
        table.add_row([
            label(one),
            format!(
                "{:.0} %",
                100.0 * one.origin_time.as_secs_f64() / total.max(f64::MIN_POSITIVE)
            ),
            grouped(one.calls),
            if one.hits + one.misses > 0 { percent(one.hits, one.calls) } else { "–".to_owned() },
            each.map_or("–".to_owned(), brief_time),
        ]);
    }
    align_right(&mut table);
    table
}

/// The reads that may not be cached, with the rule that forbids it.
fn not_cached(run: &Measured) -> String {
    let mut text = String::new();
    for (shape, reason) in &run.not_cached {
        let count = grouped(run.tally.shapes[*shape].latency.count());
        let _ = writeln!(text, "Not cached: {} ({count} reads):", SHAPES[*shape].name);
        let _ = writeln!(text, "  {reason}");
    }
    text
}

/// The indexes left out on purpose, two on a line.
fn left_out() -> String {
    let mut text = "Indexes left out on purpose, and what they slow down:\n".to_owned();
    for pair in MISSING.chunks(2) {
        let cells = pair.iter().map(|one| format!("{:<20} {:<17}", one.on, one.hurts));
        let _ = writeln!(text, "  {}", cells.collect::<String>().trim_end());
    }
    text
}

/// The name given to the statement, or the beginning of its text.
fn label(one: &FingerprintStats) -> String {
    one.name.clone().unwrap_or_else(|| one.statement.chars().take(28).collect())
}

fn align_right(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn rate(count: u64, run: &Measured) -> String {
    grouped(per_second(count, run) as u64)
}

fn per_second(count: u64, run: &Measured) -> f64 {
    count as f64 / run.elapsed.as_secs_f64().max(1e-3)
}

fn latency(latency: &Latency, quantile: f64) -> String {
    latency.quantile(quantile).map_or("–".to_owned(), brief_time)
}

fn hit_ratio(run: &Measured) -> String {
    match run.way {
        Way::Forebay => percent(run.tally.hits(), run.tally.reads().count()),
        _ => "–".to_owned(),
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} %", 100.0 * part as f64 / whole as f64)
    }
}

fn run_json(run: &Measured) -> Value {
    let reads = run.tally.reads();
    json!({
        "way": run.way.id(),
        "seconds": run.elapsed.as_secs_f64(),
        "reads_per_second": per_second(reads.count(), run),
        "writes_per_second": per_second(run.tally.writes.count(), run),
        "read_us": latency_json(&reads),
        "write_us": latency_json(&run.tally.writes),
        "hit_ratio": run.tally.hits() as f64 / reads.count().max(1) as f64,
        "reads_checked_by_version": reads.count(),
        "reads_compared_by_value": run.audit.compared,
        "comparisons_disturbed": run.audit.disturbed,
        "stale_reads": run.stale(),
        "first_stale": run.tally.first_stale.as_ref().or(run.audit.first_differing.as_ref()),
        "failed_statements": run.tally.failures,
        "outside_writes": run.outside_writes,
        "not_cached": run.not_cached.iter().map(|(shape, reason)| {
            json!({ "name": SHAPES[*shape].name, "reason": reason })
        }).collect::<Vec<_>>(),
        "statements": run.stats.as_ref().map(|stats| {
            stats.fingerprints.iter().map(fingerprint_json).collect::<Vec<_>>()
        }),
    })
}

fn latency_json(latency: &Latency) -> Value {
    let micros = |quantile| latency.quantile(quantile).map(|time| time.as_nanos() as f64 / 1e3);
    json!({ "p50": micros(0.5), "p99": micros(0.99), "max": micros(1.0) })
}

fn fingerprint_json(one: &FingerprintStats) -> Value {
    json!({
        "name": one.name,
        "statement": one.statement,
        "calls": one.calls,
        "errors": one.errors,
        "hits": one.hits,
        "misses": one.misses,
        "bypasses": one.bypasses.iter().map(|(reason, count)| json!([reason, count]))
            .collect::<Vec<_>>(),
        "invalidations": one.invalidations,
        "origin_ms": one.origin_time.as_secs_f64() * 1e3,
    })
}
