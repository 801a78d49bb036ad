//! Forebay as a service: the Hrana protocol that libSQL clients speak, queries in plain JSON,
//! health and metrics, over HTTP.
//!
//! This crate is a library so that an application can carry the service in its own process, and
//! tests can start it on a port of their own. It opens no database, reads no files, installs no
//! logger and waits for no signal: [`run`] takes all of these as arguments.
#![warn(missing_docs)]

mod error;
mod failure;
mod hrana;
mod http;
mod json;
mod memory;
mod options;
mod request;
mod run;

pub use error::{Error, Result};
pub use options::{Options, Token};
pub use run::run;
