//! The statements of a text, each with the comments that stand before it.

use crate::sql::lex::{Kind, tokens};

/// Statements separated by semicolons, without the blanks around them. A body of a trigger, which
/// has semicolons of its own, is not taken for one.
pub(crate) fn statements(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut comments = Vec::new();
    let mut extent: Option<(usize, usize)> = None;
    for token in tokens(text) {
        match token.kind {
            Kind::Space => {}
            Kind::Comment if extent.is_none() => comments.push(&text[token.start..token.end]),
            Kind::Comment => {}
            Kind::Semicolon => {
                if let Some((start, end)) = extent.take() {
                    found.push((&text[start..end], std::mem::take(&mut comments)));
                }
            }
            _ => extent = Some((extent.map_or(token.start, |(start, _)| start), token.end)),
        }
    }
    if let Some((start, end)) = extent {
        found.push((&text[start..end], comments));
    }
    found
}
