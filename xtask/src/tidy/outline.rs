//! What the rules need to know of one source file: its functions, which lines exist in tests only,
//! and which modules of its own crate it names. The bodies of macros are looked at too.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::item;

/// A function with a body, outside tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// From the line of `fn` to that of the closing brace.
    pub(crate) lines: RangeInclusive<usize>,
}

/// A place outside tests that names something by the way from the crate's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) line: usize,
    /// The first name after the root; `*` for all of them, `self` for the root.
    pub(crate) name: String,
}

/// One source file, as far as the rules look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) functions: Vec<Function>,
    pub(crate) references: Vec<Reference>,
    /// The lines of items that exist in tests only.
    pub(crate) tests: Vec<RangeInclusive<usize>>,
    /// The modules declared with `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<String>,
    /// Whether the whole file exists in tests only.
    pub(crate) is_test: bool,
}

impl Outline {
    /// Reads a file that stands `depth` modules below the root of its crate.
    pub(crate) fn parse(text: &str, depth: usize) -> Result<Outline, LexError> {
        let tokens = lex(text)?;
        let mut outline = Outline::default();
        outline.walk(&tokens, depth);
        Ok(outline)
    }

    /// How many lines exist in tests only.
    pub(crate) fn test_lines(&self) -> usize {
        self.tests.iter().map(|lines| lines.clone().count()).sum()
    }

    fn walk(&mut self, tokens: &[TokenTree], depth: usize) {
        let mut index = 0;
        while index < tokens.len() {
            index = match item::attribute(tokens, index) {
                Some((_, content)) if item::is_test_only(content.clone()) => {
                    self.skip_test_item(tokens, index)
                }
                // An attribute may name modules too: `#[serde(with = …)]` takes a path.
                Some((after, content)) => {
                    self.walk(&content.into_iter().collect::<Vec<_>>(), depth);
                    after
                }
                None => self.walk_token(tokens, index, depth),
            };
        }
    }

    /// Looks at the token at `index` and answers the index to go on with.
    fn walk_token(&mut self, tokens: &[TokenTree], index: usize, depth: usize) -> usize {
        if let Some(after) = self.walk_path(tokens, index, depth) {
            return after;
        }
        if item::is_ident(tokens, index, "fn") {
            self.note_function(tokens, index);
        }
        if let (true, Some(group)) =
            (item::is_ident(tokens, index, "mod"), item::group(tokens, index + 2, Delimiter::Brace))
        {
            self.walk(&group.stream().into_iter().collect::<Vec<_>>(), depth + 1);
            return index + 3;
        }
        if let TokenTree::Group(group) = &tokens[index] {
            self.walk(&group.stream().into_iter().collect::<Vec<_>>(), depth);
        }
        index + 1
    }

    fn skip_test_item(&mut self, tokens: &[TokenTree], index: usize) -> usize {
        if item::is_punct(tokens, index + 1, '!') {
            self.is_test = true;
        }
        let end = item::end(tokens, index);
        let first = tokens[index].span().start().line;
        self.tests.push(first..=tokens[end].span().end().line);
        if item::is_punct(tokens, end, ';') && item::is_ident(tokens, end - 2, "mod") {
            self.test_modules.extend(item::ident(tokens, end - 1));
        }
        end + 1
    }

    fn note_function(&mut self, tokens: &[TokenTree], index: usize) {
        // In a macro a name may be `$name`.
        let name = index + if item::is_punct(tokens, index + 1, '$') { 2 } else { 1 };
        let (Some(text), Some((_, body))) = (item::ident(tokens, name), item::body(tokens, name))
        else {
            return;
        };
        let first = tokens[index].span().start().line;
        let last = body.span_close().end().line;
        self.functions.push(Function { name: text, lines: first..=last });
    }

    /// Notes a path that begins at the crate's root, also by way of `super`, and answers the index
    /// after what it has read.
    fn walk_path(&mut self, tokens: &[TokenTree], index: usize, depth: usize) -> Option<usize> {
        let line = tokens[index].span().start().line;
        let is_first = index < 2 || !item::is_separator(tokens, index - 2);
        if item::is_ident(tokens, index, "crate") {
            if item::is_separator(tokens, index + 1) {
                self.note_names(tokens, index + 3);
                return Some(index + 3);
            }
            // `use crate as x` and `extern crate self as x` give the root another name.
            let next = index + if item::is_ident(tokens, index + 1, "self") { 2 } else { 1 };
            if item::is_ident(tokens, next, "as") {
                self.references.push(Reference { line, name: "self".to_owned() });
            }
            return None;
        }
        if !is_first && !item::is_ident(tokens, index.checked_sub(3)?, "self") {
            return None;
        }
        let mut after = index;
        while item::is_ident(tokens, after, "super") && item::is_separator(tokens, after + 1) {
            after += 3;
        }
        let steps = (after - index) / 3;
        if steps == 0 || steps < depth {
            return None;
        }
        self.note_names(tokens, after);
        Some(after)
    }

