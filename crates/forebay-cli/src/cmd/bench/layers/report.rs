//! The table, as Markdown and as JSON. What is not reached comes first.

use std::fmt::Write;

use serde_json::{Value, json};

use super::figure::{Amount, Figure, RUNS};
use crate::quantity::{brief_time, grouped};

/// What is advertised too, and not measured: most of it is the time of somebody's API.
const LEFT_OUT: &str = "\
Not measured: an API's mean time (80 ms), pages fetched and stored (15 each second): these are \
mostly the time of others. A second tier (1 ms): see the runs of the disk tier and of Redis.";

pub(super) fn markdown(figures: &[Figure]) -> String {
    let mut text = format!(
        "# What layers advertise, and what is measured here\n\n\
         SQLite, one machine, one run; the median of {RUNS} where one thing is timed. *Theirs* is \
         what such layers say of themselves, on machines and data of their own: it is a mark, not \
         a rival. *Before* is bare SQLite, one statement after another; *after* is Forebay.\n\n"
    );
    let missed = ordered(figures).filter(|figure| !figure.is_reached()).count();
    let _ = writeln!(text, "{} of {} are reached.\n", figures.len() - missed, figures.len());
    text.push_str("| figure | theirs | before | after | ratio | reached | how |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for figure in ordered(figures) {
        let theirs = match figure.theirs.before {
            Some(before) => format!("{} → {}", shown(before), shown(figure.theirs.after)),
            None => shown(figure.theirs.after),
        };
        let _ = writeln!(
            text,
            "| {} | {theirs} | {} | {} | {} | {} | {} |",
            figure.what,
            figure.before.map_or("–".to_owned(), shown),
            shown(figure.after),
            figure.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.1}x")),
            if figure.is_reached() { "yes" } else { "no" },
            figure.how,
        );
    }
    let _ = writeln!(text, "\n{LEFT_OUT}");
    text
}

pub(super) fn json(figures: &[Figure]) -> Value {
    let figure = |figure: &Figure| {
        json!({
            "figure": figure.what,
            "how": figure.how,
            "theirs_before": figure.theirs.before.map(number),
            "theirs": number(figure.theirs.after),
            "before": figure.before.map(number),
            "after": number(figure.after),
            "unit": unit(figure.after),
            "ratio": figure.ratio(),
            "reached": figure.is_reached(),
        })
    };
    json!({ "suite": "layers", "figures": ordered(figures).map(figure).collect::<Vec<_>>() })
}

/// Those that are not reached, then the others, each in their order.
fn ordered(figures: &[Figure]) -> impl Iterator<Item = &Figure> {
    let (reached, missed): (Vec<_>, Vec<_>) =
        figures.iter().partition(|figure| figure.is_reached());
    missed.into_iter().chain(reached)
}

fn shown(amount: Amount) -> String {
    match amount {
        Amount::Time(time) => brief_time(time),
        Amount::Statements(count) => grouped(count),
        Amount::Share(share) => format!("{:.1} %", share * 100.0),
        Amount::Rate(rate) => format!("{}/s", grouped(rate as u64)),
    }
}

fn number(amount: Amount) -> f64 {
    match amount {
        Amount::Time(time) => time.as_secs_f64() * 1_000.0,
        Amount::Statements(count) => count as f64,
        Amount::Share(share) => share,
        Amount::Rate(rate) => rate,
    }
}

fn unit(amount: Amount) -> &'static str {
    match amount {
        Amount::Time(_) => "ms",
        Amount::Statements(_) => "statements",
        Amount::Share(_) => "share",
        Amount::Rate(_) => "per second",
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::{Theirs, millis};
    use super::*;

    #[test]
    fn what_is_missed_comes_first() {
        let figure = |what, after| Figure {
            what,
            how: "somehow".to_owned(),
            theirs: Theirs::ms(150.0, 50.0),
            before: Some(millis(100.0)),
            after: millis(after),
        };
        let text = markdown(&[figure("good", 10.0), figure("bad", 60.0)]);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("somehow")).collect();
        assert_eq!(
            lines,
            [
                "| bad | 150 ms → 50 ms | 100 ms | 60 ms | 1.7x | no | somehow |",
                "| good | 150 ms → 50 ms | 100 ms | 10 ms | 10.0x | yes | somehow |",
            ]
        );
        assert!(text.contains("1 of 2 are reached"), "{text}");
        let object = json(&[figure("good", 10.0), figure("bad", 60.0)]);
        assert_eq!(object["figures"][0]["figure"], "bad");
        assert_eq!(object["figures"][1]["after"], 10.0);
    }
}
