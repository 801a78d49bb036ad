//! The second check: whole answers, value by value, against the bare database. It runs beside
//! the clients, on a thread of its own, so that it costs them no latency.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Handle;

use super::bare::Bare;
use super::client::Client;
use super::mix::{Chooser, Read, SHAPES};
use super::stop::Stop;

/// The wait between two comparisons while the load runs.
const INTERVAL: Duration = Duration::from_millis(5);
/// Comparisons for each statement after the load.
const SETTLED_READS: usize = 25;
/// The longest that the comparisons after the load may take.
const SETTLED_TIME: Duration = Duration::from_secs(5);

/// What the comparisons found.
#[derive(Default)]
pub(super) struct Audit {
    /// Answers compared.
    pub(super) compared: u64,
    /// Of these, answers that differed from the database's.
    pub(super) differing: u64,
    /// Answers that could not be compared, because someone wrote in between.
    pub(super) disturbed: u64,
    /// The first that differed, in words.
    pub(super) first_differing: Option<String>,
}

/// Compares the answers of `client` with those of a bare connection.
pub(super) struct Auditor<C> {
    client: C,
    bare: Bare,
    chooser: Chooser,
    audit: Audit,
}

impl<C: Client> Auditor<C> {
    pub(super) fn new(client: C, bare: Bare, chooser: Chooser) -> Auditor<C> {
        Auditor { client, bare, chooser, audit: Audit::default() }
    }

    /// Compares while the load runs, until `stop`, then once more everything that is at rest.
    pub(super) fn run(mut self, runtime: &Handle, stop: &Stop, settled: &Stop) -> Result<Audit> {
        while !stop.is_set() {
            let read = self.chooser.read();
            runtime.block_on(self.compare(read))?;
            std::thread::sleep(INTERVAL);
        }
        while !settled.is_set() {
            std::thread::sleep(Duration::from_millis(1));
        }
        runtime.block_on(self.settle())?;
        Ok(self.audit)
    }

    /// Reads every statement with many parameters while nobody writes: most come from the cache
    /// as the load has left it.
    async fn settle(&mut self) -> Result<()> {
        let until = Instant::now() + SETTLED_TIME;
        for _ in 0..SETTLED_READS {
            for shape in 0..SHAPES.len() {
                if Instant::now() < until {
                    let read = self.chooser.read_of(shape);
                    self.compare(read).await?;
                }
            }
        }
        Ok(())
    }

    /// Compares one answer. It counts only if nobody committed between before the first read
    /// and after the second: then both must have seen the same database.
    async fn compare(&mut self, read: Read) -> Result<()> {
        if read.shape().volatile {
            return Ok(());
        }
        let before = self.bare.data_version()?;
        let answer = self.client.read(read).await?;
        let expected = self.bare.answer(read)?;
        if self.bare.data_version()? != before {
            self.audit.disturbed += 1;
            return Ok(());
        }
        self.audit.compared += 1;
        if answer != expected {
            self.audit.differing += 1;
            self.audit.first_differing.get_or_insert_with(|| read.to_string());
        }
        Ok(())
    }
}
