//! The commands, one module each.

mod advise;
mod archive;
mod bench;
mod config;
mod demo;
mod explain;
mod health;
mod index;
mod load;
mod maintain;
mod manual;
mod migrate;
mod ready;
mod serve;
mod setup;
mod stats;
mod top;

pub(crate) use advise::advise;
pub(crate) use archive::archive;
pub(crate) use bench::{Target, bench};
pub(crate) use config::{config, load as load_config};
pub(crate) use demo::demo;
pub(crate) use explain::explain;
pub(crate) use health::health;
pub(crate) use index::index;
pub(crate) use load::load;
pub(crate) use maintain::maintain;
pub(crate) use manual::{completions, man};
pub(crate) use migrate::migrate;
pub(crate) use ready::ready;
pub(crate) use serve::serve;
pub(crate) use setup::setup;
pub(crate) use stats::stats;
pub(crate) use top::top;