    /// Notes the name, or the names in braces, at `index`, right after the root.
    fn note_names(&mut self, tokens: &[TokenTree], index: usize) {
        let Some(token) = tokens.get(index) else { return };
        let line = token.span().start().line;
        if let Some(name) = item::ident(tokens, index) {
            self.references.push(Reference { line, name });
        } else if item::is_punct(tokens, index, '*') {
            self.references.push(Reference { line, name: "*".to_owned() });
        } else if let Some(group) = item::group(tokens, index, Delimiter::Brace) {
            let list: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma =
                |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
            list.split(comma).for_each(|entry| self.note_names(entry, 0));
        }
    }
}

/// Why a file could not be read as Rust, and where.
pub(crate) type LexError = (usize, String);

/// The tokens of a source file.
pub(crate) fn lex(text: &str) -> Result<Vec<TokenTree>, LexError> {
    let stream: Result<TokenStream, proc_macro2::LexError> = text.parse();
    match stream {
        Ok(stream) => Ok(stream.into_iter().collect()),
        Err(error) => Err((error.span().start().line, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(text: &str, expect: &[(&str, usize, usize)]) {
        let outline = Outline::parse(text, 1).unwrap();
        let found: Vec<_> = outline
            .functions
            .iter()
            .map(|function| {
                (function.name.as_str(), *function.lines.start(), *function.lines.end())
            })
            .collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn functions_reach_from_fn_to_the_closing_brace() {
        functions("fn a() {}", &[("a", 1, 1)]);
        functions("/// Doc.\n#[inline]\npub async fn a(\n) -> u8\n{\n1\n}\n", &[("a", 3, 7)]);
        functions("impl X {\nfn a() {\nfn b() {}\n}\n}", &[("a", 2, 4), ("b", 3, 3)]);
        functions("trait X { fn a();\nfn b() {\n} }", &[("b", 2, 3)]);
        functions("macro_rules! m { () => { fn $name() {\n} } }", &[("name", 1, 2)]);
    }

    #[test]
    fn what_only_looks_like_code_is_not_counted() {
        functions("const A: &str = \"fn a() {\";", &[]);
        functions("const A: &str = r#\"fn a() { \" } \"#;", &[]);
        functions("// fn a() {\n/* fn b() { */\n/// fn c() {\nstruct X;", &[]);
        functions(
            "fn a() {\nlet brace = '{'; let quote = '\"'; let x: &'static str = \"}\";\n}",
            &[("a", 1, 3)],
        );
        functions("type F = fn(u8) -> u8;", &[]);
    }

    #[test]
    fn functions_of_tests_are_not_counted() {
        functions(
            "fn a() {}\n#[cfg(test)]\nmod tests {\nfn b() {}\n}\nfn c() {}",
            &[("a", 1, 1), ("c", 6, 6)],
        );
        functions("#[cfg(test)] fn a() {}\n#[cfg(not(test))] fn b() {}", &[("b", 2, 2)]);
    }

    #[test]
    fn lines_and_modules_of_tests_are_known() {
        let text = "#[cfg(test)]\nmod model;\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let outline = Outline::parse(text, 1).unwrap();
        assert_eq!(outline.test_modules, ["model"]);
        assert_eq!(outline.tests, [1..=2, 4..=6]);
        assert_eq!(outline.test_lines(), 5);
        assert!(!outline.is_test);
        assert!(Outline::parse("//! Doc.\n#![cfg(test)]\nfn a() {}", 1).unwrap().is_test);
    }

    #[test]
    fn names_after_the_root_are_found() {
        let check = |depth: usize, text: &str, expect: &[&str]| {
            let outline = Outline::parse(text, depth).unwrap();
            let found: Vec<_> = outline.references.iter().map(|r| r.name.as_str()).collect();
            assert_eq!(found, expect, "{text}");
        };
        check(1, "use crate::cache::Store;", &["cache"]);
        check(
            1,
            "pub(crate) use crate::{cache::{Key, Store}, r#sql, clock as c};",
            &["cache", "sql", "clock"],
        );
        check(
            1,
            "fn a(x: crate::row::Row) -> Vec<crate::value::Value> { todo!() }",
            &["row", "value"],
        );
        check(1, "fn a() { matches!(x, crate::error::Kind::Usage) }", &["error"]);
        check(1, "macro_rules! m { () => { $crate::cache::new() } }", &["cache"]);
        check(1, "#[serde(with = crate::row)] struct A;", &["row"]);
        check(1, "use crate::*; use crate::{self};", &["*", "self"]);
        check(1, "use crate as all; extern crate self as us;", &["self", "self"]);
        check(1, "pub(in crate::cache) struct A;", &["cache"]);
        check(1, "pub(crate) fn a() {}", &[]);
        check(1, "/// See [`crate::cache`].\nconst A: &str = \"crate::cache\";", &[]);
        check(1, "#[cfg(test)] mod tests { use crate::cache::Store; }", &[]);
        check(1, "use super::cache::Store; use super::{row, value};", &["cache", "row", "value"]);
        check(2, "use super::entry::Entry; use super::super::row::Row;", &["row"]);
        check(2, "use self::super::super::row::Row;", &["row"]);
        check(1, "mod inner { use super::Entry; use super::super::row::Row; }", &["row"]);
        check(1, "use std::cache; use other::crate_name;", &[]);
    }

    #[test]
    fn what_does_not_lex_is_an_error_with_its_line() {
        assert_eq!(Outline::parse("fn a() {}\nfn b( {}", 1).unwrap_err().0, 2);
    }
}
