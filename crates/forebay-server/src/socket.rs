//! Sockets of the file system: made with their permissions, so that nobody gets in before these are
//! set, put in place of what a process has left behind, and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::error::{Error, Result};

/// The file of a socket that listens; it is removed with this, unless another one has taken its
/// place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // It may be gone, or the folder may be read-only by now: the next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

pub(crate) fn bind(path: PathBuf, mode: u32) -> Result<(UnixListener, SocketFile)> {
    make_room(&path)?;
    let failed =
        |cause: io::Error| Error::listener(format!("cannot listen on {}", path.display()), cause);
    // Under its name it appears with its permissions and in one step.
    let mut hidden = path.clone().into_os_string();
    hidden.push(format!(".{}", std::process::id()));
    let hidden = PathBuf::from(hidden);
    let _ = fs::remove_file(&hidden);
    let listener = UnixListener::bind(&hidden).map_err(failed)?;
    let placed = fs::set_permissions(&hidden, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::rename(&hidden, &path))
        .and_then(|()| fs::symlink_metadata(&path));
    match placed {
        Ok(found) => Ok((listener, SocketFile { path, inode: found.ino() })),
        Err(cause) => {
            let _ = fs::remove_file(&hidden);
            Err(failed(cause))
        }
    }
}

/// Checks that nothing is at `path`, or only a socket that nobody listens on.
fn make_room(path: &Path) -> Result<()> {
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(Error::listener(format!("cannot look at {shown}"), cause)),
    };
    if !found.file_type().is_socket() {
        let cause = io::ErrorKind::AlreadyExists.into();
        return Err(Error::listener(
            format!("{shown} is there and is no socket: move it away, or choose another path"),
            cause,
        ));
    }
    match UnixStream::connect(path) {
        Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(Error::listener(
            format!("{shown} is in use, perhaps by another `forebay serve`: stop that first"),
            io::ErrorKind::AddrInUse.into(),
        )),
        Err(cause) => Err(Error::listener(
            format!("cannot find out whether somebody listens on {shown}"),
            cause,
        )),
    }
}
