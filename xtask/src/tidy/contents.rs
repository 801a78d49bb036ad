//! How a file opens and what a contents page holds. Every module says what it is for; `lib.rs` and
//! `mod.rs` list what there is and do nothing themselves.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::finding::Finding;
use super::{item, module, outline};

const PAGE_LINES_MAX: usize = 200;
const DOC_LINES_MAX: usize = 10;

/// The file must open with a doc of 1 to 10 lines; that of a crate's root may be longer.
pub(crate) fn check_doc(path: &str, text: &str) -> Vec<Finding> {
    let doc: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let message = if doc.iter().all(|line| line.trim().is_empty()) {
        "the file must open with `//!`: say what the module is for and what it does not do"
            .to_owned()
    } else if doc.len() > DOC_LINES_MAX && !module::is_crate_root(path) {
        format!(
            "the module's doc has {} lines, at most {DOC_LINES_MAX}: keep what it is for, move the \
             rest to the items or to docs/",
            doc.len()
        )
    } else {
        return Vec::new();
    };
    vec![Finding::new(path, 1, message)]
}

/// A contents page holds docs, attributes, `mod name;` and `use` without globs, nothing else but
/// procedural macros, which have to stand in the root of their crate.
pub(crate) fn check_page(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > PAGE_LINES_MAX {
        let message = format!("a contents page has {lines} lines, at most {PAGE_LINES_MAX}");
        findings.push(Finding::new(path, PAGE_LINES_MAX + 1, message));
    }
    // A file that is not Rust is reported where its outline is read.
    let tokens = outline::lex(text).unwrap_or_default();
    let (mut start, mut is_macro) = (0, false);
    while start < tokens.len() {
        if let Some((after, attribute)) = item::attribute(&tokens, start) {
            is_macro |= is_macro_attribute(attribute);
            start = after;
            continue;
        }
        let end = item::end(&tokens, start);
        if let Some(message) = objection(&tokens[start..=end])
            && !is_macro
        {
            findings.push(Finding::new(path, tokens[start].span().start().line, message));
        }
        (start, is_macro) = (end + 1, false);
    }
    findings
}

/// Whether the attribute makes a function a procedural macro.
fn is_macro_attribute(attribute: TokenStream) -> bool {
    let names = ["proc_macro", "proc_macro_attribute", "proc_macro_derive"];
    let first = attribute.into_iter().next();
    matches!(first, Some(TokenTree::Ident(name)) if names.iter().any(|own| name == own))
}

/// What is wrong with one item of a contents page, if anything.
fn objection(item: &[TokenTree]) -> Option<&'static str> {
    let first = item::after_visibility(item, 0);
    if item::is_ident(item, first, "mod") && item::is_punct(item, first + 2, ';') {
        return None;
    }
    if !item::is_ident(item, first, "use") {
        return Some(
            "a contents page (lib.rs, mod.rs) holds only docs, `mod name;` and `use`: move this \
             into a file of its own",
        );
    }
    has_glob(item).then_some("a contents page names what it re-exports: replace the `*`")
}

fn has_glob(tokens: &[TokenTree]) -> bool {
    (0..tokens.len()).any(|index| {
        let inner = item::group(tokens, index, Delimiter::Brace);
        item::is_punct(tokens, index, '*')
            || inner.is_some_and(|group| has_glob(&group.stream().into_iter().collect::<Vec<_>>()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_opens_with_a_doc() {
        let check = |path: &str, text: &str, expect: bool| {
            assert_eq!(check_doc(path, text).is_empty(), expect, "{text}");
        };
        check("a.rs", "//! What it is for.\nfn a() {}\n", true);
        check("a.rs", &"//! Text.\n".repeat(10), true);
        check("a.rs", &"//! Text.\n".repeat(11), false);
        check("lib.rs", &"//! Text.\n".repeat(40), true);
        check("a.rs", "", false);
        check("a.rs", "fn a() {}\n", false);
        check("a.rs", "//!\n//!\nfn a() {}\n", false);
        check("a.rs", "// Text.\n//! Text.\n", false);
        check("a.rs", "/// Text.\nfn a() {}\n", false);
    }

    #[test]
    fn contents_pages_only_list() {
        let check = |text: &str, expect: &[usize]| {
            let findings = check_page("lib.rs", text);
            let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
            assert_eq!(lines, expect, "{text}");
        };
        check("//! Doc.\n#![warn(missing_docs)]\n\nmod a;\npub mod b;\n", &[]);
        check("#[cfg(feature = \"x\")]\npub(crate) mod a;\npub use a::{B, c::{D, E as F}};\n", &[]);
        check("#[cfg(test)]\nmod model;\n", &[]);
        check("pub use a::*;\n", &[1]);
        check("mod a;\nuse a::{b::{*}, C};\n", &[2]);
        check("mod a {}\n", &[1]);
        check("mod a;\n\nfn b() {}\nmod c;\n", &[3]);
        check("const A: u8 = 1;\nstruct B { c: u8 }\nimpl B {}\n", &[1, 2, 3]);
        check("macro_rules! a { () => {} }\n", &[1]);
        check("#[cfg(test)]\nmod tests {\n}\n", &[2]);
        check("#[proc_macro_attribute]\npub fn a() { b() }\nfn c() {}\n", &[3]);
        check(&"mod a;\n".repeat(200), &[]);
        check(&"mod a;\n".repeat(201), &[201]);
    }
}
