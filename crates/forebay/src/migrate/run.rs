//! Running what was planned: file by file, each with its row in the history. What is to be run is
//! looked up again before each, for another runner may have been at work.

use std::time::{Duration, Instant};

use super::check::{advised, check, sets_session};
use super::history::{Entry, State, Table, read};
use super::leftover::clear;
use super::lock;
use super::order::{Heard, Order};
use super::plan::{Step, entry_of, is_half_way, plan};
use super::report::{
    MigrationReport, MigrationRun, MigrationState, MigrationStatement, MigrationStatus,
};
use super::source::Migration;
use crate::engine::Custody;
use crate::error::{Error, Kind, Result};
use crate::sql::{Dialect, Fingerprint};

/// How long a file that has begun outside a transaction is waited for, where it cannot be known
/// whether somebody is at work on it.
const HALF_WAY_WAIT: Duration = Duration::from_secs(5);

/// Puts a session back to how it began, so that no file depends on the settings of another.
#[cfg(feature = "postgres")]
const RESET: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL";

/// Runs what the database has not had.
pub(super) async fn run(
    order: &Order<'_>,
    mut heard: Option<Heard<'_>>,
) -> Result<MigrationReport> {
    let files = load(order).await?;
    let custody = Custody::take(order.engine, order.caller).await?;
    let mut report = MigrationReport::default();
    let (_, history) = read(&custody).await?;
    // Where nothing is to be done nothing is locked, and nothing written.
    let first = plan(&files, &history.unwrap_or_default(), &order.wanted);
    if first.as_ref().is_ok_and(Vec::is_empty) {
        return Ok(report);
    }
    let began = Instant::now();
    let until = later(began, order.wait);
    lock::take(&custody, until).await?;
    loop {
        let next = next(&custody, order, &files, [began, until]).await?;
        let Some((table, step)) = next else { return Ok(report) };
        let done = apply(&custody, &table, step).await?;
        if let Some(heard) = &mut heard {
            heard(&done);
        }
        report.applied.push(done);
    }
}

/// Says what would be run.
pub(super) async fn dry_run(order: &Order<'_>) -> Result<MigrationReport> {
    let files = load(order).await?;
    let custody = Custody::take(order.engine, order.caller).await?;
    let (_, history) = read(&custody).await?;
    let steps = plan(&files, &history.unwrap_or_default(), &order.wanted)?;
    steps.iter().try_for_each(|step| check(step.migration, custody.dialect()))?;
    Ok(MigrationReport { applied: steps.into_iter().map(|it| ran(it, Duration::ZERO)).collect() })
}

/// Says how each migration stands.
pub(super) async fn status(order: &Order<'_>) -> Result<Vec<MigrationStatus>> {
    let files = load(order).await?;
    let custody = Custody::take(order.engine, order.caller).await?;
    let history = read(&custody).await?.1.unwrap_or_default();
    let last = history.iter().map(|entry| &entry.version).max();
    let of_file = |file: &Migration| {
        let entry = entry_of(&history, &file.version);
        let state = match entry.map(|entry| entry.state) {
            Some(State::Begun(done)) => MigrationState::HalfWay(done),
            Some(State::Done) if entry.is_some_and(|it| it.checksum != file.checksum()) => {
                MigrationState::Changed
            }
            Some(State::Done) => MigrationState::Applied,
            None if last.is_some_and(|last| file.version < *last) => MigrationState::OutOfOrder,
            None => MigrationState::Pending,
        };
        stands(&file.version.to_string(), &file.name, Some(&file.file), state, entry)
    };
    let is_missing = |entry: &&Entry| !files.iter().any(|file| file.version == entry.version);
    let mut all: Vec<_> = files.iter().map(|file| (&file.version, of_file(file))).collect();
    all.extend(history.iter().filter(is_missing).map(|entry| {
        let (version, state) = (entry.version.to_string(), MigrationState::Missing);
        (&entry.version, stands(&version, &entry.name, None, state, Some(entry)))
    }));
    all.sort_by(|a, b| a.0.cmp(b.0));
    Ok(all.into_iter().map(|(_, status)| status).collect())
}

fn stands(
    version: &str,
    name: &str,
    file: Option<&String>,
    state: MigrationState,
    entry: Option<&Entry>,
) -> MigrationStatus {
    let took = entry.filter(|entry| entry.state == State::Done);
    MigrationStatus {
        version: version.to_owned(),
        name: name.to_owned(),
        file: file.cloned(),
        state,
        began_at: entry.map(|entry| entry.began_at.clone()),
        took: took.map(|entry| Duration::from_millis(entry.took_ms)),
    }
}

/// Files are read on a thread that may wait for the disk.
async fn load(order: &Order<'_>) -> Result<Vec<Migration>> {
    let (migrations, dialect) = (order.migrations.clone(), order.engine.dialect());
    tokio::task::spawn_blocking(move || migrations.load(dialect)).await.unwrap_or_else(|error| {
        Err(Error::new(Kind::Closed, "the runtime ended while files were read").with_cause(error))
    })
}

