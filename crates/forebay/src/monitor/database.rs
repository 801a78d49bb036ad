//! The metrics of a database: its cache, how far that can be trusted, and how a PostgreSQL server
//! is followed. Its connections and statements are in the files beside.

use super::page::{Sheet, float};
use super::{pools, statements};
use crate::mode::CacheMode;
use crate::stats::{ReplicationStats, Stats};

/// Writes all of it; of the statements, and of the pairs of a read and a write, so many.
pub(super) fn write(sheet: &mut Sheet<'_>, stats: &Stats, statements_shown: usize) {
    cache(sheet, stats);
    trust(sheet, stats);
    statements::drops(sheet, &stats.cache.drops, statements_shown);
    if let Some(replication) = &stats.replication {
        followed(sheet, replication);
    }
    pools::write(sheet, stats);
    statements::write(sheet, stats, statements_shown);
}

fn cache(sheet: &mut Sheet<'_>, stats: &Stats) {
    let cache = &stats.cache;
    sheet.counts(&[
        ("forebay_cache_hits_total", "Answers served from memory", cache.hits),
        ("forebay_cache_misses_total", "Cacheable reads that went to the database", cache.misses),
    ]);
    sheet.counts_by(
        ("forebay_cache_bypasses_total", "Reads that may not be cached, by reason"),
        "reason",
        cache.bypasses.iter().copied(),
    );
    sheet.counts(&[
        ("forebay_cache_fills_total", "Answers stored", cache.fills),
        (
            "forebay_cache_refused_fills_total",
            "Answers not stored because a write came in between",
            cache.refused_fills,
        ),
        (
            "forebay_cache_invalidations_total",
            "Entries dropped because what they rest on changed",
            cache.invalidations,
        ),
        (
            "forebay_cache_evictions_total",
            "Entries dropped to stay within the byte bound",
            cache.evictions,
        ),
        ("forebay_cache_flushes_total", "Times everything was dropped", cache.flushes),
    ]);
    let policies = &cache.policies;
    sheet.counts_by(
        (
            "forebay_cache_stale_total",
            "Of the hits, those not known to be true, by the word that allowed it",
        ),
        "policy",
        [
            ("ttl_only", policies.aged),
            ("stale_while_revalidate", policies.revalidated),
            ("stale_if_error", policies.on_error),
        ],
    );
    sheet.count((
        "forebay_cache_capture_gaps_total",
        "Writes of which fewer changed rows were told than counted; should be 0",
        cache.capture_gaps,
    ));
    sheet.gauges(&[
        ("forebay_cache_on", "1 while answers are cached", f64::from(cache.off.is_none())),
        ("forebay_cache_entries", "Entries in memory", float(cache.entries)),
        (
            "forebay_cache_windows",
            "Ranges and full pages that entries rest on",
            float(cache.windows),
        ),
        ("forebay_cache_bytes", "Bytes of the entries", float(cache.bytes)),
        ("forebay_cache_max_bytes", "The byte bound", float(cache.bytes_max)),
    ]);
}

fn trust(sheet: &mut Sheet<'_>, stats: &Stats) {
    let (audit, shadow) = (&stats.cache.audit, &stats.cache.shadow);
    sheet.state(
        ("forebay_cache_mode", "1 for the switch of the cache"),
        "mode",
        [CacheMode::Off, CacheMode::Shadow, CacheMode::On].map(CacheMode::name),
        stats.cache.mode.name(),
    );
    sheet.counts(&[
        ("forebay_cache_audits_total", "Hits compared with the database's answer", audit.compared),
        (
            "forebay_cache_audit_differences_total",
            "Of the hits compared, those that differed; should be 0",
            audit.differing,
        ),
    ]);
    sheet.counts_by(
        ("forebay_cache_audits_skipped_total", "Hits picked and not compared, by reason"),
        "reason",
        audit.skipped.iter().copied(),
    );
    sheet.counts(&[
        (
            "forebay_shadow_hits_total",
            "Reads in shadow that the cache would have answered",
            shadow.hits,
        ),
        (
            "forebay_shadow_misses_total",
            "Reads in shadow that it could not have answered",
            shadow.misses,
        ),
        ("forebay_shadow_compared_total", "Answers in shadow that were compared", shadow.compared),
        (
            "forebay_shadow_differences_total",
            "Of these, answers that differed; should be 0",
            shadow.differing,
        ),
        (
            "forebay_shadow_skipped_total",
            "Answers in shadow that could not be compared",
            shadow.skipped,
        ),
    ]);
    sheet.seconds(
        "forebay_shadow_saved_seconds_total",
        "Time that hits in shadow would have saved",
        shadow.saved,
    );
}

/// Of PostgreSQL only.
fn followed(sheet: &mut Sheet<'_>, found: &ReplicationStats) {
    sheet.gauges(&[
        (
            "forebay_replication_live",
            "1 while the server's commits are followed",
            f64::from(found.live),
        ),
        (
            "forebay_replication_sole_writer",
            "1 while answers are cached without that, because nobody else writes",
            f64::from(found.sole.is_some()),
        ),
    ]);
    if let Some(lag) = found.lag {
        let help = "How long commits take to be applied to the cache";
        sheet.gauge(("forebay_replication_lag_seconds", help, lag.as_secs_f64()));
    }
    sheet.gauges(&[
        (
            "forebay_replication_lag_bytes",
            "Bytes of the server's log that are not applied yet",
            float(found.lag_bytes),
        ),
        (
            "forebay_replication_fences",
            "Writes through here whose commit is not applied yet",
            float(found.fences),
        ),
        (
            "forebay_replication_unconfirmed",
            "Commits applied that the server may not show to everybody yet",
            float(found.unconfirmed),
        ),
    ]);
    sheet.counts(&[
        ("forebay_replication_commits_total", "Commits applied to the cache", found.commits),
        (
            "forebay_replication_streams_total",
            "Streams of commits begun; more than one: some were lost",
            found.streams,
        ),
    ]);
}
