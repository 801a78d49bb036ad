//! The files that tidy looks at, read once. Paths are relative to the workspace, with `/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::package::{self, Package};

/// Folders that hold nothing of ours, beside those whose name begins with a dot.
const SKIPPED: &[&str] = &["target", "node_modules", "generated", "__pycache__"];

/// A text file of the workspace.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All that the rules need to know of the workspace.
pub(crate) struct Tree {
    /// Every `.rs` file.
    pub(crate) sources: Vec<File>,
    /// Every npm lockfile.
    pub(crate) lockfiles: Vec<File>,
    /// `ARCHITECTURE.md`.
    pub(crate) architecture: File,
    /// The crates of the workspace.
    pub(crate) packages: Vec<Package>,
}

impl Tree {
    /// Reads the workspace at `root`.
    pub(crate) fn read(root: &Path) -> Result<Tree> {
        let mut tree = Tree {
            sources: Vec::new(),
            lockfiles: Vec::new(),
            architecture: read(root, "ARCHITECTURE.md")?,
            packages: package::parse(&metadata(root)?, root)?,
        };
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, folder: &str) -> Result<()> {
        let listing = fs::read_dir(root.join(folder))
            .with_context(|| format!("cannot list the folder `{folder}`"))?;
        let mut entries = listing.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let is_folder = entry.file_type()?.is_dir();
            if name.starts_with('.') || (is_folder && SKIPPED.contains(&name.as_str())) {
                continue;
            }
            if is_folder {
                self.walk(root, &path)?;
            } else if name.ends_with(".rs") {
                self.sources.push(read(root, &path)?);
            } else if name == "package-lock.json" {
                self.lockfiles.push(read(root, &path)?);
            }
        }
        Ok(())
    }
}

fn read(root: &Path, path: &str) -> Result<File> {
    let text =
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
    Ok(File { path: path.to_owned(), text })
}

fn metadata(root: &Path) -> Result<String> {
    let output = Command::new(crate::cargo())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("cargo metadata printed something else than UTF-8")
}
