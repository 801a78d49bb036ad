//! HTTP: routes, what is checked before a request gets anywhere, and how answers are sent. What
//! a Hrana request means is in `hrana`; which statements a remote client may run is decided in
//! the library.

mod auth;
mod body;
mod figures;
mod guard;
mod health;
mod idle;
mod metrics;
mod origin;
mod query;
mod reply;
mod routes;
mod sending;
mod service;
mod site;
mod stall;
mod tally;
mod trace;

pub(crate) use auth::bearer;
pub(crate) use idle::{Answering, Idle};
pub(crate) use origin::{check_content_type, is_loopback, without_port};
pub(crate) use reply::{Dialect, failure, respond, small};
pub(crate) use routes::{Doors, router};
pub(crate) use service::Service;
pub(crate) use stall::Stall;
