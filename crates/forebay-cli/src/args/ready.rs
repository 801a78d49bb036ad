//! The arguments of `forebay ready`.

use clap::Args;

use crate::quantity::Time;

/// Say whether a running service takes requests: exit code 0 if it does, 1 if not.
///
/// It asks GET /health/ready, which needs no token: for the health check of a container.
#[derive(Args, Debug)]
pub(crate) struct ReadyArgs {
    /// Where the service listens: `http://ADDR:PORT`, or `unix:PATH`.
    #[arg(default_value = "http://127.0.0.1:8432")]
    pub(crate) url: String,
    /// The longest to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pub(crate) timeout: Time,
}
