//! The configuration in force, as it may be shown: secrets are not.

/// Parts of names whose values are secrets.
const SECRET: [&str; 5] = ["token", "secret", "password", "key", "credential"];

/// What stands for a secret.
const MASK: &str = "***";

/// A value as it may be shown.
pub(super) fn shown(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    if SECRET.iter().any(|part| name.contains(part)) {
        return MASK.to_owned();
    }
    without_password(value)
}

/// The password of a URL does not show, nor parameters that are called like one.
pub(super) fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    // A password may have an @ of its own that nobody has written as %40.
    let place = match place.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            let mask = if login.contains(':') { format!(":{MASK}") } else { String::new() };
            format!("{user}{mask}@{host}")
        }
        None => place.to_owned(),
    };
    let query = query.map(|query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{place}{}", query.unwrap_or_default())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        for (name, value, expect) in [
            ("rows_max", "7", "7"),
            ("Admin_Token", "x", "***"),
            ("client_secret", "x", "***"),
            ("database", "sqlite:app.db", "sqlite:app.db"),
            ("database", "postgres://ada@host/x", "postgres://ada@host/x"),
            ("database", "postgres://ada:p@ss@host/x", "postgres://ada:***@host/x"),
            ("database", "postgres://ada:a/b@host/x", "postgres://ada:***@host/x"),
            (
                "url",
                "redis://:s@h:6379/0?password=s&x=1&API_KEY=2",
                "redis://:***@h:6379/0?password=***&x=1&API_KEY=***",
            ),
        ] {
            assert_eq!(shown(name, value), expect);
        }
    }
}
