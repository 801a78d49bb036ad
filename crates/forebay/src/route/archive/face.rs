//! Moving rows to an archive, as an application or the command asks for it.

use std::time::Duration;

use crate::builder::{Builder, Synchronous};
use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::invalidate::{Comparand, Scalar};
use crate::mode::CacheMode;
use crate::session::Transaction;
use crate::sql::Collation;
use crate::value::Value;

use super::super::boundary::{Boundary, mark};
use super::check::{Checked, as_held, check};
use super::place::{Place, Range, Standing};
use super::step::{Counts, Stepped};

/// Rows of one step unless it is said otherwise.
const BATCH: u64 = 1_000;

/// The longest that the locks of both databases may be held.
pub(super) const LOCKED_MAX: Duration = Duration::from_secs(600);

/// A move of the rows of one table to an archive: those whose `column` lies below a value.
///
/// Rows are copied in steps, verified, and change hands at the instant at which the live database
/// commits their deletion; it can be stopped and killed at any time and be run again. Whoever reads
/// through a [`crate::Routed`] that was opened with
/// [`moving`](crate::RoutedBuilder::moving) sees every row once at any time. What is refused, and
/// why all this is so, is in `docs/design/archive.md`.
#[derive(Clone, Debug)]
#[must_use = "nothing is moved until `run` is called"]
pub struct Archive {
    pub(super) live: String,
    pub(super) archive: String,
    pub(super) table: String,
    pub(super) column: String,
    pub(super) batch: u64,
    pub(super) pause: Duration,
}

/// What a move would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePlan {
    /// Rows that would be moved.
    pub rows: u64,
    /// In how many steps, about.
    pub steps: u64,
    /// Rows of the live database below the boundary: another program has inserted them past the
    /// routing. They are not part of the logical table, and are left.
    pub strays: u64,
    /// Whether the archive has no such table yet; it would be made like the live one.
    pub creates_table: bool,
    /// Whether rows were moved before.
    pub is_continued: bool,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveProgress {
    /// Rows moved by this run.
    pub moved: u64,
    /// Steps of this run that have ended.
    pub steps: u64,
}

/// What a move has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// Rows moved.
    pub moved: u64,
    /// Steps that moved the boundary.
    pub steps: u64,
    /// Copies that runs before had left, and that were deleted.
    pub cleared: u64,
    /// How often a step began again because rows changed while they were copied.
    pub again: u64,
    /// See [`ArchivePlan::strays`].
    pub strays: u64,
}

impl Archive {
    /// Rows of `table` in the SQLite database at `live`, to be moved to that at `archive` by the
    /// order of `column`. A missing archive, and a table missing there, are made.
    pub fn new(
        live: impl AsRef<str>,
        archive: impl AsRef<str>,
        table: &str,
        column: &str,
    ) -> Archive {
        Archive {
            live: live.as_ref().to_owned(),
            archive: archive.as_ref().to_owned(),
            table: table.to_owned(),
            column: column.to_owned(),
            batch: BATCH,
            pause: Duration::ZERO,
        }
    }

    /// Rows of one step, about; 1,000 by default. Rows with equal values are moved in one step,
    /// however many they are. A step is held in memory, and its deletion is one transaction.
    pub fn batch(mut self, rows: u64) -> Archive {
        self.batch = rows;
        self
    }

    /// How long to rest after each step; not at all by default.
    pub fn pause(mut self, pause: Duration) -> Archive {
        self.pause = pause;
        self
    }

