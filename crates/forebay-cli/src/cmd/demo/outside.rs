//! Someone who writes to the same file without Forebay, as another program would: the cache has
//! to notice these commits by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Handle;

use super::bare::Bare;
use super::client::Client;
use super::ledger::Ledger;
use super::mix::Chooser;
use super::stop::Stop;

/// How often the wish to stop is looked at.
const TICK: Duration = Duration::from_millis(10);

/// Writes `per_second` times a second until it is stopped; the number of writes.
pub(super) fn write(
    mut bare: Bare,
    mut chooser: Chooser,
    ledger: &Arc<Ledger>,
    per_second: f64,
    runtime: &Handle,
    stop: &Stop,
) -> Result<u64> {
    let mut written = 0;
    let start = Instant::now();
    while !stop.is_set() {
        let due = (start.elapsed().as_secs_f64() * per_second) as u64;
        if written >= due {
            std::thread::sleep(TICK);
            continue;
        }
        let receipt = runtime.block_on(bare.write(chooser.write()))?;
        ledger.file(&receipt);
        written += 1;
    }
    Ok(written)
}
