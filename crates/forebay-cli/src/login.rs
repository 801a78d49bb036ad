//! The login in the URL of a database: its password may come from the environment, where other
//! users of the machine do not see it, and it is never shown. It opens nothing.

use std::ffi::OsString;

use anyhow::{Result, anyhow};

use crate::exit::Usage;

/// Where PostgreSQL's own programs look for a password, too.
const PASSWORD: &str = "PGPASSWORD";

/// The URL with the password of the environment, if it names a PostgreSQL server and has none.
pub(crate) fn with_password(url: &str) -> Result<String> {
    complete(url, std::env::var_os(PASSWORD))
}

fn complete(url: &str, password: Option<OsString>) -> Result<String> {
    let (Some((scheme, login, rest)), Some(password)) = (login(url), password) else {
        return Ok(url.to_owned());
    };
    if login.is_empty() || login.contains(':') {
        return Ok(url.to_owned());
    }
    let password = password
        .into_string()
        .map_err(|_| anyhow!(Usage(format!("the password in {PASSWORD} is not valid UTF-8"))))?;
    Ok(format!("{scheme}://{login}:{}@{rest}", encoded(&password)))
}

/// The URL as it may be logged.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, login, rest)) = login(url) else { return url.to_owned() };
    // A password may stand among the settings, too.
    let place = rest.split_once('?').map_or(rest, |(place, _)| place);
    match login.split_once(':').map_or(login, |(user, _)| user) {
        "" => format!("{scheme}://{place}"),
        user => format!("{scheme}://{user}@{place}"),
    }
}

/// The scheme, the login and all that follows, of the URL of a PostgreSQL server.
fn login(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(match rest[..end].rfind('@') {
        Some(at) => (scheme, &rest[..at], &rest[at + 1..]),
        None => (scheme, "", rest),
    })
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_in_and_never_shown() {
        let check = |url: &str, expect_full: &str, expect_shown: &str| {
            let full = complete(url, Some("s@c/r%t ä".into())).unwrap();
            assert_eq!((full.as_str(), shown(&full).as_str()), (expect_full, expect_shown));
        };
        check(
            "postgres://ada@db.example:5433/shop?sslmode=require",
            "postgres://ada:s%40c%2Fr%25t%20%C3%A4@db.example:5433/shop?sslmode=require",
            "postgres://ada@db.example:5433/shop",
        );
        check("postgresql://ada:own@h/d", "postgresql://ada:own@h/d", "postgresql://ada@h/d");
        check("postgres://h/d?password=x", "postgres://h/d?password=x", "postgres://h/d");
        check("sqlite:a@b.db", "sqlite:a@b.db", "sqlite:a@b.db");
        assert_eq!(complete("postgres://ada@h", None).unwrap(), "postgres://ada@h");
    }
}
