//! One database with its schema, its second process and a population of reads that are asked
//! again after every turn.

use anyhow::{Context, Result};
use fastrand::Rng;
use forebay::{Db, Rows, Session};

use super::bare::Bare;
use super::case::{Asked, Case, Difference, Gaps, Manner, ask, open, take_turn};
use super::compare::alike;
use super::create::create;
use super::place::Place;
use super::second::Second;
use super::tally::{Counts, Tally};
use crate::domain::Statement;
use crate::read::{Aim, Compare, Read, read};
use crate::schema::{Change, Schema};
use crate::write::{By, Turn, prune, refill, turn};

/// Rows of a table from which on it is cut down.
const ROWS_MAX: i64 = 32;

/// Steps of SQLite's virtual machine that a read may take; a longer one is replaced.
const READ_STEPS_MAX: i32 = 12_000;

/// Of the reads one in so many gives way to a new one after each turn.
const RENEWED_ONE_IN: usize = 200;

/// Turns after which the sizes of the tables are looked at.
const SIZES_EVERY: usize = 8;

/// Turns after which the pages are mapped again if they are mapped no longer.
const MAPPING_EVERY: usize = 40;

/// Turns among which one is chosen to be carried out again.
const AGAIN_MAX: usize = 24;

/// Tries to draw something before it is left out.
const TRIES_MAX: usize = 50;

/// Reads looked at for one at the edge of a rule, before a write is aimed at it.
const AIMS_TRIES: u8 = 12;

/// Turns that a session may keep an old state of the database.
const LINGER_MAX: usize = 12;

pub(crate) struct World {
    pub(crate) db: Db,
    bare: Bare,
    second: Second,
    schema: Schema,
    rng: Rng,
    population: Vec<Live>,
    /// How many reads the population is to have.
    reads: usize,
    case: Case,
    step: usize,
    data_version: i64,
    /// Raised when the schema may have changed.
    names_version: u64,
    lingering: Option<Lingering>,
    gaps: Gaps,
    /// Last, so that the files outlive everything that uses them.
    _place: Place,
}

/// A read of the population.
struct Live {
    read: Read,
    since: usize,
    counts: Counts,
    /// The last answer, if it was one that may be kept.
    last: Option<Rows>,
    is_asked: bool,
    names_version: u64,
}

/// A session with a transaction that has read and goes on reading the same state.
struct Lingering {
    session: Session,
    read: Read,
    rows: Rows,
    until: usize,
}

impl World {
    /// A new database from `seed`, with its first rows and reads.
    pub(crate) async fn new(
        seed: u64,
        manner: Manner,
        reads: usize,
        tally: &mut Tally,
    ) -> Result<World> {
        let place = Place::new()?;
        let bare = Bare::open(&place.path(), manner.page())?;
        let mut rng = Rng::with_seed(seed);
        let mut schema = Schema::new(manner.maps);
        let mut case = Case { manner, ..Case::default() };
        create(&mut rng, &mut schema, &bare, &mut case);
        let db = open(&place, manner).await.context("Forebay cannot open the database")?;
        let data_version = bare.count("PRAGMA data_version");
        tally.databases += 1;
        tally.mapped += u64::from(manner.maps);
        let mut world = World {
            second: Second::new(place.path()),
            db,
            bare,
            schema,
            rng,
            population: Vec::new(),
            reads,
            case,
            step: 0,
            data_version,
            names_version: 0,
            lingering: None,
            gaps: Gaps::default(),
            _place: place,
        };
        for _ in 0..reads {
            if let Some(live) = world.draw_read(tally).await {
                world.population.push(live);
            }
        }
        Ok(world)
    }

