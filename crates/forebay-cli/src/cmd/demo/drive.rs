//! One client's run: it sends step after step until the time is up, takes the time of each, and
//! checks every answer against the ledger.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::Client;
use super::ledger::Ledger;
use super::mix::{Chooser, Step};
use super::stop::Stop;
use super::tally::Tally;

/// A client gives up after so many failed statements: something is wrong with the database.
const FAILURES_MAX: u64 = 100;

/// Sends the chooser's steps until `until`, or until it is stopped.
pub(super) async fn drive<C: Client>(
    mut client: C,
    mut chooser: Chooser,
    ledger: Arc<Ledger>,
    until: Instant,
    stop: Stop,
) -> Tally {
    let mut tally = Tally::new();
    while !stop.is_set() && Instant::now() < until && tally.failures < FAILURES_MAX {
        match chooser.step() {
            Step::Read(read) => {
                let mark = ledger.mark(read);
                let (answer, took) = timed(client.read(read)).await;
                match answer {
                    Ok(answer) => {
                        let stale = ledger.is_stale(read, &mark, &answer);
                        tally.read(read, took, answer.is_cached(), stale);
                    }
                    Err(error) => tally.failure(&error),
                }
            }
            Step::Write(write) => {
                let (receipt, took) = timed(client.write(write)).await;
                match receipt {
                    Ok(receipt) => {
                        ledger.file(&receipt);
                        tally.write(took);
                    }
                    Err(error) => tally.failure(&error),
                }
            }
        }
        client.pause().await;
    }
    tally
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = work.await;
    (result, start.elapsed())
}
