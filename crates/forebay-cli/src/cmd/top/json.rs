//! One look as JSON.

use serde_json::{Value, json};

use super::column::Row;
use super::reading::{Figure, Kind, Unit};
use super::state::State;

pub(super) fn as_json(state: &State) -> Value {
    let reading = state.reading.as_ref();
    let gauges = reading.into_iter().flat_map(|reading| &reading.gauges).map(|gauge| {
        let figure = match gauge.figure {
            Figure::Level(level, Unit::Count) => json!({ "now": level }),
            Figure::Level(level, Unit::Millis) => json!({ "now_ms": level }),
            Figure::Sum(sum) => json!({ "sum": sum }),
            Figure::Share(part, whole) => json!({ "part": part, "whole": whole }),
        };
        (gauge.name.to_owned(), figure)
    });
    let sessions = reading.into_iter().flat_map(|reading| &reading.sessions).map(|it| {
        json!({
            "process": it.id,
            "who": it.who,
            "state": it.state,
            "seconds": it.seconds,
            "waits_for": it.wait,
            "statement": it.text,
        })
    });
    json!({
        "target": state.target,
        "kind": match state.kind() {
            Some(Kind::Service) => "service",
            Some(Kind::Server) => "server",
            Some(Kind::Saved) => "saved",
            None => "none",
        },
        "gauges": gauges.collect::<serde_json::Map<_, _>>(),
        "statements_known": reading.map_or(0, |reading| reading.known),
        "statements": state.rows().iter().map(statement).collect::<Vec<_>>(),
        "sessions": sessions.collect::<Vec<_>>(),
        "notes": reading.map(|reading| reading.notes.clone()).unwrap_or_default(),
    })
}

fn statement(row: &Row<'_>) -> Value {
    let it = row.statement;
    json!({
        "id": it.id,
        "statement": it.text,
        "calls": row.counts.calls,
        "errors": row.counts.errors,
        "rows": row.counts.rows,
        "time_ms": row.counts.time_ms,
        "share": row.share,
        "mean_ms": row.counts.mean_ms(row.kind),
        "p50_ms": it.p50_ms,
        "p99_ms": it.p99_ms,
        "max_ms": it.max_ms,
        "hits": row.counts.hits,
        "hit_ratio": row.counts.hit_ratio(),
        "not_cached": it.reason,
    })
}
