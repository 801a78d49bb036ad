//! What the checks judge by, as it was read. A fact that could not be read is `None`, and the
//! reason is of no use to a check: it says then that it does not know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::schema;
use crate::error::Result;
use crate::health::ask::{Ask, text, whole};
use crate::health::schema::{Schema, quoted};
use crate::health::statistics::{DatabaseStatistics, path, wal_bytes};
use crate::stats::Stats;

/// Tables whose last row is read to see how long that takes.
const TIMED_TABLES: usize = 8;

/// Reads of one table: one that had to wait for the processor says nothing of the disk.
const READS_TIMED: usize = 5;

/// A read that is as fast as this is not timed again.
const READ_FAST: Duration = Duration::from_millis(10);

/// Faults that are asked for. Rows that a constraint refuses count among them, one by one.
const FAULTS_MAX: usize = 1_000;

/// What SQLite says of a row that a CHECK refuses, before the name of its table.
const REFUSED: &str = "CHECK constraint failed in ";

/// What was read of a database.
#[derive(Clone, Debug, Default)]
pub(in crate::health) struct Facts {
    pub(super) page_bytes: Option<u64>,
    pub(super) pages: Option<u64>,
    pub(super) free_pages: Option<u64>,
    pub(super) journal: Option<String>,
    pub(super) synchronous: Option<u64>,
    pub(super) enforces_foreign_keys: Option<bool>,
    pub(super) compile_options: Vec<String>,
    /// `None` in memory.
    pub(super) path: Option<PathBuf>,
    pub(super) wal_bytes: Option<u64>,
    pub(super) disk: Option<Disk>,
    pub(super) schema: Schema,
    /// Tables that ANALYZE has numbers of, with the rows that it counted.
    pub(super) analysed: BTreeMap<String, u64>,
    /// The longest that it took to read one row by its number.
    pub(super) read: Option<Duration>,
    pub(super) stats: Stats,
    pub(super) deep: Option<Deep>,
}

/// The file system that a database lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) free: u64,
    pub(super) total: u64,
}

/// What only reading the whole database tells.
#[derive(Clone, Debug, Default)]
pub(in crate::health) struct Deep {
    /// What is wrong with it; nothing, if it is sound.
    pub(super) faults: Vec<String>,
    /// Rows that a CHECK of their table refuses: table, how many. `None` where a table has one, but
    /// the handle only reads: SQLite does not take in the CHECKs then.
    pub(super) refused: Option<BTreeMap<String, u64>>,
    /// Rows that refer to nothing: table, parent, how many. `None` where they cannot be read.
    pub(super) orphans: Option<Vec<(String, String, u64)>>,
    /// `None` where SQLite was built without DBSTAT, or the file is damaged.
    pub(super) statistics: Option<DatabaseStatistics>,
}

impl Facts {
    pub(in crate::health) async fn read(ask: Ask<'_>, is_deep: bool) -> Result<Facts> {
        // A database that cannot be read at all is an error, and nothing to be judged.
        ask.rows("SELECT COUNT(*) FROM sqlite_schema").await?;
        let path = path(ask).await?;
        let number = async |sql| ask.number(sql).await.ok().flatten();
        let schema = schema::read(ask).await?;
        Ok(Facts {
            page_bytes: number("PRAGMA page_size").await,
            pages: number("PRAGMA page_count").await,
            free_pages: number("PRAGMA freelist_count").await,
            // As a table: the bare PRAGMA counts as a write, which would empty the cache.
            journal: ask.text("SELECT journal_mode FROM pragma_journal_mode").await.ok().flatten(),
            synchronous: number("PRAGMA synchronous").await,
            enforces_foreign_keys: number("PRAGMA foreign_keys").await.map(|on| on == 1),
            compile_options: texts(ask, "PRAGMA compile_options").await.unwrap_or_default(),
            wal_bytes: path.as_deref().and_then(wal_bytes),
            disk: path.as_deref().and_then(disk),
            path,
            analysed: analysed(ask).await.unwrap_or_default(),
            read: read_time(ask, &schema).await,
            stats: ask.engine().stats(),
            deep: if is_deep { Some(Deep::read(ask).await?) } else { None },
            schema,
        })
    }

