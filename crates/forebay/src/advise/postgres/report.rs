//! What was found out, as advice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::candidate::Candidate;
use super::catalogue::{Catalogue, Table};
use super::measure::Taken;
use super::needless::{Why, needless};
use super::prove::Proven;
use super::quote::identifier;
use super::weigh::Read;
use crate::advise::advice::{Advice, Effect, Finding, FindingKind, Measured, WriteCost};

/// The names that are taken.
pub(super) fn names(catalogue: &Catalogue) -> BTreeSet<String> {
    let tables = catalogue.tables.values();
    let indexes = tables.clone().flat_map(|table| &table.indexes).map(|index| index.name.clone());
    indexes.chain(tables.map(|table| table.name.clone())).collect()
}

/// Indexes that were seen to pay.
pub(super) fn proven(
    all: &[Proven],
    reads: &[Read],
    writes: &BTreeMap<(String, String), f64>,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let mut taken = names(catalogue);
    // In the plans stand the names that the indexes had for the trial.
    let mut called: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for it in all {
        let name = it.candidate.name(&taken);
        taken.insert(name.clone());
        called.insert(it.name.clone(), name.clone());
        findings.push(add(&it.candidate, &name));
    }
    for (finding, it) in findings.iter_mut().zip(all) {
        finding.bytes = it.bytes;
        finding.saved = Duration::from_secs_f64((it.saved_ms / 1_000.0).max(0.0));
        finding.is_proven = true;
        let rows = writes.get(&it.candidate.table).copied().unwrap_or(0.0);
        finding.write_cost = Some(write_cost(it.entry_ms, rows));
        finding.effects = it
            .effects
            .iter()
            .map(|(at, old, new)| effect(&reads[*at], old, new, &called))
            .collect();
        finding.message = message(finding, &it.candidate, catalogue);
    }
    findings
}

/// An index by which the planner expects to gain.
pub(super) fn estimated(
    candidate: &Candidate,
    catalogue: &Catalogue,
    names: &mut BTreeSet<String>,
) -> Finding {
    let name = candidate.name(names);
    names.insert(name.clone());
    let mut finding = add(candidate, &name);
    finding.message = format!(
        "the planner expects to gain by it; {}",
        size(&candidate.on, catalogue.table(&candidate.table))
    );
    finding
}

/// What is wrong, in a sentence.
fn message(finding: &Finding, candidate: &Candidate, catalogue: &Catalogue) -> String {
    let scan = format!("Seq Scan on {}", candidate.table.1);
    let reads_all = |it: &Effect| it.plan_before.iter().any(|line| line.starts_with(&scan));
    let count = finding.effects.len();
    let statements = if count == 1 { "statement reads" } else { "statements read" };
    let what = match finding.effects.iter().any(reads_all) {
        true => format!("all of {}", candidate.on),
        false => format!("more of {} than needed", candidate.on),
    };
    let size = size("which", catalogue.table(&candidate.table));
    format!("{count} {statements} {what}, {size}")
}

fn size(what: &str, table: Option<&Table>) -> String {
    match table.filter(|table| table.rows >= 0.0) {
        Some(table) => format!("{what} has about {:.0} rows", table.rows),
        None => format!("{what} was never analysed"),
    }
}

fn add(candidate: &Candidate, name: &str) -> Finding {
    let sql = identifier(name);
    let schema = identifier(&candidate.table.0);
    let mut apply =
        vec![format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {sql} {}", candidate.body())];
    if candidate.has_expression() {
        apply.push(format!("ANALYZE {}", candidate.on));
    }
    Finding {
        kind: FindingKind::AddIndex,
        table: candidate.on.clone(),
        message: String::new(),
        apply,
        undo: vec![format!("DROP INDEX CONCURRENTLY IF EXISTS {schema}.{sql}")],
        advice: Vec::new(),
        effects: Vec::new(),
        bytes: 0,
        write_cost: None,
        saved: Duration::ZERO,
        is_proven: false,
    }
}

/// What was measured of a statement. `called` has the names that indexes get, by those in
/// the plans.
pub(super) fn effect(
    read: &Read,
    old: &Taken,
    new: &Taken,
    called: &BTreeMap<String, String>,
) -> Effect {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "calls are whole")]
    let calls = read.calls as u64;
    Effect {
        query: read.at,
        text: read.text.clone(),
        calls,
        before: measured(old),
        after: measured(new),
        plan_before: old.plan.clone(),
        plan_after: new.plan.iter().map(|line| renamed(line, called)).collect(),
    }
}

fn renamed(line: &str, called: &BTreeMap<String, String>) -> String {
    let name = |word: &str| called.get(word).cloned().unwrap_or_else(|| word.to_owned());
    line.split(' ').map(name).collect::<Vec<_>>().join(" ")
}

fn measured(taken: &Taken) -> Measured {
    let time = Duration::from_secs_f64((taken.time_ms / 1_000.0).max(0.0));
    Measured { work: taken.blocks, time, is_more: taken.is_more }
}

fn write_cost(entry_ms: f64, rows: f64) -> WriteCost {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows are whole")]
    let rows = rows as u64;
    WriteCost { per_row: Duration::from_secs_f64(entry_ms / 1_000.0), rows }
}

/// Indexes that the database can do without.
pub(super) fn add_needless(catalogue: &Catalogue, advice: &mut Advice) {
    for (table, index, why) in needless(catalogue) {
        let (kind, message) = match why {
            Why::Unused(days) => (
                FindingKind::DropUnused,
                format!(
                    "no read has used {} in the {days} days that this server counts; ask its \
                     standbys too, which count for themselves",
                    index.sql
                ),
            ),
            Why::Duplicate(other) => {
                (FindingKind::DropDuplicate, format!("{} is the same as {}", index.sql, other.sql))
            }
            Why::Prefix(other) => (
                FindingKind::DropPrefix,
                format!("{} begins with the keys of {}, and does its work", other.sql, index.sql),
            ),
        };
        advice.findings.push(Finding {
            kind,
            table: table.sql.clone(),
            message,
            apply: vec![format!("DROP INDEX CONCURRENTLY IF EXISTS {}", index.sql)],
            undo: vec![index.definition.clone()],
            advice: Vec::new(),
            effects: Vec::new(),
            bytes: index.bytes,
            write_cost: None,
            saved: Duration::ZERO,
            is_proven: true,
        });
    }
}
