//! The metrics of repeated statements, by kind: four series of each, however many were found.

use super::metric::{MetricKind, MetricValue};
use super::page::{Sheet, float};
use crate::db::Db;

/// How sure a finding is, and what it is about.
const KINDS: [&str; 4] = ["proven", "likely", "duplicate", "writes"];

pub(super) fn write(sheet: &mut Sheet<'_>, db: &Db) {
    let (findings, scopes, left_out) = db.repeats_known();
    for kind in KINDS {
        let of_kind = || findings.iter().filter(|it| it.kind.name() == kind);
        let labels = [("kind", kind)];
        let executions: u64 = of_kind().map(|it| it.executions).sum();
        let lost: f64 = of_kind().map(|it| it.time_lost.as_secs_f64()).sum();
        sheet.add(
            ("forebay_repeats_found", "Statements that are repeated where one would do"),
            MetricKind::Gauge,
            &labels,
            MetricValue::Number(float(of_kind().count() as u64)),
        );
        sheet.add(
            ("forebay_repeats_executions", "Executions of these"),
            MetricKind::Gauge,
            &labels,
            MetricValue::Number(float(executions)),
        );
        sheet.add(
            ("forebay_repeats_lost_seconds", "Time that one statement for all would save"),
            MetricKind::Gauge,
            &labels,
            MetricValue::Number(lost),
        );
    }
    sheet.counts(&[
        ("forebay_scopes_total", "Scopes in which statements ran", scopes),
        ("forebay_repeats_left_out_total", "Suspicions beyond what is kept", left_out),
    ]);
}
