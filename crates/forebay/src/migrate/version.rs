//! The number of a migration, and how it stands in the name of its file. It reads no file.

use std::fmt;

use crate::error::{Error, Result};

/// Numbers of one version at most: `V1.2.3.4__x.sql`.
const PARTS_MAX: usize = 8;

/// The longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// A version: one number, or several with points between them, compared one after another.
/// Zeros at the end do not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Version(Vec<u64>);

/// What the name of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A migration of this version, with this name.
    Migration(Version, String),
    /// Something else that may lie beside migrations.
    Other,
}

impl Version {
    /// Reads `3`, `003`, `1.2`.
    pub(super) fn parse(text: &str) -> Option<Version> {
        let parts: Option<Vec<u64>> = text
            .split('.')
            .map(|part| {
                let is_number = !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
                // As a database keeps it.
                let fits = |n: &u64| i64::try_from(*n).is_ok();
                is_number.then(|| part.parse().ok().filter(fits)).flatten()
            })
            .collect();
        let mut parts = parts.filter(|parts| parts.len() <= PARTS_MAX)?;
        while parts.len() > 1 && parts.last() == Some(&0) {
            parts.pop();
        }
        Some(Version(parts))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// Reads the name of a file: `002_add_indexes.sql`, `V2__add_indexes.sql`, `V1.1__x.sql`,
/// `20240131120000_x.sql`, `002-x.up.sql`.
pub(super) fn named(file: &str) -> Result<Named> {
    let Some(stem) = strip_suffix(file, ".sql").filter(|_| !file.starts_with('.')) else {
        return Ok(Named::Other);
    };
    // What would undo it is not run, and is no migration.
    if strip_suffix(stem, ".down").is_some() {
        return Ok(Named::Other);
    }
    if file.len() > NAME_BYTES_MAX || file.contains(['\\', '\'', '\0']) || has_control(file) {
        return Err(Error::usage(format!(
            "the name of the migration {file:?} is too long, or has a quote, a backslash or a \
             control character in it; rename it"
        )));
    }
    let stem = strip_suffix(stem, ".up").unwrap_or(stem);
    let read = match stem.strip_prefix(['V', 'v']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => of_flyway(rest),
        _ => of_number(stem),
    };
    let Some((version, name)) = read else {
        return Err(Error::usage(format!(
            "{file:?} has no version in its name; call migrations as in `002_add_indexes.sql` or \
             `V2__add_indexes.sql`, and keep other .sql files in another directory"
        )));
    };
    Ok(Named::Migration(version, name.to_owned()))
}

/// `1.2__name`, or `1_2__name`.
fn of_flyway(rest: &str) -> Option<(Version, &str)> {
    let (version, name) = rest.split_once("__")?;
    Some((Version::parse(&version.replace('_', "."))?, name))
}

/// `002_name`, `002-name`, `002.name`, `002 name`, `002`.
fn of_number(stem: &str) -> Option<(Version, &str)> {
    let end = stem.find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len());
    let (digits, rest) = stem.split_at(end);
    let is_apart = rest.is_empty() || rest.starts_with(['_', '-', '.', ' ']);
    let version = Version::parse(digits).filter(|_| is_apart)?;
    Some((version, rest.trim_start_matches(['_', '-', '.', ' '])))
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let is_there = text.is_char_boundary(at) && text[at..].eq_ignore_ascii_case(suffix);
    is_there.then(|| &text[..at])
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        let check = |file: &str, expect: Option<(&str, &str)>| {
            let found = match named(file) {
                Ok(Named::Migration(version, name)) => Some((version.to_string(), name)),
                Ok(Named::Other) => None,
                Err(error) => Some(("error".to_owned(), error.message().to_owned())),
            };
            let found = found.as_ref().map(|(version, name)| (version.as_str(), name.as_str()));
            assert_eq!(found, expect, "{file:?}");
        };
        check("002_add_indexes.sql", Some(("2", "add_indexes")));
        check("V2__add_indexes.sql", Some(("2", "add_indexes")));
        check("v10__x.SQL", Some(("10", "x")));
        check("V1.1__x.sql", Some(("1.1", "x")));
        check("V1_1__x_y__z.sql", Some(("1.1", "x_y__z")));
        check("V3.0__x.sql", Some(("3", "x")));
        check("20240131120000_start.sql", Some(("20240131120000", "start")));
        check("7.sql", Some(("7", "")));
        check("0.sql", Some(("0", "")));
        check("0001-größe.up.sql", Some(("1", "größe")));
        check("0001-x.down.sql", None);
        check("README.md", None);
        check(".#001_x.sql", None);
        check("001_x.sql~", None);
        check("001_x.sql.bak", None);
        check("é", None);
        for file in [
            "schema.sql",
            "R__views.sql",
            "001x.sql",
            "V1_x.sql",
            "V1..2__x.sql",
            "99999999999999999999_x.sql",
            "_1.sql",
            ".sql.sql",
        ] {
            match named(file) {
                Ok(Named::Other) => assert!(file.starts_with('.'), "{file}"),
                Ok(found) => panic!("{file}: {found:?}"),
                Err(error) => assert!(error.is_usage() && error.message().contains(file)),
            }
        }
        assert!(named("001_a'b.sql").is_err() && named("001_a\\b.sql").is_err());
        assert!(named("001_a\nb.sql").is_err());
    }

    #[test]
    fn versions_are_in_order() {
        let version = |text: &str| Version::parse(text).unwrap();
        let all = ["0", "1", "1.0.1", "1.1", "1.2", "1.10", "2", "10", "20240131120000"];
        for pair in all.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("002.0"), version("2"));
        assert!(Version::parse("").is_none() && Version::parse("-1").is_none());
    }
}
