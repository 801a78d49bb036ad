//! `GET /metrics` for Prometheus, rendered from the library's own counters when it is asked for.
//! There is no recorder of its own, so that reading metrics costs nothing while nobody does.
//! `docs/guide/metrics.md` documents every name.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forebay::{CacheMode, FingerprintStats, PoolStats, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::reply;
use super::service::Service;
use super::tally::Count;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers all metrics.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let snapshot = Snapshot {
        stats: service.db.stats(),
        http: service.tally.counts(),
        streams_open: service.door.streams_open(),
        requests_in_work: service.requests_in_work(),
        fingerprints_shown: service.options.fingerprints_shown,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut out = String::new();
    match text::encode(&mut out, &registry) {
        Ok(()) => reply::respond(StatusCode::OK, CONTENT_TYPE, Body::from(out)),
        Err(fmt::Error) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, "encoding failed\n"),
    }
}

/// Everything that is counted, at one moment.
#[derive(Debug)]
struct Snapshot {
    stats: Stats,
    http: Vec<(&'static str, u16, Count)>,
    streams_open: usize,
    requests_in_work: usize,
    fingerprints_shown: usize,
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.cache(&mut page)?;
        self.trust(&mut page)?;
        self.replication(&mut page)?;
        self.pools(&mut page)?;
        self.fingerprints(&mut page)?;
        self.service(&mut page)
    }
}

impl Snapshot {
    fn cache(&self, page: &mut Page<'_>) -> fmt::Result {
        let cache = &self.stats.cache;
        page.count("cache_hits", "Answers served from memory", cache.hits)?;
        page.count("cache_misses", "Cacheable reads that went to the database", cache.misses)?;
        let bypasses = cache.bypasses.iter().map(|(reason, n)| ([("reason", *reason)], *n));
        page.counts("cache_bypasses", "Reads that may not be cached, by reason", bypasses)?;
        page.count("cache_fills", "Answers stored", cache.fills)?;
        let help = "Answers not stored because a write came in between";
        page.count("cache_refused_fills", help, cache.refused_fills)?;
        let help = "Entries dropped because what they rest on changed";
        page.count("cache_invalidations", help, cache.invalidations)?;
        let help = "Entries dropped to stay within the byte bound";
        page.count("cache_evictions", help, cache.evictions)?;
        page.count("cache_flushes", "Times everything was dropped", cache.flushes)?;
        let policies = &cache.policies;
        let stale = [
            ([("policy", "ttl_only")], policies.aged),
            ([("policy", "stale_while_revalidate")], policies.revalidated),
            ([("policy", "stale_if_error")], policies.on_error),
        ];
        let help = "Of the hits, those not known to be true, by the word that allowed it";
        page.counts("cache_stale", help, stale.into_iter())?;
        let help = "Writes of which fewer changed rows were told than counted; should be 0";
        page.count("cache_capture_gaps", help, cache.capture_gaps)?;
        page.gauge("cache_on", "1 while answers are cached", f64::from(cache.off.is_none()))?;
        page.gauge("cache_entries", "Entries in memory", as_f64(cache.entries))?;
        let help = "Ranges and full pages that entries rest on";
        page.gauge("cache_windows", help, as_f64(cache.windows))?;
        page.gauge("cache_bytes", "Bytes of these", as_f64(cache.bytes))?;
        page.gauge("cache_max_bytes", "The byte bound", as_f64(cache.bytes_max))
    }

    fn trust(&self, page: &mut Page<'_>) -> fmt::Result {
        let cache = &self.stats.cache;
        let modes = [CacheMode::Off, CacheMode::Shadow, CacheMode::On];
        let modes = modes.map(|mode| ([("mode", mode.name())], f64::from(mode == cache.mode)));
        page.gauges("cache_mode", "1 for the switch of the cache", modes.into_iter())?;
        let audit = &cache.audit;
        page.count("cache_audits", "Hits compared with the database's answer", audit.compared)?;
        let help = "Of these, answers that differed; should be 0";
        page.count("cache_audit_differences", help, audit.differing)?;
        let skipped = audit.skipped.iter().map(|(reason, n)| ([("reason", *reason)], *n));
        page.counts("cache_audits_skipped", "Hits picked and not compared, by reason", skipped)?;
        let shadow = &cache.shadow;
        for (name, help, value) in [
            ("shadow_hits", "Reads in shadow that the cache would have answered", shadow.hits),
            ("shadow_misses", "Reads in shadow that it could not have answered", shadow.misses),
            ("shadow_compared", "Its answers that were compared", shadow.compared),
            (
                "shadow_differences",
                "Of these, answers that differed; should be 0",
                shadow.differing,
            ),
            ("shadow_skipped", "Its answers that could not be compared", shadow.skipped),
        ] {
            page.count(name, help, value)?;
        }
        let saved = ConstCounter::new(shadow.saved.as_secs_f64());
        page.one("shadow_saved_seconds", "Time that its hits would have saved", &saved)?;
        let pairs = &cache.drops[..cache.drops.len().min(self.fingerprints_shown)];
        let ids: Vec<[String; 2]> = pairs
            .iter()
            .map(|drop| {
                let write = drop.write.map_or("other".to_owned(), |id| format!("{id:016x}"));
                [format!("{:016x}", drop.read), write]
            })
            .collect();
        let counts = pairs.iter().zip(&ids).map(|(drop, [read, write])| {
            ([("read", read.as_str()), ("write", write.as_str())], drop.count)
        });
        page.counts("cache_drops", "Entries of a read dropped by a write", counts)
    }

