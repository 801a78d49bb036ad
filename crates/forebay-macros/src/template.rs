//! Templates of keys, patterns and tags: text with `{values}` in it. It knows neither the function
//! that a template stands at, nor how a value is written.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, Expr, LitStr, Member, Result};

use crate::spans::moved_to;

/// A template, as it was written.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) span: Span,
}

#[derive(Clone)]
pub(crate) enum Piece {
    Text(String),
    Value(Value),
}

/// What stands between braces.
#[derive(Clone)]
pub(crate) struct Value {
    /// As it was written, for errors.
    pub(crate) source: String,
    /// The name that it begins with.
    pub(crate) root: Ident,
    pub(crate) tokens: TokenStream,
    /// Whether it is written by `Debug` instead of `Display`.
    pub(crate) is_debug: bool,
}

impl Template {
    /// Reads `text {value} text {value:?} {{text}}`.
    pub(crate) fn parse(literal: &LitStr) -> Result<Template> {
        let (text, span) = (literal.value(), literal.span());
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(Error::new(span, "a `}` closes nothing: write `}}` for the character"));
            }
            let Some(end) = rest.find('}') else {
                let message = "a `{` is not closed: write `{{` for the character";
                return Err(Error::new(span, message));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(Value::parse(&rest[..end], span)?));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        let template = Template { pieces, span };
        template.check_separators()?;
        Ok(template)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(value) => Some(value),
            Piece::Text(_) => None,
        })
    }

    /// Whether the text between the values has wildcards, or takes one literally.
    pub(crate) fn is_pattern(&self) -> bool {
        let texts = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Value(_) => None,
        });
        texts.into_iter().any(|text| text.contains(['*', '?', '\\']))
    }

    /// A value ends where a character stands that no written value has, so that two lists of
    /// arguments never give one text.
    fn check_separators(&self) -> Result<()> {
        for (at, piece) in self.pieces.iter().enumerate() {
            let Piece::Value(value) = piece else { continue };
            let separator = match self.pieces.get(at + 1) {
                None => continue,
                // What comes last ends at the end.
                Some(Piece::Text(_)) if at + 2 == self.pieces.len() => continue,
                Some(Piece::Text(text)) => text.chars().next(),
                Some(Piece::Value(_)) => None,
            };
            if !separator.is_some_and(is_separator) {
                let message = format!(
                    "`{{{}}}` and the value after it could run into each other: put a `:` or a `/` \
                     behind it, or another character that is no letter, no digit, not `%` and none \
                     of `-_.~@+`",
                    value.source
                );
                return Err(Error::new(self.span, message));
            }
        }
        Ok(())
    }
}

/// Whether the character is one that `forebay::key_part` never leaves as it is, nor writes.
fn is_separator(character: char) -> bool {
    character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_.~@+%".contains(character)
}

impl Value {
    fn parse(source: &str, span: Span) -> Result<Value> {
        let source = source.trim();
        let (path, is_debug) = match source.strip_suffix(":?") {
            Some(path) => (path, true),
            None => (source, false),
        };
        let refuse = |message: String| Error::new(span, message);
        if path.is_empty() {
            return Err(refuse("`{}` names no value: name one, as `{user.id}`".to_owned()));
        }
        if path.contains(':') {
            let message =
                format!("`{{{source}}}`: values are written plainly, or by `Debug` with `:?`");
            return Err(refuse(message));
        }
        let expression: Option<Expr> = syn::parse_str(path).ok();
        let root = expression.as_ref().and_then(root_of);
        let (Some(expression), Some(root)) = (expression, root) else {
            let message = format!(
                "`{{{source}}}` is not a value of an argument: name one, a field of one, or a \
                 method of one without arguments, as `{{user.id}}`; anything else is said by \
                 `key = ...`"
            );
            return Err(refuse(message));
        };
        let tokens = moved_to(span, expression.into_token_stream());
        let mut root = root;
        root.set_span(span);
        Ok(Value { source: source.to_owned(), root, tokens, is_debug })
    }

    /// The value as `forebay::key_part` writes it, for `format!`.
    pub(crate) fn part(&self) -> TokenStream {
        let tokens = &self.tokens;
        match self.is_debug {
            true => quote!(::forebay::key_part(&::core::format_args!("{:?}", #tokens))),
            false => quote!(::forebay::key_part(&#tokens)),
        }
    }
}

/// The name at the beginning of a chain of fields and methods.
fn root_of(expression: &Expr) -> Option<Ident> {
    match expression {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident().cloned(),
        Expr::Field(field) => match field.member {
            Member::Named(_) | Member::Unnamed(_) => root_of(&field.base),
        },
        Expr::MethodCall(call) if call.args.is_empty() && call.turbofish.is_none() => {
            root_of(&call.receiver)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template's pieces, values in angle brackets, or the error.
    fn read(text: &str) -> String {
        let literal = LitStr::new(text, Span::call_site());
        match Template::parse(&literal) {
            Ok(template) => {
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => format!("{text}|"),
                    Piece::Value(value) => {
                        let mode = if value.is_debug { "?" } else { "" };
                        format!("<{}>{mode}|", value.root)
                    }
                };
                template.pieces.iter().map(piece).collect()
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn templates_are_text_and_values() {
        let check = |text: &str, expect: &str| assert_eq!(read(text), expect, "{text}");
        check("", "");
        check("all", "all|");
        check("a:{b}", "a:|<b>|");
        check("{a}:{ b.c }", "<a>|:|<b>|");
        check("{self.id.get()}", "<self>|");
        check("{pair.0}/{pair.1}x", "<pair>|/|<pair>|x|");
        check("{ids:?}:end", "<ids>?|:end|");
        check("{{a}}{b}", "{a}|<b>|");
        check("{a}}}{b}", "<a>|}|<b>|");
        check("ü:{a} {b}", "ü:|<a>| |<b>|");
    }

    #[test]
    fn what_is_no_template_is_refused_with_a_reason() {
        let check = |text: &str, part: &str| {
            let error = read(text);
            assert!(error.contains(part), "{text}: {error}");
        };
        check("a:{b", "is not closed");
        check("a:b}", "closes nothing");
        check("{}", "names no value");
        check("{a:04}", "values are written plainly");
        check("{a::b}", "values are written plainly");
        check("{a + b}", "`{a + b}` is not a value");
        check("{a.f(1)}", "`{a.f(1)}` is not a value");
        check("{1}", "`{1}` is not a value");
        check("{a b}", "`{a b}` is not a value");
        check("{a}{b}", "`{a}` and the value after it");
        check("{a}-{b}", "`{a}` and the value after it");
        check("{a}x{b}:{c}", "`{a}` and the value after it");
        check("{a}ü{b}", "`{a}` and the value after it");
        check("{a}%{b}", "`{a}` and the value after it");
    }

    #[test]
    fn every_character_that_no_value_has_separates_values() {
        for character in (0..=u8::MAX).map(char::from) {
            let is_kept = character.is_alphanumeric() || "-_.~@+".contains(character);
            let expect = character.is_ascii() && !is_kept && character != '%';
            assert_eq!(is_separator(character), expect, "{character:?}");
        }
    }
}
