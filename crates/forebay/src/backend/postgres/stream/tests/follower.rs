//! The follower, one event after the other: what is to be done, and when.

use std::time::{Duration, Instant, SystemTime};

use super::super::catalogue::{Catalogue, Reading};
use super::super::ended::Ended;
use super::super::follow::{Action, Event, Follower, Now, Options};
use super::super::transaction::Extent;
use super::build::{V, begin, cells, column_row, commit, data, insert, keepalive, note, relation};
use super::noted::Noted;
use crate::invalidate::Lsn;
use crate::invalidate::Snapshot;

/// A follower and the time.
struct Trial {
    follower: Follower<Noted>,
    start: Instant,
    ms: u64,
}

impl Trial {
    fn new() -> Trial {
        let start = Instant::now();
        let begun = Snapshot::parse("5:10:5").unwrap();
        Trial { follower: Follower::new(Options::default(), begun, start), start, ms: 0 }
    }

    fn take(&mut self, event: Event<'_>) -> Result<Vec<String>, Ended> {
        let at = self.start + Duration::from_millis(self.ms);
        let now = Now { at, wall: SystemTime::UNIX_EPOCH };
        let actions = self.follower.take(event, now, Noted::default)?;
        let word = |action: Action<Noted>| match action {
            Action::Apply(committed) => match committed.extent {
                Extent::Noted(Noted(lines)) => format!("apply {}", lines.join(", ")),
                Extent::Everything => "flush".to_owned(),
            },
            Action::Reached(lsn) => format!("reached {}", lsn.0),
            Action::Send(status) => {
                let place = u64::from_be_bytes(status[1..9].try_into().unwrap());
                let ask = if status[33] == 1 { "ask" } else { "tell" };
                assert_eq!((&status[1..9], &status[1..9]), (&status[9..17], &status[17..25]));
                format!("{ask} {place}")
            }
            Action::ReadCatalogue => "read".to_owned(),
        };
        Ok(actions.into_iter().map(word).collect())
    }

    /// Takes an event and compares what is to be done, words separated by commas.
    fn check(&mut self, event: Event<'_>, expect: &str) {
        let shown = format!("{event:?}");
        let actions = self.take(event).unwrap();
        assert_eq!(actions.join("; "), expect, "{shown}");
    }

    fn after(&mut self, ms: u64) -> &mut Trial {
        self.ms += ms;
        self
    }

    /// A transaction, of which the last message brings something to do.
    fn commit(&mut self, place: u64, messages: &[Vec<u8>], expect: &str) {
        self.check(Event::Frame(&data(&begin(place, place as u32))), "");
        for message in messages {
            self.check(Event::Frame(&data(message)), "");
        }
        self.check(Event::Frame(&data(&commit(place, place + 1))), expect);
    }

    fn alive(&mut self, end: u64, expect: &str) {
        self.check(Event::Frame(&keepalive(end, false)), expect);
    }
}

fn reading(snapshot: &str, position: u64) -> Reading {
    let rows = [column_row((7, 7, 1), (1, "id", 23, false))];
    let catalogue = Catalogue::read(cells(&rows)).unwrap();
    Reading { snapshot: Snapshot::parse(snapshot).unwrap(), catalogue, position: Lsn(position) }
}

fn row() -> Vec<Vec<u8>> {
    vec![relation(7, b'd', &[("id", true, 23)]), insert(7, &[V::T("1")])]
}

fn ddl() -> Vec<Vec<u8>> {
    vec![note(true, "forebay_ddl", "ALTER TABLE")]
}

#[test]
fn positions_are_passed_after_what_is_before_them() {
    let mut trial = Trial::new();
    trial.alive(100, "reached 100");
    trial.commit(110, &row(), "flush; reached 111");
    // The first keepalives may lie behind.
    trial.alive(50, "");
    trial.alive(120, "reached 120");
    assert_eq!(trial.follower.position(), Lsn(120));
    trial.check(Event::Await(Lsn(90)), "reached 120");
    trial.check(Event::Frame(&keepalive(120, true)), "tell 120");
}

#[test]
fn whoever_waits_makes_the_server_be_asked() {
    let mut trial = Trial::new();
    trial.check(Event::Tick, "ask 0; read");
    trial.check(Event::Tick, "");
    trial.alive(100, "reached 100");
    trial.after(999).check(Event::Tick, "");
    trial.after(1).check(Event::Tick, "ask 100");
    trial.alive(100, "");
    trial.check(Event::Await(Lsn(200)), "ask 100");
    // One question at a time.
    trial.check(Event::Await(Lsn(210)), "");
    trial.alive(150, "reached 150");
    trial.check(Event::Tick, "");
    trial.after(1).check(Event::Tick, "ask 150");
    trial.alive(150, "");
    trial.after(1).check(Event::Tick, "");
    trial.after(1).check(Event::Tick, "ask 150");
    for pause in [4, 8, 16, 32, 50, 50] {
        trial.alive(150, "");
        trial.after(pause - 1).check(Event::Tick, "");
        let due = trial.start + Duration::from_millis(trial.ms + 1);
        assert_eq!(trial.follower.next_tick(), due);
        trial.after(1).check(Event::Tick, "ask 150");
    }
    trial.alive(210, "reached 210");
    trial.after(999).check(Event::Tick, "");
    trial.after(1).check(Event::Tick, "ask 210");
}