    /// One turn, and then every read.
    pub(crate) async fn step(&mut self, tally: &mut Tally) -> Result<Option<Box<Difference>>> {
        self.step += 1;
        tally.steps += 1;
        let (turn, change) = self.draw_turn();
        let wrong = take_turn(&self.db, &mut self.second, &turn, tally).await?;
        let wrong = wrong.or_else(|| self.gaps.more(&self.db, &turn));
        let is_quiet = turn.is_quiet;
        self.case.turns.push(turn);
        if wrong.is_some() {
            return Ok(wrong.map(Box::new));
        }
        if !matches!(change, Change::Nothing) && self.took_place(&change) {
            self.schema.apply(&change);
        }
        let version = self.bare.count("PRAGMA data_version");
        tally.commits += u64::from(version != self.data_version);
        self.data_version = version;
        if is_quiet {
            return Ok(None);
        }
        self.bare.begin()?;
        let asked = self.ask_all(tally).await;
        self.bare.end()?;
        if let Some(difference) = asked {
            return Ok(Some(difference));
        }
        self.renew(tally).await;
        self.linger().await
    }

    #[cfg(test)]
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self._place.path()
    }

    /// Answers verified for the reads that are still asked.
    pub(crate) fn verified(&self) -> u64 {
        self.population.iter().map(|live| live.counts.verified).sum()
    }

    /// Ends the world: what it has counted goes to `tally`.
    pub(crate) async fn end(mut self, tally: &mut Tally) {
        for live in std::mem::take(&mut self.population) {
            tally.retire(live.read.features, live.counts);
        }
        tally.take_stats(&self.db.stats());
        self.lingering = None;
        self.second.kill();
        self.db.close().await;
    }

    fn draw_turn(&mut self) -> (Turn, Change) {
        let maps = self.case.manner.maps;
        if maps && self.db.stats().cache.foreign.mapped_pages == 0 {
            match self.step % MAPPING_EVERY {
                // They are not before another process has committed, and a read has seen it.
                2 => {
                    let commit = format!("PRAGMA user_version = {}", self.step);
                    return (Turn::single(By::Second, Statement::plain(commit)), Change::Nothing);
                }
                3 => return (Turn::mapping(), Change::Nothing),
                _ => {}
            }
        }
        if self.step.is_multiple_of(SIZES_EVERY)
            && let Some((sql, change)) = self.mend_sizes()
        {
            return (Turn::single(By::Execute, Statement::plain(sql)), change);
        }
        if self.lingering.is_none() && self.rng.u8(..=255) == 0 {
            let checkpoint = Statement::plain("PRAGMA wal_checkpoint(TRUNCATE)");
            return (Turn::single(By::Second, checkpoint), Change::Nothing);
        }
        if self.rng.u8(..6) == 0
            && let Some(turn) = self.draw_again()
        {
            return (turn, Change::Nothing);
        }
        let aims = self.draw_aims();
        for _ in 0..TRIES_MAX {
            if let Some((turn, change)) = turn(&mut self.rng, &mut self.schema, maps, &aims) {
                if matches!(&change, Change::DropRelation(name) if self.is_mentioned(name)) {
                    continue;
                }
                self.names_version += u64::from(!matches!(change, Change::Nothing));
                return (turn, change);
            }
        }
        (Turn::single(By::Execute, Statement::plain("ANALYZE")), Change::Nothing)
    }

    /// One of the last turns once more: an application says the same again, whatever has become
    /// of the schema and its connection meanwhile.
    fn draw_again(&mut self) -> Option<Turn> {
        let turns = &self.case.turns;
        let back = self.rng.usize(..AGAIN_MAX.min(turns.len()).max(1));
        turns.get(turns.len().checked_sub(back + 1)?)?.again()
    }

    /// What some read looks at, half of the time: mostly one at the edge of a rule.
    fn draw_aims(&mut self) -> Vec<Aim> {
        if self.population.is_empty() || self.rng.bool() {
            return Vec::new();
        }
        for _ in 0..AIMS_TRIES {
            let live = &self.population[self.rng.usize(..self.population.len())];
            if live.read.is_trap || self.rng.u8(..AIMS_TRIES) == 0 {
                return live.read.aims();
            }
        }
        Vec::new()
    }

    /// A write for the first table that is too large or has become empty.
    fn mend_sizes(&mut self) -> Option<(String, Change)> {
        for table in self.schema.tables() {
            let count = self.bare.count(&format!("SELECT count(*) FROM {}", table.name));
            if count > 2 * ROWS_MAX
                && let Some(trigger) = self.schema.triggers.last()
            {
                // Triggers may fill it as fast as it is cut down.
                let change = Change::DropTrigger(trigger.clone());
                return Some((format!("DROP TRIGGER IF EXISTS {trigger}"), change));
            }
            if count > ROWS_MAX {
                return Some((prune(table), Change::Nothing));
            }
            if count < 3 {
                return Some((refill(&mut self.rng, table), Change::Nothing));
            }
        }
        None
    }

    /// Whether a trigger or a foreign key names the table. Without it hardly a write of the
    /// tables around it would succeed any more, so that is left to one time in ten.
    fn is_mentioned(&mut self, name: &str) -> bool {
        let sql = format!(
            "SELECT count(*) FROM sqlite_schema WHERE type <> 'view' AND tbl_name <> '{name}' AND \
             instr(sql, ' {name} ') > 0"
        );
        self.bare.count(&sql) > 0 && self.rng.u8(..10) > 0
    }

    /// Whether the database shows what a statement on the schema was to bring about.
    fn took_place(&self, change: &Change) -> bool {
        let knows = |relation: &str, column: &str| {
            self.bare.knows(&format!("SELECT {relation}.{column} FROM {relation}"))
        };
        let has = |name: &str| {
            self.bare.count(&format!("SELECT count(*) FROM sqlite_schema WHERE name = '{name}'"))
                > 0
        };
        match change {
            Change::Nothing => true,
            Change::AddRelation(relation) => knows(&relation.name, "*"),
            Change::ReplaceRelation(relation) => {
                relation.columns.iter().all(|column| knows(&relation.name, &column.name))
            }
            Change::AddIndex(name) | Change::AddTrigger(name, _) => has(name),
            Change::DropRelation(name) | Change::DropIndex(name) | Change::DropTrigger(name) => {
                !has(name)
            }
            Change::AddColumn(table, column) => knows(table, &column.name),
            Change::DropColumn(table, name) => !knows(table, name) && knows(table, "*"),
            Change::RenameColumn(table, _, new) => knows(table, new),
            Change::RenameRelation(_, new) => knows(new, "*"),
        }
    }

    async fn ask_all(&mut self, tally: &mut Tally) -> Option<Box<Difference>> {
        let mut given_up = Vec::new();
        for index in 0..self.population.len() {
            match self.ask_one(index, tally).await {
                Ok(true) => {}
                Ok(false) => given_up.push(index),
                Err(difference) => return Some(difference),
            }
        }
        for index in given_up.into_iter().rev() {
            self.retire(index, tally);
        }
        None
    }

    /// Whether the read stays in the population.
    async fn ask_one(&mut self, index: usize, tally: &mut Tally) -> Result<bool, Box<Difference>> {
        let names_version = self.names_version;
        let live = &mut self.population[index];
        let names = live.names_version != names_version;
        live.names_version = names_version;
        match ask(&self.db, &self.bare, &live.read, names).await {
            Asked::Wrong(difference) => Err(difference),
            Asked::Refused => {
                tally.refused += 1;
                Ok(false)
            }
            Asked::Right { outcome, steps } => {
                let is_first = !std::mem::replace(&mut live.is_asked, true);
                if outcome.cached && is_first {
                    tally.first_hits += 1;
                } else if outcome.cached {
                    live.counts.verified += 1;
                } else {
                    live.counts.misses += 1;
                    let is_same = live.last.as_ref().is_some_and(|last| *last == outcome.rows);
                    live.counts.needless += u64::from(is_same);
                    live.last = Some(outcome.rows);
                }
                Ok(steps < READ_STEPS_MAX)
            }
        }
    }

    fn retire(&mut self, index: usize, tally: &mut Tally) {
        let live = self.population.swap_remove(index);
        tally.retire(live.read.features, live.counts);
    }

    /// Replaces what was given up, and now and then a read that was not.
    async fn renew(&mut self, tally: &mut Tally) {
        for _ in 0..self.reads.div_ceil(RENEWED_ONE_IN) {
            if !self.population.is_empty() {
                let index = self.rng.usize(..self.population.len());
                self.retire(index, tally);
            }
        }
        for _ in self.population.len()..self.reads {
            if let Some(live) = self.draw_read(tally).await {
                self.population.push(live);
            }
        }
    }

    /// A new read that the database answers, asked for the first time.
    async fn draw_read(&mut self, tally: &mut Tally) -> Option<Live> {
        for _ in 0..TRIES_MAX {
            let Some(read) = self.draw_text() else { continue };
            if !self.bare.knows(&read.statement.sql) {
                continue;
            }
            if let Ok(explanation) = self.db.explain(&read.statement.sql).await {
                tally.ruled_out(&explanation.reasons);
            }
            self.case.reads.push((self.step, read.clone()));
            let counts = Counts { reads: 1, ..Counts::default() };
            let names_version = self.names_version;
            let since = self.step;
            return Some(Live { read, since, counts, last: None, is_asked: false, names_version });
        }
        None
    }

    /// A new text, or one of the population with other parameters: much that an application asks
    /// differs in nothing else.
    fn draw_text(&mut self) -> Option<Read> {
        if self.rng.u8(..5) < 2
            && let Some(live) = self.population.get(self.rng.usize(..self.population.len().max(1)))
            && !live.read.statement.params.is_empty()
        {
            return Some(live.read.with_other_values(&mut self.rng));
        }
        read(&mut self.rng, &self.schema)
    }

    /// Opens, checks and ends the session that keeps an old state of the database.
    async fn linger(&mut self) -> Result<Option<Box<Difference>>> {
        if let Some(lingering) = &self.lingering {
            if self.step < lingering.until {
                return Ok(None);
            }
            return self.end_lingering().await;
        }
        if self.rng.u8(..60) != 0 {
            return Ok(None);
        }
        let Some(live) = self.population.get(self.rng.usize(..self.population.len().max(1))) else {
            return Ok(None);
        };
        if live.read.compare.volatile {
            return Ok(None);
        }
        let read = live.read.clone();
        let session = self.db.session();
        session.execute("BEGIN").await.context("a session cannot begin")?;
        if let Ok(rows) = ask_in(&session, &read).await {
            let until = self.step + self.rng.usize(1..LINGER_MAX);
            self.lingering = Some(Lingering { session, read, rows, until });
        }
        Ok(None)
    }

    async fn end_lingering(&mut self) -> Result<Option<Box<Difference>>> {
        let Some(Lingering { session, read, rows, .. }) = self.lingering.take() else {
            return Ok(None);
        };
        let again = ask_in(&session, &read).await.context("a transaction cannot read again")?;
        let copy = |rows: &Rows| (0..rows.len()).map(|row| rows.values(row).to_vec()).collect();
        let compare = Compare { ordered: false, ..read.compare };
        if alike(compare, copy(&rows), copy(&again)) {
            return Ok(None);
        }
        let what = "a transaction has seen what was committed after it began";
        Ok(Some(Box::new(Difference::between(read, what, &again, &rows))))
    }

    /// The script up to now, for a failure.
    pub(crate) fn into_case(self) -> Case {
        let mut case = self.case;
        // Reads that were given up are no part of the script.
        let alive: Vec<_> =
            self.population.iter().map(|live| (live.since, live.read.clone())).collect();
        case.reads = alive;
        case
    }
}

async fn ask_in(session: &Session, read: &Read) -> Result<Rows, forebay::Error> {
    let mut query = session.query(&read.statement.sql);
    for value in &read.statement.params {
        query = query.bind(value);
    }
    Ok(query.fetch().await?.rows)
}
