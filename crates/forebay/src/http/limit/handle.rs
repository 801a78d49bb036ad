//! The layer that limits requests, as an application holds it, and its settings.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::address::{Header, Proxies};
use super::fields::policy_name;
use super::key::By;
use super::rule::Rule;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::guard::Quota;
use crate::http::Asked;
#[cfg(feature = "redis")]
use crate::tier::redis::Redis;

/// Keys with something in use that each rule keeps, unless the builder says otherwise.
const KEYS_MAX: usize = 100_000;

/// Rules at most.
const RULES_MAX: usize = 1_000;

/// Limits how many requests a client may send: a layer for tower and axum, and what it has counted.
/// A clone is cheap and is the same limit.
///
/// A client is whoever the application says it is ([`RateLimitBuilder::by`]), else an address: an
/// IPv4 address, or the first 64 bits of an IPv6 address. The address is that of the connection
/// (`into_make_service_with_connect_info::<SocketAddr>()` of axum), or what proxies say that are
/// trusted. Requests without an address share one quota.
///
/// Each answer says in `RateLimit-Policy` and `RateLimit` what is allowed and what is left. What is
/// too much is answered with 429, `Retry-After` and a body of `application/problem+json`, and never
/// reaches what lies behind the layer. Cost: about a microsecond, and with Redis a round trip for
/// what this process itself admits.
///
/// No key with something in use is ever forgotten, or a client that makes up keys could have its
/// quota begin anew. When `keys_max` of them are kept, clients that come then share 1,024 quotas at
/// random, until there is room again.
///
/// ```
/// use axum::{Router, routing::get};
/// use forebay::Quota;
/// use forebay::http::RateLimit;
///
/// # fn main() -> forebay::Result<()> {
/// let limit = RateLimit::builder(Quota::per_minute(100))
///     .route("/login", Quota::per_minute(10).and(Quota::per_hour(50)))
///     .exempt("/health")
///     .trusted_proxies(["10.0.0.0/8"])
///     .build()?;
/// let app: Router = Router::new().route("/", get(|| async { "hi" })).layer(limit);
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RateLimit {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    general: Arc<Rule>,
    routes: HashMap<String, Option<Arc<Rule>>>,
    pub(super) by: Option<Box<By>>,
    pub(super) proxies: Proxies,
}

/// Settings of a [`RateLimit`].
#[must_use = "nothing is built until `build` is called"]
pub struct RateLimitBuilder {
    quota: Quota,
    routes: Vec<(String, Option<Quota>)>,
    by: Option<Box<By>>,
    proxies: Vec<String>,
    header: Header,
    keys_max: usize,
    clock: Clock,
    #[cfg(feature = "redis")]
    redis: Option<Redis>,
}

/// What a [`RateLimit`] has done since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitStats {
    /// Requests that were admitted.
    pub admitted: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests whose key found no room, and that shared a quota with others.
    pub crowded: u64,
    /// Requests that this process has judged alone because Redis could not be asked.
    pub alone: u64,
    /// Keys kept now.
    pub keys: usize,
}

impl RateLimitBuilder {
    /// The requests of this route have a quota of their own, in place of the general one. `route`
    /// is the pattern as axum has it, such as `/posts/{id}`.
    pub fn route(mut self, route: impl Into<String>, quota: Quota) -> Self {
        self.routes.push((route.into(), Some(quota)));
        self
    }

    /// The requests of this route are not limited.
    pub fn exempt(mut self, route: impl Into<String>) -> Self {
        self.routes.push((route.into(), None));
        self
    }

