//! Every page of the guide is a chapter of the book, once.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::tree::File;
use crate::book::{Entry, Summary};

const FOLDER: &str = "docs/guide/";
const SUMMARY: &str = "docs/guide/SUMMARY.md";

/// The pages of the guide must be those that the summary names. That each chapter is there is what
/// the rule for links says.
pub(crate) fn check(pages: &[File]) -> Vec<Finding> {
    let guide = || pages.iter().filter_map(|page| page.path.strip_prefix(FOLDER));
    let Some(summary) = pages.iter().find(|page| page.path == SUMMARY) else {
        let message = "there is a guide, and no order of its chapters: write SUMMARY.md";
        return guide().take(1).map(|_| Finding::new(SUMMARY, 1, message)).collect();
    };
    let summary = match Summary::parse(&summary.text) {
        Ok(summary) => summary,
        Err(error) => return vec![Finding::new(SUMMARY, 1, error.to_string())],
    };
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for entry in &summary.entries {
        let Entry::Chapter { file, line, .. } = entry else { continue };
        if let Some(first) = named.insert(file, *line) {
            let message = format!("the chapter `{file}` is named on line {first}, too");
            findings.push(Finding::new(SUMMARY, *line, message));
        }
    }
    for page in guide().filter(|page| *page != "SUMMARY.md" && !named.contains_key(page)) {
        let message = "the page is no chapter of the book: name it in SUMMARY.md".to_owned();
        findings.push(Finding::new(&format!("{FOLDER}{page}"), 1, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_the_pages_of_the_guide() {
        let check = |summary: Option<&str>, expect: &[&str]| {
            let file =
                |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
            let mut pages = vec![file("docs/guide/a.md", ""), file("README.md", "")];
            pages.extend(summary.map(|text| file(SUMMARY, text)));
            let findings = super::check(&pages);
            assert_eq!(findings.len(), expect.len(), "{summary:?}: {findings:#?}");
            for (finding, part) in findings.iter().zip(expect) {
                assert!(finding.to_string().contains(part), "{finding} is not {part}");
            }
        };
        check(Some("# Guide\n\n- [A](a.md)\n"), &[]);
        check(
            Some("- [A](a.md)\n\n- [B](a.md)"),
            &["SUMMARY.md:3: the chapter `a.md` is named on line 1"],
        );
        check(Some("# Guide\n"), &["docs/guide/a.md:1: the page is no chapter"]);
        check(Some("A\n"), &["SUMMARY.md:1: line 1 is neither"]);
        check(None, &["write SUMMARY.md"]);
    }
}
