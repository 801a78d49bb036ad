//! What is told, beside a model that knows only what somebody who reads the alerts knows.

use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;

use super::*;

fn run(outcome: MaintenanceOutcome) -> MaintenanceRun {
    MaintenanceRun {
        task: "health".into(),
        began_at: UNIX_EPOCH + Duration::from_secs(5),
        took: Duration::from_millis(250),
        outcome,
        said: vec!["first".into(), "why".into()],
        is_dry_run: false,
    }
}

fn check(severity: Severity) -> HealthCheck {
    HealthCheck::new("disk_space").found(severity, "nearly full").value("3 % free")
}

#[test]
fn each_change_is_told_once() {
    use AlertKind::{Failed, Recovered, Succeeds, Worse};
    use MaintenanceOutcome::{Done, Skipped, Stopped, Unfinished};
    use Severity::{Critical, Notice, Ok, Unknown, Warning};
    let mut judge = Judge::new("app");
    let mut told = |outcome: MaintenanceOutcome, severity: Severity| -> Vec<AlertKind> {
        let alerts = judge.judge(&run(outcome), &[check(severity)]);
        alerts.iter().map(|alert| alert.kind).collect()
    };
    assert_eq!(told(Done, Ok), []);
    assert_eq!(told(Done, Notice), []);
    assert_eq!(told(Done, Warning), [Worse]);
    assert_eq!(told(Done, Warning), []);
    assert_eq!(told(Done, Unknown), [], "what is known stands");
    assert_eq!(told(Done, Critical), [Worse]);
    assert_eq!(told(Done, Warning), [], "not well yet");
    assert_eq!(told(Done, Critical), [Worse]);
    assert_eq!(told(Done, Notice), [Recovered]);
    assert_eq!(told(Done, Ok), []);
    assert_eq!(told(MaintenanceOutcome::Failed, Ok), [Failed]);
    assert_eq!(told(MaintenanceOutcome::Failed, Ok), []);
    assert_eq!(told(Skipped, Ok), [], "it has not shown that it works again");
    assert_eq!(told(Stopped, Ok), []);
    assert_eq!(told(Unfinished, Ok), [Succeeds]);
    assert_eq!(told(Done, Ok), []);
}

#[test]
fn alerts_are_json() {
    let mut judge = Judge::new("app");
    let alerts = judge.judge(&run(MaintenanceOutcome::Failed), &[check(Severity::Critical)]);
    let json: Vec<serde_json::Value> =
        alerts.iter().map(|alert| serde_json::from_str(&alert.to_json()).unwrap()).collect();
    let expect = serde_json::json!([
        {"source": "forebay", "database": "app", "kind": "worse", "task": "health",
         "check": "disk_space", "severity": "critical", "before": "ok",
         "message": "nearly full (3 % free)", "at_ms": 5_250},
        {"source": "forebay", "database": "app", "kind": "failed", "task": "health",
         "severity": "warning", "before": "ok", "message": "why", "at_ms": 5_250},
    ]);
    assert_eq!(serde_json::Value::from(json), expect);
}

/// Whoever reads the alerts knows of trouble exactly when the last look has found it.
#[test]
fn the_reader_knows_how_it_is() {
    use Severity::{Critical, Notice, Ok, Unknown, Warning};
    let mut random = Rng::with_seed(3);
    for _ in 0..200 {
        let mut judge = Judge::new("app");
        let (mut reader_knows, mut is_bad) = (false, false);
        for _ in 0..50 {
            let severity = random.choice([Ok, Unknown, Notice, Warning, Critical]).unwrap();
            if severity != Unknown {
                is_bad = severity >= Warning;
            }
            for alert in judge.judge(&run(MaintenanceOutcome::Done), &[check(severity)]) {
                reader_knows = match alert.kind {
                    AlertKind::Worse => true,
                    AlertKind::Recovered => {
                        assert!(reader_knows, "nobody knew that it was bad");
                        false
                    }
                    other => panic!("{other:?}"),
                };
            }
            assert_eq!(reader_knows, is_bad);
        }
    }
}
