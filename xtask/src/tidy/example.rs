//! Examples in the guide are checked by something: Rust by the documentation tests of the library,
//! into which its page has to be included, the others by tests that go by their language.

use super::finding::Finding;
use super::tree::File;

const FOLDER: &str = "docs/guide/";

/// Languages of examples. Of these `text` is what something prints; what checks the others is in
/// the decision on the guide as a book.
const LANGUAGES: &[&str] =
    &["ini", "js", "json", "nginx", "python", "rust", "sh", "sql", "text", "toml", "yaml"];

/// Each example of the guide must say what it is, and each page with Rust be compiled.
pub(crate) fn check(pages: &[File], sources: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in pages.iter().filter(|page| page.path.starts_with(FOLDER)) {
        let mut rust = None;
        for (line, info) in examples(&page.text) {
            let mut words = info.split(',');
            let language = words.next().unwrap_or("");
            if !LANGUAGES.contains(&language) {
                let known = LANGUAGES.join(", ");
                let message = format!("the example is `{language}`, which is none of {known}");
                findings.push(Finding::new(&page.path, line, message));
            }
            if words.any(|word| word == "ignore") {
                let message = "nobody compiles this: say `no_run`, and hide what it needs by `# `";
                findings.push(Finding::new(&page.path, line, message.to_owned()));
            }
            if language == "rust" && rust.is_none() {
                rust = Some(line);
            }
        }
        let included = format!("{}\")]", page.path);
        let is_compiled = || sources.iter().any(|file| file.text.contains(&included));
        if let Some(line) = rust.filter(|_| !is_compiled()) {
            let message = "nothing compiles the Rust of this page: include it as the others are in \
                           crates/forebay/src/guide.rs";
            findings.push(Finding::new(&page.path, line, message.to_owned()));
        }
    }
    findings
}

/// What stands behind the opening fence of each example, with its line.
fn examples(text: &str) -> Vec<(usize, &str)> {
    let mut is_open = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            if !is_open {
                found.push((index + 1, info.trim()));
            }
            is_open = !is_open;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_checked_by_something() {
        let check = |page: &str, source: &str, expect: &[&str]| {
            let file =
                |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
            let pages = [file("docs/guide/a.md", page), file("README.md", "```\nfree\n```")];
            let findings = super::check(&pages, &[file("crates/forebay/src/guide.rs", source)]);
            assert_eq!(findings.len(), expect.len(), "{page}: {findings:#?}");
            for (finding, part) in findings.iter().zip(expect) {
                assert!(finding.to_string().contains(part), "{finding} is not {part}");
            }
        };
        let included = "#[doc = include_str!(\"../../../docs/guide/a.md\")]";
        check("```sh\nls\n```\n  ```rust,no_run\n  f();\n  ```", included, &[]);
        check("\n```rust\n```", "", &["a.md:2: nothing compiles"]);
        check("```rust,ignore\n```", included, &["a.md:1: nobody compiles"]);
        check("```\n```\n```bash\n```", "", &["a.md:1: the example is ``", "a.md:3: the example"]);
    }
}
