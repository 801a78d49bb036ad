//! The modules of the library import one another only as the import table allows.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::module;
use super::outline::Outline;
use super::package::Package;
use super::table::Table;

/// Where the modules lie that the table is about.
pub(crate) const LIBRARY: &str = "crates/forebay/src/";

/// The module of the library that a file belongs to; none for its contents page and other crates.
pub(crate) fn module_of(path: &str) -> Option<&str> {
    module::modules(path.strip_prefix(LIBRARY)?).first().copied()
}

/// Every module has a row and every row a module or a crate.
pub(crate) fn check_rows(
    page: &str,
    table: &Table,
    modules: &BTreeSet<&str>,
    packages: &[Package],
) -> Vec<Finding> {
    let without_row = modules.iter().filter(|module| !table.rows.contains_key(**module));
    let mut findings: Vec<Finding> = without_row
        .map(|module| {
            let message =
                format!("the module `{module}` of {LIBRARY} has no row: decide what it may import");
            Finding::new(page, 1, message)
        })
        .collect();
    for (name, row) in &table.rows {
        let is_crate = packages.iter().any(|package| package.short() == name);
        if !is_crate && !modules.contains(name.as_str()) {
            let message =
                format!("`{name}` is neither a module of {LIBRARY} nor a crate: remove the row");
            findings.push(Finding::new(page, row.line, message));
        }
    }
    findings
}

/// Every name after the crate's root, in the file at `path`, is a module that it may import.
pub(crate) fn check_file(
    path: &str,
    outline: &Outline,
    table: &Table,
    modules: &BTreeSet<&str>,
) -> Vec<Finding> {
    let Some(from) = module_of(path) else { return Vec::new() };
    let mut findings = Vec::new();
    for reference in &outline.references {
        let to = reference.name.as_str();
        let message = if !modules.contains(to) {
            format!(
                "`crate::{to}` is not a module: write out the module it comes from, so that the \
                 import can be checked"
            )
        } else if !table.allows(from, to) {
            format!(
                "`{from}` may not import `{to}`: the import table of ARCHITECTURE.md has no such \
                 edge; move the code, or pass in what it needs"
            )
        } else {
            continue;
        };
        findings.push(Finding::new(path, reference.line, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "## Import table\n| module | may import |\n|---|---|\n\
                        | `error` | - |\n| `sql` | `error` |\n| `cache` | `error` |\n\
                        | `engine` | all above |\n| `server` | `forebay` |\n";
    const MODULES: [&str; 4] = ["error", "sql", "cache", "engine"];

    #[test]
    fn edges_are_those_of_the_table() {
        let check = |path: &str, text: &str, expect: &[usize]| {
            let (table, problems) = Table::parse("ARCHITECTURE.md", PAGE);
            assert_eq!(problems, []);
            let outline = Outline::parse(text, 1).unwrap();
            let path = format!("{LIBRARY}{path}");
            let findings = check_file(&path, &outline, &table, &BTreeSet::from(MODULES));
            let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
            assert_eq!(lines, expect, "{path}: {text}");
        };
        check("engine/mod.rs", "use crate::{cache, sql, error::Error};", &[]);
        check("cache/mod.rs", "use crate::error::Error;\nuse crate::cache::Key;", &[]);
        check("cache/mod.rs", "use crate::error::Error;\nuse crate::sql::lex;", &[2]);
        check("cache.rs", "fn a() {\ncrate::engine::run();\n}", &[2]);
        check("error.rs", "use super::cache::Key;", &[1]);
        check("cache.rs", "use crate::Db;\nuse crate::*;\nuse crate::{self};", &[1, 2, 3]);
        check("cache.rs", "#[cfg(test)]\nmod tests { use crate::sql::lex; }", &[]);
        check("lib.rs", "pub use crate::anything::Here;", &[]);
    }

    #[test]
    fn rows_and_modules_match() {
        let check = |modules: &[&'static str], expect: &[&str]| {
            let (table, _) = Table::parse("ARCHITECTURE.md", PAGE);
            let server = Package {
                name: "forebay-server".to_owned(),
                manifest: String::new(),
                dependencies: Vec::new(),
            };
            let modules = modules.iter().copied().collect();
            let findings = check_rows("ARCHITECTURE.md", &table, &modules, &[server]);
            assert_eq!(findings.len(), expect.len(), "{findings:?}");
            for (finding, part) in findings.iter().zip(expect) {
                assert!(finding.message.contains(part), "{finding}");
            }
        };
        check(&MODULES, &[]);
        check(&["error", "sql", "cache", "engine", "pool"], &["module `pool`"]);
        check(&["error", "sql", "cache"], &["`engine` is neither"]);
    }

    #[test]
    fn files_belong_to_their_top_module() {
        let check = |path: &str, expect: Option<&str>| assert_eq!(module_of(path), expect);
        check("crates/forebay/src/db.rs", Some("db"));
        check("crates/forebay/src/cache/store.rs", Some("cache"));
        check("crates/forebay/src/lib.rs", None);
        check("crates/forebay-server/src/run.rs", None);
    }
}
