//! What to do about a repeated statement, in words. A statement is rewritten only where that is
//! certain to ask for the same rows.

use super::case::{Case, Ends, Origin};
use super::told::Action;
use crate::sql::{Dialect, Role, has_word, operands};

/// For a query that is run once for each key.
pub(super) fn of_reads(
    case: &Case,
    dialect: Dialect,
    origin: Option<Origin>,
    ends: Option<&Ends>,
) -> String {
    if origin.is_some_and(|origin| origin.source == case.id()) {
        return "each answer gives the next keys: walk with one statement, WITH RECURSIVE; or ask \
                for the keys of each step at once, with IN (:keys) and load_many"
            .to_owned();
    }
    let mut cure =
        origin.and_then(|origin| one_statement(case, dialect, origin, ends)).unwrap_or_else(|| {
            "ask for all keys at once, with IN (:keys) and load_many or load_one, or join the \
             statement that gives the keys; where they come one by one, a forebay::Loader gathers \
             them"
                .to_owned()
        });
    if dialect != Dialect::Sqlite {
        cure += "; or .coalesce() on the query, if the lookups are on their way at once";
    }
    cure
}

fn one_statement(
    case: &Case,
    dialect: Dialect,
    origin: Origin,
    ends: Option<&Ends>,
) -> Option<String> {
    let ends = ends.filter(|ends| !ends.column.is_empty())?;
    let column = &*ends.column;
    let text = with_list(case, dialect, origin)?;
    if has_word(&text, "limit") || has_word(&text, "fetch") {
        return Some(format!(
            "one statement for all keys: number the rows of each, row_number() OVER (PARTITION BY \
             {column} ORDER BY ..), in a subquery with {column} IN (:keys), compare the number, \
             and take them with load_many(\"{column}\", keys)"
        ));
    }
    if !ends.is_plain {
        return Some(format!(
            "one statement for all keys, grouped: add {column} to what is selected, \
             {column} IN (:keys) for the comparison, GROUP BY {column}; and take the rows with \
             load_one(\"{column}\", keys)"
        ));
    }
    let load = if ends.is_unique { "load_one" } else { "load_many" };
    let more =
        if ends.is_answered { String::new() } else { format!(", with {column} selected, too") };
    Some(format!("db.query(\"{text}\").{load}(\"{column}\", keys){more}"))
}

/// The normalised text with a place for a list of keys.
fn with_list(case: &Case, dialect: Dialect, origin: Origin) -> Option<String> {
    let raw = operands(&case.sample.text, dialect);
    let text = &**case.record.text();
    // In the normalised text each of them is a question mark.
    let normal = operands(text, Dialect::Sqlite);
    if raw.len() != normal.len() || text.ends_with('…') {
        return None;
    }
    let slot = usize::from(origin.slot);
    let at = if case.sample.is_literal {
        slot
    } else if case.sample.names.iter().any(|name| !name.is_empty()) {
        let name = case.sample.names.get(slot)?;
        raw.iter().position(|it| case.sample.text[it.start..it.end].get(1..) == Some(name))?
    } else {
        let mut meant = raw.iter().enumerate().filter(|(_, it)| it.number == Some(slot + 1));
        let (Some((at, _)), None) = (meant.next(), meant.next()) else { return None };
        at
    };
    let operand = normal.get(at).filter(|it| it.role == Role::Equal)?;
    let sign = operand.sign?;
    let is_list = text[sign..].starts_with("in");
    let behind =
        if is_list { text[operand.end..].find(')')? + operand.end + 1 } else { operand.end };
    Some(format!("{}in (:keys){}", &text[..sign], &text[behind..]))
}

/// For a statement that writes a row at a time.
pub(super) fn of_writes(case: &Case) -> String {
    let table = table(case.record.text(), case.action).unwrap_or("..");
    match case.action {
        Action::Insert => format!("db.bulk(\"{table}\").insert(rows), or .upsert(..)"),
        Action::Update => format!(
            "db.bulk(\"{table}\").update(key, rows), or .set(key, ids, values) where all get the \
             same"
        ),
        Action::Delete => format!("db.bulk(\"{table}\").delete(key, ids)"),
        Action::Read | Action::Other => "db.bulk(..)".to_owned(),
    }
}

/// The table that a normalised text writes.
fn table(text: &str, action: Action) -> Option<&str> {
    let mut words = text.split([' ', '(']);
    match action {
        Action::Insert => words.find(|word| *word == "into").and_then(|_| words.next()),
        Action::Delete => words.find(|word| *word == "from").and_then(|_| words.next()),
        Action::Update => words.nth(1).filter(|word| *word != "or"),
        Action::Read | Action::Other => None,
    }
}

/// For a question that is asked again and again; `reasons` say why it was not kept.
pub(super) fn of_duplicate(reasons: &[&str]) -> String {
    match reasons {
        [] => "ask once and pass the answer on; or keep it, with .ttl(..)".to_owned(),
        reasons => format!(
            "ask once and pass the answer on; the cache does not keep it because {}",
            reasons.join(", and ")
        ),
    }
}
