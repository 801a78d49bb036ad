//! The way of all operations that take rows: gather a chunk, write it, tell how far it has come,
//! until the source is at its end. What is written is the operation's.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::chunk::{Chunk, Gathering};
use super::report::{BulkProgress, BulkReport, Tell};
use super::source::BulkSource;
use crate::engine::{Hands, Seat};
use crate::error::{Error, Result};

/// How an operation is to run.
pub(super) struct Way<'a> {
    pub(super) seat: Seat<'a>,
    pub(super) caller: &'static Location<'static>,
    /// Each chunk has a transaction of its own.
    pub(super) is_per_chunk: bool,
    pub(super) total_max: Option<Duration>,
    pub(super) tell: Option<Tell<'a>>,
}

/// What is done with the rows.
pub(super) trait Operation: Send {
    /// The first row has been read: these are the columns.
    fn begin(&mut self, columns: &[Box<str>]) -> Result<()>;

    /// Looks at a chunk before anything of it is written.
    fn check(&self, chunk: &Chunk) -> Result<()>;

    /// Writes a chunk: the number of rows that it has changed.
    fn write(&mut self, hands: &Hands, chunk: Chunk) -> impl Future<Output = Result<u64>> + Send;
}

impl Way<'_> {
    /// Runs `operation` for all rows.
    pub(super) async fn run<S: BulkSource, O: Operation>(
        mut self,
        mut rows: Gathering<S>,
        operation: &mut O,
    ) -> Result<BulkReport> {
        let mut report = BulkReport::default();
        let Some(first) = rows.next().await? else { return Ok(report) };
        operation.begin(rows.layout.names())?;
        operation.check(&first)?;
        if self.is_per_chunk {
            let chunks = self.run_chunks(first, &mut rows, operation, &mut report);
            let done = Box::pin(chunks).await;
            return match done {
                Ok(()) => Ok(report),
                Err(error) if report.rows == 0 => Err(error),
                Err(error) => Err(error.after_committed(report.rows, report.chunks)),
            };
        }
        let (seat, caller, total_max) = (self.seat, self.caller, self.total_max);
        let (this, report_of) = (&mut self, &mut report);
        let unit = seat.unit(caller, total_max, |hands| async move {
            let mut next = Some(first);
            while let Some(chunk) = next {
                let write = this.write(&hands, chunk, operation, report_of);
                ((), next) = rows.next_beside(write).await?;
                if let Some(chunk) = &next {
                    operation.check(chunk)?;
                }
            }
            Ok(())
        });
        Box::pin(unit).await?;
        Ok(report)
    }

    async fn run_chunks<S: BulkSource, O: Operation>(
        &mut self,
        first: Chunk,
        rows: &mut Gathering<S>,
        operation: &mut O,
        report: &mut BulkReport,
    ) -> Result<()> {
        if self.seat.is_within() {
            return Err(Error::usage(
                "chunks cannot be committed one by one within a transaction; leave \
                 `commit_per_chunk` out, or use the database's own handle",
            ));
        }
        let mut next = Some(first);
        while let Some(chunk) = next {
            let (rows_of, operation_of) = (chunk.len as u64, &mut *operation);
            let unit = self.seat.unit(self.caller, self.total_max, |hands| async move {
                operation_of.write(&hands, chunk).await
            });
            let write = async {
                let affected = Box::pin(unit).await?;
                self.count(rows_of, affected, report);
                Ok(())
            };
            ((), next) = rows.next_beside(write).await?;
            if let Some(chunk) = &next {
                operation.check(chunk)?;
            }
        }
        Ok(())
    }

    async fn write<O: Operation>(
        &mut self,
        hands: &Hands,
        chunk: Chunk,
        operation: &mut O,
        report: &mut BulkReport,
    ) -> Result<()> {
        let rows = chunk.len as u64;
        let affected = Box::pin(operation.write(hands, chunk)).await?;
        self.count(rows, affected, report);
        Ok(())
    }

    fn count(&mut self, rows: u64, affected: u64, report: &mut BulkReport) {
        report.rows += rows;
        report.affected += affected;
        report.chunks += 1;
        if let Some(tell) = &mut self.tell {
            let BulkReport { rows, affected, chunks } = *report;
            tell(&BulkProgress { rows, affected, chunks, is_committed: self.is_per_chunk });
        }
    }
}
