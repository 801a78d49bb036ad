//! Schedules as an application writes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::cron::Cron;
use super::interval;
use super::window::Window;
use super::zone::Zone;
use crate::clock::millis;
use crate::error::{Error, Result};

/// The shortest and the longest time between two runs of an interval.
const EVERY_MIN: Duration = Duration::from_secs(1);
const EVERY_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The longest that a run may be put off by chance.
const JITTER_MAX: Duration = Duration::from_secs(3_600);

/// When a task is to be run: at times of the day, or again and again after some time.
///
/// ```
/// use forebay::Schedule;
/// # fn main() -> forebay::Result<()> {
/// let nightly = Schedule::cron("30 2 * * *")?.zone("Europe/Berlin")?.window("02:00-05:00")?;
/// let often: Schedule = "every 10m".parse()?;
/// # let _ = (nightly, often);
/// # Ok(())
/// # }
/// ```
///
/// A run that was missed, because the process or the machine was not running, is made up for once
/// and not as often as it was missed.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    when: When,
    zone: Zone,
    window: Option<Window>,
    jitter_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum When {
    /// Counted from 1970 on, so that all processes mean the same instants.
    Every(u64),
    /// The text beside it is for people.
    At(Cron, String),
}

impl Schedule {
    /// Again and again after `interval`, from 1 s to 366 days. The instants are the multiples of
    /// it since 1970, so that a restart puts nothing off.
    pub fn every(interval: Duration) -> Result<Schedule> {
        if !(EVERY_MIN..=EVERY_MAX).contains(&interval) {
            return Err(Error::usage(
                "the interval of a schedule is from 1 second to 366 days (`every 10m`)",
            ));
        }
        Ok(Schedule::new(When::Every(millis(interval))))
    }

    /// By an expression of cron with five fields: minute, hour, day of month, month, weekday.
    /// Lists, ranges, steps, English names, `L` for the last day of a month and the nicknames
    /// (`@daily`) are understood; where day of month and weekday are both given, either will do.
    ///
    /// In spring, what falls into the hour that a zone leaves out is due at the end of the gap; in
    /// autumn, what falls into the hour that comes twice is due the first time. Expressions for
    /// every hour go by the time that passes.
    pub fn cron(expression: &str) -> Result<Schedule> {
        let cron = Cron::parse(expression).map_err(|why| {
            Error::usage(format!("{expression:?} is no expression of cron: {why}"))
        })?;
        Ok(Schedule::new(When::At(cron, expression.trim().to_owned())))
    }

    fn new(when: When) -> Schedule {
        Schedule { when, zone: Zone::utc(), window: None, jitter_ms: 0 }
    }

    /// The time zone of the expression and of the window, by its name in the IANA database; UTC by
    /// default. An error if the system does not know it.
    pub fn zone(mut self, name: &str) -> Result<Schedule> {
        self.zone = Zone::named(name)?;
        Ok(self)
    }

    /// Nothing is begun but between these times of the day (`02:00-05:00`, over midnight if the
    /// second is the earlier one), and what runs has to end with it. What is due at another time
    /// waits until it opens.
    pub fn window(mut self, hours: &str) -> Result<Schedule> {
        let window = Window::parse(hours)
            .map_err(|why| Error::usage(format!("{hours:?} are no hours of the day: {why}")))?;
        self.window = Some(window);
        Ok(self)
    }

    /// Each run is put off by up to so long, up to an hour, so that not all databases of a machine
    /// are busy at once. How long depends on the task and the instant, and is the same in all
    /// processes.
    pub fn jitter(mut self, longest: Duration) -> Result<Schedule> {
        if longest > JITTER_MAX {
            return Err(Error::usage("the jitter of a schedule is an hour at most"));
        }
        self.jitter_ms = millis(longest);
        Ok(self)
    }

    /// When a run is due that belongs to an instant after `after`, or to one whose jitter ends
    /// after it.
    pub(in crate::maintain) fn next(&self, after_ms: i64, seed: u64) -> Option<i64> {
        let jitter_max = i64::try_from(self.jitter_ms).unwrap_or(i64::MAX);
        let mut instant = after_ms.saturating_sub(jitter_max);
        loop {
            instant = self.instant(instant)?;
            let due = instant.saturating_add(self.put_off(instant, seed));
            if due > after_ms {
                return Some(due);
            }
        }
    }

    fn instant(&self, after_ms: i64) -> Option<i64> {
        match &self.when {
            When::Every(ms) => {
                let ms = i64::try_from(*ms).ok()?;
                after_ms.div_euclid(ms).checked_add(1)?.checked_mul(ms)
            }
            When::At(cron, _) => cron.next(&self.zone, after_ms),
        }
    }

    /// By how much the run of an instant is put off.
    fn put_off(&self, instant: i64, seed: u64) -> i64 {
        if self.jitter_ms == 0 {
            return 0;
        }
        i64::try_from(mixed(seed ^ instant.unsigned_abs()) % (self.jitter_ms + 1)).unwrap_or(0)
    }

    /// Whether something may run at this instant.
    pub(in crate::maintain) fn is_open(&self, at_ms: i64) -> bool {
        self.window.is_none_or(|window| window.contains(&self.zone, at_ms))
    }

    /// When something may run next, if not now.
    pub(in crate::maintain) fn opens(&self, after_ms: i64) -> Option<i64> {
        self.window.and_then(|window| window.opens(&self.zone, after_ms))
    }

    /// When what runs now has to end.
    pub(in crate::maintain) fn closes(&self, after_ms: i64) -> Option<i64> {
        self.window.and_then(|window| window.closes(&self.zone, after_ms))
    }
}

/// Spreads what differs in few bits over all of them; the finaliser of SplitMix64.
pub(in crate::maintain) fn mixed(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Reads `every 10m`, or an expression of cron.
impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Schedule> {
        match text.trim().strip_prefix("every ") {
            Some(interval) => {
                let read = interval::parse(interval).ok_or_else(|| {
                    Error::usage(format!(
                        "{interval:?} is no time; write it as in `every 10m` or `every 1h30m`"
                    ))
                })?;
                Schedule::every(read)
            }
            None => Schedule::cron(text),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.when {
            When::Every(ms) => write!(f, "every {:?}", Duration::from_millis(*ms))?,
            When::At(_, text) => write!(f, "{text}")?,
        }
        if self.zone != Zone::utc() {
            write!(f, " in {}", self.zone.name())?;
        }
        if let Some(window) = self.window {
            write!(f, ", between {window}")?;
        }
        if self.jitter_ms > 0 {
            write!(f, ", up to {:?} later", Duration::from_millis(self.jitter_ms))?;
        }
        Ok(())
    }
}
