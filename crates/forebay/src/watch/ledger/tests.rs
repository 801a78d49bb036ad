//! Ledgers there and back, and texts that are none.

use std::time::{Duration, Instant};

use super::*;
use crate::watch::fingerprints::Fingerprints;
use crate::watch::{SlowLimits, Visit};

fn fingerprints() -> Fingerprints {
    Fingerprints::new(Dialect::Sqlite, SlowLimits { after: None })
}

fn counted() -> Fingerprints {
    let fingerprints = fingerprints();
    for n in 0..20u64 {
        let record = fingerprints.of(&format!("SELECT \"c{n}\nä\" FROM t WHERE a = 'secret'"));
        for step in 0..=n {
            record.miss();
            let visit = Visit {
                ended: Instant::now(),
                spent: Duration::from_micros(10 + step * step * 100),
                wait: Duration::from_nanos(step),
                rows: step,
                bytes: 10 * step,
                failed: false,
            };
            fingerprints.note(&record, &visit);
            (0..n).for_each(|_| _ = record.hit());
        }
        record.bypass(Bypass::NoCache);
        record.set_plan(n);
        record.set_caller("route=/x");
        record.set_name(&format!("name {n}"));
        record.set_sample(|| (n > 3).then(|| "SELECT ?".into()));
    }
    fingerprints
}

/// All but what is of one run only.
fn shown(fingerprints: &Fingerprints) -> Vec<String> {
    let now = Instant::now();
    let mut lines: Vec<String> = fingerprints
        .shown(now)
        .iter()
        .map(|record| {
            let stats = fingerprints.snapshot(record, now);
            let seen = (stats.first_seen, stats.last_seen);
            format!(
                "{:?}",
                (
                    (stats.id, stats.statement, stats.name, stats.calls, stats.hits),
                    (stats.misses, stats.bypasses, stats.origin_time, stats.rows),
                    (stats.bytes_read, stats.time, stats.pool_wait, stats.plan, seen),
                    (stats.caller, stats.sample),
                )
            )
        })
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_is_written_is_read_again() {
    let first = counted();
    let text = first.ledger().write();
    assert!(!text.contains("secret"), "{text}");
    let ledger = Ledger::read(&text).unwrap();
    let second = fingerprints();
    second.restore(&ledger);
    assert_eq!(shown(&second), shown(&first));
    assert_eq!(second.since(), first.since());
    // Hits of an earlier run are not of the last minute; those of now are.
    let now = Instant::now();
    second.shown(now).iter().for_each(|record| {
        let _ = record.hit();
        assert_eq!(second.snapshot(record, now).minute.hits, 1);
    });
    assert_eq!(Ledger::read(&second.ledger().write()).unwrap().lines.len(), 20);
}

#[test]
fn what_is_beyond_the_bound_is_kept_as_one() {
    let fingerprints = fingerprints();
    for n in 0..1_500u64 {
        fingerprints.of(&format!("SELECT c{n}")).miss();
    }
    let ledger = Ledger::read(&fingerprints.ledger().write()).unwrap();
    let calls: u64 = ledger.lines.iter().map(|kept| kept.misses).sum();
    assert_eq!((ledger.lines.len(), calls), (1_001, 1_500));
}

#[test]
fn half_a_file_is_none() {
    let text = counted().ledger().write();
    for cut in (0..text.len()).step_by(97).filter(|at| text.is_char_boundary(*at)) {
        assert!(Ledger::read(&text[..cut]).is_err(), "{cut}");
    }
    let mut bytes = text.clone().into_bytes();
    for at in (0..bytes.len()).step_by(211) {
        bytes[at] ^= 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            assert!(Ledger::read(text).is_err(), "{at}");
        }
        bytes[at] ^= 1;
    }
    assert!(Ledger::read(&text).is_ok());
    for foreign in ["", "\n", "{}", "[1]\n", "SQLite format 3\0", "{\"forebay_statistics\":-1}\n"] {
        assert_eq!(Ledger::read(foreign).err(), Some(Unreadable::Damaged), "{foreign:?}");
    }
    let later = text.replacen("\"forebay_statistics\":1", "\"forebay_statistics\":2", 1);
    assert_eq!(Ledger::read(&later).err(), Some(Unreadable::Version(2)));
}
