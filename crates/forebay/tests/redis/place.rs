//! Servers for the tests, and tiers on them.

use std::time::{Duration, Instant};

use cluster::RedisServer;
use forebay::{Redis, RedisBuilder};

/// Longer than anything takes that is not stuck.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A server of one's own, or a message that there is none.
pub(crate) fn server() -> Option<RedisServer> {
    is_installed().then(|| RedisServer::start().unwrap())
}

pub(crate) fn is_installed() -> bool {
    let is_there = cluster::redis_is_installed();
    if !is_there {
        println!("skipped: no redis-server is installed");
    }
    is_there
}

/// Settings that no slow machine runs into.
pub(crate) fn patient(url: impl Into<String>) -> RedisBuilder {
    Redis::builder(url).namespace("app").timeout(Duration::from_secs(5))
}

/// A tier that hears its server.
pub(crate) async fn tier(server: &RedisServer) -> Redis {
    let redis = patient(server.url()).connect().await.unwrap();
    until("it hears", || redis.stats().is_hearing).await;
    redis
}

/// Waits for what has to come about.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < WAIT_MAX, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
