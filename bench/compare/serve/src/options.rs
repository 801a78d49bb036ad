//! What is to be measured.

use std::path::PathBuf;
use std::time::Duration;

use crate::Fault;

const USAGE: &str = "compare-serve --forebay PROGRAM [--examples PROGRAM] [--datasette PROGRAM] \
    [--soul PROGRAM] [--rounds N] [--slice SECONDS] [--long SECONDS] [--connections N] \
    [--pinned | --shared] [--json FILE] [--series FILE] [reads] [watching] [users] [long] [idle]";

/// What is measured, and with which programs.
pub(crate) struct Options {
    /// The command, built with `--release`.
    pub(crate) forebay: PathBuf,
    /// The program with the applications of `examples/`; without it there are no users.
    pub(crate) examples: Option<PathBuf>,
    pub(crate) datasette: Option<PathBuf>,
    pub(crate) soul: Option<PathBuf>,
    pub(crate) rounds: usize,
    /// How long a contender is asked in one turn.
    pub(crate) slice: Duration,
    /// How long many connections are held.
    pub(crate) long: Duration,
    /// How many these are.
    pub(crate) connections: usize,
    pub(crate) grounds: Vec<Ground>,
    pub(crate) json: Option<PathBuf>,
    /// The file for what was sampled each second.
    pub(crate) series: Option<PathBuf>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Reads,
    Watching,
    Users,
    Long,
    Idle,
}

/// Who runs where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The server has the first processor, whoever asks has the second: the server is the limit.
    Pinned,
    /// All of them share all there is, as a service with its defaults does.
    Shared,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Options, Fault> {
        let mut options = Options {
            forebay: PathBuf::new(),
            examples: None,
            datasette: None,
            soul: None,
            rounds: 5,
            slice: Duration::from_secs(2),
            long: Duration::from_secs(600),
            connections: 1_000,
            grounds: vec![Ground::Pinned, Ground::Shared],
            json: None,
            series: None,
            parts: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value: {USAGE}"));
            match arg.as_str() {
                "--forebay" => options.forebay = PathBuf::from(value()?),
                "--examples" => options.examples = Some(PathBuf::from(value()?)),
                "--datasette" => options.datasette = Some(PathBuf::from(value()?)),
                "--soul" => options.soul = Some(PathBuf::from(value()?)),
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--slice" => options.slice = Duration::from_secs_f64(value()?.parse()?),
                "--long" => options.long = Duration::from_secs(value()?.parse()?),
                "--connections" => options.connections = value()?.parse()?,
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--series" => options.series = Some(PathBuf::from(value()?)),
                "--pinned" => options.grounds = vec![Ground::Pinned],
                "--shared" => options.grounds = vec![Ground::Shared],
                "reads" => options.parts.push(Part::Reads),
                "watching" => options.parts.push(Part::Watching),
                "users" => options.parts.push(Part::Users),
                "long" => options.parts.push(Part::Long),
                "idle" => options.parts.push(Part::Idle),
                other => return Err(format!("unknown argument {other}: {USAGE}").into()),
            }
        }
        if options.forebay.as_os_str().is_empty() {
            return Err(USAGE.into());
        }
        if options.parts.is_empty() {
            options.parts = vec![Part::Reads, Part::Watching, Part::Users, Part::Long, Part::Idle];
        }
        Ok(options)
    }
}

impl Ground {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ground::Pinned => "a processor for the server alone",
            Ground::Shared => "both processors shared",
        }
    }
}
