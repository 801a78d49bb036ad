//! The face of bulk operations: how they are to run, and what is to be done. It composes nothing:
//! the way is in `run`, and what is written in the file of each operation.

use std::panic::Location;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chunk::{ChunkLimits, Gathering};
use super::columns::BulkColumns;
use super::conflict::Conflict;
use super::fetch::{KEYS_MAX, fetch};
use super::ids::{Delete, Set, nothing_to_set};
use super::insert::Insert;
use super::many::Many;
use super::record::Layout;
use super::report::{BulkDeleted, BulkProgress, BulkReport, Tell};
use super::run::{Operation, Way};
use super::source::BulkRows;
use super::table::Table;
use super::update::Update;
use crate::decode;
use crate::engine::Seat;
use crate::error::Result;

/// Rows of a chunk unless the caller says otherwise.
const CHUNK_ROWS: usize = 1_000;

/// Bytes of a chunk unless the caller says otherwise.
const CHUNK_BYTES: usize = 8 << 20;

/// Many rows at a time, of one table. Nothing happens until one of the operations is awaited.
///
/// Rows are taken from their source a chunk at a time (1,000 rows or 8 MiB, see
/// [`Bulk::chunk_rows`]), so that memory is bounded by two chunks, however many there are. All
/// chunks are written in one transaction: when anything fails, nothing stays, and the error says
/// which row is to blame ([`crate::Error::row`], counted from 0). Within a
/// [`crate::Transaction`] it is a savepoint of that. The cache is kept exact: at SQLite by the rows
/// that were changed, at PostgreSQL by the table.
///
/// The transaction begins when the first chunk has been gathered. While it is open, the source is
/// waited for as long as a transaction may lie idle (the builder's `transaction_idle_timeout`);
/// there is no limit to the whole but [`Bulk::timeout`]. At SQLite nobody else can write
/// meanwhile: let chunks be committed one by one where that is too long.
///
/// Dropping the future stops the statement that runs and rolls back what is not committed; within
/// a [`crate::Transaction`] or a transaction of a session, that is over. The same happens when the
/// source panics.
///
/// Values are always bound, and names always quoted: nothing in them is taken for SQL.
#[must_use = "it does nothing until an operation is awaited"]
pub struct Bulk<'a> {
    seat: Seat<'a>,
    table: String,
    columns: Option<Vec<Box<str>>>,
    returning: Option<Vec<Box<str>>>,
    limits: ChunkLimits,
    is_per_chunk: bool,
    total_max: Option<Duration>,
    tell: Option<Tell<'a>>,
    caller: &'static Location<'static>,
}

impl<'a> Bulk<'a> {
    pub(crate) fn new(seat: Seat<'a>, table: &str, caller: &'static Location<'static>) -> Bulk<'a> {
        Bulk {
            seat,
            table: table.to_owned(),
            columns: None,
            returning: None,
            limits: ChunkLimits { rows_max: CHUNK_ROWS, bytes_max: CHUNK_BYTES },
            is_per_chunk: false,
            total_max: None,
            tell: None,
            caller,
        }
    }

    /// The columns that are written: in the order of the values where rows are tuples or lists,
    /// else the only ones that are taken of each row.
    pub fn columns(mut self, columns: impl BulkColumns) -> Bulk<'a> {
        self.columns = Some(columns.into_names());
        self
    }

