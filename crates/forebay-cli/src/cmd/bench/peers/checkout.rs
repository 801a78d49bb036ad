//! Where the programs that measure peers are: a checkout of the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What a checkout is known by.
const COMPARE: &str = "bench/compare";
const MARK: &str = "bench/compare/outcome/Cargo.toml";

/// A checkout, on a machine that has cargo.
pub(super) struct Checkout {
    /// The folder of the programs.
    compare: PathBuf,
}

impl Checkout {
    /// The one that is named, or that the working directory lies in.
    pub(super) fn find(named: Option<&Path>) -> Result<Checkout> {
        let here = std::env::current_dir().context("there is no working directory")?;
        let root = match named {
            Some(folder) => folder.join(MARK).is_file().then(|| here.join(folder)),
            None => here.ancestors().find(|folder| folder.join(MARK).is_file()).map(PathBuf::from),
        };
        let Some(root) = root else {
            bail!(
                "no checkout of Forebay's repository {}: one program can only link one SQLite, so \
                 peers are built from {COMPARE}; clone the repository and run this in it, or name \
                 it with --checkout DIR",
                match named {
                    Some(folder) => format!("is in {}", folder.display()),
                    None => format!("is in {} or above it", here.display()),
                }
            );
        };
        let mut cargo = Command::new("cargo");
        cargo.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !cargo.status().is_ok_and(|status| status.success()) {
            bail!("cargo does not run: peers are built from source; install Rust, with rustup");
        }
        Ok(Checkout { compare: root.join(COMPARE) })
    }

    /// The folder of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.compare.join(name)
    }

    /// A folder for what is made in between, which version control ignores.
    pub(super) fn made(&self) -> PathBuf {
        self.compare.join("target")
    }
}
