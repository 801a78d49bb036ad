//! Whether a handle has been given enough: connections for those who ask at once, memory for
//! answers that are asked for again. Each advice has the numbers that it rests on; where too
//! little was asked to tell, it says so.

use std::time::Duration;

use super::report::{HealthCheck, Severity};
use super::size::bytes;
use crate::mode::CacheMode;
use crate::stats::{CacheStats, PoolStats, Stats};

/// Connections handed out below which waits say nothing.
const ACQUISITIONS_MIN: u64 = 1_000;

/// Waits of one caller in a hundred from which on it is worth knowing, and from which on slow.
const WAIT_NOTICE: Duration = Duration::from_millis(10);
const WAIT_WARNING: Duration = Duration::from_millis(100);

/// A connection held for longer than this is held by something that is slow.
const HELD_LONG: Duration = Duration::from_secs(1);

/// Reads below which the cache has not shown yet what it can do.
const READS_WARM: u64 = 1_000;

/// Reads below which its size and its use are not judged.
const READS_MIN: u64 = 10_000;

/// The share of the memory in use from which on a cache is full, in percent.
const FULL: u64 = 90;

/// The share of reads that may have been lost by evictions from which on it is worth knowing.
const LOST: u64 = 10;

/// The hit ratio below which it is asked why it is so low, in percent.
const HITS_LOW: u64 = 20;

/// All of them.
pub(super) fn checks(stats: &Stats) -> [HealthCheck; 3] {
    [pool_waits(stats), cache_size(&stats.cache), cache_warmth(&stats.cache)]
}

/// Whether callers wait for connections, although they get one in time.
fn pool_waits(stats: &Stats) -> HealthCheck {
    let check = HealthCheck::new("pool_waits").weight(20).limit(format_args!("{WAIT_NOTICE:?}"));
    let pools =
        [("reads", &stats.readers), ("writes", &stats.writer), ("sessions", &stats.sessions)];
    let judged = pools.into_iter().filter(|(_, pool)| pool.acquisitions >= ACQUISITIONS_MIN);
    let Some((name, pool)) = judged.max_by_key(|(_, pool)| pool.acquire_p99) else {
        let text = format!("fewer than {ACQUISITIONS_MIN} connections were asked for");
        return check.found(Severity::Unknown, text);
    };
    let wait = pool.acquire_p99;
    let check = check.value(format_args!("{wait:.1?}"));
    if wait < WAIT_NOTICE {
        return check.found(Severity::Ok, "nobody waits long for a connection");
    }
    let severity = if wait < WAIT_WARNING { Severity::Notice } else { Severity::Warning };
    let text = format!(
        "one caller in a hundred waits {wait:.1?} or more for a connection for {name} ({:.1?} on \
         the average of {}); {} of {} are in use and {} callers wait now",
        pool.acquire_mean, pool.acquisitions, pool.in_use, pool.max, pool.waiting
    );
    cure_of_waits(check.found(severity, text), name, pool)
}

fn cure_of_waits(check: HealthCheck, name: &str, pool: &PoolStats) -> HealthCheck {
    if let Some(holder) = pool.longest_holder.as_ref().filter(|it| it.held >= HELD_LONG) {
        let statement = holder.statement.as_deref().unwrap_or("a transaction");
        return check.cure(format!(
            "make this shorter: {} has held a connection for {:.0?}: {statement}",
            holder.caller, holder.held
        ));
    }
    if name == "writes" {
        return check.cure(
            "writes come one after another: put many rows into one (`bulk`), or several statements \
             into one transaction",
        );
    }
    let setting = if name == "sessions" { "max_sessions" } else { "max_size" };
    check.cure(format!("raise `{setting}`: {} is the most there may be now", pool.max))
}

/// Whether answers are dropped for want of memory that would have been asked for again.
fn cache_size(cache: &CacheStats) -> HealthCheck {
    let check = HealthCheck::new("cache_size").weight(10).limit(format_args!("{LOST} %"));
    let reads = cache.hits + cache.misses;
    if cache.mode != CacheMode::On || cache.off.is_some() {
        return check.found(Severity::Ok, "nothing is cached");
    }
    if reads < READS_MIN {
        return check.found(Severity::Unknown, format!("fewer than {READS_MIN} reads were asked"));
    }
    // An answer that was dropped may or may not have been asked for again: at the most, each was.
    let lost = percent(cache.evictions.min(cache.misses), reads);
    let check = check.value(format_args!("{lost} %"));
    let is_full = percent(cache.bytes, cache.bytes_max) >= FULL;
    if !is_full || lost < LOST {
        return check.found(Severity::Ok, "the answers that are asked for fit into the memory");
    }
    let text = format!(
        "the cache is full ({} of {}): {} answers were dropped to make room for others, and up to \
         {lost} % of the reads could have been hits beside the {} % that are",
        bytes(cache.bytes),
        bytes(cache.bytes_max),
        cache.evictions,
        percent(cache.hits, reads)
    );
    check
        .found(Severity::Notice, text)
        .cure(format!("raise `cache_bytes` to {}, and look again", bytes(cache.bytes_max * 2)))
        .cure("or keep large answers out of it: `no_cache()` for reports that are asked once")
}

