//! The metrics of requests: by route, of limits on them, and of answers that are kept.

use std::time::Duration;

use super::metric::{MetricHistogram, MetricKind, MetricValue};
use super::page::{Sheet, float};
use crate::http::{RateLimitStats, RequestStats, ResponseCacheStats, RouteStats};

type Counter = fn(&RouteStats) -> u64;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

const COUNTERS: [(&str, &str, Counter); 4] = [
    ("forebay_requests_limited_total", "Requests answered with 429", |route| route.limited),
    ("forebay_requests_slow_total", "Requests that were slow", |route| route.slow),
    ("forebay_requests_statements_total", "Statements of requests", |route| route.statements),
    (
        "forebay_requests_statement_hits_total",
        "Of the statements of requests, those answered from memory",
        |route| route.hits,
    ),
];

pub(super) fn write(sheet: &mut Sheet<'_>, stats: &RequestStats) {
    for route in &stats.routes {
        outcomes(sheet, route);
        let labels = [("route", route.route.as_str())];
        for (name, help, value) in COUNTERS {
            let value = MetricValue::Count(value(route));
            sheet.add((name, help), MetricKind::Counter, &labels, value);
        }
        let described =
            ("forebay_requests_database_seconds_total", "Time of requests at databases");
        let value = MetricValue::Number(route.database_time.as_secs_f64());
        sheet.add(described, MetricKind::Counter, &labels, value);
        let described = ("forebay_request_seconds", "Time until the head of the answer");
        let value = MetricValue::Histogram(times(route));
        sheet.add(described, MetricKind::Histogram, &labels, value);
    }
    let help = "Requests in work";
    sheet.gauge(("forebay_requests_in_work", help, float(stats.in_work as u64)));
}

pub(super) fn limit(sheet: &mut Sheet<'_>, stats: &RateLimitStats) {
    sheet.counts(&[
        ("forebay_rate_limit_admitted_total", "Requests that were admitted", stats.admitted),
        ("forebay_rate_limit_refused_total", "Requests that were refused", stats.refused),
        (
            "forebay_rate_limit_crowded_total",
            "Requests that shared a quota because no more keys could be kept",
            stats.crowded,
        ),
        (
            "forebay_rate_limit_alone_total",
            "Requests judged by this process alone because Redis could not be asked",
            stats.alone,
        ),
    ]);
    sheet.gauge(("forebay_rate_limit_keys", "Keys kept", float(stats.keys as u64)));
}

pub(super) fn responses(sheet: &mut Sheet<'_>, stats: &ResponseCacheStats) {
    sheet.counts(&[
        ("forebay_responses_hits_total", "Requests answered from memory", stats.hits),
        ("forebay_responses_unchanged_total", "Requests answered with 304", stats.unchanged),
        ("forebay_responses_made_total", "Answers made and kept", stats.made),
        (
            "forebay_responses_joined_total",
            "Requests answered with what was made for another",
            stats.joined,
        ),
        (
            "forebay_responses_invalidations_total",
            "Answers that a write has made untrue",
            stats.invalidations,
        ),
    ]);
    sheet.counts_by(
        ("forebay_responses_past_total", "Requests that went to the handler, by reason"),
        "reason",
        stats.past.iter().copied(),
    );
    sheet.gauges(&[
        ("forebay_responses_entries", "Answers in memory", float(stats.entries)),
        ("forebay_responses_bytes", "Bytes of the answers", float(stats.bytes)),
        ("forebay_responses_max_bytes", "The byte bound", float(stats.bytes_max)),
    ]);
}

/// Each request has one outcome.
fn outcomes(sheet: &mut Sheet<'_>, route: &RouteStats) {
    let ends = [("failed", route.failed), ("given_up", route.given_up)];
    for (outcome, count) in CLASSES.into_iter().zip(route.classes).chain(ends) {
        let described = ("forebay_requests_total", "Requests, by route and outcome");
        let labels = [("route", route.route.as_str()), ("outcome", outcome)];
        sheet.add(described, MetricKind::Counter, &labels, MetricValue::Count(count));
    }
}

fn times(route: &RouteStats) -> MetricHistogram {
    let bound = |bound: Duration| match bound {
        Duration::MAX => f64::INFINITY,
        bound => bound.as_secs_f64(),
    };
    let buckets: Vec<(f64, u64)> =
        route.times.iter().map(|(upper, count)| (bound(*upper), *count)).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    MetricHistogram { sum: route.time.as_secs_f64(), count, buckets }
}
