//! The attributes `cached` and `invalidates` of `forebay`, and `migrations!`; it re-exports them.
//! What they mean is said there; the code that they write calls what `forebay::generated`
//! has, and nothing else. There is no cache in this crate.
#![warn(missing_docs)]

mod cached;
mod duration;
mod expand;
mod function;
mod invalidates;
mod mention;
mod migrations;
mod receiver;
mod returns;
mod source;
mod spans;
mod template;
mod words;

use proc_macro::TokenStream;

#[allow(missing_docs, reason = "the library has the text, where its examples can be run")]
#[proc_macro_attribute]
pub fn cached(words: TokenStream, function: TokenStream) -> TokenStream {
    expand::apply(cached::expand, words, function)
}

#[allow(missing_docs, reason = "the library has the text, where its examples can be run")]
#[proc_macro_attribute]
pub fn invalidates(words: TokenStream, function: TokenStream) -> TokenStream {
    expand::apply(invalidates::expand, words, function)
}

#[allow(missing_docs, reason = "the library has the text, where its examples can be run")]
#[proc_macro]
pub fn migrations(directory: TokenStream) -> TokenStream {
    let expanded = migrations::expand(directory.into());
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
