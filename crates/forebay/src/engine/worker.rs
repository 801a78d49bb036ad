//! Work that may block, on the runtime's threads for such work.

use crate::error::{Error, Kind, Result};

/// Runs `work` on a thread where it may block. Dropping the future does not stop it; whoever
/// wants that gives it a `Stop`.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_cancelled() => {
            Err(Error::new(Kind::Closed, "the runtime is shutting down"))
        }
        Err(error) => Err(Error::new(
            Kind::Database,
            "a statement panicked on its worker thread; its connection was closed",
        )
        .with_cause(error)),
    }
}
