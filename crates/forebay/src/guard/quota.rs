//! How often something may be done: GCRA, the generic cell rate algorithm, over one or several
//! windows at once. It holds no state and reads no clock: what was used so far is a number that is
//! passed in.

use std::time::Duration;

use smallvec::SmallVec;

/// Nanoseconds since a limiter began.
pub(super) type Nanos = u64;

/// For each window of a quota the time at which all that was taken will have been given back. A
/// time that has passed says that nothing is in use.
pub(super) type Used = SmallVec<[Nanos; 2]>;

/// How often something may be done: `n` times in a period, of which some may come at once.
///
/// A quota gives back one place after another, `n` of them evenly over each period; it knows no
/// fixed periods at whose border twice as much could pass. In any stretch of time `t` at most
/// `burst + n * t / period` are admitted.
///
/// ```
/// use forebay::Quota;
/// // 100 a minute, of which 20 at once, and never more than 10 a second.
/// let quota = Quota::per_minute(100).burst(20).and(Quota::per_second(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    windows: SmallVec<[Window; 2]>,
}

/// One window of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// Time until one place is given back; 0 if there are none at all.
    interval: Nanos,
    /// Places that may be taken at once.
    burst: u32,
}

/// What a window allows, and what is left of it.
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Places that may be taken at once; 0 if nothing is ever admitted.
    pub(crate) burst: u32,
    /// Time until one place is given back.
    pub(crate) interval: Duration,
    /// Places that are free.
    pub(crate) free: u32,
    /// When all of them will be, if nobody comes meanwhile.
    pub(crate) whole_in: Duration,
}

/// What a quota says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted,
    /// Not before so many nanoseconds have passed.
    Wait(Nanos),
    /// More is asked for than may ever come at once.
    Never,
}

impl Quota {
    /// `n` a second.
    pub fn per_second(n: u32) -> Quota {
        Quota::per(n, Duration::from_secs(1))
    }

    /// `n` a minute.
    pub fn per_minute(n: u32) -> Quota {
        Quota::per(n, Duration::from_secs(60))
    }

    /// `n` an hour.
    pub fn per_hour(n: u32) -> Quota {
        Quota::per(n, Duration::from_secs(3_600))
    }

    /// `n` in each `period`; with `n` = 0 nothing is ever admitted. All `n` may come at once unless
    /// [`Quota::burst`] says otherwise. More than one in a nanosecond count as one.
    pub fn per(n: u32, period: Duration) -> Quota {
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        // Rounded up, so that no more than `n` pass.
        let interval = if n == 0 { 0 } else { period.div_ceil(u64::from(n)).max(1) };
        Quota { windows: SmallVec::from_elem(Window { interval, burst: n }, 1) }
    }

    /// How many may come at once in the window that was named last; with 0 nothing is ever
    /// admitted.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Quota {
        if let Some(window) = self.windows.last_mut() {
            window.burst = burst;
        }
        self
    }

    /// Both this and `other`: what one of them refuses uses up nothing of either.
    #[must_use]
    pub fn and(mut self, other: Quota) -> Quota {
        self.windows.extend(other.windows);
        self
    }

    /// Nothing used.
    pub(super) fn unused(&self) -> Used {
        SmallVec::from_elem(0, self.windows.len())
    }

    /// Whether nothing of it is in use, so that `used` need not be kept.
    pub(super) fn is_unused(used: &Used, now: Nanos) -> bool {
        used.iter().all(|&used| used <= now)
    }

    /// When nothing of it will be in use.
    pub(super) fn unused_at(used: &Used) -> Nanos {
        used.iter().copied().max().unwrap_or(0)
    }

    /// Whether `cost` places may be taken now, after `before` that others have a right to first.
    pub(super) fn judge(&self, used: &Used, now: Nanos, cost: u32, before: u64) -> Verdict {
        let mut waits =
            self.windows.iter().zip(used).map(|(w, &used)| w.wait(used, now, cost, before));
        // `None`, which is never, has to win.
        match waits.try_fold(0, |longest: Nanos, wait| Some(longest.max(wait?))) {
            None => Verdict::Never,
            Some(0) => Verdict::Admitted,
            Some(wait) => Verdict::Wait(wait),
        }
    }

    /// Places that are free now, after `before` that others have a right to.
    pub(super) fn available(&self, used: &Used, now: Nanos, before: u64) -> u32 {
        let free = self.windows.iter().zip(used).map(|(w, &used)| w.available(used, now, before));
        free.min().unwrap_or(0)
    }

    /// What is left of each window, after `before` places that others have a right to.
    #[cfg(feature = "http")]
    pub(super) fn left(&self, used: &Used, now: Nanos, before: u64) -> SmallVec<[Left; 2]> {
        let left = |(window, &used): (&Window, &Nanos)| Left {
            burst: if window.interval == 0 { 0 } else { window.burst },
            interval: Duration::from_nanos(window.interval),
            free: window.available(used, now, before),
            whole_in: Duration::from_nanos(used.saturating_sub(now)),
        };
        self.windows.iter().zip(used).map(left).collect()
    }

    /// Takes `cost` places of every window.
    pub(super) fn take(&self, used: &mut Used, now: Nanos, cost: u32) {
        for (window, used) in self.windows.iter().zip(used) {
            let time = window.interval.saturating_mul(u64::from(cost));
            *used = (*used).max(now).saturating_add(time);
        }
    }
}

impl Window {
    /// How long to wait until `cost` places are free, beside `before` others; `None` for ever.
    fn wait(self, used: Nanos, now: Nanos, cost: u32, before: u64) -> Option<Nanos> {
        if self.interval == 0 || cost > self.burst {
            return None;
        }
        let places = before.saturating_add(u64::from(cost));
        let wanted = used.max(now).saturating_add(self.interval.saturating_mul(places));
        let room = self.interval.saturating_mul(u64::from(self.burst));
        Some(wanted.saturating_sub(now.saturating_add(room)))
    }

    fn available(self, used: Nanos, now: Nanos, before: u64) -> u32 {
        let taken = used.saturating_sub(now).div_ceil(self.interval.max(1));
        let burst = if self.interval == 0 { 0 } else { self.burst };
        let taken = u32::try_from(taken.saturating_add(before)).unwrap_or(u32::MAX);
        burst.saturating_sub(taken)
    }
}