    /// Of PostgreSQL only.
    fn replication(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(found) = &self.stats.replication else { return Ok(()) };
        let help = "1 while the server's commits are followed";
        page.gauge("replication_live", help, f64::from(found.live))?;
        let help = "1 while answers are cached without that, because nobody else writes";
        page.gauge("replication_sole_writer", help, f64::from(found.sole.is_some()))?;
        if let Some(lag) = found.lag {
            let help = "How long commits take to be applied to the cache";
            page.gauge("replication_lag_seconds", help, lag.as_secs_f64())?;
        }
        let help = "Bytes of the server's log that are not applied yet";
        page.gauge("replication_lag_bytes", help, as_f64(found.lag_bytes))?;
        let help = "Writes through here whose commit is not applied yet";
        page.gauge("replication_fences", help, as_f64(found.fences))?;
        let help = "Commits applied that the server may not show to everybody yet";
        page.gauge("replication_unconfirmed", help, as_f64(found.unconfirmed))?;
        page.count("replication_commits", "Commits applied to the cache", found.commits)?;
        let help = "Streams of commits begun; more than one: some were lost";
        page.count("replication_streams", help, found.streams)
    }

    fn pools(&self, page: &mut Page<'_>) -> fmt::Result {
        type Gauge = fn(&PoolStats) -> f64;
        type Counter = fn(&PoolStats) -> u64;
        let pools = [
            ("reader", &self.stats.readers),
            ("writer", &self.stats.writer),
            ("session", &self.stats.sessions),
        ];
        let gauges: [(&str, &str, Gauge); 8] = [
            ("pool_size", "Connections open", |pool| pool.size as f64),
            ("pool_idle", "Connections free", |pool| pool.idle as f64),
            ("pool_in_use", "Connections in use", |pool| pool.in_use as f64),
            ("pool_waiting", "Callers waiting for a connection", |pool| pool.waiting as f64),
            ("pool_max", "Connections that may be open", |pool| pool.max as f64),
            ("pool_acquire_mean_seconds", "Mean time to acquire a connection", |pool| {
                pool.acquire_mean.as_secs_f64()
            }),
            ("pool_acquire_p99_seconds", "99th percentile of that time", |pool| {
                pool.acquire_p99.as_secs_f64()
            }),
            ("pool_longest_held_seconds", "How long the longest holder has held", |pool| {
                pool.longest_holder.as_ref().map_or(0.0, |holder| holder.held.as_secs_f64())
            }),
        ];
        for (name, help, value) in gauges {
            let values = pools.iter().map(|(pool, stats)| ([("pool", *pool)], value(stats)));
            page.gauges(name, help, values)?;
        }
        let counters: [(&str, &str, Counter); 4] = [
            ("pool_acquisitions", "Connections handed out", |pool| pool.acquisitions),
            ("pool_timeouts", "Waits that ended in a time-out", |pool| pool.timeouts),
            ("pool_opened", "Connections opened", |pool| pool.opened),
            ("pool_closed", "Connections closed", |pool| pool.closed),
        ];
        for (name, help, value) in counters {
            let values = pools.iter().map(|(pool, stats)| ([("pool", *pool)], value(stats)));
            page.counts(name, help, values)?;
        }
        let statements = &self.stats.statements;
        page.count("statement_cache_hits", "Statements found prepared", statements.hits)?;
        page.count("statement_cache_misses", "Statements prepared", statements.misses)
    }