/// What is to be run next, in a transaction that is open, in which nobody else can begin it.
async fn next<'f>(
    custody: &Custody,
    order: &Order<'_>,
    files: &'f [Migration],
    [began, until]: [Instant; 2],
) -> Result<Option<(Table, Step<'f>)>> {
    loop {
        lock::begin(custody, until).await?;
        let (table, history) = read(custody).await?;
        if history.is_none() {
            custody.script(&table.create(), true).await?;
        }
        let history = history.unwrap_or_default();
        let is_at_work = custody.dialect() == Dialect::Sqlite
            && is_half_way(&history)
            && !order.wanted.resume
            && began.elapsed() < HALF_WAY_WAIT;
        if is_at_work {
            custody.roll_back().await?;
            lock::pause(until, None).await?;
            continue;
        }
        let steps = plan(files, &history, &order.wanted)?;
        steps.iter().try_for_each(|step| check(step.migration, custody.dialect()))?;
        let Some(step) = steps.first() else {
            custody.roll_back().await?;
            return Ok(None);
        };
        return Ok(Some((table, *step)));
    }
}

/// Runs one file, in the transaction that is open, and commits it with its row.
async fn apply(custody: &Custody, table: &Table, step: Step<'_>) -> Result<MigrationRun> {
    let began = Instant::now();
    let (migration, dialect) = (step.migration, custody.dialect());
    let took_ms = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let note = |state| table.note(dialect, migration, state, took_ms());
    if migration.is_in_transaction {
        reset(custody, true).await?;
        let ran = custody.run(&migration.text, migration.ranges(0), true).await?;
        if let Some((place, error)) = ran {
            let failed = failed(step, place, error, dialect);
            custody.roll_back().await?;
            return Err(failed);
        }
        reset(custody, true).await?;
        custody.script(&note(State::Done), true).await?;
        custody.commit().await.map_err(|error| {
            error.prefixed(&format!("{}: it could not be committed", migration.file))
        })?;
        return Ok(ran_in(step, began));
    }
    custody.script(&note(State::Begun(step.from)), true).await?;
    custody.commit().await?;
    reset(custody, false).await?;
    replay(custody, step).await?;
    for (place, range) in migration.ranges(step.from).into_iter().enumerate() {
        clear(custody, &migration.text[range.clone()]).await?;
        if let Some((_, error)) = custody.run(&migration.text, vec![range], false).await? {
            return Err(stopped(custody, step, place, error));
        }
        // In a transaction that the file has begun, it is kept or undone with that.
        let so_far = note(State::Begun(step.from + place + 1));
        custody.script(&so_far, false).await?;
    }
    if custody.is_in_transaction() {
        return Err(Error::usage(format!(
            "{} begins a transaction and does not end it, so that what ran in it was rolled back; \
             add its COMMIT, and go on with `resume`",
            migration.file
        )));
    }
    reset(custody, false).await?;
    custody.script(&note(State::Done), false).await?;
    Ok(ran_in(step, began))
}

/// Runs those statements again that have run before and have set something in the session that is
/// gone: what comes after them may rest on it, such as foreign keys that are off.
async fn replay(custody: &Custody, step: Step<'_>) -> Result<()> {
    let migration = step.migration;
    for place in 0..step.from {
        let statement = migration.statement(place);
        if sets_session(statement, custody.dialect()) {
            custody.script(statement, false).await?;
        }
    }
    Ok(())
}

#[cfg_attr(not(feature = "postgres"), expect(unused_variables, clippy::unused_async))]
async fn reset(custody: &Custody, is_in_transaction: bool) -> Result<()> {
    match custody.dialect() {
        Dialect::Sqlite => Ok(()),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => custody.script(RESET, is_in_transaction).await,
    }
}

/// The error of a statement of a file that runs in a transaction, with where it stands.
fn failed(step: Step<'_>, place: usize, error: Error, dialect: Dialect) -> Error {
    let migration = step.migration;
    let statement = Fingerprint::new(migration.statement(place), dialect).text().clone();
    let (file, line) = (&migration.file, line(step, place));
    let error = advised(error).with_statement(statement);
    error.prefixed(&format!("{file}, line {line}, of which nothing was kept"))
}

/// The same of one that runs outside one, with what was kept.
fn stopped(custody: &Custody, step: Step<'_>, place: usize, error: Error) -> Error {
    let (migration, done) = (step.migration, step.from + place);
    let statement = migration.statement(done);
    let statement = Fingerprint::new(statement, custody.dialect()).text().clone();
    let (file, line, all) = (&migration.file, line(step, place), migration.pieces.len());
    let kept = match custody.is_in_transaction() {
        true => "which were kept but for those of its open transaction",
        false => "which were kept",
    };
    error.with_statement(statement).prefixed(&format!(
        "{file}, line {line}, after {done} of its {all} statements, {kept} (mend it and go on with \
         `resume`)"
    ))
}

fn line(step: Step<'_>, place: usize) -> usize {
    step.migration.pieces.get(step.from + place).map_or(0, |piece| piece.line)
}

fn ran_in(step: Step<'_>, began: Instant) -> MigrationRun {
    ran(step, began.elapsed())
}

fn ran(step: Step<'_>, took: Duration) -> MigrationRun {
    let migration = step.migration;
    let rest = migration.pieces.iter().skip(step.from);
    let statement = |(place, piece): (usize, &crate::sql::Piece)| MigrationStatement {
        line: piece.line,
        sql: migration.statement(step.from + place).to_owned(),
    };
    MigrationRun {
        version: migration.version.to_string(),
        name: migration.name.clone(),
        file: migration.file.clone(),
        is_in_transaction: migration.is_in_transaction,
        statements: rest.enumerate().map(statement).collect(),
        took,
    }
}

fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365);
    now.checked_add(wait).unwrap_or(now + FAR)
}
