//! The hours of a day in which something may run.

use super::cron::Cron;
use super::zone::Zone;

/// From one time of the day to another, over midnight if the second is the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Minutes since midnight. The second does not belong to it.
    from: u32,
    to: u32,
}

impl Window {
    /// Reads `02:00-05:00`.
    pub(super) fn parse(text: &str) -> Result<Window, String> {
        let read = || {
            let (from, to) = text.trim().split_once('-')?;
            Some((minute(from.trim())?, minute(to.trim())?))
        };
        match read() {
            Some((from, to)) if from != to => Ok(Window { from, to }),
            Some(_) => Err("it is as long as a day, or empty: leave it out".to_owned()),
            None => Err("write it as in 02:00-05:00".to_owned()),
        }
    }

    pub(super) fn contains(self, zone: &Zone, at_ms: i64) -> bool {
        let Some(minute) = zone.minute(at_ms) else { return false };
        match self.from < self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }

    /// When it opens next.
    pub(super) fn opens(self, zone: &Zone, after_ms: i64) -> Option<i64> {
        Cron::daily(self.from).next(zone, after_ms)
    }

    /// When it closes next.
    pub(super) fn closes(self, zone: &Zone, after_ms: i64) -> Option<i64> {
        Cron::daily(self.to).next(zone, after_ms)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [from, to] = [self.from, self.to];
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let read = |text: &str, below: u32| {
        let is_plain = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| is_plain && *number < below)
    };
    Some(read(hour, 24)? * 60 + read(minute, 60)?)
}
