//! The architecture page may only name paths that exist: a map that has drifted is worse than none.

use super::finding::Finding;
use super::tree::File;

const ENDINGS: &[&str] = &[".rs", ".md", ".toml"];

/// Every path in backticks, outside fenced blocks, must satisfy `exists`.
pub(crate) fn check_paths(page: &File, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_fenced = false;
    for (index, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        // Between backticks stands every second part of the line.
        let spans = line.split('`').skip(1).step_by(2);
        for path in spans.filter(|span| !is_fenced && is_path(span) && !exists(span)) {
            let message =
                format!("`{path}` does not exist: correct the path, or leave out what is gone");
            findings.push(Finding::new(&page.path, index + 1, message));
        }
    }
    findings
}

/// Whether text in backticks means a path in this repository. URL paths, patterns and code do not.
fn is_path(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let names_a_file =
        ENDINGS.iter().any(|ending| span.len() > ending.len() && span.ends_with(ending));
    (span.contains('/') || names_a_file) && span.chars().all(is_plain) && !span.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_backticks_must_exist() {
        let check = |text: &str, expect: &[usize]| {
            let page = File { path: "ARCHITECTURE.md".to_owned(), text: text.to_owned() };
            let exists = |path: &str| ["crates/forebay/src/", "STYLE.md", "db.rs"].contains(&path);
            let findings = check_paths(&page, &exists);
            let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
            assert_eq!(lines, expect, "{text}");
        };
        check("See `crates/forebay/src/`, `db.rs` and `STYLE.md`.", &[]);
        check("Text.\nSee `crates/gone/` and `gone.rs`.\n`gone.toml`", &[2, 2, 3]);
        check("`STYLE.md` is there, `gone.md` is not", &[1]);
        check("gone.rs and crates/gone without backticks", &[]);
        check("`cache`, `GET /v2`, `/v2/pipeline`, `sqlite:a/b.db`, `crates/*/src`, `.rs`", &[]);
        check("```\n`crates/gone/`\n```\n`gone.rs`\n", &[4]);
    }
}
