//! The metrics of single statements: the busiest, as many as are to be shown.

use std::time::Duration;

use super::metric::{MetricHistogram, MetricKind, MetricValue};
use super::page::{Sheet, float};
use crate::stats::{DropStats, FingerprintStats, Stats, TimeStats, WatchStats};

type Counter = fn(&FingerprintStats) -> u64;
type Number = fn(&FingerprintStats) -> f64;

const COUNTERS: [(&str, &str, Counter); 8] = [
    ("forebay_statement_calls_total", "Executions, hits included", |stats| stats.calls),
    ("forebay_statement_errors_total", "Executions that failed", |stats| stats.errors),
    ("forebay_statement_hits_total", "Answers served from memory", |stats| stats.hits),
    ("forebay_statement_misses_total", "Cacheable reads that went to the database", |stats| {
        stats.misses
    }),
    ("forebay_statement_rows_total", "Rows answered or changed by the database", |stats| {
        stats.rows
    }),
    ("forebay_statement_invalidations_total", "Entries dropped because of a change", |stats| {
        stats.invalidations
    }),
    ("forebay_statement_shadow_hits_total", "Reads that the cache would have answered", |stats| {
        stats.shadow.as_ref().map_or(0, |shadow| shadow.hits)
    }),
    ("forebay_statement_shadow_misses_total", "Reads that it could not have answered", |stats| {
        stats.shadow.as_ref().map_or(0, |shadow| shadow.misses)
    }),
];

const NUMBERS: [(&str, &str, MetricKind, Number); 4] = [
    (
        "forebay_statement_origin_seconds_total",
        "Time spent in the database",
        MetricKind::Counter,
        |stats| stats.origin_time.as_secs_f64(),
    ),
    (
        "forebay_statement_pool_wait_seconds_total",
        "Time spent waiting for a connection",
        MetricKind::Counter,
        |stats| stats.pool_wait.as_secs_f64(),
    ),
    (
        "forebay_statement_shadow_saved_seconds_total",
        "Time that hits would have saved",
        MetricKind::Counter,
        |stats| stats.shadow.as_ref().map_or(0.0, |shadow| shadow.saved.as_secs_f64()),
    ),
    (
        "forebay_statement_worth",
        "1 unless keeping its answers does not pay",
        MetricKind::Gauge,
        |stats| f64::from(stats.worth.verdict != "not_worth"),
    ),
];

pub(super) fn write(sheet: &mut Sheet<'_>, stats: &Stats, shown: usize) {
    let all = &stats.fingerprints;
    for stats in &all[..all.len().min(shown)] {
        let id = format!("{:016x}", stats.id);
        let name = stats.name.as_deref().unwrap_or("");
        let labels = [("fingerprint", id.as_str()), ("name", name)];
        for (name, help, value) in COUNTERS {
            let value = MetricValue::Count(value(stats));
            sheet.add((name, help), MetricKind::Counter, &labels, value);
        }
        for (name, help, kind, value) in NUMBERS {
            sheet.add((name, help), kind, &labels, MetricValue::Number(value(stats)));
        }
        let described = ("forebay_statement_seconds", "How long it took at the database");
        let times = MetricValue::Histogram(histogram(&stats.time));
        sheet.add(described, MetricKind::Histogram, &labels, times);
    }
    let help = "Statements with statistics";
    sheet.gauge(("forebay_statements_known", help, float(all.len() as u64)));
    watched(sheet, &stats.watch);
}

/// The counting itself, and what was slow.
fn watched(sheet: &mut Sheet<'_>, watch: &WatchStats) {
    sheet.count((
        "forebay_statements_folded_total",
        "Statements whose counts were added to those of the others",
        watch.folded,
    ));
    sheet.counts_by(
        ("forebay_slow_statements_total", "Slow statements, by the limit that they were above"),
        "why",
        [
            ("absolute", watch.slow_absolute),
            ("relative", watch.slow_relative),
            ("lock", watch.slow_lock),
        ],
    );
    sheet.counts(&[
        (
            "forebay_slow_statements_left_out_total",
            "Of these, those that are not in the slow log",
            watch.slow_left_out,
        ),
        ("forebay_plan_changes_total", "Query plans found to have changed", watch.plan_changes),
    ]);
}

fn histogram(times: &TimeStats) -> MetricHistogram {
    let bounds = TimeStats::BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
    MetricHistogram {
        sum: times.total.as_secs_f64(),
        count: times.buckets.iter().sum(),
        buckets: bounds.zip(times.buckets).collect(),
    }
}

/// Which writes dropped which entries: the most frequent pairs.
pub(super) fn drops(sheet: &mut Sheet<'_>, all: &[DropStats], shown: usize) {
    for drop in &all[..all.len().min(shown)] {
        let write = drop.write.map_or("other".to_owned(), |id| format!("{id:016x}"));
        let read = format!("{:016x}", drop.read);
        let labels = [("read", read.as_str()), ("write", write.as_str())];
        let described = ("forebay_cache_drops_total", "Entries of a read dropped by a write");
        sheet.add(described, MetricKind::Counter, &labels, MetricValue::Count(drop.count));
    }
}
