//! What happened between two looks at the databases, as one small JSON text: the figures that a
//! dashboard plots.

use std::time::SystemTime;

use forebay::{PoolStats, Pulse, ReplicationStats};
use serde_json::{Map, Value, json};

use super::builder::Inner;
use super::shown::{millis, ratio, seconds};

/// The last look at each database.
pub(super) struct Looks(Vec<(String, Pulse)>);

impl Looks {
    /// Looks at all of them.
    pub(super) fn take(admin: &Inner) -> Looks {
        Looks(admin.dbs.iter().map(|(name, db)| (name.clone(), db.pulse())).collect())
    }

    /// What has happened since `earlier`.
    pub(super) fn since(&self, earlier: &Looks) -> String {
        let pairs = self.0.iter().zip(&earlier.0);
        let dbs = pairs.map(|((name, now), (_, before))| (name.clone(), beat(before, now)));
        let dbs: Map<String, Value> = dbs.collect();
        json!({ "at": seconds(SystemTime::now()), "databases": dbs }).to_string()
    }
}

fn beat(before: &Pulse, now: &Pulse) -> Value {
    let time = now.at.saturating_duration_since(before.at).as_secs_f64();
    let more = |of: fn(&Pulse) -> u64| of(now).saturating_sub(of(before));
    let rate = |of: fn(&Pulse) -> u64| if time > 0.0 { more(of) as f64 / time } else { 0.0 };
    let (hits, misses) = (more(|it| it.hits), more(|it| it.misses));
    json!({
        "calls": rate(|it| it.calls),
        "hits": rate(|it| it.hits),
        "errors": rate(|it| it.errors),
        "invalidations": rate(|it| it.invalidations),
        "evictions": rate(|it| it.evictions),
        "hit_ratio": ratio(hits, hits + misses),
        "p50_ms": now.quantile_since(before, 0.5).map(millis),
        "p99_ms": now.quantile_since(before, 0.99).map(millis),
        "entries": now.entries,
        "bytes": now.bytes,
        "bytes_max": now.bytes_max,
        "pools": {
            "reader": pool(&now.readers),
            "writer": pool(&now.writer),
            "session": pool(&now.sessions),
        },
        "replication": now.replication.as_ref().map(replication),
    })
}

fn pool(stats: &PoolStats) -> Value {
    json!({
        "in_use": stats.in_use,
        "waiting": stats.waiting,
        "size": stats.size,
        "max": stats.max,
    })
}

fn replication(found: &ReplicationStats) -> Value {
    json!({ "live": found.live, "lag_ms": found.lag.map(millis) })
}
