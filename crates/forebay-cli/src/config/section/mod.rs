//! The sections, one a file: what can be set, with its default and its range. `whole.rs` has the
//! list of them.

mod cache;
mod database;
mod general;
mod guards;
mod limits;
mod listening;
mod log;
mod maintenance;
mod pool;
mod rule;
mod server;
mod telemetry;
mod watch;

pub(super) use cache::Cache;
pub(super) use database::Database;
pub(super) use general::General;
pub(super) use guards::Guards;
pub(super) use limits::Limits;
pub(super) use listening::{Tls, Unix};
pub(super) use log::Log;
pub(super) use maintenance::Maintenance;
pub(crate) use maintenance::Task;
pub(super) use pool::Pool;
pub(super) use rule::{Namespace, Rule};
pub(super) use server::{Jwt, Server};
pub(super) use telemetry::Telemetry;
pub(super) use watch::{Repeats, Slow, Statistics};
