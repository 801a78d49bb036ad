//! Writes the book: a page for each chapter, with the table of contents, the way to the chapters
//! before and after, and whatever else lies beside the chapters, such as pictures.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::page;
use super::summary::{Entry, Summary};

const GUIDE: &str = "docs/guide";

/// The frame around a chapter; what is in braces is filled in.
const FRAME: &str = include_str!("frame.html");

const STYLE: &str = include_str!("book.css");

/// Leaves the book in `target/book`, and says where it begins.
pub(crate) fn run(root: &Path) -> Result<()> {
    let folder = root.join("target/book");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot empty target/book")?;
    }
    write(root, &folder)?;
    writeln!(std::io::stdout(), "{}", folder.join("index.html").display())?;
    Ok(())
}

fn write(root: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let guide = root.join(GUIDE);
    let summary = fs::read_to_string(guide.join("SUMMARY.md")).context("cannot read SUMMARY.md")?;
    let summary = Summary::parse(&summary).context("SUMMARY.md")?;
    let chapters = summary.chapters();
    for (index, (title, file)) in chapters.iter().enumerate() {
        let text = fs::read_to_string(guide.join(file))
            .with_context(|| format!("cannot read the chapter {file}"))?;
        let around = |at: Option<usize>, kind: &str| {
            let chapter = at.and_then(|at| chapters.get(at));
            chapter.map_or(String::new(), |(title, file)| link(title, file, kind))
        };
        let page = FRAME
            .replace("{title}", &plain(title))
            .replace("{contents}", &contents(&summary, file))
            .replace("{before}", &around(index.checked_sub(1), " rel=\"prev\""))
            .replace("{after}", &around(Some(index + 1), " rel=\"next\""))
            .replace("{chapter}", &page::html(&text));
        fs::write(to.join(html_name(file)), &page)?;
        if index == 0 {
            fs::write(to.join("index.html"), page)?;
        }
    }
    fs::write(to.join("book.css"), STYLE)?;
    copy_pictures(&guide, to)
}

fn copy_pictures(guide: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(guide).context("cannot list the guide")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.extension().is_some_and(|kind| kind != "md") {
            fs::copy(&path, to.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// The table of contents, in which the chapter that is shown stands out.
fn contents(summary: &Summary, shown: &str) -> String {
    let mut done = String::from("<ol>\n");
    for entry in &summary.entries {
        match entry {
            Entry::Part(title) => {
                done.push_str(&format!("</ol>\n<h2>{}</h2>\n<ol>\n", escaped(title)));
            }
            Entry::Chapter { title, file, is_nested, .. } => {
                let current = if file == shown { " aria-current=\"page\"" } else { "" };
                let nested = if *is_nested { " class=\"nested\"" } else { "" };
                done.push_str(&format!("<li{nested}>{}</li>\n", link(title, file, current)));
            }
        }
    }
    done + "</ol>"
}

fn link(title: &str, file: &str, attributes: &str) -> String {
    format!("<a href=\"{}\"{attributes}>{}</a>", html_name(file), plain(title))
}

fn html_name(file: &str) -> String {
    format!("{}.html", file.strip_suffix(".md").unwrap_or(file))
}

/// A title without the marks of code.
fn plain(title: &str) -> String {
    escaped(&title.replace('`', ""))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The values of an attribute in a page.
    fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
        let before = format!(" {attribute}=\"");
        page.split(&before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// The book as a reader has it.
    #[test]
    fn every_link_of_the_book_leads_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        write(crate::root(), folder.path()).unwrap();
        let pages: BTreeMap<String, String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "html"))
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        assert!(pages.contains_key("index.html") && pages.len() > 30, "{:?}", pages.keys());
        let mut followed = 0;
        for (name, page) in &pages {
            for link in values(page, "href").into_iter().chain(values(page, "src")) {
                if link.contains(':') {
                    continue;
                }
                followed += 1;
                let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if target.is_empty() { name.as_str() } else { target };
                assert!(folder.path().join(target).exists(), "{name}: {link} leads nowhere");
                let is_there = |page: &String| values(page, "id").contains(&anchor);
                assert!(
                    anchor.is_empty() || pages.get(target).is_some_and(is_there),
                    "{name}: {link} names a heading that is not there"
                );
            }
            let fetched: Vec<_> =
                values(page, "src").into_iter().filter(|it| it.contains(':')).collect();
            assert!(fetched.is_empty(), "{name} fetches {fetched:?}");
        }
        assert!(followed > 1_000, "{followed}");
    }
}
