//! The words on real databases, with a clock that is moved by hand.

mod error;
mod fill;
mod judge;
mod model;
#[cfg(all(feature = "postgres", unix))]
mod server;
mod word;
mod world;
