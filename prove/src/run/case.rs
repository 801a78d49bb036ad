//! What led to a wrong answer, as a script that can be run again, and the running of it.

use std::time::Duration;

use anyhow::{Context, Result};
use forebay::{Capture, Db, Error, Outcome, Rows};
use tokio::time::timeout;

use super::bare::{Bare, PAGE, SMALL_PAGE, Verdict};
use super::carry::carry_out;
use super::compare::line;
use super::place::Place;
use super::second::Second;
use super::tally::Tally;
use crate::domain::Statement;
use crate::feature::Features;
use crate::read::Read;
use crate::write::{By, Turn};

/// Rows shown of an answer.
const SHOWN_MAX: usize = 12;

/// The longest that a read or a turn may take, on however busy a machine.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The script: the schema with its first rows, the turns, and the reads that are asked after each
/// turn from the one on that they came with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) parts: Vec<String>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) reads: Vec<(usize, Read)>,
    pub(crate) manner: Manner,
}

/// How Forebay is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Changed rows are read again, instead of shown by the hook.
    pub(crate) rereads: bool,
    /// Writes count as changes of whole tables.
    pub(crate) tables: bool,
    /// Readers hold their snapshots, which end when it is time: what is hit and what is missed
    /// does not replay exactly then.
    pub(crate) holds: bool,
    /// Commits of the second process are told apart by their pages, which are mapped when it is
    /// time, too.
    pub(crate) maps: bool,
}

impl Manner {
    /// Every way comes up in 24 databases in a row, whatever the first.
    pub(crate) fn of(number: u64) -> Manner {
        Manner {
            rereads: number.is_multiple_of(3),
            tables: number % 6 == 4,
            holds: number % 2 == 1,
            maps: matches!(number % 24, 1 | 5 | 9 | 14 | 18 | 21),
        }
    }

    /// Turns after which the schema is another. What a schema can show it mostly shows soon; to
    /// map pages takes a while, and some databases grow old.
    pub(crate) fn turns(self, number: u64) -> u64 {
        match number % 11 {
            _ if self.maps => 240,
            7 => 400,
            _ => 80,
        }
    }

    /// Bytes of a page: what pages tell shows where there are many.
    pub(crate) fn page(self) -> u32 {
        if self.maps { SMALL_PAGE } else { PAGE }
    }
}

/// A wrong answer.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) read: Read,
    pub(crate) what: String,
    found: Vec<String>,
    truth: Vec<String>,
}

/// What came of asking a read.
pub(crate) enum Asked {
    Right {
        outcome: Outcome,
        steps: i32,
    },
    /// Both refuse it.
    Refused,
    Wrong(Box<Difference>),
}

/// Opens Forebay as the proof uses it.
///
/// Answers are kept whether that pays or not, and only the proof itself compares.
pub(crate) async fn open(place: &Place, manner: Manner) -> Result<Db, Error> {
    let capture = match (manner.rereads, manner.tables) {
        (true, _) => Capture::Reread,
        (_, true) => Capture::Tables,
        _ => Capture::Auto,
    };
    let builder = forebay::Builder::new(place.url()).capture(capture).map_pages(manner.maps);
    // Plans are looked at in the background, so that a seed would not replay exactly.
    let builder = builder.slow_after(None);
    let builder = builder.worth_it(false).audit_one_in(0);
    let builder = builder.synchronous(forebay::Synchronous::Off).statement_cache(1_024);
    // Nobody's fault on a busy machine.
    let builder = builder.transaction_idle_timeout(TIME_MAX).transaction_timeout(TIME_MAX);
    let builder = if manner.holds { builder } else { builder.snapshot_hold(Duration::ZERO) };
    builder.max_size(3).min_idle(1).open().await
}

/// Carries a turn out; what is wrong if it does not come to an end.
pub(crate) async fn take_turn(
    db: &Db,
    second: &mut Second,
    turn: &Turn,
    tally: &mut Tally,
) -> Result<Option<Difference>> {
    match timeout(TIME_MAX, carry_out(db, second, turn, tally)).await {
        Ok(done) => done.map(|()| None),
        Err(_) => Ok(Some(Difference::after_turn("the last turn has not ended in time"))),
    }
}

/// Statements of which SQLite has counted more changed rows than Forebay was told.
#[derive(Default)]
pub(crate) struct Gaps {
    known: u64,
}

impl Gaps {
    /// What is wrong if there are more of them after `turn`. Those of a session with tables of
    /// its own do not count: a TEMP table that is emptied as a whole is told by nobody.
    pub(crate) fn more(&mut self, db: &Db, turn: &Turn) -> Option<Difference> {
        let gaps = db.stats().cache.capture_gaps;
        let more = gaps - std::mem::replace(&mut self.known, gaps);
        let counts = more > 0 && turn.by != By::TempSession;
        counts.then(|| Difference::after_turn(&format!("{more} statements with untold rows")))
    }
}

