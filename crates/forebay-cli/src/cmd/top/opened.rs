//! What there is to say of one statement or one session, and of the keys.

use super::column::{Column, Row, brief_ms};
use super::reading::Session;
use super::state::State;

/// What the keys do.
pub(super) const KEYS: [(&str, &str); 10] = [
    ("↑ ↓ j k", "choose a row; also PgUp, PgDn, Home, End"),
    ("enter", "open the row that is chosen; again, or esc: back"),
    ("s, S", "sort by the next column, by the one before"),
    ("/", "show only what contains a text; enter: keep it, esc: all again"),
    ("w", "what came in the last minute, or all since counting began"),
    ("tab", "sessions or statements (of a PostgreSQL server)"),
    ("?", "this page"),
    ("q", "quit; also ctrl-c"),
    ("load", "a statement's share of the time that all of them took at the database"),
    ("hits", "of calls answered from memory; of PostgreSQL's pages found in its memory"),
];

/// What is open: a text, and names with values. `None` if it is not there any more.
pub(super) fn opened(state: &State, id: &str) -> Option<(String, Vec<(String, String)>)> {
    if state.shows_sessions {
        let all = state.sessions();
        let found = all.into_iter().find(|it| it.id.to_string() == id)?;
        return Some((found.text.clone(), of_session(found)));
    }
    let rows = state.rows();
    let row = rows.iter().find(|row| row.statement.id == id)?;
    Some((row.statement.text.clone(), of_statement(state, row)))
}

fn of_statement(state: &State, row: &Row<'_>) -> Vec<(String, String)> {
    let columns = state.columns().iter().filter(|it| **it != Column::Text);
    let shown = columns.map(|it| (it.name().to_owned(), it.show(row)));
    let shown = shown.filter(|(_, value)| !value.is_empty());
    let mut all = vec![("id".to_owned(), row.statement.id.clone())];
    all.extend(shown);
    all.extend(row.statement.details.iter().cloned());
    all
}

fn of_session(it: &Session) -> Vec<(String, String)> {
    let pairs = [
        ("process", it.id.to_string()),
        ("who", it.who.clone()),
        ("state", it.state.clone()),
        ("for", brief_ms(it.seconds * 1e3)),
        ("waits for", it.wait.clone()),
    ];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| (name.to_owned(), value)).collect()
}
