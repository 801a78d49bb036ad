//! How the process ends: the table of exit codes, and which error takes which.

use std::fmt;
use std::process::ExitCode;

/// The exit codes. Wrong arguments that clap finds by itself end with [`Exit::Usage`]'s code too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// It failed; the reason is on standard error.
    Failed = 1,
    /// The arguments do not go together, or are out of range.
    Usage = 2,
    /// The demo found a stale read.
    Stale = 3,
    /// A database is degraded.
    Degraded = 4,
    /// A database is in a critical state.
    Critical = 5,
    /// A target was missed.
    Missed = 6,
    /// Stopped by a signal before it was done.
    Interrupted = 130,
}

impl Exit {
    /// The exit that an error asks for.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        if error.is::<Usage>() { Exit::Usage } else { Exit::Failed }
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error with its causes, in one line. Many an error says its cause itself: then it is not said
/// again.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// An error in what was typed.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_are_told_once() {
        let check = |error: anyhow::Error, expect| assert_eq!(told(&error), expect);
        check(anyhow!("no such file"), "no such file");
        check(anyhow!("no such file").context("cannot read x"), "cannot read x: no such file");
        let own = anyhow!("refused").context("cannot open x: refused").context("serving");
        check(own, "serving: cannot open x: refused");
    }
}
