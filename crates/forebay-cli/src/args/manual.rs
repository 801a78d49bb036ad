//! The arguments of `forebay completions` and `forebay man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print the completions of this command for a shell.
///
/// As in `forebay completions bash > /usr/share/bash-completion/completions/forebay`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Write the manual pages of this command and of each of its commands into a directory.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The directory; it is made if it is missing.
    pub(crate) dir: PathBuf,
}
