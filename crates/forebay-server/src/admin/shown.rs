//! Figures of the library as JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay::{
    CacheStats, CacheTierStats, Finding, FingerprintStats, HealthStatus, KeyedStats, Measured,
    PlanChange, PoolStats, RepeatFinding, Severity, SlowStatement, SpaceStats, Stats,
};
use serde_json::{Map, Value, json};

/// The cache of a database.
pub(super) fn cache(stats: &CacheStats) -> Value {
    json!({
        "mode": stats.mode.name(),
        "off_because": stats.off,
        "hits": stats.hits,
        "misses": stats.misses,
        "hit_ratio": ratio(stats.hits, stats.hits + stats.misses),
        "bypasses": by_word(&stats.bypasses),
        "stale": stats.stale,
        "fills": stats.fills,
        "refused_fills": stats.refused_fills,
        "invalidations": stats.invalidations,
        "evictions": stats.evictions,
        "flushes": stats.flushes,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "bytes_max": stats.bytes_max,
        "windows": stats.windows,
        "by_policy": {
            "entries": stats.policies.entries,
            "bytes": stats.policies.bytes,
            "bytes_max": stats.policies.bytes_max,
            "spaces": stats.policies.spaces.iter().map(space).collect::<Vec<_>>(),
        },
        "audit": {
            "one_in": stats.audit.one_in,
            "compared": stats.audit.compared,
            "differing": stats.audit.differing,
        },
        "shadow": { "hits": stats.shadow.hits, "misses": stats.shadow.misses },
    })
}

fn space(stats: &SpaceStats) -> Value {
    json!({
        "name": stats.name,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "bytes_max": stats.bytes_max,
        "evictions": stats.evictions,
    })
}

/// A cache of the application's.
pub(super) fn keyed(stats: &KeyedStats) -> Value {
    json!({
        "hits": stats.hits,
        "misses": stats.misses,
        "hit_ratio": ratio(stats.hits, stats.hits + stats.misses),
        "stale": stats.stale,
        "fallbacks": stats.fallbacks,
        "loads": stats.loads,
        "failures": stats.failures,
        "joined": stats.joined,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "bytes_max": stats.bytes_max,
        "loading": stats.loading,
        "warm": stats.warm,
        "disk": stats.disk.as_ref().map(tier),
        "redis": stats.redis.as_ref().map(tier),
    })
}

fn tier(stats: &CacheTierStats) -> Value {
    json!({
        "hits": stats.hits,
        "misses": stats.misses,
        "fills": stats.fills,
        "undecodable": stats.undecodable,
        "unacknowledged": stats.unacknowledged,
    })
}

/// The connections of a database.
pub(super) fn pools(stats: &Stats) -> Value {
    json!({
        "reader": pool(&stats.readers),
        "writer": pool(&stats.writer),
        "session": pool(&stats.sessions),
    })
}

fn pool(stats: &PoolStats) -> Value {
    let holder = stats.longest_holder.as_ref().map(|holder| {
        json!({
            "held_ms": millis(holder.held),
            "caller": holder.caller,
            "statement": holder.statement,
        })
    });
    json!({
        "size": stats.size,
        "idle": stats.idle,
        "in_use": stats.in_use,
        "waiting": stats.waiting,
        "max": stats.max,
        "acquisitions": stats.acquisitions,
        "timeouts": stats.timeouts,
        "opened": stats.opened,
        "closed": stats.closed,
        "acquire_mean_ms": millis(stats.acquire_mean),
        "acquire_p99_ms": millis(stats.acquire_p99),
        "longest_holder": holder,
    })
}

/// One statement. Its text has no literals.
pub(super) fn fingerprint(stats: &FingerprintStats) -> Value {
    let at_origin = stats.calls.saturating_sub(stats.hits);
    json!({
        "id": format!("{:016x}", stats.id),
        "name": stats.name,
        "statement": stats.statement,
        "calls": stats.calls,
        "errors": stats.errors,
        "hits": stats.hits,
        "misses": stats.misses,
        "stale": stats.stale,
        "bypasses": by_word(&stats.bypasses),
        "invalidations": stats.invalidations,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "database_ms": millis(stats.origin_time),
        "database_mean_ms": (at_origin > 0).then(|| millis(stats.origin_time) / at_origin as f64),
        "p50_ms": (stats.time.count > 0).then(|| millis(stats.time.p50)),
        "p99_ms": (stats.time.count > 0).then(|| millis(stats.time.p99)),
        "rows": stats.rows,
        "last_seen": stats.last_seen.map(seconds),
        "mode": stats.mode.name(),
        "is_condemned": stats.is_condemned,
        "worth": {
            "verdict": stats.worth.verdict,
            "hit_ratio": stats.worth.hit_ratio,
            "needed": stats.worth.needed,
        },
    })
}

