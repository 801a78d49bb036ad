//! The timetable beside a model that knows nothing but the instants, over random times, jumps of
//! the clock, and ends.

use fastrand::Rng;

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Some midnight.
const START: i64 = 20_000 * DAY;

fn entry(schedule: &str, is_heavy: bool, last_ms: Option<i64>) -> Entry {
    Entry { schedule: schedule.parse().unwrap(), seed: 0, is_heavy, last_ms }
}

#[test]
fn what_was_missed_is_made_up_for_once() {
    let check = |schedule: &str, last_ago: Option<i64>, is_due: bool| {
        let last = last_ago.map(|ago| START - ago);
        let mut table = Timetable::new(vec![entry(schedule, false, last)], START + MINUTE);
        let begun = table.look(START + MINUTE);
        assert_eq!(!begun.is_empty(), is_due, "{schedule} {last_ago:?}");
        if is_due {
            table.end(0, START + 2 * MINUTE);
            assert!(table.look(START + 2 * MINUTE).is_empty(), "once");
        }
    };
    check("every 10m", Some(DAY), true);
    check("every 10m", None, false);
    check("0 12 * * *", Some(10 * DAY), true);
    check("0 12 * * *", Some(11 * HOUR), false);
    // A note from the future is the mistake of a clock.
    check("0 12 * * *", Some(-DAY), false);
    // The machine slept.
    let mut table = Timetable::new(vec![entry("every 10m", false, None)], START);
    assert_eq!(table.look(START + 9 * HOUR), [0]);
    table.end(0, START + 9 * HOUR + 1);
    assert!(table.look(START + 9 * HOUR + 1).is_empty());
    assert_eq!(table.wake_ms(START + 9 * HOUR + 1), Some(START + 9 * HOUR + 10 * MINUTE));
}

#[test]
fn a_window_is_waited_for() {
    let mut one = entry("0 2 * * *", true, Some(START - 3 * DAY));
    one.schedule = one.schedule.window("02:00-05:00").unwrap();
    let noon = START + 12 * HOUR;
    let mut table = Timetable::new(vec![one], noon);
    assert!(table.look(noon).is_empty());
    let opens = START + DAY + 2 * HOUR;
    assert_eq!((table.wake_ms(noon), table.next_ms(0, noon)), (Some(opens), Some(opens)));
    assert!(table.look(opens - 1).is_empty());
    assert_eq!(table.look(opens), [0]);
    table.end(0, opens + HOUR);
    assert_eq!(table.wake_ms(opens + HOUR), Some(opens + DAY), "what was missed was that, too");
}

#[test]
fn heavy_tasks_run_one_at_a_time() {
    let entries = vec![
        entry("every 10m", true, None),
        entry("every 10m", false, None),
        entry("every 5m", true, None),
    ];
    let mut table = Timetable::new(entries, START);
    let due = START + 10 * MINUTE;
    // The one that has waited longer comes first.
    assert_eq!(table.look(due), [2, 1]);
    assert!(table.look(due).is_empty() && !table.begin(0, due) && !table.begin(2, due));
    assert_eq!(table.wake_ms(due), None, "the end of another is waited for");
    table.end(2, due + MINUTE);
    assert_eq!(table.wake_ms(due + MINUTE), Some(due + MINUTE));
    assert_eq!(table.look(due + MINUTE), [0]);
    table.end(0, due + 2 * MINUTE);
    assert!(table.begin(2, due + 2 * MINUTE), "somebody asks for it");
    assert!(matches!(table.state(2), State::Running(_)) && table.next_ms(2, due).is_none());
}

#[test]
fn clocks_that_are_set() {
    let mut table = Timetable::new(vec![entry("0 12 * * *", false, None)], START);
    let noon = START + 12 * HOUR;
    assert_eq!(table.look(noon), [0]);
    table.end(0, noon + 1);
    // It was a few seconds fast.
    assert!(table.look(noon - 5_000).is_empty());
    assert!(table.look(noon + 10).is_empty(), "not twice");
    // It was a year fast.
    let year = 365 * DAY;
    assert_eq!(table.look(noon + year), [0]);
    table.end(0, noon + year + 1);
    assert!(table.look(noon + DAY - 1).is_empty());
    assert_eq!(table.look(noon + DAY), [0], "it does not wait for a year");
    // While it runs.
    assert!(table.look(START).is_empty());
    table.end(0, START + 1);
    assert_eq!(table.wake_ms(START + 1), Some(noon));
}

/// Tasks as the model has them: intervals alone, so that instants are multiples.
struct Model {
    every: i64,
    window: Option<(i64, i64)>,
    is_heavy: bool,
    /// Instants up to this one are done with.
    base: i64,
    runs: bool,
}

impl Model {
    fn is_startable(&self, now: i64) -> bool {
        let is_due = now / self.every > self.base / self.every;
        let hour = now % DAY / HOUR;
        let is_open = self.window.is_none_or(|(from, to)| from <= hour && hour < to);
        !self.runs && is_due && is_open
    }
}

#[test]
fn the_timetable_is_as_the_model() {
    let mut random = Rng::with_seed(7);
    for _ in 0..200 {
        let mut now = START + random.i64(0..DAY);
        let mut models: Vec<Model> = (0..random.usize(1..6))
            .map(|_| {
                let from = random.i64(0..20);
                Model {
                    every: random.i64(1..200) * MINUTE,
                    window: random.bool().then(|| (from, random.i64(from + 1..24))),
                    is_heavy: random.bool(),
                    base: if random.bool() { now } else { now - random.i64(0..3 * DAY) },
                    runs: false,
                }
            })
            .collect();
        let entry = |model: &Model| {
            let mut schedule: Schedule = format!("every {}ms", model.every).parse().unwrap();
            if let Some((from, to)) = model.window {
                schedule = schedule.window(&format!("{from:02}:00-{to:02}:00")).unwrap();
            }
            Entry { schedule, seed: 0, is_heavy: model.is_heavy, last_ms: Some(model.base) }
        };
        let mut table = Timetable::new(models.iter().map(entry).collect(), now);
        for _ in 0..60 {
            match random.u8(0..10) {
                0..6 => now += random.i64(0..HOUR),
                6 => now += random.i64(0..5 * DAY),
                7 => {
                    let back = random.i64(BACK_MAX_MS + 1..DAY);
                    now -= back;
                    models.iter_mut().for_each(|model| model.base = now);
                }
                _ => now = table.wake_ms(now).unwrap_or(now),
            }
            for (place, model) in models.iter_mut().enumerate() {
                if model.runs && random.bool() {
                    table.end(place, now);
                    (model.runs, model.base) = (false, now);
                }
            }
            let wake = table.wake_ms(now);
            let begun = table.look(now);
            let is_due = models.iter().any(|model| model.is_startable(now) && !model.is_heavy);
            assert!(!is_due || wake.is_some_and(|wake| wake <= now), "it would have slept");
            for place in begun {
                let has_heavy = models.iter().any(|model| model.runs && model.is_heavy);
                let model = &mut models[place];
                assert!(model.is_startable(now), "{place} is not due at {now}");
                assert!(!(has_heavy && model.is_heavy), "two heavy ones at once");
                (model.runs, model.base) = (true, now);
            }
            let has_heavy = models.iter().any(|model| model.runs && model.is_heavy);
            for (place, model) in models.iter().enumerate() {
                let waits = model.is_heavy && has_heavy;
                assert!(!model.is_startable(now) || waits, "{place} was left at {now}");
            }
        }
    }
}
