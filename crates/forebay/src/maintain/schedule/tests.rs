//! Expressions, windows and intervals; and next runs beside a model that looks at every minute.

use std::time::Duration;

use fastrand::Rng;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Schedule;
use super::cron::Cron;
use super::interval;
use super::window::Window;
use super::zone::Zone;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// An instant, in UTC or in a zone.
fn ms(text: &str, zone: &str) -> i64 {
    let at: DateTime = text.parse().unwrap();
    TimeZone::get(zone).unwrap().to_timestamp(at).unwrap().as_millisecond()
}

fn zone(name: &str) -> Zone {
    if name == "UTC" { Zone::utc() } else { Zone::named(name).unwrap() }
}

/// Without the database of zones there is nothing to try; `./test` installs it.
fn has_zones() -> bool {
    let has = Zone::named("Europe/Berlin").is_ok();
    if !has {
        println!("skipped: there is no database of time zones");
    }
    has
}

#[test]
fn expressions_that_are_none() {
    let check = |text: &str, says: &str| match Schedule::cron(text) {
        Ok(_) => panic!("{text:?} was read"),
        Err(error) => {
            assert!(error.is_usage() && error.message().contains(says), "{text:?}: {error}");
        }
    };
    check("", "0 fields");
    check("* * * *", "4 fields");
    check("0 * * * * *", "6 fields");
    check("60 * * * *", "minute is none from 0 to 59");
    check("* 24 * * *", "hour");
    check("* * 0 * *", "day of month");
    check("* * * 13 *", "month");
    check("* * * * 8", "weekday");
    check("*/0 * * * *", "step");
    check("*/61 * * * *", "step");
    check("5-1 * * * *", "goes from 5 back to 1");
    check("+5 * * * *", "minute");
    check("1,,2 * * * *", "minute");
    check("1- * * * *", "minute");
    check("* * ? * *", "day of month");
    check("* * 15W * *", "day of month");
    check("* * * * 5#2", "weekday");
    check("0 0 30 2 *", "no such day");
    check("0 0 31 2,4,6,9,11 *", "no such day");
    check("@reboot", "1 fields");
    check(&"1,".repeat(200), "longer than 256");
    check("every 5m", "2 fields");
    let error = "every 5x".parse::<Schedule>().unwrap_err();
    assert!(error.message().contains("every 10m"), "{error}");
    assert!("every 0s".parse::<Schedule>().is_err() && "every 400d".parse::<Schedule>().is_err());
    assert!(Schedule::cron("@daily").unwrap().jitter(Duration::from_secs(3_601)).is_err());
    let error = Schedule::cron("@daily").unwrap().zone("Nowhere/Land").unwrap_err();
    assert!(error.message().contains("tzdata"), "{error}");
}

#[test]
fn next_instants() {
    let check = |text: &str, after: &str, expect: &str| {
        let found = Cron::parse(text).unwrap().next(&Zone::utc(), ms(after, "UTC"));
        assert_eq!(found, Some(ms(expect, "UTC")), "{text} after {after}");
    };
    check("* * * * *", "2026-11-30T11:00", "2026-11-30T11:01");
    check("30 2 * * *", "2026-11-30T02:29:59.999", "2026-11-30T02:30");
    check("30 2 * * *", "2026-11-30T02:30", "2026-12-01T02:30");
    check("0 0 1 * *", "2026-11-30T11:00", "2026-12-01T00:00");
    check("0 0 L * *", "2026-02-01T00:00", "2026-02-28T00:00");
    check("0 0 L * *", "2028-02-01T00:00", "2028-02-29T00:00");
    check("0 0 15,L * *", "2026-11-15T00:00", "2026-11-30T00:00");
    check("0 0 31 * *", "2026-11-01T00:00", "2026-12-31T00:00");
    check("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00");
    check("0 0 29 2 *", "2097-01-01T00:00", "2104-02-29T00:00");
    check("*/20 8-17/3 * * mon-fri", "2026-11-27T17:40", "2026-11-30T08:00");
    check("0 12 * * 7", "2026-11-30T00:00", "2026-12-06T12:00");
    check("0 12 * * sun", "2026-11-30T00:00", "2026-12-06T12:00");
    // Both are given: the 13th and every Friday.
    check("0 0 13 * fri", "2026-11-07T00:00", "2026-11-13T00:00");
    check("0 0 13 * fri", "2026-11-13T00:00", "2026-11-20T00:00");
    // One begins with a star: both have to be met.
    check("0 0 */2 * mon", "2026-11-24T00:00", "2026-12-07T00:00");
    check("5/15 0 1 jan *", "2026-01-01T00:05", "2026-01-01T00:20");
    check("@weekly", "2026-11-30T00:00", "2026-12-06T00:00");
    check("@Yearly", "2026-11-30T00:00", "2027-01-01T00:00");
}