    /// Who asks: a user, a tenant, an API key. `None` for nobody in particular, who counts by
    /// address.
    ///
    /// Only who is known may have a key of its own: a name that a client can make up gives it as
    /// many quotas as it likes. So take the user that a layer further out has authenticated, or
    /// look the API key up.
    pub fn by(
        mut self,
        who: impl Fn(&Asked<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.by = Some(Box::new(who));
        self
    }

    /// Proxies that are believed: addresses and networks, such as `10.0.0.0/8`. What they write
    /// into `X-Forwarded-For` is read from the right, up to the first address that is not theirs.
    /// Default: none, and the header is not looked at.
    pub fn trusted_proxies(mut self, nets: impl IntoIterator<Item: Into<String>>) -> Self {
        self.proxies.extend(nets.into_iter().map(Into::into));
        self
    }

    /// The trusted proxies write `Forwarded` (RFC 7239) instead. The other header is then a
    /// client's own word, and not looked at.
    pub fn forwarded(mut self) -> Self {
        self.header = Header::Forwarded;
        self
    }

    /// Keys with something in use that each rule keeps. Default: 100,000, about 20 MB.
    pub fn keys_max(mut self, keys: usize) -> Self {
        self.keys_max = keys;
        self
    }

    /// Counts in Redis, for all processes of its namespace that have the same quotas. While it
    /// cannot be reached each process limits for itself; how long it is waited for is its own
    /// time limit.
    #[cfg(feature = "redis")]
    pub fn redis(mut self, redis: &Redis) -> Self {
        self.redis = Some(redis.clone());
        self
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The layer.
    ///
    /// # Errors
    ///
    /// [`is_usage`](Error::is_usage) for what is no network, for a route that is named twice, and
    /// beyond 1,000 routes.
    pub fn build(self) -> Result<RateLimit> {
        let mut proxies = Proxies::writing(self.header);
        self.proxies.iter().try_for_each(|net| proxies.add(net))?;
        if self.routes.len() > RULES_MAX {
            return Err(Error::usage(format!("at most {RULES_MAX} routes have limits")));
        }
        let rule = |name: &str, quota: &Quota| {
            #[cfg_attr(not(feature = "redis"), allow(unused_mut))]
            let mut rule = Rule::new(policy_name(name), quota.clone(), self.keys_max, &self.clock);
            #[cfg(feature = "redis")]
            rule.redis.clone_from(&self.redis);
            Arc::new(rule)
        };
        let mut routes = HashMap::new();
        for (route, quota) in &self.routes {
            let own = quota.as_ref().map(|quota| rule(route, quota));
            if routes.insert(route.clone(), own).is_some() {
                return Err(Error::usage(format!("the route {route:?} has two limits: name one")));
            }
        }
        let general = rule("default", &self.quota);
        Ok(RateLimit { inner: Arc::new(Inner { general, routes, by: self.by, proxies }) })
    }
}

impl RateLimit {
    /// Settings for a limit of `quota` for each client, which holds for all routes that have none
    /// of their own.
    pub fn builder(quota: Quota) -> RateLimitBuilder {
        RateLimitBuilder {
            quota,
            routes: Vec::new(),
            by: None,
            proxies: Vec::new(),
            header: Header::default(),
            keys_max: KEYS_MAX,
            clock: Clock::real(),
            #[cfg(feature = "redis")]
            redis: None,
        }
    }

    /// What it has done, all rules together.
    pub fn stats(&self) -> RateLimitStats {
        let own = self.inner.routes.values().flatten();
        let mut stats = RateLimitStats::default();
        for rule in own.chain([&self.inner.general]) {
            let counts = &rule.counts;
            stats.admitted += counts.admitted.load(Ordering::Relaxed);
            stats.refused += counts.refused.load(Ordering::Relaxed);
            stats.crowded += counts.crowded.load(Ordering::Relaxed);
            stats.alone += counts.alone.load(Ordering::Relaxed);
            stats.keys += rule.keys();
        }
        stats
    }
}

impl Inner {
    /// The rule for a route, if it is limited.
    pub(super) fn rule(&self, route: Option<&str>) -> Option<&Arc<Rule>> {
        match route.and_then(|route| self.routes.get(route)) {
            Some(own) => own.as_ref(),
            None => Some(&self.general),
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RateLimitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitBuilder").field("quota", &self.quota).finish_non_exhaustive()
    }
}
