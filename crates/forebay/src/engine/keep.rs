//! Statistics that go on after a restart: read when the database is opened, written now and then
//! and when it is closed. Nothing that goes wrong with the file is an error of the database.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::database::Engine;
use super::worker::blocking;
use crate::saved::{self, Fault};
use crate::watch::Fingerprints;

/// How often the file is written.
const SAVE_INTERVAL: Duration = Duration::from_secs(60);

/// How often hits are brought into the windows.
const ROLL_INTERVAL: Duration = Duration::from_secs(10);

/// Reads the file, and goes on from there.
pub(super) async fn restore(path: PathBuf, fingerprints: &Fingerprints) {
    let read = {
        let path = path.clone();
        blocking(move || Ok(saved::read(&path))).await
    };
    match read {
        Ok(Ok(Some(ledger))) if ledger.dialect == fingerprints.dialect() => {
            fingerprints.restore(&ledger);
        }
        Ok(Ok(None)) | Err(_) => {}
        Ok(Err(Fault::Io(error))) => tracing::warn!(
            path = %path.display(), %error,
            "the statistics cannot be read; counting begins anew"
        ),
        Ok(Ok(Some(_)) | Err(Fault::Unreadable(_))) => {
            let aside = blocking(move || Ok((saved::set_aside(&path), path))).await;
            let Ok((aside, path)) = aside else { return };
            let aside = aside.map_or_else(|error| error.to_string(), |it| it.display().to_string());
            tracing::warn!(
                path = %path.display(), aside,
                "the statistics are damaged, of another version or of another kind of database; \
                 the file is set aside, and counting begins anew"
            );
        }
    }
}

impl Engine {
    /// Looks after the statistics until the engine is dropped.
    pub(super) async fn keep_statistics(weak: std::sync::Weak<Engine>) {
        let mut saved = Instant::now();
        loop {
            tokio::time::sleep(ROLL_INTERVAL).await;
            let Some(engine) = weak.upgrade() else { return };
            engine.fingerprints.roll(Instant::now());
            if saved.elapsed() >= SAVE_INTERVAL {
                saved = Instant::now();
                engine.save_statistics().await;
            }
        }
    }

    /// Writes the file, if there is to be one.
    pub(super) async fn save_statistics(&self) {
        let Some(path) = self.statistics_file.clone() else { return };
        let ledger = self.fingerprints.ledger();
        let written = blocking(move || Ok((saved::write(&path, &ledger), path))).await;
        if let Ok((Err(error), path)) = written {
            tracing::warn!(path = %path.display(), %error, "the statistics cannot be written");
        }
    }
}
