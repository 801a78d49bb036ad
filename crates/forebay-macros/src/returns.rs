//! What a function gives, as far as its text says: whether it may fail, whether there may be none,
//! and whether the value is shared already.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned as _;
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type};

/// A return type.
pub(crate) struct Returns {
    pub(crate) ty: Type,
    pub(crate) span: Span,
    /// It is a `Result`, or an alias whose name ends so.
    pub(crate) is_fallible: bool,
    is_optional: bool,
    is_shared: bool,
}

impl Returns {
    /// Reads a return type; `Ok(None)` is that of a function that gives nothing.
    pub(crate) fn parse(output: &ReturnType) -> Option<Returns> {
        let ReturnType::Type(_, ty) = output else { return None };
        let (name, first) = (last_name(ty), first_argument(ty));
        let is_fallible = name.as_deref().is_some_and(|name| name.ends_with("Result"));
        let given = if is_fallible { first } else { Some(&**ty) };
        let is_optional = is_named(given, "Option");
        let value = if is_optional { given.and_then(first_argument) } else { given };
        let is_shared = is_named(value, "Arc");
        Some(Returns { ty: (**ty).clone(), span: ty.span(), is_fallible, is_optional, is_shared })
    }

    /// Whether there is something to keep, and it outlives the call.
    pub(crate) fn check_keepable(&self) -> Result<()> {
        let refuse = |message: &str| Err(Error::new(self.span, message));
        let given = if self.is_fallible { first_argument(&self.ty) } else { Some(&self.ty) };
        match given {
            Some(Type::ImplTrait(_)) => refuse(
                "a cache keeps values of one type, and this one has no name: name the type, and \
                 let a function that gives a future be an `async fn`",
            ),
            Some(Type::Reference(reference))
                if reference.lifetime.as_ref().is_none_or(|name| name.ident != "static") =>
            {
                refuse("what is kept outlives the call: return a value of its own, or an `Arc`")
            }
            Some(Type::Tuple(tuple)) if tuple.elems.is_empty() => {
                refuse("the function gives nothing that could be kept")
            }
            Some(Type::Never(_)) => refuse("the function gives nothing that could be kept"),
            Some(ty) if is_named(Some(ty), "Pin") => refuse(
                "a cached function gives its value, not a future: write `async fn`; with \
                 `#[async_trait]`, let the method of the trait call a cached one outside of it",
            ),
            _ => Ok(()),
        }
    }

    /// Whether what is given is there when the function returns, and not a future of it.
    pub(crate) fn check_there(&self) -> Result<()> {
        match &self.ty {
            Type::ImplTrait(_) => {}
            ty if is_named(Some(ty), "Pin") => {}
            _ => return Ok(()),
        }
        let message = "nothing has happened yet when a future is returned: write `async fn`; with \
                       `#[async_trait]`, let the method of the trait call one with this attribute";
        Err(Error::new(self.span, message))
    }

    /// The type in `forebay::generated` that brings what the function gives into the cache and
    /// back.
    pub(crate) fn form(&self) -> TokenStream {
        let span = self.span;
        match (self.is_optional, self.is_shared) {
            (false, false) => quote_spanned!(span=> ::forebay::generated::Plain),
            (false, true) => quote_spanned!(span=> ::forebay::generated::Shared),
            (true, false) => quote_spanned!(span=> ::forebay::generated::Optional),
            (true, true) => quote_spanned!(span=> ::forebay::generated::OptionalShared),
        }
    }
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn last_name(ty: &Type) -> Option<String> {
    Some(last_segment(ty)?.ident.to_string())
}

fn is_named(ty: Option<&Type>, name: &str) -> bool {
    ty.and_then(last_name).is_some_and(|last| last == name)
}

/// The first type between the angle brackets.
pub(crate) fn first_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether the type is an `Option` of a reference.
pub(crate) fn is_optional_reference(ty: &Type) -> bool {
    is_named(Some(ty), "Option") && matches!(first_argument(ty), Some(Type::Reference(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens as _;

    #[test]
    fn the_text_of_a_type_says_what_it_is() {
        let check = |text: &str, expect: &str| {
            let output: ReturnType = syn::parse_str(&format!("-> {text}")).unwrap();
            let returns = Returns::parse(&output).unwrap();
            let form = returns.form().into_iter().last().unwrap().to_token_stream().to_string();
            let prefix = if returns.is_fallible { "Result " } else { "" };
            assert_eq!(format!("{prefix}{form}"), expect, "{text}");
        };
        check("u32", "Plain");
        check("Arc<Page>", "Shared");
        check("std::sync::Arc<Page>", "Shared");
        check("Option<Page>", "Optional");
        check("Option<Arc<Page>>", "OptionalShared");
        check("Result<Page, E>", "Result Plain");
        check("forebay::Result<Arc<Page>>", "Result Shared");
        check("QueryResult<Option<Page>>", "Result Optional");
        check("Result<Option<Arc<Page>>, E>", "Result OptionalShared");
        check("Vec<Option<Page>>", "Plain");
        check("ResultSet", "Plain");
        check("SearchResult", "Result Plain");
        check("(u8, u8)", "Plain");
    }

    #[test]
    fn futures_are_not_there_yet() {
        let check = |text: &str, expect: bool| {
            let output: ReturnType = syn::parse_str(&format!("-> {text}")).unwrap();
            assert_eq!(Returns::parse(&output).unwrap().check_there().is_ok(), expect, "{text}");
        };
        check("Result<u8, E>", true);
        check("&str", true);
        check("impl Future<Output = u8> + 'a", false);
        check("::core::pin::Pin<Box<dyn Future<Output = u8> + Send + 'async_trait>>", false);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let check = |text: &str, part: Option<&str>| {
            let output: ReturnType = syn::parse_str(&format!("-> {text}")).unwrap();
            let checked = Returns::parse(&output).unwrap().check_keepable();
            match (checked, part) {
                (Ok(()), None) => {}
                (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
                (checked, part) => panic!("{text}: {checked:?} is not {part:?}"),
            }
        };
        check("u8", None);
        check("&'static str", None);
        check("Result<u8, E>", None);
        check("impl Future<Output = u8>", Some("`async fn`"));
        check("Result<&str, E>", Some("outlives the call"));
        check("()", Some("gives nothing"));
        check("Result<(), E>", Some("gives nothing"));
        check("!", Some("gives nothing"));
        check("Pin<Box<dyn Future<Output = u8>>>", Some("async_trait"));
    }
}
