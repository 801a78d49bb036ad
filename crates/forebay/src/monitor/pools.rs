//! The metrics of a database's connections.

use super::metric::{MetricKind, MetricValue};
use super::page::Sheet;
use crate::stats::{PoolStats, Stats};

type Gauge = fn(&PoolStats) -> f64;
type Counter = fn(&PoolStats) -> u64;

const GAUGES: [(&str, &str, Gauge); 8] = [
    ("forebay_pool_size", "Connections open", |pool| pool.size as f64),
    ("forebay_pool_idle", "Connections free", |pool| pool.idle as f64),
    ("forebay_pool_in_use", "Connections in use", |pool| pool.in_use as f64),
    ("forebay_pool_waiting", "Callers waiting for a connection", |pool| pool.waiting as f64),
    ("forebay_pool_max", "Connections that may be open", |pool| pool.max as f64),
    ("forebay_pool_acquire_mean_seconds", "Mean time to acquire a connection", |pool| {
        pool.acquire_mean.as_secs_f64()
    }),
    ("forebay_pool_acquire_p99_seconds", "99th percentile of that time", |pool| {
        pool.acquire_p99.as_secs_f64()
    }),
    ("forebay_pool_longest_held_seconds", "How long the longest holder has held", |pool| {
        pool.longest_holder.as_ref().map_or(0.0, |holder| holder.held.as_secs_f64())
    }),
];

const COUNTERS: [(&str, &str, Counter); 4] = [
    ("forebay_pool_acquisitions_total", "Connections handed out", |pool| pool.acquisitions),
    ("forebay_pool_timeouts_total", "Waits that ended in a time-out", |pool| pool.timeouts),
    ("forebay_pool_opened_total", "Connections opened", |pool| pool.opened),
    ("forebay_pool_closed_total", "Connections closed", |pool| pool.closed),
];

pub(super) fn write(sheet: &mut Sheet<'_>, stats: &Stats) {
    let pools =
        [("reader", &stats.readers), ("writer", &stats.writer), ("session", &stats.sessions)];
    for (name, help, value) in GAUGES {
        for (pool, stats) in pools {
            let value = MetricValue::Number(value(stats));
            sheet.add((name, help), MetricKind::Gauge, &[("pool", pool)], value);
        }
    }
    for (name, help, value) in COUNTERS {
        let values = pools.iter().map(|(pool, stats)| (*pool, value(stats)));
        sheet.counts_by((name, help), "pool", values);
    }
    let statements = &stats.statements;
    sheet.counts(&[
        ("forebay_statement_cache_hits_total", "Statements found prepared", statements.hits),
        (
            "forebay_statement_cache_misses_total",
            "Statements that had to be prepared",
            statements.misses,
        ),
    ]);
}