    /// A file without a byte in it is a database to SQLite.
    pub(super) fn is_empty_file(&self) -> bool {
        self.path.is_some() && self.pages == Some(0)
    }

    pub(super) fn bytes(&self) -> Option<u64> {
        Some(self.pages? * self.page_bytes?)
    }
}

impl Deep {
    async fn read(ask: Ask<'_>) -> Result<Deep> {
        let said = texts(ask, &format!("PRAGMA integrity_check({FAULTS_MAX})")).await;
        let said = match said {
            Ok(said) => said,
            // Pages may be damaged so that it does not come to an end.
            Err(error) if error.is_corrupt() => {
                vec!["integrity_check cannot read it to its end".to_owned()]
            }
            Err(error) => return Err(error),
        };
        let (mut faults, mut refused) = (Vec::new(), BTreeMap::new());
        let lines = said.iter().flat_map(|said| said.lines());
        for line in lines.filter(|line| *line != "ok" && !line.starts_with("*** ")) {
            match line.strip_prefix(REFUSED) {
                Some(table) => *refused.entry(table.to_owned()).or_default() += 1,
                None => faults.push(line.to_owned()),
            }
        }
        let is_passed_over = ask.engine().is_sqlite_for_reading() && may_check(ask).await;
        let refused = (!is_passed_over).then_some(refused);
        let orphans = orphans(ask).await.ok();
        let statistics = DatabaseStatistics::read(ask).await.ok();
        Ok(Deep { faults, refused, orphans, statistics })
    }
}

async fn texts(ask: Ask<'_>, sql: &str) -> Result<Vec<String>> {
    let rows = ask.rows(sql).await?;
    Ok((0..rows.len()).filter_map(|row| text(rows.values(row).first()?)).collect())
}

/// Whether a table may have a CHECK: its text has the word.
async fn may_check(ask: Ask<'_>) -> bool {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%check%' LIMIT 1";
    ask.rows(sql).await.map_or(true, |rows| !rows.is_empty())
}

async fn orphans(ask: Ask<'_>) -> Result<Vec<(String, String, u64)>> {
    let sql = "SELECT \"table\", parent, COUNT(*) FROM pragma_foreign_key_check GROUP BY 1, 2";
    let rows = ask.rows(sql).await?;
    let orphan = |row: usize| match rows.values(row) {
        [table, parent, count] => Some((text(table)?, text(parent)?, whole(count)?)),
        _ => None,
    };
    Ok((0..rows.len()).filter_map(orphan).collect())
}

async fn analysed(ask: Ask<'_>) -> Result<BTreeMap<String, u64>> {
    let rows = ask.rows("SELECT tbl, stat FROM sqlite_stat1").await?;
    let table = |row: usize| {
        let [table, stat] = rows.values(row) else { return None };
        let counted = text(stat)?.split_whitespace().next()?.parse().ok()?;
        Some((text(table)?, counted))
    };
    Ok((0..rows.len()).filter_map(table).collect())
}

/// By the number of the last row: such a read follows one path through the table.
async fn read_time(ask: Ask<'_>, schema: &Schema) -> Option<Duration> {
    let large = schema.tables.iter().filter(|table| table.is_large && table.has_rowid);
    let mut longest = None;
    for table in large.take(TIMED_TABLES) {
        let name = quoted(&table.name);
        let sql = format!("SELECT 1 FROM {name} WHERE rowid = (SELECT MAX(rowid) FROM {name})");
        // The first time it is prepared, too.
        ask.rows(&sql).await.ok()?;
        let mut shortest = Duration::MAX;
        for _ in 0..READS_TIMED {
            let began = Instant::now();
            ask.rows(&sql).await.ok()?;
            shortest = shortest.min(began.elapsed());
            if shortest < READ_FAST {
                break;
            }
        }
        longest = longest.max(Some(shortest));
    }
    longest
}

#[cfg(unix)]
fn disk(path: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(path.parent().filter(|it| !it.as_os_str().is_empty())?).ok()?;
    let block = found.f_frsize;
    Some(Disk { free: found.f_bavail * block, total: found.f_blocks * block })
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Option<Disk> {
    None
}
