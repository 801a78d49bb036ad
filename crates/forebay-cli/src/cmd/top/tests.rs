use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use super::clean::clean;
use super::column::Column;
use super::draw::draw;
use super::json::as_json;
use super::page::{fitting, page};
use super::reading::{Counts, Figure, Gauge, Kind, Reading, Session, Statement, Unit};
use super::service;
use super::state::{After, Key, Mode, State};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What a service answers that has run `calls` of each of three statements.
fn looked(calls: u64) -> Reading {
    let performance = json!({
        "statements": 3 * calls, "errors": calls / 10, "hits": 2 * calls, "database_ms": 40.0,
        "database_mean_ms": 0.4,
        "pools": {
            "reader": { "in_use": 2, "max": 10, "waiting": 1, "timeouts": 0 },
            "writer": { "in_use": 1, "max": 1, "waiting": 0, "timeouts": 3 },
            "session": { "in_use": 0, "max": 20, "waiting": 0, "timeouts": 0 },
        },
        "replication": { "live": true, "lag_ms": 3.5 },
        "http": { "requests": calls, "in_work": 2, "mean_ms": 1.0 },
    });
    let cache = json!({ "mode": "shadow", "off_because": null, "entries": 1200,
        "bytes": 5_000_000, "bytes_max": 100_000_000 });
    let statement = |id: &str, text: &str, ms: f64, hits: u64| {
        json!({ "id": id, "statement": text, "calls": calls, "errors": 0, "hits": hits,
            "misses": calls - hits, "database_ms": ms, "p50_ms": 0.2, "p99_ms": 9.5, "rows": 7,
            "bypasses": {}, "mode": "on", "worth": { "verdict": "pays" } })
    };
    let mut past = statement("03", "update users set name = ? where id = ?", 30.0, 0);
    past["misses"] = json!(0);
    past["bypasses"] = json!({ "write": calls });
    let all = json!({ "known": 812, "fingerprints": [
        statement("01", "select a from t where id = ?", calls as f64, calls),
        statement("02", "select \u{1b}[31mred\u{7}\u{202e} from t", 20.0, calls),
        past,
    ] });
    service::read(&performance, &cache, &all)
}

fn state(calls: &[u64]) -> State {
    let mut state = State::new("http://127.0.0.1:8432".to_owned(), seconds(2));
    for (second, calls) in (0..).step_by(2).zip(calls) {
        state.take(seconds(second), Ok(looked(*calls)));
    }
    state
}

/// The screen as text, without blanks at the ends of lines.
fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| _ = draw(frame, state)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| -> String { (0..width).map(|x| buffer[(x, y)].symbol()).collect() };
    (0..height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

fn ids(state: &State) -> Vec<&str> {
    state.rows().iter().map(|row| row.statement.id.as_str()).collect()
}

fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        let key = match key {
            '⏎' => Key::Enter,
            '⎋' => Key::Escape,
            '⌫' => Key::Backspace,
            '↓' => Key::Down,
            '↑' => Key::Up,
            '⇥' => Key::Tab,
            key => Key::Char(key),
        };
        assert_eq!(state.press(key), After::Stay, "{key:?}");
    }
}

#[test]
fn nothing_that_steers_a_terminal_gets_through() {
    let check = |text: &str, expect: &str| assert_eq!(clean(text), expect);
    check("select 1", "select 1");
    check("a\n\t b\r\nc", "a b c");
    check("\u{1b}]0;title\u{7}x", "\u{fffd}]0;title\u{fffd}x");
    check("\u{9b}2J\u{7f}", "\u{fffd}2J\u{fffd}");
    check("abc\u{202e}fed\u{2066}\u{200f}", "abc\u{fffd}fed\u{fffd}\u{fffd}");
    check("größer 表 🦀", "größer 表 🦀");
    assert!(clean(&"x".repeat(1 << 20)).len() < 10_000);
    // All the way: on the screen, on the page, and in what is printed as JSON.
    let mut state = state(&[100, 200]);
    let shown = [screen(&state, 120, 30), page(&state), as_json(&state).to_string()];
    press(&mut state, "/red⏎⏎");
    assert_eq!(state.mode, Mode::Open("02".to_owned()));
    for shown in shown.into_iter().chain([screen(&state, 120, 30)]) {
        assert!(shown.contains("red"), "{shown}");
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(steers), "{shown:?}");
    }
}

