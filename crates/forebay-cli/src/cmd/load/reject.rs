//! Rows that cannot be loaded: into a file, or the end of the load.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A row that cannot be read or written.
#[derive(Debug)]
pub(super) struct Reject {
    /// Where it begins in the file, from 1 on.
    pub(super) line: u64,
    pub(super) reason: String,
}

/// Where they go.
pub(super) struct Rejects {
    file: Option<csv::Writer<File>>,
    pub(super) count: u64,
}

impl Rejects {
    /// Into a new file, if one is named; otherwise there may be none.
    pub(super) fn new(path: Option<&Path>) -> Result<Rejects> {
        let file = path.map(|path| {
            let file = File::create(path)
                .with_context(|| format!("cannot write rejects to {}", path.display()))?;
            let mut writer = csv::Writer::from_writer(file);
            writer.write_record(["line", "reason"])?;
            anyhow::Ok(writer)
        });
        Ok(Rejects { file: file.transpose()?, count: 0 })
    }

    /// Whether there may be any.
    pub(super) fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Takes one; an error if none may be.
    pub(super) fn take(&mut self, reject: &Reject) -> Result<()> {
        let Some(file) = &mut self.file else {
            bail!(
                "line {}: {}; nothing was loaded (--rejects FILE loads the other rows)",
                reject.line,
                reject.reason
            );
        };
        self.count += 1;
        file.write_record([&reject.line.to_string(), &reject.reason])
            .context("cannot write to the file of rejects")
    }

    /// All of them are in the file.
    pub(super) fn end(&mut self) -> Result<()> {
        match &mut self.file {
            Some(file) => file.flush().context("cannot write to the file of rejects"),
            None => Ok(()),
        }
    }
}
