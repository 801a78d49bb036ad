//! The one tool of the gate that does not come with Rust: cargo-deny, its version and its
//! installation. What it checks is in `deny.toml`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Compiling without optimisation takes half a minute, with it many; the checks take a second
/// either way.
const INSTALL: &[&str] = &["install", "cargo-deny", "--locked", "--debug", "--version", VERSION];

/// Fails, with the command to install it, when cargo-deny cannot be run.
pub(crate) fn require(root: &Path) -> Result<()> {
    if !is_installed(root) {
        bail!(
            "cargo-deny is missing: install it with `cargo xtask tools`, which runs `cargo {}`",
            INSTALL.join(" ")
        );
    }
    Ok(())
}

/// Installs cargo-deny unless some version of it is there.
pub(crate) fn install(root: &Path) -> Result<()> {
    if is_installed(root) {
        return Ok(());
    }
    let status = Command::new(crate::cargo())
        .args(INSTALL)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .current_dir(root)
        .status()
        .context("cannot run cargo install")?;
    if !status.success() {
        bail!("`cargo {}` failed", INSTALL.join(" "));
    }
    Ok(())
}

fn is_installed(root: &Path) -> bool {
    Command::new(crate::cargo())
        .args(["deny", "--version"])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