#[test]
fn what_a_service_says_is_on_the_screen() {
    let shown = screen(&state(&[100, 300]), 130, 20);
    for expect in [
        "forebay top  http://127.0.0.1:8432  (since counting began, 3 of 812 statements)",
        "statements         300/s",
        "hits                67 %",
        "1,200 answers, 5 MB of 100 MB; shadow",
        "readers 2 of 10, writer 1 of 1, sessions 0 of 20; 1 wait, 3 in vain so far",
        "errors              10/s",
        "lag               3.5 ms",
        " load   ▾time       calls    mean     p50     p99  hits  errors not cached ",
        " 86 %  300 ms         300       -  200 µs  9.5 ms 100 %       0",
        "write              update users set name",
    ] {
        assert!(shown.contains(expect), "{expect:?} in\n{shown}");
    }
    assert!(shown.contains('█') && shown.contains('▆'), "{shown}");
}

#[test]
fn keys_choose_what_is_shown() {
    let mut state = state(&[100, 110]);
    assert_eq!(ids(&state), ["01", "03", "02"]);
    press(&mut state, "s");
    assert_eq!((state.sort, ids(&state)), (Column::Calls, vec!["01", "02", "03"]));
    press(&mut state, "SS");
    assert_eq!(state.sort, Column::Share);
    press(&mut state, "S");
    assert_eq!(state.sort, Column::Text);
    press(&mut state, "s");
    assert_eq!(state.sort, Column::Share);
    press(&mut state, "/USERS");
    assert_eq!((state.mode.clone(), ids(&state)), (Mode::Filtering, vec!["03"]));
    press(&mut state, "q⌫⏎");
    assert_eq!((state.mode.clone(), ids(&state)), (Mode::Table, vec!["03"]));
    press(&mut state, "⎋");
    assert_eq!(ids(&state).len(), 3);
    press(&mut state, "↓↓↓↓");
    assert_eq!(state.chosen, 2);
    press(&mut state, "⏎");
    assert_eq!(state.mode, Mode::Open("02".to_owned()));
    press(&mut state, "↓↓↑⏎");
    assert_eq!((state.mode.clone(), state.chosen), (Mode::Table, 2));
    press(&mut state, "?");
    assert!(screen(&state, 100, 20).contains("sort by the next column"));
    press(&mut state, "⎋⇥");
    assert!(!state.shows_sessions, "a service has none");
    assert_eq!(state.press(Key::Char('q')), After::Quit);
    press(&mut state, "/");
    assert_eq!(state.press(Key::Break), After::Quit);
}

/// Beside sums over all looks, worked out anew.
#[test]
fn the_last_minute_is_a_difference() {
    let mut state = state(&[]);
    press(&mut state, "w");
    let calls = |second: u64| second * second;
    for second in (0..200).step_by(2) {
        state.take(seconds(second), Ok(looked(calls(second))));
        let first = second.saturating_sub(60);
        let expect = calls(second) - calls(first);
        let rows = state.rows();
        let found = rows.iter().find(|row| row.statement.id == "01").map(|row| row.counts.calls);
        assert_eq!(found.unwrap_or(0), expect, "at {second}");
    }
    // Counting began anew.
    state.take(seconds(200), Ok(looked(5)));
    assert_eq!(state.rows()[0].counts.calls, 5);
    let points = state.recent.line("statements");
    assert!(points.iter().all(|point| *point >= 0.0) && points.last() == Some(&7.5), "{points:?}");
    assert!(!state.columns().contains(&Column::P99), "it is not known of a minute");
}

