//! What stands in the parentheses of an attribute: templates, and words with what they are given.
//! Whether that makes sense at a function is looked at where the function is known.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Result, Token, parenthesized, token};

use super::duration;
use super::template::Template;

/// Words that take a time.
const TIMES: &[&str] = &[
    "ttl",
    "time_to_idle",
    "stale_while_revalidate",
    "stale_if_error",
    "refresh_ahead",
    "negative_ttl",
    "load_timeout",
];

/// Words that take a number.
const NUMBERS: &[&str] = &["jitter", "early_refresh"];

/// Words that take nothing.
const FLAGS: &[&str] = &["no_ttl", "ttl_only"];

/// Words that let the origin of the values refuse.
const GUARDS: &[&str] = &["guarded_by", "bulkhead", "limited_by"];

/// Words that both attributes have, beside templates.
const COMMON: &[&str] = &["cache", "if", "tags"];

/// What an attribute says.
#[derive(Default)]
pub(crate) struct Words {
    pub(crate) templates: Vec<Template>,
    pub(crate) cache: Option<Expr>,
    /// `if`.
    pub(crate) condition: Option<Expr>,
    pub(crate) key: Option<Expr>,
    pub(crate) tags: Vec<Template>,
    pub(crate) tags_by: Option<Expr>,
    /// Calls that an entry of the cache is given, with what they are given.
    pub(crate) settings: Vec<(Ident, TokenStream)>,
    /// The word, if it is said.
    pub(crate) keep_warm: Option<Ident>,
    /// The first word by which a load may be refused.
    pub(crate) guard: Option<Ident>,
    said: Vec<String>,
}

/// Which attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Cached,
    Invalidates,
}

impl Words {
    pub(crate) fn parse(tokens: TokenStream, kind: Kind) -> Result<Words> {
        let parser = |input: ParseStream<'_>| {
            let mut words = Words::default();
            while !input.is_empty() {
                words.take(input, kind)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(words)
        };
        parser.parse2(tokens)
    }

    fn take(&mut self, input: ParseStream<'_>, kind: Kind) -> Result<()> {
        if input.peek(LitStr) {
            self.templates.push(Template::parse(&input.parse()?)?);
            return Ok(());
        }
        let word = input.call(Ident::parse_any)?;
        let name = word.to_string();
        if self.said.contains(&name) {
            return Err(Error::new(word.span(), format!("`{name}` is said twice")));
        }
        self.said.push(name.clone());
        match name.as_str() {
            "cache" => self.cache = Some(given(input, &word)?),
            "if" => self.condition = Some(given(input, &word)?),
            "tags" => self.tags = listed(input, &word)?,
            _ if kind == Kind::Invalidates => return Err(unknown(&word, kind)),
            "key" => self.key = Some(given(input, &word)?),
            "tags_by" => self.tags_by = Some(given(input, &word)?),
            name if TIMES.contains(&name) => {
                let time = time(given(input, &word)?)?;
                self.settings.push((word, time));
            }
            name if NUMBERS.contains(&name) => {
                let number = given(input, &word)?.into_token_stream();
                self.settings.push((word, number));
            }
            name if FLAGS.contains(&name) => self.settings.push((word, TokenStream::new())),
            name if GUARDS.contains(&name) => {
                let guard = guard(input, &word)?;
                self.guard.get_or_insert(word.clone());
                self.settings.push((word, guard));
            }
            "keep_warm" => self.keep_warm = Some(word),
            _ => return Err(unknown(&word, kind)),
        }
        Ok(())
    }

    /// The one template of a key, if there is one.
    pub(crate) fn one_template(&self) -> Result<Option<&Template>> {
        match self.templates.as_slice() {
            [] => Ok(None),
            [template] => Ok(Some(template)),
            [_, second, ..] => {
                Err(Error::new(second.span, "a function is cached under one key: give one text"))
            }
        }
    }
}

