//! Which file stands under a path, to notice that it was deleted or replaced. It asks for metadata
//! only: opening and closing a database's file would drop the locks that SQLite holds on it.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file as it stood under its path.
pub(super) struct Identity {
    path: PathBuf,
    number: Option<(u64, u64)>,
}

impl Identity {
    /// The file that stands under `path` now.
    pub(super) fn of(path: &Path) -> Identity {
        let number = path.metadata().ok().and_then(|metadata| number(&metadata));
        Identity { path: path.to_owned(), number }
    }

    /// Whether it stands there no longer. When in doubt, it does.
    pub(super) fn has_moved(&self) -> bool {
        match self.path.metadata() {
            Ok(metadata) => self.number.is_some() && number(&metadata) != self.number,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}

/// Device and number of a file.
#[cfg(unix)]
fn number(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// An open file can neither be deleted nor replaced here.
#[cfg(not(unix))]
fn number(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "1").unwrap();
        let identity = Identity::of(&path);
        std::fs::write(&path, "2").unwrap();
        assert!(!identity.has_moved(), "written, but the same file");
        std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        assert!(identity.has_moved());
        std::fs::write(&path, "3").unwrap();
        assert_eq!(identity.has_moved(), cfg!(unix), "another file of the same name");
    }
}