#[test]
fn a_lost_connection_is_said_and_what_was_seen_stays() {
    let mut state = state(&[100]);
    state.take(seconds(10), Err("connection refused".to_owned()));
    state.take(seconds(14), Err("connection refused".to_owned()));
    let shown = screen(&state, 100, 20);
    assert!(shown.contains("lost for 4 s: connection refused; trying again every 2s"), "{shown}");
    assert!(shown.contains("select a from t"), "{shown}");
    state.take(seconds(16), Ok(looked(120)));
    assert!(!screen(&state, 100, 20).contains("lost"));
    let mut never = State::new("x".to_owned(), seconds(2));
    assert!(screen(&never, 40, 5).contains("looking"));
    never.take(seconds(1), Err("no".to_owned()));
    assert!(screen(&never, 40, 5).contains("lost for 0 s: no"));
}

#[test]
fn every_size_of_a_terminal_shows_what_it_can() {
    let mut modes = vec![state(&[100, 200]), state(&[100, 200]), state(&[100, 200])];
    press(&mut modes[1], "⏎");
    press(&mut modes[2], "?");
    for state in &modes {
        for width in [1, 2, 7, 20, 40, 79, 80, 81, 200] {
            for height in [1, 2, 3, 5, 11, 12, 24, 60] {
                screen(state, width, height);
            }
        }
    }
    let check = |width, expect: &[Column]| {
        assert_eq!(fitting(Column::of(Kind::Service, false), width), expect, "{width}");
    };
    use Column::{Calls, Hits, P99, Text, Time};
    check(42, &[Time, Calls, Text]);
    check(60, &[Time, Calls, P99, Hits, Text]);
    check(10, &[Time, Text]);
    // The row that is chosen is always there.
    let mut many = State::new("x".to_owned(), seconds(2));
    let statement = |n: u32| Statement {
        id: format!("{n:03}"),
        text: format!("select {n}"),
        counts: Counts { calls: 1, time_ms: f64::from(1_000 - n), ..Counts::default() },
        ..Statement::default()
    };
    let statements = (0..300).map(statement).collect();
    many.take(seconds(0), Ok(Reading { statements, ..Reading::new(Kind::Saved) }));
    for _ in 0..120 {
        many.press(Key::Down);
    }
    let shown = screen(&many, 80, 24);
    assert!(shown.contains("select 120\n") && !shown.contains("select 121\n"), "{shown}");
    many.press(Key::End);
    assert!(screen(&many, 80, 24).contains("select 299\n"));
}

#[test]
fn sessions_of_a_server_are_a_table_of_their_own() {
    let session = |id, state: &str, wait: &str| Session {
        id,
        who: "ada, shop".to_owned(),
        state: state.to_owned(),
        seconds: 3.0,
        wait: wait.to_owned(),
        text: format!("select {id}"),
    };
    let sessions = vec![session(7, "active", "Lock: tuple"), session(8, "idle", "")];
    let gauges = vec![Gauge::new("active", Figure::Level(1.0, Unit::Count), "1 idle")];
    let notes = vec!["statements are not counted".to_owned()];
    let reading = Reading { sessions, gauges, notes, ..Reading::new(Kind::Server) };
    let mut state = State::new("postgres://ada@db/shop".to_owned(), seconds(2));
    state.take(seconds(0), Ok(reading));
    assert!(screen(&state, 100, 20).contains("statements are not counted"));
    press(&mut state, "⇥");
    let shown = screen(&state, 100, 20);
    assert!(
        shown.contains("7        ada, shop                active               3.0 s"),
        "{shown}"
    );
    press(&mut state, "/idle⏎⏎");
    assert_eq!(state.mode, Mode::Open("8".to_owned()));
    assert!(screen(&state, 100, 20).contains("select 8"));
    assert!(page(&state).contains("no statements"));
}
