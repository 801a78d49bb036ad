//! The function that an attribute stands at: its arguments, how they can outlive the call, and what
//! is refused.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, FnArg, ItemFn, Pat, ReceiverKind, Result, Safety, Signature, Type};
use syn::{TraitItemFn, Visibility};

use super::mention::mentions;
use super::receiver;
use super::returns::{Returns, first_argument, is_optional_reference};

/// A function with a body.
pub(crate) struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    defaultness: Option<syn::Token![default]>,
    pub(crate) signature: Signature,
    /// The braces and what is in them.
    pub(crate) body: TokenStream,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) receiver: Option<Lent>,
    /// `None`: it gives nothing.
    pub(crate) returns: Option<Returns>,
}

/// A name that the arguments bind.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// Of the whole argument, of which the name may be a part.
    ty: Type,
    pub(crate) lent: Lent,
    is_mutable: bool,
}

/// How an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// By value.
    Not,
    /// As a reference.
    Reference,
    /// As an `Option` of a reference.
    Option,
    /// As a reference through which it can be changed.
    Mutably,
}

impl Function {
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> Result<Function> {
        let item: ItemFn = syn::parse2(item.clone()).map_err(|error| {
            let is_bare = syn::parse2::<TraitItemFn>(item).is_ok();
            let message = if is_bare {
                format!("`{attribute}` needs a body: put it at the implementation of the method")
            } else {
                format!("`{attribute}` stands at functions and methods")
            };
            Error::new(error.span(), message)
        })?;
        let ItemFn { attrs, vis, modifiers, mut sig, block } = item;
        let refuse = |span: &dyn quote::ToTokens, what: &str| {
            Err(Error::new(span.span(), format!("`{attribute}` cannot stand at {what}")))
        };
        if let Some(constness) = &sig.constness {
            return refuse(constness, "a `const fn`");
        }
        if let Safety::Unsafe(token) = &sig.safety {
            return refuse(token, "an `unsafe fn`: put it at a safe one that calls it");
        }
        if let Some(variadic) = &sig.variadic {
            return refuse(variadic, "a function of C with any number of arguments");
        }
        let mut arguments = Vec::new();
        let mut receiver = None;
        for input in &mut sig.inputs {
            match input {
                FnArg::Receiver(own) => receiver = Some(Lent::of_receiver(own)),
                FnArg::Typed(typed) => {
                    let lent = Lent::of(&typed.ty);
                    bind(&mut typed.pat, &typed.ty, lent, &mut arguments)?;
                }
            }
        }
        let body = quote!(#block);
        let defaultness = modifiers.defaultness;
        let returns = Returns::parse(&sig.output);
        let (attributes, visibility, signature) = (attrs, vis, sig);
        Ok(Function {
            attributes,
            visibility,
            defaultness,
            signature,
            body,
            arguments,
            receiver,
            returns,
        })
    }

    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    pub(crate) fn has_argument(&self, name: &Ident) -> bool {
        (name == "self" && self.receiver.is_some())
            || self.arguments.iter().any(|argument| argument.name == *name)
    }

    /// The names that may be used where the arguments are known, for errors.
    pub(crate) fn names(&self) -> String {
        let own = self.receiver.map(|_| "self".to_owned());
        let names = own.into_iter().chain(self.arguments.iter().map(|own| own.name.to_string()));
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        match names.is_empty() {
            true => "it has none".to_owned(),
            false => format!("there are {}", names.join(", ")),
        }
    }

    /// The function with another body. `mut` is left to the body that is run.
    pub(crate) fn with_body(&self, body: &TokenStream) -> TokenStream {
        let Function { attributes, visibility, defaultness, signature, .. } = self;
        let attributes = attributes.iter().map(|attribute| {
            let (pound, brackets) = (&attribute.pound_token, attribute.meta.to_token_stream());
            quote!(#pound [#brackets])
        });
        quote!(#(#attributes)* #visibility #defaultness #signature { #body })
    }
}

impl Function {
    /// What gives the arguments that `used` mentions their `mut` again.
    pub(crate) fn mutable_again(&self, used: &TokenStream) -> TokenStream {
        let arguments = self.arguments.iter().filter(|own| own.is_mutable);
        arguments
            .filter(|own| mentions(used, &own.name.to_string()))
            .map(|Argument { name, .. }| quote!(let mut #name = #name;))
            .collect()
    }
}

impl Argument {
    /// The argument as a reference to what it is or points to.
    pub(crate) fn borrowed(&self) -> TokenStream {
        let name = &self.name;
        match self.lent {
            Lent::Not | Lent::Option => quote!(&#name),
            Lent::Reference | Lent::Mutably => quote!(#name),
        }
    }

    /// Whether, apart from being lent itself, it has something in it that is.
    pub(crate) fn has_borrowed_parts(&self) -> bool {
        let inner = match &self.ty {
            Type::Reference(reference) => &reference.elem,
            ty if self.lent == Lent::Option => match first_argument(ty) {
                Some(Type::Reference(reference)) => &reference.elem,
                _ => return false,
            },
            ty => ty,
        };
        borrows(inner.to_token_stream())
    }

    /// What makes a lent one last; what cannot be cloned is refused at its type.
    fn own(&self) -> TokenStream {
        let name = &self.name;
        let own = match self.lent {
            Lent::Option => quote_spanned!(self.span()=> ::forebay::generated::own_option),
            _ => quote_spanned!(self.span()=> ::forebay::generated::own),
        };
        quote!(#own(#name))
    }

    pub(crate) fn is_by_value(&self) -> bool {
        self.lent == Lent::Not
    }

    pub(crate) fn span(&self) -> Span {
        self.ty.span()
    }

    /// A name of its own for a copy that outlives what the body makes of the argument.
    pub(crate) fn spare(&self) -> Ident {
        format_ident!("__forebay_spare_{}", self.name.to_string().trim_start_matches("r#"))
    }
}

/// What makes the arguments that are used outlive the call, and what gives them back their names
/// and types in the body.
#[derive(Default)]
pub(crate) struct Carried {
    pub(crate) owned: TokenStream,
    pub(crate) bound: TokenStream,
    /// What makes them once more, for another load, out of those that were made to last.
    pub(crate) again: TokenStream,
}

impl Function {
    /// For the arguments that `used` mentions. `is_copied`: by value, they stay as well.
    pub(crate) fn carried(&self, used: &TokenStream, is_copied: bool) -> Carried {
        let mut carried = Carried::default();
        let Carried { owned, bound, again } = &mut carried;
        // What looks like a use may be none.
        let allow = quote!(#[allow(unused_variables)]);
        for argument in self.arguments.iter().filter(|own| mentions(used, &own.name.to_string())) {
            let name = &argument.name;
            // What is not async ends before the call, and may use what is lent.
            let lent = if self.is_async() { argument.lent } else { Lent::Not };
            let mutable = argument.is_mutable.then(|| quote!(mut));
            let own = argument.own();
            match lent {
                Lent::Not | Lent::Mutably if is_copied => {
                    let copy = quote_spanned!(argument.span()=> ::core::clone::Clone::clone);
                    owned.extend(quote!(#allow let #name = #copy(&#name);));
                    again.extend(quote!(#allow let #name = #copy(&#name);));
                }
                Lent::Not | Lent::Mutably => {}
                Lent::Reference => {
                    owned.extend(quote!(#allow let #name = #own;));
                    again.extend(quote!(#allow let #name = ::forebay::generated::again(&#name);));
                    bound.extend(quote!(#allow let #mutable #name = #name.lend();));
                }
                Lent::Option => {
                    owned.extend(quote!(#allow let #name = #own;));
                    again.extend(quote! {
                        #allow
                        let #name = ::forebay::generated::again_option(&#name);
                    });
                    bound.extend(quote! {
                        #allow
                        let #mutable #name = ::core::option::Option::as_ref(&#name)
                            .map(::forebay::generated::Own::lend);
                    });
                }
            }
            if matches!(lent, Lent::Not | Lent::Mutably) && argument.is_mutable {
                bound.extend(quote!(#allow let mut #name = #name;));
            }
        }
        if self.is_async() && mentions(used, receiver::NAME) {
            self.carry_receiver(is_copied, &mut carried);
        }
        carried
    }

    fn carry_receiver(&self, is_copied: bool, carried: &mut Carried) {
        let name = format_ident!("{}", receiver::NAME);
        let Carried { owned, bound, again } = carried;
        let span = self.signature.receiver().map_or(name.span(), |own| own.span());
        if self.receiver == Some(Lent::Reference) {
            let own = quote_spanned!(span=> ::forebay::generated::own);
            owned.extend(quote!(let #name = #own(self);));
            bound.extend(quote!(let #name = #name.lend();));
            again.extend(quote!(let #name = ::forebay::generated::again(&#name);));
        } else if is_copied {
            let copy = quote_spanned!(span=> ::core::clone::Clone::clone);
            owned.extend(quote!(let #name = #copy(&self);));
            again.extend(quote!(let #name = #copy(&#name);));
        } else {
            owned.extend(quote!(let #name = self;));
        }
    }
}

impl Lent {
    fn of(ty: &Type) -> Lent {
        match ty {
            Type::Reference(reference) if reference.mutability.is_some() => Lent::Mutably,
            Type::Reference(reference) => {
                let is_static =
                    reference.lifetime.as_ref().is_some_and(|name| name.ident == "static");
                if is_static { Lent::Not } else { Lent::Reference }
            }
            Type::Group(group) => Lent::of(&group.elem),
            Type::Paren(paren) => Lent::of(&paren.elem),
            ty if is_optional_reference(ty) => Lent::Option,
            _ => Lent::Not,
        }
    }

    fn of_receiver(receiver: &syn::Receiver) -> Lent {
        match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => Lent::Mutably,
            ReceiverKind::Reference(..) => Lent::Reference,
            ReceiverKind::Typed(_, ty) => Lent::of(ty),
            _ => Lent::Not,
        }
    }
}

/// Whether a type has a lifetime in it, written or not, other than `'static` and those of what
/// functions are given.
fn borrows(ty: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = ty.into_iter().collect();
    let is_static =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Ident(i)) if i == "static");
    let is_function = |at: usize| {
        matches!(at.checked_sub(1).map(|at| &tokens[at]), Some(TokenTree::Ident(ident))
            if ["Fn", "FnMut", "FnOnce", "fn"].iter().any(|name| ident == name))
    };
    (0..tokens.len()).any(|at| match &tokens[at] {
        TokenTree::Group(group) => !is_function(at) && borrows(group.stream()),
        TokenTree::Punct(punct) if punct.as_char() == '\'' => !is_static(at + 1),
        // `&'static` is judged by its lifetime.
        TokenTree::Punct(punct) if punct.as_char() == '&' => {
            !matches!(tokens.get(at + 1), Some(TokenTree::Punct(next)) if next.as_char() == '\'')
        }
        _ => false,
    })
}

/// Notes the names that a pattern binds, and takes their `mut` away.
fn bind(pattern: &mut Pat, ty: &Type, lent: Lent, arguments: &mut Vec<Argument>) -> Result<()> {
    let message = "the argument needs a plain name, or a pattern of plain names by value";
    let refusal = Error::new(pattern.span(), message);
    let is_reference = matches!(pattern, Pat::Reference(_));
    match pattern {
        Pat::Ident(own) if own.by_ref.is_none() && own.subpat.is_none() => {
            let is_mutable = own.mutability.take().is_some();
            arguments.push(Argument { name: own.ident.clone(), ty: ty.clone(), lent, is_mutable });
            Ok(())
        }
        Pat::Wild(_) | Pat::Rest(_) => Ok(()),
        // What a pattern takes out of something lent is lent as well.
        _ if lent != Lent::Not && !is_reference => Err(refusal),
        Pat::Reference(inner) => bind(&mut inner.pat, ty, Lent::Not, arguments),
        Pat::Paren(inner) => bind(&mut inner.pat, ty, lent, arguments),
        Pat::Tuple(tuple) => bind_all(&mut tuple.elems, ty, arguments),
        Pat::TupleStruct(tuple) => bind_all(&mut tuple.elems, ty, arguments),
        Pat::Slice(slice) => bind_all(&mut slice.elems, ty, arguments),
        Pat::Struct(fields) => {
            let mut patterns = fields.fields.iter_mut().map(|field| &mut *field.pat);
            patterns.try_for_each(|pattern| bind(pattern, ty, Lent::Not, arguments))
        }
        _ => Err(refusal),
    }
}

fn bind_all<'a>(
    patterns: impl IntoIterator<Item = &'a mut Pat>,
    ty: &Type,
    arguments: &mut Vec<Argument>,
) -> Result<()> {
    patterns.into_iter().try_for_each(|pattern| bind(pattern, ty, Lent::Not, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_borrows_is_told_by_its_text() {
        let check = |text: &str, expect: bool| {
            let ty: Type = syn::parse_str(text).unwrap();
            assert_eq!(borrows(ty.to_token_stream()), expect, "{text}");
        };
        check("u8", false);
        check("Vec<(String, u8)>", false);
        check("&'static str", false);
        check("Cow<'static, str>", false);
        check("impl Fn(&str) -> u8", false);
        check("Vec<&str>", true);
        check("Cow<'_, str>", true);
        check("(u8, &u8)", true);
        check("Box<dyn Fn(&str) -> u8 + 'a>", true);
    }

    #[test]
    fn arguments_are_the_names_that_the_patterns_bind() {
        let check = |text: &str, expect: &[(&str, Lent)]| {
            let item = format!("fn f({text}) {{}}").parse().unwrap();
            let function = Function::parse(item, "cached").unwrap();
            let names = function.arguments.iter().map(|own| (own.name.to_string(), own.lent));
            let expect: Vec<_> =
                expect.iter().map(|(name, lent)| (name.to_string(), *lent)).collect();
            assert_eq!(names.collect::<Vec<_>>(), expect, "{text}");
            let signature = function.signature.to_token_stream().to_string();
            assert!(!signature.contains("mut a"), "{signature}");
        };
        check("", &[]);
        check("&self, mut a: u8, _: u8", &[("a", Lent::Not)]);
        check("a: &str, b: &'static str", &[("a", Lent::Reference), ("b", Lent::Not)]);
        check("a: Option<&str>, b: &mut u8", &[("a", Lent::Option), ("b", Lent::Mutably)]);
        check("(a, mut b): (u8, u8)", &[("a", Lent::Not), ("b", Lent::Not)]);
        check("State(a): State<App>, &b: &u8", &[("a", Lent::Not), ("b", Lent::Not)]);
        check("A { a, b: [c, ..] }: A", &[("a", Lent::Not), ("c", Lent::Not)]);
    }

    #[test]
    fn what_cannot_be_kept_has_a_reason() {
        let check = |text: &str, part: &str| {
            let error = Function::parse(text.parse().unwrap(), "cached").err().unwrap().to_string();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("fn f(&self) -> u8;", "needs a body");
        check("struct A;", "stands at functions");
        check("const fn f() {}", "a `const fn`");
        check("unsafe fn f() {}", "an `unsafe fn`");
        check("fn f((a, b): &(u8, u8)) {}", "a plain name");
        check("fn f(a @ b: u8) {}", "a plain name");
        check("fn f(ref a: u8) {}", "a plain name");
    }
}
