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
    /// Every page of Markdown.
    pub(crate) pages: Vec<File>,
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
            pages: Vec::new(),
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
            } else if name.ends_with(".md") {
                self.pages.push(read(root, &path)?);
            } else if name == "package-lock.json" {
                self.lockfiles.push(read(root, &path)?);
            }
        }
        Ok(())
    }
}

/// Whether there is such a file, or a folder with something in it: git keeps no empty folders, so
/// these would be missing in a fresh clone.
pub(crate) fn exists(root: &Path, path: &str) -> bool {
    let path = root.join(path);
    match fs::read_dir(&path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.exists(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_folders_do_not_exist() {
        let root = std::env::temp_dir().join(format!("forebay-tidy-{}", std::process::id()));
        fs::create_dir_all(root.join("full")).unwrap();
        fs::create_dir_all(root.join("empty")).unwrap();
        fs::write(root.join("full/file.md"), "").unwrap();
        let check = |path: &str, expect: bool| assert_eq!(exists(&root, path), expect, "{path}");
        check("full/", true);
        check("full/file.md", true);
        check("empty/", false);
        check("gone.md", false);
        check("full/gone.md", false);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_walk_finds_sources_and_leaves_out_what_is_built() {
        let tree = Tree::read(crate::root()).unwrap();
        let has = |path: &str| tree.sources.iter().any(|file| file.path == path);
        assert!(has("xtask/src/main.rs") && has("crates/forebay/src/lib.rs"));
        assert!(tree.sources.iter().all(|file| !file.path.starts_with("target/")));
        assert!(tree.packages.iter().any(|package| package.name == "forebay-cli"));
    }
}
