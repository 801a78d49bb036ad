//! Where a database is: the URL or path that a user gives.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// A place for a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// A file.
    File(PathBuf),
    /// Memory of this process, gone when it is closed.
    Memory,
}

impl Location {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:`, `:memory:`, or a bare path.
    pub(crate) fn parse(url: &str) -> Result<Location> {
        let url = url.trim();
        let path = match url.split_once(':') {
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme @ ("postgres" | "postgresql" | "mysql" | "http" | "https"), _)) => {
                return Err(Error::usage(format!(
                    "cannot open a {scheme}: URL; only SQLite and PostgreSQL are supported: use \
                     sqlite:path/to/file, or postgres://user@host/database"
                )));
            }
            _ => url,
        };
        match path {
            "" => Err(Error::usage("the database URL names no file; use sqlite:path/to/file")),
            ":memory:" => Ok(Location::Memory),
            path if path.contains('\0') => {
                Err(Error::usage("the path of the database contains a NUL byte"))
            }
            path if path.contains('?') && url.starts_with("sqlite:") => Err(Error::usage(
                "the database URL has a query part (`?…`); use the builder's settings instead",
            )),
            path => Ok(Location::File(PathBuf::from(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let check = |url, expect: Option<&str>| match (Location::parse(url), expect) {
            (Ok(Location::File(path)), Some(expect)) => assert_eq!(path, PathBuf::from(expect)),
            (Ok(Location::Memory), Some(expect)) => assert_eq!(expect, ":memory:"),
            (Err(error), None) => assert!(error.is_usage()),
            (found, _) => panic!("{url}: {found:?}"),
        };
        check("sqlite:app.db", Some("app.db"));
        check("sqlite:///var/app.db", Some("/var/app.db"));
        check("sqlite::memory:", Some(":memory:"));
        check(":memory:", Some(":memory:"));
        check("data/app.db", Some("data/app.db"));
        check("C:app.db", Some("C:app.db"));
        check("sqlite:", None);
        check("", None);
        check("postgres://localhost/app", None);
        check("sqlite:app.db?mode=ro", None);
        check("app\0.db", None);
    }
}
