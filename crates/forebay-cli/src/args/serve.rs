//! The arguments of `forebay serve` and `forebay config`: flags are made of the settings that have
//! one. They are not read here, only gathered under the keys of these settings.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use crate::config::{Config, Given, Origin, Setting, Sources};

const URL: &str = "database.url";

/// Serve a database over HTTP: Hrana for libSQL clients, plain JSON, health and metrics.
///
/// Prints one line, `listening on http://ADDR:PORT`, when it is ready. SIGTERM or SIGINT stops
/// it: statements in flight end first. A second signal stops it at once. SIGHUP has it read its
/// configuration again.
///
/// What is not given here is looked for in the environment (FOREBAY_POOL_MAX_SIZE and the like),
/// then in the file that --config or FOREBAY_CONFIG names; `forebay config print` shows all that
/// can be set, and what is.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArgs {
    /// The configuration, a file of TOML. None is read unless it is named.
    #[arg(long, value_name = "PATH", env = "FOREBAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Check a configuration, or print what is in force.
///
/// It takes the flags of `serve`, and looks into the same environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// check: say everything that is wrong, with exit code 2, or that nothing is; nothing is opened
    /// but files with tokens and keys. print: every setting with its value and where that comes
    /// from, as a file; secrets are masked.
    pub(crate) action: ConfigAction,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigAction {
    Check,
    Print,
}

impl ServeArgs {
    /// Where settings are looked for.
    pub(crate) fn sources(&self) -> Sources {
        let file = self.config.clone();
        let flags = self.flags.0.clone();
        Sources { file, flags, ..Sources::default() }.with_environment()
    }
}

/// The settings that were typed.
#[derive(Clone, Debug)]
struct Flags(Vec<Given>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let mut command = command.arg(url()).arg(set());
        for setting in Config::settings() {
            command = command.args(flag(&setting));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, clap::Error> {
        let mut all = Vec::new();
        let texts = |id: &str| matches.get_many::<String>(id).into_iter().flatten();
        for text in texts("set") {
            let pair = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) = pair else {
                let text = format!("--set {text} has no `=`: give it as --set pool.max_size=20\n");
                return Err(clap::Error::raw(ErrorKind::ValueValidation, text));
            };
            all.push(Given::text(key, value, Origin::Flag(format!("--set {key}"))));
        }
        for setting in Config::settings() {
            let Some(name) = setting.flag else { continue };
            let origin = Origin::Flag(format!("--{name}"));
            if setting.is_switch {
                if matches.get_flag(name) {
                    all.push(Given::text(&setting.key, "true", origin));
                }
                continue;
            }
            let values: Vec<&str> = texts(name).map(String::as_str).collect();
            if !values.is_empty() {
                all.push(Given::text(&setting.key, values.join(","), origin));
            }
        }
        for value in texts("url") {
            all.push(Given::text(URL, value, Origin::Flag("URL".to_owned())));
        }
        Ok(Flags(all))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}

fn url() -> Arg {
    let setting = Config::settings().into_iter().find(|setting| setting.key == URL);
    let setting = setting.expect("the database has a URL");
    Arg::new("url").value_name("URL").help(help(&setting))
}

fn set() -> Arg {
    Arg::new("set")
        .long("set")
        .value_name("KEY=VALUE")
        .action(ArgAction::Append)
        .help("Set anything that a file can set, as in `--set pool.max_size=20` (may be repeated)")
}

fn flag(setting: &Setting) -> Option<Arg> {
    let name = setting.flag?;
    let mut arg = Arg::new(name).long(name).help(help(setting));
    if let Some(heading) = heading(&setting.key) {
        arg = arg.help_heading(heading);
    }
    Some(match (setting.is_switch, setting.is_list) {
        (true, _) => arg.action(ArgAction::SetTrue),
        (_, true) => arg.value_name("TEXT").action(ArgAction::Append),
        _ => arg.value_name(setting.place).allow_hyphen_values(true),
    })
}

/// What it is, and what it is unless it is given.
fn help(setting: &Setting) -> String {
    let mut help = setting.about.trim_end_matches('.').to_owned();
    if setting.is_list {
        help += " (may be repeated)";
    }
    let mut words = Vec::new();
    let default = setting.default.as_ref().map(|it| it.trim_matches('"'));
    let is_plain = !setting.is_switch && !setting.is_list;
    words.extend(default.filter(|_| is_plain).map(|it| format!("default: {it}")));
    words.extend(setting.range.clone());
    words.extend(setting.marks.live.then(|| "read again at SIGHUP".to_owned()));
    if words.is_empty() { help } else { format!("{help} [{}]", words.join("; ")) }
}

/// The section, as a heading.
fn heading(key: &str) -> Option<String> {
    let (section, _) = key.split_once('.')?;
    let mut letters = section.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
