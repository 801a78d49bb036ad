//! Which names tokens use. It takes more for a use than is one: a name behind a brace in a text
//! counts, since macros take values out of texts such as `"{name}"`.

use proc_macro2::{TokenStream, TokenTree};

/// Whether the tokens may use `name`.
pub(crate) fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Literal(literal) => is_in_text(&literal.to_string(), name),
        TokenTree::Punct(_) => false,
    })
}

fn is_in_text(text: &str, name: &str) -> bool {
    let is_named = |inner: &str| {
        let after = inner.trim_start().strip_prefix(name);
        after.is_some_and(|after| {
            !after.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    };
    text.split('{').skip(1).any(is_named)
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
        check("format!(\"a {b} { id:?} c\")", true);
        check("\"{ids} {id_of}\"", false);
        check("\"id\"", false);
        check("\"id: {}\"", false);
        check("ids", false);
        check("'i'", false);
        check("", false);
    }
}
