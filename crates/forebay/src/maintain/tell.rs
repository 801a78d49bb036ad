//! Passing alerts on to where the plan says. Nobody waits for that.

use super::alert::{AlertKind, MaintenanceAlert};
use super::plan::Sink;
#[cfg(feature = "webhook")]
use super::webhook::Courier;

/// Where alerts go.
pub(super) struct Tell {
    sinks: Vec<Sink>,
    #[cfg(feature = "webhook")]
    couriers: Vec<Courier>,
}

impl Tell {
    pub(super) fn new(sinks: &[Sink]) -> Tell {
        Tell {
            sinks: sinks.to_vec(),
            #[cfg(feature = "webhook")]
            couriers: sinks
                .iter()
                .filter_map(|sink| match sink {
                    Sink::Webhook(webhook) => Some(Courier::start(webhook)),
                    Sink::Call(_) => None,
                })
                .collect(),
        }
    }

    pub(super) fn tell(&self, alert: &MaintenanceAlert) {
        let MaintenanceAlert { kind, task, check, severity, before, message, .. } = alert;
        match kind {
            AlertKind::Worse | AlertKind::Failed => {
                tracing::warn!(%kind, task, check, severity, before, "maintenance: {message}");
            }
            AlertKind::Recovered | AlertKind::Succeeds => {
                tracing::info!(%kind, task, check, severity, before, "maintenance: {message}");
            }
        }
        for sink in &self.sinks {
            match sink {
                Sink::Call(told) => told(alert),
                #[cfg(feature = "webhook")]
                Sink::Webhook(_) => {}
            }
        }
        #[cfg(feature = "webhook")]
        for courier in &self.couriers {
            courier.take(alert);
        }
    }

    /// Waits a little for what is on its way.
    #[cfg_attr(not(feature = "webhook"), expect(clippy::unused_async))]
    pub(super) async fn flush(&mut self) {
        #[cfg(feature = "webhook")]
        for courier in &mut self.couriers {
            courier.flush().await;
        }
    }
}