/// Whether the cache is of use yet; if it has had the time and is not, what stands in its way.
fn cache_warmth(cache: &CacheStats) -> HealthCheck {
    let check = HealthCheck::new("cache_warmth").weight(5).limit(format_args!("{HITS_LOW} %"));
    let reads = cache.hits + cache.misses;
    if cache.mode != CacheMode::On || cache.off.is_some() {
        return check.found(Severity::Ok, "nothing is cached");
    }
    if reads < READS_WARM {
        let text = format!(
            "it is cold: {reads} reads were asked, {} answers are stored; this tells nothing yet",
            cache.entries
        );
        return check.found(Severity::Unknown, text);
    }
    let ratio = percent(cache.hits, reads);
    let check = check.value(format_args!("{ratio} %"));
    if ratio >= HITS_LOW {
        return check.found(Severity::Ok, format!("{ratio} % of {reads} reads are hits"));
    }
    if reads < READS_MIN {
        let text = format!(
            "it warms up: {ratio} % of {reads} reads are hits, {} answers are stored in {} % of \
             its memory",
            cache.entries,
            percent(cache.bytes, cache.bytes_max)
        );
        return check.found(Severity::Ok, text);
    }
    if percent(cache.invalidations, cache.fills) >= 50 {
        return check
            .found(
                Severity::Notice,
                format!(
                    "writes drop answers nearly as fast as they are stored: {} of {}, so that only \
                     {ratio} % of {reads} reads are hits",
                    cache.invalidations, cache.fills
                ),
            )
            .cure("look which writes drop what (`stats().cache.drops`): often it is one counter");
    }
    let text = format!("{ratio} % of {reads} reads are hits: few questions are asked twice");
    check.found(Severity::Ok, text)
}

fn percent(part: u64, all: u64) -> u64 {
    u64::try_from(u128::from(part) * 100 / u128::from(all.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Holder;

    fn judged(stats: &Stats, name: &str) -> HealthCheck {
        checks(stats).into_iter().find(|check| check.name == name).unwrap()
    }

    #[test]
    fn waits() {
        let check = |ms: u64, acquisitions, held: Option<u64>, expect: Severity, cure: &str| {
            let holder = held.map(|seconds| Holder {
                held: Duration::from_secs(seconds),
                caller: "src/job.rs:7".into(),
                statement: None,
            });
            let readers = PoolStats {
                acquisitions,
                acquire_p99: Duration::from_millis(ms),
                longest_holder: holder,
                ..PoolStats::default()
            };
            let found = judged(&Stats { readers, ..Stats::default() }, "pool_waits");
            assert_eq!(found.severity, expect, "{found:?}");
            assert!(found.cure.concat().contains(cure), "{found:?}");
        };
        check(500, 999, None, Severity::Unknown, "");
        check(9, 1_000, None, Severity::Ok, "");
        check(10, 1_000, None, Severity::Notice, "max_size");
        check(100, 1_000, Some(0), Severity::Warning, "max_size");
        check(100, 1_000, Some(3), Severity::Warning, "src/job.rs:7 has held");
        let writer = PoolStats {
            acquisitions: 5_000,
            acquire_p99: Duration::from_millis(20),
            ..PoolStats::default()
        };
        let found = judged(&Stats { writer, ..Stats::default() }, "pool_waits");
        assert!(found.cure[0].contains("`bulk`"), "{found:?}");
    }

    #[test]
    fn memory() {
        let check = |cache: CacheStats, name: &str, expect: Severity, says: &str| {
            let found = judged(&Stats { cache, ..Stats::default() }, name);
            assert_eq!(found.severity, expect, "{found:?}");
            assert!(found.message.contains(says), "{found:?}");
            assert_eq!(found.severity > Severity::Unknown, !found.cure.is_empty(), "{found:?}");
        };
        let of = |hits, misses, evictions, bytes| CacheStats {
            mode: CacheMode::On,
            bytes_max: 100,
            fills: misses,
            hits,
            misses,
            evictions,
            bytes,
            ..CacheStats::default()
        };
        use Severity::{Notice, Ok, Unknown};
        check(of(9_000, 999, 900, 99), "cache_size", Unknown, "fewer than");
        check(of(9_000, 1_000, 900, 99), "cache_size", Ok, "fit");
        check(of(8_000, 2_000, 1_900, 89), "cache_size", Ok, "fit");
        check(of(8_000, 2_000, 1_900, 90), "cache_size", Notice, "up to 19 % of the reads");
        check(of(8_000, 2_000, 90_000, 90), "cache_size", Notice, "up to 20 % of the reads");
        let off = CacheStats { mode: CacheMode::Off, ..of(0, 20_000, 20_000, 100) };
        check(off.clone(), "cache_size", Ok, "nothing is cached");
        check(off, "cache_warmth", Ok, "nothing is cached");
        check(of(1, 900, 0, 5), "cache_warmth", Unknown, "cold: 901 reads");
        check(of(100, 1_900, 0, 5), "cache_warmth", Ok, "warms up: 5 %");
        check(of(9_000, 11_000, 0, 5), "cache_warmth", Ok, "45 %");
        check(of(1_000, 19_000, 0, 5), "cache_warmth", Ok, "few questions");
        let churned = CacheStats { invalidations: 12_000, ..of(1_000, 19_000, 0, 5) };
        check(churned, "cache_warmth", Notice, "12000 of 19000");
    }
}
