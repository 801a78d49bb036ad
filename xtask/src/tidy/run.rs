//! Applies every rule to the workspace and prints what they found. The rules are in the modules
//! beside this one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::finding::Finding;
use super::outline::Outline;
use super::size::Sizes;
use super::table::Table;
use super::tree::{File, Tree};
use super::{
    contents, document, example, figure, imports, limits, link, lockfile, module, name, package,
    summary, tree,
};

/// Checks the workspace at `root`; an error when anything is to be mended.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let report = check(&tree, &|path| tree::exists(root, path));
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&format!("{finding}\n"));
    }
    text.push_str(&report.sizes.render());
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    match report.findings.len() {
        0 => Ok(()),
        found => bail!("tidy found {found} to mend"),
    }
}

struct Report {
    /// In the order of path and line.
    findings: Vec<Finding>,
    sizes: Sizes,
}

fn check(tree: &Tree, exists: &dyn Fn(&str) -> bool) -> Report {
    let (outlines, mut findings) = outlines(&tree.sources);
    let tests = test_files(&tree.sources, &outlines);
    let page = &tree.architecture;
    let (table, problems) = Table::parse(&page.path, &page.text);
    let shipped = || tree.sources.iter().filter(|file| !tests.contains(file.path.as_str()));
    let modules: BTreeSet<&str> =
        shipped().filter_map(|file| imports::module_of(&file.path)).collect();

    findings.extend(problems);
    findings.extend(imports::check_rows(&page.path, &table, &modules, &tree.packages));
    findings.extend(package::check(&tree.packages, &table));
    findings.extend(document::check_paths(page, exists));
    findings.extend(link::check(&tree.pages, exists));
    findings.extend(summary::check(&tree.pages));
    findings.extend(example::check(&tree.pages, &tree.sources));
    findings.extend(figure::check(&tree.pages));
    findings.extend(tree.lockfiles.iter().flat_map(lockfile::check));
    let mut sizes = Sizes::default();
    for file in &tree.sources {
        findings.extend(name::check(&file.path));
        findings.extend(limits::check_columns(&file.path, &file.text));
        let lines = file.text.lines().count();
        let test_lines = match outlines.get(file.path.as_str()) {
            Some(outline) if !tests.contains(file.path.as_str()) => outline.test_lines(),
            _ => lines,
        };
        sizes.add(&file.path, lines, test_lines);
    }
    for file in shipped() {
        findings.extend(contents::check_doc(&file.path, &file.text));
        if module::is_contents_page(&file.path) {
            findings.extend(contents::check_page(&file.path, &file.text));
        }
        let Some(outline) = outlines.get(file.path.as_str()) else { continue };
        findings.extend(limits::check_sizes(&file.path, &file.text, outline));
        findings.extend(imports::check_file(&file.path, outline, &table, &modules));
    }
    findings.sort();
    findings.dedup();
    Report { findings, sizes }
}

