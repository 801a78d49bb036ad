//! What is on the screen: the last reading, and what the keys have chosen. Pure: it is given keys,
//! readings and the time, and draws nothing.

use std::time::Duration;

use super::column::{Column, Row};
use super::reading::{Counts, Kind, Reading, Session};
use super::window::Recent;

/// Characters of a filter at most.
const FILTER_MAX: usize = 100;

/// A key, whatever terminal it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Tab,
    /// Ctrl-C.
    Break,
    Char(char),
}

/// What the keys act on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Mode {
    #[default]
    Table,
    /// A filter is being typed.
    Filtering,
    /// The statement with this id is open.
    Open(String),
    Help,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Stay,
    Quit,
}

/// All that is on the screen.
#[derive(Debug)]
pub(super) struct State {
    /// What is looked at.
    pub(super) target: String,
    pub(super) every: Duration,
    pub(super) reading: Option<Reading>,
    /// Why the last look failed, and when looks began to fail.
    pub(super) lost: Option<(String, Duration)>,
    pub(super) now: Duration,
    pub(super) recent: Recent,
    pub(super) mode: Mode,
    pub(super) sort: Column,
    pub(super) filter: String,
    pub(super) is_lately: bool,
    pub(super) shows_sessions: bool,
    /// Which row is chosen, of those that are shown.
    pub(super) chosen: usize,
    /// How far what is open is scrolled.
    pub(super) scrolled: u16,
    /// Rows that fit, as of the last time that it was drawn.
    pub(super) page: usize,
}

impl State {
    pub(super) fn new(target: String, every: Duration) -> State {
        State {
            target,
            every,
            reading: None,
            lost: None,
            now: Duration::ZERO,
            recent: Recent::default(),
            mode: Mode::Table,
            sort: Column::Time,
            filter: String::new(),
            is_lately: false,
            shows_sessions: false,
            chosen: 0,
            scrolled: 0,
            page: 10,
        }
    }

    /// Takes what came of a look.
    pub(super) fn take(&mut self, now: Duration, looked: Result<Reading, String>) {
        self.now = now;
        match looked {
            Ok(reading) => {
                self.recent.add(now, &reading);
                self.lost = None;
                self.reading = Some(reading);
                self.keep_within();
            }
            Err(why) => {
                let since = self.lost.as_ref().map_or(now, |(_, since)| *since);
                self.lost = Some((why, since));
            }
        }
    }

    pub(super) fn press(&mut self, key: Key) -> After {
        if key == Key::Break {
            return After::Quit;
        }
        match self.mode {
            Mode::Table => return self.in_table(key),
            Mode::Filtering => self.in_filter(key),
            Mode::Open(_) | Mode::Help => return self.in_text(key),
        }
        After::Stay
    }

    fn in_table(&mut self, key: Key) -> After {
        let last = self.rows_shown().saturating_sub(1);
        match key {
            Key::Char('q') => return After::Quit,
            Key::Escape => self.filter.clear(),
            Key::Up | Key::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            Key::Down | Key::Char('j') => self.chosen = (self.chosen + 1).min(last),
            Key::PageUp => self.chosen = self.chosen.saturating_sub(self.page),
            Key::PageDown => self.chosen = (self.chosen + self.page).min(last),
            Key::Home => self.chosen = 0,
            Key::End => self.chosen = last,
            Key::Char('s') => self.sort_by_next(1),
            Key::Char('S') => self.sort_by_next(-1),
            Key::Char('w') => self.is_lately = !self.is_lately && self.kind() != Some(Kind::Saved),
            Key::Char('/') => self.mode = Mode::Filtering,
            Key::Char('?') => (self.mode, self.scrolled) = (Mode::Help, 0),
            Key::Tab if self.kind() == Some(Kind::Server) => {
                (self.shows_sessions, self.chosen) = (!self.shows_sessions, 0);
            }
            Key::Enter => self.open(),
            _ => {}
        }
        if !self.columns().contains(&self.sort) {
            self.sort = Column::Time;
        }
        self.keep_within();
        After::Stay
    }

    fn in_filter(&mut self, key: Key) {
        match key {
            Key::Enter => self.mode = Mode::Table,
            Key::Escape => {
                self.filter.clear();
                self.mode = Mode::Table;
            }
            Key::Backspace => _ = self.filter.pop(),
            Key::Char(c) if !c.is_control() && self.filter.chars().count() < FILTER_MAX => {
                self.filter.push(c);
            }
            _ => {}
        }
        self.chosen = 0;
    }

    fn in_text(&mut self, key: Key) -> After {
        match key {
            Key::Char('q') => return After::Quit,
            Key::Up | Key::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            Key::Down | Key::Char('j') => self.scrolled = self.scrolled.saturating_add(1),
            Key::Escape | Key::Enter | Key::Backspace | Key::Char('?') => self.mode = Mode::Table,
            _ => {}
        }
        After::Stay
    }

    fn open(&mut self) {
        let id = match self.shows_sessions {
            true => self.sessions().get(self.chosen).map(|it| it.id.to_string()),
            false => self.rows().get(self.chosen).map(|it| it.statement.id.clone()),
        };
        if let Some(id) = id {
            (self.mode, self.scrolled) = (Mode::Open(id), 0);
        }
    }

    fn sort_by_next(&mut self, step: isize) {
        let columns = self.columns();
        let at = columns.iter().position(|it| *it == self.sort).unwrap_or(0) as isize;
        self.sort = columns[(at + step).rem_euclid(columns.len() as isize) as usize];
        self.chosen = 0;
    }

    fn keep_within(&mut self) {
        self.chosen = self.chosen.min(self.rows_shown().saturating_sub(1));
    }

    fn rows_shown(&self) -> usize {
        if self.shows_sessions { self.sessions().len() } else { self.rows().len() }
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        self.reading.as_ref().map(|reading| reading.kind)
    }

    pub(super) fn columns(&self) -> &'static [Column] {
        Column::of(self.kind().unwrap_or(Kind::Service), self.is_lately)
    }

    /// The statements that are shown, in their order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let Some(reading) = &self.reading else { return Vec::new() };
        let kind = reading.kind;
        let counts = |id: &str, now: &Counts| match self.is_lately {
            true => self.recent.counts(id, now),
            false => *now,
        };
        let mut rows: Vec<Row<'_>> = reading
            .statements
            .iter()
            .map(|statement| {
                let counts = counts(&statement.id, &statement.counts);
                Row { statement, counts, share: 0.0, kind }
            })
            .collect();
        let all: f64 = rows.iter().map(|row| row.counts.time_ms).sum();
        rows.iter_mut().filter(|_| all > 0.0).for_each(|it| it.share = it.counts.time_ms / all);
        let wanted = self.filter.to_lowercase();
        rows.retain(|row| {
            (!self.is_lately || row.counts.calls > 0)
                && (is_in(&row.statement.text, &wanted) || is_in(&row.statement.reason, &wanted))
        });
        rows.sort_by(|a, b| self.sort.order(a, b));
        rows
    }

    /// The sessions that are shown, the longest first.
    pub(super) fn sessions(&self) -> Vec<&Session> {
        let Some(reading) = &self.reading else { return Vec::new() };
        let wanted = self.filter.to_lowercase();
        let is_wanted = |it: &&Session| {
            is_in(&it.text, &wanted) || is_in(&it.who, &wanted) || is_in(&it.state, &wanted)
        };
        reading.sessions.iter().filter(is_wanted).collect()
    }
}

fn is_in(text: &str, wanted: &str) -> bool {
    wanted.is_empty() || text.to_lowercase().contains(wanted)
}
