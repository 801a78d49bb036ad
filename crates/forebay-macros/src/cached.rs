//! `#[cached]`: the function asks the cache, and its body becomes the load.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Expr, Result};

use super::function::{Carried, Function, Lent};
use super::mention::mentions;
use super::receiver::{self, renamed};
use super::returns::Returns;
use super::source::{self, Condition};
use super::template::{Template, Value};
use super::words::{Kind, Words, whole};

/// The function that asks the cache.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = Function::parse(item, "cached")?;
    let words = Words::parse(attribute, Kind::Cached)?;
    let Some(returns) = &function.returns else {
        let message = "the function gives nothing that could be kept";
        return Err(Error::new(function.signature.ident.span(), message));
    };
    returns.check_keepable()?;
    if let (false, Some(guard)) = (returns.is_fallible, &words.guard) {
        let message = format!("`{guard}` may refuse a call: let the function return a `Result`");
        return Err(Error::new(guard.span(), message));
    }
    if let (false, Some(word)) = (function.is_async(), &words.keep_warm) {
        let message = "`keep_warm` runs the body in the background, in a task of its own: let the \
                       function be `async`";
        return Err(Error::new(word.span(), message));
    }
    let parts = Parts { words: &words, function: &function, returns };
    let (cache, entry, load) = (source::cache(&words, &function)?, parts.entry()?, parts.load()?);
    let ask = parts.ask();
    let ty = &returns.ty;
    let guard = (!returns.is_fallible)
        .then(|| quote!(let _ = <#ty as ::forebay::generated::NoResult<_>>::NAMED;));
    let copied = parts
        .takes_cache(&cache)
        .then(|| quote!(let __forebay_cache = &::core::clone::Clone::clone(__forebay_cache);));
    Ok(function.with_body(&quote! {
        #guard
        let __forebay_cache: &::forebay::Cache = #cache;
        #copied
        #entry
        #load
        #ask
    }))
}

struct Parts<'a> {
    words: &'a Words,
    function: &'a Function,
    returns: &'a Returns,
}

