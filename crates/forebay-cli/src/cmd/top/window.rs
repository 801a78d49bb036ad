//! Looks of the last minute, so that what came lately can be told from what was before. It is given
//! the time, and reads nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::reading::{Counts, Figure, Reading};

/// How far back it goes.
const SPAN: Duration = Duration::from_secs(60);

/// Looks that are kept.
const LOOKS_MAX: usize = 64;

/// Points of a line.
const POINTS_MAX: usize = 240;

#[derive(Debug)]
struct Look {
    at: Duration,
    counts: HashMap<String, Counts>,
}

/// The looks of the last minute, and a line for each gauge.
#[derive(Debug, Default)]
pub(super) struct Recent {
    looks: VecDeque<Look>,
    figures: Option<(Duration, Vec<(&'static str, Figure)>)>,
    lines: HashMap<&'static str, VecDeque<f64>>,
}

impl Recent {
    pub(super) fn add(&mut self, now: Duration, reading: &Reading) {
        let counts = reading.statements.iter().map(|it| (it.id.clone(), it.counts)).collect();
        self.looks.push_back(Look { at: now, counts });
        while self.looks.len() > LOOKS_MAX
            || self.looks.len() > 2 && now.saturating_sub(self.looks[1].at) >= SPAN
        {
            self.looks.pop_front();
        }
        let figures: Vec<_> = reading.gauges.iter().map(|it| (it.name, it.figure)).collect();
        for (name, figure) in &figures {
            let before = self.before(name);
            if let Some(point) = point(now, *figure, before) {
                let line = self.lines.entry(*name).or_default();
                if line.len() >= POINTS_MAX {
                    line.pop_front();
                }
                line.push_back(point);
            }
        }
        self.figures = Some((now, figures));
    }

    /// The figure of this name at the look before.
    fn before(&self, name: &str) -> Option<(Duration, Figure)> {
        let (at, figures) = self.figures.as_ref()?;
        figures.iter().find(|it| it.0 == name).map(|it| (*at, it.1))
    }

    /// What came of a statement within the last minute; all of it if there was one look only.
    pub(super) fn counts(&self, id: &str, now: &Counts) -> Counts {
        let before = self.looks.front().filter(|_| self.looks.len() > 1);
        // One that was not there yet has come since.
        let counts = before.and_then(|look| look.counts.get(id));
        counts.map_or(*now, |before| now.since(before))
    }

    /// Between the first look that is kept and the last.
    pub(super) fn span(&self) -> Duration {
        match (self.looks.front(), self.looks.back()) {
            (Some(first), Some(last)) => last.at.saturating_sub(first.at),
            _ => Duration::ZERO,
        }
    }

    /// The points of a gauge, the latest last.
    pub(super) fn line(&self, name: &str) -> Vec<f64> {
        self.lines.get(name).map(|line| line.iter().copied().collect()).unwrap_or_default()
    }
}

/// What a gauge shows now; nothing where it takes two looks and there is one.
fn point(now: Duration, figure: Figure, before: Option<(Duration, Figure)>) -> Option<f64> {
    match (figure, before) {
        (Figure::Level(level, _), _) => Some(level),
        (Figure::Sum(sum), Some((at, Figure::Sum(earlier)))) => {
            let seconds = now.saturating_sub(at).as_secs_f64();
            // A service that was started again counts from nothing.
            let more = sum.checked_sub(earlier).unwrap_or(sum);
            (seconds > 0.0).then(|| more as f64 / seconds)
        }
        (Figure::Share(part, whole), Some((_, Figure::Share(part_before, whole_before)))) => {
            let (part, whole) = match whole.checked_sub(whole_before) {
                Some(more) => (part.saturating_sub(part_before), more),
                None => (part, whole),
            };
            (whole > 0).then(|| part as f64 / whole as f64)
        }
        _ => None,
    }
}
