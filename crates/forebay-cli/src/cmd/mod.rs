//! The commands, one module each.

mod demo;
mod explain;
mod serve;
mod setup;

pub(crate) use demo::demo;
pub(crate) use explain::explain;
pub(crate) use serve::serve;
pub(crate) use setup::setup;
