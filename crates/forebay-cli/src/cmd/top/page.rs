//! The lines of a screen as plain text: gauges, cells, and a whole page for where there is no
//! terminal. It knows no colours.

use std::fmt::Write as _;

use super::column::{Column, SESSION, brief_ms, percent, session};
use super::reading::{Figure, Gauge, Unit};
use super::state::State;
use crate::quantity::grouped;

/// Rows of a page without a terminal.
const ROWS_MAX: usize = 50;

/// Columns of a page without a terminal.
const WIDTH: usize = 160;

/// Columns that a statement has at least before others give way to it.
const TEXT_MIN: usize = 24;

/// The heights of a line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The columns that fit.
pub(super) fn fitting(columns: &[Column], width: usize) -> Vec<Column> {
    let mut columns = columns.to_vec();
    let taken = |columns: &[Column]| {
        columns.iter().map(|it| it.width() + 1).sum::<usize>() + TEXT_MIN.min(width / 2)
    };
    while taken(&columns) > width {
        let first = columns.iter().max_by_key(|it| it.gives_way()).copied();
        match first.filter(|it| it.gives_way() > 0) {
            Some(first) => columns.retain(|it| *it != first),
            None => break,
        }
    }
    columns
}

/// What a gauge shows: the number as it is now, else since counting began.
pub(super) fn value(gauge: &Gauge, points: &[f64]) -> String {
    match (gauge.figure, points.last()) {
        (Figure::Level(level, Unit::Millis), _) => brief_ms(level),
        (Figure::Level(level, Unit::Count), _) => format!("{level:.0}"),
        (Figure::Sum(_), Some(rate)) if *rate < 10.0 => format!("{rate:.1}/s"),
        (Figure::Sum(_), Some(rate)) => format!("{}/s", grouped(*rate as u64)),
        (Figure::Sum(sum), None) => grouped(sum),
        (Figure::Share(..), Some(share)) => percent(Some(*share)),
        (Figure::Share(part, whole), None) => {
            percent((whole > 0).then(|| part as f64 / whole as f64))
        }
    }
}

/// The last points as a line of that many columns. A share goes from 0 to 1, all else from 0 to the
/// greatest.
pub(super) fn line(gauge: &Gauge, points: &[f64], width: usize) -> String {
    let points = &points[points.len().saturating_sub(width)..];
    let most = match gauge.figure {
        Figure::Share(..) => 1.0,
        _ => points.iter().copied().fold(0.0, f64::max),
    };
    let bar = |point: &f64| {
        let height = if most > 0.0 { point / most * (BARS.len() - 1) as f64 } else { 0.0 };
        BARS[(height.round() as usize).min(BARS.len() - 1)]
    };
    let line: String = points.iter().map(bar).collect();
    format!("{}{line}", " ".repeat(width - points.len()))
}

/// What stands at the top.
pub(super) fn title(state: &State) -> String {
    let shown = match (state.shows_sessions, &state.reading) {
        (_, None) => return format!("forebay top  {}", state.target),
        (true, _) => "sessions".to_owned(),
        (false, _) if state.is_lately => {
            format!("the last {} s", state.recent.span().as_secs())
        }
        (false, Some(reading)) if reading.statements.len() < reading.known => format!(
            "since counting began, {} of {} statements",
            reading.statements.len(),
            grouped(reading.known as u64)
        ),
        (false, _) => "since counting began".to_owned(),
    };
    format!("forebay top  {}  ({shown})", state.target)
}

/// What is said where looks fail.
pub(super) fn lost(state: &State) -> Option<String> {
    let (why, since) = state.lost.as_ref()?;
    let seconds = state.now.saturating_sub(*since).as_secs();
    Some(format!("lost for {seconds} s: {why}; trying again every {:?}", state.every))
}

/// A cell, in its column: numbers to the right.
pub(super) fn cell(text: &str, column: Column) -> String {
    let width = column.width();
    let text: String = match width {
        0 => text.to_owned(),
        _ => text.chars().take(width).collect(),
    };
    if column.is_text() { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

/// Everything in one page.
pub(super) fn page(state: &State) -> String {
    let mut page = format!("{}\n", title(state));
    if let Some(lost) = lost(state) {
        let _ = writeln!(page, "{lost}");
    }
    let Some(reading) = &state.reading else { return page };
    for gauge in &reading.gauges {
        let value = value(gauge, &state.recent.line(gauge.name));
        let _ = writeln!(page, "{:<13}{value:>11}  {}", gauge.name, gauge.note);
    }
    for note in &reading.notes {
        let _ = writeln!(page, "{note}");
    }
    page.push('\n');
    statements(state, &mut page);
    if !reading.sessions.is_empty() {
        page.push('\n');
        sessions(state, &mut page);
    }
    page
}

fn statements(state: &State, page: &mut String) {
    let columns = fitting(state.columns(), WIDTH);
    let rows = state.rows();
    if rows.is_empty() {
        let _ = writeln!(page, "no statements");
        return;
    }
    let head: Vec<String> = columns.iter().map(|it| cell(it.name(), *it)).collect();
    let _ = writeln!(page, "{}", head.join(" "));
    for row in rows.iter().take(ROWS_MAX) {
        let cells: Vec<String> = columns.iter().map(|it| cell(&it.show(row), *it)).collect();
        let line: String = cells.join(" ").chars().take(WIDTH).collect();
        let _ = writeln!(page, "{}", line.trim_end());
    }
}

fn sessions(state: &State, page: &mut String) {
    let line = |cells: &[String], text: &str| {
        let cells = cells.iter().zip(SESSION);
        let cells = cells.map(|(text, (_, width))| {
            let text: String = text.chars().take(width).collect();
            format!("{text:<width$} ")
        });
        let line: String = cells.collect::<String>() + text;
        line.chars().take(WIDTH).collect::<String>()
    };
    let head: Vec<String> = SESSION.iter().map(|(name, _)| (*name).to_owned()).collect();
    let _ = writeln!(page, "{}", line(&head, "statement"));
    for it in state.sessions().into_iter().take(ROWS_MAX) {
        let _ = writeln!(page, "{}", line(&session(it), &it.text).trim_end());
    }
}
