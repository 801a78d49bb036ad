//! All numbers handed to the recorder of the `metrics` crate. It installs no recorder and keeps no
//! handles: what is handed on are absolute values.

use ::metrics::{Key, Label, Level, Metadata, Recorder, SharedString};

use super::handle::Monitor;
use super::metric::{Metric, MetricHistogram, MetricKind, MetricValue};

const METADATA: Metadata<'static> = Metadata::new("forebay", Level::INFO, Some(module_path!()));

impl Monitor {
    /// Hands all metrics, as they are now, to the recorder of the `metrics` crate (0.24) that is in
    /// force: that of `metrics::with_local_recorder`, else that of the process. Without a recorder
    /// it does nothing. To be called from time to time, or before an exporter is read.
    ///
    /// Counters are set to what was counted since the part was built, and most recorders let no
    /// counter fall: a part that is built anew under its old name shows nothing new until it has
    /// counted beyond the one before. Sums of seconds are handed on as gauges, since counters are
    /// whole numbers there, and a histogram as Prometheus writes it: the counters `…_bucket` with
    /// the label `le` and `…_count`, and the gauge `…_sum`.
    ///
    /// Feature `metrics`.
    pub fn record(&self) {
        let all = self.metrics();
        ::metrics::with_recorder(|recorder| {
            for metric in &all {
                describe(recorder, metric);
                for series in &metric.series {
                    let labels: Vec<Label> =
                        series.labels.iter().map(|(label, word)| to_label(label, word)).collect();
                    hand_on(recorder, metric, labels, &series.value);
                }
            }
        });
    }
}

fn describe(recorder: &dyn Recorder, metric: &Metric) {
    let help = SharedString::const_str(metric.help);
    match metric.kind {
        MetricKind::Counter if is_whole(metric) => {
            recorder.describe_counter(metric.name.into(), None, help);
        }
        MetricKind::Counter | MetricKind::Gauge => {
            recorder.describe_gauge(metric.name.into(), None, help);
        }
        MetricKind::Histogram => {
            let bucket = format!("{}_bucket", metric.name);
            recorder.describe_counter(bucket.into(), None, help);
        }
    }
}

fn is_whole(metric: &Metric) -> bool {
    metric.series.iter().all(|series| matches!(series.value, MetricValue::Count(_)))
}

fn hand_on(recorder: &dyn Recorder, metric: &Metric, labels: Vec<Label>, value: &MetricValue) {
    match value {
        MetricValue::Count(count) => {
            let key = Key::from_parts(metric.name, labels);
            recorder.register_counter(&key, &METADATA).absolute(*count);
        }
        MetricValue::Number(number) => {
            let key = Key::from_parts(metric.name, labels);
            recorder.register_gauge(&key, &METADATA).set(*number);
        }
        MetricValue::Histogram(histogram) => buckets(recorder, metric.name, &labels, histogram),
    }
}

/// Each bucket counts what is in those before it as well.
fn buckets(recorder: &dyn Recorder, name: &str, labels: &[Label], histogram: &MetricHistogram) {
    let mut below = 0;
    for (bound, count) in &histogram.buckets {
        below += count;
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        let labels = labels.iter().cloned().chain([Label::new("le", bound)]);
        let key = Key::from_parts(format!("{name}_bucket"), labels.collect::<Vec<_>>());
        recorder.register_counter(&key, &METADATA).absolute(below);
    }
    let key = Key::from_parts(format!("{name}_count"), labels.to_vec());
    recorder.register_counter(&key, &METADATA).absolute(histogram.count);
    let key = Key::from_parts(format!("{name}_sum"), labels.to_vec());
    recorder.register_gauge(&key, &METADATA).set(histogram.sum);
}

fn to_label(label: &'static str, word: &str) -> Label {
    Label::new(label, word.to_owned())
}
