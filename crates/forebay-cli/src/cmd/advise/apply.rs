//! Running the SQL of the findings. It opens the file as any application would, and leaves its
//! settings as they are.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use forebay::Advice;
use rusqlite::{Connection, OpenFlags};

/// The longest wait for whoever writes.
const BUSY: Duration = Duration::from_secs(30);

/// Runs all statements in order, and says how to undo them. When one fails, those before it stay,
/// and the error says which they are.
pub(super) fn apply(url: &str, advice: &Advice) -> Result<String> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).with_context(|| format!("cannot open {url}"))?;
    connection.busy_timeout(BUSY)?;
    let script = advice.script();
    for (number, sql) in script.iter().enumerate() {
        connection.execute_batch(sql).map_err(|error| {
            anyhow!(
                "statement {} of {} failed, those before it are done and stay: {sql}: {error}",
                number + 1,
                script.len()
            )
        })?;
    }
    let mut said = format!("done: {} statements. To undo them:\n", script.len());
    for sql in advice.undo_script() {
        let _ = writeln!(said, "{sql}");
    }
    Ok(said)
}