/// One execution that was slow.
pub(super) fn slow(it: &SlowStatement) -> Value {
    json!({
        "at": seconds(it.at),
        "fingerprint": format!("{:016x}", it.fingerprint),
        "statement": it.statement,
        "why": it.why,
        "ms": millis(it.time),
        "pool_wait_ms": millis(it.pool_wait),
        "rows": it.rows,
        "vm_steps": it.vm_steps,
        "failed": it.failed,
        "caller": it.caller,
        "trace": it.trace,
        "params": it.params,
        "plan": it.plan_lines,
        "left_out": it.left_out,
    })
}

/// A query plan that has changed.
pub(super) fn plan_change(it: &PlanChange) -> Value {
    json!({
        "at": seconds(it.at),
        "fingerprint": format!("{:016x}", it.fingerprint),
        "statement": it.statement,
        "before": it.before_lines,
        "after": it.after_lines,
    })
}

/// A statement that is repeated.
pub(super) fn repeat(it: &RepeatFinding) -> Value {
    let source = it.source.as_ref().map(|source| {
        json!({
            "fingerprint": format!("{:016x}", source.fingerprint),
            "statement": source.statement,
            "column": source.column,
        })
    });
    json!({
        "kind": it.kind.name(),
        "fingerprint": format!("{:016x}", it.fingerprint),
        "statement": it.statement,
        "source": source,
        "column": it.column,
        "evidence": it.evidence,
        "scopes": it.scopes,
        "executions": it.executions,
        "from_memory": it.from_memory,
        "most": it.most,
        "rows": it.rows,
        "database_ms": millis(it.database_time),
        "lost_ms": millis(it.time_lost),
        "entry_points": it.entry_points,
        "caller": it.caller,
        "cure": it.cure,
    })
}

/// Something that is advised.
pub(super) fn finding(it: &Finding) -> Value {
    let measured =
        |it: Measured| json!({ "work": it.work, "ms": millis(it.time), "is_more": it.is_more });
    let effects = it.effects.iter().map(|effect| {
        json!({
            "statement": effect.text,
            "calls": effect.calls,
            "before": measured(effect.before),
            "after": measured(effect.after),
            "plan_before": effect.plan_before,
            "plan_after": effect.plan_after,
        })
    });
    json!({
        "kind": it.kind.to_string(),
        "table": it.table,
        "message": it.message,
        "apply": it.apply,
        "undo": it.undo,
        "advice": it.advice,
        "effects": effects.collect::<Vec<_>>(),
        "bytes": it.bytes,
        "saved_ms": millis(it.saved),
        "write_us_per_row": it.write_cost.map(|cost| cost.per_row.as_secs_f64() * 1e6),
        "is_proven": it.is_proven,
    })
}

/// The findings about a database.
pub(super) fn health(health: &forebay::Health) -> Value {
    let checks = health.checks.iter().map(|check| {
        json!({
            "name": check.name,
            "severity": severity(check.severity),
            "value": check.value,
            "limit": check.limit,
            "is_data_loss": check.is_data_loss,
            "message": check.message,
            "cure": check.cure,
        })
    });
    json!({
        "status": match health.status {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Critical => "critical",
        },
        "score": health.score,
        "confidence": health.confidence,
        "checks": checks.collect::<Vec<_>>(),
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Unknown => "unknown",
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// How a database performs: `GET /metrics/performance`.
pub(crate) fn performance(stats: &Stats) -> Value {
    let (mut calls, mut errors, mut database) = (0, 0, Duration::ZERO);
    for one in &stats.fingerprints {
        calls += one.calls;
        errors += one.errors;
        database += one.origin_time;
    }
    let replication = stats.replication.as_ref().map(|found| {
        json!({
            "live": found.live,
            "lag_ms": found.lag.map(millis),
            "lag_bytes": found.lag_bytes,
            "fences": found.fences,
        })
    });
    json!({
        "statements": calls,
        "errors": errors,
        "hits": stats.cache.hits,
        "hit_ratio": ratio(stats.cache.hits, calls),
        "database_ms": millis(database),
        "database_mean_ms": match calls.saturating_sub(stats.cache.hits) {
            0 => None,
            asked => Some(millis(database) / asked as f64),
        },
        "pools": pools(stats),
        "replication": replication,
    })
}

/// What the caches do: `GET /metrics/cache`.
pub(crate) fn cache_numbers(stats: &Stats) -> Value {
    cache(&stats.cache)
}

fn by_word(counts: &[(&'static str, u64)]) -> Value {
    let counts = counts.iter().map(|(word, count)| ((*word).to_owned(), json!(count)));
    Value::Object(counts.collect::<Map<_, _>>())
}

/// A share from 0 to 1; none of nothing.
pub(super) fn ratio(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Seconds since 1970, to the millisecond.
pub(super) fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64 / 1e3
}
