//! Statements with a small part written anew, token by token, so that all the rest stays as it is.

use super::super::place::plain;
use crate::sql::lex::{Kind, Token, tokens};

/// The statement without the rows that its outermost OFFSET leaves out, if that is a number.
pub(crate) fn without_offset(sql: &str) -> Option<String> {
    let place = offset_token(sql).filter(|token| token.kind == Kind::Number)?;
    Some(format!("{}0{}", &sql[..place.start], &sql[place.end..]))
}

/// What stands behind the outermost OFFSET: a number, or the name of a parameter.
#[cfg(any(feature = "postgres", test))]
pub(crate) fn outer_offset(sql: &str) -> Option<&str> {
    let place = offset_token(sql)?;
    let is_value = matches!(place.kind, Kind::Number | Kind::Parameter);
    is_value.then(|| &sql[place.start..place.end])
}

fn offset_token(sql: &str) -> Option<Token> {
    let all = significant(sql);
    let mut depth = 0usize;
    let mut place: Option<Token> = None;
    for (at, token) in all.iter().enumerate() {
        let word = &sql[token.start..token.end];
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth == 0 && word.eq_ignore_ascii_case("offset") => {
                place = all.get(at + 1).copied();
            }
            _ if depth == 0 && word.eq_ignore_ascii_case("limit") => {
                let comma = all.get(at + 2).is_some_and(|it| &sql[it.start..it.end] == ",");
                place = all.get(at + 1).copied().filter(|_| comma);
            }
            _ => {}
        }
    }
    place
}

/// The statement with `column LIKE pattern` asked of an index of trigrams, in every place.
pub(crate) fn in_trigrams(sql: &str, column: &str, index: &str) -> Option<String> {
    let all = significant(sql);
    let word = |at: usize| all.get(at).map_or("", |it| &sql[it.start..it.end]);
    let is_name = |at: usize| {
        let kind = all.get(at).map(|it| it.kind);
        matches!(kind, Some(Kind::Word | Kind::Quoted))
            && plain(word(at)) == column.to_ascii_lowercase()
    };
    let (mut out, mut from) = (String::new(), 0);
    for at in 0..all.len() {
        let is_like = word(at + 1).eq_ignore_ascii_case("like");
        let is_pattern =
            all.get(at + 2).is_some_and(|it| matches!(it.kind, Kind::Text | Kind::Parameter));
        let ends = !word(at + 3).eq_ignore_ascii_case("escape") && word(at + 3) != "||";
        if !is_name(at) || !is_like || !is_pattern || !ends {
            continue;
        }
        let is_qualified = at >= 2 && word(at - 1) == ".";
        let (start, rowid) = match is_qualified {
            true => (all[at - 2].start, format!("{}.rowid", word(at - 2))),
            false => (all[at].start, "rowid".to_owned()),
        };
        let index = crate::sql::quoted(index);
        let name = crate::sql::quoted(column);
        out.push_str(&sql[from..start]);
        out.push_str(&format!(
            "{rowid} IN (SELECT rowid FROM {index} WHERE {name} LIKE {})",
            word(at + 2)
        ));
        from = all[at + 2].end;
    }
    out.push_str(&sql[from..]);
    (from > 0).then_some(out)
}

fn significant(sql: &str) -> Vec<Token> {
    tokens(sql).filter(|token| token.kind.is_significant()).collect()
}
