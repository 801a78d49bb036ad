//! One table of all operations, as Markdown and as JSON. Where Forebay is not ahead comes first.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::outcome::{Operation, Outcome, Side};
use crate::quantity::brief_time;

/// Forebay beside one peer at one operation.
pub(super) struct Line<'a> {
    pub(super) operation: &'a str,
    pub(super) ours: &'a Side,
    pub(super) peer: &'a Side,
    /// How many times as long the peer takes.
    pub(super) ratio: f64,
}

/// Those where Forebay is not ahead, the farthest behind first; then the others in their order. A
/// peer that several programs measure at one operation is taken from the first of them.
pub(super) fn lines(outcomes: &[Outcome]) -> Vec<Line<'_>> {
    let operations = outcomes.iter().flat_map(|outcome| &outcome.operations);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in operations.flat_map(of_operation) {
        let is_same = |other: &Line<'_>| {
            other.operation == line.operation && other.peer.name == line.peer.name
        };
        if !lines.iter().any(is_same) {
            lines.push(line);
        }
    }
    let (ahead, mut behind): (Vec<_>, Vec<_>) = lines.into_iter().partition(Line::is_ahead);
    behind.sort_by(|one, other| one.ratio.total_cmp(&other.ratio));
    behind.extend(ahead);
    behind
}

fn of_operation(operation: &Operation) -> impl Iterator<Item = Line<'_>> {
    let Operation { name, ours, peers } = operation;
    peers.iter().map(|peer| Line { operation: name, ours, peer, ratio: peer.times(ours) })
}

impl Line<'_> {
    pub(super) fn is_ahead(&self) -> bool {
        self.ratio > 1.0
    }
}

pub(super) fn markdown(outcomes: &[Outcome], left_out: &[String], plots: &[String]) -> String {
    let lines = lines(outcomes);
    let behind = lines.iter().filter(|line| !line.is_ahead()).count();
    let mut text = format!(
        "# Beside what a user would pick instead\n\nEach operation by Forebay and by a peer, in \
         turns, on one machine. Times are medians; a ratio is the peer's time by Forebay's, taken \
         within a round, and the median over the rounds: above 1, Forebay is ahead. What a program \
         does exactly is in `bench/README.md`.\n\nForebay is not ahead in {behind} of {}.\n\n",
        lines.len()
    );
    text.push_str("| operation | Forebay | | peer | | ratio |\n|---|---|---|---|---|---|\n");
    for line in &lines {
        let time = |side: &Side| brief_time(Duration::from_nanos(side.median() as u64));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.2}x |",
            line.operation,
            line.ours.name,
            time(line.ours),
            line.peer.name,
            time(line.peer),
            line.ratio,
        );
    }
    for plot in plots {
        let _ = writeln!(text, "\n![Ratios]({plot}.svg)");
    }
    if !left_out.is_empty() {
        text.push_str("\nLeft out:\n\n");
        for one in left_out {
            let _ = writeln!(text, "- {one}");
        }
    }
    text.push_str("\nVersions: ");
    let versions = versions(outcomes);
    let named: Vec<_> = versions.iter().map(|(name, all)| format!("{name} {all}")).collect();
    let _ = writeln!(text, "{}.", named.join(", "));
    text
}

pub(super) fn json(outcomes: &[Outcome], left_out: &[String]) -> Value {
    let lines = lines(outcomes);
    let line = |line: &Line<'_>| {
        json!({
            "operation": line.operation,
            "forebay": line.ours.name,
            "forebay_ns": line.ours.median(),
            "forebay_rounds_ns": line.ours.rounds_ns,
            "peer": line.peer.name,
            "peer_ns": line.peer.median(),
            "peer_rounds_ns": line.peer.rounds_ns,
            "ratio": line.ratio,
            "ahead": line.is_ahead(),
        })
    };
    json!({
        "suite": "peers",
        "operations": lines.iter().map(line).collect::<Vec<_>>(),
        "left_out": left_out,
        "versions": versions(outcomes),
    })
}

/// Of each name all versions that took part: peers pin their own SQLite.
fn versions(outcomes: &[Outcome]) -> BTreeMap<&str, String> {
    let mut versions: BTreeMap<&str, String> = BTreeMap::new();
    for (name, version) in outcomes.iter().flat_map(|outcome| &outcome.versions) {
        let all = versions.entry(name).or_default();
        if !all.split(" and ").any(|known| known == version) {
            let and = if all.is_empty() { "" } else { " and " };
            let _ = write!(all, "{and}{version}");
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(version: &str, sides: &[(&str, f64)]) -> Outcome {
        let side = |(name, nanos): &(&str, f64)| Side {
            name: (*name).to_owned(),
            rounds_ns: vec![*nanos; 3],
        };
        Outcome {
            versions: vec![("SQLite".to_owned(), version.to_owned())],
            operations: vec![Operation {
                name: "point read".to_owned(),
                ours: side(&("forebay", 1_000.0)),
                peers: sides.iter().map(side).collect(),
            }],
        }
    }

    #[test]
    fn what_is_not_ahead_comes_first() {
        let outcomes = [
            outcome("3.50", &[("rusqlite", 500.0), ("sqlx", 40_000.0), ("even", 1_000.0)]),
            outcome("3.51", &[("rusqlite", 800.0), ("slow", 2_000.0), ("behind", 100.0)]),
        ];
        let found: Vec<(&str, f64)> =
            lines(&outcomes).iter().map(|line| (line.peer.name.as_str(), line.ratio)).collect();
        assert_eq!(
            found,
            [("behind", 0.1), ("rusqlite", 0.5), ("even", 1.0), ("sqlx", 40.0), ("slow", 2.0)]
        );
        let text = markdown(&outcomes, &["python: no python3".to_owned()], &["ratios".to_owned()]);
        for part in [
            "not ahead in 3 of 5",
            "| point read | forebay | 1.0 µs | sqlx | 40 µs | 40.00x |",
            "- python: no python3",
            "(ratios.svg)",
            "SQLite 3.50 and 3.51.",
        ] {
            assert!(text.contains(part), "expected {part:?} in:\n{text}");
        }
        let object = json(&outcomes, &[]);
        assert_eq!(object["operations"][0]["ahead"], false);
        assert_eq!(object["operations"][4]["peer_ns"], 2_000.0);
    }
}
