//! The metrics of guards.

use super::page::{Sheet, float};
use crate::guard::{
    BreakerState, BreakerStats, BulkheadStats, LimiterStats, RetryStats, TimeLimitStats,
};

const STATES: [BreakerState; 4] =
    [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen, BreakerState::ForcedOpen];

/// What a state of a breaker is called.
pub(super) fn word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half_open",
        BreakerState::ForcedOpen => "forced_open",
    }
}

pub(super) fn breaker(sheet: &mut Sheet<'_>, stats: &BreakerStats) {
    sheet.state(
        ("forebay_breaker_state", "1 for the state of a circuit breaker"),
        "state",
        STATES.map(word),
        word(stats.state),
    );
    sheet.counts_by(
        ("forebay_breaker_calls_total", "Calls of a circuit breaker, by outcome"),
        "outcome",
        [
            ("succeeded", stats.succeeded),
            ("failed", stats.failed),
            ("given_up", stats.given_up),
            ("refused", stats.refused),
        ],
    );
    sheet.count(("forebay_breaker_opened_total", "Times that it opened", stats.opened));
    sheet.gauges(&[
        (
            "forebay_breaker_window_calls",
            "Calls by which it judges now",
            f64::from(stats.window_calls),
        ),
        (
            "forebay_breaker_window_failed",
            "Of the calls by which it judges, those that failed",
            f64::from(stats.window_failed),
        ),
        (
            "forebay_breaker_window_slow",
            "Of the calls by which it judges, those that were slow",
            f64::from(stats.window_slow),
        ),
    ]);
}

pub(super) fn limiter(sheet: &mut Sheet<'_>, stats: &LimiterStats) {
    sheet.counts(&[
        ("forebay_limiter_admitted_total", "Calls that were admitted", stats.admitted),
        (
            "forebay_limiter_waited_total",
            "Of the calls admitted, those that had to wait",
            stats.waited,
        ),
        (
            "forebay_limiter_refused_total",
            "Calls that were refused, or gave up waiting",
            stats.refused,
        ),
    ]);
    sheet.gauges(&[
        ("forebay_limiter_waiting", "Callers that wait", float(stats.waiting as u64)),
        ("forebay_limiter_keys", "Keys kept", float(stats.keys as u64)),
    ]);
}

pub(super) fn bulkhead(sheet: &mut Sheet<'_>, stats: &BulkheadStats) {
    sheet.counts(&[
        ("forebay_bulkhead_admitted_total", "Calls that were let in", stats.admitted),
        (
            "forebay_bulkhead_waited_total",
            "Of the calls let in, those that had to wait",
            stats.waited,
        ),
        (
            "forebay_bulkhead_refused_total",
            "Calls that were refused, or gave up waiting",
            stats.refused,
        ),
    ]);
    sheet.gauges(&[
        ("forebay_bulkhead_running", "Calls at work", float(stats.running as u64)),
        ("forebay_bulkhead_waiting", "Callers that wait", float(stats.waiting as u64)),
    ]);
}

pub(super) fn retry(sheet: &mut Sheet<'_>, stats: &RetryStats) {
    sheet.counts(&[
        ("forebay_retry_runs_total", "Times that work was asked for", stats.runs),
        ("forebay_retry_retries_total", "Tries beside the first", stats.retries),
        ("forebay_retry_recovered_total", "Runs that succeeded with such a try", stats.recovered),
        (
            "forebay_retry_exhausted_total",
            "Runs that failed with no try or no time left",
            stats.exhausted,
        ),
    ]);
}

pub(super) fn time_limit(sheet: &mut Sheet<'_>, stats: &TimeLimitStats) {
    sheet.counts(&[
        ("forebay_time_limit_ended_total", "Calls that ended in time", stats.ended),
        ("forebay_time_limit_expired_total", "Calls ended by the limit", stats.expired),
    ]);
}
