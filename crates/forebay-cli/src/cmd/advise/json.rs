//! Advice as one JSON object.

use forebay::{Advice, Effect, Finding, Measured};
use serde_json::{Value, json};

pub(super) fn advice(advice: &Advice) -> Value {
    let refused =
        advice.refused.iter().map(|it| json!({ "candidate": it.candidate, "reason": it.reason }));
    json!({
        "queries": advice.queries,
        "candidates": advice.candidates,
        "period_s": advice.period.map(|period| period.as_secs_f64()),
        "findings": advice.findings.iter().map(finding).collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "script": advice.script(),
        "undo": advice.undo_script(),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.to_string(),
        "table": finding.table,
        "message": finding.message,
        "apply": finding.apply,
        "undo": finding.undo,
        "advice": finding.advice,
        "bytes": finding.bytes,
        "saved_s": finding.saved.as_secs_f64(),
        "write_us_per_row": finding.write_cost.map(|it| it.per_row.as_secs_f64() * 1e6),
        "write_rows": finding.write_cost.map(|it| it.rows),
        "proven": finding.is_proven,
        "effects": finding.effects.iter().map(effect).collect::<Vec<_>>(),
    })
}

fn effect(effect: &Effect) -> Value {
    json!({
        "query": effect.query,
        "text": effect.text,
        "calls": effect.calls,
        "before": measured(effect.before),
        "after": measured(effect.after),
        "plan_before": effect.plan_before,
        "plan_after": effect.plan_after,
    })
}

fn measured(it: Measured) -> Value {
    json!({ "work": it.work, "time_ms": it.time.as_secs_f64() * 1e3, "is_more": it.is_more })
}
