//! Where tokens say that they come from.

use proc_macro2::{Group, Span, TokenStream, TokenTree};

/// The same tokens, as if they stood at `span`: errors of the compiler then point there.
pub(crate) fn moved_to(span: Span, tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => {
                let inner = moved_to(span, group.stream());
                let mut moved = Group::new(group.delimiter(), inner);
                moved.set_span(span);
                TokenTree::Group(moved)
            }
            mut other => {
                other.set_span(span);
                other
            }
        })
        .collect()
}
