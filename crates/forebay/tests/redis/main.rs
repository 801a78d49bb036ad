//! The tier in Redis through its public face, on real servers. Where none is installed every test
//! says so and passes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

/// Values, stored and read.
mod bytes;
/// A cache over the tier.
mod cache;
/// Copies in memory, and when they end.
mod copies;
/// Counters and rates.
mod counter;
/// Servers that are killed, frozen, full, or no Redis at all.
mod fault;
/// Rate limits of requests.
#[cfg(feature = "http")]
mod http;
/// One process fills, others wait.
mod lease;
/// Servers for the tests.
mod place;
/// Two processes: no read is older than an acknowledged removal.
mod process;
/// Sentinels, Clusters and TLS.
mod several;
/// Patterns, and clearing.
mod sweep;
/// Numbers of tags.
mod tag;
/// A cache whose server is of no use.
mod trouble;
