//! What goes to standard output: text or one JSON object. Logs, progress and errors go to
//! standard error, and not through here.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Prints text that ends in one newline, and sends it at once.
///
/// A reader that has gone away (`forebay … | head -1`) is no fault.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Prints one JSON object.
pub(crate) fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value:#}"))
}
