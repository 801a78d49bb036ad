//! `#[invalidates]`: the function runs, and if it has succeeded, entries of a cache are deleted
//! before it returns.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, Result};

use super::function::Function;
use super::source::{self, Condition};
use super::template::{Template, Value};
use super::words::{Kind, Words, whole};

/// What is deleted by a template.
#[derive(Clone, Copy)]
enum Deletes {
    Keys,
    Tag,
}

/// The function that deletes.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = Function::parse(item, "invalidates")?;
    let words = Words::parse(attribute, Kind::Invalidates)?;
    if words.templates.is_empty() && words.tags.is_empty() {
        let message = "what is to be deleted? Give a key or a pattern, as \
                       `#[invalidates(\"user:{id}:*\")]`, or `tags(...)`";
        return Err(Error::new(whole(), message));
    }
    if let Some(returns) = &function.returns {
        returns.check_there()?;
    }
    let cache = source::cache(&words, &function)?;
    let mut before = TokenStream::new();
    let mut after = TokenStream::new();
    let keys = words.templates.iter().map(|template| (template, Deletes::Keys));
    let tags = words.tags.iter().map(|template| (template, Deletes::Tag));
    for (at, (template, deletes)) in keys.chain(tags).enumerate() {
        source::check(template, &function, true)?;
        let (early, late) = deletion(template, deletes, &function, at);
        before.extend(early);
        after.extend(late);
    }
    match source::condition(&words, &function) {
        Some(Condition::Before(condition)) => before.extend(quote! {
            if !(#condition) {
                __forebay_deletions.waive();
            }
        }),
        Some(Condition::After(condition)) => after.extend(quote! {
            if !::forebay::generated::judged(__forebay_result, #condition) {
                __forebay_deletions.waive();
            }
        }),
        None => {}
    }
    let (spares, again) = source::spares(&function, &after);
    let run = run(&function);
    let conclude = conclude(&function, &quote!(#again #after));
    Ok(function.with_body(&quote! {
        let mut __forebay_deletions = ::forebay::generated::Deletions::new(#cache);
        #before
        #spares
        #run
        #conclude
    }))
}

/// What notes a deletion before the body is run, and what does so after it.
fn deletion(
    template: &Template,
    deletes: Deletes,
    function: &Function,
    at: usize,
) -> (TokenStream, TokenStream) {
    let method = match deletes {
        Deletes::Keys if template.is_pattern() => quote!(pattern),
        Deletes::Keys => quote!(key),
        Deletes::Tag => quote!(tag),
    };
    if !source::needs_result(template, function) {
        let text = source::text(template, Value::part);
        return (quote!(__forebay_deletions.#method(#text);), TokenStream::new());
    }
    // The body may take the arguments away.
    let mut early = TokenStream::new();
    let name = |value: &Value| -> Ident {
        let own = template.values().position(|other| std::ptr::eq(other, value)).unwrap_or(0);
        format_ident!("__forebay_part_{at}_{own}")
    };
    for value in template.values().filter(|value| !source::is_of_result(value, function)) {
        let (name, part) = (name(value), value.part());
        early.extend(quote!(let #name = ::std::string::ToString::to_string(&#part);));
    }
    let text = source::text_of_result(template, |value| {
        if source::is_of_result(value, function) {
            return value.part();
        }
        let name = name(value);
        quote!(#name)
    });
    let late = quote! {
        __forebay_deletions.#method(::forebay::generated::told(__forebay_result, #text));
    };
    (early, late)
}

/// Runs the body, with its `?` and `return`.
fn run(function: &Function) -> TokenStream {
    let body = &function.body;
    let ty = ty(function);
    let mutable = function.mutable_again(body);
    source::answer(function.is_async(), &ty, &mutable, &quote!(#body))
}

fn ty(function: &Function) -> TokenStream {
    match &function.returns {
        Some(returns) => {
            let ty = &returns.ty;
            quote!(#ty)
        }
        None => quote!(()),
    }
}

/// Deletes if the function has succeeded, and gives its answer.
fn conclude(function: &Function, after: &TokenStream) -> TokenStream {
    let delete = match function.is_async() {
        true => quote!(__forebay_deletions.run().await),
        false => quote!(__forebay_deletions.run_here()),
    };
    let is_fallible = function.returns.as_ref().is_some_and(|returns| returns.is_fallible);
    if !is_fallible {
        let ty = ty(function);
        let look = (!after.is_empty()).then(|| {
            quote! {
                let __forebay_result: &#ty = &__forebay_answer;
                #after
            }
        });
        return quote! {
            #look
            ::forebay::generated::note_unacknowledged(#delete);
            __forebay_answer
        };
    }
    let result = match after.is_empty() {
        true => quote!(_),
        false => quote!(__forebay_result),
    };
    quote! {
        let __forebay_has_succeeded = match &__forebay_answer {
            ::core::result::Result::Ok(#result) => {
                #after
                true
            }
            ::core::result::Result::Err(_) => false,
        };
        if !__forebay_has_succeeded {
            __forebay_deletions.waive();
        } else if let ::core::result::Result::Err(__forebay_error) = #delete {
            return ::core::result::Result::Err(::core::convert::From::from(__forebay_error));
        }
        __forebay_answer
    }
}
