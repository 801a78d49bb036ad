//! Everything that is sent, from when the service begins until it has ended.

use anyhow::Result;
use forebay_server::Outlet;

use super::collector::Collector;
use super::figures::Figures;
use super::post::Post;
use super::spans::Spans;
use crate::config::Config;
use crate::log::Beside;

/// Who sends traces and figures, if anybody takes them.
pub(crate) struct Telemetry {
    spans: Option<Spans>,
    figures: Option<Figures>,
}

impl Telemetry {
    /// Begins, as the configuration has it. To be called within the runtime.
    pub(crate) fn begin(config: &Config, collector: Option<&Collector>) -> Result<Telemetry> {
        let Some(collector) = collector else {
            return Ok(Telemetry { spans: None, figures: None });
        };
        let settings = &config.telemetry;
        let post = Post::to(collector, settings.root_certificates.as_deref())?;
        let spans = settings.traces.then(|| Spans::begin(config, collector, post.clone()));
        let figures = settings.metrics.then(|| Figures::new(config, collector, post));
        Ok(Telemetry { spans: spans.transpose()?, figures: figures.transpose()? })
    }

    /// What takes spans from `tracing`.
    pub(crate) fn layer(&self) -> Beside {
        self.spans.as_ref().map(Spans::layer)
    }

    /// What takes figures from the service.
    pub(crate) fn outlet(&self) -> Option<Outlet> {
        self.figures.as_ref().map(Figures::outlet)
    }

    /// Sends what is left, but not for long.
    pub(crate) async fn end(self) {
        if let Some(spans) = self.spans {
            spans.end().await;
        }
    }
}
