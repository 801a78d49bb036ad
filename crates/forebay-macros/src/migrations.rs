//! The files of a directory as texts in the program, each by `include_str!`, so that a change of
//! one compiles the program again. What stands in them is not looked at here.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

/// Files that one program may take in.
const FILES_MAX: usize = 10_000;

/// Writes the list of the `.sql` files in a directory, which is named from that of the package on.
pub(crate) fn expand(directory: TokenStream) -> Result<TokenStream> {
    let directory: LitStr = syn::parse2(directory)?;
    let place = of_package().join(directory.value());
    let refused = |text: String| Error::new(directory.span(), text);
    let files = files(&place).map_err(refused)?;
    let pairs = files.iter().map(|(name, path)| quote!((#name, ::core::include_str!(#path))));
    Ok(quote! {
        <::forebay::Migrations as ::core::iter::FromIterator<(&'static str, &'static str)>>
            ::from_iter([#(#pairs),*])
    })
}

fn of_package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default()
}

/// The names and paths of the files, by name.
fn files(directory: &Path) -> std::result::Result<Vec<(LitStr, LitStr)>, String> {
    let refused = |why: String| format!("migrations in {}: {why}", directory.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| refused(error.to_string()))? {
        let path = entry.map_err(|error| refused(error.to_string()))?.path();
        let is_sql = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql"));
        if !is_sql || !path.is_file() {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(name), Some(path)) = (name, path.to_str()) else {
            return Err(refused(format!("{} has a name that is not UTF-8", path.display())));
        };
        if files.len() == FILES_MAX {
            return Err(refused(format!("there are more than {FILES_MAX} files")));
        }
        files.push((name.to_owned(), path.to_owned()));
    }
    files.sort();
    let literal = |text: String| LitStr::new(&text, Span::call_site());
    Ok(files.into_iter().map(|(name, path)| (literal(name), literal(path))).collect())
}
