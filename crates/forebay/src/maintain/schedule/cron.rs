//! Expressions of cron: five fields, as Vixie's cron reads them, with `L` for the last day of a
//! month. Seconds, years and Quartz's signs are refused, not guessed at.

use jiff::civil::Date;

use super::zone::Zone;

/// Days that are looked at for the next one: from one 29 February to the next it is eight years
/// where a century is between them.
const DAYS_MAX: usize = 366 * 9;

/// An expression with more than this is none.
const BYTES_MAX: usize = 256;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// An expression; each field is a set of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    has_last_day: bool,
    /// Whether the field begins with `*`: then it is no reason by itself to run on a day.
    is_any_day: bool,
    is_any_weekday: bool,
}

/// What one field may hold.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

impl Cron {
    /// Reads an expression; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Cron, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("it is longer than {BYTES_MAX} bytes"));
        }
        let lower = text.trim().to_ascii_lowercase();
        let nickname = NICKNAMES.iter().find(|(name, _)| *name == lower);
        let lower = nickname.map_or(lower.as_str(), |(_, stands_for)| stands_for);
        let fields: Vec<&str> = lower.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!(
                "it has {} fields, and five are needed: minute, hour, day of month, month, weekday",
                fields.len()
            ));
        };
        let (days_set, has_last_day) = days_of_month(days)?;
        let sundays = field("weekday", 0, 7, &WEEKDAYS).read(weekdays)?;
        let cron = Cron {
            minutes: field("minute", 0, 59, &[]).read(minutes)?,
            hours: field("hour", 0, 23, &[]).read(hours)?,
            days: days_set,
            months: field("month", 1, 12, &MONTHS).read(months)?,
            // Sunday is 0 and 7.
            weekdays: (sundays | (sundays >> 7)) & 0x7f,
            has_last_day,
            is_any_day: days.starts_with('*'),
            is_any_weekday: weekdays.starts_with('*'),
        };
        if !cron.can_be() {
            return Err("there is no such day in any year".to_owned());
        }
        Ok(cron)
    }

    /// Each day at this minute of the day.
    pub(super) fn daily(minute: u32) -> Cron {
        Cron {
            minutes: 1 << (minute % 60),
            hours: 1 << (minute / 60),
            days: bits(1, 31),
            months: bits(1, 12),
            weekdays: 0x7f,
            has_last_day: false,
            is_any_day: true,
            is_any_weekday: true,
        }
    }

    /// The first instant after `after`, in milliseconds since 1970. What an expression for certain
    /// hours asks for within the hour that a zone leaves out in spring is due when that hour is
    /// over; in the hour that comes twice in autumn it is due the first time. An expression for
    /// every hour goes by the time that passes.
    pub(super) fn next(&self, zone: &Zone, after: i64) -> Option<i64> {
        let mut date = zone.date(after)?.yesterday().ok()?;
        for _ in 0..DAYS_MAX {
            if self.takes_day(date) {
                let found = self.instants(zone, date).filter(|at| *at > after).min();
                if found.is_some() {
                    return found;
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn instants<'a>(&'a self, zone: &'a Zone, date: Date) -> impl Iterator<Item = i64> + 'a {
        let hours = (0..24).filter(|hour| self.hours & (1 << hour) != 0);
        let times = hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| self.minutes & (1 << minute) != 0);
            minutes.map(move |minute| (hour, minute))
        });
        times.flat_map(move |(hour, minute)| zone.instants(date, hour, minute, self.is_hourly()))
    }

    pub(super) fn is_hourly(&self) -> bool {
        self.hours == bits(0, 23)
    }

    pub(super) fn takes_day(&self, date: Date) -> bool {
        if self.months & (1 << date.month()) == 0 {
            return false;
        }
        let is_last = date.day() == date.days_in_month();
        let by_day = self.days & (1 << date.day()) != 0 || (self.has_last_day && is_last);
        let weekday = date.weekday().to_sunday_zero_offset();
        let by_weekday = self.weekdays & (1 << weekday) != 0;
        // Where both are given either will do.
        match (self.is_any_day, self.is_any_weekday) {
            (false, false) => by_day || by_weekday,
            _ => by_day && by_weekday,
        }
    }

    #[cfg(test)]
    pub(super) fn takes_time(&self, hour: u32, minute: u32) -> bool {
        self.hours & (1 << hour) != 0 && self.minutes & (1 << minute) != 0
    }

    /// Whether some month that it takes has some day that it takes.
    fn can_be(&self) -> bool {
        const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        if self.has_last_day || !self.is_any_weekday {
            return true;
        }
        let has_day = |month: u32, days: u32| {
            self.months & (1 << month) != 0 && self.days & bits(1, days) != 0
        };
        (1..).zip(LONGEST).any(|(month, days)| has_day(month, days))
    }
}

fn days_of_month(text: &str) -> Result<(u64, bool), String> {
    let (last, others): (Vec<&str>, Vec<&str>) = text.split(',').partition(|it| *it == "l");
    if others.is_empty() {
        return Ok((0, true));
    }
    let days = field("day of month", 1, 31, &[]).read(&others.join(","))?;
    Ok((days, !last.is_empty()))
}

fn field(name: &'static str, low: u32, high: u32, names: &'static [&'static str]) -> Field {
    Field { name, low, high, names }
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    /// `*`, `5`, `1-5`, and each of them with a step: `*/10`, `1-5/2`, `5/10` to the end.
    fn part(&self, text: &str) -> Result<u64, String> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (text, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            None if step.is_some() => (self.number(range)?, self.high),
            None => (self.number(range)?, self.number(range)?),
        };
        if low > high {
            return Err(format!("its {} goes from {low} back to {high}", self.name));
        }
        let step = step.unwrap_or(1);
        Ok((low..=high).step_by(step).fold(0, |set, number| set | (1 << number)))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        match text.parse() {
            Ok(step) if (1..=60).contains(&step) && is_digits(text) => Ok(step),
            _ => Err(format!("the step of its {} is no number from 1 to 60", self.name)),
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        if let Some(place) = self.names.iter().position(|name| *name == text) {
            return Ok(self.low + u32::try_from(place).unwrap_or_default());
        }
        match text.parse() {
            Ok(number) if is_digits(text) && (self.low..=self.high).contains(&number) => Ok(number),
            _ => Err(format!("its {} is none from {} to {}", self.name, self.low, self.high)),
        }
    }
}

/// A sign before a number is none of cron's.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn bits(low: u32, high: u32) -> u64 {
    (low..=high).fold(0, |set, number| set | (1 << number))
}
