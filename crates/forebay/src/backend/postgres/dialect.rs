//! The words with which SQLite's clients begin a transaction, in those of PostgreSQL, which takes
//! them for errors. Nothing else is put into other words.

use std::sync::Arc;

/// The words of BEGIN at most; longer texts are none.
const BEGIN_WORDS_MAX: usize = 3;

/// The text for the server: another one only where SQLite's kinds of BEGIN are asked for.
pub(crate) fn spoken(sql: Arc<str>) -> Arc<str> {
    match begin(&sql) {
        Some(begin) => begin.into(),
        None => sql,
    }
}

fn begin(sql: &str) -> Option<&'static str> {
    let text = sql.trim_ascii().trim_end_matches(';');
    let mut words = text.split_ascii_whitespace();
    let is_begin = words.next()?.eq_ignore_ascii_case("begin");
    if !is_begin || text.split_ascii_whitespace().nth(BEGIN_WORDS_MAX).is_some() {
        return None;
    }
    let rest: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["deferred" | "immediate" | "exclusive"]
        | ["deferred" | "immediate" | "exclusive", "transaction"] => Some("BEGIN"),
        ["readonly"] | ["transaction", "readonly"] => Some("BEGIN READ ONLY"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_begins_of_sqlite_are_changed() {
        let check = |sql: &str, expect: &str| assert_eq!(&*spoken(sql.into()), expect);
        check("BEGIN IMMEDIATE", "BEGIN");
        check(" begin  deferred ;", "BEGIN");
        check("BEGIN EXCLUSIVE TRANSACTION", "BEGIN");
        check("BEGIN TRANSACTION READONLY", "BEGIN READ ONLY");
        for same in [
            "BEGIN",
            "BEGIN TRANSACTION",
            "BEGIN READ ONLY",
            "BEGIN IMMEDIATE TRANSACTION NOW",
            "BEGIN DEFERRABLE",
            "SELECT 'BEGIN IMMEDIATE'",
            "",
        ] {
            check(same, same);
        }
    }
}
