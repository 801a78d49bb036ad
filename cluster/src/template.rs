//! What is made once per version and then kept: a fresh data directory, and binaries where the
//! server's account can reach them. They lie in the temporary folder, under a name of their user.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::account::Account;
use super::clone;
use super::conf::OWNER;
use super::version::Version;

/// To be raised when `initdb` below is called in another way.
const FORMAT: u32 = 1;

/// Sockets are files in the folder of a cluster, and their paths may have 107 bytes.
const TEMPORARY_BYTES_MAX: usize = 70;

/// In a folder that is kept: how many files it has beside this one.
const COUNT: &str = "forebay-files";

/// Where the folders of clusters are made.
pub(crate) fn temporary() -> PathBuf {
    let folder = std::env::temp_dir();
    let is_short = folder.as_os_str().len() <= TEMPORARY_BYTES_MAX;
    if is_short { folder } else { PathBuf::from("/tmp") }
}

/// Makes the data directory `data` in `folder`, which belongs to a new cluster.
pub(crate) fn unfold(version: &Version, bin: &Path, account: Account, folder: &Path) -> Result<()> {
    let kept = store()?.join(format!("{}-data", key(version)));
    if !is_whole(&kept)? {
        keep(&initdb(bin, account, folder)?, &kept)?;
    }
    clone::folder(&kept, &folder.join("data"), account, &|path| path != Path::new(COUNT))
}

/// Where the server's account finds the binaries: in their place, or in a copy if it may not go
/// there. That is so when root's home is closed and the workspace lies in it.
pub(crate) fn reachable(version: &Version, account: Account, folder: &Path) -> Result<PathBuf> {
    let bin = version.bin();
    let tried = account.command(&bin.join("postgres"), folder).arg("--version").output();
    match tried {
        Ok(output) if output.status.success() => return Ok(bin.to_owned()),
        Ok(output) => bail!("{}: {}", bin.display(), String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Err(error) => return Err(error).with_context(|| format!("cannot run {}", bin.display())),
    }
    let kept = store()?.join(format!("{}-programs", key(version)));
    if !is_whole(&kept)? {
        let prefix = bin.parent().context("a folder of binaries has none above it")?;
        let made = folder.join("programs");
        clone::folder(prefix, &made, account, &|_| true)?;
        keep(&made, &kept)?;
    }
    let name = bin.file_name().context("a folder of binaries has no name")?;
    Ok(kept.join(name))
}

fn initdb(bin: &Path, account: Account, folder: &Path) -> Result<PathBuf> {
    let made = folder.join("template");
    let output = account
        .command(&bin.join("initdb"), folder)
        .args(["--username", OWNER, "--encoding", "UTF8", "--locale", "C.UTF-8"])
        .args(["--auth", "trust", "--no-sync", "--no-instructions", "--pgdata"])
        .arg(&made)
        .output()
        .with_context(|| format!("cannot run initdb in {}", bin.display()))?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(made)
}

/// Moves what is finished to where it is kept. Of two processes that made it one is the first.
fn keep(made: &Path, kept: &Path) -> Result<()> {
    fs::write(made.join(COUNT), files(made)?.to_string())?;
    match fs::rename(made, kept) {
        Err(_) if kept.exists() => Ok(fs::remove_dir_all(made)?),
        other => other.with_context(|| format!("cannot move to {}", kept.display())),
    }
}

/// Whether there is such a folder with all of its files. Systems clear the temporary folder of
/// files that nobody has used for days, one by one; what they have begun with is removed.
fn is_whole(kept: &Path) -> Result<bool> {
    let count = fs::read_to_string(kept.join(COUNT)).ok().and_then(|text| text.parse().ok());
    let is_whole = count.is_some_and(|count: usize| files(kept).is_ok_and(|all| all == count + 1));
    if !is_whole && kept.exists() {
        fs::remove_dir_all(kept)
            .with_context(|| format!("cannot remove {}, which is damaged", kept.display()))?;
    }
    Ok(is_whole)
}

fn files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(count)
}

/// The folder of what is kept. In a folder where everybody writes, it must be our own.
fn store() -> Result<PathBuf> {
    let user = rustix::process::geteuid();
    let path = temporary().join(format!("forebay-postgres-{user}"));
    match fs::DirBuilder::new().mode(0o755).create(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => other.with_context(|| format!("cannot make {}", path.display()))?,
    }
    let found = fs::symlink_metadata(&path)?;
    if !found.is_dir() || found.uid() != user.as_raw() {
        bail!("{} is not a folder of this user: remove it", path.display());
    }
    Ok(path)
}

/// Names a build of the server: two of the same number may differ in what they can.
fn key(version: &Version) -> String {
    let mut hasher = DefaultHasher::new();
    (version.bin(), FORMAT).hash(&mut hasher);
    format!("{}-{:016x}", version.number, hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_folder_is_made_anew() {
        let place = tempfile::tempdir().unwrap();
        let (made, kept) = (place.path().join("made"), place.path().join("kept"));
        let make = || {
            fs::create_dir_all(made.join("base/1")).unwrap();
            for file in ["PG_VERSION", "base/1/1259"] {
                fs::write(made.join(file), "x").unwrap();
            }
        };
        assert!(!is_whole(&kept).unwrap());
        make();
        keep(&made, &kept).unwrap();
        assert!(is_whole(&kept).unwrap() && !made.exists());
        // Whoever comes second throws theirs away.
        make();
        keep(&made, &kept).unwrap();
        assert!(is_whole(&kept).unwrap() && !made.exists());
        for damage in ["base/1/1259", COUNT] {
            fs::remove_file(kept.join(damage)).unwrap();
            assert!(!is_whole(&kept).unwrap() && !kept.exists());
            make();
            keep(&made, &kept).unwrap();
        }
    }
}
