//! Which names tokens use. It takes more for a use than is one: a name in any text counts, since
//! `"{name}"` may be part of what a macro is given.

use proc_macro2::{TokenStream, TokenTree};

/// Whether the tokens may use `name`.
pub(crate) fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Literal(literal) => literal.to_string().contains(name),
        TokenTree::Punct(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_may_be_used() {
        let check = |text: &str, expect: bool| {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(mentions(&tokens, "id"), expect, "{text}");
        };
        check("f(id)", true);
        check("a.b({ [id] })", true);
        check("format!(\"{id}\")", true);
        check("ids", false);
        check("'i'", false);
        check("", false);
    }
}
