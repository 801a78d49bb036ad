//! Files that hold a secret: read whole, and warned of where others may read them too.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A file larger than this holds something else than a secret.
const BYTES_MAX: u64 = 16 * 1024;

/// The text of the file with a `what`.
pub(super) fn read(path: &Path, what: &str) -> Result<String> {
    let name = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| {
            warn_when_public(path, &file)?;
            file.take(BYTES_MAX + 1).read_to_string(&mut text)
        })
        .with_context(|| format!("cannot read the {what} file {name}"))?;
    if text.len() as u64 > BYTES_MAX {
        bail!("the {what} file {name} is larger than {BYTES_MAX} bytes: is it the right one?");
    }
    Ok(text)
}

#[cfg(unix)]
fn warn_when_public(path: &Path, file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if file.metadata()?.permissions().mode() & 0o004 != 0 {
        let path = path.display();
        tracing::warn!("every user of this machine can read {path}; `chmod 600 {path}` helps");
    }
    Ok(())
}

#[cfg(not(unix))]
fn warn_when_public(_path: &Path, _file: &File) -> std::io::Result<()> {
    Ok(())
}