    /// What moving the rows below `before` would do. Nothing is changed.
    pub async fn plan<V>(&self, before: V) -> Result<ArchivePlan>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        let before = before.try_into().map_err(Into::into)?;
        self.check_batch()?;
        #[cfg(feature = "postgres")]
        if super::server::is_server(&self.live) || super::server::is_server(&self.archive) {
            return super::server::plan(self, before).await;
        }
        let reading = |url: &str| builder(url).read_only(true).create(false);
        let live = reading(&self.live).open().await?;
        // An archive that is not there yet is looked at as if it were empty.
        let archive = match reading(&self.archive).open().await {
            Err(error) if error.is_open() => builder("sqlite::memory:").open().await?,
            opened => opened?,
        };
        let plan = self.plan_with(&live, &archive, before).await;
        close(&live, &archive).await;
        plan
    }

    async fn plan_with(&self, live: &Db, archive: &Db, before: Value) -> Result<ArchivePlan> {
        let checked = check(live, archive, &self.table, &self.column).await?;
        let before = as_held(&before, checked.affinity)?;
        let creates_table = !checked.create.is_empty();
        let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'forebay_archive'";
        let is_known = live.query(there).scalar::<i64>().await? > 0;
        let place = place(live.clone(), archive.clone(), checked);
        let standing = if is_known { place.standing().await? } else { None };
        let named = mark(archive, &place.table).await?;
        if let Some(standing) = &standing {
            check_name(standing, named.as_deref())?;
        } else if !creates_table {
            self.check_empty(&place).await?;
        }
        let boundary = standing.as_ref().and_then(|it| it.boundary.clone());
        let rows = place.count(&Range { low: boundary.clone(), high: Some(before) }).await?;
        Ok(ArchivePlan {
            rows,
            steps: rows.div_ceil(self.batch),
            strays: strays(&place, boundary).await?,
            creates_table,
            is_continued: standing.is_some_and(|it| it.boundary.is_some()),
        })
    }

    /// Moves the rows below `before`. Dropping the future, or killing the process, at any instant
    /// loses and doubles nothing; run it again to go on.
    pub async fn run<V>(&self, before: V) -> Result<ArchiveReport>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        self.run_with(before, |_| {}).await
    }

    /// The same, and says after each step how far it has come.
    pub async fn run_with<V>(
        &self,
        before: V,
        progress: impl FnMut(ArchiveProgress),
    ) -> Result<ArchiveReport>
    where
        V: TryInto<Value>,
        V::Error: Into<Error>,
    {
        let before = before.try_into().map_err(Into::into)?;
        self.check_batch()?;
        #[cfg(feature = "postgres")]
        if super::server::is_server(&self.live) || super::server::is_server(&self.archive) {
            return Box::pin(super::server::run(self, before, progress)).await;
        }
        let live = builder(&self.live).create(false).open().await?;
        let archive = builder(&self.archive).foreign_keys(false).open().await?;
        let report = self.run_on(&live, &archive, before, progress).await;
        close(&live, &archive).await;
        report
    }

    async fn run_on(
        &self,
        live: &Db,
        archive: &Db,
        before: Value,
        mut progress: impl FnMut(ArchiveProgress),
    ) -> Result<ArchiveReport> {
        let checked = check(live, archive, &self.table, &self.column).await?;
        let before = as_held(&before, checked.affinity)?;
        let create = checked.create.clone();
        let place = place(live.clone(), archive.clone(), checked);
        self.begin(&place, create).await?;
        let mut report = ArchiveReport::default();
        let mut counts = Counts::default();
        loop {
            let Some(standing) = place.standing().await? else {
                return Err(Error::new(Kind::Database, "the boundary of the table has gone"));
            };
            if has_reached(&standing, &before) {
                report.strays = strays(&place, standing.boundary).await?;
                (report.cleared, report.again) = (counts.cleared, counts.again);
                return Ok(report);
            }
            let end = place.end_of_step(&standing, &before, self.batch).await?;
            match place.step(&standing, &end, &mut counts).await? {
                Stepped::Overtaken => {}
                Stepped::Moved { rows } => {
                    report.moved += rows;
                    report.steps += 1;
                    progress(ArchiveProgress { moved: report.moved, steps: report.steps });
                    if !self.pause.is_zero() {
                        tokio::time::sleep(self.pause).await;
                    }
                }
                Stepped::Changed => {
                    return Err(Error::new(
                        Kind::Busy,
                        format!(
                            "rows of {} are changed while they are copied, again and again; {} \
                             rows were moved before that: run it again when they rest, or with a \
                             smaller batch",
                            place.table, report.moved
                        ),
                    ));
                }
            }
        }
    }

    fn check_batch(&self) -> Result<()> {
        match self.batch {
            0 => Err(Error::usage("a step of a move has at least one row: `batch` is 0")),
            _ => Ok(()),
        }
    }

    async fn check_empty(&self, place: &Place) -> Result<()> {
        let sql = format!("SELECT count(*) FROM {}", place.table_sql());
        check_count(place.archive.query(&sql).scalar().await?, &place.table)
    }

    /// Makes what a first run needs, and ties the archive to the live database.
    async fn begin(&self, place: &Place, create: Vec<String>) -> Result<()> {
        place.live.execute_batch(Boundary::CREATE).await?;
        let standing = place.standing().await?;
        if let Some(standing) = &standing {
            return check_name(standing, mark(&place.archive, &place.table).await?.as_deref());
        }
        let table = &place.table;
        let made = place.archive.transaction(|tx| async move { mark_in(&tx, place, create).await });
        let made = made.await?;
        place
            .live
            .execute("INSERT OR IGNORE INTO forebay_archive VALUES (?, ?, ?, 0, NULL)")
            .bind(table)
            .bind(&place.column)
            .bind(&made)
            .await?;
        match place.standing().await? {
            Some(standing) => check_name(&standing, Some(&made)),
            None => Err(Error::new(Kind::Database, "the boundary of the table has gone")),
        }
    }
}