    fn fingerprints(&self, page: &mut Page<'_>) -> fmt::Result {
        type Counter = fn(&FingerprintStats) -> u64;
        let shown = &self.stats.fingerprints;
        let shown = &shown[..shown.len().min(self.fingerprints_shown)];
        let ids: Vec<String> = shown.iter().map(|stats| format!("{:016x}", stats.id)).collect();
        let labels = |index: usize| {
            let name = shown[index].name.as_deref().unwrap_or("");
            [("fingerprint", ids[index].as_str()), ("name", name)]
        };
        let counters: [(&str, &str, Counter); 7] = [
            ("statement_calls", "Executions of a statement, hits included", |stats| stats.calls),
            ("statement_errors", "Of these, failed", |stats| stats.errors),
            ("statement_hits", "Answers served from memory", |stats| stats.hits),
            ("statement_misses", "Cacheable reads that went to the database", |stats| stats.misses),
            ("statement_invalidations", "Entries dropped because of a change", |stats| {
                stats.invalidations
            }),
            ("statement_shadow_hits", "Reads that the cache would have answered", |stats| {
                stats.shadow.as_ref().map_or(0, |shadow| shadow.hits)
            }),
            ("statement_shadow_misses", "Reads that it could not have answered", |stats| {
                stats.shadow.as_ref().map_or(0, |shadow| shadow.misses)
            }),
        ];
        for (name, help, value) in counters {
            let values = (0..shown.len()).map(|index| (labels(index), value(&shown[index])));
            page.counts(name, help, values)?;
        }
        let seconds =
            (0..shown.len()).map(|index| (labels(index), shown[index].origin_time.as_secs_f64()));
        page.sums("statement_origin_seconds", "Time spent in the database", seconds)?;
        let saved = |stats: &FingerprintStats| {
            stats.shadow.as_ref().map_or(0.0, |shadow| shadow.saved.as_secs_f64())
        };
        let seconds = (0..shown.len()).map(|index| (labels(index), saved(&shown[index])));
        page.sums("statement_shadow_saved_seconds", "Time that hits would have saved", seconds)?;
        let kept = |stats: &FingerprintStats| f64::from(stats.worth.verdict != "not_worth");
        let kept = (0..shown.len()).map(|index| (labels(index), kept(&shown[index])));
        page.gauges("statement_worth", "1 unless keeping its answers does not pay", kept)?;
        let known = self.stats.fingerprints.len();
        page.gauge("statements_known", "Statements with statistics", known as f64)
    }

    fn service(&self, page: &mut Page<'_>) -> fmt::Result {
        let statuses: Vec<String> = self.http.iter().map(|(_, code, _)| code.to_string()).collect();
        let labelled = || {
            self.http.iter().zip(&statuses).map(|((route, _, count), status)| {
                ([("route", *route), ("status", status.as_str())], count)
            })
        };
        let requests = labelled().map(|(labels, count)| (labels, count.requests));
        page.counts("http_requests", "Requests answered, by route and status", requests)?;
        let seconds = labelled().map(|(labels, count)| (labels, count.time.as_secs_f64()));
        page.sums("http_request_seconds", "Time until the head of the answer", seconds)?;
        page.gauge("http_requests_in_work", "Requests in work", self.requests_in_work as f64)?;
        page.gauge("streams_open", "Hrana streams open", self.streams_open as f64)
    }
}

/// Writes metrics, each with the prefix of all.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.one(name, help, &ConstCounter::new(value))
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.one(name, help, &ConstGauge::new(value))
    }

    fn counts<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'a str, &'a str); N], u64)>,
    ) -> fmt::Result {
        self.family(name, help, values.map(|(labels, n)| (labels, ConstCounter::new(n))))
    }

    fn sums<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'a str, &'a str); N], f64)>,
    ) -> fmt::Result {
        self.family(name, help, values.map(|(labels, x)| (labels, ConstCounter::new(x))))
    }

    fn gauges<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'a str, &'a str); N], f64)>,
    ) -> fmt::Result {
        self.family(name, help, values.map(|(labels, x)| (labels, ConstGauge::new(x))))
    }

    fn one(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        let name = format!("forebay_{name}");
        metric.encode(self.0.encode_descriptor(&name, help, None, metric.metric_type())?)
    }

    fn family<'a, const N: usize, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'a str, &'a str); N], M)>,
    ) -> fmt::Result {
        let mut values = values.peekable();
        let Some((_, first)) = values.peek() else { return Ok(()) };
        let kind = first.metric_type();
        let name = format!("forebay_{name}");
        let mut encoder = self.0.encode_descriptor(&name, help, None, kind)?;
        for (labels, metric) in values {
            metric.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats; 2^53 bytes are out of reach")]
fn as_f64(n: u64) -> f64 {
    n as f64
}
