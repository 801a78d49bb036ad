//! `self` in a body that is moved into a block of its own, where another name stands for it.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};

/// The name that stands for `self`.
pub(crate) const NAME: &str = "__forebay_self";

/// The same tokens with [`NAME`] for `self`, but in functions and implementations within them,
/// whose `self` is another one, and in paths.
pub(crate) fn renamed(tokens: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut renamed = Vec::with_capacity(tokens.len());
    let mut is_inner = false;
    for (at, token) in tokens.iter().enumerate() {
        is_inner = match token {
            TokenTree::Ident(ident) if begins_item(ident, tokens.get(at + 1)) => true,
            TokenTree::Punct(punct) if punct.as_char() == ';' => false,
            _ => is_inner,
        };
        renamed.push(match token {
            TokenTree::Ident(ident) if ident == "self" && !is_path(&tokens[at + 1..]) => {
                TokenTree::Ident(Ident::new(NAME, ident.span()))
            }
            TokenTree::Group(group) if !is_inner => {
                let mut inner = Group::new(group.delimiter(), renamed_inside(group));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token.clone(),
        });
        let ends = matches!(token, TokenTree::Group(group)
            if group.delimiter() == proc_macro2::Delimiter::Brace);
        is_inner &= !ends;
    }
    renamed.into_iter().collect()
}

fn renamed_inside(group: &Group) -> TokenStream {
    renamed(group.stream())
}

/// Whether an item with a `self` of its own begins. A pointer to a function has no name.
fn begins_item(ident: &Ident, next: Option<&TokenTree>) -> bool {
    let has_name = matches!(next, Some(TokenTree::Ident(_)));
    match ident.to_string().as_str() {
        "fn" | "trait" | "mod" => has_name,
        "impl" => true,
        _ => false,
    }
}

fn is_path(after: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ':');
    after.len() > 1 && is_colon(&after[0]) && is_colon(&after[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_receiver_of_the_function_itself_is_renamed() {
        let check = |text: &str, expect: &str| {
            let read = |text: &str| text.parse::<TokenStream>().unwrap().to_string();
            let expect = read(&expect.replace('@', NAME));
            assert_eq!(renamed(text.parse().unwrap()).to_string(), expect);
        };
        check("self.a(self)", "@.a(@)");
        check("{ vec![self.a, f(|x| self.b + x)] }", "{ vec![@.a, f(|x| @.b + x)] }");
        check("self::a(Self::b)", "self::a(Self::b)");
        check("fn a(&self) { self.b } self.c", "fn a(&self) { self.b } @.c");
        check("impl A for B { fn a(&self) {} } self.c", "impl A for B { fn a(&self) {} } @.c");
        check("let f: fn(u8) -> u8 = { self.f };", "let f: fn(u8) -> u8 = { @.f };");
        check("if let A { a } = self { self.b(a); }", "if let A { a } = @ { @.b(a); }");
    }
}
