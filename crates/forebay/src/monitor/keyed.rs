//! The metrics of a `Cache`, and of what it has done with its tiers.

use super::metric::{MetricHistogram, MetricKind, MetricValue};
use super::page::{Sheet, float};
use crate::keyed::{CacheTierStats, KeyedStats};

type Counter = fn(&CacheTierStats) -> u64;

const IN_TIERS: [(&str, &str, Counter); 6] = [
    ("forebay_keyed_tier_hits_total", "Fresh values found in a tier", |tier| tier.hits),
    ("forebay_keyed_tier_misses_total", "Askings that found nothing fresh in a tier", |tier| {
        tier.misses
    }),
    (
        "forebay_keyed_tier_undecodable_total",
        "What a tier had and is not for this cache, or damaged",
        |tier| tier.undecodable,
    ),
    ("forebay_keyed_tier_fills_total", "Values given to a tier", |tier| tier.fills),
    ("forebay_keyed_tier_unfit_total", "Values that could not be given to a tier", |tier| {
        tier.unfit
    }),
    (
        "forebay_keyed_tier_unacknowledged_total",
        "Removals and values set that a tier has not acknowledged",
        |tier| tier.unacknowledged,
    ),
];

pub(super) fn write(sheet: &mut Sheet<'_>, stats: &KeyedStats) {
    answers(sheet, stats);
    loads(sheet, stats);
    entries(sheet, stats);
    let tiers = [("disk", &stats.disk), ("redis", &stats.redis)];
    for (tier, stats) in tiers.into_iter().filter_map(|(tier, stats)| Some((tier, stats.as_ref()?)))
    {
        for (name, help, value) in IN_TIERS {
            let value = MetricValue::Count(value(stats));
            sheet.add((name, help), MetricKind::Counter, &[("tier", tier)], value);
        }
    }
}

fn answers(sheet: &mut Sheet<'_>, stats: &KeyedStats) {
    sheet.counts(&[
        ("forebay_keyed_hits_total", "Fresh values given from memory", stats.hits),
        ("forebay_keyed_misses_total", "Askings that found nothing fresh in memory", stats.misses),
    ]);
    sheet.counts_by(
        ("forebay_keyed_stale_total", "Stale values given, by the word that allowed it"),
        "policy",
        [("stale_while_revalidate", stats.stale), ("stale_if_error", stats.fallbacks)],
    );
}

fn loads(sheet: &mut Sheet<'_>, stats: &KeyedStats) {
    sheet.counts(&[
        ("forebay_keyed_loads_total", "Loads begun", stats.loads),
        ("forebay_keyed_refreshes_total", "Of the loads, those behind an answer", stats.refreshes),
        (
            "forebay_keyed_load_failures_total",
            "Loads that failed, panicked or took too long",
            stats.failures,
        ),
        (
            "forebay_keyed_joined_total",
            "Callers who waited for a load of another one",
            stats.joined,
        ),
        (
            "forebay_keyed_unproven_total",
            "Loads that read something which cannot be vouched for",
            stats.unproven,
        ),
        ("forebay_keyed_refused_total", "Loaded values that were not kept", stats.refused),
    ]);
    let buckets: Vec<(f64, u64)> = stats
        .load_times
        .iter()
        .map(|time| match time.below {
            std::time::Duration::MAX => (f64::INFINITY, time.loads),
            below => (below.as_secs_f64(), time.loads),
        })
        .collect();
    let count = buckets.iter().map(|(_, loads)| loads).sum();
    let times = MetricHistogram { sum: stats.load_time.as_secs_f64(), count, buckets };
    sheet.histogram("forebay_keyed_load_seconds", "How long loads took", times);
    sheet.gauge(("forebay_keyed_loading", "Loads under way", float(stats.loading)));
}

fn entries(sheet: &mut Sheet<'_>, stats: &KeyedStats) {
    let drops = &stats.drops;
    sheet.counts_by(
        ("forebay_keyed_drops_total", "Entries that are there no more, by cause"),
        "cause",
        [
            ("capacity", drops.capacity),
            ("too_large", drops.too_large),
            ("expired", drops.expired),
            ("untrue", drops.untrue),
            ("deleted", drops.deleted),
            ("tag", drops.tag),
            ("replaced", drops.replaced),
        ],
    );
    sheet.gauges(&[
        ("forebay_keyed_entries", "Entries in memory", float(stats.entries)),
        ("forebay_keyed_bytes", "Bytes of the entries", float(stats.bytes)),
        ("forebay_keyed_max_bytes", "The byte bound", float(stats.bytes_max)),
        ("forebay_keyed_warm", "Entries that are kept warm", float(stats.warm)),
    ]);
}
