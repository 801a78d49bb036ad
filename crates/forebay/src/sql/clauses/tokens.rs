//! A text as its tokens, and pieces of it that are copied as they stand, with what is between.

use super::text::Text;
use crate::sql::lex::{Dialect, Kind, Token, tokens_in};

/// Why a text is not cut, as the end of a sentence that begins with "it".
pub(super) type Refusal = &'static str;

/// A text as its tokens.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    pub(super) sql: Box<str>,
    /// Those that mean something, without semicolons at the end.
    tokens: Vec<Token>,
}

/// Tokens in a row, from one on up to another without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Piece {
    pub(super) fn is_empty(self) -> bool {
        self.from >= self.to
    }
}

impl Tokens {
    pub(super) fn of(sql: &str) -> Result<Tokens, Refusal> {
        let mut tokens: Vec<Token> =
            tokens_in(sql, Dialect::Postgres).filter(|it| it.kind.is_significant()).collect();
        while tokens.last().is_some_and(|token| token.kind == Kind::Semicolon) {
            tokens.pop();
        }
        let is_odd = |token: &Token| matches!(token.kind, Kind::Illegal | Kind::Semicolon);
        match tokens.iter().any(is_odd) {
            true => Err("has a text that is not understood"),
            false => Ok(Tokens { sql: sql.into(), tokens }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn all(&self) -> Piece {
        Piece { from: 0, to: self.len() }
    }

    pub(super) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.sql[token.start..token.end])
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Whether a token is this word, without quotes.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_sign(&self, at: usize, sign: &str) -> bool {
        self.kind(at) == Some(Kind::Operator) && self.text(at) == sign
    }

    pub(super) fn is_name(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Word | Kind::Quoted))
    }

    /// The name that a token is to the server.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let text = self.text(at);
        match self.kind(at)? {
            Kind::Word => Some(text.to_ascii_lowercase()),
            // With escapes it could be any.
            Kind::Quoted if !text.starts_with('"') => None,
            Kind::Quoted => Some(text[1..text.len() - 1].replace("\"\"", "\"")),
            _ => None,
        }
    }

    /// Adds a token, with what stands between it and the one before unless it is the first.
    pub(super) fn copy(&self, at: usize, is_first: bool, to: &mut Text) {
        if !is_first {
            self.copy_gap(at, to);
        }
        let number = self.text(at).strip_prefix('$').and_then(|digits| digits.parse().ok());
        match (self.kind(at), number) {
            (Some(Kind::Parameter), Some(number)) => to.push_given(number),
            _ => to.push(self.text(at)),
        }
    }

    /// What stands before a token.
    pub(super) fn copy_gap(&self, at: usize, to: &mut Text) {
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
        if let (Some(before), Some(token)) = (before, self.tokens.get(at)) {
            to.push(&self.sql[before.end..token.start]);
        }
    }

    pub(super) fn copied(&self, piece: Piece) -> Text {
        let mut text = Text::default();
        (piece.from..piece.to).for_each(|at| self.copy(at, at == piece.from, &mut text));
        text
    }

    /// The pieces between the commas that are in no parentheses.
    pub(super) fn split(&self, piece: Piece) -> Vec<Piece> {
        let (mut pieces, mut depth, mut from) = (Vec::new(), 0usize, piece.from);
        for at in piece.from..piece.to {
            depth = self.depth_after(at, depth);
            if depth == 0 && self.is_sign(at, ",") {
                pieces.push(Piece { from, to: at });
                from = at + 1;
            }
        }
        pieces.push(Piece { from, to: piece.to });
        pieces
    }

    pub(super) fn depth_after(&self, at: usize, depth: usize) -> usize {
        match self.text(at) {
            "(" | "[" if self.kind(at) == Some(Kind::Operator) => depth + 1,
            ")" | "]" if self.kind(at) == Some(Kind::Operator) => depth.saturating_sub(1),
            _ => depth,
        }
    }

    /// The place of the parenthesis that closes the one at `open`.
    pub(super) fn close(&self, open: usize, to: usize) -> Option<usize> {
        let mut depth = 0;
        (open..to).find(|at| {
            depth = self.depth_after(*at, depth);
            depth == 0
        })
    }

    /// The words of clauses that are in no parentheses and are not names.
    pub(super) fn clause_words(&self, from: usize) -> Vec<(usize, String)> {
        let (mut words, mut depth) = (Vec::new(), 0usize);
        for at in from..self.len() {
            depth = self.depth_after(at, depth);
            let is_label = at > 0 && (self.is_sign(at - 1, ".") || self.is(at - 1, "as"));
            if depth == 0 && self.kind(at) == Some(Kind::Word) && !is_label {
                words.push((at, self.text(at).to_ascii_lowercase()));
            }
        }
        words
    }
}