#[test]
fn clocks_that_are_put_forward_and_back() {
    if !has_zones() {
        return;
    }
    let check = |text: &str, after: &str, expect: &[&str]| {
        let berlin = zone("Europe/Berlin");
        let cron = Cron::parse(text).unwrap();
        let mut at = ms(after, "UTC");
        for expect in expect {
            at = cron.next(&berlin, at).unwrap();
            assert_eq!(at, ms(expect, "UTC"), "{text} after {after}");
        }
    };
    // At 01:00 UTC on 29 March 2026 the clocks of Berlin go from 02:00 to 03:00.
    check("30 2 * * *", "2026-03-28T12:00", &["2026-03-29T01:00", "2026-03-30T00:30"]);
    check("*/30 2 * * *", "2026-03-29T00:00", &["2026-03-29T01:00", "2026-03-30T00:00"]);
    check("30 * * * *", "2026-03-29T00:00", &["2026-03-29T00:30", "2026-03-29T01:30"]);
    // At 01:00 UTC on 25 October 2026 they go from 03:00 back to 02:00.
    check("30 2 * * *", "2026-10-24T12:00", &["2026-10-25T00:30", "2026-10-26T01:30"]);
    check("30 * * * *", "2026-10-25T00:00", &["2026-10-25T00:30", "2026-10-25T01:30"]);
}

/// Whether an expression is due at a minute, by nothing but the clock on the wall now and before.
fn is_due(cron: &Cron, tz: &TimeZone, at: i64) -> bool {
    let civil = |at: i64| tz.to_datetime(jiff::Timestamp::from_millisecond(at).unwrap());
    let takes = |civil: DateTime| {
        let (hour, minute) = (civil.hour() as u32, civil.minute() as u32);
        cron.takes_day(civil.date()) && cron.takes_time(hour, minute)
    };
    let now = civil(at);
    if cron.is_hourly() {
        return takes(now);
    }
    let was_shown = || (1..=3 * 60).any(|before| civil(at - before * MINUTE) == now);
    if takes(now) && !was_shown() {
        return true;
    }
    // What the clock has left out just before.
    let mut left_out = civil(at - MINUTE).checked_add(jiff::Span::new().minutes(1)).unwrap();
    while left_out < now {
        if takes(left_out) {
            return true;
        }
        left_out = left_out.checked_add(jiff::Span::new().minutes(1)).unwrap();
    }
    false
}

