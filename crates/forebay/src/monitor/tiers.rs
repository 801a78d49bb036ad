//! The metrics of tiers as a whole, whatever uses them.

use super::page::{Sheet, float};
#[cfg(feature = "redis")]
use crate::tier::redis::RedisStats;
#[cfg(feature = "disk")]
use crate::tier::{DiskHealth, DiskStats};

#[cfg(feature = "disk")]
pub(super) fn disk(sheet: &mut Sheet<'_>, stats: &DiskStats, health: &DiskHealth) {
    sheet.state(
        ("forebay_disk_state", "1 for how a disk tier is"),
        "state",
        ["working", "failing", "off", "closed"],
        health.word(),
    );
    sheet.counts(&[
        ("forebay_disk_hits_total", "Values found", stats.hits),
        ("forebay_disk_misses_total", "Values not found", stats.misses),
        ("forebay_disk_writes_total", "Values written to the file", stats.writes),
        ("forebay_disk_written_bytes_total", "Bytes of the values written", stats.written_bytes),
        (
            "forebay_disk_dropped_total",
            "Values not kept because the write queue was full or the file failed",
            stats.dropped,
        ),
        (
            "forebay_disk_too_large_total",
            "Values not kept because they are larger than the bound",
            stats.too_large,
        ),
        (
            "forebay_disk_evictions_total",
            "Records overwritten to stay within the bounds",
            stats.evictions,
        ),
        (
            "forebay_disk_second_chances_total",
            "Records written anew because they had been read",
            stats.second_chances,
        ),
        ("forebay_disk_expired_total", "Records found expired", stats.expired),
        ("forebay_disk_damaged_total", "Records and segments found damaged", stats.damaged),
        (
            "forebay_disk_faults_total",
            "Reads and writes that the operating system refused",
            stats.faults,
        ),
        ("forebay_disk_late_total", "Reads and removals that took too long", stats.late),
    ]);
    sheet.gauges(&[
        ("forebay_disk_entries", "Records in the file", float(stats.entries)),
        ("forebay_disk_bytes", "Bytes of the records", float(stats.bytes)),
        ("forebay_disk_max_bytes", "The most bytes of the file", float(stats.bytes_max)),
        ("forebay_disk_queued", "Values that wait to be written", float(stats.queued)),
        ("forebay_disk_queued_bytes", "Bytes of the values that wait", float(stats.queued_bytes)),
    ]);
}

#[cfg(feature = "redis")]
pub(super) fn redis(sheet: &mut Sheet<'_>, stats: &RedisStats) {
    sheet.gauges(&[
        ("forebay_redis_up", "1 while the servers are used", f64::from(stats.is_up)),
        ("forebay_redis_hearing", "1 while changes are heard", f64::from(stats.is_hearing)),
        ("forebay_redis_servers", "Servers that share the keys", float(stats.servers)),
    ]);
    sheet.counts(&[
        ("forebay_redis_hits_total", "Values found", stats.hits),
        ("forebay_redis_misses_total", "Values that were not there", stats.misses),
        ("forebay_redis_stored_total", "Values stored", stats.stored),
        (
            "forebay_redis_too_large_total",
            "Values not stored because they are too long",
            stats.too_large,
        ),
        (
            "forebay_redis_fills_refused_total",
            "Fills that lost to a removal, or came too late",
            stats.fills_refused,
        ),
        ("forebay_redis_removed_total", "Removals acknowledged", stats.removed),
        (
            "forebay_redis_not_acknowledged_total",
            "Removals not acknowledged",
            stats.not_acknowledged,
        ),
    ]);
    sheet.counts_by(
        ("forebay_redis_faults_total", "Calls that came to nothing, by fault"),
        "fault",
        [
            ("slow", stats.slow),
            ("unreachable", stats.unreachable),
            ("garbage", stats.garbage),
            ("refused", stats.refused),
            ("left_alone", stats.left_alone),
        ],
    );
    sheet.counts(&[
        ("forebay_redis_opened_total", "Times that a breaker opened", stats.opened),
        ("forebay_redis_changes_total", "Changes heard", stats.changes),
        ("forebay_redis_doubts_total", "Times that anything may have changed", stats.doubts),
    ]);
}