/// What stands behind `word =`.
fn given(input: ParseStream<'_>, word: &Ident) -> Result<Expr> {
    if !input.peek(Token![=]) {
        let message = format!("`{word}` is given something: write `{word} = ...`");
        return Err(Error::new(word.span(), message));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The texts between parentheses.
fn listed(input: ParseStream<'_>, word: &Ident) -> Result<Vec<Template>> {
    let is_list = input.peek(token::Paren);
    let message = format!("`{word}` is a list of texts: write `{word}(\"user:{{id}}\", ...)`");
    if !is_list {
        return Err(Error::new(word.span(), message));
    }
    let inner;
    parenthesized!(inner in input);
    let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&inner)
        .map_err(|error| Error::new(error.span(), message))?;
    texts.iter().map(Template::parse).collect()
}

/// What a guard is called with.
fn guard(input: ParseStream<'_>, word: &Ident) -> Result<TokenStream> {
    if word != "limited_by" {
        let guard = given(input, word)?;
        return Ok(quote!(&#guard));
    }
    let message = "a limiter counts by a key: write `limited_by(limiter, key)`";
    if !input.peek(token::Paren) {
        return Err(Error::new(word.span(), message));
    }
    let inner;
    parenthesized!(inner in input);
    let parts = Punctuated::<Expr, Token![,]>::parse_terminated(&inner)?;
    match parts.iter().collect::<Vec<_>>().as_slice() {
        [limiter, key] => Ok(quote!(&#limiter, #key)),
        _ => Err(Error::new(word.span(), message)),
    }
}

/// A time: a text that is read now, or whatever gives a `Duration`.
fn time(expression: Expr) -> Result<TokenStream> {
    let Expr::Lit(ExprLit { lit, .. }) = &expression else {
        return Ok(expression.into_token_stream());
    };
    let Lit::Str(text) = lit else {
        let message = "a time has a unit: write it as a text such as \"90s\" or \"1h30m\", or give \
                       a `Duration`";
        return Err(Error::new(lit.span(), message));
    };
    let time = duration::parse(&text.value()).map_err(|error| Error::new(text.span(), error))?;
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    Ok(quote!(::core::time::Duration::new(#seconds, #nanos)))
}

fn unknown(word: &Ident, kind: Kind) -> Error {
    let mut words: Vec<&str> = COMMON.to_vec();
    if kind == Kind::Cached {
        words.extend(["key", "tags_by", "keep_warm"]);
        words.extend(TIMES.iter().chain(NUMBERS).chain(FLAGS).chain(GUARDS));
    }
    let message = format!("there is no word `{word}`: there are {}", words.join(", "));
    Error::new(word.span(), message)
}

/// The place of an attribute whose parentheses may be empty.
pub(crate) fn whole() -> Span {
    Span::call_site()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, kind: Kind) -> Option<String> {
        Words::parse(text.parse().unwrap(), kind).err().map(|error| error.to_string())
    }

    #[test]
    fn words_are_taken_with_what_they_are_given() {
        let check = |text: &str, settings: &[&str]| {
            let words = Words::parse(text.parse().unwrap(), Kind::Cached).unwrap();
            let said = words.settings.iter().map(|(word, given)| format!("{word} {given}"));
            assert_eq!(said.collect::<Vec<_>>(), settings, "{text}");
        };
        check("", &[]);
        check("\"a:{b}\", cache = x.y, if = a > 1, key = f, tags(\"a\", \"b:{c}\"),", &[]);
        check("ttl = \"1m\"", &["ttl :: core :: time :: Duration :: new (60u64 , 0u32)"]);
        check("ttl = TTL, no_ttl", &["ttl TTL", "no_ttl "]);
        check("jitter = 0.1", &["jitter 0.1"]);
        check("guarded_by = app.breaker", &["guarded_by & app . breaker"]);
        check("limited_by(l, &user.name)", &["limited_by & l , & user . name"]);
        check("keep_warm, ttl_only", &["ttl_only "]);
    }

    #[test]
    fn what_is_said_wrongly_is_refused_with_a_reason() {
        let check = |text: &str, part: &str| {
            let error = error(text, Kind::Cached).unwrap();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("ttt = \"1s\"", "there is no word `ttt`: there are cache, if, tags, key");
        check("ttl = 60", "a time has a unit");
        check("ttl = \"60\"", "`60` is not a duration");
        check("ttl", "write `ttl = ...`");
        check("ttl = \"1s\", ttl = \"2s\"", "`ttl` is said twice");
        check("tags = \"a\"", "write `tags(");
        check("tags(a)", "write `tags(");
        check("limited_by = l", "write `limited_by(limiter, key)`");
        check("limited_by(l)", "write `limited_by(limiter, key)`");
        check("keep_warm, keep_warm", "`keep_warm` is said twice");
        check("\"a:{b\"", "is not closed");
    }

    #[test]
    fn invalidates_has_no_words_of_how_something_is_kept() {
        assert_eq!(
            error("\"a:*\", \"b\", cache = c, if = d, tags(\"e\")", Kind::Invalidates),
            None
        );
        let error = error("ttl = \"1s\"", Kind::Invalidates).unwrap();
        assert!(error.ends_with("there are cache, if, tags"), "{error}");
    }
}
