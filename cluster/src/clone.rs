//! Copies of folders, given to the account of the server. Files may come, go and change while it
//! copies: whoever calls it knows what that means.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::{Context, Result};

use super::account::Account;

/// Copies the folder `from` to `to`, which must not exist. `wanted` is asked for every path,
/// relative to `from`; what it refuses is left out, folders with all that is in them.
pub(crate) fn folder(
    from: &Path,
    to: &Path,
    account: Account,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    level(from, to, Path::new(""), account, wanted)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn level(
    from: &Path,
    to: &Path,
    path: &Path,
    account: Account,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    let (source, target) = (from.join(path), to.join(path));
    fs::create_dir(&target)?;
    fs::set_permissions(&target, fs::metadata(&source)?.permissions())?;
    account.own(&target)?;
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        let path = path.join(entry.file_name());
        let Some(kind) = unless_gone(entry.file_type())? else { continue };
        if !wanted(&path) {
            continue;
        }
        if kind.is_dir() {
            level(from, to, &path, account, wanted)?;
        } else {
            file(&entry.path(), &to.join(&path), kind, account)?;
        }
    }
    Ok(())
}

fn file(from: &Path, to: &Path, kind: fs::FileType, account: Account) -> Result<()> {
    if kind.is_symlink() {
        let Some(target) = unless_gone(fs::read_link(from))? else { return Ok(()) };
        return Ok(std::os::unix::fs::symlink(target, to)?);
    }
    if !kind.is_file() || unless_gone(fs::copy(from, to))?.is_none() {
        return Ok(());
    }
    account.own(to)
}

/// None for what has been removed since its folder was listed.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