impl Parts<'_> {
    /// The entry, with its words.
    fn entry(&self) -> Result<TokenStream> {
        let (words, function) = (self.words, self.function);
        let key = self.key()?;
        let settings = words.settings.iter().map(|(word, given)| quote!(.#word(#given)));
        for tag in &words.tags {
            source::check(tag, function, true)?;
        }
        let tags = words.tags.iter().filter(|tag| !source::needs_result(tag, function));
        let tags = tags.map(|tag| source::text(tag, Value::part));
        let condition = match source::condition(words, function) {
            Some(Condition::Before(condition)) => Some(quote! {
                let __forebay_entry =
                    if #condition { __forebay_entry } else { __forebay_entry.no_cache() };
            }),
            _ => None,
        };
        Ok(quote! {
            let __forebay_entry =
                ::forebay::Cache::entry(__forebay_cache, #key) #(#settings)* #(.tag(#tags))*;
            #condition
        })
    }

    fn key(&self) -> Result<TokenStream> {
        let template = self.words.one_template()?;
        if let Some(template) = template {
            source::check(template, self.function, false)?;
        }
        let text = template.map(|template| source::text(template, Value::part));
        match (text, self.words.key.as_ref().map(|key| self.called(key))) {
            (Some(text), None) => Ok(text),
            (None, Some(key)) => Ok(key),
            (Some(text), Some(key)) => Ok(quote!(::forebay::generated::joined(&#text, &#key))),
            (None, None) => {
                let message = "under which key? Give a text with the arguments in it, as \
                               `#[cached(\"user:{id}\")]`, or `key = ...`";
                Err(Error::new(whole(), message))
            }
        }
    }

    /// A key that is no argument but the name of a function is called with the arguments.
    fn called(&self, key: &Expr) -> TokenStream {
        match key {
            Expr::Path(path)
                if !path.path.get_ident().is_some_and(|name| self.function.has_argument(name)) =>
            {
                let arguments = source::key_arguments(self.words, self.function);
                quote!(#key(#(#arguments),*))
            }
            Expr::Path(_) => quote!(&#key),
            _ => quote!(#key),
        }
    }

    /// What looks at a value before it is kept.
    fn after(&self) -> TokenStream {
        let mut after = TokenStream::new();
        if let Some(Condition::After(keeps)) = source::condition(self.words, self.function) {
            after.extend(quote!(__forebay_returned.judge(#keeps);));
        }
        if let Some(tags) = &self.words.tags_by {
            after.extend(quote!(__forebay_returned.tags_by(#tags);));
        }
        for tag in self.told_tags() {
            let text = source::text_of_result(tag, Value::part);
            after.extend(quote!(__forebay_returned.tag_by(#text);));
        }
        after
    }

    fn told_tags(&self) -> impl Iterator<Item = &Template> {
        self.words.tags.iter().filter(|tag| source::needs_result(tag, self.function))
    }

    fn tells_tags(&self) -> bool {
        self.words.tags_by.is_some() || self.told_tags().next().is_some()
    }

    /// Whether the cache belongs to what the load takes, so that the call needs a handle of its
    /// own.
    fn takes_cache(&self, cache: &TokenStream) -> bool {
        let is_taken = |lent| matches!(lent, Lent::Not | Lent::Mutably);
        let function = self.function;
        let mut arguments = function.arguments.iter().filter(|own| is_taken(own.lent));
        let takes_self = function.receiver.is_some_and(is_taken) && mentions(cache, "self");
        takes_self || arguments.any(|own| mentions(cache, &own.name.to_string()))
    }

    /// What makes a load out of the arguments, when there has to be one.
    fn load(&self) -> Result<TokenStream> {
        let (function, ty) = (self.function, &self.returns.ty);
        let own = |tokens: TokenStream| match function.is_async() {
            true => renamed(tokens),
            false => tokens,
        };
        let (body, after) = (own(function.body.clone()), own(self.after()));
        let used = quote!(#body #after);
        self.check_used(&used)?;
        let is_warm = self.words.keep_warm.is_some();
        let carried = function.carried(&used, is_warm || !self.returns.is_fallible);
        let Carried { owned, bound, again } = carried;
        let (spares, renew) = source::spares(function, &after);
        let finish = self.finish(&after, &renew);
        let answer = source::answer(function.is_async(), &quote!(#ty), &TokenStream::new(), &body);
        let run = quote!(#bound #spares #answer #finish);
        Ok(match (function.is_async(), is_warm) {
            (true, true) => quote! {
                let __forebay_load = || {
                    #owned
                    move || {
                        #again
                        async move { #run }
                    }
                };
            },
            (true, false) => quote! {
                let __forebay_load = || {
                    #owned
                    async move { #run }
                };
            },
            (false, _) => quote! {
                let __forebay_load = || {
                    #owned
                    #run
                };
            },
        })
    }

    /// What is lent cannot be used by what outlives the call, nor twice if it is to be changed.
    fn check_used(&self, used: &TokenStream) -> Result<()> {
        let (function, is_fallible) = (self.function, self.returns.is_fallible);
        let refuse = |span, message: &str| Err(Error::new(span, message));
        let is_lasting = function.is_async();
        if function.receiver == Some(Lent::Mutably) && (is_lasting || !is_fallible) {
            let name = if is_lasting { receiver::NAME } else { "self" };
            if mentions(used, name) {
                let message = "what is kept may not depend on what a call changes: take `&self`";
                return refuse(function.signature.ident.span(), message);
            }
        }
        for argument in &function.arguments {
            if !mentions(used, &argument.name.to_string()) {
                continue;
            }
            if argument.lent == Lent::Mutably && is_lasting {
                let message = "the load of a cached `async fn` outlives the call, and this is lent \
                               to the call alone: take a handle, or a value of its own";
                return refuse(argument.span(), message);
            }
            if argument.lent == Lent::Mutably && !is_fallible {
                let message = "a function that gives no `Result` may be run twice, and this can be \
                               used once: let it return a `Result`";
                return refuse(argument.span(), message);
            }
            if is_lasting && argument.has_borrowed_parts() {
                let message = "the load of a cached `async fn` outlives the call, and this has \
                               something borrowed in it: take `&T`, `Option<&T>` or a value of \
                               its own";
                return refuse(argument.span(), message);
            }
        }
        Ok(())
    }

    /// Brings what the body has given into the form of the cache.
    fn finish(&self, after: &TokenStream, again: &TokenStream) -> TokenStream {
        let form = self.returns.form();
        let mutable = (!after.is_empty()).then(|| quote!(mut));
        let returned = quote! {
            #again
            let #mutable __forebay_returned =
                ::forebay::generated::Returned::of::<#form, _>(__forebay_answer);
            #after
        };
        match self.returns.is_fallible {
            true => quote! {
                match __forebay_answer {
                    ::core::result::Result::Ok(__forebay_answer) => {
                        #returned
                        ::core::result::Result::Ok(__forebay_returned)
                    }
                    ::core::result::Result::Err(__forebay_error) => {
                        ::core::result::Result::Err(__forebay_error)
                    }
                }
            },
            false => quote! {
                #returned
                ::core::result::Result::Ok::<_, ::core::convert::Infallible>(__forebay_returned)
            },
        }
    }

    /// Asks the cache, and gives its answer as the function gives it.
    fn ask(&self) -> TokenStream {
        let (form, ty, tells) = (self.returns.form(), &self.returns.ty, self.tells_tags());
        let given = quote!(::forebay::generated::GivenOf<#ty>);
        // What asks, how it is waited for, and what the compiler finds out.
        let (ask, wait, found) = match (self.function.is_async(), &self.words.keep_warm) {
            (true, Some(_)) => (quote!(ask_warm), Some(quote!(.await)), quote!(_, _, _)),
            (true, None) => (quote!(ask), Some(quote!(.await)), quote!(_, _)),
            (false, _) => (quote!(ask_here), None, quote!(_, _)),
        };
        if self.returns.is_fallible {
            let failure = failure(self.returns);
            return quote! {
                match ::forebay::generated::#ask::<#form, #given, #found>(
                    __forebay_entry,
                    #tells,
                    __forebay_load,
                )#wait {
                    ::core::result::Result::Ok(__forebay_answer) => {
                        ::core::result::Result::Ok(__forebay_answer)
                    }
                    ::core::result::Result::Err(__forebay_error) => #failure,
                }
            };
        }
        let alone = match (self.function.is_async(), &self.words.keep_warm) {
            (true, Some(_)) => quote!(::std::boxed::Box::pin(__forebay_load()()).await),
            (true, None) => quote!(::std::boxed::Box::pin(__forebay_load()).await),
            (false, _) => quote!(__forebay_load()),
        };
        quote! {
            match ::forebay::generated::#ask::<#form, #ty, #found>(
                __forebay_entry,
                #tells,
                &__forebay_load,
            )#wait {
                ::core::result::Result::Ok(__forebay_answer) => __forebay_answer,
                ::core::result::Result::Err(__forebay_error) => {
                    ::forebay::generated::note_passed(&__forebay_error);
                    ::forebay::generated::alone::<#form, #ty>(#alone)
                }
            }
        }
    }
}

/// The function's own error out of that of the cache.
fn failure(returns: &Returns) -> TokenStream {
    let ty = &returns.ty;
    let from = quote_spanned!(returns.span=> ::core::convert::From::from);
    quote! {
        ::core::result::Result::Err({
            use ::forebay::generated::{OwnFailure as _, OtherFailure as _};
            let __forebay_failure =
                ::forebay::generated::Failure::<::forebay::generated::ErrorOf<#ty>>::new();
            match (&__forebay_failure).own(&__forebay_error) {
                ::core::option::Option::Some(__forebay_own) => __forebay_own,
                ::core::option::Option::None => #from(__forebay_error),
            }
        })
    }
}
