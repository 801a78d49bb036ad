//! Where the server's program is. Debian's package redis-tools has it under the name of a tool that
//! is the same program, and unlike redis-server installs no service.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The server under its own name, and where Debian keeps the same program.
const NAMES: [&str; 4] = ["redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb"];

/// Names the program to take instead, for example of another version.
const VARIABLE: &str = "FOREBAY_REDIS_SERVER";

/// Whether there is a server to start.
#[must_use]
pub fn is_installed() -> bool {
    find().is_some()
}

/// The program, under a name by which it serves, in `folder`.
pub(crate) fn in_folder(folder: &Path) -> Result<PathBuf> {
    let program = find().context(
        "no redis-server was found: install Debian's package redis-tools, or name one in \
         FOREBAY_REDIS_SERVER",
    )?;
    let link = folder.join("redis-server");
    if !link.exists() {
        std::os::unix::fs::symlink(program, &link)?;
    }
    Ok(link)
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut candidates =
        NAMES.iter().flat_map(|name| folders.iter().map(move |one| one.join(name)));
    candidates.find(|path| path.is_file())?.canonicalize().ok()
}