/// The outline of every file that is Rust, and a finding for every other.
fn outlines(sources: &[File]) -> (BTreeMap<&str, Outline>, Vec<Finding>) {
    let mut outlines = BTreeMap::new();
    let mut findings = Vec::new();
    for file in sources {
        let in_src = file.path.strip_prefix(imports::LIBRARY).unwrap_or(&file.path);
        match Outline::parse(&file.text, module::modules(in_src).len()) {
            Ok(outline) => {
                outlines.insert(file.path.as_str(), outline);
            }
            Err((line, reason)) => {
                let message = format!("the file cannot be read as Rust: {reason}");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    (outlines, findings)
}

/// The files that exist in tests only: by their folder, by themselves, or because of how another
/// file declares them.
fn test_files<'a>(sources: &'a [File], outlines: &BTreeMap<&str, Outline>) -> BTreeSet<&'a str> {
    let declared: Vec<[String; 2]> = outlines
        .iter()
        .flat_map(|(path, outline)| {
            outline.test_modules.iter().map(|name| module::declared(path, name))
        })
        .collect();
    let is_test = |path: &str| {
        module::is_test(path)
            || outlines.get(path).is_some_and(|outline| outline.is_test)
            || declared.iter().any(|[file, folder]| path == file || path.starts_with(folder))
    };
    sources.iter().map(|file| file.path.as_str()).filter(|path| is_test(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "## Import table\n| module | may import |\n|---|---|\n\
                        | `error` | - |\n| `cache` | `error` |\n";
    const LIB: (&str, &str) = ("crates/forebay/src/lib.rs", "//! Doc.\nmod cache;\nmod error;\n");
    const ERROR: (&str, &str) = ("crates/forebay/src/error.rs", "//! Doc.\n");

    /// Checks a workspace of the library's contents page, `error` and the given files; `expect` is
    /// the beginning of each finding.
    fn check_files(files: &[(&str, &str)], expect: &[&str]) {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        let tree = Tree {
            sources: [LIB, ERROR].iter().chain(files).map(file).collect(),
            pages: Vec::new(),
            lockfiles: Vec::new(),
            architecture: file(&("ARCHITECTURE.md", PAGE)),
            packages: Vec::new(),
        };
        let findings = check(&tree, &|_| true).findings;
        assert_eq!(findings.len(), expect.len(), "{findings:#?}");
        for (finding, start) in findings.iter().zip(expect) {
            assert!(finding.to_string().starts_with(start), "{finding} is not {start}");
        }
    }

    #[test]
    fn a_tidy_workspace_has_no_findings() {
        check_files(
            &[("crates/forebay/src/cache.rs", "//! Doc.\nuse crate::error::Error;\n")],
            &[],
        );
    }

    #[test]
    fn every_rule_is_applied_to_what_is_shipped() {
        let long = format!("fn a() {{\n{}}}\n", "work();\n".repeat(500));
        let wide = format!("// {}\n", "x".repeat(100));
        let text = format!("{long}use crate::cache::Key;\n{wide}");
        check_files(
            &[
                ("crates/forebay/src/cache/mod.rs", "//! Doc.\nfn a() {}\n"),
                ("crates/forebay/src/error/util.rs", &text),
                ("crates/forebay/src/pool.rs", "//! Doc.\nfn a( {}\n"),
            ],
            &[
                "ARCHITECTURE.md:1: the module `pool`",
                "crates/forebay/src/cache/mod.rs:2: a contents page",
                "crates/forebay/src/error/util.rs:1: the file must open",
                "crates/forebay/src/error/util.rs:1: the function `a` has 502 lines",
                "crates/forebay/src/error/util.rs:1: the name `util`",
                "crates/forebay/src/error/util.rs:501: the file has 504 lines",
                "crates/forebay/src/error/util.rs:503: `error` may not import `cache`",
                "crates/forebay/src/error/util.rs:504: the line has 103 columns",
                "crates/forebay/src/pool.rs:2: the file cannot be read",
            ],
        );
    }

    #[test]
    fn tests_are_free_but_for_names_and_columns() {
        let text = format!("fn a() {{\n{}}}\nuse crate::gone::A;\n", "work();\n".repeat(600));
        let wide = format!("// {}\n", "x".repeat(100));
        let declares = "//! Doc.\n#[cfg(test)]\nmod model;\n";
        check_files(
            &[
                ("crates/forebay/src/cache/store.rs", declares),
                ("crates/forebay/src/cache/store/model.rs", &text),
                ("crates/forebay/src/cache/tests/model.rs", &text),
                ("crates/forebay/src/cache/inner.rs", &format!("#![cfg(test)]\n{text}")),
                ("crates/forebay/tests/it/common.rs", &text),
                ("bench/compare/src/main.rs", &wide),
            ],
            &[
                "bench/compare/src/main.rs:1: the line has 103 columns",
                "crates/forebay/tests/it/common.rs:1: the name `common`",
            ],
        );
    }
}
