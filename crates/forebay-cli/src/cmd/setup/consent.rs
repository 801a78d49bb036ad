//! Whether the steps may be run: nobody's database is changed without a yes. It changes nothing
//! itself.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, anyhow};

use crate::args::SetupArgs;
use crate::exit::Usage;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256;

/// How it is known whether to run the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// They are only shown.
    Never,
    /// It was given with the arguments.
    Given,
    /// Somebody at a terminal is asked.
    Ask,
}

impl Consent {
    /// An error where nobody can be asked and nothing was said.
    pub(super) fn of(args: &SetupArgs) -> Result<Consent> {
        let can_ask = !args.json && io::stdin().is_terminal() && io::stderr().is_terminal();
        match (args.dry_run || args.check, args.yes) {
            (true, _) => Ok(Consent::Never),
            (false, true) => Ok(Consent::Given),
            (false, false) if can_ask => Ok(Consent::Ask),
            (false, false) => Err(anyhow!(Usage(
                "there is nobody to ask: give --yes to run the steps, or --dry-run to see them"
                    .to_owned()
            ))),
        }
    }
}

/// Asks at the terminal, and waits for the answer.
pub(in crate::cmd) fn ask(question: &str) -> Result<bool> {
    let mut error = io::stderr().lock();
    write!(error, "{question} [y/N] ").and_then(|()| error.flush()).context("cannot ask")?;
    let mut answer = String::new();
    let mut limited = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
    limited.read_line(&mut answer).context("cannot read the answer")?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expect) in [
            ("y\n", true),
            ("Yes\r\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yesterday\n", false),
            ("ja\n", false),
        ] {
            assert_eq!(is_yes(answer), expect, "{answer:?}");
        }
    }
}
