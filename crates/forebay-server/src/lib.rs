//! Forebay as a service: the Hrana protocol that libSQL clients speak, queries in plain JSON,
//! health, metrics and an admin API, over HTTP.
//!
//! This crate is a library so that an application can carry the service in its own process, and
//! tests can start it on a port of their own. It opens no database, reads no files but
//! certificates, installs no logger and waits for no signal: [`serve`] takes all of these as
//! arguments.
#![warn(missing_docs)]

mod admin;
mod error;
mod failure;
mod hrana;
mod http;
mod json;
mod listen;
mod memory;
mod options;
mod outlet;
mod request;
mod run;
#[cfg(unix)]
mod socket;
mod tls;

pub use admin::{Access, Admin, AdminBuilder, Configuration, Configured, Jwt, LogLevel};
pub use error::{Error, Result};
pub use listen::Listener;
pub use options::{Options, Token};
pub use outlet::Outlet;
pub use run::{run, serve};
pub use tls::Tls;