/// Asks a read through Forebay and the bare database. With `names`, the names of the columns have
/// to agree too.
pub(crate) async fn ask(db: &Db, bare: &Bare, read: &Read, names: bool) -> Asked {
    let mut query = db.query(&read.statement.sql);
    for value in &read.statement.params {
        query = query.bind(value);
    }
    let answer = timeout(TIME_MAX, query.fetch()).await;
    let wrong = |what: &str, found: Vec<String>, truth: Vec<String>| {
        let (read, what) = (read.clone(), what.to_owned());
        Asked::Wrong(Box::new(Difference { read, what, found, truth }))
    };
    let Ok(answer) = answer else {
        return wrong("not answered in time", Vec::new(), Vec::new());
    };
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(error) => {
            return match bare.rows(&read.statement) {
                Err(_) => Asked::Refused,
                Ok(truth) => wrong(
                    "refused although the database answers",
                    vec![error.to_string()],
                    truth.iter().map(|row| line(row)).collect(),
                ),
            };
        }
    };
    if read.compare.volatile && outcome.cached {
        return wrong(
            "served from the cache although it is volatile",
            lines(&outcome.rows),
            Vec::new(),
        );
    }
    let how = if outcome.cached { "served from the cache" } else { "read from the database" };
    match bare.judge(&read.statement, read.compare, &outcome.rows) {
        Verdict::Other(truth) => {
            wrong(how, lines(&outcome.rows), truth.iter().map(|row| line(row)).collect())
        }
        Verdict::Fails(error) => wrong(how, lines(&outcome.rows), vec![error]),
        Verdict::Same { steps } => {
            let columns = outcome.rows.columns().iter().map(|column| &*column.name);
            let truth = if names { bare.names(&read.statement.sql) } else { Vec::new() };
            if names && !columns.clone().eq(truth.iter().map(String::as_str)) {
                let found = columns.map(str::to_owned).collect();
                return wrong(&format!("{how}, with other names of columns"), found, truth);
            }
            Asked::Right { outcome, steps }
        }
    }
}

impl Difference {
    /// Something is wrong beside answers.
    fn after_turn(what: &str) -> Difference {
        let statement = Statement::plain("-- whatever is read");
        let read = Read::plain(statement, Features::default());
        Difference { read, what: what.to_owned(), found: Vec::new(), truth: Vec::new() }
    }

    /// Two answers that should have been the same.
    pub(crate) fn between(read: Read, what: &str, found: &Rows, truth: &Rows) -> Difference {
        Difference { read, what: what.to_owned(), found: lines(found), truth: lines(truth) }
    }
}

fn lines(rows: &Rows) -> Vec<String> {
    (0..rows.len()).map(|row| line(rows.values(row))).collect()
}

impl Case {
    /// Runs the script on a database of its own; the first wrong answer, and after how many turns.
    pub(crate) async fn replay(&self) -> Result<Option<(usize, Difference)>> {
        let place = Place::new()?;
        let bare = Bare::open(&place.path(), self.manner.page())?;
        for part in &self.parts {
            // A part that does not fit without the others is left out.
            let _ = bare.run(part);
        }
        let db = open(&place, self.manner).await;
        let db = db.context("cannot open the database of a replay")?;
        let mut second = Second::new(place.path());
        let (mut tally, mut gaps) = (Tally::default(), Gaps::default());
        let mut wrong = self.ask_all(&db, &bare, 0).await;
        let mut done = 0;
        for turn in &self.turns {
            if wrong.is_some() {
                break;
            }
            wrong = take_turn(&db, &mut second, turn, &mut tally).await?;
            wrong = wrong.or_else(|| gaps.more(&db, turn));
            done += 1;
            if wrong.is_some() || (turn.is_quiet && done < self.turns.len()) {
                continue;
            }
            wrong = self.ask_all(&db, &bare, done).await;
        }
        second.kill();
        db.close().await;
        Ok(wrong.map(|difference| (done, difference)))
    }

    async fn ask_all(&self, db: &Db, bare: &Bare, turn: usize) -> Option<Difference> {
        for (since, read) in &self.reads {
            if *since <= turn
                && let Asked::Wrong(difference) = ask(db, bare, read, true).await
            {
                return Some(*difference);
            }
        }
        None
    }

    /// The script for people.
    pub(crate) fn described(&self, difference: &Difference) -> String {
        let mut lines: Vec<String> = self.parts.iter().map(|part| format!("{part};")).collect();
        for (since, read) in &self.reads {
            if *since == 0 {
                lines.push(format!("-- read: {}", read.statement.described()));
            }
        }
        for (index, turn) in self.turns.iter().enumerate() {
            lines.extend(turn.described());
            for (since, read) in &self.reads {
                if *since == index + 1 {
                    lines.push(format!("-- read from here on: {}", read.statement.described()));
                }
            }
        }
        lines.push(format!("-- wrong, {}:", difference.what));
        lines.push(difference.read.statement.described());
        lines.push("-- through Forebay:".to_owned());
        lines.extend(shown(&difference.found));
        lines.push("-- the database:".to_owned());
        lines.extend(shown(&difference.truth));
        lines.join("\n")
    }
}

fn shown(rows: &[String]) -> Vec<String> {
    let mut shown: Vec<String> =
        rows.iter().take(SHOWN_MAX).map(|row| format!("--   {row}")).collect();
    if rows.len() > SHOWN_MAX {
        shown.push(format!("--   and {} more", rows.len() - SHOWN_MAX));
    }
    if rows.is_empty() {
        shown.push("--   no rows".to_owned());
    }
    shown
}
