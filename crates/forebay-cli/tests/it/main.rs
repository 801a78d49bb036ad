//! The real binary on real files: each module starts it as a user would.
#![allow(clippy::unwrap_used, reason = "a panic with its line is all a failed test needs")]
#![allow(clippy::needless_pass_by_value, reason = "what `json!` makes is a value")]

// What a user sees of each command.
mod advise;
mod archive;
mod bench;
mod config;
mod demo;
mod explain;
mod health;
mod index;
mod listening;
mod load;
mod maintain;
mod migrate;
mod packaging;
mod serve;
mod suites;
mod top;

// Clients of other makers, in their own languages.
mod clients;
mod document;
mod guide;

// What a collector is sent.
#[cfg(feature = "otel")]
mod telemetry;

// The dashboard in a browser.
mod dashboard;

// A crash in the middle of writes.
mod crash;

// The same service in front of PostgreSQL, and what prepares that for it.
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod setup;

// The process and the protocol, for the modules above.
mod http;
mod process;
