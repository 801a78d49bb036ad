//! Small questions to a run of Rust tokens: is this a path separator, is this item for tests only,
//! where does it end, where is the body of this function. Tokens come from a real lexer, so that
//! strings, comments and character literals cannot be mistaken for code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The identifier at `index`, with its `r#` taken off.
pub(crate) fn ident(tokens: &[TokenTree], index: usize) -> Option<String> {
    match tokens.get(index) {
        Some(TokenTree::Ident(ident)) => {
            let text = ident.to_string();
            Some(text.strip_prefix("r#").unwrap_or(&text).to_owned())
        }
        _ => None,
    }
}

/// Whether the token at `index` is the identifier `word`.
pub(crate) fn is_ident(tokens: &[TokenTree], index: usize, word: &str) -> bool {
    ident(tokens, index).is_some_and(|ident| ident == word)
}

/// Whether the token at `index` is the punctuation `mark`.
pub(crate) fn is_punct(tokens: &[TokenTree], index: usize, mark: char) -> bool {
    matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// Whether `::` begins at `index`.
pub(crate) fn is_separator(tokens: &[TokenTree], index: usize) -> bool {
    is_punct(tokens, index, ':') && is_punct(tokens, index + 1, ':')
}

/// The group at `index` when it is delimited so.
pub(crate) fn group(tokens: &[TokenTree], index: usize, delimiter: Delimiter) -> Option<&Group> {
    match tokens.get(index) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// The index after the attribute `#[…]` or `#![…]` at `index`, and the attribute's content.
pub(crate) fn attribute(tokens: &[TokenTree], index: usize) -> Option<(usize, TokenStream)> {
    if !is_punct(tokens, index, '#') {
        return None;
    }
    let open = if is_punct(tokens, index + 1, '!') { index + 2 } else { index + 1 };
    group(tokens, open, Delimiter::Bracket).map(|group| (open + 1, group.stream()))
}

/// Whether an attribute's content lets its item exist in tests only: `cfg(test)`, or `cfg(all(…))`
/// with `test` in it.
pub(crate) fn is_test_only(attribute: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    let Some(condition) = group(&tokens, 1, Delimiter::Parenthesis) else { return false };
    is_ident(&tokens, 0, "cfg") && requires_test(condition.stream())
}

fn requires_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    if is_ident(&tokens, 0, "all") {
        let Some(list) = group(&tokens, 1, Delimiter::Parenthesis) else { return false };
        let terms: Vec<TokenTree> = list.stream().into_iter().collect();
        let mut terms =
            terms.split(|term| matches!(term, TokenTree::Punct(p) if p.as_char() == ','));
        return terms.any(|term| requires_test(term.iter().cloned().collect()));
    }
    tokens.len() == 1 && is_ident(&tokens, 0, "test")
}

/// The index of the last token of the item, field or statement that begins at `start`, which may
/// be one of its attributes.
pub(crate) fn end(tokens: &[TokenTree], start: usize) -> usize {
    let mut index = start;
    while let Some((after, _)) = attribute(tokens, index) {
        index = after;
    }
    index = after_visibility(tokens, index);
    let shape = shape(tokens, index);
    let stops = |at: &usize| match shape {
        Shape::Statement => is_punct(tokens, *at, ';'),
        Shape::Block => is_punct(tokens, *at, ';') || is_body(tokens, index, *at),
        Shape::Part => {
            is_punct(tokens, *at, ';')
                || is_body(tokens, index, *at)
                || (is_punct(tokens, *at, ',') && !is_generic(tokens, index, *at))
        }
    };
    (index..tokens.len()).find(stops).unwrap_or(tokens.len().saturating_sub(1))
}

/// How an item ends.
#[derive(Clone, Copy)]
enum Shape {
    /// With a semicolon, whatever braces come before: `use`, `const`.
    Statement,
    /// With a semicolon or its braces: `fn`, `struct`, `impl`.
    Block,
    /// With a comma too: a field, a variant, a match arm.
    Part,
}

fn shape(tokens: &[TokenTree], index: usize) -> Shape {
    match ident(tokens, index).as_deref() {
        Some("use" | "static" | "type" | "let") => Shape::Statement,
        Some("const") if is_punct(tokens, index + 2, ':') => Shape::Statement,
        Some(
            "const" | "fn" | "mod" | "struct" | "enum" | "union" | "impl" | "trait" | "unsafe"
            | "async" | "extern" | "macro_rules",
        ) => Shape::Block,
        _ => Shape::Part,
    }
}

/// The body of the function whose name is at `name`; none for a declaration.
pub(crate) fn body(tokens: &[TokenTree], name: usize) -> Option<(usize, &Group)> {
    let stop = |index: &usize| is_punct(tokens, *index, ';') || is_body(tokens, name, *index);
    let index = (name..tokens.len()).find(stop)?;
    group(tokens, index, Delimiter::Brace).map(|group| (index, group))
}

/// The index after `pub`, `pub(crate)` and the like.
pub(crate) fn after_visibility(tokens: &[TokenTree], index: usize) -> usize {
    if !is_ident(tokens, index, "pub") {
        return index;
    }
    let restricted = group(tokens, index + 1, Delimiter::Parenthesis).is_some();
    index + if restricted { 2 } else { 1 }
}

/// Braces outside `<…>`: `Matrix<{ N }>` has none that could be a body.
fn is_body(tokens: &[TokenTree], start: usize, index: usize) -> bool {
    group(tokens, index, Delimiter::Brace).is_some() && !is_generic(tokens, start, index)
}

/// Whether `index` lies inside `<…>` that opened after `start`. The `>` of `->` and `=>` closes
/// nothing.
fn is_generic(tokens: &[TokenTree], start: usize, index: usize) -> bool {
    let mut depth = 0usize;
    for at in start..index {
        if is_punct(tokens, at, '<') {
            depth += 1;
        } else if is_punct(tokens, at, '>') {
            let arrow =
                at > start && (is_punct(tokens, at - 1, '-') || is_punct(tokens, at - 1, '='));
            depth = depth.saturating_sub(usize::from(!arrow));
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(text: &str) -> Vec<TokenTree> {
        text.parse::<TokenStream>().unwrap().into_iter().collect()
    }

    #[test]
    fn only_conditions_that_need_test_are_for_tests_only() {
        let check = |text: &str, expect: bool| {
            assert_eq!(is_test_only(text.parse().unwrap()), expect, "{text}");
        };
        check("cfg(test)", true);
        check("cfg(all(test, unix))", true);
        check("cfg(all(unix, all(feature = \"x\", test)))", true);
        check("cfg(any(test, unix))", false);
        check("cfg(not(test))", false);
        check("cfg(all(unix, not(test)))", false);
        check("cfg(feature = \"test\")", false);
        check("test", false);
    }

    #[test]
    fn items_end_where_the_compiler_ends_them() {
        let check = |item: &str| {
            let tokens = lex(&format!("{item} struct Next;"));
            assert_eq!(end(&tokens, 0), lex(item).len() - 1, "{item}");
        };
        check("#[cfg(test)] mod tests { fn a() {} fn b() {} }");
        check("#[cfg(test)] #[allow(x)] pub(crate) mod model;");
        check("use a::{b, c};");
        check("const A: [T; 2] = [T { a: 1 }, T { a: 2 }];");
        check("const fn a() -> u8 { 1 }");
        check("static A: Map<u8, u8> = Map { a: 1 };");
        check("fn a<T: Into<Vec<u8>>>(x: M<{ N }>) -> M<{ N + 1 }> where T: Fn() -> u8, { 1 }");
        check("impl<T, U> From<M<T, { 2 }>> for U {}");
        check("struct A<T, U>(T, U);");
    }

    #[test]
    fn a_field_ends_at_its_comma() {
        let tokens = lex("#[cfg(test)] pub seen: Map<u8, u8>, next: u8");
        let comma = end(&tokens, 0);
        assert!(is_ident(&tokens, comma + 1, "next"));
    }

    #[test]
    fn declarations_have_no_body() {
        let check = |text: &str, expect: bool| {
            let tokens = lex(text);
            assert_eq!(body(&tokens, 1).is_some(), expect, "{text}");
        };
        check("fn a() -> u8; fn b() {}", false);
        check("fn a() -> impl Fn(u8) -> u8 { |x| x }", true);
    }
}
