//! `forebay top`: what a service or a server is at, anew every few seconds. It only looks. What is
//! shown is decided in files that know neither a terminal nor a connection.

mod clean;
mod client;
mod column;
mod draw;
mod json;
mod opened;
mod page;
mod reading;
mod run;
mod saved;
mod server;
mod service;
mod source;
mod state;
mod terminal;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use run::top;
