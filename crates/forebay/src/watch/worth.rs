//! Whether keeping the answers of one fingerprint pays. A read costs O at the database, M when its
//! answer is kept as well, H from memory; keeping pays while hits are at least (M-O)/(M-H) of all
//! calls. It is given costs, counts and the time; it measures nothing and serves nothing.

use std::time::{Duration, Instant};

/// Misses in the first window; nothing is decided before. It is also the window after success.
pub(crate) const WINDOW_MIN: u64 = 512;

/// Misses in a window at most, also of a trial after many that failed.
pub(crate) const WINDOW_MAX: u64 = 8_192;

/// The same while the hit ratio rises, since what a cache that warms up costs is spent well.
pub(crate) const WINDOW_RISING_MAX: u64 = 65_536;

/// The first rest of a statement that does not pay: short, since the cache may just be cold.
pub(crate) const REST_MIN: Duration = Duration::from_secs(1);

/// Rests double up to this: a trial of the largest window then costs some 0.02 % of the time, and
/// nobody waits longer for a statement that has begun to pay.
pub(crate) const REST_MAX: Duration = Duration::from_secs(60);

/// A hit ratio that grew by this factor from one window to the next is a cache that warms up.
const RISE: f64 = 1.5;

/// Hits in a window below which nothing can be said about its rise.
const RISE_HITS: u64 = 8;

/// Samples that a mean reaches back to.
const MEAN_SAMPLES: u32 = 64;

/// Samples after which one that is `OUTLIER` times the mean is cut down to that: a thread that
/// was put to sleep in between says nothing about a cost.
const OUTLIER_AFTER: u32 = 8;
const OUTLIER: f64 = 32.0;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Reading at the database, without what keeping adds.
    Origin,
    /// Keeping an answer: key, flight, entry, and what it displaces.
    Keep,
    /// The ticket of an answer that is kept.
    Ticket,
    /// Answering from memory.
    Hit,
}

/// What has been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Kept, to find out. May become any other.
    Trial,
    /// Kept, because it pays. May become `Doubtful`.
    Pays,
    /// Kept; the last window did not pay. May become `Pays`, `Trial` or `Rests`.
    Doubtful,
    /// Not kept until the time given, then `Trial`.
    Rests(Instant),
}

/// Everything that the decision rests on, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Findings {
    pub(crate) verdict: Verdict,
    pub(crate) origin: Option<Duration>,
    pub(crate) keep: Option<Duration>,
    pub(crate) hit: Option<Duration>,
    /// Hits among all calls of the last full window.
    pub(crate) ratio: Option<f64>,
    /// What that has to be.
    pub(crate) needed: Option<f64>,
}

/// Costs and decision for one fingerprint.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    verdict: Verdict,
    means: [Mean; 4],
    /// The counters at the beginning of the window.
    hits: u64,
    misses: u64,
    /// Misses of this window.
    length: u64,
    rest: Duration,
    ratio: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    nanos: f64,
    samples: u32,
}

impl Judge {
    pub(crate) fn new() -> Judge {
        Judge {
            verdict: Verdict::Trial,
            means: [Mean::default(); 4],
            hits: 0,
            misses: 0,
            length: WINDOW_MIN,
            rest: REST_MIN,
            ratio: None,
        }
    }

    pub(crate) fn note(&mut self, cost: Cost, spent: Duration) {
        self.means[cost as usize].note(spent.as_nanos() as f64);
    }

    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.verdict, Verdict::Rests(_))
    }

    /// The number of misses at which the window is full.
    pub(crate) fn window_end(&self) -> u64 {
        match self.verdict {
            Verdict::Rests(_) => u64::MAX,
            _ => self.misses + self.length,
        }
    }

    /// Whether answers are to be kept at `now`; begins a trial when the rest is over.
    pub(crate) fn admits(&mut self, now: Instant, hits: u64, misses: u64) -> bool {
        if let Verdict::Rests(until) = self.verdict {
            if now < until {
                return false;
            }
            self.verdict = Verdict::Trial;
            (self.hits, self.misses) = (hits, misses);
        }
        true
    }

    /// Decides at the end of a window, from the counters as they are now.
    pub(crate) fn decide(&mut self, now: Instant, hits: u64, misses: u64) {
        if self.is_resting() {
            return;
        }
        let hits_here = hits.saturating_sub(self.hits) as f64;
        let calls = hits_here + misses.saturating_sub(self.misses) as f64;
        (self.hits, self.misses) = (hits, misses);
        let before = self.ratio.unwrap_or(0.0);
        let ratio = if calls > 0.0 { hits_here / calls } else { return };
        self.ratio = Some(ratio);
        let Some(needed) = self.needed() else { return };
        // Above this it would have shown itself better in 39 of 40 windows.
        let at_best = (hits_here + 2.0 + 2.0 * (hits_here + 1.0).sqrt()) / calls;
        let is_rising = hits_here >= RISE_HITS as f64 && ratio >= before * RISE;
        if ratio >= needed {
            // One lucky window does not wipe out what earlier trials have shown.
            if self.verdict == Verdict::Pays {
                self.rest = REST_MIN;
            }
            self.verdict = Verdict::Pays;
            self.length = WINDOW_MIN;
        } else if is_rising {
            self.length = (self.length * 2).min(WINDOW_RISING_MAX);
        } else if at_best >= needed {
            self.length = (self.length * 2).min(WINDOW_MAX);
        } else if self.verdict == Verdict::Pays {
            self.verdict = Verdict::Doubtful;
            self.length = (self.length * 2).min(WINDOW_MAX);
        } else {
            self.verdict = Verdict::Rests(now + self.rest);
            self.rest = (self.rest * 2).min(REST_MAX);
            self.length = (self.length * 2).min(WINDOW_MAX);
        }
    }

    pub(crate) fn findings(&self) -> Findings {
        Findings {
            verdict: self.verdict,
            origin: self.mean(Cost::Origin).map(duration),
            keep: self.keeping().map(duration),
            hit: self.mean(Cost::Hit).map(duration),
            ratio: self.ratio,
            needed: self.needed(),
        }
    }

    /// The hit ratio from which on keeping pays: above 1 when a hit costs more than a read.
    fn needed(&self) -> Option<f64> {
        let (origin, keep) = (self.mean(Cost::Origin)?, self.keeping()?);
        // No hit yet: as cheap as can be, which is in favour of keeping.
        let hit = self.mean(Cost::Hit).unwrap_or(0.0);
        let gained = origin + keep - hit;
        Some(if gained > 0.0 { keep / gained } else { f64::INFINITY })
    }

    /// M-O. The ticket is measured apart, and an answer that never got one has cost none.
    fn keeping(&self) -> Option<f64> {
        Some(self.mean(Cost::Keep)? + self.mean(Cost::Ticket).unwrap_or(0.0))
    }

    fn mean(&self, cost: Cost) -> Option<f64> {
        let mean = self.means[cost as usize];
        (mean.samples > 0).then_some(mean.nanos)
    }
}

impl Mean {
    fn note(&mut self, nanos: f64) {
        let nanos = if self.samples >= OUTLIER_AFTER && self.nanos > 0.0 {
            nanos.min(self.nanos * OUTLIER)
        } else {
            nanos
        };
        self.samples = (self.samples + 1).min(MEAN_SAMPLES);
        self.nanos += (nanos - self.nanos) / f64::from(self.samples);
    }
}

fn duration(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests;
