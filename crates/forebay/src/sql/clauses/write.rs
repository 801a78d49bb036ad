//! Statements that write one table, cut so that a part of their rows can be written: an INSERT of
//! some of its rows, an UPDATE or DELETE under one more condition.

use super::cut::aliased;
use super::text::Text;
use super::tokens::{Piece, Tokens};

/// An INSERT whose rows are written down.
#[derive(Clone, Debug)]
pub(crate) struct InsertText {
    tokens: Tokens,
    /// Up to VALUES, with it.
    head: Piece,
    rows: Vec<Piece>,
}

/// An UPDATE or DELETE.
#[derive(Clone, Debug)]
pub(crate) struct TargetText {
    tokens: Tokens,
    head: Piece,
    filter: Option<Piece>,
    /// The name that the table goes by, as SQL.
    pub(crate) alias: Box<str>,
}

impl InsertText {
    /// Cuts an INSERT without ON CONFLICT and RETURNING that has so many rows.
    pub(crate) fn of(sql: &str, rows: usize) -> Result<InsertText, &'static str> {
        let tokens = Tokens::of(sql)?;
        let words = tokens.clause_words(0);
        let values = words.iter().find(|(_, word)| word == "values").map(|(at, _)| *at);
        let Some(values) = values.filter(|_| tokens.is(0, "insert")) else {
            return Err("has no VALUES");
        };
        let head = Piece { from: 0, to: values + 1 };
        let all = tokens.split(Piece { from: values + 1, to: tokens.len() });
        let is_row = |row: &Piece| {
            tokens.is_sign(row.from, "(")
                && row.to > row.from
                && tokens.close(row.from, row.to) == Some(row.to - 1)
        };
        if all.len() != rows || !all.iter().all(is_row) {
            return Err("has another number of rows than its text shows");
        }
        Ok(InsertText { tokens, head, rows: all })
    }

    /// An INSERT of these rows, by their places.
    pub(crate) fn of_rows(&self, rows: &[usize]) -> Text {
        let mut text = self.tokens.copied(self.head);
        let lines: Vec<Text> = rows
            .iter()
            .filter_map(|row| self.rows.get(*row))
            .map(|row| self.tokens.copied(*row))
            .collect();
        text.push("\n");
        text.append(&Text::list(&lines));
        text
    }
}

impl TargetText {
    /// Cuts an UPDATE or DELETE of one table, without RETURNING.
    pub(crate) fn of(sql: &str) -> Result<TargetText, &'static str> {
        const ODD: &str = "names its table in a form that is not understood";
        let tokens = Tokens::of(sql)?;
        let first = match (tokens.is(0, "update"), tokens.is(0, "delete")) {
            (true, _) => 1,
            (_, true) if tokens.is(1, "from") => 2,
            _ => return Err("is neither UPDATE nor DELETE"),
        };
        let (alias, end) = aliased(&tokens, first, tokens.len()).ok_or(ODD)?;
        let is_it = match first {
            1 => tokens.is(end, "set"),
            _ => end == tokens.len() || tokens.is(end, "where"),
        };
        let words = tokens.clause_words(end);
        let more = ["from", "using", "returning"];
        let is_more = |(at, word): &(usize, String)| {
            // IS DISTINCT FROM.
            more.contains(&word.as_str()) && !tokens.is(at.saturating_sub(1), "distinct")
        };
        if !is_it || words.iter().any(is_more) {
            return Err(ODD);
        }
        let filter = words.iter().find(|(_, word)| word == "where").map(|(at, _)| *at);
        if filter.is_some_and(|at| tokens.is(at + 1, "current")) {
            return Err("writes the row of a cursor");
        }
        Ok(TargetText {
            head: Piece { from: 0, to: filter.unwrap_or(tokens.len()) },
            filter: filter.map(|at| Piece { from: at + 1, to: tokens.len() }),
            alias: tokens.text(alias).into(),
            tokens,
        })
    }

    /// The statement under one more condition.
    pub(crate) fn under(&self, condition: &Text) -> Text {
        let mut text = self.tokens.copied(self.head);
        text.push("\nWHERE ");
        if let Some(filter) = self.filter {
            text.push("(");
            text.append(&self.tokens.copied(filter));
            text.push("\n) AND ");
        }
        text.append(condition);
        text
    }
}
