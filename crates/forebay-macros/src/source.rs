//! What both attributes take from a function: where its cache is, whether its templates name its
//! arguments, and when a condition is looked at.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Expr, Result};

use super::function::Function;
use super::mention::mentions;
use super::template::{Piece, Template, Value};
use super::words::Words;

/// The name of what the function has given, in templates that are filled in after it.
const RESULT: &str = "result";

/// When a condition is looked at.
pub(crate) enum Condition {
    /// Before the function is run.
    Before(TokenStream),
    /// Once it has given a value, which it is called with.
    After(TokenStream),
}

/// The cache, as an expression that gives a reference to it.
pub(crate) fn cache(words: &Words, function: &Function) -> Result<TokenStream> {
    if let Some(cache) = &words.cache {
        return Ok(quote!(&#cache));
    }
    if let Some(argument) = default_cache(words, function) {
        return Ok(argument);
    }
    if function.receiver.is_some() {
        return Ok(quote!(&self.cache));
    }
    let message = "which cache? Give the function an argument `cache: &forebay::Cache`, or say \
                   where the cache is, as `cache = app.cache`";
    Err(Error::new(Span::call_site(), message))
}

/// The argument that is the cache because of its name.
fn default_cache(words: &Words, function: &Function) -> Option<TokenStream> {
    let is_cache = |name: &Ident| words.cache.is_none() && name == "cache";
    function.arguments.iter().find(|own| is_cache(&own.name)).map(|own| own.borrowed())
}

/// The arguments but for the receiver and what is the cache, as references.
pub(crate) fn key_arguments(words: &Words, function: &Function) -> Vec<TokenStream> {
    let is_cache = |name: &Ident| words.cache.is_none() && name == "cache";
    let arguments = function.arguments.iter().filter(|own| !is_cache(&own.name));
    arguments.map(|own| own.borrowed()).collect()
}

/// Sorts a condition: what is a closure or names a function is called with the value.
pub(crate) fn condition(words: &Words, function: &Function) -> Option<Condition> {
    let condition = words.condition.as_ref()?;
    let is_called = match condition {
        Expr::Closure(_) => true,
        Expr::Path(path) => !path.path.get_ident().is_some_and(|name| function.has_argument(name)),
        _ => false,
    };
    let tokens = condition.to_token_stream();
    Some(if is_called { Condition::After(tokens) } else { Condition::Before(tokens) })
}

/// Every value of a template begins with an argument, or with the result if there is one.
pub(crate) fn check(template: &Template, function: &Function, has_result: bool) -> Result<()> {
    for value in template.values() {
        if function.has_argument(&value.root) || (has_result && value.root == RESULT) {
            continue;
        }
        let message = format!(
            "`{{{}}}`: no argument is called `{}`: {}",
            value.source,
            value.root,
            function.names()
        );
        return Err(Error::new(template.span, message));
    }
    Ok(())
}

/// Whether the template needs what the function has given.
pub(crate) fn needs_result(template: &Template, function: &Function) -> bool {
    template.values().any(|value| is_of_result(value, function))
}

pub(crate) fn is_of_result(value: &Value, function: &Function) -> bool {
    value.root == RESULT && !function.has_argument(&value.root)
}

/// The text that a template gives, its values written by `part`.
pub(crate) fn text(template: &Template, part: impl Fn(&Value) -> TokenStream) -> TokenStream {
    let mut format = String::new();
    let mut parts = Vec::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => {
                format.push_str(&text.replace('{', "{{").replace('}', "}}"));
            }
            Piece::Value(value) => {
                format.push_str("{}");
                parts.push(part(value));
            }
        }
    }
    quote!(::std::format!(#format, #(#parts),*))
}

/// A closure that gives the text of a template out of what the function has given.
pub(crate) fn text_of_result(
    template: &Template,
    part: impl Fn(&Value) -> TokenStream,
) -> TokenStream {
    let (text, result) = (text(template, part), Ident::new(RESULT, template.span));
    quote!(|#result| #text)
}

/// Copies of the arguments by value that `after` uses, made before the body is run, and what gives
/// them their names again.
pub(crate) fn spares(function: &Function, after: &TokenStream) -> (TokenStream, TokenStream) {
    let (mut before, mut again) = (TokenStream::new(), TokenStream::new());
    let by_value = function.arguments.iter().filter(|own| own.is_by_value());
    for argument in by_value.filter(|own| mentions(after, &own.name.to_string())) {
        let (name, spare) = (&argument.name, argument.spare());
        before.extend(quote!(let #spare = ::core::clone::Clone::clone(&#name);));
        again.extend(quote!(let #name = #spare;));
    }
    (before, again)
}

/// Runs a body with its `?` and `return`, and names what it gives. `mutable` comes before it.
pub(crate) fn answer(
    is_async: bool,
    ty: &TokenStream,
    mutable: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    if !is_async {
        return quote! {
            #mutable
            let __forebay_answer: #ty = (|| -> #ty #body)();
        };
    }
    // A block that is async cannot be given a type: what is never returned says it.
    quote! {
        let __forebay_answer: #ty = async move {
            #mutable
            if let ::core::option::Option::Some(__forebay_never) =
                ::core::option::Option::None::<#ty>
            {
                return __forebay_never;
            }
            let __forebay_answer: #ty = #body;
            #[allow(unreachable_code)]
            __forebay_answer
        }
        .await;
    }
}
