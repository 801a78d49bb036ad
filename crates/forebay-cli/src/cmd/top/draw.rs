//! Draws a state into a frame. It decides nothing and reads nothing.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::column::{Column, SESSION, session};
use super::opened::{KEYS, opened};
use super::page::{cell, fitting, line, lost, title, value};
use super::state::{Mode, State};

/// Below so many lines gauges make room for the table.
const HEIGHT_FOR_GAUGES: u16 = 12;

/// Columns of a gauge's line.
const LINE_WIDTH: u16 = 20;

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const TURNED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws it; gives the rows of the table that fit.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) -> usize {
    let area = frame.area();
    let mut pen = Pen { buffer: frame.buffer_mut(), area, y: 0 };
    pen.put(&title(state), BOLD);
    if let Some(lost) = lost(state) {
        pen.put(&lost, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
    } else if state.reading.is_none() {
        pen.put("looking …", DIM);
    }
    let keys = "q quit  s sort  / filter  enter open  w last minute  ? help";
    let body = match &state.mode {
        Mode::Help => {
            let lines = KEYS.iter().map(|(key, what)| pair(key, what)).collect();
            pen.text(lines, state.scrolled);
            0
        }
        Mode::Open(id) => {
            match opened(state, id) {
                Some((text, pairs)) => {
                    let mut lines = vec![Line::raw(text), Line::raw("")];
                    lines.extend(pairs.iter().map(|(name, value)| pair(name, value)));
                    pen.text(lines, state.scrolled);
                }
                None => pen.put("it is not there any more; esc goes back", DIM),
            }
            0
        }
        Mode::Table | Mode::Filtering => {
            gauges(&mut pen, state);
            table(&mut pen, state)
        }
    };
    let foot = match state.mode {
        Mode::Filtering => format!("/{}▏  enter keeps it, esc shows all", state.filter),
        Mode::Table if !state.filter.is_empty() => {
            format!("/{}  (esc: all)   {keys}", state.filter)
        }
        Mode::Table => keys.to_owned(),
        Mode::Open(_) | Mode::Help => "esc back  ↑↓ scroll  q quit".to_owned(),
    };
    pen.foot(&foot);
    body
}

fn pair(name: &str, value: &str) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<24} "), DIM), Span::raw(value.to_owned())])
}

fn gauges(pen: &mut Pen<'_>, state: &State) {
    let Some(reading) = &state.reading else { return };
    if pen.area.height >= HEIGHT_FOR_GAUGES {
        for gauge in &reading.gauges {
            let points = state.recent.line(gauge.name);
            let wide = pen.area.width >= 70;
            let drawn = if wide { line(gauge, &points, LINE_WIDTH.into()) } else { String::new() };
            let head = format!("{:<13}{:>11}  ", gauge.name, value(gauge, &points));
            pen.put_parts(&[
                (head.as_str(), BOLD),
                (drawn.as_str(), Style::new()),
                ("  ", DIM),
                (gauge.note.as_str(), DIM),
            ]);
        }
    }
    for note in &reading.notes {
        pen.put(note, DIM);
    }
    pen.y += 1;
}

/// The table down to the line above the foot; gives the rows that fit.
fn table(pen: &mut Pen<'_>, state: &State) -> usize {
    let fit = usize::from(pen.area.height.saturating_sub(pen.y + 2));
    let from = (state.chosen + 1).saturating_sub(fit.max(1));
    let style = |row: usize| if row == state.chosen { TURNED } else { Style::new() };
    if state.shows_sessions {
        let line = |cells: &[String], text: &str| {
            let cells = cells.iter().zip(SESSION).map(|(text, (_, width))| {
                let text: String = text.chars().take(width).collect();
                format!("{text:<width$} ")
            });
            cells.collect::<String>() + text
        };
        let head = SESSION.map(|(name, _)| name.to_owned());
        pen.put(&line(&head, "statement"), BOLD);
        for (row, it) in state.sessions().into_iter().enumerate().skip(from).take(fit) {
            pen.put_whole(&line(&session(it), &it.text), style(row));
        }
        return fit;
    }
    let columns = fitting(state.columns(), pen.area.width.into());
    let name = |it: &Column| match *it == state.sort {
        true if it.is_text() => cell(&format!("{}▾", it.name()), *it),
        true => cell(&format!("▾{}", it.name()), *it),
        false => cell(it.name(), *it),
    };
    let head: Vec<String> = columns.iter().map(name).collect();
    pen.put(&head.join(" "), BOLD);
    let rows = state.rows();
    if rows.is_empty() && state.reading.is_some() {
        let none = if state.filter.is_empty() { "no statements" } else { "none contains the text" };
        pen.put(none, DIM);
    }
    for (at, row) in rows.iter().enumerate().skip(from).take(fit) {
        let cells: Vec<String> = columns.iter().map(|it| cell(&it.show(row), *it)).collect();
        pen.put_whole(&cells.join(" "), style(at));
    }
    fit
}

/// Writes line by line, never beyond the area.
struct Pen<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    y: u16,
}

impl Pen<'_> {
    fn put(&mut self, text: &str, style: Style) {
        self.put_parts(&[(text, style)]);
    }

    fn put_parts(&mut self, parts: &[(&str, Style)]) {
        let mut x = self.area.x;
        for (text, style) in parts {
            // The last line is the foot's.
            if self.y + 1 < self.area.height {
                let room = usize::from(self.area.right().saturating_sub(x));
                (x, _) = self.buffer.set_stringn(x, self.area.y + self.y, text, room, *style);
            }
        }
        self.y += 1;
    }

    /// The style goes over the whole line.
    fn put_whole(&mut self, text: &str, style: Style) {
        if self.y + 1 < self.area.height {
            let line = Rect { y: self.area.y + self.y, height: 1, ..self.area };
            self.buffer.set_style(line, style);
        }
        self.put(text, style);
    }

    fn text(&mut self, lines: Vec<Line<'static>>, scrolled: u16) {
        self.y += 1;
        let height = self.area.height.saturating_sub(self.y + 1);
        let rest = Rect { y: self.area.y + self.y.min(self.area.height), height, ..self.area };
        let text = Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((scrolled, 0));
        text.render(rest, self.buffer);
    }

    fn foot(&mut self, text: &str) {
        if self.area.height > 0 {
            let y = self.area.bottom() - 1;
            self.buffer.set_stringn(self.area.x, y, text, self.area.width.into(), DIM);
        }
    }
}
