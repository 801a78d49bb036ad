//! A series: one operation over the sizes, with what it stands beside, and the verdict on its
//! growth.

use super::growth::{Growth, Point, slope};

/// A slope that is this much steeper than expected is still taken for as expected: a cost that
/// should be constant may become half as much again over three powers of ten.
pub(super) const TOLERANCE: f64 = 0.06;

/// One operation over the sizes.
pub(super) struct Series {
    pub(super) what: &'static str,
    pub(super) expected: Growth,
    pub(super) points: Vec<Point>,
    /// The same without Forebay, or whatever shows what the machine itself does at these sizes.
    pub(super) beside: Option<Beside>,
}

pub(super) struct Beside {
    pub(super) what: &'static str,
    pub(super) points: Vec<Point>,
}

/// Series over the same sizes, which are shown together.
pub(super) struct Group {
    /// A word that names its plot.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What the sizes are.
    pub(super) sizes: &'static str,
    /// On what terms it was measured.
    pub(super) terms: String,
    pub(super) series: Vec<Series>,
    /// What was found beside the costs.
    pub(super) notes: Vec<String>,
    /// What was left out, and why.
    pub(super) cuts: Vec<String>,
}

/// How a series grows, beside how it should.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) slope: f64,
    pub(super) expected: f64,
    /// The slope of what it stands beside.
    pub(super) beside: Option<f64>,
    pub(super) word: Word,
}

/// The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// It grows more than it should.
    Worse,
    /// It does, and what it stands beside does no less.
    AsBeside,
    AsExpected,
}

impl Series {
    pub(super) fn new(what: &'static str, expected: Growth) -> Series {
        Series { what, expected, points: Vec::new(), beside: None }
    }

    pub(super) fn beside(mut self, what: &'static str) -> Series {
        self.beside = Some(Beside { what, points: Vec::new() });
        self
    }

    /// Adds what was measured at one size, in nanoseconds.
    pub(super) fn add(&mut self, size: u64, cost: f64) {
        self.points.push(Point { size, cost });
    }

    pub(super) fn add_beside(&mut self, size: u64, cost: f64) {
        if let Some(beside) = &mut self.beside {
            beside.points.push(Point { size, cost });
        }
    }

    /// `None` where there are not two sizes.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let own = slope(&self.points)?;
        let expected = self.expected.slope_over(&self.points)?;
        let beside = self.beside.as_ref().and_then(|beside| slope(&beside.points));
        let word = if own <= expected + TOLERANCE {
            Word::AsExpected
        } else if beside.is_some_and(|beside| own <= beside + TOLERANCE) {
            Word::AsBeside
        } else {
            Word::Worse
        };
        Some(Verdict { slope: own, expected, beside, word })
    }

    /// What the verdict is, and how far it goes, in a sentence.
    pub(super) fn reason(&self, verdict: &Verdict) -> String {
        let times = |points: &[Point]| match (points.first(), points.last()) {
            (Some(first), Some(last)) if first.cost > 0.0 => last.cost / first.cost,
            _ => f64::NAN,
        };
        let own = times(&self.points);
        let beside = self.beside.as_ref().map(|beside| (beside.what, times(&beside.points)));
        match (verdict.word, beside) {
            (Word::AsExpected, _) => format!("{own:.1}x from the first size to the last"),
            (Word::AsBeside, Some((what, times))) => {
                format!("{own:.1}x; {what} does the same, {times:.1}x")
            }
            (_, Some((what, times))) => format!("{own:.1}x, where {what} becomes {times:.1}x"),
            (_, None) => format!("{own:.1}x from the first size to the last"),
        }
    }
}

impl Word {
    pub(super) fn text(self) -> &'static str {
        match self {
            Word::Worse => "worse",
            Word::AsBeside => "as beside",
            Word::AsExpected => "as expected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(expected: Growth, power: f64, beside: Option<f64>) -> Series {
        let mut series = Series::new("a lookup", expected);
        if beside.is_some() {
            series = series.beside("a map");
        }
        for size in [1_000_u64, 10_000, 100_000] {
            series.add(size, (size as f64).powf(power));
            series.add_beside(size, (size as f64).powf(beside.unwrap_or_default()));
        }
        series
    }

    #[test]
    fn growth_is_judged_by_what_was_expected() {
        let check = |expected, power, beside, word| {
            let series = series(expected, power, beside);
            let verdict = series.verdict().unwrap();
            assert_eq!(verdict.word, word, "{expected:?} {power} {beside:?}: {verdict:?}");
            let reason = series.reason(&verdict);
            assert_eq!(reason.contains("a map"), beside.is_some() && word != Word::AsExpected);
        };
        check(Growth::Constant, 0.0, None, Word::AsExpected);
        check(Growth::Constant, 0.05, None, Word::AsExpected);
        check(Growth::Constant, 0.3, None, Word::Worse);
        check(Growth::Constant, 0.3, Some(0.28), Word::AsBeside);
        check(Growth::Constant, 0.3, Some(0.1), Word::Worse);
        check(Growth::Logarithmic, 0.12, None, Word::AsExpected);
        check(Growth::Logarithmic, 0.5, None, Word::Worse);
        check(Growth::Linear, 0.7, None, Word::AsExpected);
        check(Growth::Linear, 1.0, None, Word::AsExpected);
        check(Growth::Linear, 1.5, Some(1.0), Word::Worse);
    }

    #[test]
    fn one_size_has_no_verdict() {
        let mut series = Series::new("a lookup", Growth::Constant);
        series.add(10, 1.0);
        assert_eq!(series.verdict(), None);
    }
}
