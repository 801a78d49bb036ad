//! Time zones: from the time that a clock on the wall shows to the instants at which it does.
//! The rules of named zones are read from the system.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::error::{Error, Result};

/// A time zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zone(TimeZone);

impl Zone {
    pub(super) fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// A zone by its name in the IANA database, such as `Europe/Berlin`.
    pub(super) fn named(name: &str) -> Result<Zone> {
        TimeZone::get(name).map(Zone).map_err(|error| {
            Error::usage(format!(
                "there is no time zone called {name:?} here; names are such as Europe/Berlin, and \
                 the rules come from the system's database (the package tzdata)"
            ))
            .with_cause(error)
        })
    }

    pub(super) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day at an instant, in milliseconds since 1970; `None` beyond the year 9999.
    pub(super) fn date(&self, at_ms: i64) -> Option<Date> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        Some(self.0.to_datetime(at).date())
    }

    /// The minute of the day at an instant.
    pub(super) fn minute(&self, at_ms: i64) -> Option<u32> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        let time = self.0.to_datetime(at).time();
        u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()
    }

    /// The instants at which the clock shows this: one; of an hour that comes twice the first, or
    /// both if `is_hourly`; of one that is left out the end of the gap, or none if `is_hourly`.
    pub(super) fn instants(
        &self,
        date: Date,
        hour: i8,
        minute: i8,
        is_hourly: bool,
    ) -> impl Iterator<Item = i64> + use<> {
        let there = self.0.to_ambiguous_timestamp(date.at(hour, minute, 0, 0));
        let ms =
            |at: std::result::Result<Timestamp, jiff::Error>| at.ok().map(|at| at.as_millisecond());
        let [first, second] = match there.offset() {
            AmbiguousOffset::Unambiguous { .. } => [ms(there.unambiguous()), None],
            AmbiguousOffset::Fold { .. } if is_hourly => [ms(there.earlier()), ms(there.later())],
            AmbiguousOffset::Fold { .. } => [ms(there.earlier()), None],
            AmbiguousOffset::Gap { .. } if is_hourly => [None, None],
            // The earlier reading lies before the gap, which ends with the next change of the zone.
            AmbiguousOffset::Gap { .. } => {
                let before = there.earlier().ok();
                let end = before.and_then(|before| self.0.following(before).next());
                [end.map(|end| end.timestamp().as_millisecond()), None]
            }
        };
        [first, second].into_iter().flatten()
    }
}
