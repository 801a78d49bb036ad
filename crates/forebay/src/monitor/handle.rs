//! The list of what is watched. What it reads from the parts is written by the files beside.

use std::fmt;

use super::health::PartHealth;
use super::metric::Metric;
use super::page::Page;
use super::{database, guards, keyed};
use crate::db::Db;
use crate::guard::{Breaker, BreakerState, Bulkhead, Limiter, Retry, TimeLimit};
#[cfg(feature = "http")]
use crate::http::{RateLimit, Requests, ResponseCache};
use crate::keyed::Cache;
#[cfg(feature = "disk")]
use crate::tier::Disk;
#[cfg(feature = "redis")]
use crate::tier::redis::Redis;

/// Parts at most. They are to be few: each is some series, or some hundreds for a database.
const PARTS_MAX: usize = 1_000;

/// Statements shown one by one, unless it is said how many.
const STATEMENTS_SHOWN: usize = 50;

/// What those who watch an application are to see: databases, caches, tiers and guards, each under
/// a name, which becomes a label of its metrics. `docs/guide/metrics.md` documents them.
///
/// Nothing is counted here and nothing runs in the background. [`Monitor::metrics`] and
/// [`Monitor::health`] read the parts when they are called; with the feature `metrics`,
/// `Monitor::record` hands all of it to the recorder of the `metrics` crate.
///
/// It holds a clone of each part, and so keeps it open. A part of a kind and name that is there
/// already takes its place. At most 1,000 parts are kept.
///
/// ```
/// use forebay::{Breaker, Cache, Monitor};
/// # fn main() -> forebay::Result<()> {
/// let cache = Cache::builder("app").build()?;
/// let breaker = Breaker::builder().named("prices").build();
/// let monitor = Monitor::new().cache("app", &cache).breaker("prices", &breaker);
///
/// let metrics = monitor.metrics();
/// assert!(metrics.iter().any(|metric| metric.name == "forebay_keyed_hits_total"));
/// assert!(monitor.health().iter().all(|part| part.is_well));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "it shows something when it is asked"]
pub struct Monitor {
    parts: Vec<(String, Part)>,
    statements_shown: usize,
}

#[derive(Clone)]
enum Part {
    Db(Db),
    Cache(Cache),
    #[cfg(feature = "disk")]
    Disk(Disk),
    #[cfg(feature = "redis")]
    Redis(Redis),
    Breaker(Breaker),
    Limiter(Limiter),
    Bulkhead(Bulkhead),
    Retry(Retry),
    TimeLimit(TimeLimit),
    #[cfg(feature = "http")]
    Requests(Requests),
    #[cfg(feature = "http")]
    RateLimit(RateLimit),
    #[cfg(feature = "http")]
    Responses(ResponseCache),
}

impl Monitor {
    /// One that shows nothing yet.
    pub fn new() -> Monitor {
        Monitor { parts: Vec::new(), statements_shown: STATEMENTS_SHOWN }
    }

    /// A database. Its metrics have the label `db`, or none if the name is empty.
    pub fn db(self, name: impl Into<String>, db: &Db) -> Monitor {
        self.with(name.into(), Part::Db(db.clone()))
    }

    /// A cache, with what it has done with its tiers; the tiers themselves are parts of their own,
    /// since caches share them. Its metrics have the label `cache`.
    pub fn cache(self, name: impl Into<String>, cache: &Cache) -> Monitor {
        self.with(name.into(), Part::Cache(cache.clone()))
    }

    /// A disk tier. Its metrics have the label `disk`.
    #[cfg(feature = "disk")]
    pub fn disk(self, name: impl Into<String>, disk: &Disk) -> Monitor {
        self.with(name.into(), Part::Disk(disk.clone()))
    }

    /// A tier in Redis. Its metrics have the label `redis`.
    #[cfg(feature = "redis")]
    pub fn redis(self, name: impl Into<String>, redis: &Redis) -> Monitor {
        self.with(name.into(), Part::Redis(redis.clone()))
    }

    /// A circuit breaker. Its metrics have the label `breaker`.
    pub fn breaker(self, name: impl Into<String>, breaker: &Breaker) -> Monitor {
        self.with(name.into(), Part::Breaker(breaker.clone()))
    }

    /// A limiter. Its metrics have the label `limiter`; its keys are in none.
    pub fn limiter(self, name: impl Into<String>, limiter: &Limiter) -> Monitor {
        self.with(name.into(), Part::Limiter(limiter.clone()))
    }

    /// A bulkhead. Its metrics have the label `bulkhead`.
    pub fn bulkhead(self, name: impl Into<String>, bulkhead: &Bulkhead) -> Monitor {
        self.with(name.into(), Part::Bulkhead(bulkhead.clone()))
    }

    /// Retries. Their metrics have the label `retry`.
    pub fn retry(self, name: impl Into<String>, retry: &Retry) -> Monitor {
        self.with(name.into(), Part::Retry(retry.clone()))
    }

    /// A time limit. Its metrics have the label `time_limit`.
    pub fn time_limit(self, name: impl Into<String>, limit: &TimeLimit) -> Monitor {
        self.with(name.into(), Part::TimeLimit(limit.clone()))
    }

    /// Requests, by route. Their metrics have the label `server`, or none if the name is empty.
    #[cfg(feature = "http")]
    pub fn requests(self, name: impl Into<String>, requests: &Requests) -> Monitor {
        self.with(name.into(), Part::Requests(requests.clone()))
    }

