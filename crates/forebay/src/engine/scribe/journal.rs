//! The file of the slow log: lines, appended, in a file that is renamed when it is large. What
//! cannot be written is lost, and said once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Bytes of the file at most. The one before it is kept under its name with `.1` behind it.
const BYTES_MAX: u64 = 10_000_000;

/// A file to which lines are appended.
pub(in crate::engine) struct Journal {
    path: PathBuf,
    bytes_max: u64,
    open: Option<(File, u64)>,
    is_failing: bool,
}

impl Journal {
    pub(in crate::engine) fn new(path: PathBuf) -> Journal {
        Journal { path, bytes_max: BYTES_MAX, open: None, is_failing: false }
    }

    /// Appends a line, on this thread. A fault is logged, once until it works again.
    pub(super) fn append(&mut self, line: &str) {
        match self.try_append(line) {
            Ok(()) => self.is_failing = false,
            Err(error) => {
                self.open = None;
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(
                        path = %self.path.display(), %error,
                        "the slow log cannot be written; lines are lost until it can be again"
                    );
                }
            }
        }
    }

    fn try_append(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64 + 1;
        let (file, size) = match self.open.take() {
            Some((file, size)) if size == 0 || size + bytes <= self.bytes_max => (file, size),
            Some(_) => {
                self.rotate()?;
                self.reopen()?
            }
            None => match self.reopen()? {
                (_, size) if size > 0 && size + bytes > self.bytes_max => {
                    self.rotate()?;
                    self.reopen()?
                }
                opened => opened,
            },
        };
        let mut file = file;
        // In one piece, so that the lines of several processes do not mix.
        file.write_all(format!("{line}\n").as_bytes())?;
        self.open = Some((file, size + bytes));
        Ok(())
    }

    fn reopen(&self) -> io::Result<(File, u64)> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    fn rotate(&self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        std::fs::rename(&self.path, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_hold_the_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slow.jsonl");
        let open = || Journal { bytes_max: 100, ..Journal::new(path.clone()) };
        let mut journal = open();
        for n in 0..50 {
            if n % 7 == 0 {
                journal = open();
            }
            journal.append(&format!("{n:09}"));
        }
        let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
        let (before, now) = (read(&folder.path().join("slow.jsonl.1")), read(&path));
        assert!(before.len() <= 100 && now.len() <= 100, "{} {}", before.len(), now.len());
        let lines: Vec<u32> =
            before.lines().chain(now.lines()).map(|line| line.parse().unwrap()).collect();
        let expect: Vec<u32> = (50 - lines.len() as u32..50).collect();
        assert_eq!(lines, expect);
        assert!(lines.len() > 10);
        // One that is longer than all is still written.
        journal.append(&"x".repeat(300));
        assert_eq!(read(&path).len(), 301);
    }

    #[test]
    fn a_fault_is_survived() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("slow.jsonl");
        let mut journal = Journal::new(path.clone());
        journal.append("lost");
        assert!(journal.is_failing);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        journal.append("kept");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept\n");
        assert!(!journal.is_failing);
    }

    /// A device that is always full, where there is one.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_survived() {
        let mut journal = Journal::new("/dev/full".into());
        journal.append("lost");
        journal.append("lost");
        assert!(journal.is_failing);
    }
}
