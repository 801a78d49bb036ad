//! The report, as Markdown and as JSON. What grows more than it should comes first.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::growth::Point;
use super::series::{Group, Series, TOLERANCE, Verdict, Word};
use crate::quantity::{brief_time, grouped};

pub(super) fn markdown(groups: &[Group], plots: &[String]) -> String {
    let judged = judged(groups);
    let worse = judged.iter().filter(|(_, _, verdict)| verdict.word == Word::Worse).count();
    let mut text = format!(
        "# What size costs\n\n\
         SQLite in WAL mode with `synchronous = NORMAL`, one machine, one run. A slope \
         is that of the line of least squares where both axes are logarithmic: 0 is constant, \
         1 linear. One that is more than {TOLERANCE} steeper than expected is *worse*, \
         or *as beside* where what stands beside it grows no less.\n\n\
         {} of {} series grow as they should.\n\n",
        judged.len() - worse,
        judged.len()
    );
    text.push_str("| series | of | expected | slope | beside | verdict | how far |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (group, series, verdict) in &judged {
        let _ = writeln!(
            text,
            "| {} | {} | {} ({:.2}) | {:.2} | {} | {} | {} |",
            series.what,
            group.sizes,
            series.expected.name(),
            verdict.expected,
            verdict.slope,
            verdict.beside.map_or("–".to_owned(), |slope| format!("{slope:.2}")),
            verdict.word.text(),
            series.reason(verdict),
        );
    }
    let cuts: Vec<&String> = groups.iter().flat_map(|group| &group.cuts).collect();
    if !cuts.is_empty() {
        text.push_str("\nLeft out:\n\n");
        for cut in cuts {
            let _ = writeln!(text, "- {cut}");
        }
    }
    for group in groups {
        section(&mut text, group, plots.iter().any(|plot| plot == group.name));
    }
    text
}

pub(super) fn json(groups: &[Group]) -> Value {
    let group = |group: &Group| {
        json!({
            "group": group.name,
            "sizes": group.sizes,
            "series": group.series.iter().map(series_json).collect::<Vec<_>>(),
            "notes": group.notes,
            "cut": group.cuts,
        })
    };
    json!({ "suite": "scale", "groups": groups.iter().map(group).collect::<Vec<_>>() })
}

fn series_json(series: &Series) -> Value {
    let points = |points: &[Point]| -> Vec<Value> {
        points.iter().map(|point| json!({ "size": point.size, "ns": point.cost })).collect()
    };
    let verdict = series.verdict();
    json!({
        "series": series.what,
        "expected": series.expected.name(),
        "points": points(&series.points),
        "beside": series.beside.as_ref().map(|beside| json!({
            "series": beside.what,
            "points": points(&beside.points),
        })),
        "slope": verdict.map(|verdict| verdict.slope),
        "expected_slope": verdict.map(|verdict| verdict.expected),
        "beside_slope": verdict.and_then(|verdict| verdict.beside),
        "verdict": verdict.map(|verdict| verdict.word.text()),
    })
}

/// All series that have a verdict, the worst first, each kind in its order.
fn judged(groups: &[Group]) -> Vec<(&Group, &Series, Verdict)> {
    let series = groups.iter().flat_map(|group| {
        group.series.iter().filter_map(move |series| Some((group, series, series.verdict()?)))
    });
    let mut judged: Vec<_> = series.collect();
    judged.sort_by_key(|(_, _, verdict)| verdict.word);
    judged
}

/// A table of the group: a line for each size.
fn section(text: &mut String, group: &Group, has_plot: bool) {
    let _ = writeln!(text, "\n## {}\n\n{}\n", group.title, group.terms);
    if has_plot {
        let _ = writeln!(text, "![{}]({}.svg)\n", group.title, group.name);
    }
    let mut columns: Vec<(String, &[Point])> = Vec::new();
    for series in &group.series {
        columns.push((series.what.to_owned(), &series.points));
        if let Some(beside) = &series.beside {
            columns.push((beside.what.to_owned(), &beside.points));
        }
    }
    let _ = write!(text, "| {} |", group.sizes);
    for (name, _) in &columns {
        let _ = write!(text, " {name} |");
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    let mut sizes: Vec<u64> =
        columns.iter().flat_map(|(_, points)| points.iter().map(|point| point.size)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let _ = write!(text, "| {} |", grouped(size));
        for (_, points) in &columns {
            let found = points.iter().find(|point| point.size == size);
            let cell = found.map_or("–".to_owned(), |point| {
                brief_time(Duration::from_nanos(point.cost as u64))
            });
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    if !group.notes.is_empty() {
        text.push('\n');
    }
    for note in &group.notes {
        let _ = writeln!(text, "- {note}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::growth::Growth;
    use super::*;

    fn group() -> Group {
        let mut good = Series::new("hit", Growth::Constant).beside("a map");
        let mut bad = Series::new("write", Growth::Constant);
        for size in [1_000, 10_000] {
            good.add(size, 500.0);
            good.add_beside(size, 50.0);
            bad.add(size, size as f64);
        }
        Group {
            name: "entries",
            title: "Answers in memory",
            sizes: "entries",
            terms: "On these terms.".to_owned(),
            series: vec![good, bad],
            notes: vec!["300 bytes each".to_owned()],
            cuts: vec!["100,000 entries: no time".to_owned()],
        }
    }

    #[test]
    fn what_grows_too_much_comes_first() {
        let text = markdown(&[group()], &["entries".to_owned()]);
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(
            lines[2..4],
            [
                "| write | entries | constant (0.00) | 1.00 | – | worse | 10.0x from the first \
                 size to the last |",
                "| hit | entries | constant (0.00) | 0.00 | 0.00 | as expected | 1.0x from the \
                 first size to the last |",
            ]
        );
        for part in [
            "1 of 2 series",
            "- 100,000 entries: no time",
            "![Answers in memory](entries.svg)",
            "| entries | hit | a map | write |",
            "| 1,000 | 500 ns | 50 ns | 1.0 µs |",
            "- 300 bytes each",
        ] {
            assert!(text.contains(part), "expected {part:?} in:\n{text}");
        }
        assert!(!markdown(&[group()], &[]).contains("svg"), "there is no plot to show");
    }

    #[test]
    fn figures_are_there_for_programs() {
        let object = json(&[group()]);
        let series = &object["groups"][0]["series"];
        assert_eq!(series[0]["points"][1]["ns"], 500.0);
        assert_eq!(series[0]["beside"]["points"][0]["size"], 1_000);
        assert_eq!(series[1]["verdict"], "worse");
        assert_eq!(object["groups"][0]["cut"][0], "100,000 entries: no time");
    }
}