    /// The columns that [`Bulk::insert_returning`] answers, instead of the primary key.
    pub fn returning(mut self, columns: impl BulkColumns) -> Bulk<'a> {
        self.returning = Some(columns.into_names());
        self
    }

    /// Rows of a chunk at most: 1,000 unless said here.
    pub fn chunk_rows(mut self, rows: usize) -> Bulk<'a> {
        self.limits.rows_max = rows.max(1);
        self
    }

    /// Bytes of a chunk at which it is closed: 8 MiB unless said here. A row may be larger.
    pub fn chunk_bytes(mut self, bytes: usize) -> Bulk<'a> {
        self.limits.bytes_max = bytes.max(1);
        self
    }

    /// Commits each chunk by itself: others can write between two of them, and when one fails,
    /// those before it stay. How many rows that were is in the error
    /// ([`crate::Error::rows_committed`]).
    pub fn commit_per_chunk(mut self) -> Bulk<'a> {
        self.is_per_chunk = true;
        self
    }

    /// How long the transaction may last, from its beginning to its end; that of each chunk where
    /// they are committed one by one. Without it, as long as it takes. The limit of a single
    /// statement holds for each chunk.
    pub fn timeout(mut self, limit: Duration) -> Bulk<'a> {
        self.total_max = Some(limit);
        self
    }

    /// Calls `tell` after each chunk. It is called by the task that runs the operation, and holds
    /// it up.
    pub fn on_progress(mut self, tell: impl FnMut(&BulkProgress) + Send + 'a) -> Bulk<'a> {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Inserts the rows.
    ///
    /// Columns that the rows do not have get their defaults. Every row has to have the columns of
    /// the first.
    pub async fn insert<R: BulkRows>(self, rows: R) -> Result<BulkReport> {
        let table = self.table().await?;
        let mut insert = Insert::new(&table);
        self.run(rows, &mut insert).await
    }

    /// Inserts the rows and answers what the database has made of their primary key, or of the
    /// columns named with [`Bulk::returning`]: one `T` for each row, in the order of the rows.
    ///
    /// What is answered is kept in memory until the end.
    pub async fn insert_returning<T, R>(self, rows: R) -> Result<Vec<T>>
    where
        T: DeserializeOwned,
        R: BulkRows,
    {
        let table = self.table().await?;
        let returning = match &self.returning {
            Some(columns) => columns.clone(),
            None => table.primary_key()?,
        };
        let mut insert = Insert::new(&table).returning(returning)?;
        self.run(rows, &mut insert).await?;
        let mut answered = Vec::new();
        for rows in insert.returned {
            answered.extend(decode::take_all::<T>(rows)?);
        }
        Ok(answered)
    }

    /// Sets the columns of the rows that are there to those of the rows that are given, by the
    /// columns `key`, which every row has to have.
    ///
    /// A row whose key nobody has changes nothing; [`BulkReport::affected`] tells. Two rows of one
    /// chunk with the same key are an error; of different chunks, the later one holds, as one after
    /// the other would.
    pub async fn update<R: BulkRows>(self, key: impl BulkColumns, rows: R) -> Result<BulkReport> {
        let table = self.table().await?;
        let mut update = Update::new(&table, key.into_names())?;
        self.run(rows, &mut update).await
    }

    /// Inserts the rows whose key is not there, and does about the others what `conflict` says; the
    /// name of a column stands for replacing all others.
    ///
    /// Two rows of one chunk with the same key are an error, but where nothing is to be done about
    /// the second.
    pub async fn upsert<R: BulkRows>(
        self,
        conflict: impl Into<Conflict>,
        rows: R,
    ) -> Result<BulkReport> {
        let table = self.table().await?;
        let mut insert = Insert::new(&table).on_conflict(conflict.into())?;
        self.run(rows, &mut insert).await
    }

    /// Sets columns to the same values in all rows whose `key` is among `ids`: how many rows that
    /// were. `values` is a struct or a map with the columns as fields. An id that comes twice in
    /// one chunk counts once.
    pub async fn set<I: BulkRows, V: Serialize>(self, key: &str, ids: I, values: V) -> Result<u64> {
        let table = self.table().await?;
        let (mut layout, mut set) = (Layout::new(self.columns.as_deref()), Vec::new());
        layout.read(&values, &mut set).map_err(|_| nothing_to_set())?;
        let mut operation = Set::new(&table, key, layout.names(), set)?;
        let ids = Gathering::new(ids.into_source(), Layout::of_values(key), self.limits);
        Ok(self.way().run(ids, &mut operation).await?.affected)
    }

    /// Deletes all rows whose `key` is among `ids`, and tells what went with them.
    ///
    /// That is counted, not estimated: at SQLite by its preupdate hook, which tells of every row
    /// that a foreign key or a trigger deletes (where SQLite is compiled without it, nothing is
    /// told); at PostgreSQL by the server's own counters of the transaction, unless `track_counts`
    /// is off. Rows that a trigger deletes are among them.
    pub async fn delete<I: BulkRows>(self, key: &str, ids: I) -> Result<BulkDeleted> {
        let table = self.table().await?;
        let mut operation = Delete::new(&table, key)?;
        let ids = Gathering::new(ids.into_source(), Layout::of_values(key), self.limits);
        let report = self.way().run(ids, &mut operation).await?;
        Ok(BulkDeleted { rows: report.affected, cascaded: operation.cascaded })
    }

    /// Runs `sql`, an INSERT, UPDATE, DELETE or the like, once for each row, with its values as
    /// parameters: by place where rows are tuples or lists, by name where they are structs or maps.
    /// What it answers is dropped. The table of this [`Bulk`] plays no part.
    pub async fn execute_many<R: BulkRows>(self, sql: &str, rows: R) -> Result<BulkReport> {
        let layout = match &self.columns {
            Some(columns) => Layout::new(Some(columns)),
            None => Layout::of_parameters(),
        };
        let rows = Gathering::new(rows.into_source(), layout, self.limits);
        self.way().run(rows, &mut Many::new(sql)).await
    }

    /// For each of `ids`, in their order, the row whose `key` it is, if there is one. Two rows with
    /// one key are an error.
    ///
    /// It reads as [`crate::Db::query`] does, in statements of up to 500 keys: each is of one
    /// snapshot and may be answered by the cache.
    pub async fn fetch_by<T, I>(self, key: &str, ids: I) -> Result<Vec<Option<T>>>
    where
        T: DeserializeOwned,
        I: BulkRows,
    {
        let table = self.table().await?;
        table.check_there(&[key.into()])?;
        let limits = ChunkLimits { rows_max: self.limits.rows_max.min(KEYS_MAX), ..self.limits };
        let mut ids = Gathering::new(ids.into_source(), Layout::of_values(key), limits);
        let mut found = Vec::new();
        while let Some(chunk) = ids.next().await? {
            fetch(self.seat, self.caller, &table, key, chunk, &mut found).await?;
        }
        Ok(found)
    }

    /// Not of a reference to itself, which could not go to another thread.
    fn table(&self) -> impl Future<Output = Result<Table>> + use<'a> {
        Table::find(self.seat, self.table.clone(), self.caller)
    }

    async fn run<R: BulkRows, O: Operation>(
        self,
        rows: R,
        operation: &mut O,
    ) -> Result<BulkReport> {
        let layout = Layout::new(self.columns.as_deref());
        let rows = Gathering::new(rows.into_source(), layout, self.limits);
        self.way().run(rows, operation).await
    }

    fn way(self) -> Way<'a> {
        Way {
            seat: self.seat,
            caller: self.caller,
            is_per_chunk: self.is_per_chunk,
            total_max: self.total_max,
            tell: self.tell,
        }
    }
}
