//! What is in force, as a file that could be read again. Secrets are masked.

use std::fmt::Write as _;

use super::given::Origin;
use super::whole::{Config, Loaded};

/// Where comments begin, if the value leaves room.
const COMMENT_AT: usize = 44;

/// Every setting with its value and where that comes from.
pub(crate) fn print(loaded: &Loaded) -> String {
    let mut out = String::new();
    let mut table = String::new();
    let (abouts, settings) = (Config::places(), Config::settings());
    for row in loaded.config.rows() {
        let (place, name) = row.key.rsplit_once('.').unwrap_or(("", &row.key));
        if place != table {
            table = place.to_owned();
            let header = match place.split_once('[') {
                Some((list, _)) => format!("[[{list}]]"),
                None => format!("[{place}]"),
            };
            let about = abouts.iter().find(|(it, _)| it == place).map(|(_, about)| about);
            let about = about.map_or(String::new(), |about| format!("  # {about}"));
            let _ = writeln!(out, "\n{header}{about}");
        }
        let origin = loaded.origin(&row.key);
        let line = match &row.shown {
            Some(value) => format!("{name} = {value}"),
            None => {
                let setting = settings.iter().find(|setting| setting.key == row.key);
                let takes = setting.map_or(String::new(), |it| format!(": {}", it.expected));
                format!("# {name} is not set{takes}")
            }
        };
        let _ = match (&row.shown, origin) {
            (None, _) => writeln!(out, "{line}"),
            (_, Origin::Default) => writeln!(out, "{line:<COMMENT_AT$}  # default"),
            (_, origin) => writeln!(out, "{line:<COMMENT_AT$}  # {origin}"),
        };
    }
    out
}
