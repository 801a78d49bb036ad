//! Links between pages lead somewhere: to a file that is there, and to a heading of it. Links to
//! other sites are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::tree::File;

/// Every link of every page that is relative must satisfy `exists`, or be a heading.
pub(crate) fn check(pages: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let anchors: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (page.path.as_str(), anchors(&page.text))).collect();
    let mut findings = Vec::new();
    for page in pages {
        for (line, link) in links(&page.text) {
            if let Err(why) = follow(&page.path, link, &anchors, exists) {
                findings.push(Finding::new(&page.path, line, format!("the link `{link}` {why}")));
            }
        }
    }
    findings
}

fn follow(
    from: &str,
    link: &str,
    anchors: &BTreeMap<&str, BTreeSet<String>>,
    exists: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(());
    }
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = match target {
        "" => from.to_owned(),
        _ => resolve(folder, target).ok_or("leads out of the repository")?,
    };
    if !exists(&path) {
        return Err(format!("leads to `{path}`, which does not exist"));
    }
    match anchors.get(path.as_str()) {
        Some(known) if !anchor.is_empty() && !known.contains(anchor) => {
            Err(format!("names a heading that `{path}` does not have"))
        }
        _ => Ok(()),
    }
}

/// A path from the root; `None` if it lies above.
pub(crate) fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The lines of a page that are not code, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)`, with their lines. What stands in backticks is no link.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        for plain in line.split('`').step_by(2) {
            // The text of a link may be code, so that its end begins a part.
            for (at, _) in plain.match_indices("](") {
                let rest = &plain[at + 2..];
                let target = rest.split([')', ' ']).next().unwrap_or(rest);
                links.push((number, target.trim_start_matches('<').trim_end_matches('>')));
            }
        }
    }
    links
}

/// The anchors of a page's headings, made as the usual renderers make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor = anchor(title, &known);
        known.insert(anchor);
    }
    known
}

/// The anchor of a heading, on a page that has those that are `known` before it.
pub(crate) fn anchor(title: &str, known: &BTreeSet<String>) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let slug: String = title.trim().chars().filter(is_kept).collect();
    let slug = slug.to_lowercase().replace(' ', "-");
    let mut free = slug.clone();
    let mut number = 0;
    while known.contains(&free) {
        number += 1;
        free = format!("{slug}-{number}");
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let check = |text: &str, expect: &[&str]| {
            let file =
                |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
            let pages = [
                file("docs/guide/a.md", text),
                file("docs/guide/b.md", "# B\n## In two words: `code`!\n## Twice\n## Twice\n"),
            ];
            let there = ["docs/guide/a.md", "docs/guide/b.md", "README.md", "docs/design"];
            let findings = super::check(&pages, &|path| there.contains(&path));
            assert_eq!(findings.len(), expect.len(), "{text}: {findings:#?}");
            for (finding, part) in findings.iter().zip(expect) {
                assert!(finding.to_string().contains(part), "{finding} is not {part}");
            }
        };
        check("# A\n[b](b.md), [b](./b.md) and [top](../../README.md), [d](../design/)", &[]);
        check("[b](b.md#in-two-words-code) [t](b.md#twice) [t](b.md#twice-1) [b](b.md#b)", &[]);
        check("# A\n[self](#a) [gone](#b)", &["a.md:2: the link `#b` names a heading"]);
        check("\n[x](c.md)", &["a.md:2: the link `c.md` leads to `docs/guide/c.md`"]);
        check("[x](b.md#thrice)", &["does not have"]);
        check("[x](../../../up.md)", &["out of the repository"]);
        check("[x](https://a.example/b.md) [m](mailto:a@a.example)", &[]);
        check("`[x](c.md)` and\n```\n[x](c.md)\n# A\n```\n", &[]);
        check("[`code`](c.md) [t](b.md \"title\")", &["c.md"]);
        check("![picture](c.png)", &["c.png"]);
    }
}
