//! Settings that are one word among a few, or a word of a language of its own.

use std::time::Duration;

use forebay::Quota;
use tracing_subscriber::EnvFilter;

use crate::config::given::Raw;
use crate::config::value::{Value, quoted};

/// Declares the words of a setting.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        $name:ident: $expected:literal { $($word:literal => $variant:ident,)* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {$( $variant, )*}

        impl Value for $name {
            type Bound = ();
            const EXPECTED: &'static str = $expected;
            const PLACE: &'static str = "WORD";

            fn read(raw: &Raw) -> Option<$name> {
                match raw.text()?.to_ascii_lowercase().as_str() {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }

            fn written(&self) -> Option<String> {
                Some(quoted(match self {$( $name::$variant => $word, )*}))
            }
        }
    };
}

choice! {
    /// A set of defaults.
    ProfileName: "default, dev, test or production" {
        "default" => Default,
        "dev" => Dev,
        "test" => Test,
        "production" => Production,
    }
}

choice! {
    /// `PRAGMA synchronous`.
    Durability: "off, normal or full" {
        "off" => Off,
        "normal" => Normal,
        "full" => Full,
    }
}

choice! {
    /// The switch of the cache.
    Switch: "off, shadow or on" {
        "off" => Off,
        "shadow" => Shadow,
        "on" => On,
    }
}

choice! {
    /// How fresh answers have to be.
    Fresh: "followed or strict" {
        "followed" => Followed,
        "strict" => Strict,
    }
}

choice! {
    /// What log lines look like.
    LogFormat: "text or json" {
        "text" => Text,
        "json" => Json,
    }
}

choice! {
    /// A task of maintenance.
    Chore: "the name of a task, such as health, optimize, vacuum, retain or warm" {
        "health" => Health,
        "optimize" => Optimize,
        "analyze" => Analyze,
        "vacuum" => Vacuum,
        "incremental_vacuum" => IncrementalVacuum,
        "reindex" => Reindex,
        "checkpoint" => Checkpoint,
        "retain" => Retain,
        "warm" => Warm,
        "drop_indexes" => DropIndexes,
    }
}

choice! {
    /// How tokens are signed.
    Algorithm: "HS256, RS256 or EdDSA" {
        "hs256" => Hs256,
        "rs256" => Rs256,
        "eddsa" => EdDsa,
    }
}

choice! {
    /// Which statements are watched for being repeated.
    Watch: "off, scopes or all" {
        "off" => Off,
        "scopes" => Scopes,
        "all" => All,
    }
}

/// What is logged: a level, or levels of modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directives(pub(crate) String);

impl Value for Directives {
    type Bound = ();
    const EXPECTED: &'static str =
        "error, warn, info, debug, trace or off, or levels of modules as in warn,forebay=debug";
    const PLACE: &'static str = "LEVEL";

    fn read(raw: &Raw) -> Option<Directives> {
        let text = raw.text().filter(|text| !text.trim().is_empty())?;
        EnvFilter::builder().parse(text).ok()?;
        // A word that is no level would be taken for a module, and all else be silent.
        let mut words = text.split(',').map(|word| word.trim().to_ascii_lowercase());
        (!words.any(|word| is_nearly_a_level(&word))).then(|| Directives(text.to_owned()))
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn is_nearly_a_level(word: &str) -> bool {
    let is_near = |level: &str| strsim::damerau_levenshtein(word, level) <= 2;
    !LEVELS.contains(&word) && (word == "warning" || LEVELS.iter().any(|level| is_near(level)))
}

/// How often something may be done: `100/min`, or several of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    text: String,
    windows: Vec<(u32, Duration)>,
}

impl Rate {
    pub(crate) fn quota(&self) -> Quota {
        let mut windows = self.windows.iter().map(|(count, period)| Quota::per(*count, *period));
        let first = windows.next().expect("a rate is read with one window at least");
        windows.fold(first, Quota::and)
    }
}

impl Value for Rate {
    type Bound = ();
    const EXPECTED: &'static str =
        "a number in a time, such as 10/s, 100/min, 5/h or 100/min, 10/s";
    const PLACE: &'static str = "RATE";

    fn read(raw: &Raw) -> Option<Rate> {
        let text = raw.text()?;
        let window = |part: &str| {
            let (count, period) = part.split_once('/')?;
            let period = match period.trim() {
                "s" | "sec" | "second" => 1,
                "m" | "min" | "minute" => 60,
                "h" | "hour" => 3_600,
                _ => return None,
            };
            let count = count.trim().parse().ok().filter(|count| *count > 0)?;
            Some((count, Duration::from_secs(period)))
        };
        let windows = text.split(',').map(window).collect::<Option<Vec<_>>>()?;
        Some(Rate { text: text.trim().to_owned(), windows })
    }

    fn written(&self) -> Option<String> {
        Some(quoted(&self.text))
    }
}
