//! What was read at one moment, as plain data. All texts in it are clean. It asks nobody.

use super::clean::clean;

/// What was looked at, which decides what there is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A running service of ours.
    Service,
    /// A PostgreSQL server.
    Server,
    /// Statistics that an application has written to a file.
    Saved,
}

/// One look.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) kind: Kind,
    /// Lines above the table.
    pub(super) gauges: Vec<Gauge>,
    pub(super) statements: Vec<Statement>,
    /// Statements that there are, shown or not.
    pub(super) known: usize,
    pub(super) sessions: Vec<Session>,
    /// What cannot be shown, and what to do about it.
    pub(super) notes: Vec<String>,
}

impl Reading {
    pub(super) fn new(kind: Kind) -> Reading {
        Reading {
            kind,
            gauges: Vec::new(),
            statements: Vec::new(),
            known: 0,
            sessions: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// One line above the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gauge {
    pub(super) name: &'static str,
    pub(super) figure: Figure,
    /// What stands behind the number.
    pub(super) note: String,
}

/// A number, and how one comes from two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// So it is now.
    Level(f64, Unit),
    /// So many since counting began: shown as how many a second.
    Sum(u64),
    /// So many of so many since counting began: shown as a share.
    Share(u64, u64),
}

/// What a level is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Count,
    Millis,
}

/// What was counted of one statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Statement {
    /// Tells it from others.
    pub(super) id: String,
    pub(super) text: String,
    pub(super) counts: Counts,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
    /// Why it is not answered from memory, most of the time.
    pub(super) reason: String,
    /// What there is to say besides, when it is opened.
    pub(super) details: Vec<(String, String)>,
}

/// What is counted from the beginning on, so that two looks have a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) errors: u64,
    /// Answered from memory: ours, or of pages the server's.
    pub(super) hits: u64,
    /// Of so many.
    pub(super) asked: u64,
    pub(super) rows: u64,
    /// Time at the database.
    pub(super) time_ms: f64,
}

impl Counts {
    /// What came since; all of it, if counting began anew meanwhile.
    pub(super) fn since(&self, before: &Counts) -> Counts {
        if self.calls < before.calls || self.time_ms < before.time_ms {
            return *self;
        }
        Counts {
            calls: self.calls - before.calls,
            errors: self.errors.saturating_sub(before.errors),
            hits: self.hits.saturating_sub(before.hits),
            asked: self.asked.saturating_sub(before.asked),
            rows: self.rows.saturating_sub(before.rows),
            time_ms: self.time_ms - before.time_ms,
        }
    }

    /// Milliseconds of one call that reached the database.
    pub(super) fn mean_ms(&self, kind: Kind) -> Option<f64> {
        let reached = match kind {
            Kind::Server => self.calls,
            Kind::Service | Kind::Saved => self.calls.saturating_sub(self.hits),
        };
        (reached > 0).then(|| self.time_ms / reached as f64)
    }

    pub(super) fn hit_ratio(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.hits as f64 / self.asked as f64)
    }
}

/// What one session of a server is at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) who: String,
    pub(super) state: String,
    /// Since when it is in this state.
    pub(super) seconds: f64,
    /// What it waits for; empty if for nothing.
    pub(super) wait: String,
    pub(super) text: String,
}

impl Gauge {
    pub(super) fn new(name: &'static str, figure: Figure, note: impl AsRef<str>) -> Gauge {
        Gauge { name, figure, note: clean(note.as_ref()) }
    }
}
