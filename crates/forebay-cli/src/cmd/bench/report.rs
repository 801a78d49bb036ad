//! The result as a person reads it, and as JSON.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::tally::Figures;
use super::target::{Figure, Target};
use crate::quantity::{brief_time, grouped};

/// The times of an answer that are shown.
const SHOWN: [(&str, Figure); 7] = [
    ("mean", Figure::Mean),
    ("min", Figure::Min),
    ("p50", Figure::Quantile(0.5)),
    ("p95", Figure::Quantile(0.95)),
    ("p99", Figure::Quantile(0.99)),
    ("p99.9", Figure::Quantile(0.999)),
    ("max", Figure::Max),
];

/// Everything there is to say.
pub(super) struct Report {
    pub(super) users: u32,
    /// Requests each second that were asked for.
    pub(super) rate: Option<u32>,
    pub(super) spent: Duration,
    /// What each URL answered.
    pub(super) endpoints: Vec<(String, Figures)>,
    pub(super) targets: Vec<Target>,
    pub(super) is_interrupted: bool,
}

/// Whether a target was reached, and by what.
struct Verdict<'a> {
    target: &'a Target,
    /// `None` is all of them together.
    url: Option<&'a str>,
    reached: String,
    is_met: bool,
}

impl Report {
    /// Whether all that was asked for was reached.
    pub(super) fn is_met(&self) -> bool {
        self.verdicts().iter().all(|verdict| verdict.is_met)
    }

    /// Whether anything was answered.
    pub(super) fn has_answers(&self) -> bool {
        self.endpoints.iter().any(|(_, figures)| figures.answers() > 0)
    }

    /// The most frequent reason for errors.
    pub(super) fn first_reason(&self) -> Option<String> {
        let all = self.all();
        let most = all.reasons.iter().max_by_key(|(_, count)| **count);
        most.map(|(reason, _)| reason.clone())
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.headline(), self.table());
        for (url, figures) in &self.endpoints {
            for (reason, count) in &figures.reasons {
                let _ = writeln!(text, "{} errors of {url}: {reason}", grouped(*count));
            }
        }
        let verdicts = self.verdicts();
        for Verdict { target, url, reached, is_met } in &verdicts {
            let word = if *is_met { "PASS" } else { "FAIL" };
            let of = url.map_or(String::new(), |url| format!(" of {url}"));
            let _ = writeln!(text, "{word}  {target}{of}: {reached}");
        }
        if !verdicts.is_empty() {
            text.push_str(if self.is_met() { "PASS\n" } else { "FAIL\n" });
        }
        if self.is_interrupted {
            text.push_str("Stopped early: the figures are of a shorter run.\n");
        }
        text
    }

    /// The report as one JSON object; times are in milliseconds.
    pub(super) fn json(&self) -> Value {
        let endpoints = self.endpoints.iter();
        let verdicts = self.verdicts();
        let targets = verdicts.iter().map(|verdict| {
            json!({
                "target": verdict.target.to_string(),
                "url": verdict.url,
                "reached": verdict.reached,
                "pass": verdict.is_met,
            })
        });
        json!({
            "users": self.users,
            "asked_per_second": self.rate,
            "seconds": self.spent.as_secs_f64(),
            "interrupted": self.is_interrupted,
            "endpoints": endpoints
                .map(|(url, figures)| figures_json(Some(url), figures, self.spent))
                .collect::<Vec<_>>(),
            "all": figures_json(None, &self.all(), self.spent),
            "targets": targets.collect::<Vec<_>>(),
            "pass": (!verdicts.is_empty()).then(|| self.is_met()),
        })
    }

    fn headline(&self) -> String {
        let all = self.all();
        let how = match self.rate {
            Some(rate) => format!("{} requests due each second", grouped(u64::from(rate))),
            None => "each asks again when answered".to_owned(),
        };
        format!(
            "{} users, {how}; {:.1} s, {} requests, {:.1} answers each second",
            grouped(u64::from(self.users)),
            self.spent.as_secs_f64(),
            grouped(all.answers() + all.errors),
            all.rate(self.spent),
        )
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let mut header = vec!["endpoint".to_owned(), "answers".to_owned(), "per s".to_owned()];
        header.push("errors".to_owned());
        header.extend(SHOWN.iter().map(|(name, _)| (*name).to_owned()));
        table.set_header(header);
        for (url, figures) in &self.endpoints {
            table.add_row(row(url, figures, self.spent));
        }
        if self.endpoints.len() > 1 {
            table.add_row(row("all", &self.all(), self.spent));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// All endpoints together.
    fn all(&self) -> Figures {
        let mut all = Figures::new();
        for (_, figures) in &self.endpoints {
            all.add(figures);
        }
        all
    }

    fn verdicts(&self) -> Vec<Verdict<'_>> {
        let mut verdicts = Vec::new();
        let all = self.all();
        for target in &self.targets {
            let mut judge = |url, figures: &Figures| {
                let (reached, is_met) = target.judge(figures, self.spent);
                verdicts.push(Verdict { target, url, reached, is_met });
            };
            if target.is_of_each() {
                for (url, figures) in &self.endpoints {
                    judge(Some(url.as_str()), figures);
                }
            } else {
                judge(None, &all);
            }
        }
        verdicts
    }
}

fn row(name: &str, figures: &Figures, spent: Duration) -> Vec<String> {
    let mut cells = vec![
        name.to_owned(),
        grouped(figures.answers()),
        format!("{:.1}", figures.rate(spent)),
        format!("{:.2} %", figures.error_share() * 100.0),
    ];
    cells.extend(SHOWN.iter().map(|(_, figure)| match figures.time(*figure) {
        Some(time) => brief_time(time),
        None => "-".to_owned(),
    }));
    cells
}

fn figures_json(url: Option<&str>, figures: &Figures, spent: Duration) -> Value {
    let times = SHOWN.iter().map(|(name, figure)| {
        let time = figures.time(*figure).map(|time| time.as_secs_f64() * 1_000.0);
        ((*name).to_owned(), json!(time))
    });
    json!({
        "url": url,
        "answers": figures.answers(),
        "answers_per_second": figures.rate(spent),
        "bytes": figures.bytes,
        "errors": figures.errors,
        "error_share": figures.error_share(),
        "reasons": figures.reasons,
        "ms": serde_json::Map::from_iter(times),
    })
}