    /// A limit on requests. Its metrics have the label `rate_limit`; its keys are in none.
    #[cfg(feature = "http")]
    pub fn rate_limit(self, name: impl Into<String>, limit: &RateLimit) -> Monitor {
        self.with(name.into(), Part::RateLimit(limit.clone()))
    }

    /// Answers that are kept. Their metrics have the label `responses`.
    #[cfg(feature = "http")]
    pub fn responses(self, name: impl Into<String>, responses: &ResponseCache) -> Monitor {
        self.with(name.into(), Part::Responses(responses.clone()))
    }

    /// How many statements of each database are shown one by one, the busiest first; 50 unless this
    /// is called. Each is ten series.
    pub fn statements_shown(mut self, statements: usize) -> Monitor {
        self.statements_shown = statements;
        self
    }

    fn with(mut self, name: String, part: Part) -> Monitor {
        let place =
            self.parts.iter().position(|(own, it)| *own == name && it.label() == part.label());
        match place {
            Some(place) => self.parts[place].1 = part,
            None if self.parts.len() < PARTS_MAX => self.parts.push((name, part)),
            None => tracing::warn!("{PARTS_MAX} parts are shown: no more"),
        }
        self
    }

    /// All metrics now, families with their series. No SQL text, no parameter, no key and no value
    /// is in them. Cost: a snapshot of each part; nobody else is asked.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let mut page = Page::default();
        for (name, part) in &self.parts {
            let sheet = &mut page.sheet(part.label(), name);
            match part {
                Part::Db(db) => {
                    database::write(sheet, &db.stats(), self.statements_shown);
                    super::repeats::write(sheet, db);
                }
                Part::Cache(cache) => keyed::write(sheet, &cache.stats()),
                #[cfg(feature = "disk")]
                Part::Disk(disk) => super::tiers::disk(sheet, &disk.stats(), &disk.health()),
                #[cfg(feature = "redis")]
                Part::Redis(redis) => super::tiers::redis(sheet, &redis.stats()),
                Part::Breaker(breaker) => guards::breaker(sheet, &breaker.stats()),
                Part::Limiter(limiter) => guards::limiter(sheet, &limiter.stats()),
                Part::Bulkhead(bulkhead) => guards::bulkhead(sheet, &bulkhead.stats()),
                Part::Retry(retry) => guards::retry(sheet, &retry.stats()),
                Part::TimeLimit(limit) => guards::time_limit(sheet, &limit.stats()),
                #[cfg(feature = "http")]
                Part::Requests(requests) => super::requests::write(sheet, &requests.stats()),
                #[cfg(feature = "http")]
                Part::RateLimit(limit) => super::requests::limit(sheet, &limit.stats()),
                #[cfg(feature = "http")]
                Part::Responses(kept) => super::requests::responses(sheet, &kept.stats()),
            }
        }
        page.into_metrics()
    }

    /// How the tiers and breakers are, well or not, in the order in which they were given. Nobody
    /// is asked, so it costs next to nothing; a database has to be asked: `Db::ping`.
    ///
    /// What is not well here makes an application slower, not wrong: a tier that is away is a miss,
    /// and the origin behind an open breaker is left alone for a while. So it is no reason to take
    /// the application out of service.
    #[must_use]
    pub fn health(&self) -> Vec<PartHealth> {
        self.parts.iter().filter_map(|(name, part)| part.health(name.clone())).collect()
    }
}

impl Part {
    /// What kind it is, and the label of its metrics.
    fn label(&self) -> &'static str {
        match self {
            Part::Db(_) => "db",
            Part::Cache(_) => "cache",
            #[cfg(feature = "disk")]
            Part::Disk(_) => "disk",
            #[cfg(feature = "redis")]
            Part::Redis(_) => "redis",
            Part::Breaker(_) => "breaker",
            Part::Limiter(_) => "limiter",
            Part::Bulkhead(_) => "bulkhead",
            Part::Retry(_) => "retry",
            Part::TimeLimit(_) => "time_limit",
            #[cfg(feature = "http")]
            Part::Requests(_) => "server",
            #[cfg(feature = "http")]
            Part::RateLimit(_) => "rate_limit",
            #[cfg(feature = "http")]
            Part::Responses(_) => "responses",
        }
    }

    /// None for what has no health beside its numbers.
    fn health(&self, name: String) -> Option<PartHealth> {
        let (is_well, word, why) = match self {
            #[cfg(feature = "disk")]
            Part::Disk(disk) => {
                let health = disk.health();
                (health.is_working(), health.word(), health.why().map(str::to_owned))
            }
            #[cfg(feature = "redis")]
            Part::Redis(redis) => {
                let health = redis.health();
                (health.is_working(), health.word(), health.why().map(str::to_owned))
            }
            Part::Breaker(breaker) => {
                let state = breaker.state();
                (state == BreakerState::Closed, guards::word(state), None)
            }
            Part::Db(_)
            | Part::Cache(_)
            | Part::Limiter(_)
            | Part::Bulkhead(_)
            | Part::Retry(_)
            | Part::TimeLimit(_) => return None,
            #[cfg(feature = "http")]
            Part::Requests(_) | Part::RateLimit(_) | Part::Responses(_) => return None,
        };
        Some(PartHealth { part: self.label(), name, is_well, word, why })
    }
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor::new()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts.iter().map(|(name, part)| (part.label(), name));
        f.debug_list().entries(parts).finish()
    }
}
