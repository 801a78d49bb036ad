//! Counters and rates that all processes share.

use std::time::Duration;

use super::fault::Fault;
use super::handle::Redis;
use super::name::Kind;
use super::reply;
use super::settings::milliseconds;
use crate::error::{Error, Result};

/// So many in so much time, and how many of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisRate {
    /// Microseconds from one to the next.
    interval: u64,
    burst: u32,
}

impl RedisRate {
    /// `count` in each `per`, up to all of them at once.
    ///
    /// # Errors
    ///
    /// `is_usage()` for none, and for rates above one a microsecond or below one in ten years.
    pub fn new(count: u32, per: Duration) -> Result<RedisRate> {
        let interval = if count == 0 { 0 } else { per.as_micros() / u128::from(count) };
        let ten_years = 315_360_000_000_000;
        match u64::try_from(interval) {
            Ok(interval) if (1..=ten_years).contains(&interval) => {
                Ok(RedisRate { interval, burst: count })
            }
            _ => Err(Error::usage("a rate is between one a microsecond and one in ten years")),
        }
    }

    /// How many may come at once, if none came before. At least one.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> RedisRate {
        self.burst = burst.max(1);
        self
    }

    /// One in each `interval`, of which `burst` may come at once.
    #[cfg(feature = "http")]
    pub(crate) fn every(interval: Duration, burst: u32) -> RedisRate {
        let micros = interval.as_nanos().div_ceil(1_000).max(1);
        RedisRate { interval: u64::try_from(micros).unwrap_or(u64::MAX), burst: burst.max(1) }
    }

    /// Microseconds that one may be early.
    fn early(self) -> u64 {
        self.interval.saturating_mul(self.burst.into())
    }
}

/// What several windows of one key say.
#[cfg(feature = "http")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RatesLeft {
    /// How long to wait; zero: it was admitted.
    pub(crate) wait: Duration,
    /// For each window how long what is in use takes to be given back.
    pub(crate) used: Vec<Duration>,
}

impl Redis {
    /// Adds `by` to the counter under `key`, and gives the sum. A counter that was not there begins
    /// with nothing, and is gone after `ttl` from then on. `None` where Redis could not be asked,
    /// or the sum is beyond 64 bits.
    ///
    /// One round trip. A call whose reply is lost may have counted.
    pub async fn increment(&self, key: &[u8], by: i64, ttl: Duration) -> Option<i64> {
        let shared = self.shared();
        let name = shared.names.name(Kind::Counter, key);
        let args = [by.to_string(), milliseconds(ttl).to_string()];
        let args = [args[0].as_bytes(), args[1].as_bytes()];
        let (shard, script) = (shared.names.shard(key), &shared.scripts.increment);
        let reply = shared.script(shard, script, &[&name], &args).await.ok()?;
        shared.note(reply::number(reply).ok_or(Fault::Garbage)).ok()
    }

    /// Whether `count` more may pass under `key` now; `Err` is how long until they may, and nothing
    /// was counted then. `None` where Redis could not be asked.
    ///
    /// GCRA, by the server's clock, in one round trip. Asking for more than the burst never passes.
    pub async fn limit(
        &self,
        key: &[u8],
        rate: RedisRate,
        count: u32,
    ) -> Option<Result<(), Duration>> {
        let shared = self.shared();
        let name = shared.names.name(Kind::Rate, key);
        let early = rate.early();
        let args = [rate.interval, early, count.into()].map(|number| number.to_string());
        let args = [args[0].as_bytes(), args[1].as_bytes(), args[2].as_bytes()];
        let (shard, script) = (shared.names.shard(key), &shared.scripts.rate);
        let reply = shared.script(shard, script, &[&name], &args).await.ok()?;
        let parts = reply::list(reply).map(|parts| parts.into_iter().map(reply::number::<u64>));
        let parts: Option<Vec<u64>> = parts.and_then(Iterator::collect);
        match parts.as_deref() {
            Some([1, _]) => Some(Ok(())),
            Some([0, wait]) => Some(Err(Duration::from_micros(*wait))),
            _ => {
                shared.counts.fault(&Fault::Garbage);
                None
            }
        }
    }

    /// Whether one more may pass under `key` by all of `rates`; nothing was counted if not. `None`
    /// where Redis could not be asked. The key is one of `limit`'s: keep them apart.
    #[cfg(feature = "http")]
    pub(crate) async fn limit_by_all(&self, key: &[u8], rates: &[RedisRate]) -> Option<RatesLeft> {
        let shared = self.shared();
        let name = shared.names.name(Kind::Rate, key);
        let args = rates.iter().flat_map(|rate| [rate.interval, rate.early()]);
        let args: Vec<String> = args.map(|number| number.to_string()).collect();
        let args: Vec<&[u8]> = args.iter().map(|text| text.as_bytes()).collect();
        let (shard, script) = (shared.names.shard(key), &shared.scripts.rates);
        let reply = shared.script(shard, script, &[&name], &args).await.ok()?;
        let parts = reply::list(reply).map(|parts| parts.into_iter().map(reply::number::<u64>));
        let parts: Option<Vec<u64>> = parts.and_then(Iterator::collect);
        match parts.as_deref() {
            Some([is_admitted, wait, used @ ..]) if used.len() == rates.len() => {
                let wait = if *is_admitted == 1 { 0 } else { (*wait).max(1) };
                let used = used.iter().map(|used| Duration::from_micros(*used)).collect();
                Some(RatesLeft { wait: Duration::from_micros(wait), used })
            }
            _ => {
                shared.counts.fault(&Fault::Garbage);
                None
            }
        }
    }
}
