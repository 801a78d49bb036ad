//! PostgreSQL's own client, which proves that others get in as we do.

use std::path::PathBuf;
use std::process::Command;

use cluster::installed;

/// The psql of an installed version, or that in PATH.
fn find() -> Option<PathBuf> {
    let beside = installed().iter().map(|version| version.bin().join("psql"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path).map(|folder| folder.join("psql")).collect::<Vec<_>>();
    beside.chain(others).find(|psql| psql.is_file())
}

/// Runs one statement at `url`: what psql prints, or its error. None if there is no psql.
pub(crate) fn psql(url: &str, sql: &str) -> Option<Result<String, String>> {
    let Some(psql) = find() else {
        eprintln!("there is no psql: what it would show is skipped");
        return None;
    };
    let output = Command::new(psql).args(["-XAtwc", sql, url]).env_clear().output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let is_ok = output.status.success();
    Some(if is_ok { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}