/// Makes the archive's table if need be, and gives the archive a name if it has none.
async fn mark_in(tx: &Transaction, place: &Place, create: Vec<String>) -> Result<String> {
    let table = &place.table;
    let there =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
    if tx.query(there).bind(table).scalar::<i64>().await? == 0 {
        for sql in &create {
            tx.execute(sql).await?;
        }
    }
    tx.execute(
        "CREATE TABLE IF NOT EXISTS forebay_archive_of (\
         split_table TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, archive TEXT NOT NULL)",
    )
    .await?;
    let named = "SELECT archive FROM forebay_archive_of WHERE split_table = ?";
    if let Some(name) = tx.query(named).bind(table).optional::<String>().await? {
        return Ok(name);
    }
    let count = format!("SELECT count(*) FROM {}", place.table_sql());
    check_count(tx.query(&count).scalar().await?, table)?;
    let name = new_name();
    let insert = tx.execute("INSERT INTO forebay_archive_of VALUES (?, ?)");
    insert.bind(table).bind(&name).await?;
    Ok(name)
}

pub(super) fn check_count(rows: i64, table: &str) -> Result<()> {
    if rows == 0 {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the archive's table {table} has rows that were not moved there from this database; move \
         to an empty one, and open both as archives"
    )))
}

fn builder(url: &str) -> Builder {
    Builder::new(url)
        .cache(CacheMode::Off)
        .synchronous(Synchronous::Full)
        .min_idle(0)
        .max_size(2)
        .transaction_idle_timeout(LOCKED_MAX)
        .transaction_timeout(LOCKED_MAX)
}

async fn close(live: &Db, archive: &Db) {
    live.close().await;
    archive.close().await;
}

fn place(live: Db, archive: Db, checked: Checked) -> Place {
    let Checked { table, column, columns, affinity: _, create: _ } = checked;
    Place { live, archive, table, column, columns }
}

pub(super) fn new_name() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

pub(super) fn check_name(standing: &Standing, named: Option<&str>) -> Result<()> {
    if named == Some(&standing.name) {
        return Ok(());
    }
    Err(Error::usage(
        "rows of this table were moved to another archive before: go on with that one, or open \
         both as archives and begin with a new live database",
    ))
}

/// Whether everything below `before` is the archive's.
fn has_reached(standing: &Standing, before: &Value) -> bool {
    let of = |value: &Value| Comparand::of(Scalar::from(value), Collation::Binary);
    standing.boundary.as_ref().is_some_and(|boundary| of(boundary) >= of(before))
}

async fn strays(place: &Place, boundary: Option<Value>) -> Result<u64> {
    match boundary {
        None => Ok(0),
        high => place.count(&Range { low: None, high }).await,
    }
}
