//! Servers as their users see them, on every installed version. Where none is installed the tests
//! skip and say so.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod client;
mod database;
mod disturb;
mod follow;
mod login;
mod remains;
mod start;
mod wait;