#[test]
fn the_catalogue_is_used_once_the_stream_is_as_far() {
    let mut trial = Trial::new();
    trial.check(Event::Tick, "ask 0; read");
    assert!(!trial.follower.is_exact());
    trial.alive(100, "reached 100");
    trial.check(Event::Read(reading("10:10:", 120)), "ask 100");
    trial.commit(110, &row(), "flush; reached 111");
    assert!(!trial.follower.is_live());
    trial.alive(120, "reached 120");
    assert!(trial.follower.is_exact() && trial.follower.is_live());
    trial.commit(130, &row(), "apply I 7 ?>1; reached 131");
    trial.commit(140, &ddl(), "flush; reached 141");
    assert!(!trial.follower.is_exact() && trial.follower.is_live());
    trial.commit(150, &row(), "flush; reached 151");
    trial.check(Event::Tick, "read");
    // A place that is passed already, and the change of the schema is seen.
    trial.check(Event::Read(reading("141:141:", 145)), "");
    trial.commit(160, &row(), "apply I 7 ?>1; reached 161");
}

#[test]
fn a_catalogue_of_the_past_is_read_again() {
    let retry = |trial: &mut Trial| {
        trial.check(Event::Tick, "");
        trial.after(50).check(Event::Tick, "read");
    };
    let mut trial = Trial::new();
    trial.alive(100, "reached 100");
    trial.check(Event::Tick, "read");
    // What was running when the stream had begun has not ended.
    trial.check(Event::Read(reading("5:12:5", 100)), "");
    retry(&mut trial);
    trial.check(Event::Unread, "");
    retry(&mut trial);
    trial.check(Event::Read(reading("6:12:", 100)), "");
    assert!(trial.follower.is_exact());
    trial.commit(140, &ddl(), "flush; reached 141");
    trial.check(Event::Tick, "read");
    // The snapshot does not see the change of the schema yet.
    trial.check(Event::Read(reading("140:160:140", 141)), "");
    retry(&mut trial);
    // Another change comes while it is read, and is not seen by it.
    trial.commit(150, &ddl(), "flush; reached 151");
    trial.check(Event::Read(reading("150:160:150", 151)), "");
    retry(&mut trial);
    // Another comes after it was read, before the stream is as far.
    trial.check(Event::Read(reading("160:160:", 170)), "ask 151");
    trial.commit(160, &ddl(), "flush; reached 161");
    trial.alive(170, "reached 170");
    assert!(!trial.follower.is_exact());
    trial.check(Event::Tick, "read");
    trial.check(Event::Read(reading("161:161:", 170)), "");
    assert!(trial.follower.is_exact());
}

/// A reading can be adopted between a change of the schema and its commit.
#[test]
fn a_catalogue_from_amid_a_change_of_the_schema_is_dropped_with_its_commit() {
    let mut trial = Trial::new();
    trial.alive(100, "reached 100");
    trial.check(Event::Tick, "read");
    trial.check(Event::Frame(&data(&begin(130, 130))), "");
    trial.check(Event::Frame(&data(&ddl()[0])), "");
    trial.check(Event::Read(reading("10:10:", 110)), "ask 100");
    trial.alive(120, "reached 120");
    trial.check(Event::Frame(&data(&commit(130, 131))), "flush; reached 131");
    assert!(!trial.follower.is_exact());
    trial.commit(140, &row(), "flush; reached 141");
}

#[test]
fn a_stream_that_is_over_stays_so() {
    let check = |prepare: &dyn Fn(&mut Trial), event: Event<'_>, expect: &str| {
        let mut trial = Trial::new();
        prepare(&mut trial);
        let ended = trial.take(event).unwrap_err();
        assert!(ended.to_string().contains(expect), "{ended}");
        assert_eq!(trial.take(Event::Tick).unwrap_err(), ended);
        assert!(!trial.follower.is_live());
    };
    let nothing = |_: &mut Trial| {};
    check(&nothing, Event::Lost("reset".into()), "the connection is lost: reset");
    check(&nothing, Event::Frame(b"x"), "neither data nor a keepalive");
    check(&nothing, Event::Frame(&data(b"S")), "unknown kind");
    check(&nothing, Event::Frame(&data(&commit(1, 2))), "without a transaction");
    let alive = |trial: &mut Trial| trial.alive(100, "reached 100");
    let late = |trial: &mut Trial| {
        alive(trial);
        trial.check(Event::Frame(&data(&begin(90, 9))), "");
    };
    check(&late, Event::Frame(&data(&commit(90, 100))), "had passed 0/64");
    let asleep = |trial: &mut Trial| {
        alive(trial);
        trial.after(30_000);
    };
    check(&asleep, Event::Tick, "has not answered for 30000 ms");
    let awake = |trial: &mut Trial| {
        asleep(trial);
        trial.ms -= 1;
        trial.take(Event::Tick).unwrap();
        trial.ms += 1;
    };
    check(&awake, Event::Tick, "has not answered");
}