#[test]
fn next_instants_are_those_of_the_model() {
    if !has_zones() {
        return;
    }
    let mut random = Rng::with_seed(8);
    let names =
        ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Havana"];
    for _ in 0..40 {
        let field = |random: &mut Rng, low: u32, high: u32| match random.u8(0..4) {
            0 => "*".to_owned(),
            1 => format!("*/{}", random.u32(2..=20)),
            2 => random.u32(low..=high).to_string(),
            _ => {
                let from = random.u32(low..=high);
                format!("{from}-{}", random.u32(from..=high))
            }
        };
        let minutes = format!("{},{}", random.u32(0..60), random.u32(0..60));
        let hours = field(&mut random, 0, 4).replace("*/1", "*/2");
        let days = if random.bool() { "*".to_owned() } else { field(&mut random, 1, 28) };
        let text = format!("{minutes} {hours} {days} * {}", field(&mut random, 0, 6));
        let cron = Cron::parse(&text).unwrap();
        let name = names[random.usize(..names.len())];
        let tz = TimeZone::get(name).unwrap();
        // Around a change of the clocks, where there is one.
        let some_day = jiff::Timestamp::from_millisecond(
            ms("2026-01-01T00:00", "UTC") + random.i64(0..300) * DAY,
        );
        let some_day = some_day.unwrap();
        let change = tz.following(some_day).next().map_or(some_day, |it| it.timestamp());
        let after = change.as_millisecond() - random.i64(0..36 * 60) * MINUTE;
        let found = cron.next(&zone(name), after).unwrap();
        let mut looked = (1..=3 * 24 * 60).map(|minute| after + minute * MINUTE);
        match looked.clone().find(|at| is_due(&cron, &tz, *at)) {
            Some(expect) => assert_eq!(found, expect, "{text} in {name} after {after}"),
            None => {
                let last = looked.next_back().unwrap();
                assert!(found > last, "{text} in {name} after {after}");
            }
        }
    }
}

#[test]
fn intervals() {
    let check = |text: &str, expect: Option<u64>| {
        assert_eq!(interval::parse(text), expect.map(Duration::from_millis), "{text:?}");
    };
    check("10m", Some(600_000));
    check("1h30m", Some(5_400_000));
    check(" 2d 1s ", Some(172_801_000));
    check("1w", Some(604_800_000));
    check("5ms", Some(5));
    for none in ["", "10", "m", "1.5h", "-1m", "1y", "10 m", "99999999999999999999s"] {
        check(none, None);
    }
    let schedule: Schedule = "every 7m".parse().unwrap();
    assert_eq!(schedule.next(0, 0), Some(7 * MINUTE));
    assert_eq!(schedule.next(7 * MINUTE - 1, 0), Some(7 * MINUTE));
    assert_eq!(schedule.next(7 * MINUTE, 0), Some(14 * MINUTE));
    assert_eq!(schedule.to_string(), "every 420s");
}

#[test]
fn windows() {
    let utc = Zone::utc();
    let check = |text: &str, at: &str, is_in: bool| {
        let window = Window::parse(text).unwrap();
        assert_eq!(window.contains(&utc, ms(at, "UTC")), is_in, "{text} at {at}");
    };
    check("02:00-05:00", "2026-11-30T02:00", true);
    check("02:00-05:00", "2026-11-30T04:59:59", true);
    check("02:00-05:00", "2026-11-30T05:00", false);
    check("02:00-05:00", "2026-11-30T01:59:59", false);
    check("22:00-02:00", "2026-11-30T23:00", true);
    check("22:00-02:00", "2026-11-30T01:59", true);
    check("22:00-02:00", "2026-11-30T02:00", false);
    for none in ["", "02:00", "2-5", "02:00-24:00", "02:60-03:00", "02:00-02:00", "+2:00-03:00"] {
        assert!(Window::parse(none).is_err(), "{none}");
    }
    let window = Window::parse("22:00-02:00").unwrap();
    let at = ms("2026-11-30T23:00", "UTC");
    assert_eq!(window.closes(&utc, at), Some(ms("2026-12-01T02:00", "UTC")));
    assert_eq!(window.opens(&utc, at), Some(ms("2026-12-01T22:00", "UTC")));
    assert_eq!(window.to_string(), "22:00-02:00");
}

#[test]
fn jitter_is_the_same_everywhere_and_within_its_bound() {
    let longest = Duration::from_secs(600);
    let schedule = Schedule::cron("0 * * * *").unwrap().jitter(longest).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut at = ms("2026-11-30T00:00", "UTC");
        for _ in 0..20 {
            let next = schedule.next(at, seed).unwrap();
            assert!(next > at && next % HOUR <= 600_000, "{seed} {at} {next}");
            assert!(next - at <= 2 * HOUR, "no instant is left out");
            assert_eq!(schedule.next(next - 1, seed), Some(next), "whoever asks, and when");
            seen.insert(next % HOUR);
            at = next;
        }
    }
    assert!(seen.len() > 900, "they differ: {}", seen.len());
}
