//! Ends a statement that runs for too long. It is asked around each run, and is gone afterwards.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::InterruptHandle;

/// Runs `work`, and interrupts it after `limit`.
pub(super) fn within<T>(handle: &InterruptHandle, limit: Duration, work: impl FnOnce() -> T) -> T {
    let (done, waits) = sync_channel::<()>(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            // The sender is dropped when the work is done.
            if waits.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let result = work();
        drop(done);
        result
    })
}
