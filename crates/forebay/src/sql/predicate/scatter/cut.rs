//! Where the clauses of a SELECT stand in its text, so that a condition or a limit can be put in
//! and everything else, with the names of the columns, stays as it is.

use super::super::occurrence::Operand;
use crate::sql::lex::{Kind, tokens};

/// LIMIT and OFFSET.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limited {
    pub(crate) count: Operand,
    pub(crate) offset: Option<Operand>,
}

/// A text, cut at its clauses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Up to WHERE, or to where it would stand.
    head: String,
    /// The condition.
    filter: Option<String>,
    /// GROUP BY to ORDER BY.
    tail: String,
    /// What stands behind LIMIT.
    limit: Option<String>,
}

impl Cut {
    /// Cuts one SELECT without WITH and without set operations.
    pub(super) fn of(sql: &str) -> Cut {
        let mut depth = 0usize;
        let (mut filter, mut tail, mut limit) = (None, None, None);
        let mut end = 0;
        for token in tokens(sql).filter(|token| token.kind.is_significant()) {
            let word = &sql[token.start..token.end];
            match word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if token.kind == Kind::Semicolon {
                break;
            }
            end = token.end;
            if depth > 0 || token.kind != Kind::Word {
                continue;
            }
            let at = (token.start, token.end);
            match word.to_ascii_lowercase().as_str() {
                "where" => filter = filter.or(Some(at)),
                "group" | "having" | "order" => tail = tail.or(Some(at.0)),
                "limit" => limit = limit.or(Some(at)),
                _ => {}
            }
        }
        let limit_at = limit.map_or(end, |(start, _)| start);
        let tail_at = tail.unwrap_or(limit_at);
        Cut {
            head: sql[..filter.map_or(tail_at, |(start, _)| start)].to_owned(),
            filter: filter.map(|(_, end)| sql[end..tail_at].to_owned()),
            tail: sql[tail_at..limit_at].to_owned(),
            limit: limit.map(|(_, after)| sql[after..end].to_owned()),
        }
    }

    /// The text under one more condition, and with `count` rows at most instead of its own LIMIT.
    pub(crate) fn under(&self, condition: Option<&str>, count: Option<u64>) -> String {
        // A comment may end the parts, so that each gets a line of its own.
        let mut text = self.head.clone();
        match (&self.filter, condition) {
            (None, None) => {}
            (Some(filter), None) => text.extend(["\nWHERE", filter.as_str()]),
            (None, Some(condition)) => text.extend(["\nWHERE ", condition]),
            (Some(filter), Some(condition)) => {
                text.extend(["\nWHERE (", filter.as_str(), "\n) AND ", condition]);
            }
        }
        text.extend(["\n", self.tail.as_str()]);
        match (&self.limit, count) {
            (None, None) => {}
            (Some(limit), None) => text.extend(["\nLIMIT ", limit.as_str()]),
            (_, Some(count)) => text.extend(["\nLIMIT ", count.to_string().as_str()]),
        }
        text
    }
}
