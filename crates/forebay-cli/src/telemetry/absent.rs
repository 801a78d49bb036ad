//! What stands for telemetry in a program that was built without it. A collector that is configured
//! has been refused before.

use anyhow::Result;
use forebay_server::Outlet;

use super::collector::Collector;
use crate::config::Config;
use crate::log::Beside;

/// Nobody who sends.
pub(crate) struct Telemetry;

impl Telemetry {
    pub(crate) fn begin(_: &Config, _: Option<&Collector>) -> Result<Telemetry> {
        Ok(Telemetry)
    }

    pub(crate) fn layer(&self) -> Beside {
        None
    }

    pub(crate) fn outlet(&self) -> Option<Outlet> {
        None
    }

    pub(crate) async fn end(self) {}
}
