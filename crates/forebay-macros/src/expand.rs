//! From what the compiler gives to what it is given back: a refusal keeps the function as it is, so
//! that whoever calls it is not told of that, too.

use proc_macro2::TokenStream;
use syn::Result;

/// What an attribute does to the item that it stands at.
type Attribute = fn(TokenStream, TokenStream) -> Result<TokenStream>;

/// Applies an attribute.
pub(crate) fn apply(
    attribute: Attribute,
    words: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let item = TokenStream::from(item);
    let expanded = attribute(words.into(), item.clone()).unwrap_or_else(|refusal| {
        let mut tokens = refusal.into_compile_error();
        tokens.extend(item);
        tokens
    });
    expanded.into()
}
