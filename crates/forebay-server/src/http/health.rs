//! `GET /health`: whether the service can do its work, and with a look at its pools. Without the
//! token, where one is required, it says no more than that.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use forebay::{PartHealth, PoolStats};
use serde::Serialize;

use super::service::Service;
use super::{auth, reply};

#[derive(Serialize)]
struct Health<'a> {
    status: &'a str,
    #[serde(flatten)]
    detail: Option<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    version: &'a str,
    time: String,
    environment: &'a str,
    uptime_seconds: u64,
    database: Database,
    cache: Cache,
    pools: Pools,
    parts: Vec<Part>,
    streams_open: usize,
    requests_in_work: usize,
}

#[derive(Serialize)]
struct Database {
    reachable: bool,
    ping_ms: f64,
    error: Option<String>,
}

#[derive(Serialize)]
struct Cache {
    on: bool,
    off_because: Option<String>,
    entries: u64,
    bytes: u64,
    bytes_max: u64,
    /// Of PostgreSQL only: how late commits of others are seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_lag_ms: Option<f64>,
    /// Why a PostgreSQL server is not followed, where nobody else is said to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    sole_writer_because: Option<String>,
}

#[derive(Serialize)]
struct Pools {
    reader: Pool,
    writer: Pool,
    session: Pool,
}

#[derive(Serialize)]
struct Pool {
    size: usize,
    idle: usize,
    in_use: usize,
    waiting: usize,
    max: usize,
    longest_held_ms: Option<u64>,
}

/// What the application has beside the database.
#[derive(Serialize)]
struct Part {
    part: &'static str,
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// Answers how the service is.
///
/// A tier that is away, or an open breaker, makes the service slower, not unable: what it has to
/// answer comes from the database, and restarting it would not help. So that is a word in an answer
/// of 200, and a load balancer goes on sending requests.
pub(crate) async fn health(State(service): State<Arc<Service>>, request: Request) -> Response {
    let is_trusted = auth::check(service.options.token.as_ref(), request.headers()).is_ok();
    let database = ping(&service).await;
    let parts = service.monitor.health();
    let (status, word) = match database.reachable {
        _ if service.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        true if parts.iter().all(|part| part.is_well) => (StatusCode::OK, "ok"),
        true => (StatusCode::OK, "degraded"),
    };
    let detail = is_trusted.then(|| detail(&service, database, parts));
    reply::small(status, &Health { status: word, detail })
}

/// Answers that the process runs. It asks nobody: what does not answer this is to be restarted.
pub(crate) async fn live() -> Response {
    reply::small(StatusCode::OK, &Health { status: "ok", detail: None })
}

/// Answers whether requests may be sent here: whether the database answers, and the service is not
/// about to stop.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    if service.is_stopping() {
        let stopping = Health { status: "stopping", detail: None };
        return reply::small(StatusCode::SERVICE_UNAVAILABLE, &stopping);
    }
    let (status, word) = match ping(&service).await.reachable {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    reply::small(status, &Health { status: word, detail: None })
}

async fn ping(service: &Service) -> Database {
    let started = Instant::now();
    let limit = service.options.health_timeout;
    let error = match tokio::time::timeout(limit, service.db.ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.message().to_owned()),
        Err(_) => Some(format!("no answer within {limit:?} (health_timeout)")),
    };
    let ping_ms = started.elapsed().as_secs_f64() * 1e3;
    Database { reachable: error.is_none(), ping_ms, error }
}

fn detail(service: &Service, database: Database, parts: Vec<PartHealth>) -> Detail<'_> {
    let stats = service.db.stats();
    let lag = stats.replication.as_ref().and_then(|replication| replication.lag);
    let now = SystemTime::now();
    Detail {
        version: env!("CARGO_PKG_VERSION"),
        time: rfc3339(now),
        environment: &service.options.environment,
        uptime_seconds: now.duration_since(service.started).map_or(0, |time| time.as_secs()),
        database,
        cache: Cache {
            on: stats.cache.off.is_none(),
            off_because: stats.cache.off,
            entries: stats.cache.entries,
            bytes: stats.cache.bytes,
            bytes_max: stats.cache.bytes_max,
            replication_lag_ms: lag.map(|lag| lag.as_secs_f64() * 1e3),
            sole_writer_because: stats.replication.and_then(|replication| replication.sole),
        },
        pools: Pools {
            reader: Pool::new(&stats.readers),
            writer: Pool::new(&stats.writer),
            session: Pool::new(&stats.sessions),
        },
        parts: parts.into_iter().map(Part::new).collect(),
        streams_open: service.door.streams_open(),
        requests_in_work: service.requests_in_work(),
    }
}

impl Pool {
    fn new(stats: &PoolStats) -> Pool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Pool {
            size: stats.size,
            idle: stats.idle,
            in_use: stats.in_use,
            waiting: stats.waiting,
            max: stats.max,
            longest_held_ms: stats.longest_holder.as_ref().map(|holder| millis(holder.held)),
        }
    }
}

impl Part {
    fn new(health: PartHealth) -> Part {
        let PartHealth { part, name, word, why, .. } = health;
        Part { part, name, state: word, because: why }
    }
}

/// The time in UTC, to the second. Days are counted in eras of 400 years that begin on 1 March,
/// so that the leap day is the last of its year.
fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_rfc_3339_says() {
        for (seconds, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), expect);
        }
    }
}
