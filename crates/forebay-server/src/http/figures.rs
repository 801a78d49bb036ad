//! Every figure that the service has, as plain data: those of the monitor, and its own. How they
//! are written is for whoever is given them.

use forebay::{Metric, MetricKind, MetricValue};

use super::service::Service;

impl Service {
    /// All of them at this moment, under the names of `docs/guide/metrics.md`. One without a series
    /// is left out.
    pub(crate) fn figures(&self) -> Vec<Metric> {
        let mut all = self.monitor.metrics();
        let counter = |name, help| Metric::new(name, help, MetricKind::Counter);
        let mut requests =
            counter("forebay_http_requests_total", "Requests answered, by route and status");
        let mut seconds =
            counter("forebay_http_request_seconds_total", "Time until the head of the answer");
        for (route, status, count) in self.tally.counts() {
            let labels = || [("route", route.to_owned()), ("status", status.to_string())];
            requests = requests.with(labels(), MetricValue::Count(count.requests));
            seconds = seconds.with(labels(), MetricValue::Number(count.time.as_secs_f64()));
        }
        let gauge = |name, help, value: usize| {
            Metric::new(name, help, MetricKind::Gauge).with([], MetricValue::Number(value as f64))
        };
        let own = [
            requests,
            seconds,
            gauge("forebay_http_requests_in_work", "Requests in work", self.requests_in_work()),
            gauge("forebay_streams_open", "Hrana streams open", self.door.streams_open()),
        ];
        all.extend(own.into_iter().filter(|metric| !metric.series.is_empty()));
        all
    }
}
