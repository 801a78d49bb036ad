//! The space that a rewritten database needs while it is written, and whether it is there.

use std::path::{Path, PathBuf};

/// What has to be left on each file system that is written to.
const SPARE: u64 = 1 << 20;

/// A place that is written to, and how many bytes are.
pub(super) struct Need {
    pub(super) place: PathBuf,
    pub(super) bytes: u64,
}

/// What a VACUUM of a database with so many bytes in use needs: a copy where temporary files go,
/// and the log, or the journal, beside the database.
pub(super) fn of_vacuum(database: &Path, bytes_used: u64, temporary: PathBuf) -> [Need; 2] {
    // Each page of the log has a header of 24 bytes, and pages are 512 bytes at least.
    let bytes = bytes_used + bytes_used / 20;
    let folder = database.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    [Need { place: folder, bytes }, Need { place: temporary, bytes }]
}

/// Where SQLite puts temporary files: the first of these that is a directory.
pub(super) fn temporary() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(Into::into);
    let mut all = named.chain(usual).map(PathBuf::from);
    all.find(|path| path.is_dir()).unwrap_or_else(|| PathBuf::from("."))
}

/// The first place that has too little: how much is free there, and how much is needed. Needs on
/// one file system add up. Where a file system does not say, there is no objection.
pub(super) fn lacks(needs: &[Need]) -> Option<(&Path, u64, u64)> {
    needs.iter().find_map(|need| {
        let (system, free) = stat(&need.place)?;
        let same = needs.iter().filter(|other| stat(&other.place).is_some_and(|it| it.0 == system));
        let all: u64 = same.map(|other| other.bytes).sum::<u64>() + SPARE;
        (free < all).then_some((need.place.as_path(), free, all))
    })
}

/// A file beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Which file system it is, and what is free there.
#[cfg(unix)]
fn stat(place: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let found = rustix::fs::statvfs(place).ok()?;
    let system = std::fs::metadata(place).ok()?.dev();
    Some((system, found.f_bavail * found.f_frsize))
}

#[cfg(not(unix))]
fn stat(_: &Path) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn needs_on_one_file_system_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let (_, free) = stat(folder.path()).unwrap();
        let need = |share: u64| Need { place: folder.path().to_owned(), bytes: free / 100 * share };
        assert!(lacks(&[need(40)]).is_none());
        assert!(lacks(&[need(40), need(40)]).is_none());
        let both = [need(70), need(70)];
        let (place, _, needed) = lacks(&both).unwrap();
        assert!(place == folder.path() && needed > free);
        let nowhere = Need { place: folder.path().join("none"), bytes: u64::MAX / 4 };
        assert!(lacks(&[nowhere]).is_none());
        let [beside, _] = of_vacuum(Path::new("app.db"), 100, PathBuf::from("/tmp"));
        assert_eq!((beside.place, beside.bytes), (PathBuf::from("."), 105));
    }
}
