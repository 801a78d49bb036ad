//! A plan and a run between PostgreSQL databases, from their beginning to what they report.

use std::time::Duration;

use crate::builder::Builder;
use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::mode::CacheMode;
use crate::value::Value;

use super::super::face::{
    Archive, ArchivePlan, ArchiveProgress, ArchiveReport, LOCKED_MAX, check_count, check_name,
    new_name,
};
use super::super::place::{Range, Standing};
use super::super::step::{Counts, Stepped};
use super::check::check;
use super::place::Place;
use crate::route::server::BoundaryRow;

/// The longest wait for a connection: a run has time, and is ended by a fault only.
const CONNECTED_MAX: Duration = Duration::from_secs(60);

/// Whether it is the address of a PostgreSQL database.
pub(in super::super) fn is_server(url: &str) -> bool {
    ["postgres:", "postgresql:"].iter().any(|scheme| url.trim_start().starts_with(scheme))
}

/// The live database and the archive.
async fn opened(archive: &Archive) -> Result<(Db, Db)> {
    if !is_server(&archive.live) || !is_server(&archive.archive) {
        return Err(Error::usage(
            "rows can be moved between two SQLite databases or two PostgreSQL databases, not from \
             one kind to the other",
        ));
    }
    let live = builder(&archive.live).open().await?;
    match builder(&archive.archive).open().await {
        Ok(other) => Ok((live, other)),
        Err(error) => {
            live.close().await;
            Err(error.prefixed("the archive"))
        }
    }
}

fn builder(url: &str) -> Builder {
    Builder::new(url)
        .cache(CacheMode::Off)
        .min_idle(0)
        .max_size(2)
        .acquire_timeout(CONNECTED_MAX)
        .statement_timeout(Some(LOCKED_MAX))
        .transaction_idle_timeout(LOCKED_MAX)
        .transaction_timeout(LOCKED_MAX)
        .slow_after(None::<Duration>)
}

/// What moving the rows below `before` would do.
pub(in super::super) async fn plan(archive: &Archive, before: Value) -> Result<ArchivePlan> {
    let (live, other) = opened(archive).await?;
    let plan = plan_with(archive, &live, &other, before).await;
    live.close().await;
    other.close().await;
    plan
}

async fn plan_with(archive: &Archive, live: &Db, other: &Db, before: Value) -> Result<ArchivePlan> {
    let place = check(live, other, &archive.table, &archive.column).await?;
    let before = place.as_kept(&before).await?;
    let standing = match place.boundary.is_there(live).await? {
        true => place.standing().await?,
        false => None,
    };
    if let Some(standing) = &standing {
        check_name(standing, place.mark().await?.as_deref())?;
    } else if place.has_table && place.mark().await?.is_none() {
        let count = format!("SELECT pg_catalog.count(*) FROM {}", place.archive_sql);
        check_count(other.query(&count).scalar().await?, &place.shape.name)?;
    }
    let boundary = standing.and_then(|standing| standing.boundary);
    let rows = place.count(&Range { low: boundary.clone(), high: Some(before) }).await?;
    Ok(ArchivePlan {
        rows,
        steps: rows.div_ceil(archive.batch),
        is_continued: boundary.is_some(),
        strays: place.strays(boundary).await?,
        creates_table: !place.has_table,
    })
}

/// Moves the rows below `before`, and says after each step how far it has come.
pub(in super::super) async fn run(
    archive: &Archive,
    before: Value,
    progress: impl FnMut(ArchiveProgress),
) -> Result<ArchiveReport> {
    let (live, other) = opened(archive).await?;
    let report = run_on(archive, &live, &other, before, progress).await;
    live.close().await;
    other.close().await;
    report
}

async fn run_on(
    archive: &Archive,
    live: &Db,
    other: &Db,
    before: Value,
    mut progress: impl FnMut(ArchiveProgress),
) -> Result<ArchiveReport> {
    let place = check(live, other, &archive.table, &archive.column).await?;
    let before = place.as_kept(&before).await?;
    place.begin().await?;
    let mut report = ArchiveReport::default();
    let mut counts = Counts::default();
    loop {
        let standing = place.standing().await?.ok_or_else(gone)?;
        if place.has_reached(&standing, &before)? {
            report.strays = place.strays(standing.boundary).await?;
            (report.cleared, report.again) = (counts.cleared, counts.again);
            return Ok(report);
        }
        let end = place.end_of_step(&standing, &before, archive.batch).await?;
        match place.step(&standing, &end, &mut counts).await? {
            Stepped::Overtaken => {}
            Stepped::Moved { rows } => {
                report.moved += rows;
                report.steps += 1;
                progress(ArchiveProgress { moved: report.moved, steps: report.steps });
                if !archive.pause.is_zero() {
                    tokio::time::sleep(archive.pause).await;
                }
            }
            Stepped::Changed => return Err(restless(&place, report.moved)),
        }
    }
}

fn gone() -> Error {
    Error::new(Kind::Database, "the boundary of the table has gone")
}

fn restless(place: &Place, moved: u64) -> Error {
    Error::new(
        Kind::Busy,
        format!(
            "rows of {} are changed while they are copied, again and again, or a transaction that \
             has written it does not end; {moved} rows were moved before that: run it again when \
             they rest, or with a smaller batch",
            place.shape.name
        ),
    )
}

impl Place {
    /// By what the archive is known, if rows were ever moved there.
    async fn mark(&self) -> Result<Option<String>> {
        if !self.has_table {
            return Ok(None);
        }
        let mut shape = self.shape.clone();
        shape.schema = self.archive_schema.clone();
        BoundaryRow::mark(&self.archive, &shape).await
    }

    /// Makes what a first run needs, and ties the archive to the live database.
    async fn begin(&self) -> Result<()> {
        self.boundary.prepare(&self.live).await?;
        if let Some(standing) = self.standing().await? {
            return check_name(&standing, self.mark().await?.as_deref());
        }
        let new = new_name();
        let made = self.archive.transaction(|tx| {
            let new = new.clone();
            async move { self.name_archive(&tx, new).await }
        });
        let made = made.await?;
        let sql = format!(
            "INSERT INTO {} VALUES ($1, $2, $3, 0, NULL) ON CONFLICT DO NOTHING",
            self.boundary.place
        );
        let column = &self.shape.columns[self.shape.split].name;
        let insert = self.live.execute(&sql).bind(&*self.shape.name).bind(&**column).bind(&made);
        insert.await?;
        let standing: Standing = self.standing().await?.ok_or_else(gone)?;
        check_name(&standing, Some(&made))
    }
}
